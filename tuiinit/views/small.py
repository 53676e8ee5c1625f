"""What a small picture is that can stand beside those of other lanes: it is drawn with the axes of all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from ..insight.look import Look
from ..plots import Plot, Row
from ..session.scales import Scales
from ..stream.protocol import Snapshot

Span = tuple[float, float]


@dataclass(frozen=True)
class Choice:
    """How a person wants the pictures: one layer of each lane or all, log or linear, and with what colours."""

    layer: int | None = None  # the one that is shown alone; None shows all
    log: bool | None = None  # None: as fits
    colours: bool = True
    smoothing: int = 0  # steps that loss curves are smoothed over
    scales: Scales = field(default_factory=Scales, compare=False, repr=False)


@dataclass(frozen=True)
class Axes:
    """The limits that all cells share."""

    x: Span | None = None
    y: Span | None = None


class Small(ABC):
    """A view of a lane in a small picture, beside those of other lanes."""

    curved: ClassVar[bool] = False  # whether it shows the trace beside the snapshot
    layered: ClassVar[bool] = False  # whether a single layer can be shown
    single: ClassVar[bool] = False  # whether a single layer is all that it can show

    @abstractmethod
    def axes(self, lanes: Sequence[Look], choice: Choice) -> Axes:
        """Limits for all lanes."""

    @abstractmethod
    def plot(self, lane: Look, axes: Axes, choice: Choice, width: int, height: int, *, y_labels: bool) -> Plot:
        """The picture, of exactly that size; with `y_labels`, the first columns (`plots.axes.GUTTER`) are for them."""

    @abstractmethod
    def figures(self, lane: Look, layer: int | None) -> Sequence[Sequence[str]]:
        """The numbers under a picture: for each line what it says, the longest form first."""

    def legend(self, snapshot: Snapshot, choice: Choice, width: int) -> Sequence[Row]:
        """What the colours, marks or heights of all pictures stand for, the most important row first."""
        return ()
