"""What a claim is: networks, figures measured on them, and what the figures must show."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ...stream import protocol
from ..runs import Result
from .networks import Wanted

Figures = dict[str, float]  # short names; NaN is what could not be measured
Array = npt.NDArray[np.float64]
Verdict = Literal["holds", "holds in part", "fails"]

TAIL = 100  # steps over which a curve of update:data is averaged


class MissingError(RuntimeError):
    """A network did not get as far as its claim needs it: one sentence."""


class Net:
    """What was measured of one lane of a claim. Steps are the lane's last unless told; layers come first to last.

    Every method raises MissingError if the network diverged before.
    """

    def __init__(self, name: str, lane: Wanted, result: Result) -> None:
        self.name = name
        self.steps = lane.steps
        self._result = result

    def _missing(self) -> MissingError:
        return MissingError(f"the loss of the network “{self.name}” was not finite at step {self._result.diverged_at}")

    def snapshot(self, step: int | None = None) -> protocol.Snapshot:
        """The snapshot of a step."""
        found = self._result.snapshots.get(self.steps if step is None else step)
        if found is None:
            raise self._missing()
        return found

    @property
    def evaluation(self) -> protocol.Evaluation:
        """Dev losses."""
        found = self._result.evaluations.get(self.steps)
        if found is None:
            raise self._missing()
        return found

    @property
    def dev(self) -> float:
        """Dev loss, with batch norm in eval mode; NaN if not finite."""
        return number(self.evaluation.dev)

    @property
    def best_dev(self) -> float:
        """The lowest dev loss of all that were measured, at each epoch's end too."""
        if self.steps not in self._result.evaluations:
            raise self._missing()
        losses = [number(seen.dev) for step, seen in self._result.evaluations.items() if step <= self.steps]
        return min((loss for loss in losses if math.isfinite(loss)), default=math.nan)

    @property
    def inspection(self) -> protocol.Inspection:
        """The closer look."""
        found = self._result.inspections.get(self.steps)
        if found is None:
            raise self._missing()
        return found

    def std(self, step: int | None = None) -> Array:
        """Std of each nonlinearity's outputs (layers,)."""
        return np.array([layer.std for layer in self.snapshot(step).activations])

    def second_moment(self, step: int | None = None) -> Array:
        """Mean square of each nonlinearity's outputs (layers,)."""
        return np.array([layer.std**2 + layer.mean**2 for layer in self.snapshot(step).activations])

    def saturated(self, step: int | None = None) -> Array:
        """Share of each nonlinearity's outputs that is saturated (layers,)."""
        return np.array([layer.saturated for layer in self.snapshot(step).activations])

    def grad_std(self, step: int | None = None) -> Array:
        """Std of the gradient at each nonlinearity's outputs (layers,)."""
        return np.array([layer.grad_std for layer in self.snapshot(step).activations])

    def dead(self, step: int | None = None) -> int:
        """Dead units of all layers."""
        return sum(len(layer.dead) for layer in self.snapshot(step).activations)

    def weight_grads(self, step: int | None = None) -> Array:
        """Std of the gradient of each weight: embedding, hidden layers, output (layers + 2,)."""
        return np.array([weight.grad_std for weight in self.snapshot(step).weights])

    def weight_std(self, step: int | None = None) -> Array:
        """Std of each weight: embedding, hidden layers, output (layers + 2,)."""
        return np.array([weight.std for weight in self.snapshot(step).weights])

    def update_data(self, step: int | None = None) -> Array:
        """log10 update:data of each weight at one step (layers + 2,); NaN where a weight did not move."""
        curves = self._curves(self.steps if step is None else step)
        return finite(curves[-1])

    def mean_update_data(self, step: int | None = None) -> Array:
        """log10 update:data of each weight, averaged over the TAIL steps up to `step` (layers + 2,)."""
        curves = self._curves(self.steps if step is None else step)
        return finite(curves[-TAIL:].mean(axis=0))

    def _curves(self, step: int) -> Array:
        curves = self._result.update_data.astype(np.float64)
        if len(curves) < step:
            raise self._missing()
        return curves[:step]

    def loss(self, step: int | None = None) -> float:
        """Training loss, averaged over the TAIL steps up to `step`."""
        losses = self._result.loss.astype(np.float64)
        end = self.steps if step is None else step
        if len(losses) < end:
            raise self._missing()
        return float(losses[max(0, end - TAIL) : end].mean())


