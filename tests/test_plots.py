"""Plots: what stands where, exact sizes, and that no number breaks one."""

from __future__ import annotations

import random
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuiinit import plots
from tuiinit.plots import Axis, Bars, Curve, Plot, Role
from tuiinit.plots.axes import limits
from tuiinit.protocol import Histogram

BLOCKS = " ▁▂▃▄▅▆▇█"
SIZES = ((0, 0), (1, 1), (3, 2), (8, 4), (12, 5), (13, 6), (18, 40), (40, 9), (79, 7), (100, 20))


def cell_width(text: str) -> int:
    """Cells that a terminal gives to a text."""
    cells = 0
    for character in text:
        assert unicodedata.category(character) not in ("Cc", "Cf", "Mn", "Cs"), repr(text)
        cells += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return cells


def check_size(plot: Plot, width: int, height: int) -> None:
    assert len(plot.rows) == max(0, height)
    for row in plot.rows:
        assert sum(cell_width(span.text) for span in row) == max(0, width)
        assert all(isinstance(span.role, Role) and span.text for span in row)
    for canvas in plot.canvases:
        assert canvas.left >= 0
        assert canvas.top >= 0
        assert canvas.left + canvas.columns <= width
        assert canvas.top + canvas.rows <= height


def area(plot: Plot, index: int = 0) -> list[str]:
    """The rows of a drawing area."""
    canvas = plot.canvases[index]
    lines = plot.text.split("\n")[canvas.top : canvas.top + canvas.rows]
    return [line[canvas.left : canvas.left + canvas.columns] for line in lines]


def dots(plot: Plot) -> set[tuple[int, int]]:
    """The braille dots of a plot's drawing area, as (row, column) from its top left."""
    bits = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
    return {
        (4 * r + i, 2 * c + j)
        for r, line in enumerate(area(plot))
        for c, character in enumerate(line)
        if 0x2800 < ord(character) < 0x2900
        for i, pair in enumerate(bits)
        for j, bit in enumerate(pair)
        if (ord(character) - 0x2800) & bit
    }


def role_at(plot: Plot, row: int, column: int) -> Role:
    for span in plot.rows[row]:
        if column < len(span.text):
            return span.role
        column -= len(span.text)
    raise IndexError(column)


def curve(x: Any, y: Any, **options: Any) -> Curve:
    return Curve("c", x, y, Role.SERIES_0, **options)


def nearest(found: set[tuple[int, int]], row: float, column: float) -> float:
    return min((max(abs(r - row), abs(c - column)) for r, c in found), default=np.inf)


# ------------------------------------------------------------------------------------------------- curves


def test_a_small_plot_is_exactly_this() -> None:
    y = Axis(0, 4, ticks=((0, "0"), (2, "2"), (4, "4")))
    plot = plots.curves([curve([0, 8], [4, 0])], 20, 7, x=Axis(0, 8, ticks=((0, "0"), (4, "4"), (8, "8"))), y=y)
    assert plot.text.split("\n") == [
        "      ┌────────────┐",
        "     4┤⠙⠲⣄⡀        │",
        "      │   ⠙⠲⣄⡀     │",
        "     2┤      ⠙⠲⣄⡀  │",
        "     0┤         ⠙⠲⣄│",
        "      └┬─────┬────┬┘",
        "       0     4    8 ",
    ]


@pytest.mark.parametrize("points", [2, 50, 5000])
def test_a_curve_goes_where_its_numbers_say(points: int) -> None:
    x = np.linspace(0, 10, points)
    plot = plots.curves([curve(x, 3 - 0.5 * x)], 100, 20, x=Axis(0, 10), y=Axis(-3, 5))
    canvas = plot.canvases[0]
    found = dots(plot)
    for at in np.linspace(0, 10, 2 * canvas.columns):
        column = at / 10 * (2 * canvas.columns - 1)
        row = (5 - (3 - 0.5 * at)) / 8 * (4 * canvas.rows - 1)
        assert nearest(found, row, column) <= 1
    for row, column in found:  # and nowhere else
        value = 3 - 0.5 * 10 * (column + 0.5) / (2 * canvas.columns)
        assert abs((5 - value) / 8 * 4 * canvas.rows - (row + 0.5)) <= 1.5


