"""The small picture of the histograms of a lane's layers: ridges, or from about ten layers on the depth's picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..insight.look import Look
from ..plots import Band, Plot, Row, by_depth, density, depth, nice_limits, ridges
from ..plots.axes import GUTTER
from ..plots.bands import NAMES, Height
from ..plots.depth import layers_of
from ..plots.ink import Ink, row
from ..plots.pooled import pooled
from ..stream.protocol import Histogram, Snapshot
from .base import bounds_of, symmetric
from .by_line import built_here, middle
from .histograms import DEEP, height_of
from .labels import labels as line_labels
from .small import Axes, Choice, Small, Span

OUTLIER = 4.0  # times the median of the cells: what is beyond does not stretch the common axis


class Histograms(Small):
    """Histograms of all layers under one another, or of one, each band with a height of its own."""

    layered = True

    def __init__(
        self,
        about: str,
        parts: Callable[[Snapshot], Sequence[Any]],
        name: Callable[[Any], str],
        histogram: Callable[[Any], Histogram],
        figures: Callable[[Snapshot, int | None], Sequence[Sequence[str]]],
        *,
        bounded: bool = False,
        scale: Height = "root",
    ) -> None:
        self._about = about
        self._bounded = bounded  # the axis is that of the nonlinearity, where its outputs have bounds
        self._scale = scale
        self._parts, self._name, self._histogram, self._figures = parts, name, histogram, figures

    def legend(self, snapshot: Snapshot, choice: Choice, width: int) -> Sequence[Row]:
        name = NAMES[height_of(self._scale, choice.log)]
        text = f" {name}, each layer on its own scale · ◂ ▸ it goes on beyond the axis"
        return (row(width, (text, Ink.DIM)),)

    def _chosen(self, snapshot: Snapshot | None, layer: int | None) -> list[tuple[int, str, Histogram]]:
        """The place, name and histogram of each layer that is shown."""
        parts = self._parts(snapshot) if snapshot is not None else ()
        chosen = range(len(parts)) if layer is None or not parts else [min(layer, len(parts) - 1)]
        return [(i, self._name(parts[i]), self._histogram(parts[i])) for i in chosen]

    def axes(self, lanes: Sequence[Look], choice: Choice) -> Axes:
        kinds = [kind for lane in lanes for kind in lane.kinds] if self._bounded else []
        x: Span | None = bounds_of(kinds)
        if x is None:
            name = f"{self._about}, {'all' if choice.layer is None else choice.layer}"

            def reach(snapshot: Snapshot) -> float:
                span = symmetric([histogram for *_, histogram in self._chosen(snapshot, choice.layer)])
                return span[1] if span is not None else 0.0

            fronts = [(lane.history, reach(lane.snapshot)) for lane in lanes if lane.snapshot is not None]
            widest = typical(choice.scales.reach(history, name, reach, front) for history, front in fronts)
            x = nice_limits(-widest, widest) if widest else None
        return Axes(x)

    def plot(self, lane: Look, axes: Axes, choice: Choice, width: int, height: int, *, y_labels: bool) -> Plot:
        chosen = self._chosen(lane.snapshot, choice.layer)
        scale, labels = height_of(self._scale, choice.log), GUTTER if y_labels else 0
        # Names of a person's own rows are long, and how they end tells them apart.
        names = [None if built_here(lane) else f" {middle(name, max(1, labels - 2))}" for _, name, _ in chosen]
        bands = [
            Band(name, *density(histogram), label=label)
            for (_, name, histogram), label in zip(chosen, names, strict=True)
        ]
        halves = layers_of(len(bands), 2 * max(0, height - 2)).tolist()
        if 0 < len(halves) < len(bands) and axes.x is not None and not built_here(lane):
            return self._of_many(lane, chosen, halves, axes.x, scale, labels, choice, width, height)
        if len(bands) >= DEEP or len(bands) > height - 2:
            return depth(
                bands, width, height,
                x=axes.x, scale=scale, title="", labels=labels, colours=choice.colours, empty="…",
            )  # fmt: skip
        palette = by_depth(len(self._parts(lane.snapshot))) if lane.snapshot is not None else ()
        return ridges(
            bands, width, height,
            x=axes.x, scale=scale, title="", labels=labels, roles=[palette[i] for i, *_ in chosen],
            colours=choice.colours, empty="…",
        )  # fmt: skip

    def _of_many(
        self,
        lane: Look,
        chosen: Sequence[tuple[int, str, Histogram]],
        halves: Sequence[int],
        x: Span,
        scale: Height,
        labels: int,
        choice: Choice,
        width: int,
        height: int,
    ) -> Plot:
        """The depth's picture of more rows than half lines: neighbours share one."""
        key = (self._about, "pooled", x, scale, len(halves))
        shades = lane.kept(key, lambda: pooled([histogram for *_, histogram in chosen], halves, x, scale))
        names = [name for _, name, _ in chosen]
        beside = dict(zip(halves[::2], line_labels(names, halves[::2], None, max(1, labels - 1)), strict=True))
        bands = [
            Band(names[i], *shade, label=beside.get(i, "") if j % 2 == 0 else "")
            for j, (i, shade) in enumerate(zip(halves, shades, strict=True))
        ]
        return depth(
            bands, width, height, x=x, scale=scale, title=f"{len(names)} rows", labels=labels, colours=choice.colours
        )

    def figures(self, lane: Look, layer: int | None) -> Sequence[Sequence[str]]:
        return self._figures(lane.snapshot, layer) if lane.snapshot is not None else ()


def typical(values: Iterable[float], outlier: float = OUTLIER) -> float:
    """The largest of some positive values, but no more than a few times their median: 0 without any."""
    known = sorted(value for value in values if math.isfinite(value) and value > 0)
    return min(known[-1], outlier * known[len(known) // 2]) if known else 0.0
