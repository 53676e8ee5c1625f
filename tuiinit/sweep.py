"""Sweeps: the same network over gains, with and without batch norm, and over one more setting if wanted.

Nothing here prints. A `Plan` says what to run, a `Sweep` runs it and hands over each cell as it is done,
and what it measured is kept, so that a sweep that was stopped goes on where it was.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np

from .config import ConfigError, RunConfig, format_number, parse_number
from .pool import Job, Pool
from .runs import Progress, Result

AxisName = Literal["depth", "width", "nonlinearity", "lr"]
Value = float | int | str

LOSS_STEPS = 100  # the training loss is the mean over so many last steps, at most
LOSS_SHARE = 5  # and over no more than this part of them: a fifth
MAX_LANES = 4  # of one job: they train side by side in one engine
MAX_GAINS = 200
MAX_RUNS = 5_000


@dataclass(frozen=True)
class Point:
    """One cell's place in the grid, and its configurations, one a seed."""

    gain: float
    bn: bool
    axis: AxisName | None
    value: Value | None
    configs: tuple[RunConfig, ...]

    @property
    def label(self) -> str:
        """The place in words: `gain 5/3, batch norm, depth 10`."""
        parts = [f"gain {format_number(self.gain)}", "batch norm" if self.bn else "no batch norm"]
        if self.axis is not None:
            parts.append(f"{self.axis} {format_value(self.value)}")
        return ", ".join(parts)


@dataclass(frozen=True)
class Plan:
    """A grid: gain × batch norm × an optional further axis, each with several seeds.

    Every gain replaces the base's; seeds are the base's, the next one, and so on. Doubles are dropped.

    Raises:
        ConfigError: a cell's configuration cannot be, or the grid is too large.
    """

    base: RunConfig
    gains: tuple[float, ...]
    steps: int
    bn: tuple[bool, ...] = (False, True)
    axis: AxisName | None = None
    values: tuple[Value, ...] = ()
    seeds: int = 3

    def __post_init__(self) -> None:
        for name in ("gains", "bn", "values"):
            object.__setattr__(self, name, tuple(dict.fromkeys(getattr(self, name))))
        if not self.gains or not self.bn or (self.axis is not None and not self.values):
            raise ConfigError("a sweep needs at least one value on every axis")
        if self.steps < 1 or self.seeds < 1:
            raise ConfigError("a sweep needs at least one step and one seed")
        runs = len(self.gains) * len(self.bn) * max(1, len(self.values)) * self.seeds
        if runs > MAX_RUNS:
            raise ConfigError(f"this sweep has {runs:,} runs; {MAX_RUNS:,} are the most")
        assert self.points  # every configuration is checked now

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """All cells in the order of the grid: axis, then batch norm, then gain."""
        return tuple(self._points())

    def _points(self) -> Iterator[Point]:
        for value in self.values if self.axis is not None else (None,):
            for bn in self.bn:
                for gain in self.gains:
                    config = _with_axis(self.base, self.axis, value).replace(gain=gain, bn=bn)
                    seeds = range(self.base.seed, self.base.seed + self.seeds)
                    yield Point(gain, bn, self.axis, value, tuple(config.replace(seed=seed) for seed in seeds))


def _with_axis(base: RunConfig, axis: AxisName | None, value: Value | None) -> RunConfig:
    if axis == "depth":
        assert isinstance(value, int)
        widths = base.hidden + base.hidden[-1:] * max(0, value - len(base.hidden))
        return base.replace(hidden=widths[:value])
    if axis == "width":
        return base.replace(hidden=(value,) * len(base.hidden))
    if axis is not None:
        return base.replace(**{axis: value})
    return base


def parse_gains(text: str) -> tuple[float, ...]:
    """Gains from text: `0.5,1,5/3,3`, or `0.5:3:7` for seven spaced evenly in log from 0.5 to 3.

    Raises:
        ConfigError: the text is neither.
    """
    parts = text.split(":")
    if len(parts) == 1:
        return parse_list(text)
    count = parts[-1].strip()
    if len(parts) != 3 or not count.isdecimal() or not 2 <= int(count) <= MAX_GAINS:
        raise ConfigError(f"gains {text!r} do not read LOW:HIGH:COUNT with a count from 2 to {MAX_GAINS}")
    low, high = parse_number(parts[0]), parse_number(parts[1])
    if not 0 < low < high:
        raise ConfigError(f"gains {text!r}: the low end must be above 0 and below the high end")
    inner = np.geomspace(low, high, int(count))[1:-1]
    return (low, *(float(f"{gain:.6g}") for gain in inner), high)


