"""Which cell of a sweep to start from: the lowest dev loss, and among equals the healthiest."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ...config.nonlinearities import RANGES
from ...config.own import OwnConfig
from ...insight.thresholds import SATURATED_HIGH, STD_GROWS, STD_SHRINKS, UPDATE_FAST, UPDATE_SLOW
from .measures import Cell
from .plan import format_gain

RULES = (
    "A cell is a candidate if every seed ended with a finite dev loss (training loss where there are no dev batches).",
    "The lowest mean of it is best; a candidate ties with it if its mean is no further above than the larger of "
    "the two cells' stds over seeds. One seed has no spread, so nothing ties.",
    f"Among tied cells the healthiest is taken, the one that passes most of: no layer saturated above "
    f"{SATURATED_HIGH:.0%} (bounded nonlinearities), no dead units, std of the outputs last / first from "
    f"{STD_SHRINKS:g} to {STD_GROWS:g}, std of their gradients first / last from {STD_SHRINKS:g} to {STD_GROWS:g}, "
    f"median log10 update:data from {UPDATE_SLOW:g} to {UPDATE_FAST:g}.",
    "If that is a tie too: the smallest spread of update:data over matrices, then the lower dev loss.",
)


@dataclass(frozen=True)
class Choice:
    """The cell to start from, among some."""

    cell: Cell
    lowest: Cell  # the lowest mean dev loss, the chosen cell itself unless others tie
    tied: tuple[Cell, ...]  # within the seeds' spread of the lowest, the lowest among them, lowest first
    runner_up: Cell | None  # the next lowest after the lowest
    margin: float | None  # its mean dev loss less the lowest
    within_spread: bool | None  # whether the margin is no larger than the seeds' spread; None with one seed

    def table(self) -> dict[str, Any]:
        """The choice as plain values for JSON."""
        point = self.cell.point
        record: dict[str, Any] = {"gain": point.gain, "bn": point.bn, **dict(point.at)}
        spread = self.cell.spread(self.cell.judged_by)
        passed, of = health(self.cell)
        return record | {
            self.cell.judged_by: spread._asdict() if spread else None,
            "lowest": self.lowest.point.label,
            "tied": [cell.point.label for cell in self.tied],
            "runner_up": self.runner_up.point.label if self.runner_up else None,
            "margin": self.margin,
            "within_spread": self.within_spread,
            "health": {"passed": passed, "of": of},
            "reason": first_sentence(self),
        }


@dataclass(frozen=True)
class Recommendation:
    """The best without batch norm, with it, and of all; each None where no cell came through."""

    off: Choice | None
    on: Choice | None
    overall: Choice | None
    text: str  # three or four sentences, or one if nothing came through

    def best(self, bn: bool | None) -> Choice | None:
        """The best without batch norm, with it, or of all."""
        return {False: self.off, True: self.on, None: self.overall}[bn]

    def table(self) -> dict[str, Any]:
        """The recommendation as plain values for JSON."""
        choices = {"off": self.off, "on": self.on, "overall": self.overall}
        record: dict[str, Any] = {name: choice.table() if choice else None for name, choice in choices.items()}
        return record | {"text": self.text, "rules": list(RULES)}


def recommend(cells: Sequence[Cell]) -> Recommendation:
    """What to start from, by `RULES`."""
    off = choose([cell for cell in cells if cell.point.bn is False])
    on = choose([cell for cell in cells if cell.point.bn])
    overall = choose(cells)
    if overall is None:
        return Recommendation(None, None, None, _nothing(cells))
    sentences = (first_sentence(overall, of=len(cells)), _health_sentence(overall), _contrast(cells, off, on))
    return Recommendation(off, on, overall, " ".join(filter(None, sentences)))


def choose(cells: Sequence[Cell]) -> Choice | None:
    """The best of some cells, or None if none is a candidate."""
    ranked = sorted((cell for cell in cells if cell.sound), key=_dev)
    if not ranked:
        return None
    lowest = ranked[0]
    tied = [lowest, *(cell for cell in ranked[1:] if _ties(cell, lowest))]
    chosen = min(tied, key=lambda cell: (-health(cell)[0], _value(cell, "update_data_spread"), _dev(cell)))
    if len(ranked) == 1:
        return Choice(lowest, lowest, (lowest,), None, None, None)
    margin = _dev(ranked[1]) - _dev(lowest)
    known = _larger_std(ranked[1], lowest) is not None
    return Choice(chosen, lowest, tuple(tied), ranked[1], margin, _ties(ranked[1], lowest) if known else None)


def _dev(cell: Cell) -> float:
    return _value(cell, cell.judged_by)


def loss_name(cell: Cell) -> str:
    """The loss that a cell is judged by, in words."""
    return {"dev_loss": "dev loss", "loss": "training loss"}[cell.judged_by]


def _value(cell: Cell, name: str) -> float:
    mean = cell.mean(name)
    return math.inf if mean is None else mean


def _larger_std(one: Cell, other: Cell) -> float | None:
    spreads = [cell.spread(cell.judged_by) for cell in (one, other)]
    stds = [spread.std for spread in spreads if spread is not None and spread.std is not None]
    return max(stds, default=None)


def _ties(cell: Cell, lowest: Cell) -> bool:
    std = _larger_std(cell, lowest)
    return std is not None and _dev(cell) - _dev(lowest) <= std


def health(cell: Cell) -> tuple[int, int]:
    """How many of the checks a cell passes, and of how many that apply to it."""
    checks: list[tuple[str, Callable[[float], bool]]] = [
        ("dead", lambda dead: dead == 0),
        ("std_ratio", lambda ratio: STD_SHRINKS <= ratio <= STD_GROWS),
        ("grad_ratio", lambda ratio: STD_SHRINKS <= ratio <= STD_GROWS),
        ("update_data_log10", lambda ratio: UPDATE_SLOW <= ratio <= UPDATE_FAST),
    ]
    if _bounded(cell):
        checks.append(("saturated", lambda share: share <= SATURATED_HIGH))
    passed = [value is not None and check(value) for name, check in checks for value in [cell.mean(name)]]
    return sum(passed), len(checks)


def _bounded(cell: Cell) -> bool:
    """Whether the share of saturated outputs means saturation, and not zeros of a ReLU."""
    config = cell.point.configs[0]
    if isinstance(config, OwnConfig):
        return cell.mean("saturated") is not None
    return RANGES[config.nonlinearity].bounded


# ---------------------------------------------------------------------------------------------- sentences


def figure(value: float, form: str = "{:.3f}") -> str:
    """A number as `form` says, short where it is huge."""
    return form.format(value) if abs(value) < 1000 else f"{value:.1e}"


def with_spread(cell: Cell, name: str, form: str = "{:.3f}") -> str:
    """A figure with its spread over seeds: `2.371 ± 0.009`."""
    spread = cell.spread(name)
    if spread is None:
        return "–"
    text = figure(spread.mean, form)
    return text if spread.std is None else f"{text} ± {figure(spread.std, form)}"


def _seeds(cell: Cell) -> str:
    return f"{len(cell.runs)} seeds" if len(cell.runs) > 1 else "one seed"


def first_sentence(choice: Choice, of: int | None = None) -> str:
    """What to take, after how many steps, by how much it leads, and whether that is more than the seeds' spread."""
    cell, lowest = choice.cell, choice.lowest
    # What is best after few steps at one lr need not be later, or at another.
    lr = cell.point.configs[0].lr
    at = "" if lr is None or "lr" in dict(cell.point.at) else f" at lr {lr:.3g}"
    steps = cell.point.steps
    after = f"after {steps:,} step{'s' if steps > 1 else ''}{at}"
    loss = f"{loss_name(cell)} {with_spread(cell, cell.judged_by)}"
    start = f"Start with {cell.point.label}: {loss} {after} over {_seeds(cell)}"
    cells = f" of {of} cells" if of is not None and of > 1 else ""
    if choice.runner_up is None or choice.margin is None:
        return f"{start}, the only cell that came through{cells}."
    if len(choice.tied) == 1:
        close = "" if choice.within_spread is not None else " (one seed tells no spread)"
        beyond = ", more than the seeds' spread" if choice.within_spread is False else ""
        lead = f"{figure(choice.margin)} below the next, {choice.runner_up.point.label}{beyond}{close}"
        return f"{start}, the lowest{cells}, {lead}."
    passed, checks = health(cell)
    which = "itself the lowest" if cell is lowest else f"{_dev(cell) - _dev(lowest):.3f} above {lowest.point.label}"
    return (
        f"{start}, {which}; {len(choice.tied)} cells lie within the seeds' spread of the lowest "
        f"(the next is {choice.margin:.3f} behind it), and of these it is the healthiest, "
        f"with {passed} of {checks} checks passed."
    )


