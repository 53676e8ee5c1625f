"""The command that gives what is on the screen again: a configuration as shell-quoted options."""

from __future__ import annotations

import shlex
from fractions import Fraction
from typing import Any

from ..data import given
from .run import DEFAULT, Change, RunConfig

FRACTIONS = (3, 6, 7, 9)  # denominators of numbers that are written as a fraction


def command_line(config: RunConfig, step: int = 0) -> str:
    """The command that gives this configuration at a step: `tuiinit run`, or at step 0 the explorer.

    Only settings that differ from the defaults are named, numbers to their last digit; the command reads back
    to an equal configuration.
    """
    words = ["tuiinit"] if step < 1 else ["tuiinit", "run", "--steps", str(step)]
    for name in RunConfig.__struct_fields__:
        value = getattr(config, name)
        if name == "schedule" or value == getattr(DEFAULT, name):
            continue
        option = "--" + name.replace("_", "-")
        if isinstance(value, bool):
            words.append(option if value else option.replace("--", "--no-", 1))
        else:
            if name == "data" and given.is_name(value):
                value = "-"  # the words have to come through a pipe again
            words += [option, _tuple(name, value) if isinstance(value, tuple) else _value(value)]
    for change in config.schedule:
        words += ["--change", _change(change)]
    return shlex.join(words)


def _value(value: float | int | str) -> str:
    if not isinstance(value, float):
        return str(value)
    fraction = Fraction(value).limit_denominator(max(FRACTIONS))
    if fraction.denominator in FRACTIONS and float(fraction) == value:
        return str(fraction)
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)


def _tuple(name: str, values: tuple[Any, ...]) -> str:
    return ",".join(map(_value, values)) if name == "bias_scale" else _hidden(values)


def _hidden(widths: tuple[int, ...]) -> str:
    if len(set(widths)) == 1 and len(widths) > 1:
        return f"{len(widths)}x{widths[0]}"
    return ",".join(map(str, widths))


def _change(change: Change) -> str:
    return f"{change.step}:{change.name}={_value(change.value)}"
