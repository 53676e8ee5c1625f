"""The shape of a lane: what any reader needs to know of its network, without knowing how that was made."""

from __future__ import annotations

import math

from .message import Part


class RowShape(Part, frozen=True, kw_only=True):
    """One call of one module in a step, whose outputs are measured (Activation)."""

    name: str  # "tanh 1", or a module's name
    kind: str  # of nonlinearity or module: "tanh", "Linear"
    shape: tuple[int, ...]  # of the outputs for one example; () is one number
    call: int = 1  # of the module in the step
    module: str = ""  # the class of a module that is a nonlinearity

    @property
    def width(self) -> int:
        """Units: numbers that come out for one example."""
        return math.prod(self.shape)

    @property
    def label(self) -> str:
        """The name that tells this call from the module's others."""
        return self.name if self.call == 1 else f"{self.name}, call {self.call}"


class MatrixShape(Part, frozen=True, kw_only=True):
    """A parameter whose updates are watched (Weight); of two dimensions or more."""

    name: str
    shape: tuple[int, ...]


class Units(Part, frozen=True, kw_only=True):
    """A norm (BatchNorm) or a vector (Vector): one number a unit."""

    name: str
    width: int


class Shape(Part, frozen=True, kw_only=True):
    """A network as a table: what a lane's frames tell of, each part in this order."""

    rows: tuple[RowShape, ...]
    matrices: tuple[MatrixShape, ...]
    norms: tuple[Units, ...] = ()
    vectors: tuple[Units, ...] = ()