def test_no_point_of_many_is_lost() -> None:
    y = np.zeros(200_000)
    y[123_456] = 5.0
    plot = plots.curves([curve(np.arange(y.size), y)], 60, 12, x=Axis(0, y.size), y=Axis(-1, 6))
    canvas = plot.canvases[0]
    row = int((6 - 5) / 7 * 4 * canvas.rows)
    assert nearest(dots(plot), row, 123_456 / y.size * 2 * canvas.columns) <= 1


def test_the_order_of_the_points_does_not_matter() -> None:
    x = np.linspace(0, 1, 40)
    y = np.sin(9 * x)
    shuffled = np.random.default_rng(0).permutation(40)
    assert plots.curves([curve(x, y)], 50, 12).text == plots.curves([curve(x[shuffled], y[shuffled])], 50, 12).text


def test_what_is_not_finite_breaks_the_line() -> None:
    x = np.arange(11)
    for broken in (np.nan, np.inf, -np.inf):
        y = np.where(x == 5, broken, 0.0)
        plot = plots.curves([curve(x, y)], 60, 10, x=Axis(0, 10), y=Axis(-1, 1))
        columns = {column for _, column in dots(plot)}
        whole = 2 * plot.canvases[0].columns
        assert not any(whole * 0.43 < column < whole * 0.57 for column in columns)
        assert any(column < whole * 0.4 for column in columns)
        assert any(column > whole * 0.6 for column in columns)


def test_a_line_leaves_the_limits_where_it_should_and_says_so() -> None:
    plot = plots.curves([curve([0, 10], [0, 1e6])], 60, 12, x=Axis(0, 10), y=Axis(0, 4))
    assert {column for _, column in dots(plot)} <= {0, 1}
    assert "▴" in area(plot)[0]
    plot = plots.curves([curve([0, 10], [-9, -9])], 60, 12, x=Axis(0, 10), y=Axis(0, 4))
    assert set(area(plot)[-1]) == {"▾"}
    assert dots(plot) == set()


def test_a_steep_curve_has_no_holes() -> None:
    x = np.arange(40)
    y = np.where(x % 2 == 0, -1.0, 1.0)
    plot = plots.curves([curve(x, y)], 100, 20, x=Axis(0, 39), y=Axis(-1.2, 1.2))
    found = dots(plot)
    by_column = [sorted(r for r, c in found if c == column) for column in range(2 * plot.canvases[0].columns)]
    for rows, after in pairwise(by_column):
        assert rows == list(range(rows[0], rows[-1] + 1))
        assert rows[0] <= after[-1] + 1
        assert after[0] <= rows[-1] + 1


def test_the_minus_3_line_is_where_it_belongs() -> None:
    ticks = tuple((float(v), f"1e{v}") for v in range(-6, 1))
    for height in range(6, 40):
        plot = plots.curves([], 80, height, x=Axis(0, 100), y=Axis(-6, 0, ticks), lines=[(-3.0, "1e-3")])
        canvas = plot.canvases[0]
        expected = canvas.top + min(canvas.rows - 1, int(3 / 6 * canvas.rows))
        marked = [i for i, line in enumerate(plot.text.split("\n")) if "┼" in line]
        assert marked == [expected]
        line = plot.text.split("\n")[expected]
        assert " 1e-3 ─┼" in line
        assert role_at(plot, expected, canvas.left) is Role.MARK


def test_a_line_outside_the_limits_is_not_drawn() -> None:
    for value in (-6.0001, 0.0001, np.nan, np.inf, -1e308):
        plot = plots.curves([], 80, 12, x=Axis(0, 1), y=Axis(-6, 0), lines=[(value, "no")])
        assert "no" not in plot.text
        assert "┼" not in plot.text
    for value in (-6.0, 0.0):
        assert "yes" in plots.curves([], 80, 12, x=Axis(0, 1), y=Axis(-6, 0), lines=[(value, "yes")]).text


