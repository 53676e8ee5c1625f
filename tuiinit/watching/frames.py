"""A measured step as frames of the stream: the table of its rows where that is new, its figures, and where it is."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from ..measure.step import Step
from ..measure.table import Table
from ..stream import protocol
from ..stream.fitting import fitted
from ..stream.protocol import Lane, LaneStatus, Shape, Snapshot, Status, Trace

NAN = math.nan
TABLES = 32  # different tables of rows that are told of one run; a step of yet another one is left out


@dataclass(frozen=True)
class Circumstances:
    """What is told with a step but not measured in it."""

    step: int
    optimizer: str
    parameters: int
    speed: float  # steps a second
    share: float  # of the time that measuring takes
    skipped: int  # steps that a GradScaler left out, as far as seen
    cost: float  # seconds


class Frames:
    """Makes frames of measured steps, each with the table that it needs."""

    def __init__(self, lane: str) -> None:
        self._name = lane
        self._tables: dict[Shape, str] = {}
        self._lane = ""
        self._first_loss: float | None = None

    def of(self, step: Step, about: Circumstances) -> list[protocol.Frame]:
        """The frames of one step, nothing where it fits no table."""
        table = Table(step)
        shape = table.shape
        frames: list[protocol.Frame] = []
        if (known := self._tables.get(shape)) is None:
            if len(self._tables) >= TABLES:
                return []
            known = self._name if not self._tables else f"{self._name} {len(self._tables) + 1}"
            self._tables[shape] = known
        if known != self._lane:
            frames.append(Lane(lane=known, shape=shape, continues=self._lane or None))
            self._lane = known
        losses = [loss for loss in step.losses if math.isfinite(loss)]
        loss = sum(losses) / len(losses) if losses and len(losses) == len(step.losses) else None
        if self._first_loss is None:
            self._first_loss = loss
        weights = table.weights()
        snapshot = Snapshot(
            lane=known,
            step=about.step,
            epoch=0.0,
            loss=loss,
            initial_loss=self._first_loss,
            parameters=about.parameters,
            lr=step.lr if step.lr is not None and math.isfinite(step.lr) else None,
            batch_size=table.batch_size,
            optimizer=about.optimizer,
            activations=table.activations(),
            weights=weights,
            batch_norms=table.norms(),
            vectors=table.vectors(),
            probe_rows=table.probe_rows,
            cost=about.cost,
            micro_batches=step.micro_batches,
            skipped=about.skipped,
            scaled=step.factor is None,
        )
        frames.append(fitted(snapshot))
        moved = [NAN if w.update_data_log10 is None else w.update_data_log10 for w in weights]
        finite = NAN if loss is None else loss
        frames.append(
            Trace(
                lane=known,
                first_step=about.step,
                loss=struct.pack("<f", _float32(finite)),
                update_data=struct.pack(f"<{len(moved)}f", *moved),
            )
        )
        frames.append(self._status(about.step, about.speed, about.share))
        return frames

    def block(self, first: int, losses: list[float], speed: float, share: float) -> list[protocol.Frame]:
        """The frames of steps that were not measured, nothing before the first table. Losses may not be known."""
        if not self._lane:
            return []
        status = self._status(first + len(losses) - 1, speed, share)
        if not losses:
            return [status]
        packed = struct.pack(f"<{len(losses)}f", *map(_float32, losses))
        return [Trace(lane=self._lane, first_step=first, loss=packed, update_data=b""), status]

    def _status(self, step: int, speed: float, share: float) -> Status:
        where = LaneStatus(lane=self._lane, step=step, epoch=0.0, steps_per_epoch=0, diverged_at=None)
        return Status(
            running=True,
            catching_up=False,
            clock=step,
            target=None,
            lanes=(where,),
            steps_per_second=speed,
            measuring=share,
        )


def _float32(value: float) -> float:
    return value if math.isnan(value) or abs(value) < 3e38 else NAN
