"""What the engine says of a person's function, beside its lanes: what can be set, and what does not come again."""

from __future__ import annotations

from typing import Literal

from .message import Message, Part


class OwnKnob(Part, frozen=True, kw_only=True):
    """A keyword parameter of the function."""

    name: str
    kind: Literal["bool", "int", "float", "str", "any"]  # "any" for one without a plain default
    default: bool | int | float | str | None
    choices: tuple[bool | int | float | str, ...] = ()  # where the function's annotation names them


class OwnTarget(Message, frozen=True, kw_only=True):
    """The function that the selected lanes are built by; comes before the first of them, and after each change."""

    target: str
    knobs: tuple[OwnKnob, ...]  # in the order of the function's parameters
    batches: int | None  # in one pass; null where nobody can say
    inputs: str  # the first batch in words: "32 × 3 × 32 × 32"
    optimizer: str  # the class of the optimizer: "AdamW"
    lr: float | None  # of the first parameter group, as built
    groups: int  # of parameters, each with an lr of its own
    gains: int  # matrices that a gain is set for
    dev: bool  # whether there are batches for a dev loss
    labels: str = ""  # where the labels come from, if the loss is not the person's


class Unlike(Message, frozen=True, kw_only=True):
    """Two lanes do not start alike where only a setting should differ: the function draws other random numbers.

    `what` differs from there on: "weights" by the first parameter of equal name and shape that is not the other
    lane's times a factor, "batches" by nothing that could be named.
    """

    lane: str
    other: str
    what: Literal["weights", "batches"]
    name: str = ""


class PutAside(Message, frozen=True, kw_only=True):
    """Lanes that were forgotten because there is no memory for all; selected again, they train again."""

    lanes: tuple[str, ...]


class SourceChanged(Message, frozen=True, kw_only=True):
    """A file that the person's network was imported from is not what it was."""

    path: str
