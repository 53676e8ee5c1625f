"""Updates of all parameters as one tensor, by PyTorch's operators.

Notable: on the CPU not by `torch.optim`, whose first object loads PyTorch's compiler, which takes seconds. The
operations are those of its plain implementation, in its order, so the numbers are the same, to the bit.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import torch
from torch import Tensor

from ..config.run import RunConfig
from .network import Network

EPS = 1e-8  # PyTorch's default


class Optimizer(Protocol):
    """What a step needs of an optimizer."""

    @property
    def state(self) -> Any:
        """What it keeps, tensors by name, of each of its tensors; empty before its first step."""

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """Its settings: one group, with its `lr`."""

    def step(self) -> Any:
        """Update by the gradients that are there."""


def make_optimizer(config: RunConfig, network: Network) -> Optimizer | None:
    """An optimizer over all parameters as one tensor, or None for plain SGD, which is one operation."""
    if config.optimizer == "sgd":
        return None
    if network.flat.is_cuda:
        return _of_pytorch(config, network)
    return Flat(config, network.flat, network.flat_grad)


class Flat:
    """SGD with momentum, RMSprop, Adam or AdamW as `torch.optim` has them.

    Args:
        config: the optimizer and its settings.
        data, grad: all parameters and their gradients (parameters,).
    """

    def __init__(self, config: RunConfig, data: Tensor, grad: Tensor) -> None:
        self._config = config
        self._data, self._grad = data, grad
        self.state: dict[str, dict[str, Tensor]] = {}
        self.param_groups: list[dict[str, Any]] = [{"lr": config.lr}]

    @torch.no_grad()
    def step(self) -> None:
        """Update the parameters by the gradients."""
        first = not self.state
        if first:
            names = {"momentum": ("momentum",), "rmsprop": ("square",)}.get(self._config.optimizer, ("mean", "square"))
            self.state["all"] = {"step": torch.zeros(()), **{name: torch.zeros_like(self._data) for name in names}}
        kept, lr = self.state["all"], self.param_groups[0]["lr"]
        kept["step"] += 1
        config, data, grad = self._config, self._data, self._grad
        match config.optimizer:
            case "momentum":
                change = kept["momentum"].mul_(config.momentum).add_(grad)
                data.add_(change, alpha=-lr)
            case "rmsprop":
                square = kept["square"].mul_(config.alpha).addcmul_(grad, grad, value=1 - config.alpha)
                data.addcdiv_(grad, square.sqrt().add_(EPS), value=-lr)
            case _:
                if config.optimizer == "adamw" and config.weight_decay:
                    data.mul_(1 - lr * config.weight_decay)
                kept["mean"].lerp_(grad, 1 - config.beta1)
                square = kept["square"].mul_(config.beta2).addcmul_(grad, grad, value=1 - config.beta2)
                steps = float(kept["step"])
                unbiased = math.sqrt(1 - config.beta2**steps)
                step_size = lr / (1 - config.beta1**steps)
                data.addcdiv_(kept["mean"], (square.sqrt() / unbiased).add_(EPS), value=-step_size)


def _of_pytorch(config: RunConfig, network: Network) -> Optimizer:
    """PyTorch's own, whose numbers live on the device, so that a CUDA graph can hold them."""
    flat = torch.nn.Parameter(network.flat)
    flat.grad = network.flat_grad
    if config.optimizer == "momentum":
        return torch.optim.SGD([flat], lr=config.lr, momentum=config.momentum)
    if config.optimizer == "rmsprop":
        return torch.optim.RMSprop([flat], lr=config.lr, alpha=config.alpha, capturable=True)
    betas = (config.beta1, config.beta2)
    if config.optimizer == "adam":
        return torch.optim.Adam([flat], lr=config.lr, betas=betas, capturable=True)
    return torch.optim.AdamW([flat], lr=config.lr, betas=betas, weight_decay=config.weight_decay, capturable=True)
