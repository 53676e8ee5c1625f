"""Losses of the micro-batches of a measured step, and what comes back to them."""

from __future__ import annotations

from contextlib import suppress

from torch import Tensor


class Losses:
    """Losses of one step's micro-batches, and the factors by which the gradients of each are multiplied."""

    def __init__(self) -> None:
        self.values: list[Tensor] = []
        self.factors: list[Tensor] = []  # in the order of the backward passes

    def hold(self, loss: Tensor, scale: float | Tensor = 1.0) -> None:
        """Take a loss.

        Args:
            loss: one number.
            scale: what it was multiplied by already.
        """
        if loss.numel() != 1:
            return
        value = loss.detach().float().reshape(()).clone()
        self.values.append(value / scale)

        def came(grad: Tensor) -> None:
            with suppress(Exception):
                self.factors.append(grad.detach().float().reshape(()) * scale)

        if loss.requires_grad:
            loss.register_hook(came)  # type: ignore[no-untyped-call]
