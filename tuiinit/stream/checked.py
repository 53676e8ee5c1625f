"""A check of a person's network: what is asked, and the figures that are the answer."""

from __future__ import annotations

import msgspec

from .message import Message, Part


class Check(Message, frozen=True, kw_only=True):
    """Build a person's network and look at it once, forward and backward, without a step of its optimizer."""

    target: str  # FILE.py, FILE.py:name or package.module:name, where the engine is
    settings: dict[str, str] = msgspec.field(default_factory=dict)  # parameters of the function, as text
    seed: int = 0
    device: str = "auto"
    shape: tuple[int, ...] | None = None  # of made-up input, for a function that gives a bare model
    tokens: int | None = None  # the input is uniform ints below this; else normal floats
    lsuv: str | None = None  # a file for the weights after each layer was scaled to std 1


class CheckedRow(Part, frozen=True, kw_only=True):
    """One call of a leaf module, or of a function, in a check. Null where there is none, or it is not finite."""

    name: str
    kind: str  # the module's class or the function's name
    call: int
    shape: tuple[int, ...]
    activation: str | None  # its name, for an activation
    bounded: bool  # an activation between two bounds
    norm: bool
    feeder: int | None  # the row that feeds it
    joins: int  # sums and products of signals before it
    input_rms: float | None
    mean: float | None
    std: float | None
    finite: bool
    predicted_std: float | None
    saturated: float | None  # share of outputs where the activation is flat
    dead: int | None  # units that are flat on every row
    units: int
    unit_rows: int  # values of one unit
    grad_std: float | None
    grad_rms: float | None
    grad_finite: bool
    weight: str | None  # its matrix's name
    weight_std: float | None
    fan_in: int | None
    gain: float | None  # √E[w²] · √fan_in
    advised_gain: float | None
    initialiser: str | None


class CheckedParameter(Part, frozen=True, kw_only=True):
    """A parameter as it was built, and whether a gradient came to it."""

    name: str
    aliases: tuple[str, ...]  # other names of the same parameter
    shape: tuple[int, ...]
    rms: float | None  # null if it is not finite
    zero: bool
    trained: bool  # requires_grad
    has_grad: bool
    is_bias: bool


class CheckedJoin(Part, frozen=True, kw_only=True):
    """A sum or product of two signals; `continues` numbers the one before it in a residual stream."""

    owner: str
    kind: str
    shape: tuple[int, ...]
    rms: float | None
    continues: int | None = None


class Checked(Message, frozen=True, kw_only=True):
    """What a check found, in figures. Losses in nats where they are cross-entropies."""

    target: str
    settings: dict[str, bool | int | float | str | None]  # of all parameters of the function, as they were
    device: str
    parameters: int
    inputs: str  # the input in words: "8 × 3 × 224 × 224"
    labels: str  # where they come from, if the loss is not the person's
    loss: float | None
    expected_loss: float | None
    expected_of: str  # what that is: "ln 10"
    rows: tuple[CheckedRow, ...]
    weights: tuple[CheckedParameter, ...]
    joins: tuple[CheckedJoin, ...]
    uncalled: tuple[str, ...]  # modules with parameters of their own that did not run
    cancelled: tuple[tuple[str, str], ...]  # a bias, and the batch or instance norm that takes it away
    lsuv: dict[str, float] = msgspec.field(default_factory=dict)  # by layer the factor that its weights were given
    seconds: float = 0.0


class OwnProblem(Message, frozen=True, kw_only=True):
    """A person's code failed: one sentence, and their own lines of the traceback."""

    text: str
    lines: str = ""