def parse_list(text: str) -> tuple[float, ...]:
    """Numbers from text such as `0.5,1,5/3`. Raises ConfigError."""
    numbers = tuple(parse_number(part) for part in text.split(","))
    if len(numbers) > MAX_GAINS:
        raise ConfigError(f"{len(numbers)} values are too many; {MAX_GAINS} are the most")
    return numbers


def parse_whole(text: str) -> tuple[int, ...]:
    """Whole numbers from 1 up, from text such as `3,5,10`. Raises ConfigError."""
    numbers = parse_list(text)
    for number in numbers:
        if number != int(number) or number < 1:
            raise ConfigError(f"{number:g} is not a whole number from 1 up")
    return tuple(map(int, numbers))


# The further axis: option, then what it varies and how its values are read.
AXIS_OPTIONS: dict[str, tuple[AxisName, Callable[[str], tuple[Value, ...]]]] = {
    "depths": ("depth", parse_whole),
    "widths": ("width", parse_whole),
    "nonlinearities": ("nonlinearity", lambda text: tuple(part.strip() for part in text.split(","))),
    "lrs": ("lr", parse_list),
}


def parse_axis(given: dict[str, str | None]) -> tuple[AxisName | None, tuple[Value, ...]]:
    """The further axis and its values from options by name (AXIS_OPTIONS), at most one of which is given.

    Raises:
        ConfigError: more than one is, or a value cannot be read.
    """
    chosen = [(name, text) for name, text in given.items() if text is not None]
    if not chosen:
        return None, ()
    if len(chosen) > 1:
        raise ConfigError(f"one further axis at a time: --{chosen[0][0]} or --{chosen[1][0]}")
    axis, parse = AXIS_OPTIONS[chosen[0][0]]
    return axis, parse(chosen[0][1])


def format_value(value: Value | None) -> str:
    """A value of the further axis as a person writes it."""
    return format_number(value) if isinstance(value, float) else str(value)


