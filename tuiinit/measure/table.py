"""A measured step of any model as records of the stream: the table of its rows, and the figures of each part."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..host.visible import cut
from ..stream.protocol import (
    Activation,
    BatchNorm,
    Histogram,
    MatrixShape,
    RowShape,
    Shape,
    Units,
    Vector,
    Weight,
)
from ..stream.texts import LONGEST_NAME
from .fetch import Described
from .parameters import Parameter, log_ratio
from .rows import Row
from .step import Step

NAN = math.nan
EMPTY = Histogram(lo=0.0, hi=0.0, counts=(0,), outside=0.0)


class Table:
    """The records of a measured step whose figures were fetched, rows without an output left out."""

    def __init__(self, step: Step) -> None:
        self._factor = step.factor
        self._rows = [row for row in step.rows if row.output() is not None]
        self._matrices = [p for p in step.parameters if len(p.shape) > 1]
        self._vectors = [p for p in step.parameters if len(p.shape) <= 1]
        self._norms = [(name, asked()) for name, asked in step.norms]
        self.shape = Shape(
            rows=tuple(_row_shape(row) for row in self._rows),
            matrices=tuple(MatrixShape(name=_cut(p.name), shape=p.shape) for p in self._matrices),
            norms=tuple(Units(name=_cut(name), width=figures.shape[1]) for name, figures in self._norms),
            vectors=tuple(Units(name=_cut(p.name), width=p.shape[0] if p.shape else 1) for p in self._vectors),
        )

    @property
    def batch_size(self) -> int | None:
        """Examples, as far as the first row shows them."""
        return self._rows[0].shape[0] if self._rows and self._rows[0].shape else None

    @property
    def probe_rows(self) -> int:
        """Values by which each unit was found dead or not, at least; 0 where none was looked at."""
        return min((row.flatness().rows for row in self._rows if row.flatness is not None), default=0)

    def activations(self) -> tuple[Activation, ...]:
        """A record a row; gradients are of the loss as it was before division and scaling, where that is known."""
        return tuple(_activation(row, self._factor) for row in self._rows)

    def fitted(self, shape: Shape) -> tuple[Activation, ...]:
        """A record a row of another step's shape: what this step lacks is NaN, what it has besides is left out."""
        found = {(a.layer, a.kind, a.width): a for a in self.activations()}
        return tuple(found.get((row.label, row.kind, row.width)) or _missing(row) for row in shape.rows)

    def weights(self) -> tuple[Weight, ...]:
        """A record a matrix."""
        return tuple(map(_weight, self._matrices))

    def vectors(self) -> tuple[Vector, ...]:
        """A record a parameter of one dimension or none."""
        return tuple(map(_vector, self._vectors))

    def norms(self) -> tuple[BatchNorm, ...]:
        """A record a batch norm that keeps running statistics."""
        return tuple(_norm(name, figures) for name, figures in self._norms)


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
    flatness = row.flatness() if row.flatness is not None else None
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
        dead=flatness.dead if flatness is not None else (),
        saturation_rows=flatness.examples if flatness is not None else 0,
        saturation=flatness.bits if flatness is not None else b"",
    )


def _missing(row: RowShape) -> Activation:
    return Activation(
        layer=row.label,
        kind=row.kind,
        width=row.width,
        mean=NAN,
        std=NAN,
        saturated=NAN,
        histogram=EMPTY,
        grad_mean=NAN,
        grad_std=NAN,
        grad_mean_abs=NAN,
        grad_histogram=EMPTY,
        dead=(),
        saturation_rows=0,
        saturation=b"",
    )


def _norm(name: str, figures: NDArray[np.float64]) -> BatchNorm:
    mean, var, running_mean, running_var, gamma, beta = (row.astype("<f4").tobytes() for row in figures)
    return BatchNorm(
        layer=_cut(name),
        mean=mean,
        var=var,
        running_mean=running_mean,
        running_var=running_var,
        gamma=gamma,
        beta=beta,
    )


def _figures(described: Described | None) -> tuple[float, float, Histogram]:
    """Mean, std, histogram; NaN where a value was not finite or there was none."""
    if described is None or not described.finite:
        return NAN, NAN, EMPTY
    return described.mean, described.std, described.histogram


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