def _health_sentence(choice: Choice) -> str:
    cell = choice.cell
    parts = []
    config = cell.point.configs[0]
    layers = cell.runs[0].layers or 0 if isinstance(config, OwnConfig) else len(config.hidden)
    if (ratio := cell.mean("std_ratio")) is not None and layers > 1:
        parts.append(f"the outputs' std goes × {ratio:.2f} from the first of {layers} layers to the last")
    if (share := cell.mean("saturated")) is not None and _bounded(cell):
        parts.append(f"at most {100 * share:.1f} % of a layer's outputs are saturated")
    if (dead := cell.mean("dead")) is not None:
        parts.append(f"{dead:.3g} units are dead" if dead else "no unit is dead")
    if (ratio := cell.mean("grad_ratio")) is not None and layers > 1:
        parts.append(f"gradients go × {ratio:.2f} on the way back")
    if (ratio := cell.mean("update_data_log10")) is not None:
        spread = cell.mean("update_data_spread")
        over = f"; the fastest and the slowest matrix differ {_fold(spread)}" if spread is not None else ""
        parts.append(f"a median update is about {_power(ratio)} of the weights{over}")
    sentence = ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + (parts[-1] if parts else "nothing more")
    return f"There {sentence}."


def _power(log10: float) -> str:
    """A power of ten as a number of one digit: 6e-4."""
    if not -99 < log10 < 99:
        return f"10^{log10:.0f}"
    mantissa, exponent = f"{10**log10:.0e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def _fold(powers: float) -> str:
    """How many times larger something is that is so many powers of ten larger."""
    if powers > 6:
        return "over a million-fold"
    factor = 10**powers
    return f"{float(f'{factor:.2g}'):,.0f}-fold" if factor >= 10 else f"{factor:.1f}-fold"


