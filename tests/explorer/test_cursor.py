"""The cursor in a plot: where it stands, what it reads, and that the numbers are those measured."""

from __future__ import annotations

import numpy as np
import pytest

from tests.explorer.driving import Driver, explorer
from tests.explorer.fake import loss_at, ratio_at
from tuiinit.config.run import RunConfig
from tuiinit.plots import SERIES, Axis, Bars, Curve, Plot, Role, curves, histograms
from tuiinit.plots.cursor import Cursor, drawn, found, move, read, readable, reading_row
from tuiinit.views import VIEWS

A = Curve("a", [0, 1, 2, 3], [5.0, 6.0, np.nan, 8.0], SERIES[0], [4, 5, 6, 7], [6, 7, 8, 9])
B = Curve("", [0, 1, 2], [1.5, 2.5, 3.5], Role.PREVIOUS)


def plot(*drawn_: Curve, width: int = 60) -> Plot:
    return curves(drawn_ or (A, B), width, 12, x=Axis(0, 3, label="step"), y=Axis(0, 10))


def line_of(plot_: Plot, cursor: Cursor, width: int = 80) -> str:
    return "".join(span.text for span in reading_row(read(plot_, cursor), width))


def test_it_begins_where_the_curves_end_and_steps_over_the_columns_without_a_value() -> None:
    shown = plot()
    area = readable(shown)[0]
    cursor = move(shown, None, 1)
    assert cursor == (0, area.column_of(3))
    places = [cursor]
    for _ in range(5):
        cursor = move(shown, cursor, -1)
        assert cursor is not None
        places.append(cursor)
    assert [place.column for place in places[:4]] == [area.column_of(x) for x in (3, 2, 1, 0)]
    assert places[3] == places[5]  # it stays at the left end
    assert move(shown, cursor, 100) == places[0]


def test_it_reads_values_with_their_range_and_the_lane_before() -> None:
    shown = plot()
    area = readable(shown)[0]
    reading = read(shown, Cursor(0, area.column_of(1) or 0))
    assert reading is not None
    assert (reading.label, reading.x, reading.end) == ("step", 1, None)
    (value,) = reading.values
    assert (value.name, value.value, value.low, value.high, value.before) == ("a", 6, 5, 7, 2.5)
    assert line_of(shown, Cursor(0, area.column_of(1) or 0)).strip() == "step 1  a 6 (5 … 7) (before 2.5)"


def test_a_curve_that_is_not_known_there_is_left_out() -> None:
    shown = plot()
    area = readable(shown)[0]
    reading = read(shown, Cursor(0, area.column_of(2) or 0))
    assert reading is not None
    assert [(v.name, v.value) for v in reading.values] == [("before", 3.5)]
    reading = read(shown, Cursor(0, area.column_of(3) or 0))
    assert reading is not None
    assert [(v.name, v.value, v.before) for v in reading.values] == [("a", 8, None)]


def test_histograms_are_read_all_at_the_same_place() -> None:
    edges = np.linspace(-1, 1, 9)
    panels = [
        Bars(f"tanh {i}", edges, np.arange(8) + i, SERIES[0], (edges, np.arange(8) + 10 * i)) for i in range(1, 4)
    ]
    shown = histograms(panels, 90, 12, x=(-1, 1))
    areas = readable(shown)
    cursor = found(shown, areas[1].left + (areas[1].column_of(0.3) or 0), areas[1].top)
    assert cursor is not None
    assert cursor.area == 1
    reading = read(shown, cursor)
    assert reading is not None
    assert (reading.x, reading.end) == (0.25, 0.5)
    assert [(v.name, v.value, v.before) for v in reading.values] == [
        (f"tanh {i}", 5 + i, 5 + 10 * i) for i in (1, 2, 3)
    ]
    lines = [row for row in drawn(shown, cursor).text.splitlines() if row.count("│") > shown.text.count("│")]
    assert not lines
    crossed = drawn(shown, cursor)
    for area in areas:
        column = area.left + (area.column_of(areas[1].x_at(cursor.column)) or 0)
        for y in range(area.top, area.top + area.rows):
            at = 0
            for span in crossed.rows[y]:
                if at <= column < at + len(span.text):
                    assert span.role == Role.CURSOR
                at += len(span.text)
    assert [len(line) for line in crossed.text.splitlines()] == [len(line) for line in shown.text.splitlines()]


