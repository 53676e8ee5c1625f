"""What was seen in one step of a model: a row for each call, and where signals were joined."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor, nn

from .fetch import Described
from .units import Flatness

Figures = Callable[[], Described | None]


@dataclass
class Row:
    """One call of one leaf module, or of a function that counts as one. Figures can be read after `Catch.fetch`."""

    name: str  # the module's, as `named_modules` gives it; `owner.gelu` for a function
    kind: str  # the module's class, or the function's name
    call: int  # from 1 for each name
    shape: tuple[int, ...]
    activation: str | None = None
    module: nn.Module | None = None
    curve: Callable[[Tensor], Tensor] | None = None  # the activation, to be tried on other values
    output: Figures = field(default=lambda: None)
    grad: Figures | None = None  # None: no gradient came here
    input: Figures | None = None
    input_shape: tuple[int, ...] = ()
    input_square: Callable[[], float] | None = None  # E[x²] of what came in
    saturated: Callable[[], float] | None = None  # share of outputs where the activation is flat
    dead: Callable[[], int] | None = None  # units that are flat on every row
    flatness: Callable[[], Flatness] | None = None  # the same unit by unit, where that was looked at
    axis: int | None = None  # the dimension that tells units (channels) apart; None of a vector or a single number
    units: int = 0
    rows: int = 0  # values of a unit
    joins: int = 0  # sums and products of signals that came before it in the pass
    without_grad: bool = False  # ran under no_grad inside a training forward: the gradient comes with the recomputation


@dataclass
class Join:
    """A sum or a product of two signals, one of which depends on parameters: residual streams, gates, branches."""

    owner: str  # the module that does it
    kind: str  # "add", "mul", "cat", …; "broadcast" of two unlike shapes
    shape: tuple[int, ...]
    square: Callable[[], float]  # mean square of the result
    continues: int | None = None  # number of the join before it, whose result is one of its two signals