@dataclass(frozen=True)
class Bench:
    """The networks of one claim and one seed, by name, and the data behind them."""

    nets: Mapping[str, Net]
    data: protocol.DataInfo

    def __getitem__(self, name: str) -> Net:
        return self.nets[name]


@dataclass(frozen=True)
class Part:
    """One thing that the figures of a seed must show."""

    text: str
    holds: Callable[[Figures], bool]


@dataclass(frozen=True)
class Claim:
    """A sentence of the notes, and the experiment that puts it to the test.

    Args:
        id: C01 … C32.
        text: the claim in one sentence.
        lanes: the networks, by name.
        measure: figures of one seed; raises MissingError.
        parts: what the figures must show, the heart of the claim first.
        reason: what was found, with {figure names} in it, as in str.format.
    """

    id: str
    text: str
    lanes: Mapping[str, Wanted]
    measure: Callable[[Bench], Figures]
    parts: tuple[Part, ...]
    reason: str

    def judge(self, by_seed: list[Figures], missing: list[str] | None = None) -> Judgement:
        """Weigh the figures of all seeds.

        The claim holds if every part does on every seed; it fails if its first part does on half of the
        seeds or fewer; it holds in part otherwise.

        Args:
            by_seed: figures; empty for a seed on which a network did not get far enough.
            missing: one sentence for each such seed.
        """
        seeds = len(by_seed)
        agreed = [sum(bool(figures) and part.holds(figures) for figures in by_seed) for part in self.parts]
        verdict: Verdict = "holds in part"
        if all(count == seeds for count in agreed):
            verdict = "holds"
        elif agreed[0] <= seeds / 2:
            verdict = "fails"
        measured = [figures for figures in by_seed if figures]
        names = measured[0] if measured else {}
        medians = {name: float(np.median([figures[name] for figures in measured])) for name in names}
        sentences = [re.sub(r"\bnan%?", "–", self.reason.format_map(medians)) + "."] if medians else []
        for part, count in zip(self.parts, agreed, strict=True):
            if count < seeds:
                sentences.append(f"{f'So on {count} of {seeds} seeds only' if count else 'Not so'}: {part.text}.")
        if verdict == "holds":
            sentences.append(f"So on {seeds} of {seeds} seeds." if seeds > 1 else "So on the one seed tried.")
        if missing:
            sentences.append(f"{missing[0][:1].upper()}{missing[0][1:]} ({len(missing)} of {seeds} seeds).")
        together = sum(bool(figures) and all(part.holds(figures) for part in self.parts) for figures in by_seed)
        medians |= {"seeds": float(seeds), "seeds that agree": float(together)}
        return Judgement(verdict, " ".join(sentences), medians)


@dataclass(frozen=True)
class Judgement:
    """A verdict, why, and the figures: medians over the seeds."""

    verdict: Verdict
    reason: str
    figures: Figures


def number(value: float | None) -> float:
    """The value, or NaN for none."""
    return math.nan if value is None else value


def finite(values: Array) -> Array:
    """Infinite values made NaN: log10 of nothing."""
    return np.where(np.isfinite(values), values, math.nan)


def spread(values: Array) -> float:
    """Largest over smallest."""
    return float(values.max() / values.min()) if values.min() > 0 else math.nan


def growth(first: float, last: float, layers: int) -> float:
    """Factor per layer from the first to the last of `layers`."""
    return float((last / first) ** (1 / (layers - 1))) if first > 0 else math.nan
