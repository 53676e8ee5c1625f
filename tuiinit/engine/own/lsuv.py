"""Layer-sequential unit variance: each layer's weights divided by the std of what it gives, in one forward pass.

Mishkin & Matas 2015, arXiv 1511.06422; a layer sees what the layers before it give after they were scaled.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook

from ...measure.layers import fans
from ...measure.models import unwrapped
from .building import Built, loss_of


def rescale(built: Built, batch: Any) -> dict[str, float]:
    """Scale every Linear and convolution to an output of std 1, and tell each one's factor by its name.

    A matrix that several modules share is scaled once; a layer that gives no spread at all stays as it is.

    Raises:
        OwnError: the person's code failed.
    """
    model = unwrapped(built.model)
    names = {id(module): name for name, module in model.named_modules()}
    factors: dict[str, float] = {}
    done: set[int] = set()

    def scale(module: nn.Module, _given: Any, output: Any) -> Tensor | None:
        weight = getattr(module, "weight", None)
        if id(module) not in names or fans(module) is None or not isinstance(weight, nn.Parameter):
            return None
        if id(weight) in done or not isinstance(output, Tensor):
            return None
        done.add(id(weight))
        std = float(output.detach().float().std()) if output.numel() > 1 else 0.0
        if not 1e-30 < std < 1e30:
            return None
        factors[names[id(module)]] = 1 / std
        with torch.no_grad():
            weight.div_(std)
            bias = getattr(module, "bias", None)
            if isinstance(bias, nn.Parameter):
                bias.div_(std)
        return output / std

    handle = register_module_forward_hook(scale)  # type: ignore[arg-type]
    try:
        loss_of(built, batch)
    finally:
        handle.remove()
    return factors