def test_a_lines_label_makes_way_for_the_curves() -> None:
    right = plots.curves([curve([0, 3], [-3, -3])], 80, 12, x=Axis(0, 10), y=Axis(-6, 0), lines=[(-3, "here")])
    left = plots.curves([curve([7, 10], [-3, -3])], 80, 12, x=Axis(0, 10), y=Axis(-6, 0), lines=[(-3, "here")])
    assert any(line.index("here") > 60 for line in right.text.split("\n") if "here" in line)
    assert any(line.index("here") < 20 for line in left.text.split("\n") if "here" in line)


def test_the_mean_stands_out_of_its_range_without_colour() -> None:
    x = np.arange(100.0)
    mean = np.zeros(100)
    plot = plots.curves([curve(x, mean, low=mean - 1, high=mean + 1)], 80, 16, x=Axis(0, 99), y=Axis(-2, 2))
    found, canvas = dots(plot), plot.canvases[0]
    full = [sum((row, column) in found for column in range(2 * canvas.columns)) for row in range(4 * canvas.rows)]
    line = full.index(max(full))
    assert abs(line - 2 * canvas.rows) <= 1
    assert full[line] == 2 * canvas.columns
    assert all(count <= canvas.columns for row, count in enumerate(full) if row != line)
    edges = [row for row, count in enumerate(full) if count]
    assert abs(edges[0] - canvas.rows) <= 2
    assert abs(edges[-1] - 3 * canvas.rows) <= 2


def test_events_and_the_cursor_stand_at_their_x() -> None:
    plot = plots.curves([], 80, 12, x=Axis(0, 100), y=Axis(0, 1), events=[(25, "lr 0.01"), (99, "late")], cursor=50)
    canvas = plot.canvases[0]
    lines = area(plot)
    assert lines[5].index("┊") == canvas.column_of(25)
    assert lines[5].index("│") == canvas.column_of(50)
    assert "┊lr 0.01" in lines[0]
    assert "late┊" in lines[0]
    assert role_at(plot, canvas.top + 5, canvas.left + lines[5].index("│")) is Role.CURSOR
    for outside in (-1.0, 101.0, np.nan, np.inf):
        assert "│" not in "".join(area(plots.curves([], 80, 12, x=Axis(0, 100), y=Axis(0, 1), cursor=outside)))


def test_curves_are_told_apart_without_colour() -> None:
    same = [Curve(str(i), [0, 10], [1, 1], plots.SERIES[i], mark=str(i)) for i in range(4)]
    text = plots.curves(same, 60, 10, x=Axis(0, 10), y=Axis(0, 2)).text
    assert all(mark in "".join(area(plots.curves(same, 60, 10, x=Axis(0, 10), y=Axis(0, 2)))) for mark in "0123"), text
    whole = dots(plots.curves([curve([0, 10], [1, 1])], 60, 10, x=Axis(0, 10), y=Axis(0, 2)))
    dotted = dots(plots.curves([curve([0, 10], [1, 1], dotted=True)], 60, 10, x=Axis(0, 10), y=Axis(0, 2)))
    assert dotted < whole


def test_the_drawing_area_does_not_jump() -> None:
    places = set()
    for scale in (1e-9, 1e-4, 0.01, 1, 37, 1234, 5e5, 1e12, -1e-7, -3e8):
        plot = plots.curves([curve([0, 1], [0, scale])], 80, 14, x=Axis(0, 1))
        places.add((plot.canvases[0].left, plot.canvases[0].columns))
        check_size(plot, 80, 14)
    assert len(places) == 1


def test_nothing_to_draw_is_said() -> None:
    for nothing in ([], [curve([], [])], [curve([1, 2], [np.nan, np.inf])]):
        plot = plots.curves(nothing, 60, 10, empty="No steps yet: press space")
        line = next(line for line in plot.text.split("\n") if "No steps yet" in line)
        assert abs(line.index("No") - (60 - line.rindex("space") - 5)) <= 8
    assert "too small" in plots.curves([curve([0], [0])], 20, 3).text


# --------------------------------------------------------------------------------------------- axes, text


def test_ticks_do_not_touch() -> None:
    for width in range(14, 120):
        plot = plots.curves([], width, 10, x=Axis(0, 200_000), y=Axis(0, 1))
        labels = plot.text.split("\n")[-1].split()
        values = [float(label.replace("k", "e3").replace("M", "e6")) for label in labels]
        assert values, width
        assert values == sorted(set(values)), labels
        assert all(value in (0, 5e4, 1e5, 1.5e5, 2e5) or value % 2e4 == 0 for value in values), labels


