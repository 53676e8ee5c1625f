"""What is known of an activation's output, for any that PyTorch has: where it is flat, and so where a unit is dead."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..config.nonlinearities import SATURATED_AT, SELU_ALPHA, SELU_SCALE

FAINT = 1e-3  # an output of GELU and the like within this of 0 on every row lets nothing through

INF = math.inf


class Flat(NamedTuple):
    """Where an activation's output y is (nearly) constant: y <= below, y >= above, or |y| <= faint.

    Args:
        bounded: both ends are bounds, so that a large share there is saturation and not the activation's nature.
    """

    below: float = -INF
    above: float = INF
    faint: float = -1.0
    bounded: bool = False

    def mask(self, y: Tensor) -> Tensor:
        """Which outputs are flat, as booleans of y's shape."""
        flat = (y <= self.below) | (y >= self.above)
        if self.faint < 0:
            return flat
        # A faint signal as a whole is another matter: there these curves are straight lines.
        scale = y.float().std().clamp(max=1.0) if self.faint and y.numel() > 1 else 1.0
        return flat | (y.abs() <= self.faint * scale)


TANH = Flat(-SATURATED_AT, SATURATED_AT, bounded=True)
SIGMOID = Flat(0.015, 0.985, bounded=True)
#: By name. The bounds of tanh are the lecture's; those of the others are the same points of the same kind of curve.
FLAT: dict[str, Flat] = {
    "tanh": TANH,
    "sigmoid": SIGMOID,
    "hardtanh": TANH,
    "hardsigmoid": SIGMOID,
    "softsign": TANH,
    "relu": Flat(below=0.0),
    "relu6": Flat(0.0, 6.0),
    "leaky_relu": Flat(),
    "prelu": Flat(),
    "rrelu": Flat(),
    "elu": Flat(below=-SATURATED_AT),
    "celu": Flat(below=-SATURATED_AT),
    "selu": Flat(below=-SATURATED_AT * SELU_SCALE * SELU_ALPHA),
    "gelu": Flat(faint=FAINT),
    "silu": Flat(faint=FAINT),
    "mish": Flat(faint=FAINT),
    "hardswish": Flat(faint=FAINT),
    "softplus": Flat(below=FAINT),
    "logsigmoid": Flat(above=-FAINT),
    "softshrink": Flat(faint=0.0),
    "hardshrink": Flat(faint=0.0),
    "tanhshrink": Flat(),
    "threshold": Flat(),
}

_MODULES: dict[type[nn.Module], str] = {
    nn.Tanh: "tanh",
    nn.Sigmoid: "sigmoid",
    nn.Hardtanh: "hardtanh",
    nn.Hardsigmoid: "hardsigmoid",
    nn.Softsign: "softsign",
    nn.ReLU: "relu",
    nn.ReLU6: "relu6",
    nn.LeakyReLU: "leaky_relu",
    nn.PReLU: "prelu",
    nn.RReLU: "rrelu",
    nn.ELU: "elu",
    nn.CELU: "celu",
    nn.SELU: "selu",
    nn.GELU: "gelu",
    nn.SiLU: "silu",
    nn.Mish: "mish",
    nn.Hardswish: "hardswish",
    nn.Softplus: "softplus",
    nn.LogSigmoid: "logsigmoid",
    nn.Softshrink: "softshrink",
    nn.Hardshrink: "hardshrink",
    nn.Tanhshrink: "tanhshrink",
    nn.Threshold: "threshold",
}

#: Functions that are seen wherever they are called, and the name of their row. What works in place is the same row.
FUNCTIONS: dict[Callable[..., Any], str] = {
    function: name.rstrip("_")
    for place in (functional, torch, Tensor, torch.special)
    for name in (*FLAT, *(f"{name}_" for name in FLAT))
    if callable(function := getattr(place, name, None))
}
for _place, _name in ((torch.special, "expit"), (torch, "sigmoid"), (Tensor, "sigmoid")):
    FUNCTIONS[getattr(_place, _name)] = "sigmoid"
ATTENTION = "scaled_dot_product_attention"
FUNCTIONS[functional.scaled_dot_product_attention] = ATTENTION

#: Activations that libraries write as modules of their own, by a word in their class's name.
_WORDS = re.compile(r"(gelu|silu|swish|mish|leaky_?relu|relu6|relu|tanh|sigmoid|selu|elu)", re.IGNORECASE)
_SAME = {"swish": "silu", "leakyrelu": "leaky_relu"}


def activation_of(module: nn.Module) -> str | None:
    """The name of the activation that a module is, or None. Subclasses and libraries' own classes count."""
    for kind in type(module).__mro__:
        if kind in _MODULES:
            return _MODULES[kind]
    if any(True for _ in module.children()) or any(True for _ in module.parameters(recurse=False)):
        return None
    # A whole network may have such a word in its name, a leaf without parameters is what it says.
    found = _WORDS.search(type(module).__name__)
    if found is None:
        return None
    word = found[1].lower().replace("leakyrelu", "leaky_relu")
    return _SAME.get(word, word)
