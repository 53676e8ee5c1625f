"""Histograms, pictures of matrices and shades: what stands where."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plots.reading import BLOCKS, area, dots, levels, nearest, panel, role_at
from tuiinit import plots
from tuiinit.plots import Role
from tuiinit.stream.protocol import Histogram


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
    assert nearest(found, (1 - 4 / canvas.y[1]) * 4 * canvas.rows, 2 * canvas.columns - quarter) <= 1
    row, column = next((r // 4, c // 2) for r, c in found)
    assert role_at(both, canvas.top + row, canvas.left + column) is Role.PREVIOUS


HEIGHTS = st.lists(st.floats(0, 100), min_size=1, max_size=80)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(HEIGHTS, HEIGHTS), min_size=1, max_size=4), st.integers(20, 110), st.integers(6, 30))
def test_no_bar_has_a_gap_whatever_lies_behind(
    histograms: list[tuple[list[float], list[float]]], width: int, height: int
) -> None:
    pairs = [(now, np.resize(behind, len(now))) for now, behind in histograms]
    plot = plots.histograms([panel(now, previous=behind) for now, behind in pairs], width, height)
    for i, canvas in enumerate(plot.canvases):
        for column, cells in enumerate(zip(*area(plot, i), strict=True)):
            bar = [
                cell
                for row, cell in enumerate(cells)
                if role_at(plot, canvas.top + row, canvas.left + column) is Role.SERIES_0 and cell in BLOCKS[1:]
            ]
            assert "".join(cells).endswith("".join(bar)), "a bar stands on the baseline"
            assert set(bar[1:]) <= {"█"}, "and is full below its end"


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
    few = plots.histograms([panel([1], f"t{i}") for i in range(7)], 80, 14)
    assert "6 of 7 shown, all but t3" in few.text


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
