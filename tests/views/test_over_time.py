"""Histograms over time: densities in other bins, and the view in the explorer."""

from __future__ import annotations

import numpy as np

from tests.explorer.driving import explorer
from tuiinit.stream.protocol import Histogram
from tuiinit.views.over_time import rebinned


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
        await driver.shows("tanh 1  over steps")
        assert "█" in driver.screen.view.sheet.text
        columns = driver.screen.view.plot.canvases[0].shown[0]
        assert list(columns.y) == [0, 1, 2]
        await driver.press("J")
        await driver.shows("tanh 2  over steps")
        await driver.press("p")
        await driver.shows("snapshot 3  step 2  mean 0.01")
        await driver.press("escape", "b")
        await driver.settled()
        await driver.shows("right: the network before")
