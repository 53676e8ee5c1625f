"""The nonlinearities as PyTorch computes them, forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..config.nonlinearities import LEAKY_SLOPE, SELU_ALPHA, SELU_SCALE, NonlinearityName

aten = torch.ops.aten


@dataclass(frozen=True)
class Elementwise:
    """A nonlinearity: its module, and its forward and backward in place.

    `backward_` turns the gradient with respect to the output into that with respect to the input, from the
    gradient and the output. `settings` are the module's arguments.
    """

    kind: type[nn.Module]
    forward_: Callable[[Tensor], Tensor]
    backward_: Callable[[Tensor, Tensor], Tensor]
    settings: tuple[float, ...] = ()

    def module(self) -> nn.Module:
        """The module."""
        return self.kind(*self.settings)


ELEMENTWISE: dict[NonlinearityName, Elementwise] = {
    "tanh": Elementwise(
        nn.Tanh, torch.tanh_, lambda grad, out: aten.tanh_backward.grad_input(grad, out, grad_input=grad)
    ),
    "linear": Elementwise(nn.Identity, lambda x: x, lambda grad, out: grad),
    "relu": Elementwise(
        nn.ReLU, torch.relu_, lambda grad, out: aten.threshold_backward.grad_input(grad, out, 0, grad_input=grad)
    ),
    "leaky_relu": Elementwise(
        nn.LeakyReLU,
        lambda x: functional.leaky_relu_(x, LEAKY_SLOPE),
        lambda grad, out: aten.leaky_relu_backward.grad_input(grad, out, LEAKY_SLOPE, True, grad_input=grad),
        (LEAKY_SLOPE,),
    ),
    "sigmoid": Elementwise(
        nn.Sigmoid, torch.sigmoid_, lambda grad, out: aten.sigmoid_backward.grad_input(grad, out, grad_input=grad)
    ),
    "selu": Elementwise(
        nn.SELU,
        torch.selu_,
        lambda grad, out: aten.elu_backward.grad_input(grad, SELU_ALPHA, SELU_SCALE, 1.0, True, out, grad_input=grad),
    ),
}
