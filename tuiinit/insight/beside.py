"""Networks side by side that were not made to be: at one step, and with the rows that all of them have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import msgspec

from ..stream.history import LaneHistory
from ..stream.protocol import Snapshot
from .look import Look


@dataclass(frozen=True)
class Beside:
    """Networks at one step.

    Attributes:
        step: what was measured there, or last before it, is shown.
        looks: one of each network; with equal rows and matrices in an equal order, if they are aligned.
        apart: the names of rows and matrices that not all of them have.
    """

    step: int
    looks: tuple[Look, ...]
    apart: tuple[str, ...]
    measured: tuple[Snapshot | None, ...]  # the snapshots as they came
    aligned: bool


def beside(
    histories: Sequence[LaneHistory], past: int | None, *, aligned: bool, before: Beside | None = None
) -> Beside:
    """Put networks side by side.

    Args:
        histories: what is kept of each.
        past: the step to look at; None is the newest that all of them have reached.
        aligned: whether rows and matrices that not all have are left out, and all are in the first one's order.
        before: an earlier record, whose parts are used again where nothing has changed.
    """
    newest = [history.snapshots.newest for history in histories]
    step = min((snapshot.step for snapshot in newest if snapshot is not None), default=0) if past is None else past
    looks = [replace(Look.of(history, step), past=past) for history in histories]  # curves are whole, or end there
    measured = tuple(look.snapshot for look in looks)
    known = [snapshot for snapshot in measured if snapshot is not None]
    rows = _common([[a.layer for a in snapshot.activations] for snapshot in known])
    matrices = _common([[w.name for w in snapshot.weights] for snapshot in known])
    if not rows or not matrices:  # other networks altogether: each is shown as it is
        aligned = False
    apart = tuple(
        dict.fromkeys(
            name
            for snapshot in known
            for names, common in (
                ((a.layer for a in snapshot.activations), rows),
                ((w.name for w in snapshot.weights), matrices),
            )
            for name in names
            if name not in common
        )
    )
    if aligned:
        same = before is not None and before.aligned and _same(before.measured, measured)
        shown = [look.snapshot for look in before.looks] if same and before else [
            _aligned(snapshot, rows, matrices) for snapshot in measured
        ]  # fmt: skip
        looks = [replace(look, snapshot=snapshot) for look, snapshot in zip(looks, shown, strict=True)]
    return Beside(step, tuple(looks), apart, measured, aligned)


def _common(names: Sequence[Sequence[str]]) -> list[str]:
    """The names that are in all lists, in the order of the first."""
    if not names:
        return []
    others = [set(some) for some in names[1:]]
    return [name for name in names[0] if all(name in some for some in others)]


def _aligned(snapshot: Snapshot | None, rows: Iterable[str], matrices: Iterable[str]) -> Snapshot | None:
    if snapshot is None:
        return None
    by_row, by_matrix = {a.layer: a for a in snapshot.activations}, {w.name: w for w in snapshot.weights}
    activations, weights = tuple(by_row[name] for name in rows), tuple(by_matrix[name] for name in matrices)
    if (activations, weights) == (snapshot.activations, snapshot.weights):
        return snapshot
    return msgspec.structs.replace(snapshot, activations=activations, weights=weights)


def _same(one: Sequence[object], other: Sequence[object]) -> bool:
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))
