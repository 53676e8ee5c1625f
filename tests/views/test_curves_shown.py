"""Curves as a person asked for them: smoothed or raw, log or linear, one in front."""

from __future__ import annotations

from collections import Counter

import msgspec
import numpy as np
import pytest

from tests.explorer import fake
from tests.explorer.driving import explorer
from tests.session.test_session import at
from tuiinit.config.run import RunConfig
from tuiinit.plots import DEPTH, FAINT, by_depth
from tuiinit.plots.cells import Role
from tuiinit.plots.curves import Curve, curves
from tuiinit.views import VIEWS
from tuiinit.views.loss import loss_now, loss_plot
from tuiinit.views.update_data import mark


async def test_the_loss_is_smoothed_raw_or_logarithmic_and_read_off_as_measured() -> None:
    async with explorer() as driver:
        await driver.train(300)
        look, other, pointer = driver.session.sight()
        raw = look.snapshot.loss if look.snapshot else None
        smooth = loss_now(look, pointer)
        assert smooth is not None
        assert smooth != raw
        read = [loss_plot(look, other, pointer, 80, 20).canvases[0].shown[-1].y]
        first = loss_plot(look, other, pointer, 80, 20).text
        await driver.press("0")
        assert driver.session.pointer.smoothing == 0
        assert loss_now(look, pointer) == raw
        assert loss_plot(look, other, pointer, 80, 20).text != first
        await driver.press("plus", "plus", "minus")
        assert driver.session.pointer.smoothing == 10
        await driver.press("y")
        await driver.shows("logarithmic")
        plot = loss_plot(look, other, pointer, 80, 20)
        assert "3 ┤" in plot.text or "3┤" in plot.text
        read.append(plot.canvases[0].shown[-1].y)
        np.testing.assert_array_equal(read[0], read[1])


@pytest.mark.parametrize("front", [0, 1])
def test_the_curve_in_front_has_most_of_the_cells_that_it_shares(front: int) -> None:
    roles = (Role.SERIES_0, Role.SERIES_1)
    drawn = [Curve(str(i), [0, 1, 2], [1, 1, 1], role, front=i == front) for i, role in enumerate(roles)]
    cells = Counter(span.role for line in curves(drawn, 40, 12).rows for span in line for _ in span.text)
    assert cells[roles[front]] >= 2 * cells[roles[1 - front]] > 0


@pytest.mark.parametrize("count", [2, 3, 7])
def test_curves_in_the_same_cells_take_turns_and_the_lane_before_gives_way(count: int) -> None:
    roles = DEPTH[:count]
    behind = Curve("", [0, 1, 2], [1, 1, 1], Role.PREVIOUS, dotted=True)
    plot = curves([behind, *(Curve(str(i), [0, 1, 2], [1, 1, 1], role) for i, role in enumerate(roles))], 60, 12)
    cells = Counter(span.role for line in plot.rows for span in line for c in span.text if 0x2800 < ord(c) < 0x2900)
    assert set(cells) == set(roles)
    assert max(cells.values()) - min(cells.values()) <= 1


@pytest.mark.parametrize("width", [50, 60, 80, 120])
async def test_every_matrix_has_a_curve_and_its_label_at_its_end(width: int) -> None:
    async with explorer() as driver:
        await driver.train(50)
        look, other, pointer = driver.session.sight()
        view = VIEWS[4]
        plot = view.plot(look, other, pointer, width, 20)
        canvas = plot.canvases[0]
        labels = [line[canvas.left + canvas.columns + 1 :].strip() for line in plot.text.split("\n")]
        assert look.snapshot is not None
        names = [w.name for w in look.snapshot.weights]
        assert {label for label in labels if label} == set(names if width >= 64 else map(mark, names))
        drawn = {span.role for line in plot.rows[canvas.top : canvas.top + canvas.rows] for span in line}
        shown = by_depth(len(names))
        assert {shown[0], *(FAINT[DEPTH.index(role)] for role in shown[1:])} <= drawn


async def test_update_data_can_be_linear() -> None:
    async with explorer() as driver:
        await driver.train(50)
        look, other, pointer = driver.session.sight()
        (logarithmic,) = VIEWS[4].plot(look, other, pointer, 100, 20).canvases
        pointer.log = False
        (linear,) = VIEWS[4].plot(look, other, pointer, 100, 20).canvases
        assert linear.y[0] == 0
        assert linear.y[1] == pytest.approx(10 ** logarithmic.y[1])
        np.testing.assert_allclose(linear.shown[0].y, 10 ** np.asarray(logarithmic.shown[0].y))


async def test_j_and_k_choose_the_matrix_on_top() -> None:
    async with explorer() as driver:
        await driver.train(50)
        driver.screen.show_view(4)
        assert driver.screen.current.id == "update-data"
        await driver.press(*["J"] * 9)
        assert driver.session.pointer.layer == 6  # of seven matrices
        await driver.press("K")
        assert driver.session.pointer.layer == 5


async def test_z_shows_the_picture_alone() -> None:
    async with explorer(size=(80, 24)) as driver:
        await driver.train(50)
        driver.screen.show_view(4)
        await driver.shows("matrix")
        table = len(driver.screen.view.sheet.rows) - driver.screen.view.plot.canvases[0].rows
        await driver.press("z")
        await driver.until(lambda: "matrix" not in driver.text)
        assert len(driver.screen.view.sheet.rows) - driver.screen.view.plot.canvases[0].rows < table
        await driver.press("z")
        await driver.shows("matrix")


@pytest.mark.parametrize("view", ["activations", "activation-gradients", "weights", "weight-gradients", "update-data"])
async def test_in_a_window_of_24_rows_the_picture_of_20_layers_has_14(view: str) -> None:
    async with explorer(RunConfig(hidden=(10,) * 20), size=(80, 24)) as driver:
        await driver.train(5)
        driver.screen.show_view(next(i for i, v in enumerate(VIEWS) if v.id == view))
        await driver.until(lambda: driver.screen.current.id == view)
        assert len(driver.screen.view.plot.rows) >= 14
        assert driver.screen.view.plot.canvases


async def test_figures_that_do_not_fit_beside_the_bands_leave_a_sign() -> None:
    async with explorer(size=(80, 24)) as driver:
        look, other, pointer = driver.session.sight()
        heads = {width: VIEWS[3].plot(look, other, pointer, width, 18).text.split("\n")[0] for width in (78, 150)}
        assert heads[78].rstrip().endswith(" …")
        assert heads[150].rstrip().endswith("grad:data")


@pytest.mark.parametrize("start", [21.7, 28.0, 30.1])  # what redraws of the lecture's first network begin with
def test_the_loss_of_a_confidently_wrong_start_is_seen(start: float) -> None:
    config = RunConfig(hidden=(200,), fan_in_scaling=False, output_scale=1.0)
    session = at(0, config)
    session.take(msgspec.structs.replace(fake.trace(config, 1, 1), loss=np.array([start], "<f4").tobytes()))
    session.take(fake.data_info())
    look, other, pointer = session.sight()
    plot = loss_plot(look, other, pointer, 80, 12)
    assert "▴" not in plot.text
    assert plot.canvases[0].row_of(start) is not None
