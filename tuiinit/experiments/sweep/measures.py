"""What a sweep measures of a run, and the spread of it over seeds."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import numpy as np

from ...config.nonlinearities import range_of
from ...config.own import OwnConfig
from ...stream.protocol import Activation
from ..runs import Result
from .plan import Point

LOSS_STEPS = 100  # the training loss is the mean over so many last steps, at most
LOSS_SHARE = 5  # and over no more than this part of them: a fifth


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """One run after its steps. Losses in nats; of a run that diverged only its start and end are told."""

    seed: int
    device: str
    initial_loss: float | None
    diverged_at: int | None = None  # the step whose loss was not finite
    loss: float | None = None  # training loss, mean of the last min(100, steps / 5) steps
    dev_loss: float | None = None  # null, too, where a person's setup has no dev batches
    layers: int | None = None  # that the figures over layers are of
    std_first: float | None = None  # of the first layer's outputs
    std_last: float | None = None  # of the last layer's
    std_ratio: float | None = None  # last / first
    std_slope: float | None = None  # least-squares slope of ln std over layers
    saturated: float | None = None  # of the most saturated layer, share 0…1; null where none can be
    dead: float | None = None  # dead units in all layers
    grad_ratio: float | None = None  # std of the gradient at the first layer's outputs / at the last's
    update_data_log10: float | None = None  # median over matrices of log10 update:data in the last step
    update_data_spread: float | None = None  # its largest less its smallest, in powers of ten


AVERAGED = (
    "loss", "dev_loss", "initial_loss", "std_first", "std_last", "std_ratio", "std_slope", "saturated", "dead",
    "grad_ratio", "update_data_log10", "update_data_spread",
)  # fmt: skip


def measures(result: Result, steps: int) -> Measures:
    """What a sweep keeps of a run of `steps` steps."""
    start = result.snapshots.get(1) or result.snapshots.get(0)
    initial = _finite(start.initial_loss if start else None)
    seed, device = result.configuration.seed, result.device
    snapshot = result.snapshots.get(steps)
    if result.diverged_at is not None or snapshot is None:
        return Measures(seed=seed, device=device, initial_loss=initial, diverged_at=result.diverged_at)
    evaluation = result.evaluations.get(steps)
    rows = _alike(snapshot.activations)
    stds = [a.std for a in rows]
    own = isinstance(result.configuration, OwnConfig)  # of our network's rows the person knows the nonlinearity
    shares = [a.saturated for a in snapshot.activations if not own or range_of(a.kind).bounded]
    shares = [share for share in shares if math.isfinite(share)]
    ratios = [w.update_data_log10 for w in snapshot.weights if w.update_data_log10 is not None]
    ratios = [ratio for ratio in ratios if math.isfinite(ratio)]
    tail = result.loss[-max(1, min(LOSS_STEPS, steps // LOSS_SHARE)) :].astype(np.float64)
    return Measures(
        seed=seed,
        device=device,
        initial_loss=initial,
        loss=_finite(float(tail.mean())),
        dev_loss=_finite(evaluation.dev if evaluation else None),
        layers=len(rows),
        std_first=_finite(stds[0]) if stds else None,
        std_last=_finite(stds[-1]) if stds else None,
        std_ratio=_ratio(stds[-1], stds[0]) if stds else None,
        std_slope=log_slope(stds),
        saturated=max(shares, default=None),
        dead=float(sum(len(a.dead) for a in snapshot.activations)),
        grad_ratio=_ratio(rows[0].grad_std, rows[-1].grad_std) if rows else None,
        update_data_log10=statistics.median(ratios) if ratios else None,
        update_data_spread=max(ratios) - min(ratios) if ratios else None,
    )


def _alike(rows: Sequence[Activation]) -> list[Activation]:
    """The rows of the kind that most are of, the first such kind: layers that can be held against each other."""
    kinds = Counter(row.kind for row in rows)
    kind = max(kinds, key=kinds.__getitem__, default=None)
    return [row for row in rows if row.kind == kind]


def log_slope(stds: Sequence[float]) -> float | None:
    """Least-squares slope of ln std over the layer's number; None where there is no line or no logarithm."""
    if len(stds) < 2 or not all(0 < std < math.inf for std in stds):
        return None
    return float(np.polyfit(np.arange(len(stds)), np.log(stds), 1)[0])


def _ratio(above: float, below: float) -> float | None:
    return _finite(above / below) if below > 0 else None  # not of NaN, which is above nothing


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


class Spread(NamedTuple):
    """A figure over seeds: its mean, and the (n − 1) std, which one seed does not have."""

    mean: float
    std: float | None


@dataclass(frozen=True)
class Cell:
    """One place of the grid with its runs, one a seed; or why it failed."""

    point: Point
    runs: tuple[Measures, ...] = ()
    failure: str = ""

    @property
    def diverged_at(self) -> int | None:
        """The first step at which a seed's loss was not finite."""
        return min((run.diverged_at for run in self.runs if run.diverged_at is not None), default=None)

    @property
    def judged_by(self) -> str:
        """The loss that cells are held against each other by: `dev_loss`, or `loss` where there are no dev batches."""
        own = isinstance(self.point.configs[0], OwnConfig)
        return "loss" if own and all(run.dev_loss is None for run in self.runs) else "dev_loss"

    @property
    def sound(self) -> bool:
        """Whether every seed came through with a finite loss."""
        return bool(self.runs) and all(getattr(run, self.judged_by) is not None for run in self.runs)

    def values(self, name: str) -> list[float]:
        """A figure of each run that has it."""
        return [value for run in self.runs if (value := getattr(run, name)) is not None]

    def spread(self, name: str) -> Spread | None:
        """A figure's mean and std over the seeds that have it."""
        values = self.values(name)
        if not values:
            return None
        return Spread(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None)

    def mean(self, name: str) -> float | None:
        """A figure's mean over the seeds that have it."""
        spread = self.spread(name)
        return spread.mean if spread else None

    def table(self) -> dict[str, Any]:
        """The cell as plain values for JSON."""
        record: dict[str, Any] = {"gain": self.point.gain, "bn": self.point.bn, **dict(self.point.at)}
        for name in AVERAGED:
            spread = self.spread(name)
            record[name] = None if spread is None else spread._asdict()
        record["diverged_at"] = self.diverged_at
        record["failure"] = self.failure or None
        record["runs"] = [msgspec.to_builtins(run) for run in self.runs]
        return record