@pytest.mark.parametrize("width", [0, 1, 5, 20, 33, 60, 120])
def test_the_row_is_exactly_as_wide_as_asked_and_says_when_something_is_left_out(width: int) -> None:
    many = [Curve(f"hidden {i}", [0, 1], [-3.123456, -3.2], SERIES[i], mark=str(i)) for i in range(7)]
    shown = curves(many, 60, 12, x=Axis(0, 1), y=Axis(-6, 0))
    line = line_of(shown, Cursor(0, 0), width)
    assert len(line) == width
    if 20 <= width < 60:
        assert "…" in line
    if width == 120:
        assert line.count("-3.123") == 7


def test_nothing_to_read() -> None:
    empty = Plot(((),))
    assert move(empty, None, 1) is None
    assert read(empty, Cursor(0, 0)) is None
    assert drawn(empty, Cursor(0, 0)) is empty
    assert "nothing to read" in line_of(empty, Cursor(0, 0))


# -------------------------------------------------------------------------------------------- in the explorer


def line(driver: Driver, start: str) -> str:
    return next((row for row in driver.screen.view.sheet.text.splitlines() if row.startswith(f" {start}")), "")


async def show(driver: Driver, view: str) -> None:
    while driver.screen.current.id != view:
        await driver.press("tab")


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_the_keyboard_reads_exact_losses(size: tuple[int, int]) -> None:
    async with explorer(size=size) as driver:
        for _ in range(4):
            await driver.press("n")
            await driver.settled()
        await show(driver, "loss")
        await driver.press("p")
        await driver.until(lambda: line(driver, "step"))
        assert f"step 4  loss {loss_at(RunConfig(), 4):.4g}" in line(driver, "step")
        await driver.press("left", "left")
        await driver.until(lambda: f"step 2  loss {loss_at(RunConfig(), 2):.4g}" in line(driver, "step"))
        await driver.press("home")
        await driver.until(lambda: "step 1  " in line(driver, "step"))
        await driver.press("escape")
        await driver.until(lambda: not line(driver, "step"))
        assert driver.app.focused is None
        view = driver.screen.current
        await driver.press("right")
        assert driver.screen.current is not view  # the arrows are the views' again


async def test_a_plot_over_a_table_stays_as_it_was_when_values_are_read() -> None:
    async with explorer() as driver:
        await driver.press("n")
        await driver.settled()
        await show(driver, "update-data")
        before = driver.screen.view.plot
        await driver.press("p")
        await driver.until(lambda: line(driver, "step"))
        assert driver.screen.view.plot.rows == before.rows


async def test_every_ratio_of_update_data_is_read() -> None:
    async with explorer() as driver:
        await driver.press("n")
        await driver.settled()
        await show(driver, "update-data")
        await driver.press("p")
        await driver.until(lambda: line(driver, "step"))
        names = ["emb", "1", "2", "3", "4", "5", "out"]
        assert line(driver, "step").split() == [
            "step",
            "1",
            *(word for i, name in enumerate(names) for word in (name, f"{ratio_at(RunConfig(), 1, i):.4g}")),
        ]


async def test_the_mouse_points_too() -> None:
    async with explorer() as driver:
        sheet = driver.screen.view.sheet
        area = driver.screen.view.plot.canvases[0]
        await driver.pilot.click(sheet, offset=(area.left + 2 + 1, area.top + 2))
        await driver.until(lambda: line(driver, "at"))
        first = line(driver, "at")
        await driver.pilot.hover(sheet, offset=(area.left + 6 + 1, area.top + 2))
        await driver.until(lambda: line(driver, "at") not in ("", first))


async def test_every_view_bears_a_cursor() -> None:
    async with explorer() as driver:
        await driver.train(60)
        await driver.press("p")
        for view in VIEWS:
            assert driver.screen.current is view
            await driver.press("right", "left")
            assert "cannot be drawn" not in driver.text
            assert all(len(row) == 120 for row in driver.text.splitlines())
            await driver.press("tab")
