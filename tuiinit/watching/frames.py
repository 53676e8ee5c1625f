"""A measured step as frames of the stream: the table of its rows where that is new, its figures, and where it is."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..host.visible import cut
from ..measure.fetch import Described
from ..measure.rows import Row
from ..stream import protocol
from ..stream.protocol import (
    Activation,
    BatchNorm,
    Histogram,
    Lane,
    LaneStatus,
    MatrixShape,
    RowShape,
    Shape,
    Snapshot,
    Status,
    Trace,
    Units,
    Vector,
    Weight,
)
from ..stream.texts import LONGEST_NAME
from .step import Step
from .weights import Parameter, log_ratio

NAN = math.nan
EMPTY = Histogram(lo=0.0, hi=0.0, counts=(0,), outside=0.0)
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
        rows = [row for row in step.rows if row.output() is not None]
        matrices = [p for p in step.parameters if len(p.shape) > 1]
        vectors = [p for p in step.parameters if len(p.shape) <= 1]
        shape = Shape(
            rows=tuple(_row_shape(row) for row in rows),
            matrices=tuple(MatrixShape(name=_cut(p.name), shape=p.shape) for p in matrices),
            norms=tuple(Units(name=_cut(name), width=asked().shape[1]) for name, asked in step.norms),
            vectors=tuple(Units(name=_cut(p.name), width=p.shape[0] if p.shape else 1) for p in vectors),
        )
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
        weights = tuple(_weight(p) for p in matrices)
        frames.append(
            Snapshot(
                lane=known,
                step=about.step,
                epoch=0.0,
                loss=loss,
                initial_loss=self._first_loss,
                parameters=about.parameters,
                lr=step.lr if step.lr is not None and math.isfinite(step.lr) else None,
                batch_size=rows[0].shape[0] if rows and rows[0].shape else None,
                optimizer=about.optimizer,
                activations=tuple(_activation(row, step.factor) for row in rows),
                weights=weights,
                batch_norms=tuple(_norm(name, asked()) for name, asked in step.norms),
                vectors=tuple(_vector(p) for p in vectors),
                probe_rows=0,
                cost=about.cost,
                micro_batches=step.micro_batches,
                skipped=about.skipped,
                scaled=step.factor is None,
            )
        )
        moved = [NAN if w.update_data_log10 is None else w.update_data_log10 for w in weights]
        told = NAN if loss is None else loss
        frames.append(
            Trace(
                lane=known,
                first_step=about.step,
                loss=struct.pack("<f", _float32(told)),
                update_data=struct.pack(f"<{len(moved)}f", *moved),
            )
        )
        where = LaneStatus(lane=known, step=about.step, epoch=0.0, steps_per_epoch=0, diverged_at=None)
        frames.append(
            Status(
                running=True,
                catching_up=False,
                clock=about.step,
                target=None,
                lanes=(where,),
                steps_per_second=about.speed,
                measuring=about.share,
            )
        )
        return frames


def _cut(name: str) -> str:
    return cut(name, LONGEST_NAME - 20)


def _row_shape(row: Row) -> RowShape:
    """Units (channels) alone: other dimensions may change from step to step, as a text's length does."""
    return RowShape(
        name=_cut(row.name),
        kind=row.activation or row.kind,
        shape=_units(row),
        call=row.call,
        module=row.kind if row.activation and row.module is not None else "",
    )


def _units(row: Row) -> tuple[int, ...]:
    return () if row.axis is None else (row.shape[row.axis],)


def _activation(row: Row, factor: float | None) -> Activation:
    shape = _row_shape(row)
    output = row.output()
    grad = row.grad() if row.grad is not None else None
    scale = 1 / factor if factor else 1.0
    mean, std, histogram = _figures(output)
    grad_mean, grad_std, grad_histogram = _figures(grad)
    return Activation(
        layer=shape.label,
        kind=shape.kind,
        width=shape.width,
        mean=mean,
        std=std,
        saturated=row.saturated() if row.saturated is not None else NAN,
        histogram=histogram,
        grad_mean=grad_mean * scale,
        grad_std=grad_std * abs(scale),
        grad_mean_abs=NAN,
        grad_histogram=_scaled(grad_histogram, scale),
        dead=(),
        saturation_rows=0,
        saturation=b"",
    )


def _norm(name: str, told: NDArray[np.float64]) -> BatchNorm:
    mean, var, running_mean, running_var, gamma, beta = (row.astype("<f4").tobytes() for row in told)
    return BatchNorm(
        layer=_cut(name),
        mean=mean,
        var=var,
        running_mean=running_mean,
        running_var=running_var,
        gamma=gamma,
        beta=beta,
    )


def _figures(told: Described | None) -> tuple[float, float, Histogram]:
    """Mean, std, histogram; NaN where a value was not finite or there was none."""
    if told is None or not told.finite:
        return NAN, NAN, EMPTY
    return told.mean, told.std, told.histogram


def _scaled(histogram: Histogram, by: float) -> Histogram:
    low, high = histogram.lo * by, histogram.hi * by
    if by < 0:
        return Histogram(lo=high, hi=low, counts=histogram.counts[::-1], outside=histogram.outside)
    return Histogram(lo=low, hi=high, counts=histogram.counts, outside=histogram.outside)


def _weight(parameter: Parameter) -> Weight:
    mean, std, histogram = _figures(parameter.data() if parameter.data is not None else None)
    grad_mean, grad_std, grad_histogram = _figures(parameter.grad() if parameter.grad is not None else None)
    ratio = grad_std / std if std > 0 else NAN
    return Weight(
        name=_cut(parameter.name),
        shape=parameter.shape,
        mean=mean,
        std=std,
        histogram=histogram,
        grad_mean=grad_mean,
        grad_std=grad_std,
        grad_histogram=grad_histogram,
        grad_data_ratio=ratio if math.isfinite(ratio) else None,
        update_data_log10=_moved(parameter, std),
    )


def _vector(parameter: Parameter) -> Vector:
    mean, std, _ = _figures(parameter.data() if parameter.data is not None else None)
    _, grad_std, _ = _figures(parameter.grad() if parameter.grad is not None else None)
    width = parameter.shape[0] if parameter.shape else 1
    return Vector(
        name=_cut(parameter.name),
        shape=(width,),
        mean=mean,
        std=std,
        grad_std=grad_std,
        update_data_log10=_moved(parameter, std),
    )


def _moved(parameter: Parameter, std: float) -> float | None:
    return None if parameter.update is None else log_ratio(parameter.update(), std)


def _float32(value: float) -> float:
    return value if math.isnan(value) or abs(value) < 3e38 else NAN
