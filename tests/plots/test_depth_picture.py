"""The picture of the depth, cell by cell: which shade stands where, and what is averaged."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plots.reading import area, check_size, ground_at, role_at
from tuiinit import plots
from tuiinit.plots import SHADES, Band, Line, Plot, Role, Span

GREYS = " ░▒▓█"


def layer(density: Any, number: int = 1) -> Band:
    return Band(f"t{number}", np.linspace(-1, 1, len(density) + 1), density, None, ((Span(f" {number}", Role.TEXT),),))


def halves(plot: Plot) -> list[list[int]]:
    """The level of each half row, from the top, 0 where it is empty."""
    canvas = plot.canvases[0]
    found: list[list[int]] = []
    for row, line in enumerate(area(plot)):
        upper, lower = [], []
        for column, cell in enumerate(line):
            at = canvas.top + row, canvas.left + column
            role, ground = role_at(plot, *at), ground_at(plot, *at)
            front = SHADES.index(role) + 1 if role in SHADES else 0
            behind = SHADES.index(ground) + 1 if ground in SHADES else 0
            pair = {" ": (0, 0), "█": (front, front), "▀": (front, behind), "▄": (behind, front)}[cell]
            upper.append(pair[0])
            lower.append(pair[1])
        found += [upper, lower]
    return found


def shade(density: Any) -> list[int]:
    top = max(density) or 1.0
    return [int(np.ceil((d / top) ** 0.5 * len(SHADES) - 1e-9)) for d in density]


LAYER = st.lists(st.one_of(st.just(0.0), st.floats(1e-3, 10)), min_size=24, max_size=24)


@settings(max_examples=60, deadline=None)
@given(st.lists(LAYER, min_size=1, max_size=30), st.integers(17, 24))
def test_each_layer_has_its_own_half_rows(layers: list[list[float]], height: int) -> None:
    bands = [layer(density, i) for i, density in enumerate(layers, 1)]
    label = max(len(band.title) for band in bands) + 2
    width = 24 + 2 + label + max(len(band.figures[0][0].text) for band in bands)
    plot = plots.depth(bands, width, height, x=(-1, 1))
    check_size(plot, width, height)
    found = halves(plot)
    halves_there = min(8 * len(layers), 2 * (height - 2))
    each = halves_there // len(layers)
    for i, density in enumerate(layers):
        if each * len(layers) >= 0.83 * halves_there:
            assert found[i * each : (i + 1) * each] == [shade(density)] * each
    if each * len(layers) < 0.83 * halves_there:  # no row is empty: some layers have one half row more
        assert found == [shade(layers[half * len(layers) // halves_there]) for half in range(halves_there)]


@pytest.mark.parametrize("count", [50, 64, 100, 200])
def test_more_layers_than_half_rows_are_averaged(count: int) -> None:
    bands = [layer([1.0] * 12 if i % 2 else [1.0] + [0.0] * 11, i) for i in range(count)]
    plot = plots.depth(bands, 60, 22, x=(-1, 1))
    found = halves(plot)
    assert len(found) == 40
    assert {row[0] for row in found} == {len(SHADES)}
    per_half = -(-count // 40)
    assert f"{count} layers, ≤ {per_half} as one" in plot.text
    first = [i * count // 40 for i in range(41)]
    for row, (start, end) in zip(found, pairwise(first), strict=True):
        share = sum(i % 2 for i in range(start, end)) / (end - start)
        assert row[-1] == int(np.ceil(share * len(SHADES) - 1e-9))


def test_lines_are_drawn_over_the_picture_without_a_hole() -> None:
    bands = [layer([1.0] * 40, i) for i in range(1, 13)]
    out = [0.1 + 0.05 * i for i in range(11)] + [float("nan")]
    plot = plots.depth(bands, 60, 14, x=(-1, 1), lines=[Line("theory", [-v for v in out], out, Role.MARK, "┆")])
    canvas = plot.canvases[0]
    for row, line in enumerate(area(plot)[:12]):
        at = [column for column, cell in enumerate(line) if cell == "┆"]
        expected = [canvas.column_of(-out[row]), canvas.column_of(out[row])] if row < 11 else []
        assert at == expected
        for column in at:
            assert role_at(plot, canvas.top + row, canvas.left + column) is Role.ON_MUCH
            assert ground_at(plot, canvas.top + row, canvas.left + column) is SHADES[-1]


def test_a_line_is_seen_on_every_shade() -> None:
    steps = [layer([0.0] * 10 + [share**2] * 10 + [1.0] * 20) for share in (0.1, 0.4, 0.7, 0.9)]
    found = []
    for at in (-0.75, -0.25):  # over nothing, and over each layer's shade
        plot = plots.depth(steps, 60, 6, x=(-1, 1), lines=[Line("l", [at] * 4, [5] * 4, Role.MARK, "┇")])
        canvas = plot.canvases[0]
        column = canvas.left + (canvas.column_of(at) or 0)
        found.append([role_at(plot, canvas.top + row, column) for row in range(4)])
    assert found[0] == [Role.MARK] * 4
    assert found[1] == [Role.FIGURE, Role.FIGURE, Role.ON_MUCH, Role.ON_MUCH]


def test_without_colour_density_is_a_grey() -> None:
    bands = [layer([0.0, 0.04, 0.25, 0.5, 1.0] * 4, i) for i in range(1, 11)]
    plot = plots.depth(bands, 30, 12, x=(-1, 1), colours=False)
    assert plot.canvases[0].columns == 20
    assert set(area(plot)) == {GREYS * 4}
    assert all(span.ground is None for row in plot.rows for span in row)


def test_labels_and_figures_stand_beside_their_layers() -> None:
    plot = plots.depth([layer([1.0] * 20, i) for i in range(1, 21)], 60, 22)
    lines = plot.text.split("\n")[1:21]
    assert [line.split()[0] for line in lines] == [f"t{i}" for i in range(1, 21)]
    assert [line.split()[-1] for line in lines] == [str(i) for i in range(1, 21)]
    deep = plots.depth([layer([1.0] * 20, i) for i in range(1, 41)], 60, 22).text.split("\n")[1:21]
    assert [line.split()[0] for line in deep] == [*(f"t{i}" for i in range(1, 39, 2)), "t40"]


def test_the_cursor_reads_layers_from_the_first_to_the_last() -> None:
    plot = plots.depth([layer([1.0] * 20, i) for i in range(1, 51)], 60, 22)
    names = [item.name for item in plot.canvases[0].shown]
    assert names[0] == "t1"
    assert names[-1] == "t50"
    assert len(names) <= 8


def test_nothing_to_draw_is_said() -> None:
    assert "nothing yet" in plots.depth([], 60, 10, empty="nothing yet").text
    assert "too small" in plots.depth([layer([1.0])], 40, 2).text