def _contrast(cells: Sequence[Cell], off: Choice | None, on: Choice | None) -> str:
    """How much the gain matters with and without batch norm, over the cells that share the chosen axis value."""
    parts = []
    for bn, name, choice in ((False, "without batch norm", off), (True, "with batch norm", on)):
        if choice is None:
            if any(cell.point.bn is bn for cell in cells):
                parts.append(f"{name} no cell came through")
            continue
        point = choice.cell.point
        row = [cell for cell in cells if (cell.point.bn, cell.point.at) == (point.bn, point.at)]
        sound = [_dev(cell) for cell in row if cell.sound]
        best = f"{name} gain {format_gain(point.gain)} is best with {with_spread(choice.cell, choice.cell.judged_by)}"
        lost = f", {len(row) - len(sound)} of {len(row)} gains not coming through" if len(sound) < len(row) else ""
        if len(row) > 1:
            best += f"; over these gains the {loss_name(choice.cell)} varies by {figure(max(sound) - min(sound))}{lost}"
        parts.append(best)
    return " ".join(f"{text[:1].upper()}{text[1:]}." for text in parts)


def _nothing(cells: Sequence[Cell]) -> str:
    failed = [cell for cell in cells if cell.failure]
    diverged = [cell.diverged_at for cell in cells if cell.diverged_at is not None]
    if failed:
        return f"Nothing to recommend: {len(failed)} of {len(cells)} cells failed; {failed[0].failure}."
    if diverged:
        return (
            f"Nothing to recommend: in each of the {len(cells)} cells a seed diverged, the first at step "
            f"{min(diverged):,}; try a smaller lr."
        )
    return "Nothing to recommend: no cell was run."
