"""Numbers and widths as a person writes them, and back."""

from __future__ import annotations

import math
from fractions import Fraction

MAX_LAYERS = 200
LONGEST_NUMBER = 20  # digits
FRACTIONS = (3, 6, 7, 9)  # denominators of numbers that are written as a fraction


class ConfigError(ValueError):
    """A setting that cannot be: the message is one sentence that names it."""


def short(text: str) -> str:
    """The text, or its first 40 characters."""
    return text if len(text) <= 40 else text[:39] + "…"


def parse_number(text: str | float | int) -> float:
    """A finite number from text; fractions such as 5/3 are welcome.

    Raises:
        ConfigError: the text is no finite number.
    """
    try:
        # Not Fraction(text): it would write out all the digits of 1e999999999.
        above, slash, below = text.partition("/") if isinstance(text, str) else (text, "", "")
        value = float(above) / float(below) if slash else float(above)
    except (ValueError, ZeroDivisionError, OverflowError):
        raise ConfigError(f"{text!r} is not a number") from None
    if not math.isfinite(value):
        raise ConfigError(f"{text!r} is not a finite number")
    return value


def parse_hidden(text: str) -> tuple[int, ...]:
    """Layer widths from text: `100,100,100`, or `50x100` for fifty layers of a hundred.

    Raises:
        ConfigError: the text is no list of widths.
    """
    widths: list[int] = []
    try:
        for part in text.replace("×", "x").replace(" ", "").split(","):
            count, _, width = part.rpartition("x")
            times = int(count) if count else 1
            if not 1 <= times <= MAX_LAYERS:
                raise ConfigError(f"hidden {text!r}: from 1 to {MAX_LAYERS} layers")
            widths += [int(width)] * times
    except ValueError as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"hidden {text!r} is not a list of widths such as 100,100 or 5x100") from None
    return tuple(widths)


def parse_pair(text: str) -> tuple[float, float]:
    """Two numbers from text such as `1,0`. Raises ConfigError where there are not two."""
    parts = text.split(",")
    if len(parts) != 2:
        raise ConfigError(f"{text!r} is not two numbers such as 1,0: of the hidden layers, and of the output")
    return parse_number(parts[0]), parse_number(parts[1])


def digits(text: str, fault: str) -> int:
    """A whole number written in digits, not thousands of them. Raises ConfigError with `fault`."""
    if not text.strip().isdecimal() or len(text) > LONGEST_NUMBER:
        raise ConfigError(fault)
    return int(text)


def format_number(value: float) -> str:
    """A number as a person writes it: 5/3 rather than 1.6666666666666667."""
    fraction = Fraction(value).limit_denominator(max(FRACTIONS))
    if fraction.denominator in FRACTIONS and float(fraction) == value:
        return str(fraction)
    return f"{value:.6g}"


def exact_number(value: float | int | str) -> str:
    """A number as the shortest text that reads back to the same; fractions such as 5/3 as such."""
    if not isinstance(value, float):
        return str(value)
    fraction = Fraction(value).limit_denominator(max(FRACTIONS))
    if fraction.denominator in FRACTIONS and float(fraction) == value:
        return str(fraction)
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)


def format_pair(values: tuple[float, float]) -> str:
    """Two numbers as a person writes them: `1, 0`."""
    return ", ".join(map(format_number, values))


def format_hidden(widths: tuple[int, ...]) -> str:
    """Layer widths as a person writes them: `5 × 100`, or `200, 100`."""
    if len(set(widths)) == 1 and len(widths) > 1:
        return f"{len(widths)} × {widths[0]}"
    return ", ".join(map(str, widths))
