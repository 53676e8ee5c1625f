"""Curves, axes and text: what stands where."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.plots.reading import area, cell_width, check_size, curve, dots, ground_at, nearest, role_at
from tuiinit import plots
from tuiinit.plots import Axis, Bars, Curve, Role
from tuiinit.plots.axes import limits
from tuiinit.plots.curves import apart

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


@pytest.mark.parametrize("spike", [5.0, -5.0])
def test_no_point_of_many_is_lost(spike: float) -> None:
    y = np.zeros(200_000)
    y[123_456] = spike
    plot = plots.curves([curve(np.arange(y.size), y)], 60, 12, x=Axis(0, y.size), y=Axis(-6, 6))
    canvas = plot.canvases[0]
    row = int((6 - spike) / 12 * 4 * canvas.rows)
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


@given(st.integers(0, 200), st.floats(1.2, 50), st.sampled_from([1, -1]), st.integers(0, 30))
def test_a_clipped_peak_is_marked_however_narrow(at: int, height: float, sign: int, wide: int) -> None:
    x = np.arange(201.0)
    y = np.where(np.abs(x - at) <= wide, sign * height, 0.0)
    plot = plots.curves([curve(x, y)], 60, 12, x=Axis(0, 200), y=Axis(-1, 1))
    rows = area(plot)
    marked = [i for i, cell in enumerate(rows[0 if sign > 0 else -1]) if cell == ("▴" if sign > 0 else "▾")]
    columns = [plot.canvases[0].column_of(value) or 0 for value in (max(0, at - wide), min(200, at + wide))]
    assert marked
    assert all(columns[0] - 1 <= column <= columns[1] + 1 for column in marked)
    assert "▴" not in "".join(rows[1:])
    assert ("▾" if sign > 0 else "▴") not in "".join(rows)


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


@given(st.lists(st.tuples(st.floats(-2, 2), st.floats(0, 2), st.floats(0, 2)), min_size=2, max_size=60))
def test_a_shaded_range_lies_behind_its_curve(points: list[tuple[float, float, float]]) -> None:
    mean, below, above = (np.array(part) for part in zip(*points, strict=True))
    x = np.arange(float(mean.size))
    axes = {"x": Axis(0, float(mean.size - 1)), "y": Axis(-4, 4)}
    alone = plots.curves([curve(x, mean)], 60, 16, **axes)
    plot = plots.curves([curve(x, mean, low=mean - below, high=mean + above)], 60, 16, shaded=True, **axes)
    assert dots(plot) == dots(alone), "the range covers nothing of the line"
    canvas = plot.canvases[0]
    for row, line in enumerate(area(plot)):
        for column, cell in enumerate(line):
            at = canvas.top + row, canvas.left + column
            assert ground_at(plot, *at) in (None, Role.RANGE)
            shaded = ground_at(plot, *at) is Role.RANGE or (cell in "▀▄" and role_at(plot, *at) is Role.RANGE)
            if shaded:  # nothing is shaded outside the range
                near = np.linspace(canvas.x_at(column - 1), canvas.x_at(column + 1), 50)
                top, bottom = 4 - 8 * row / canvas.rows, 4 - 8 * (row + 1) / canvas.rows
                assert np.interp(near, x, mean - below).min() <= top
                assert np.interp(near, x, mean + above).max() >= bottom


def test_events_and_the_cursor_stand_at_their_x() -> None:
    plot = plots.curves([], 80, 12, x=Axis(0, 100), y=Axis(0, 1), events=[(25, "lr 0.01"), (99, "late")], cursor=50)
    canvas = plot.canvases[0]
    lines = area(plot)
    assert lines[5].index("┊") == canvas.column_of(25)
    assert lines[5].index("│") == canvas.column_of(50)
    assert "┊lr 0.01" in lines[0]
    assert "late┊" in lines[0]
    crowded = plots.curves([], 80, 12, x=Axis(0, 100), y=Axis(0, 1), events=[(30, "lr 0.1"), (33, "lr 0.01")])
    assert "┊lr 0.01 " in crowded.text
    assert "lr 0.1 " not in crowded.text  # it would run into the line after it
    assert role_at(plot, canvas.top + 5, canvas.left + lines[5].index("│")) is Role.CURSOR
    for outside in (-1.0, 101.0, np.nan, np.inf):
        assert "│" not in "".join(area(plots.curves([], 80, 12, x=Axis(0, 100), y=Axis(0, 1), cursor=outside)))


def test_curves_are_told_apart_without_colour() -> None:
    same = [Curve(str(i), [0, 10], [1, 1], plots.SERIES[i], mark=str(i)) for i in range(4)]
    plot = plots.curves(same, 60, 10, x=Axis(0, 10), y=Axis(0, 2))
    lines = plot.text.split("\n")
    marks = [(i, line[-1]) for i, line in enumerate(lines) if line[-1] != " "]
    assert [mark for _, mark in marks] == ["0", "1", "2", "3"]
    assert [row for row, _ in marks] == list(range(marks[0][0], marks[0][0] + 4))
    assert not set("0123") & set("".join(area(plot))), "no label covers a curve"
    whole = dots(plots.curves([curve([0, 10], [1, 1])], 60, 10, x=Axis(0, 10), y=Axis(0, 2)))
    dotted = dots(plots.curves([curve([0, 10], [1, 1], dotted=True)], 60, 10, x=Axis(0, 10), y=Axis(0, 2)))
    assert dotted < whole


@pytest.mark.parametrize("dotted", [False, True])
@pytest.mark.parametrize("x", [1.0, 1.3, 1.6, 1.9, 2.2, 2.5])
def test_a_point_alone_is_seen(x: float, dotted: bool) -> None:
    nan = float("nan")
    drawn = [curve([x], [1], dotted=dotted), curve([0, x, 10], [nan, 1, nan], dotted=dotted)]
    for one in drawn:  # a first step, and a value between two that are not finite
        assert len(dots(plots.curves([one], 60, 10, x=Axis(0, 10), y=Axis(0, 2)))) == 5
    whole = dots(plots.curves([curve([x, x + 2], [1, 1])], 60, 10, x=Axis(0, 10), y=Axis(0, 2)))
    assert len({row for row, _ in whole}) == 1  # a line stays as thin as it was


def test_labels_that_share_a_row_stand_around_it() -> None:
    assert apart([5, 5, 5], 20) == [4, 5, 6]
    assert apart([0, 0, 0], 20) == [0, 1, 2]
    assert apart([19, 19], 20) == [18, 19]
    assert apart([2, 8], 20) == [2, 8]


@given(st.lists(st.integers(0, 19), max_size=20))
def test_labels_never_share_a_row(wanted: list[int]) -> None:
    rows = apart(sorted(wanted), 20)
    assert rows == sorted(set(rows))
    assert all(0 <= row < 20 for row in rows)


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=12), st.integers(6, 30))
def test_labels_stand_beside_their_ends_and_never_on_each_other(ends: list[float], height: int) -> None:
    drawn = [Curve("c", [0, 1], [0, end], Role.SERIES_0, mark=chr(ord("a") + i)) for i, end in enumerate(ends)]
    plot = plots.curves(drawn, 60, height, x=Axis(0, 1), y=Axis(-2, 2))
    canvas = plot.canvases[0]
    found = {line[-1]: row - canvas.top for row, line in enumerate(plot.text.split("\n")) if line[-1].isalpha()}
    assert len(found) == min(len(ends), canvas.rows)
    assert all(0 <= row < canvas.rows for row in found.values())
    order = [ends[ord(mark) - ord("a")] for mark in sorted(found, key=found.__getitem__)]
    cell = 4 / canvas.rows
    assert all(above >= below - cell for above, below in pairwise(order)), "labels stand in the order of the ends"
    if len(ends) == 1 and -2 <= ends[0] <= 2:
        assert abs(2 - (next(iter(found.values())) + 0.5) * cell - ends[0]) <= cell


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
    assert labels == [f"label{i}" for i in range(0, 50, int(labels[1].removeprefix("label")))]
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


@given(st.floats(-1e5, 1e5), st.floats(1e-3, 1e5), st.integers(0, 9))
def test_there_are_at_least_two_ticks_and_not_many(lo: float, span: float, count: int) -> None:
    ticks = plots.nice_ticks(lo, lo + span, count)
    assert 2 <= len(ticks) <= max(6, 2 * count)
    assert [value for value, _ in ticks] == sorted({value for value, _ in ticks})


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


# -------------------------------------------------------------------------------------------------- points


def test_points_stand_for_themselves() -> None:
    x, y = [0.5, 2.5, 4.5, 7.5], [0.5, 3.5, 1.5, 2.5]
    for kind, text in (("dots", "⠁⠂⠄⡀⠈⠐⠠⢀"), ("marks", "●")):
        plot = plots.curves([curve(x, y, points=kind)], 16, 7, x=Axis(0, 8), y=Axis(0, 4))
        cells = {(r, c) for r, line in enumerate(area(plot)) for c, sign in enumerate(line) if sign in text}
        assert cells == {(3, 0), (0, 2), (2, 4), (1, 7)}


def test_points_beyond_the_limits_are_told_at_the_edge() -> None:
    plot = plots.curves([curve([0.5, 7.5, 3.5], [9, -9, np.nan], points="marks")], 16, 7, x=Axis(0, 8), y=Axis(0, 4))
    rows = area(plot)
    assert (rows[0][0], rows[-1][-1]) == ("▴", "▾")
    assert "●" not in "".join(rows)


def test_points_lie_over_lines_and_leave_them_in_sight() -> None:
    line = curve([0, 8], [2.5, 2.5])
    points = Curve("p", [2.5, 5.5], [2.5, 2.5], Role.SERIES_1, points="marks", mark="x")
    row = area(plots.curves([points, line], 16, 7, x=Axis(0, 8), y=Axis(0, 4)))[1]
    assert [c for c in range(8) if row[c] == "x"] == [2, 5]
    assert row[3] != " "


@pytest.mark.parametrize("free", [(0.0, 0.45), (0.55, 1.0), (0.3, 0.7), (0.15, 0.5)])
def test_the_label_of_a_line_stands_where_it_hides_no_curve(free: tuple[float, float]) -> None:
    x = np.linspace(0, 1, 400)
    y = np.where((x >= free[0]) & (x <= free[1]), 0.0, 1.0)  # on the line but for one stretch
    plain = plots.curves([curve(x, y)], 60, 12, x=Axis(0, 1), y=Axis(-1, 2))
    marked = plots.curves([curve(x, y)], 60, 12, x=Axis(0, 1), y=Axis(-1, 2), lines=[(1.0, "ln 27")])
    assert " ln 27 " in marked.text
    for before, after in zip(plain.text, marked.text, strict=True):
        assert after == before or not "⠁" <= before <= "⣿"


@pytest.mark.parametrize("beside", [2.0, -2.0])
def test_a_label_hides_no_curve_that_runs_along_the_whole_line(beside: float) -> None:
    x = np.linspace(0, 1, 400)
    drawn = [curve(x, 0 * x), curve(x, 0 * x + beside)]
    plain = plots.curves(drawn, 60, 14, x=Axis(0, 1), y=Axis(-4, 4))
    marked = plots.curves(drawn, 60, 14, x=Axis(0, 1), y=Axis(-4, 4), lines=[(0.0, "ln 27")])
    assert dots(marked) == dots(plain)
    rows = marked.text.split("\n")
    label, line = (next(i for i, row in enumerate(rows) if mark in row) for mark in (" ln 27 ", "┼"))
    assert abs(label - line) == 1