def test_many_given_ticks_are_thinned() -> None:
    ticks = tuple((float(i), f"label{i}") for i in range(50))
    labels = plots.curves([], 80, 10, x=Axis(0, 49, ticks), y=Axis(0, 1)).text.split("\n")[-1].split()
    assert 2 <= len(labels) <= 9
    assert set(labels) <= {label for _, label in ticks}


@pytest.mark.parametrize(
    ("value", "step", "label"),
    [
        (0, 1, "0"), (1000, 500, "1k"), (1500, 500, "1.5k"), (2e6, 1e6, "2M"), (500, 500, "500"),
        (0.25, 0.05, "0.25"), (-2.5, 0.5, "-2.5"), (1e-5, 1e-5, "1e-5"), (1e12, 1e12, "1e12"), (3, 1, "3"),
    ],
)  # fmt: skip
def test_tick_labels(value: float, step: float, label: str) -> None:
    assert plots.tick_label(value, step) == label


@given(st.floats(), st.floats())
def test_limits_can_always_be_drawn(lo: float, hi: float) -> None:
    for low, high in (limits(lo, hi), plots.nice_limits(lo, hi)):
        assert low < high
        assert np.isfinite(high - low)
        assert all(low - (high - low) <= at <= high + (high - low) for at, _ in plots.nice_ticks(low, high, 5))
    if np.isfinite([lo, hi]).all() and max(abs(lo), abs(hi)) < 1e299:
        low, high = plots.nice_limits(lo, hi)
        slack = 1e-9 * (high - low)
        assert low - slack <= min(lo, hi)
        assert max(lo, hi) <= high + slack


def test_nice_limits_are_round() -> None:
    assert plots.nice_limits(2.13, 3.31) == pytest.approx((2.0, 3.5))
    assert plots.nice_limits(0, 0.93) == pytest.approx((0, 1.0))
    lo, hi = plots.nice_limits(5, 5)
    assert lo < 5 < hi < 6


