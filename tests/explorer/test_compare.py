"""The compare screen: lanes side by side, driven by keys over an engine that is not there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.explorer.driving import Driver, explorer
from tests.explorer.fake import FakeLink, std_at
from tuiinit.config.knobs import BY_NAME
from tuiinit.config.nonlinearities import LECTURE_GAINS
from tuiinit.config.run import RunConfig
from tuiinit.explorer.compare.drawing import arrange
from tuiinit.explorer.compare.grid import SIDES, Comparison, side
from tuiinit.explorer.compare.screen import COMPARABLE, CompareScreen
from tuiinit.stream.protocol import Adjust, Advance, Credit, Evaluate, Restart, Select

SIZES = [(120, 40), (80, 24)]
EIGHT = {RunConfig(gain=gain, bn=bn).key for gain in LECTURE_GAINS for bn in (False, True)}


def comparing(driver: Driver) -> CompareScreen:
    screen = driver.app.screen
    assert isinstance(screen, CompareScreen)
    return screen


@asynccontextmanager
async def compared(
    size: tuple[int, int] = (120, 40), steps: int = 0, link: FakeLink | None = None, config: RunConfig | None = None
) -> AsyncIterator[Driver]:
    async with explorer(config, size=size, link=link) as driver:
        if steps:
            await driver.train(steps)
        await driver.press("c")
        await driver.until(lambda: isinstance(driver.app.screen, CompareScreen))
        await driver.settled()
        yield driver


# ------------------------------------------------------------------------------------------------- the grid


def test_the_default_grid_is_the_lectures_gains_with_batch_norm_off_and_on() -> None:
    grid = Comparison.of(RunConfig(lr=0.03, bn=True))
    assert grid.shape == (2, 4)
    assert grid.at == (1, 2)
    assert grid.config(0, 3) == RunConfig(lr=0.03, gain=3.0, bn=False)
    assert grid.config(*grid.at) == RunConfig(lr=0.03, bn=True)


@pytest.mark.parametrize("name", SIDES)
def test_every_setting_can_be_a_side(name: str) -> None:
    config = RunConfig(bn=True)
    grid = Comparison.of(config, name, "" if name == "bn" else "bn")
    lanes = [lane for lane in grid.lanes().values() if isinstance(lane, RunConfig)]
    assert len({lane.key for lane in lanes}) >= len(grid.columns.values)
    assert 1 <= len(grid.columns.values) <= 6
    assert all(side(name, config).label(i) == grid.columns.label(i) for i in range(grid.shape[1]))


def test_a_cell_that_cannot_be_says_why() -> None:
    grid = Comparison.of(RunConfig(), "batch_size", "bn")
    one = Comparison(side("bn", RunConfig()), side("", RunConfig()), RunConfig(batch_size=1))
    assert all(isinstance(lane, RunConfig) for lane in grid.lanes().values())
    assert "batch_size" in str(one.lanes()[0, 1])


def test_a_schedule_goes_with_every_lane_but_for_the_setting_that_is_compared() -> None:
    scheduled = RunConfig().changed(100, "lr", 0.01)
    assert Comparison.of(scheduled).config(0, 0) == scheduled.replace(gain=0.5)
    assert Comparison.of(scheduled, "lr", "bn").config(0, 2) == RunConfig(lr=0.1)


@pytest.mark.parametrize("width", [30, 57, 80, 120, 200])
@pytest.mark.parametrize("height", [10, 21, 36, 60])
def test_what_fits_is_shown_and_paging_reaches_every_cell(width: int, height: int) -> None:
    seen = set()
    for row in range(6):
        for column in range(5):
            arranged = arrange((6, 5), (row, column), width, height)
            assert (row, column) in arranged.places
            assert arranged.columns[1] * arranged.width + 6 <= width
            assert arranged.rows[1] * (arranged.height + arranged.figures + 1) + 1 <= height
            seen |= set(arranged.places)
    assert len(seen) == 30


# ------------------------------------------------------------------------------------------------ the screen


@pytest.mark.parametrize("size", SIZES)
async def test_c_shows_eight_lanes_with_their_figures(size: tuple[int, int]) -> None:
    async with compared(size) as driver:
        assert {config.key for config in driver.session.group} == EIGHT
        await driver.shows("gain 0.5", "gain 1", "gain 5/3", "gain 3", "batch norm off", "batch norm on")
        for gain in LECTURE_GAINS:
            first, last = (std_at(RunConfig(gain=gain), layer) for layer in (1, 5))
            await driver.shows(f"std {first:.2f} → {last:.2f}")
        await driver.until(lambda: driver.text.count("std 0.63 → 0.63") == 4)
        assert all(len(line) == size[0] for line in driver.text.splitlines())
        assert len(driver.text.splitlines()) == size[1]


@pytest.mark.parametrize("size", SIZES)
async def test_every_view_draws(size: tuple[int, int]) -> None:
    async with compared(size, steps=100) as driver:
        for view, _ in COMPARABLE:
            await driver.until(lambda: COMPARABLE[comparing(driver)._view][0] is view)  # noqa: B023
            assert "cannot be drawn" not in driver.text
            await driver.shows("gain 5/3")
            assert all(len(line) == size[0] for line in driver.text.splitlines())
            await driver.press("tab")


async def test_new_lanes_catch_up_and_are_kept() -> None:
    async with compared(steps=150) as driver:
        clock = driver.session.clock
        await driver.until(lambda: all(driver.session.where[key].step == clock for key in EIGHT))
        await driver.shows("std 0.63 → 0.63")
        await driver.press("c")
        await driver.until(lambda: driver.app.screen is driver.screen)
        assert driver.link.of(Select)[-1] == Select(lanes=(RunConfig(),))
        driver.link.send = lambda command: None  # type: ignore[method-assign]  # the engine says nothing more
        await driver.press("c")
        await driver.until(lambda: driver.text.count("std 0.63 → 0.63") == 4)
        assert "behind" not in driver.text


async def test_catching_up_is_shown_and_can_be_stopped() -> None:
    async with explorer() as driver:
        await driver.train(200)
        send = driver.link.send
        # One update and no more: else a slow machine sees the lanes arrive before the key is pressed.
        driver.link.send = lambda command: None if isinstance(command, Credit) else send(command)  # type: ignore[method-assign]
        await driver.press("c")
        await driver.shows("7 networks behind", "esc stops", "» step")
        await driver.press("escape")
        driver.link.send = send  # type: ignore[method-assign]
        send(Credit())
        await driver.shows("space goes on")
        await driver.settled()
        assert comparing(driver)._behind()[0] == 7


async def test_stepping_and_running_act_on_all_lanes() -> None:
    async with compared() as driver:
        await driver.press("n")
        await driver.settled()
        assert {driver.session.where[key].step for key in EIGHT} == {1}
        assert driver.link.of(Advance) == [Advance(steps=1)]
        await driver.press("space")
        await driver.until(lambda: driver.session.clock > 100)
        await driver.press("space")
        await driver.settled()
        assert {driver.session.where[key].step for key in EIGHT} == {driver.session.clock}
        await driver.press("d")
        assert driver.link.of(Evaluate) == [Evaluate()]


async def test_time_moves_in_all_lanes() -> None:
    async with compared() as driver:
        for _ in range(2):
            await driver.press("n")
            await driver.settled()
        await driver.press("comma")
        assert driver.session.pointer.past == 1
        screen = comparing(driver)
        assert {
            cell.lane.snapshot.step for cell in map(screen._cell, screen._lanes) if cell.lane and cell.lane.snapshot
        } == {1}
        await driver.press("escape")
        assert driver.session.pointer.past is None
        assert driver.app.screen is screen


async def test_arrows_choose_a_cell_and_enter_opens_it() -> None:
    async with compared() as driver:
        await driver.press("right", "down", "tab")
        assert driver.session.config == RunConfig(gain=3.0, bn=True)
        await driver.press("enter")
        await driver.until(lambda: driver.app.screen is driver.screen)
        assert driver.link.of(Select)[-1] == Select(lanes=(RunConfig(gain=3.0, bn=True),))
        assert driver.screen.current is COMPARABLE[1][0]
        await driver.shows("grey: gain 5/3, batch norm off")
        assert not driver.session.group


async def test_gain_and_batch_norm_move_the_cursor_along_their_sides() -> None:
    async with compared() as driver:
        for key, config in (
            ("g", RunConfig(gain=3.0)),
            ("g", RunConfig(gain=0.5)),
            ("b", RunConfig(gain=0.5, bn=True)),
            ("2", RunConfig(gain=1.0, bn=True)),
            ("G", RunConfig(gain=0.5, bn=True)),
        ):
            await driver.press(key)
            assert driver.session.config == config
        assert len(driver.link.of(Select)) == 2


async def test_other_settings_change_in_all_lanes() -> None:
    async with compared() as driver:
        await driver.press("t")
        await driver.settled()
        assert {config.nonlinearity for config in driver.session.group} == {"linear"}
        assert len(driver.session.group) == 8
        await driver.press("n")
        await driver.settled()
        await driver.press("]", "o")
        await driver.settled()
        assert [type(command) for command in driver.link.sent if isinstance(command, Adjust)] == [Adjust, Adjust]
        assert all(config.at(1).lr == 0.316 and config.at(1).optimizer == "momentum" for config in driver.session.group)
        screen = comparing(driver)
        assert [c.key for c in screen._lanes.values() if isinstance(c, RunConfig)] == [
            c.key for c in driver.session.group
        ]
        await driver.press("n", "left")
        await driver.settled()
        assert {driver.session.where[config.key].step for config in driver.session.group} == {2}
        await driver.press("r")
        await driver.settled()
        assert Restart() in driver.link.sent
        assert {config.lr for config in driver.session.group} == {0.316}
        assert {driver.session.where[config.key].step for config in driver.session.group} == {0}
        await driver.press("R")
        await driver.settled()
        assert len({config.seed for config in driver.session.group}) == 1
        assert driver.session.config.seed != RunConfig().seed


async def test_what_is_compared_is_not_changed() -> None:
    async with compared() as driver:
        await driver.press("n")
        await driver.settled()
        await choose(driver, "lr")
        await driver.settled()
        assert {config.lr for config in driver.session.group} == {0.01, 0.0316, 0.1, 0.316}
        await driver.press("]")
        await driver.shows("lr is what is compared here")
        assert not driver.link.of(Adjust)


async def choose(driver: Driver, name: str, rows: str = "bn") -> None:
    await driver.press("a")
    await driver.shows("← → setting")
    for which, wanted in enumerate((name, rows)):
        for _ in range(2 * len(SIDES)):
            choosing = comparing(driver)._choosing
            assert choosing is not None
            if SIDES[choosing[which]] == wanted:
                break
            await driver.pilot.press("right")
        await driver.press("down")
    await driver.press("enter")


async def test_other_sides_are_chosen_with_the_keyboard() -> None:
    async with compared() as driver:
        for name in ("nonlinearity", "hidden", "seed", "optimizer"):
            await choose(driver, name, "gain")
            await driver.settled()
            screen = comparing(driver)
            assert screen.sides == (name, "gain")
            await driver.shows(screen.grid.columns.label(screen.grid.at[1]), BY_NAME[name].label)
        await driver.press("escape")
        await driver.until(lambda: driver.app.screen is driver.screen)
        await driver.press("c")
        assert comparing(driver).sides == (name, "gain")  # remembered


async def test_cells_that_do_not_fit_are_paged_through() -> None:
    async with compared((80, 24)) as driver:
        await choose(driver, "nonlinearity", "gain")
        await driver.settled()
        await driver.shows("columns 1–4 of 6", "rows 3–4 of 4")
        await driver.press("right", "right", "right", "right", "up", "up")
        await driver.shows("columns 3–6 of 6", "rows 1–2 of 4", "sigmoid")


async def test_a_layer_alone() -> None:
    async with compared() as driver:
        await driver.shows("tanh 1│", "tanh 5│", "√density, each layer on its own scale")
        await driver.press("v")
        await driver.shows("layer 1", f"std {std_at(RunConfig(), 1):.3f}")
        await driver.press("J")
        await driver.shows("layer 2", f"std {std_at(RunConfig(), 2):.3f}")


async def test_deep_networks_are_compared_as_pictures_of_the_depth() -> None:
    async with compared(config=RunConfig(hidden=(20,) * 20)) as driver:
        await driver.shows("tanh 1│", "▀")
        rows = [line for line in driver.text.splitlines() if line[:3] == "tan"]
        assert rows[-1].startswith("tan 20│")


async def test_y_changes_how_histograms_become_heights() -> None:
    async with compared() as driver:
        before = driver.text
        for title in ("log density", " density", "√density"):
            await driver.press("y")
            await driver.shows(f"{title}, each layer on its own scale")
        assert driver.text.split("√density")[0] == before.split("√density")[0]


async def test_only_cells_that_changed_are_drawn() -> None:
    async with compared() as driver:
        pictures = comparing(driver)._pictures
        drawn = pictures.drawn
        comparing(driver).draw()
        assert pictures.drawn == drawn
        await driver.press("right")
        assert pictures.drawn == drawn + 2  # the cursor's old cell and its new one
        await driver.press("n")
        await driver.settled()
        assert pictures.drawn >= drawn + 10


async def test_diverged_lanes_are_marked() -> None:
    async with compared(link=FakeLink(diverges_at=60)) as driver:
        await driver.press("space")
        await driver.until(lambda: driver.text.count("✗ diverged at 60") == 8)


async def test_refused_lanes_lead_back_to_the_one_before() -> None:
    async with explorer(link=FakeLink(refuses=3.0)) as driver:
        await driver.press("c")
        await driver.shows("there is no file of words")
        assert driver.app.screen is driver.screen
        assert driver.session.config == RunConfig()
        assert not driver.session.group
        await driver.shows("tanh 1")


async def test_a_dead_engine_is_replaced_with_all_its_lanes() -> None:
    links: list[FakeLink] = []

    def restart() -> FakeLink:
        links.append(FakeLink())
        return links[-1]

    async with explorer(restart=restart) as driver:
        await driver.press("c", "n")
        await driver.settled()
        driver.link.die("the engine was killed by signal 9")
        await driver.shows("killed by signal 9", "E restarts")
        await driver.press("E")
        driver.link = links[0]
        (select,) = driver.link.of(Select)
        assert isinstance(select, Select)
        assert {config.key for config in select.lanes} == EIGHT
        await driver.until(lambda: "killed" not in driver.text)
        await driver.settled()
        assert {driver.session.where[key].step for key in EIGHT} == {1}


async def test_small_windows() -> None:
    async with compared() as driver:
        for size in ((59, 24), (30, 8), (80, 13), (1, 1)):
            await driver.pilot.resize_terminal(*size)
            await driver.pilot.pause()
            assert "cannot be drawn" not in driver.text
            await driver.pilot.resize_terminal(120, 40)
            await driver.shows("gain 0.5", "batch norm on")


async def test_the_palette_does_what_the_screen_can() -> None:
    async with compared() as driver:
        titles = {command.title for command in driver.app.get_system_commands(driver.app.screen)}
        assert {"One step", "Choose columns and rows", "Back to one network"} <= titles
        assert "Maximise the view" not in titles


@pytest.mark.parametrize("name", [name for name in SIDES if name])
@pytest.mark.parametrize(
    "config",
    [
        RunConfig(gain=1.22, lr=0.0123, hidden=(37, 50), batch_size=31, bias_scale=(0.9, 0.1), context=8, seed=99),
        RunConfig(gain=7.0, output_scale=0.33, nonlinearity="selu", optimizer="adam", bn=True, bn_momentum=0.02),
    ],
)
def test_the_network_at_hand_is_always_among_those_that_are_compared(name: str, config: RunConfig) -> None:
    grid = Comparison.of(config, name, "")
    values = grid.columns.values
    assert grid.config(*grid.at).key == config.key
    assert len(set(values)) == len(values)
    if name == "gain":
        assert list(values) == sorted(values)


@pytest.mark.parametrize("size", SIZES)
async def test_comparing_comes_back_on_the_network_at_hand(size: tuple[int, int]) -> None:
    async with explorer(size=size) as driver:
        chosen = driver.session.config.replace(gain=1.22)
        driver.screen._do(lambda: driver.session.select(chosen))
        await driver.press("c")
        await driver.until(lambda: isinstance(driver.app.screen, CompareScreen))
        await driver.shows("gain 1.22", "enter open", "c back", "a sides", ", . time")
        await driver.press("c")
        await driver.until(lambda: driver.app.screen is driver.screen)
        assert driver.session.config == chosen
