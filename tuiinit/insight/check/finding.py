"""A sentence about a network that was checked, and what mends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["bad", "warn", "note"]
ORDER: tuple[Severity, ...] = ("bad", "warn", "note")


@dataclass(frozen=True)
class CheckFinding:
    """One sentence about a network, and what mends it.

    Args:
        id: the kind of finding, as `shrinks`.
        row: a row's or a parameter's name.
        cure: a line of PyTorch in which `m` is the module, or a sentence where no line can mend it.
        modules: the modules that the line is for; none if it is a sentence.
    """

    id: str
    severity: Severity
    row: str
    text: str
    cure: str = ""
    modules: tuple[str, ...] = ()
