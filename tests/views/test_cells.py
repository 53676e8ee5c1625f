"""Every picture of histograms, cell by cell, over random ones: bars stand on their baseline, and figures are seen."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
import pytest

from tests.explorer import fake
from tests.plots.reading import BLOCKS, area, check_size, ground_at, role_at
from tuiinit.config.run import RunConfig
from tuiinit.insight.look import Look
from tuiinit.plots import BOTH, DEPTH, Plot, Role
from tuiinit.plots.axes import GUTTER
from tuiinit.session.pointer import Pointer
from tuiinit.stream.history import LaneHistory
from tuiinit.stream.protocol import Histogram, Snapshot
from tuiinit.views import VIEWS
from tuiinit.views.histograms import HistogramView
from tuiinit.views.small import Choice
from tuiinit.views.small_histograms import Histograms

# What is left for a view of a window of 60 × 16, 80 × 24, 120 × 40 and 200 × 50, and for one of eight beside others.
SIZES = [(58, 9), (78, 18), (88, 24), (160, 34)]
SMALL = [(19, 6), (27, 7), (30, 14), (44, 18)]
LANE = RunConfig(hidden=(20,) * 5)
VIEWS_OF_HISTOGRAMS = [view for view in VIEWS if isinstance(view, HistogramView)]
BARS = set(BLOCKS[1:])


def histogram(rng: np.random.Generator) -> Histogram:
    """Any shape: smooth, spikes, holes, one-sided, and of any size."""
    bins, reach = int(rng.integers(1, 90)), float(10 ** rng.uniform(-6, 3))
    counts = rng.integers(0, 2, bins) * rng.integers(0, 10 ** rng.integers(1, 6), bins)
    counts[int(rng.integers(bins))] += 1
    low = float(-reach * rng.uniform(0, 1))
    return Histogram(lo=low, hi=low + reach, counts=tuple(map(int, counts)), outside=float(rng.uniform(0, 0.3)))


def look(rng: np.random.Generator) -> Look:
    """A lane whose histograms and figures are random."""
    now: Snapshot = fake.snapshot(LANE, 5)
    replace = msgspec.structs.replace
    history = LaneHistory(None, LANE)
    history.take(
        replace(
            now,
            activations=tuple(
                replace(
                    a, histogram=histogram(rng), grad_histogram=histogram(rng), std=float(rng.uniform(0, 1)),
                    grad_std=float(10 ** rng.uniform(-9, 0)),
                )
                for a in now.activations
            ),
            weights=tuple(
                replace(
                    w, histogram=histogram(rng), grad_histogram=histogram(rng), std=float(rng.uniform(0, 1)),
                    grad_std=float(10 ** rng.uniform(-9, 0)),
                )
                for w in now.weights
            ),
        )
    )  # fmt: skip
    return Look.of(history)


def columns(plot: Plot) -> Iterator[tuple[int, int, list[str]]]:
    """The cells of each column of each drawing area of bars, from the baseline upwards."""
    for index in range(len(plot.canvases)):
        for column, cells in enumerate(zip(*area(plot, index), strict=True)):
            yield index, column, list(cells)[::-1]


def check_bars(plot: Plot) -> None:
    """In each column the drawn cells reach from the baseline without a gap; only a mark or dots stand above them."""
    for index, column, cells in columns(plot):
        high = next((i for i, cell in enumerate(cells) if cell not in BARS), len(cells))
        assert not BARS & set(cells[high:]), f"a gap in column {column} of {index}: {''.join(cells)}"
        canvas = plot.canvases[index]
        for row, cell in enumerate(cells[:high]):
            at = canvas.top + canvas.rows - 1 - row, canvas.left + column
            full = cell == "█" or ground_at(plot, *at) is not None
            above = cells[row + 1] if row + 1 < len(cells) else " "
            assert full or above not in BARS, "what is not full has nothing above it"
            if role_at(plot, *at) == Role.BEHIND and row:
                below = at[0] + 1, at[1]
                assert role_at(plot, *below) not in DEPTH or ground_at(plot, *below) == Role.BEHIND


def check_figures(plot: Plot, view: HistogramView, shown: Look, other: Look | None) -> None:
    """The most important figure of each layer that is shown stands beside its band, whatever lies behind."""
    every = range(len(view.lines(shown, Pointer()).parts))
    first, names = view.quantities(shown, other, every)[0], [p.title for p in view.panels(shown, other, every)]
    lines = plot.text.split("\n")
    for canvas in plot.canvases:
        text, _ = first.now[names.index(canvas.shown[0].name)]
        band = lines[canvas.top : canvas.top + canvas.rows]
        assert any(text in line[canvas.left + canvas.columns + 1 :] for line in band), f"{text} is not to be seen"
        assert any(line.startswith(f" {canvas.shown[0].name} ") for line in band)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("view", VIEWS_OF_HISTOGRAMS, ids=lambda view: view.id)
@pytest.mark.parametrize("colours", [True, False])
@pytest.mark.parametrize("log", [None, True, False])
def test_bars_of_a_lane_stand_on_their_baseline_whatever_lies_behind(
    view: HistogramView, size: tuple[int, int], colours: bool, log: bool | None
) -> None:
    rng = np.random.default_rng(size[0])
    for form in ("ridges", "panels"):
        pointer = Pointer(form=form, colours=colours, log=log)
        shown, other = look(rng), look(rng)
        for behind in (other, None):
            plot = view.plot(shown, behind, pointer, *size)
            check_size(plot, *size)
            assert plot.canvases
            check_bars(plot)
            if form == "ridges":
                check_figures(plot, view, shown, behind)
                roles = {span.role for row in plot.rows for span in row}
                assert bool(roles & {Role.BEHIND, *BOTH}) == (colours and behind is not None)
                assert colours or all(span.ground is None for row in plot.rows for span in row)


@pytest.mark.parametrize("size", SMALL)
@pytest.mark.parametrize("view", VIEWS_OF_HISTOGRAMS, ids=lambda view: view.id)
@pytest.mark.parametrize("layer", [None, 0, 2])
def test_bars_of_lanes_side_by_side_stand_on_their_baseline(
    view: HistogramView, size: tuple[int, int], layer: int | None
) -> None:
    rng = np.random.default_rng(size[0])
    small = view.small
    assert isinstance(small, Histograms)
    for colours in (True, False):
        lanes, choice = [look(rng) for _ in range(4)], Choice(layer, colours=colours)
        axes = small.axes(lanes, choice)
        for lane in lanes:
            for y_labels in (True, False):
                width, height = size[0] + GUTTER * y_labels, size[1]
                plot = small.plot(lane, axes, choice, width, height, y_labels=y_labels)
                check_size(plot, width, height)
                assert plot.canvases
                if len(plot.canvases) > 1 or layer is not None:  # else it is the picture of the depth
                    check_bars(plot)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("view", VIEWS_OF_HISTOGRAMS, ids=lambda view: view.id)
@pytest.mark.parametrize("colours", [True, False])
def test_in_the_picture_of_the_depth_each_layer_is_darkest_where_it_is_densest(
    view: HistogramView, size: tuple[int, int], colours: bool
) -> None:
    rng = np.random.default_rng(size[1])
    shown, other = look(rng), look(rng)
    plot = view.plot(shown, other, Pointer(form="depth", colours=colours), *size)
    check_size(plot, *size)
    (canvas,) = plot.canvases
    assert all(any(cell != " " for cell in line) for line in area(plot)), "no layer is left out"
    assert canvas.rows >= 3
