"""What a sweep runs: gains, further axes, seeds, steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product
from math import prod
from typing import NamedTuple

import numpy as np

from ...config.configuration import Configuration
from ...config.kinds import Number, OneOf, Switch, Whole
from ...config.knobs import BY_NAME
from ...config.own import OwnConfig, Value
from ...config.run import RunConfig
from ...config.values import ConfigError, format_number, parse_number

MAX_GAINS = 200
MAX_RUNS = 200_000  # each is named and checked before the first begins
AS_BUILT = "as built"


class Axis(NamedTuple):
    """A setting that a sweep varies: `depth`, `width`, the name of a knob, or of a parameter of a person's function."""

    name: str
    values: tuple[Value, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """Its values as a person writes them."""
        return tuple(map(format_gain if self.name == "gain" else format_value, self.values))  # type: ignore[arg-type]


Place = tuple[tuple[str, Value], ...]  # a value of each further axis, in their order


@dataclass(frozen=True)
class Point:
    """One cell's place in the grid, and its configurations, one a seed."""

    gain: float | None  # None: as a person's function builds it
    bn: bool | None  # None: a person's network, whose norm is an axis like others
    at: Place
    configs: tuple[Configuration, ...]
    steps: int  # that each is trained for

    @property
    def place(self) -> dict[str, Value | None]:
        """The value on every dimension: the gain, batch norm, and the further axes."""
        return {"gain": self.gain, "bn": self.bn, **dict(self.at)}

    @property
    def label(self) -> str:
        """The place in words: `gain 5/3, batch norm, depth 10`."""
        parts = [] if self.gain is None and self.at else [f"gain {format_gain(self.gain)}"]
        if self.bn is not None:
            parts.append("batch norm" if self.bn else "no batch norm")
        return ", ".join([*parts, *(f"{name} {format_value(value)}" for name, value in self.at)])


@dataclass(frozen=True)
class Plan:
    """A grid: gain × batch norm × further axes, each cell with several seeds.

    Every gain replaces the base's; seeds are the base's, the next one, and so on. Doubles are dropped.

    Raises:
        ConfigError: a cell's configuration cannot be, or the grid is too large.
    """

    base: Configuration
    gains: tuple[float | None, ...]
    steps: int
    bn: tuple[bool | None, ...] = (False, True)
    axes: tuple[Axis, ...] = ()
    seeds: int = 3

    def __post_init__(self) -> None:
        if isinstance(self.base, OwnConfig):
            object.__setattr__(self, "bn", (None,))
        for name in ("gains", "bn"):
            object.__setattr__(self, name, tuple(dict.fromkeys(getattr(self, name))))
        object.__setattr__(self, "axes", tuple(Axis(a.name, tuple(dict.fromkeys(a.values))) for a in self.axes))
        if not self.gains or not self.bn or not all(axis.values for axis in self.axes):
            raise ConfigError("a sweep needs at least one value on every axis")
        if len({axis.name for axis in self.axes}) < len(self.axes):
            raise ConfigError("a sweep takes each axis once")
        if self.steps < 1 or self.seeds < 1:
            raise ConfigError("a sweep needs at least one step and one seed")
        runs = len(self.gains) * len(self.bn) * prod(len(axis.values) for axis in self.axes) * self.seeds
        if runs > MAX_RUNS:
            raise ConfigError(f"this sweep has {runs:,} runs; {MAX_RUNS:,} are the most")
        assert self.points  # every configuration is checked now

    @property
    def known_gains(self) -> tuple[float, ...]:
        """The gains that are numbers, rising."""
        return tuple(sorted(gain for gain in self.gains if gain is not None))

    @property
    def dimensions(self) -> tuple[Axis, ...]:
        """What pictures can have as an axis: gains and further axes with more than one value; at least one of them."""
        gains = Axis("gain", self.gains)  # type: ignore[arg-type]
        return tuple(axis for axis in (gains, *self.axes) if len(axis.values) > 1) or (gains,)

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """All cells in the order of the grid: further axes, then batch norm, then gain."""
        return tuple(self._points())

    def _points(self) -> Iterator[Point]:
        seeds = range(self.base.seed, self.base.seed + self.seeds)
        for values in product(*(axis.values for axis in self.axes)):
            at = tuple(zip((axis.name for axis in self.axes), values, strict=True))
            for bn in self.bn:
                for gain in self.gains:
                    yield Point(gain, bn, at, self._configs(at, bn, gain, seeds), self.steps)

    def _configs(
        self, at: Place, bn: bool | None, gain: float | None, seeds: Sequence[int]
    ) -> tuple[Configuration, ...]:
        if isinstance(self.base, OwnConfig):
            own = self.base.replace(gain=gain)
            for name, value in at:
                own = own.replace(**{name: value}) if name == "lr" else own.set(name, value)
            return tuple(own.replace(seed=seed) for seed in seeds)
        # Depth after width: widths are made equal first, and then there are so many of them.
        config = self.base
        for name, value in sorted(at, key=lambda pair: pair[0] != "width"):
            config = _with_axis(config, name, value)
        config = config.replace(gain=gain, bn=bn)
        return tuple(config.replace(seed=seed) for seed in seeds)


def _with_axis(base: RunConfig, name: str, value: Value) -> RunConfig:
    if name == "depth":
        assert isinstance(value, int)
        widths = base.hidden + base.hidden[-1:] * max(0, value - len(base.hidden))
        return base.replace(hidden=widths[:value])
    if name == "width":
        return base.replace(hidden=(value,) * len(base.hidden))
    return base.replace(**{name: value})


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


#: Options with a name of their own, and the axis that each is.
AXIS_OPTIONS = {"depths": "depth", "widths": "width", "nonlinearities": "nonlinearity", "lrs": "lr"}
#: Settings that have an option of their own in a sweep, or that cannot be an axis.
NO_AXIS = {
    "gain": "--gains",
    "bn": "--bn and --no-bn",
    "seed": "--seeds",
    "hidden": "--axis depth=… and --axis width=…",
}


def parse_axis(name: str, text: str, *, own: bool = False) -> Axis:
    """An axis from its name and values such as `0.1,0.01`.

    Args:
        name: `depth`, `width`, the name of a knob, or of a parameter of a person's function.
        text: the values with commas between them.
        own: whether it is a person's function; the engine reads its values.

    Raises:
        ConfigError: there is no such axis, or a value cannot be read.
    """
    if own:
        if name == "gain":
            raise ConfigError("the gain is an axis of its own: use --gains")
        if name == "lr":
            return Axis(name, parse_list(text))
        return Axis(name, tuple(part.strip() for part in text.split(",")))
    if name in ("depth", "width"):
        return Axis(name, parse_whole(text))
    knob = BY_NAME.get(name.replace("-", "_"))
    if name in NO_AXIS:
        raise ConfigError(f"{name} is no axis: use {NO_AXIS[name]}")
    if knob is None or name == "device" or not isinstance(knob.kind, Number | OneOf | Switch | Whole):
        raise ConfigError(f"there is no axis {name!r}: take depth, width or a setting such as lr or output_scale")
    return Axis(knob.name, tuple(knob.kind.parse(part.strip()) for part in text.split(",")))


def parse_axes(named: dict[str, str | None], pairs: Sequence[str], *, own: bool = False) -> tuple[Axis, ...]:
    """The further axes from options by name (AXIS_OPTIONS) and from NAME=V,V,… pairs.

    Raises:
        ConfigError: a value cannot be read, or a pair is none.
    """
    axes = [parse_axis(AXIS_OPTIONS[name], text, own=own) for name, text in named.items() if text is not None]
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name.strip() or not text.strip():
            raise ConfigError(f"axis {pair!r} does not read NAME=VALUE,VALUE,…")
        axes.append(parse_axis(name.strip(), text, own=own))
    return tuple(axes)


def format_value(value: Value | None) -> str:
    """A value of a further axis as a person writes it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return format_number(value) if isinstance(value, float) else str(value)


def format_gain(gain: float | None) -> str:
    """A gain as a person writes it, or that it is as built."""
    return AS_BUILT if gain is None else format_number(gain)
