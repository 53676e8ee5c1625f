"""Rows, numbers and cures as words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...stream.checked import CheckedRow

THE_MODEL = "the model"
_INITIALISERS = {
    "pytorch_default": "PyTorch's default",
    "kaiming_normal": "Kaiming's, normal",
    "kaiming_uniform": "Kaiming's, uniform",
    "xavier_normal": "Xavier's, normal",
    "xavier_uniform": "Xavier's, uniform",
    "orthogonal_or_lecun": "orthogonal or LeCun's",
    "fixed_std": "a fixed std",
    "zeros": "zeros",
    "constant": "a constant",
}


def initialiser(name: str) -> str:
    """How weights were drawn, in words; empty where nobody knows."""
    return _INITIALISERS.get(name, "")


def call(row: CheckedRow) -> str:
    """A row's name, with the call where it is a later one."""
    name = row.name or f"{THE_MODEL}'s output"
    return name if row.call == 1 else f"{name} (call {row.call})"


def std(row: CheckedRow) -> str:
    """A row's std in two digits."""
    return f"{row.std or 0:.2g}"


def and_others(first: str, others: int, noun: str) -> str:
    """`conv1.bias`, or `conv1.bias and 19 more biases`. The noun is in the plural."""
    if not others:
        return first
    return f"{first} and {others:,} more {noun if others > 1 else _SINGULAR.get(noun, noun.removesuffix('s'))}"


_SINGULAR = {"biases": "bias", "matrices": "matrix"}


def ratio(value: float | None, base: float | None) -> float:
    """One std ÷ another; infinite where there is something of nothing, 1 where nothing stays nothing."""
    if not base:
        return math.inf if value else 1.0
    return (value or 0.0) / base


def initialise(row: CheckedRow) -> str:
    """The line that gives a layer the gain that it should have."""
    gain = row.advised_gain if row.advised_gain is not None else 1.0
    if row.kind == "Conv1D":  # of Hugging Face, which stores the matrix the other way round
        return f"nn.init.normal_(m.weight, std={gain:.4g} / {row.fan_in} ** 0.5)"
    for value, name in ((math.sqrt(2), "relu"), (5 / 3, "tanh"), (1.0, "linear")):
        if abs(gain - value) < 1e-3 and not row.kind.startswith("ConvTranspose"):
            return f"nn.init.kaiming_normal_(m.weight, nonlinearity='{name}')"
    return f"nn.init.normal_(m.weight, std={gain:.4g} / {row.fan_in} ** 0.5)"


def initialise_all(rows: Sequence[CheckedRow]) -> tuple[str, tuple[str, ...]]:
    """The line of the first of these layers that has an advised gain, and the layers that it holds for."""
    advised = [row for row in rows if row.advised_gain is not None and row.weight is not None]
    if not advised:
        return "", ()
    line = initialise(advised[0])
    return line, tuple(dict.fromkeys(row.name for row in advised if initialise(row) == line))