@given(st.integers(1, 300), st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_columns_and_values_match(columns: int, lo: float, span: float) -> None:
    canvas = plots.Canvas(0, 0, columns, 1, (lo, lo + span), (0, 1))
    for column in range(columns):
        assert canvas.column_of(canvas.x_at(column)) == column
    assert canvas.column_of(lo + span) == columns - 1
    assert canvas.column_of(lo - span) is None
    assert canvas.column_of(float("nan")) is None


def test_strange_text_keeps_its_cells() -> None:
    name = "a\x1b[31m\n語é\u200d😀\ud800"
    bars = [Bars(name, [0, 1], [1.0], Role.SERIES_0, note=name)]
    check_size(plots.histograms(bars, 60, 12), 60, 12)
    ticks = ((0.5, name), (0.6, ""), (0.7, "  "))
    plot = plots.curves(
        [curve([0], [0], mark=name)], 60, 12, x=Axis(0, 1, ticks, name), y=Axis(0, 1, ticks, name), lines=[(0.5, name)],
        events=[(0.5, name)], empty=name,
    )  # fmt: skip
    check_size(plot, 60, 12)
    for row in plots.legend([(name, Role.TEXT)], 30):
        assert cell_width("".join(span.text for span in row)) == 30
    assert "\x1b" not in plot.text


@given(st.lists(st.text(max_size=30), max_size=12), st.integers(0, 60))
def test_legend_names_all_in_full_rows(names: list[str], width: int) -> None:
    rows = plots.legend([(name, Role.SERIES_1) for name in names], width)
    for row in rows:
        assert sum(cell_width(span.text) for span in row) == width
    if width:
        assert sum(span.role is Role.SERIES_1 for row in rows for span in row) == len(names)


# ------------------------------------------------------------------------------------------------- pictures


def panel(heights: Any, title: str = "tanh 1", previous: Any = None, note: str = "") -> Bars:
    edges = np.linspace(-1, 1, len(heights) + 1)
    return Bars(title, edges, heights, Role.SERIES_0, None if previous is None else (edges, previous), note)


def levels(plot: Plot, index: int = 0) -> list[int]:
    """Bar heights in eighths of a row."""
    return [sum(BLOCKS.index(c) for c in column if c in BLOCKS) for column in zip(*area(plot, index), strict=True)]


def test_bars_are_as_high_as_their_bins() -> None:
    width, height = 6 + 2 + 20, 13
    heights = np.arange(1.0, 21.0)
    plot = plots.histograms([panel(heights)], width, height)
    canvas = plot.canvases[0]
    assert canvas.columns == 20
    assert canvas.y == (0.0, 20.0)
    assert levels(plot) == [round(h / 20 * canvas.rows * 8) for h in heights]


def test_a_spike_at_the_edge_is_seen_however_narrow_the_panel() -> None:
    heights = np.full(100, 0.2)
    heights[0] = heights[-1] = 10.0
    plot = plots.histograms([panel(heights)] * 5, 100, 16)
    assert len(plot.canvases) == 5
    for i in range(5):
        rows = plot.canvases[i].rows
        assert levels(plot, i)[0] == levels(plot, i)[-1] == rows * 8
        assert max(levels(plot, i)[1:-1]) <= 8


def test_panels_share_one_y_scale_that_of_now_and_before() -> None:
    plot = plots.histograms([panel([1, 1]), panel([2, 2], previous=[8, 8])], 100, 16)
    assert [canvas.y for canvas in plot.canvases] == [(0.0, 8.0)] * 2
    assert levels(plot, 0)[0] * 2 == pytest.approx(levels(plot, 1)[0], abs=1)


def test_the_lane_before_is_told_apart_without_colour() -> None:
    now = plots.histograms([panel([4, 4, 1, 1])], 40, 14)
    both = plots.histograms([panel([4, 4, 1, 1], previous=[1, 1, 4, 4])], 40, 14)
    canvas = both.canvases[0]
    assert dots(now) == set()
    found = dots(both)
    quarter = canvas.columns // 4
    expected = (1 - 1 / canvas.y[1]) * 4 * canvas.rows
    assert nearest(found, expected, quarter) <= 1
    assert nearest(found, (1 - 4 / canvas.y[1]) * 4 * canvas.rows, 2 * canvas.columns - quarter) <= 1
    row, column = next((r // 4, c // 2) for r, c in found if c < canvas.columns - 2)
    assert area(both)[row + 1][column] == "█"  # inside the bar of now
    assert role_at(both, canvas.top + row, canvas.left + column) is Role.PREVIOUS


def test_titles_and_notes_belong_to_their_panels() -> None:
    panels = [panel([1, 2], f"tanh {i}", note=f"std .{i}\nsat {i} %") for i in range(1, 6)]
    plot = plots.histograms(panels, 100, 16)
    lines = plot.text.split("\n")
    for i, canvas in enumerate(plot.canvases, 1):
        here = slice(canvas.left, canvas.left + canvas.columns)
        assert f" tanh {i} " in lines[0][here]
        assert lines[-2][here].strip() == f"std .{i}"
        assert lines[-1][here].strip() == f"sat {i} %"


def test_panels_that_do_not_fit_are_left_out_evenly_and_counted() -> None:
    panels = [panel([1], f"t{i}") for i in range(50)]
    plot = plots.histograms(panels, 66, 14)
    assert len(plot.canvases) == 5
    assert plot.text.split("\n")[0].split()[1::2][:1] == ["t0"]
    assert " t49 " in plot.text
    assert " t25 " in plot.text or " t24 " in plot.text
    assert "5 of 50 shown" in plot.text


def test_a_histogram_outside_the_limits_is_empty() -> None:
    assert set(levels(plots.histograms([panel([1, 1])], 40, 12, x=(5, 6)))) == {0}


def test_density_has_the_area_of_what_is_inside() -> None:
    for bins in (10, 64):
        edges, heights = plots.density(Histogram(lo=-2, hi=3, counts=(7,) * bins, outside=0.25))
        assert edges[0] == -2
        assert edges[-1] == 3
        assert float((heights * np.diff(edges)).sum()) == pytest.approx(0.75)
    empty = plots.density(Histogram(lo=0, hi=0, counts=(0, 0), outside=0.0))
    assert (empty[1] == 0).all()
    assert plots.density(Histogram(lo=0, hi=1, counts=(), outside=0.0))[1].size == 0


def test_overlay_draws_each_layer() -> None:
    plot = plots.overlay([panel([1, 2, 1]), panel([0, 4, 0], previous=[3, 3, 3])], 80, 14)
    assert plot.canvases[0].y[1] >= 4
    canvas = plot.canvases[0]
    assert nearest(dots(plot), 0, canvas.columns) <= 2


def test_image_shows_every_unit() -> None:
    matrix = np.random.default_rng(1).random((32, 100)) < 0.3
    plot = plots.image(matrix, 100, 18, highlight=[7, 50], cursor=20)
    lines = plot.text.split("\n")
    assert [i for i, c in enumerate(lines[0]) if c == "×"] == [7, 50]
    assert lines[0].index("▾") == 20
    for i in range(16):
        for j in range(100):
            assert lines[1 + i][j] == " ▀▄█"[int(matrix[2 * i, j]) + 2 * int(matrix[2 * i + 1, j])]
    assert lines[17].strip() == ""
    canvas = plot.canvases[0]
    assert [canvas.column_of(unit) for unit in range(100)] == list(range(100))


def test_image_says_when_it_is_cut() -> None:
    plot = plots.image(np.ones((2000, 1024), bool), 100, 18)
    assert plot.text.split("\n")[-1].strip() == "first 32 of 2,000 rows, first 100 of 1,024 columns"
    assert "first" not in plots.image(np.ones((34, 100), bool), 100, 18).text


def test_image_gives_each_value_its_role() -> None:
    plot = plots.image(np.array([[0, 1, 2, 9]]), 4, 3, roles=(Role.SERIES_1, Role.SERIES_2))
    assert [role_at(plot, 1, column) for column in (1, 2, 3)] == [Role.SERIES_1, Role.SERIES_2, Role.SERIES_2]
    assert area(plot) == [" ▀▀▀"]


def test_heat_reads_without_colour() -> None:
    plot = plots.heat([[0, 1, 2, 3, 4, np.nan]], 12, 2, x_labels=list("abcdef"))
    assert plot.text.split("\n") == ["  ░░▒▒▓▓██··", "a b c d e f "]


def test_heat_writes_texts_labels_and_cursor() -> None:
    plot = plots.heat(
        [[1.0, 2.0], [3.0, 4.0]], 24, 6, y_labels=["0.5", "5/3"], texts=[["2.1", "2.2"], ["2.3", "2.4"]], cursor=(1, 0)
    )
    lines = plot.text.split("\n")
    assert all(text in plot.text for text in ("2.1", "2.2", "2.3", "2.4"))
    assert any(line.startswith("0.5 ") for line in lines[:3])
    assert any(line.startswith("5/3 ▸") and "◂" in line for line in lines[3:])


def test_heat_averages_what_does_not_fit() -> None:
    matrix = np.zeros((100, 400))
    matrix[:, 200:] = 1
    matrix[50:, :200] = np.nan
    assert plots.heat(matrix, 4, 2).text.split("\n") == ["  ██", "··██"]


# -------------------------------------------------------------------------------------------------- nothing breaks

ODD = (np.nan, np.inf, -np.inf, 1e308, -1e308, 1e300, 5e-324, 0.0, -0.0, 1.0, 1 + 1e-15, -3.0, 1e6, 1e-12)


def odd_array(rng: random.Random) -> Any:
    size = rng.choice((0, 1, 2, 3, 10, 300))
    kind = rng.randrange(4)
    if kind == 0:
        return np.array([rng.choice(ODD) for _ in range(size)])
    if kind == 1:
        return np.full(size, rng.choice(ODD))
    values = np.array([rng.gauss(0, 10.0 ** rng.randint(-9, 9)) for _ in range(size)])
    if kind == 2 and size:
        values[rng.randrange(size)] = rng.choice(ODD)
    return np.sort(values) if rng.random() < 0.5 else values


def odd_plots(rng: random.Random, width: int, height: int) -> Iterator[Callable[[], Plot]]:
    """One of each kind of plot, of numbers that a diverging run, or a bug, may hand over."""

    def odd() -> float:
        return rng.choice(ODD)

    def maybe(value: Any) -> Any:
        return value if rng.random() < 0.5 else None

    lines = [
        Curve(
            "c", odd_array(rng), odd_array(rng), Role.SERIES_0, maybe(odd_array(rng)), maybe(odd_array(rng)), mark="c"
        )
        for _ in range(rng.randrange(4))
    ]
    axes = [maybe(Axis(odd(), odd(), maybe(((odd(), "tick"), (odd(), ""), (odd(), "x" * 200))))) for _ in range(2)]
    marks = [(odd(), "mark"), (odd(), "another")]
    bars = [
        Bars("tanh", odd_array(rng), odd_array(rng), Role.SERIES_1, maybe((odd_array(rng), odd_array(rng))), "note")
        for _ in range(rng.randrange(8))
    ]
    bars.append(Bars("h", np.sort(odd_array(rng)), np.abs(odd_array(rng)), Role.SERIES_1))
    matrix = np.array([[odd() for _ in range(rng.randrange(9))]] * rng.randrange(9))
    x = maybe((odd(), odd()))
    yield lambda: plots.curves(
        lines, width, height, x=axes[0], y=axes[1], lines=marks, events=marks, cursor=odd(), empty="nothing yet"
    )
    yield lambda: plots.histograms(bars, width, height, x=x, cursor=maybe(odd()))
    yield lambda: plots.overlay(bars, width, height, x=x, cursor=maybe(odd()))
    yield lambda: plots.image(matrix, width, height, highlight=(0, 999, -1), cursor=maybe(rng.randrange(-2, 12)))
    yield lambda: plots.heat(
        matrix, width, height, span=maybe((odd(), odd())), x_labels=["label"] * 9, y_labels=["label"] * 9,
        cursor=maybe((rng.randrange(9), 0)),
    )  # fmt: skip


def fuzz(first: int, count: int) -> None:
    for seed in range(first, first + count):
        rng = random.Random(seed)
        width, height = rng.choice(SIZES) if seed % 2 else (rng.randrange(130), rng.randrange(45))
        for draw in odd_plots(rng, width, height):
            check_size(draw(), width, height)
            print(seed)


def run_fuzz(first: int, count: int) -> None:
    # In a process of its own: what plotext cannot take ends the process, and no test could catch it.
    command = [sys.executable, "-W", "error", __file__, str(first), str(count)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    last = run.stdout.split()[-1:]
    assert run.returncode == 0, f"case {last}: {run.stderr}"
    assert run.stderr == ""


def test_no_numbers_and_no_size_break_a_plot() -> None:
    run_fuzz(0, 300)


@pytest.mark.long
def test_no_numbers_and_no_size_break_a_plot_long() -> None:
    run_fuzz(1000, 20_000)


@pytest.mark.parametrize("height", range(12))
def test_every_small_size_is_exact(height: int) -> None:
    x = np.arange(9.0)
    for width in range(0, 60):
        check_size(plots.curves([curve(x, x)], width, height, lines=[(3, "three")], empty="none"), width, height)
        check_size(plots.histograms([panel([1, 2, 3], note="a\nb")] * 3, width, height), width, height)
        check_size(plots.image(np.ones((9, 9)), width, height), width, height)
        check_size(plots.heat(np.ones((9, 9)), width, height, x_labels="abc", y_labels="abc"), width, height)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(width=32), max_size=40), st.integers(0, 90), st.integers(0, 25))
def test_any_curve_has_its_size(values: list[float], width: int, height: int) -> None:
    check_size(plots.curves([curve(range(len(values)), values)], width, height), width, height)


def test_plots_load_neither_torch_nor_textual_and_plotext_only_to_draw() -> None:
    code = """
import sys, tuiinit.plots
assert not {"torch", "textual", "plotext"} & set(sys.modules)
tuiinit.plots.curves([], 40, 9)
assert "plotext" in sys.modules and not {"torch", "textual"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


if __name__ == "__main__":
    fuzz(int(sys.argv[1]), int(sys.argv[2]))
