"""Findings about a run while it trains, from its snapshots as they come. Quiet when all is well.

Thresholds are wider than those of a check: a healthy run of Adam moves small matrices by more than 1 % a step while it
begins, and by 1e-5 once its learning rate has decayed.
"""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence

from ..stream.protocol import Activation, Snapshot, Vector, Weight, floats
from .check.finding import CheckFinding
from .findings.words import power

DEAD = 0.999  # share of an activation's outputs where it is flat
FAST, SLOW = -1.0, -6.0  # log10 of update:data, beyond which a matrix is torn about or stands still
WHILE = 5  # measured steps in a row, in which something must be so
BEGUN = 20  # steps, before which updates are large by nature
VANISHED = 1e-4  # gradient norm of the first matrices / the last ones'
ENDS = 3  # matrices that are the first or the last ones
APART, FACTOR = 1.0, 4.0  # stds between a batch's mean and the running one; batch variance ÷ running one, or inverse


class Watchman:
    """Looks at a run's snapshots in their order."""

    def __init__(self) -> None:
        self._first_nan: CheckFinding | None = None
        self._moves: dict[str, deque[float]] = {}
        self._ratios: deque[float] = deque(maxlen=WHILE)
        self._stale: dict[str, int] = {}

    def look(self, snapshot: Snapshot) -> list[CheckFinding]:
        """What is to be said now."""
        if self._first_nan is None:
            self._first_nan = _first_nan(snapshot)
        found = [self._first_nan] if self._first_nan is not None else []
        found += [finding for row in snapshot.activations if (finding := _died(row)) is not None]
        found += [finding for w in snapshot.weights if (finding := self._moved(w, snapshot.step)) is not None]
        if (vanished := self._vanished(snapshot.weights)) is not None:
            found.append(vanished)
        return found + self._norms(snapshot)

    def _moved(self, weight: Weight, step: int) -> CheckFinding | None:
        ratio = weight.update_data_log10
        moves = self._moves.setdefault(weight.name, deque(maxlen=WHILE))
        if ratio is None or step < BEGUN:
            moves.clear()
            return None
        moves.append(ratio)
        if len(moves) < WHILE or (min(moves) < FAST and max(moves) > SLOW):
            return None
        share = f"about {power(statistics.median(moves))}"
        if min(moves) >= FAST:
            text = f"{weight.name} changes by {share} of its size in each step: the learning rate is too high for it"
        else:
            text = f"{weight.name} changes by only {share} of its size in each step: it hardly learns"
        return CheckFinding("update-data", "warn", weight.name, text)

    def _vanished(self, weights: tuple[Weight, ...]) -> CheckFinding | None:
        norms = [(w.grad_std * math.sqrt(math.prod(w.shape)), w.name) for w in weights if math.isfinite(w.grad_std)]
        if len(norms) < 2 * ENDS:
            return None
        first, last = (statistics.median(norm for norm, _ in part) for part in (norms[:ENDS], norms[-ENDS:]))
        self._ratios.append(first / last if last > 0 else 1.0)
        if len(self._ratios) < WHILE or max(self._ratios) >= VANISHED:
            return None
        text = f"the gradient of {norms[0][1]} is {first / last:.0e} of the last layers': it has vanished on the way"
        return CheckFinding("vanishing-gradient", "warn", norms[0][1], text)

    def _norms(self, snapshot: Snapshot) -> list[CheckFinding]:
        found = []
        for norm in snapshot.batch_norms:
            mean, var, kept_mean, kept_var = (
                floats(part) for part in (norm.mean, norm.var, norm.running_mean, norm.running_var)
            )
            apart = statistics.median(
                abs(float(a - b)) / math.sqrt(max(float(v), 1e-12))
                for a, b, v in zip(mean, kept_mean, var, strict=True)
            )
            ratio = statistics.median(
                abs(math.log(max(float(a), 1e-12) / max(float(b), 1e-12))) for a, b in zip(var, kept_var, strict=True)
            )
            late = snapshot.step >= BEGUN * 5 and (apart > APART or ratio > math.log(FACTOR))
            self._stale[norm.layer] = self._stale.get(norm.layer, 0) + 1 if late else 0
            if self._stale[norm.layer] >= WHILE:
                text = f"{norm.layer}'s running statistics are far from what its batches show: model.eval() will differ"
                found.append(CheckFinding("stale-norm", "warn", norm.layer, text))
        return found


def latest(snapshots: Sequence[Snapshot]) -> list[CheckFinding]:
    """What is to be said at the last of a run's snapshots, few of which are looked at."""
    watchman, last = Watchman(), len(snapshots) - 1
    if last >= 0 and _first_nan(snapshots[last]) is not None:  # a network does not recover from it
        watchman.look(snapshots[bisect_left(range(last), 1, key=lambda i: _first_nan(snapshots[i]) is not None)])
    said: list[CheckFinding] = []
    for index in range(max(0, last + 1 - WHILE), last + 1):
        said = watchman.look(snapshots[index])
    return said


def _first_nan(snapshot: Snapshot) -> CheckFinding | None:
    for row in snapshot.activations:
        if not math.isfinite(row.mean):
            text = f"at step {snapshot.step:,} {row.layer} is the first row with a value that is no finite number"
            return CheckFinding("first-nan", "bad", row.layer, text)
    parameters: list[Weight | Vector] = [*snapshot.weights, *snapshot.vectors]
    for weight in parameters:
        if not math.isfinite(weight.mean):
            text = f"after step {snapshot.step:,} {weight.name} has a value that is no finite number"
            return CheckFinding("first-nan", "bad", weight.name, text)
    return None


def _died(row: Activation) -> CheckFinding | None:
    if not (math.isfinite(row.saturated) and row.saturated >= DEAD):
        return None
    text = f"{row.layer} is flat on {row.saturated:.1%} of its values: nearly nothing gets back through it"
    return CheckFinding("layer-died", "bad", row.layer, text)
