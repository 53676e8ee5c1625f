"""Curves as a person asked for them: smoothed or raw, log or linear, one in front."""

from __future__ import annotations

import numpy as np
import pytest

from tests.explorer.driving import explorer
from tuiinit.plots.cells import Role
from tuiinit.plots.curves import Curve, curves
from tuiinit.views.loss import loss_now, loss_plot


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
def test_the_curve_in_front_is_drawn_over_the_others(front: int) -> None:
    roles = (Role.SERIES_0, Role.SERIES_1)
    drawn = [Curve(str(i), [0, 1, 2], [1, 1, 1], role, front=i == front) for i, role in enumerate(roles)]
    found = {span.role for line in curves(drawn, 40, 12).rows for span in line}
    assert roles[front] in found
    assert roles[1 - front] not in found


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
        table = len(driver.screen.view.sheet.rows) - driver.screen._plot.canvases[0].rows
        await driver.press("z")
        await driver.until(lambda: "matrix" not in driver.text)
        assert len(driver.screen.view.sheet.rows) - driver.screen._plot.canvases[0].rows < table
        await driver.press("z")
        await driver.shows("matrix")
