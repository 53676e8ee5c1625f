"""Kinds of settings: how a value is checked, read, written and stepped, whatever setting it is of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ..data import given
from ..host.paths import typed
from ..host.visible import visible
from .schedule import format_schedule, parse_schedule
from .values import (
    MAX_LAYERS,
    ConfigError,
    exact_number,
    format_hidden,
    format_number,
    format_pair,
    parse_hidden,
    parse_number,
    parse_pair,
    short,
)

MAX_NUMBER = 1e30  # of gain and the like: float32, and PyTorch's operators on it, take no more than 3e38
MAX_WIDTH = 4096
SEEDS_COMPARED = 4


@dataclass(frozen=True)
class Kind:
    """What all values of a setting have in common.

    Args:
        choices: the values that the arrows go through.
    """

    word: ClassVar[str] = "text"  # what an option of this kind takes

    choices: Sequence[Any] = ()

    def plain(self, value: Any) -> Any:
        """The one form of a value: equal configurations have equal values."""
        return value

    def check(self, name: str, value: Any) -> None:
        """Refuse what cannot be. Raises ConfigError with a sentence that names the setting."""

    def parse(self, text: str) -> Any:
        """A value from what a person types. Raises ConfigError."""
        return text.strip()

    def from_toml(self, value: Any) -> Any:
        """A value from one of a TOML file; what is of the wrong type stays so. Raises ConfigError."""
        return value

    def show(self, value: Any) -> str:
        """A value as a person reads it."""
        return str(value)

    def typed(self, value: Any) -> str:
        """A value as a person would type it."""
        return self.show(value)

    def exact(self, value: Any) -> str:
        """A value as an option's text that reads back to the same."""
        return str(value)

    def next(self, value: Any, direction: int) -> Any:
        """The sensible value after (1) or before (-1) this one; this one where there is none."""
        beyond = [c for c in self.choices if (c > value if direction > 0 else c < value)]
        return (min(beyond) if direction > 0 else max(beyond)) if beyond else value

    def compared(self, values: Sequence[Any], now: Any) -> tuple[Any, ...]:
        """Values worth comparing, from those of the table, around the present one."""
        return tuple(values)


class _Cycled(Kind):
    def next(self, value: Any, direction: int) -> Any:
        if not self.choices:
            return value
        at = self.choices.index(value) if value in self.choices else 0
        return self.choices[(at + direction) % len(self.choices)]


@dataclass(frozen=True)
class OneOf(_Cycled):
    """One of a few names."""

    def check(self, name: str, value: Any) -> None:
        if value not in self.choices:
            raise ConfigError(f"{name} must be one of {', '.join(self.choices)}, not {value!r}")


@dataclass(frozen=True)
class Switch(_Cycled):
    """On or off."""

    choices: Sequence[Any] = (False, True)

    def parse(self, text: str) -> bool:
        word = text.strip().lower()
        if word in ("on", "yes", "true", "1"):
            return True
        if word in ("off", "no", "false", "0"):
            return False
        raise ConfigError(f"{text!r} is neither on nor off")

    def show(self, value: Any) -> str:
        return "on" if value else "off"


@dataclass(frozen=True)
class Number(Kind):
    """A number from `low` to `high`.

    Args:
        below: what it must be less than, too; None for nothing.
        above_0: why it must not be 0; "" where it may.
    """

    word = "number"

    low: int | float = 0
    high: int | float = MAX_NUMBER
    below: int | None = None
    above_0: str = ""

    def plain(self, value: Any) -> Any:
        return _as_float(value)

    def check(self, name: str, value: Any) -> None:
        if not (isinstance(value, int | float) and self.low <= value <= self.high):  # NaN is in no range
            shown = f"{value:.6g}" if isinstance(value, float) else short(repr(value))
            raise ConfigError(f"{name} must be a number from {self.low} to {self.high}, not {shown}")
        if self.below is not None and not value < self.below:
            raise ConfigError(f"{name} must be below {self.below}, not {value:g}")
        if self.above_0 and not value > 0:
            raise ConfigError(f"{name} must be above 0: {self.above_0}")

    def parse(self, text: str) -> float:
        return parse_number(text)

    def from_toml(self, value: Any) -> Any:
        return parse_number(value) if isinstance(value, str) else value

    def show(self, value: Any) -> str:
        return format_number(float(value))

    def exact(self, value: Any) -> str:
        return exact_number(value)


class LearningRate(Number):
    """A number that goes by factors √10."""

    def next(self, value: Any, direction: int) -> float:
        return step_lr(value, direction)