# ----------------------------------------------------------------------------------------------- measures


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """One run after its steps. Losses in nats; of a run that diverged only its start and end are told."""

    seed: int
    device: str
    initial_loss: float | None
    diverged_at: int | None = None  # the step whose loss was not finite
    loss: float | None = None  # training loss, mean of the last min(100, steps / 5) steps
    dev_loss: float | None = None
    std_first: float | None = None  # of the first layer's outputs
    std_last: float | None = None  # of the last layer's
    std_ratio: float | None = None  # last / first
    std_slope: float | None = None  # least-squares slope of ln std over layers
    saturated: float | None = None  # of the most saturated layer, share 0…1
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
    seed, device = result.config.seed, result.device
    snapshot = result.snapshots.get(steps)
    if result.diverged_at is not None or snapshot is None:
        return Measures(seed=seed, device=device, initial_loss=initial, diverged_at=result.diverged_at)
    evaluation = result.evaluations.get(steps)
    stds = [a.std for a in snapshot.activations]
    ratios = [w.update_data_log10 for w in snapshot.weights if w.update_data_log10 is not None]
    ratios = [ratio for ratio in ratios if math.isfinite(ratio)]
    tail = result.loss[-max(1, min(LOSS_STEPS, steps // LOSS_SHARE)) :].astype(np.float64)
    return Measures(
        seed=seed,
        device=device,
        initial_loss=initial,
        loss=_finite(float(tail.mean())),
        dev_loss=_finite(evaluation.dev if evaluation else None),
        std_first=stds[0],
        std_last=stds[-1],
        std_ratio=_ratio(stds[-1], stds[0]),
        std_slope=log_slope(stds),
        saturated=max(a.saturated for a in snapshot.activations),
        dead=float(sum(len(a.dead) for a in snapshot.activations)),
        grad_ratio=_ratio(snapshot.activations[0].grad_std, snapshot.activations[-1].grad_std),
        update_data_log10=statistics.median(ratios) if ratios else None,
        update_data_spread=max(ratios) - min(ratios) if ratios else None,
    )


def log_slope(stds: Sequence[float]) -> float | None:
    """Least-squares slope of ln std over the layer's number; None where there is no line or no logarithm."""
    if len(stds) < 2 or min(stds) <= 0:
        return None
    return float(np.polyfit(np.arange(len(stds)), np.log(stds), 1)[0])


def _ratio(above: float, below: float) -> float | None:
    return _finite(above / below) if below > 0 else None


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
    def sound(self) -> bool:
        """Whether every seed came through with a finite dev loss."""
        return bool(self.runs) and all(run.dev_loss is not None for run in self.runs)

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
        told: dict[str, Any] = {"gain": self.point.gain, "bn": self.point.bn}
        if self.point.axis is not None:
            told[self.point.axis] = self.point.value
        for name in AVERAGED:
            spread = self.spread(name)
            told[name] = None if spread is None else spread._asdict()
        told["diverged_at"] = self.diverged_at
        told["failure"] = self.failure or None
        told["runs"] = [msgspec.to_builtins(run) for run in self.runs]
        return told


# ------------------------------------------------------------------------------------------------ running

Kept = dict[str, Measures]  # what was measured, by configuration and steps


class Sweep:
    """Runs a plan; iterate once to get each cell as it is done.

    Args:
        plan: what to run.
        kept: runs that need not be repeated; every new one is added, so the same dictionary, given to the
            next sweep, lets it go on where this one was stopped, or serves a larger grid.
        processes: engine processes; by default one a core. The numbers do not depend on it.
        progress: told steps done and in all, by the thread that iterates.
        engine: another engine's command line.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        kept: Kept | None = None,
        processes: int | None = None,
        progress: Progress | None = None,
        engine: Sequence[str] | None = None,
    ) -> None:
        self.plan = plan
        self.kept = {} if kept is None else kept
        self._failures: dict[int, str] = {}
        missing = [
            (index, config)
            for index, point in enumerate(plan.points)
            for config in point.configs
            if self._key(config) not in self.kept
        ]
        self._pool = Pool(jobs=[], processes=processes, progress=progress, engine=engine)
        lanes = max(1, min(MAX_LANES, len(missing) // (4 * self._pool.width(plan.base.device))))
        self._cell_of: list[int] = []
        jobs: list[Job] = []
        for index in dict.fromkeys(index for index, _ in missing):
            configs = [config for i, config in missing if i == index]
            for start in range(0, len(configs), lanes):
                jobs.append(Job(tuple(configs[start : start + lanes]), plan.steps))
                self._cell_of.append(index)
        self._pool.jobs = jobs

    def _key(self, config: RunConfig) -> str:
        return f"{config.key}:{self.plan.steps}"

    def __iter__(self) -> Iterator[Cell]:
        """Cells as they are done, those that were kept first.

        Raises:
            ConfigError: an engine refuses a configuration, the data or the device.
        """
        told = set()
        for index in range(len(self.plan.points)):
            if (cell := self.cell(index)) is not None:
                told.add(index)
                yield cell
        for done in self._pool:
            index = self._cell_of[done.job]
            if done.failure:
                self._failures[index] = done.failure
            for result in done.results:
                self.kept[self._key(result.config)] = measures(result, self.plan.steps)
            if index not in told and (cell := self.cell(index)) is not None:
                told.add(index)
                yield cell

    def cell(self, index: int) -> Cell | None:
        """The cell at a place of the plan, or None if it is not done."""
        point = self.plan.points[index]
        if failure := self._failures.get(index):
            return Cell(point, failure=failure)
        runs = [self.kept.get(self._key(config)) for config in point.configs]
        known = tuple(run for run in runs if run is not None)
        return Cell(point, known) if len(known) == len(runs) else None

    @property
    def cells(self) -> tuple[Cell, ...]:
        """All cells that are done, in the order of the grid."""
        return tuple(cell for index in range(len(self.plan.points)) if (cell := self.cell(index)) is not None)

    def stop(self) -> None:
        """End at once, from any thread; runs that were finished are kept."""
        self._pool.stop()


def run(plan: Plan, **options: Any) -> tuple[Cell, ...]:
    """All cells of a plan in the order of the grid; `options` as for Sweep."""
    sweep = Sweep(plan, **options)
    for _ in sweep:
        pass
    return sweep.cells
