"""How far to train, as a person writes it: `300`, `300 steps`, `2 epochs`, `to 1000`."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from ..config.values import ConfigError

FORMS = "300, 2 epochs or to 1000"
MOST = 10**12  # steps; no clock comes there


class Amount(NamedTuple):
    """A number of steps, of epochs (to an epoch's end), or the step to train to."""

    number: int
    unit: Literal["steps", "epochs", "to"]


def parse_amount(text: str, clock: int) -> Amount:
    """Read an amount; thousands may be parted by commas.

    Args:
        text: what was typed.
        clock: the present step, which a step to train to must lie beyond.

    Raises:
        ConfigError: the text is no amount, or there is nothing to train.
    """
    form = re.fullmatch(r"(to\s+(?:step\s+)?)?([0-9][0-9,]*)\s*(k)?\s*(steps?|epochs?)?", text.strip().lower())
    if form is None or (form[1] and (form[4] or "").startswith("epoch")):
        raise ConfigError(f"{_short(text)!r} is no number of steps: write {FORMS}")
    digits = form[2].replace(",", "")
    count = int(digits[:20]) * (1000 if form[3] else 1)
    if not 1 <= count <= MOST:
        raise ConfigError(f"{_short(text)!r}: from 1 to {MOST:,}")
    if form[1]:
        if count <= clock:
            raise ConfigError(f"step {count:,} is not ahead: the network is at step {clock:,}")
        return Amount(count, "to")
    return Amount(count, "epochs" if (form[4] or "").startswith("epoch") else "steps")


def _short(text: str) -> str:
    return text if len(text) <= 30 else text[:29] + "…"
