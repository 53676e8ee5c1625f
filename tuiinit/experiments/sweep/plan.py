"""What a sweep runs: gains, one further axis, seeds, steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal

import numpy as np

from ...config.run import RunConfig
from ...config.values import ConfigError, format_number, parse_number

AxisName = Literal["depth", "width", "nonlinearity", "lr"]
Value = float | int | str
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
    steps: int  # that each is trained for

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
                    yield Point(
                        gain, bn, self.axis, value, tuple(config.replace(seed=seed) for seed in seeds), self.steps
                    )


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
    short, long = ((low, *(float(f"{gain:.{digits}g}") for gain in inner), high) for digits in (3, 6))
    return short if all(a < b for a, b in pairwise(short)) else long


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
