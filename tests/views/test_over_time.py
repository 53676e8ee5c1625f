"""Histograms over time: densities in other bins, and the view in the explorer."""

from __future__ import annotations

import msgspec
import numpy as np

from tests.explorer import fake
from tests.explorer.driving import explorer
from tests.plots.reading import area, ground_at, role_at
from tuiinit.config.run import RunConfig
from tuiinit.insight.look import Look
from tuiinit.plots import SHADES, Axis, half_rows, strips
from tuiinit.session.pointer import Pointer
from tuiinit.stream.history import SNAPSHOTS, LaneHistory
from tuiinit.stream.protocol import Histogram
from tuiinit.views.over_time import OverTime, rebinned


def test_the_share_of_values_survives_other_bins() -> None:
    histogram = Histogram(lo=-1, hi=1, counts=(10, 20, 30, 40), outside=0.0)
    for bins in (1, 2, 3, 4, 7, 40):
        edges = np.linspace(-1, 1, bins + 1)
        assert np.isclose((rebinned(histogram, edges) * np.diff(edges)).sum(), 1)
    assert np.allclose(rebinned(histogram, np.linspace(-1, 1, 5)), np.array([0.2, 0.4, 0.6, 0.8]))
    assert np.allclose(rebinned(histogram, np.array([-2.0, -1.0, 0.0])), [0, 0.3])
    assert not rebinned(Histogram(lo=0, hi=0, counts=(), outside=0.0), np.linspace(0, 1, 3)).any()


async def test_each_kept_snapshot_is_a_column_and_the_layer_is_chosen() -> None:
    async with explorer() as driver:
        for _ in range(2):
            await driver.press("n")
            await driver.settled()
        while driver.screen.current.id != "over-time":
            await driver.press("tab")
        await driver.shows("tanh 1  at kept steps")
        assert "outputs of tanh 1" in driver.screen.view.sheet.text
        assert "outputs in 0.1 of the values: ██ " in driver.screen.view.sheet.text
        columns = driver.screen.view.plot.canvases[0].shown[0]
        assert list(columns.y) == [0, 1, 2]
        await driver.press("J")
        await driver.shows("tanh 2  at kept steps")
        await driver.press("p")
        await driver.shows("strip 3  step 2  mean 0.01")
        await driver.press("escape", "b")
        await driver.settled()
        await driver.shows("right: before")


def test_a_strip_is_as_dark_as_its_density() -> None:
    shares = np.array([[0.0, 0.5, 1.0, 0.5, 0.0, 0.25, 1.0, 0.75]] * 2)
    height = 4 + 3
    plot = strips(shares, 20, height, x=Axis(0.5, 2.5), y=Axis(0, 1))
    (canvas,) = plot.canvases
    assert half_rows(height) == 2 * canvas.rows == 8
    for column in range(canvas.columns):
        found: list[int] = []
        for row in range(canvas.top + canvas.rows - 1, canvas.top - 1, -1):
            place = row, canvas.left + column
            cell, role, ground = area(plot)[row - canvas.top][column], role_at(plot, *place), ground_at(plot, *place)
            level = {" ": (None, None), "█": (role, role), "▀": (ground, role), "▄": (role, None)}[cell]
            found += [SHADES.index(part) + 1 if part else 0 for part in level]
        assert found == [round(share * len(SHADES)) for share in shares[0]]


def test_epochs_ends_are_shown_alone() -> None:
    view, pointer, history = OverTime(), Pointer(), LaneHistory(None, RunConfig())
    for step in range(7):
        history.take(msgspec.structs.replace(fake.snapshot(RunConfig(), step), epoch=step / 3), keep=True)
        if step == 2:
            pointer.overlaid = True
            assert "No epoch has ended yet" in view.plot(Look.of(history), None, pointer, 100, 20).text
            pointer.overlaid = False
    for wanted, steps in (("step", [0, 1, 2, 3, 4, 5, 6]), ("epoch", [0, 3, 6])):
        plot = view.plot(Look.of(history), None, pointer, 100, 20)
        assert list(plot.canvases[0].shown[0].y) == steps
        assert f" {wanted} " in plot.text.split("\n")[-2]
        assert "outputs of tanh 1" in plot.text.split("\n")[0]
        view.turn(Look.of(history), pointer)


def test_ends_of_epochs_are_kept_without_being_asked_for_and_thinned_like_others() -> None:
    history = LaneHistory(None, RunConfig())
    for step in range(1, 301):
        now = msgspec.structs.replace(fake.snapshot(RunConfig(), step), epoch=step / 3)
        history.take(now)
    kept = history.snapshots.steps()
    assert len(kept) == SNAPSHOTS
    assert sum(step % 3 == 0 for step in kept) > SNAPSHOTS - 12
