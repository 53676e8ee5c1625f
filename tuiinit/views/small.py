"""What a small picture is that can stand beside those of other lanes: it is drawn with the axes of all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..insight.look import Look
from ..plots import Plot
from ..stream.protocol import Snapshot

Span = tuple[float, float]


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
    def axes(self, lanes: Sequence[Look], layer: int | None) -> Axes:
        """Limits for all lanes; `layer` is the one that is shown alone, None shows all."""

    @abstractmethod
    def plot(self, lane: Look, axes: Axes, layer: int | None, width: int, height: int, *, y_labels: bool) -> Plot:
        """The picture, of exactly that size."""

    @abstractmethod
    def figures(self, lane: Look, layer: int | None) -> Sequence[Sequence[str]]:
        """The numbers under a picture: for each line what it says, the longest form first."""

    def names(self, snapshot: Snapshot) -> Sequence[str]:
        """What its colours stand for, from the first to the last; none where they need no legend."""
        return ()

    def marks(self, names: Sequence[str]) -> Sequence[str]:
        """The characters that tell curves of these names apart; none where colours alone do."""
        return ()
