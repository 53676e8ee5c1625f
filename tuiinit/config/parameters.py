"""Settings of a person's own network: the parameters of their function, and what the program sets beside them."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .kinds import Kind, LearningRate, Number, OneOf, Switch, Whole
from .knobs import Setting
from .own import Value, value_of
from .values import ConfigError, parse_number

OWN_GAINS = (None, 0.5, 1.0, math.sqrt(2), 5 / 3, 3.0)  # None is as built
AS_BUILT = "as built"
NORMS = ("norm", "bn", "batch_norm")  # parameters that switch the norm
MOST = 1e300  # of a number that is a person's own affair


class Free(Kind):
    """What can only be typed: a number, a word, or nothing."""

    def parse(self, text: str) -> Any:
        return value_of(text) if text.strip() else None

    def show(self, value: Any) -> str:
        return AS_BUILT if value is None else str(value)

    def typed(self, value: Any) -> str:
        return "" if value is None else str(value)


class Text(Kind):
    """Any text, numbers too."""

    def plain(self, value: Any) -> Any:
        return str(value)


class OnOff(Switch):
    """On or off, in any word that says so."""

    def plain(self, value: Any) -> Any:
        with contextlib.suppress(ConfigError):
            return value if isinstance(value, bool) else self.parse(str(value))
        return value


class Choice(OneOf):
    """One of the values that a parameter's annotation names; None is the default of one that is not among them."""

    def plain(self, value: Any) -> Any:
        return {str(choice): choice for choice in self.choices}.get(str(value), value)

    def parse(self, text: str) -> Any:
        return None if None in self.choices and text.strip() in ("", AS_BUILT) else self.plain(text.strip())

    def check(self, name: str, value: Any) -> None:
        if value not in self.choices:
            named = ", ".join(str(choice) for choice in self.choices if choice is not None)
            raise ConfigError(f"{name} must be one of {named}, not {value!r}")

    def show(self, value: Any) -> str:
        return AS_BUILT if value is None else str(value)


class Gain(Number):
    """A gain, or none: weights as they were built."""

    def parse(self, text: str) -> Any:
        return None if text.strip().lower() in ("", AS_BUILT) else _number(text)

    def next(self, value: Any, direction: int) -> Any:
        known = [choice for choice in self.choices if choice is not None]
        if value is None:
            return known[0] if direction > 0 else value
        if direction < 0 and value <= known[0]:
            return None
        return Number(known).next(value, direction)

    def show(self, value: Any) -> str:
        return AS_BUILT if value is None else "√2" if value == math.sqrt(2) else super().show(value)

    def typed(self, value: Any) -> str:
        return "" if value is None else super().show(value)


def _number(text: str) -> float:
    return math.sqrt(2) if text.strip() == "√2" else parse_number(text)


@dataclass(frozen=True)
class Parameter(Setting):
    """A parameter of a person's function. Unset, it has the function's default."""

    parameter: str = ""
    default: Value | None = None

    def of(self, config: Any) -> Any:
        value = config.value(self.parameter)
        return self.default if value is None else self.kind.plain(value)

    def put(self, config: Any, value: Any) -> Any:
        if value == self.of(config):
            return config
        if value is not None:
            self.kind.check(self.label, value)
        return config.set(self.parameter, None if value == self.default else value)


@dataclass(frozen=True)
class OwnRate(Setting):
    """The lr of the first parameter group, as built where nobody set it."""

    built: float | None = None

    def of(self, config: Any) -> Any:
        return self.built if config.lr is None else config.lr

    def next(self, config: Any, direction: int) -> Any:
        if self.of(config) is None:
            raise ConfigError("this optimizer has no lr to change")
        return super().next(config, direction)

    def text(self, config: Any) -> str:
        return "–" if self.of(config) is None else super().text(config)

    def typed(self, config: Any) -> str:
        return "" if self.of(config) is None else super().typed(config)


@dataclass(frozen=True)
class Theirs(Setting):
    """What a person's code decides: it is shown, and who wants to change it is told where."""

    shown: str = ""
    sentence: str = ""

    def of(self, config: Any) -> Any:
        return self.shown

    def put(self, config: Any, value: Any) -> Any:
        raise ConfigError(self.sentence)

    def parse(self, text: str) -> Any:
        raise ConfigError(self.sentence)

    def next(self, config: Any, direction: int) -> Any:
        return None  # which `put` refuses


def parameter(name: str, kind: str, default: Value | None, choices: Sequence[Value], group: str) -> Parameter:
    """The setting of a parameter.

    Args:
        name: the parameter's.
        kind: "bool", "int", "float", "str", or "any" for one without a plain default.
        default: what it is where nobody sets it; None where that is not plain.
        choices: the values that its annotation names.
        group: what the settings of this function are headed by.
    """
    values: tuple[Any, ...] = tuple(choices)
    worth: tuple[Any, ...] = ()
    how: Kind = Free()
    if values:
        values = values if default in values else (None, *values)
        how, worth = Choice(values), values
    elif kind == "bool":
        how, worth = OnOff(), (False, True)
    elif kind == "int":
        how, worth = Whole((), -(2**63), 2**63 - 1), around(default)
    elif kind == "float":
        how, worth = Number((), -MOST, MOST), around(default)
    elif kind == "str":
        how = Text()
    if name == "gain" and kind in ("int", "float") and not values:
        how = Number((), -MOST, MOST)
        values = worth = tuple(sorted({float(g) for g in (*OWN_GAINS, default) if g is not None}))
    return Parameter(f"set {name}", name, group, how, worth=worth, keyed=values, parameter=name, default=default)


def around(default: Any) -> tuple[Any, ...]:
    """A number, half of it and twice as much: worth comparing where nothing else is known of it."""
    if not default:
        return ()
    half = max(1, default // 2) if type(default) is int else default / 2
    return tuple(sorted({half, default, 2 * default}))


def rungs(lr: float | None) -> tuple[float, ...]:
    """An lr and its neighbours."""
    kind = LearningRate()
    return tuple(sorted({kind.next(lr, -1), lr, kind.next(lr, 1)})) if lr else ()
