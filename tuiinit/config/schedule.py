"""Changes of a setting while a network trains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import msgspec

from .values import ConfigError, digits, format_number, parse_number, short

ChangeableName = Literal["lr", "optimizer", "batch_size"]
CHANGEABLE: tuple[ChangeableName, ...] = get_args(ChangeableName)
MAX_STEP = 10**12


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A hyperparameter that changes once `step` steps have been executed."""

    step: int
    name: ChangeableName
    value: float | int | str

    def __post_init__(self) -> None:
        if self.name == "lr" and isinstance(self.value, int):
            msgspec.structs.force_setattr(self, "value", float(self.value))

    def check(self) -> None:
        """Whether it comes at a step, with a value of the right type. Raises ConfigError."""
        if not 1 <= self.step <= MAX_STEP:
            raise ConfigError(
                f"a change in the schedule must come at a step from 1 to {MAX_STEP}, not {short(repr(self.step))}"
            )
        if self.name in ("lr", "batch_size") and isinstance(self.value, str):
            raise ConfigError(f"{self.name} must be a number, not {self.value!r}")
        if self.name == "batch_size" and not isinstance(self.value, int):
            raise ConfigError(f"batch_size must be a whole number, not {self.value}")


def parse_change(text: str) -> Change:
    """A change of the schedule from text such as `150000:lr=0.01`.

    Raises:
        ConfigError: the text is no such change.
    """
    step, colon, rest = text.partition(":")
    name, equals, value = rest.partition("=")
    if not (colon and equals and step.strip().isdecimal() and name.strip() in CHANGEABLE):
        raise ConfigError(f"change {text!r} does not read STEP:NAME=VALUE with lr, optimizer or batch_size")
    name = name.strip()
    parsed: float | int | str = value.strip()
    if name == "lr":
        parsed = parse_number(value.strip())
    elif name == "batch_size":
        parsed = digits(value, f"change {text!r}: batch_size must be a whole number")
    at = digits(step, f"change {short(repr(text))} must come at a step from 1 to {MAX_STEP}")
    return Change(at, name, parsed)  # type: ignore[arg-type]


def parse_schedule(text: str) -> tuple[Change, ...]:
    """Changes in the order of their steps, from text such as `150000:lr=0.01, 180000:optimizer=adam`.

    Raises:
        ConfigError: a part is no change.
    """
    parts = [part for part in text.split(",") if part.strip()]
    return tuple(sorted(map(parse_change, parts), key=lambda change: change.step))


def format_schedule(schedule: Sequence[Change]) -> str:
    """Changes as a person would type them."""
    return ", ".join(
        f"{c.step}:{c.name}={c.value if isinstance(c.value, str) else format_number(c.value)}" for c in schedule
    )
