"""The plain way to see a model's nonlinearities, by hooks on its modules: what the program's own is compared with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from tuiinit.measure.nonlinearities import ELEMENTWISE

KINDS = tuple(curve.kind for curve in ELEMENTWISE.values())


@contextmanager
def hooked(model: nn.Module) -> Iterator[list[tuple[str, Tensor]]]:
    """Names and outputs of a model's nonlinearities in the order in which they ran; outputs keep their gradients."""
    caught: list[tuple[str, Tensor]] = []

    def catch(name: str, output: Tensor) -> None:
        if output.requires_grad:
            output.retain_grad()
        caught.append((name, output))

    handles = [
        module.register_forward_hook(lambda _module, _inputs, output, name=name: catch(name, output))
        for name, module in model.named_modules()
        if isinstance(module, KINDS)
    ]
    try:
        yield caught
    finally:
        for handle in handles:
            handle.remove()
