"""Ridges, cell by cell: how high each bar is, what lies behind it, what does not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.plots.reading import BLOCKS, area, check_size, dots, ground_at, role_at
from tuiinit import plots
from tuiinit.plots import BOTH, DEPTH, Band, Plot, Role, Span, by_depth

WRONG_BY = 2  # eighths, where a cell would have to hold three things


def band(density: Any, previous: Any = None, title: str = "t", figures: tuple[str, ...] = ()) -> Band:
    edges = np.linspace(-1, 1, len(density) + 1)
    before = None if previous is None else (edges, previous)
    return Band(title, edges, density, before, tuple((Span(text, Role.FIGURE),) for text in figures))


def width_for(columns: int) -> int:
    """The width at which a band titled "t" has so many columns."""
    return columns + 5


def pieces(plot: Plot, index: int, column: int) -> list[Role | None]:
    """What a column of a band shows, eighth by eighth from the baseline: a role, or None where it is empty."""
    canvas = plot.canvases[index]
    lines = area(plot, index)
    found: list[Role | None] = []
    for row in range(canvas.rows - 1, -1, -1):
        at = canvas.top + row, canvas.left + column
        ground, cell = ground_at(plot, *at), lines[row][column]
        level = 0 if cell == "▴" else BLOCKS.index(cell)
        found += [role_at(plot, *at)] * level + [ground] * (8 - level)
    return found


def expected(now: Any, behind: Any, rows: int) -> tuple[list[int], list[int]]:
    """Heights in eighths: the square root of the density, an eighth below the upper edge at the top of now."""
    top = max(now) or max(behind) or 1.0

    def height(density: float) -> int:
        return min(8 * rows, max(1, round((density / top) ** 0.5 * (8 * rows - 1)))) if density > 0 else 0

    return [height(d) for d in now], [height(d) for d in behind]


DENSITY = st.one_of(st.just(0.0), st.floats(1e-3, 10))
PAIRS = st.integers(12, 60).flatmap(
    lambda n: st.tuples(st.lists(DENSITY, min_size=n, max_size=n), st.lists(DENSITY, min_size=n, max_size=n))
)


@settings(max_examples=150, deadline=None)
@given(PAIRS, st.integers(1, 4), st.integers(1, 3))
def test_two_histograms_in_a_band_are_as_high_as_they_are(
    pair: tuple[list[float], list[float]], rows: int, count: int
) -> None:
    now, behind = pair
    width, height = width_for(len(now)), count * rows + 2
    plot = plots.ridges([band(now, behind)] * count, width, height, x=(-1, 1))
    check_size(plot, width, height)
    a, b = expected(now, behind, plot.canvases[0].rows)
    for index in range(count):
        for column in range(len(now)):
            found = pieces(plot, index, column)
            drawn = [role for role in found if role is not None]
            assert found[: len(drawn)] == drawn, "a bar has no gap and stands on the baseline"
            both = sum(role in BOTH for role in drawn)
            assert all(role in BOTH for role in drawn[:both]), "what both have is at the bottom"
            higher, lower = max(a[column], b[column]), min(a[column], b[column])
            assert abs(len(drawn) - higher) <= WRONG_BY
            # Where the marked cell shows one thing only, it is that which takes more of it.
            if area(plot, index)[0][column] != "▴":
                assert abs(both - lower) <= WRONG_BY
            if a[column] != b[column] and len(drawn) > both:
                assert drawn[-1] == (by_depth(count)[index] if a[column] > b[column] else Role.BEHIND)


@settings(max_examples=60, deadline=None)
@given(PAIRS, st.integers(1, 4))
def test_without_colour_nothing_of_now_is_covered_and_the_lane_before_shows_where_it_is_higher(
    pair: tuple[list[float], list[float]], rows: int
) -> None:
    now, behind = pair
    plot = plots.ridges([band(now, behind)] * 5, width_for(len(now)), 5 * rows + 2, x=(-1, 1), colours=False)
    # What lies between two eighths may be rounded either way.
    near = [expected([d if d == max(now) else d * by for d in now], behind, rows)[0] for by in (1 - 1e-9, 1 + 1e-9)]
    for column in range(len(now)):
        cells = [line[column] for line in area(plot)][::-1]
        bar = [cell for cell in cells if cell in BLOCKS[1:]]
        marked = "▴" in cells
        found = sum(map(BLOCKS.index, bar))
        assert any(found in (a[column], a[column] // 8 * 8 if marked else a[column]) for a in near)
        assert cells[: len(bar)] == bar
    assert all(span.ground is None for row in plot.rows for span in row)


def test_without_colour_dots_trace_the_lane_before() -> None:
    now, behind = [1.0] * 15 + [4.0] * 15, [4.0] * 15 + [1.0] * 15
    plot = plots.ridges([band(now, behind)], width_for(30), 6, x=(-1, 1), colours=False)
    assert {column // 2 for _, column in dots(plot)} == set(range(15))
    assert dots(plots.ridges([band(now)], width_for(30), 6, x=(-1, 1), colours=False)) == set()


def test_a_band_is_exactly_this() -> None:
    now = [0, 0, 1, 4, 9, 16, 16, 9, 4, 1, 0, 0]
    bands = [band(now, title=f"tanh {i}", figures=(" std .5", " 20 %")) for i in range(1, 5)]
    plot = plots.ridges(bands, 30, 10, x=(-1, 1))
    assert plot.text.split("\n") == [
        "        ┌─ √density…──┐       ",
        "        │    ▂▆▇▆▂    │ std .5",
        " tanh 1 │  ▃▇█████▇▃  │ 20 %  ",
        "        │    ▂▆▇▆▂    │ std .5",
        " tanh 2 │  ▃▇█████▇▃  │ 20 %  ",
        "        │    ▂▆▇▆▂    │ std .5",
        " tanh 3 │  ▃▇█████▇▃  │ 20 %  ",
        "        │    ▂▆▇▆▂    │ std .5",
        " tanh 4 │  ▃▇█████▇▃  │ 20 %  ",
        "         -1    0     1        ",
    ]


def test_each_band_has_its_own_height_that_of_what_is_in_front() -> None:
    flat, spike = [1.0] * 20, [0.0] * 9 + [50.0, 50.0] + [0.0] * 9
    plot = plots.ridges([band(flat, spike), band(spike, flat)], width_for(20), 10, x=(-1, 1))
    heights = [[len([r for r in pieces(plot, i, c) if r]) for c in range(20)] for i in (0, 1)]
    full = 8 * plot.canvases[0].rows
    assert set(heights[0][:9]) == {full - 1}
    assert heights[0][9] == full
    assert max(heights[1]) == full - 1
    assert [i for i in (0, 1) if "▴" in "".join(area(plot, i))] == [0]


def test_what_lies_beyond_the_limits_is_marked_at_the_frame() -> None:
    plot = plots.ridges([band([1.0] * 20), band([0.0] * 5 + [1.0] * 10 + [0.0] * 5)], 40, 10, x=(-0.5, 0.5))
    lines = plot.text.split("\n")
    for index, marked in enumerate((True, False)):
        canvas = plot.canvases[index]
        baseline = lines[canvas.top + canvas.rows - 1]
        assert (baseline[canvas.left - 1] == "◂") is marked
        assert (baseline[canvas.left + canvas.columns] == "▸") is marked


@pytest.mark.parametrize("height", [4, 5, 9, 14, 22, 30, 60])
@pytest.mark.parametrize("count", [1, 2, 5, 7, 20, 200])
def test_layers_that_do_not_fit_are_left_out_evenly_and_counted(count: int, height: int) -> None:
    bands = [band([1.0, 2.0, 1.0], title=f"tanh {i}") for i in range(1, count + 1)]
    plot = plots.ridges(bands, 84, height)
    check_size(plot, 84, height)
    shown = [next(s.name for s in canvas.shown) for canvas in plot.canvases]
    assert len(shown) == min(count, height - 2)
    assert shown[0] == "tanh 1"
    assert shown[-1] == f"tanh {count}"
    numbers = [int(name.split()[1]) for name in shown]
    steps = np.diff(numbers)
    assert len(steps) == 0 or max(steps) - min(steps) <= 1
    rows = [canvas.rows for canvas in plot.canvases]
    usable = min(height - 2, {1: 16, 2: 8}.get(len(shown), 4) * len(shown))
    assert 0.83 * usable <= sum(rows) <= usable
    assert max(rows) - min(rows) <= 1
    tops = [canvas.top for canvas in plot.canvases]
    assert tops == [1 + sum(rows[:i]) for i in range(len(rows))], "bands stand under one another"
    assert (f"{count - len(shown)} of {count} layers left out" in plot.text) is (len(shown) < count)
    for canvas, name in zip(plot.canvases, shown, strict=True):
        assert plot.text.split("\n")[canvas.top + canvas.rows - 1].startswith(f" {name} ")


def test_names_keep_to_their_columns_and_a_number_at_their_end_stays() -> None:
    bands = [band([1.0, 2.0, 1.0], title=title) for title in ("tanh 1", "hidden 12", "output", "body.4.linear")]
    lines = plots.ridges(bands, 40, 6, labels=6).text.split("\n")
    assert [line[:6] for line in lines[1:5]] == ["tanh 1", "hid 12", "output", "body.…"]
    assert [line[6] for line in lines[1:5]] == ["│"] * 4
    lines = plots.ridges(bands, 40, 6, labels=0, title="").text.split("\n")
    assert [line[0] for line in lines[:5]] == ["┌", *"│" * 4]
    assert set(lines[0]) == {"┌", "─", "┐"}


def test_heights_can_be_linear() -> None:
    plot = plots.ridges([band([1.0, 2.0, 4.0, 8.0] * 3)], width_for(12), 10, x=(-1, 1), scale="linear")
    top = 8 * plot.canvases[0].rows - 1
    heights = [sum(role is not None for role in pieces(plot, 0, column)) for column in range(4)]
    assert heights == [round(top * share) for share in (1 / 8, 1 / 4, 1 / 2, 1)]


def test_figures_stand_at_the_end_of_their_band() -> None:
    bands = [
        band([1.0, 2.0], title=f"tanh {i}", figures=(f" now {i}", f" old {i}", f" more {i}")) for i in (1, 2, 3, 4)
    ]
    heading = (Span(" std", Role.TEXT),)
    for height, most in ((6, 1), (10, 2), (14, 3), (19, 3)):
        plot = plots.ridges(bands, 80, height, heading=heading)
        lines = plot.text.split("\n")
        assert lines[0].rstrip().endswith(" std")
        for i, canvas in enumerate(plot.canvases, 1):
            rows = lines[canvas.top : canvas.top + canvas.rows]
            words = [row[canvas.left + canvas.columns + 1 :].strip() for row in rows]
            assert [word for word in words if word] == [f"now {i}", f"old {i}", f"more {i}"][:most]
    narrow = plots.ridges(bands, 26, 14, heading=heading)
    assert "now" not in narrow.text
    assert "tanh 1" in narrow.text


def test_the_logarithm_shows_tails_that_the_root_does_not() -> None:
    density = [1e-2] * 10 + [1.0] + [1e-2] * 10
    root, log = (plots.ridges([band(density)], width_for(21), 10, x=(-1, 1), scale=scale) for scale in ("root", "log"))
    full = 8 * root.canvases[0].rows - 1
    assert len([r for r in pieces(root, 0, 0) if r]) == round(0.1 * full)
    assert len([r for r in pieces(log, 0, 0) if r]) == round(full / 3)
    assert "√density" in root.text
    assert "log density" in plots.ridges([band(density)], 90, 10, scale="log").text


def test_a_wide_histogram_beside_spikes_is_seen_as_the_wide_one() -> None:
    narrow = Band("hidden", np.linspace(-0.01, 0.01, 65), np.full(64, 50.0))
    wide = Band("output", np.linspace(-1, 1, 65), np.full(64, 0.5))
    plot = plots.ridges([narrow, narrow, wide], 80, 14, scale="log")
    filled = [sum(bool(pieces(plot, i, c)[0]) for c in range(plot.canvases[i].columns)) for i in range(3)]
    assert filled[0] == filled[1] <= 2
    assert filled[2] == plot.canvases[2].columns


def test_what_is_read_is_what_a_column_shows() -> None:
    fine = np.r_[np.zeros(50), np.full(100, 3.0), np.zeros(50)]
    plot = plots.ridges([band(fine)], width_for(20), 8, x=(-1, 1))
    (item,) = plot.canvases[0].shown
    assert len(item.x) == 21
    assert item.y == pytest.approx([0] * 5 + [3.0] * 10 + [0] * 5)
    area_drawn = float((item.y * np.diff(item.x)).sum())
    assert area_drawn == pytest.approx(3.0)


def test_depth_is_told_by_one_palette_in_order() -> None:
    for count in (1, 2, 5, 8, 20, 200):
        roles = by_depth(count)
        assert len(roles) == count
        assert list(roles) == sorted(roles)
        assert roles[0] == DEPTH[0]
        assert count == 1 or roles[-1] == DEPTH[-1]
        assert len(set(roles)) == min(count, len(DEPTH))


def test_nothing_to_draw_is_said() -> None:
    assert "nothing yet" in plots.ridges([], 60, 10, empty="nothing yet").text
    assert "too small" in plots.ridges([band([1.0])], 40, 2).text
    dead = plots.ridges([band([0.0] * 20)], 40, 8)
    check_size(dead, 40, 8)
    assert not set("".join(area(dead))) - {" "}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 100), st.integers(0, 30), st.integers(0, 12), st.booleans())
def test_every_size_is_exact(width: int, height: int, count: int, colours: bool) -> None:
    assume(count < 12)
    bands = [band([1.0, 2.0], [3.0, 1.0], f"tanh {i}", (" std",)) for i in range(count)]
    check_size(plots.ridges(bands, width, height, colours=colours), width, height)
    check_size(plots.depth(bands, width, height, colours=colours), width, height)