@dataclass(frozen=True)
class Whole(Kind):
    """A whole number from `low` to `high`."""

    word = "whole number"

    low: int = 0
    high: int = 0

    def check(self, name: str, value: Any) -> None:
        Number((), self.low, self.high).check(name, value)
        if type(value) is not int:
            raise ConfigError(f"{name} must be a whole number, not {value}")

    def parse(self, text: str) -> int:
        value = parse_number(text)
        if value != int(value):
            raise ConfigError(f"{text!r} is not a whole number")
        return int(value)


class Seed(Whole):
    """A whole number of which any does as well as another."""

    def next(self, value: Any, direction: int) -> int:
        return max(0, int(value) + direction)

    def compared(self, values: Sequence[Any], now: Any) -> tuple[Any, ...]:
        return tuple(now + i for i in range(SEEDS_COMPARED))


class Widths(Kind):
    """Widths of layers; the choices are how many there are."""

    word = "widths"

    def plain(self, value: Any) -> Any:
        return value if isinstance(value, tuple) else tuple(value)

    def check(self, name: str, value: Any) -> None:
        if len(value) > MAX_LAYERS:
            raise ConfigError(f"{name} has {len(value)} layers; {MAX_LAYERS} is the most")
        if not value:
            raise ConfigError(f"{name} needs at least one layer")
        for width in value:
            if not 1 <= width <= MAX_WIDTH:
                raise ConfigError(f"a {name} layer's width must be from 1 to {MAX_WIDTH}, not {width}")

    def parse(self, text: str) -> tuple[int, ...]:
        return parse_hidden(text)

    def from_toml(self, value: Any) -> Any:
        return parse_hidden(value) if isinstance(value, str) else value

    def show(self, value: Any) -> str:
        return format_hidden(value)

    def typed(self, value: Any) -> str:
        return self.exact(value)

    def exact(self, value: Any) -> str:
        return format_hidden(value).replace(" ", "").replace("×", "x")

    def next(self, value: Any, direction: int) -> tuple[int, ...]:
        depth: int = super().next(len(value), direction)
        return (int(value[0]),) * depth

    def compared(self, values: Sequence[Any], now: Any) -> tuple[Any, ...]:
        return tuple((now[0],) * depth for depth in values)


class Pair(Kind):
    """Two numbers."""

    word = "two numbers"

    def plain(self, value: Any) -> Any:
        return tuple(map(_as_float, value))

    def check(self, name: str, value: Any) -> None:
        if len(value) != 2 or not all(0 <= number <= MAX_NUMBER for number in value):
            raise ConfigError(f"{name} must be two numbers from 0 to {MAX_NUMBER:g}, not {short(str(list(value)))}")

    def parse(self, text: str) -> tuple[float, float]:
        return parse_pair(text)

    def from_toml(self, value: Any) -> Any:
        return parse_pair(value) if isinstance(value, str) else value

    def show(self, value: Any) -> str:
        return format_pair(value)

    def typed(self, value: Any) -> str:
        return self.show(value).replace(" ", "")

    def exact(self, value: Any) -> str:
        return ",".join(map(exact_number, value))


@dataclass(frozen=True)
class Name(Kind):
    """A name from outside, or none.

    Args:
        what: "a file's name".
        none: what no name means.
    """

    what: str = ""
    none: str = ""

    def check(self, name: str, value: Any) -> None:
        if any("\ud800" <= c <= "\udfff" for c in value or ""):
            raise ConfigError(f"{name} {value!r}: {self.what} must be UTF-8")

    def parse(self, text: str) -> str | None:
        return text.strip() or None

    def show(self, value: Any) -> str:
        return value or self.none

    def typed(self, value: Any) -> str:
        return value or ""


class Column(Name):
    """A column's name, or its number."""

    def from_toml(self, value: Any) -> Any:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class Words(Name):
    """A file of words, or words that came through a pipe."""

    def parse(self, text: str) -> str | None:
        return str(typed(text.strip())) if text.strip() else None

    def show(self, value: Any) -> str:
        if given.is_name(value):
            return "piped words"
        return visible(Path(value).name) if value else self.none

    def exact(self, value: Any) -> str:
        return "-" if given.is_name(value) else str(value)  # the words have to come through a pipe again


class Schedule(Kind):
    """Changes while a network trains; checked with the configuration that they change."""

    def parse(self, text: str) -> Any:
        return parse_schedule(text)

    def show(self, value: Any) -> str:
        return format_schedule(value) or "none"

    def typed(self, value: Any) -> str:
        return format_schedule(value)


def step_lr(lr: float, direction: int) -> float:
    """The next rung of 1, 0.316, 0.1, 0.0316, …: a factor √10 up or down."""
    if lr <= 0:
        return 1e-6
    rung = round(2 * math.log10(lr)) + direction
    return float(f"{10 ** (max(-14, min(6, rung)) / 2):.3g}")


def _as_float(value: Any) -> Any:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
