"""Which sum a tensor is, or comes from with nothing but an activation or dropout between: residual streams."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

#: Operations that bring two signals together, by the name that is shown; what works in place is the same one.
JOINS: dict[Callable[..., Any], str] = {
    function: name
    for place in (torch, Tensor)
    for name in ("add", "sub", "mul", "div", "cat", "maximum", "minimum", "lerp")
    for function in (getattr(place, name, None), getattr(place, f"{name}_", None))
    if function is not None
}


class Stream:
    """Numbers of sums by the tensors that carry them on. Keeps no tensor alive."""

    def __init__(self) -> None:
        self._places: dict[int, tuple[weakref.ref[Tensor], int]] = {}

    def of(self, values: Any) -> int | None:
        """The number of the sum that this tensor carries, or None."""
        found = self._places.get(id(values))
        return found[1] if found is not None and found[0]() is values else None

    def put(self, values: Tensor, number: int) -> None:
        """This tensor is a sum's result."""
        self._places[id(values)] = weakref.ref(values), number

    def go_on(self, values: Any, output: Any) -> None:
        """The second tensor carries on what the first does, if it has its shape."""
        number = self.of(values)
        if number is not None and isinstance(output, Tensor) and output.shape == values.shape:
            self.put(output, number)
