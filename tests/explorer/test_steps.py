"""Steps by number: the prompt, and stops of the tour at which training stops by itself."""

from __future__ import annotations

import pytest

from tests.explorer.driving import explorer
from tuiinit.explorer.dialogs.steps import StepsDialog
from tuiinit.explorer.tour import STOPS
from tuiinit.stream.protocol import Advance


async def test_a_number_of_steps_is_trained_and_then_it_stands() -> None:
    async with explorer() as driver:
        await driver.press("colon", *"12", "enter")
        await driver.until(lambda: driver.session.step == 12 and not driver.session.running)
        await driver.press("colon", *"to 40", "enter")
        await driver.until(lambda: driver.session.step == 40 and not driver.session.running)


async def test_what_is_no_number_is_told_and_esc_trains_nothing() -> None:
    async with explorer() as driver:
        await driver.press("colon", *"many", "enter")
        await driver.shows("no number of steps")
        assert isinstance(driver.app.screen, StepsDialog)
        await driver.press("escape")
        await driver.until(lambda: driver.app.screen is driver.screen)
        assert not driver.link.of(Advance)


STOPPING = [stop for stop in STOPS if stop.until]


def test_what_says_that_space_stops_stops_where_it_has_been_seen() -> None:
    assert {stop.claim for stop in STOPPING} >= {"C07", "C08", "C16", "C19", "C27"}
    for stop in STOPPING:
        assert max(sight.steps[0] for sight in stop.sights) <= stop.until, stop.claim
    assert not any("again after" in stop.press for stop in STOPS)


@pytest.mark.parametrize("stop", STOPPING[:2], ids=lambda stop: stop.claim)
async def test_space_stops_by_itself(stop: object) -> None:
    async with explorer() as driver:
        chosen = next(s for s in STOPS if s is stop)
        driver.screen.show_claim(chosen.claim)
        await driver.settled()
        await driver.press("space")
        await driver.until(lambda: driver.session.step == chosen.until and not driver.session.running)
        await driver.press("space")  # then it runs on
        await driver.until(lambda: driver.session.step > chosen.until)
        await driver.press("space")


async def test_a_run_to_a_step_says_where_it_stops() -> None:
    async with explorer() as driver:
        await driver.press("colon", *"to 4000", "enter")
        await driver.shows("stops at 4,000")
        await driver.press("space")
        await driver.until(lambda: not driver.session.running)
        await driver.until(lambda: not driver.has("stops at"))
