"""The compare screen over the real engine: every lane has exactly the numbers that it has alone."""

from __future__ import annotations

import time

import pytest

from tuiinit.config.nonlinearities import LECTURE_GAINS
from tuiinit.config.run import RunConfig
from tuiinit.experiments.runs import Conversation
from tuiinit.explorer.app import ExplorerApp
from tuiinit.explorer.compare.drawing import Pictures, grid_rows
from tuiinit.explorer.compare.screen import COMPARABLE, CompareScreen
from tuiinit.stream.history import LaneHistory
from tuiinit.stream.link import Engine, Link
from tuiinit.stream.protocol import Advance
from tuiinit.views.small import Choice

pytestmark = pytest.mark.usefixtures("warm")
STEPS = 3
PATIENCE = 60.0


async def test_eight_lanes_at_once_have_the_numbers_that_each_has_alone() -> None:
    app = ExplorerApp(Link.child(), RunConfig(device="cpu"))
    lanes = [RunConfig(device="cpu", gain=gain, bn=bn) for gain in LECTURE_GAINS for bn in (False, True)]
    async with app.run_test(size=(120, 40)) as pilot:
        session = app.session

        async def until(step: int) -> None:
            end = time.monotonic() + PATIENCE
            while not all(
                (lane := session.lanes.get(config.key)) is not None
                and lane.snapshots.get(step) is not None
                and (lane.loss.last_step or 0) == step
                for config in lanes
            ):
                assert time.monotonic() < end
                await pilot.pause(0.02)

        await pilot.press("n")  # the lane at hand is a step ahead of those that join it
        await pilot.press("c")
        screen = app.screen
        assert isinstance(screen, CompareScreen)
        await until(1)
        for step in range(2, STEPS + 1):
            await pilot.press("n")
            await until(step)
        shown = {config.key: session.lanes[config.key] for config in lanes}
        assert {config.key for config in session.group} == set(shown)
        assert_fast(screen)
    with Engine() as engine:
        runs = Conversation(engine)
        every = [(config, *runs.restart([config]), *runs.advance(Advance(steps=STEPS))) for config in lanes]
    for config, _, alone in every:
        for step in (0, 1, 2, STEPS):
            if step in alone.snapshots:
                now, then = shown[config.key].snapshots.get(step), alone.snapshots[step]
                assert now is not None
                assert (now.loss, now.weights, now.batch_norms) == (then.loss, then.weights, then.batch_norms)
                assert now.activations == then.activations
        assert losses(shown[config.key]) == alone.loss.tolist()


def losses(lane: LaneHistory) -> list[float]:
    return lane.loss.read(1, STEPS, STEPS)[1][:, 0].tolist()


def assert_fast(screen: CompareScreen) -> None:
    """Drawing all eight cells anew costs a small multiple of drawing one; unchanged cells cost next to nothing."""
    cells = {place: screen._cell(place) for place in screen._lanes}
    _, small = COMPARABLE[0]

    def cost(pictures: Pictures) -> float:
        start = time.process_time()
        grid_rows(screen.grid, cells, small, Choice(), 120, 36, pictures)
        return time.process_time() - start

    cost(Pictures())  # frames are drawn once
    anew = min(cost(Pictures()) for _ in range(5))
    kept = Pictures()
    cost(kept)
    again = min(cost(kept) for _ in range(5))
    print(f"{anew * 1e3:.1f} ms anew, {again * 1e3:.1f} ms unchanged")
    assert kept.drawn == len(cells)
    assert again < anew
