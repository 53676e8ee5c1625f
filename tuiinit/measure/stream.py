"""Which sum a tensor is, or comes from with nothing but an activation or dropout between: residual streams."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

#: Operations that bring two signals together, by the name that is shown; what works in place is the same one.
JOINS: dict[Callable[..., Any], str] = {
    function: name
    for place in (torch, Tensor)
    for name in ("add", "sub", "mul", "div", "cat", "maximum", "minimum", "lerp")
    for function in (getattr(place, name, None), getattr(place, f"{name}_", None))
    if function is not None
}

#: Operations that set a signal's scale anew: products of each example's own signals, as an attention's scores and
#: values are, and softmax.
RESCALING: dict[Callable[..., Any], str] = {
    function: "softmax" if "softmax" in name else "matmul"
    for place in (torch, Tensor, functional)
    for name in ("matmul", "bmm", "baddbmm", "einsum", "__matmul__", "__rmatmul__", "softmax", "log_softmax")
    if (function := getattr(place, name, None)) is not None
}


def kind_of_join(kind: str, output: Tensor, given: tuple[Any, ...]) -> tuple[str, list[Tensor]] | None:
    """Which join an operation with these arguments is, and the signals in it; None if it joins nothing.

    A layer's own scale or shift, a mask, and a matrix that is the same for all examples are no signals.
    """
    parts = given[0] if isinstance(given[0], list | tuple) else given
    signals = [part for part in parts if isinstance(part, Tensor) and part.numel() > 1]
    if kind == "softmax":
        return kind, signals
    if kind != "matmul":
        signals = signals[:2]
    if len(signals) < 2 or output.ndim < 2 or not any(part.requires_grad for part in signals):
        return None
    if kind == "matmul":
        return (kind, signals) if min(part.ndim for part in signals) > 2 else None
    if any(part.shape != signals[0].shape for part in signals):
        if any(isinstance(part, nn.Parameter) or not part.requires_grad for part in signals):
            return None
        return "broadcast", signals
    return kind, signals


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
