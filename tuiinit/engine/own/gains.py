"""One gain for all weight matrices that have one: w ← w · g / (std · √fan_in), whatever they were drawn from."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook
from torch.nn.parameter import is_lazy
from torch.utils.hooks import RemovableHandle

from ...measure.layers import fans
from ...measure.models import tensors_in
from ...measure.sampling import local

RECURRENT = (nn.RNNBase, nn.RNNCellBase)
GATES = {"LSTM": 4, "LSTMCell": 4, "GRU": 3, "GRUCell": 3}


class Ends:
    """Sees, while it is open, from which layers the loss is reached without another layer's weights in between."""

    def __init__(self, model: nn.Module) -> None:
        self._layers = {id(module): list(_weights(module)) for module in model.modules()}
        self._made: dict[Any, int] = {}  # module by the graph's node of what it gave
        self._handle: RemovableHandle | None = None

    def __enter__(self) -> Ends:
        self._handle = register_module_forward_hook(self._after)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handle is not None:
            self._handle.remove()

    def _after(self, module: nn.Module, given: Any, output: Any) -> None:
        if self._layers.get(id(module)):
            for _, tensor in tensors_in(output):
                if tensor.grad_fn is not None:
                    self._made[tensor.grad_fn] = id(module)

    def of(self, loss: Tensor) -> set[int]:
        """The ids of the last layers' matrices, before the backward pass that lets go of the graph."""
        last: set[int] = set()
        seen = set()
        waiting = [loss.grad_fn]
        while waiting:
            node = waiting.pop()
            if node is None or node in seen:
                continue
            seen.add(node)
            if (module := self._made.get(node)) is not None:
                last |= {id(weight) for weight in self._layers[module]}
            else:
                waiting += [before for before, _ in node.next_functions]
        self._made.clear()
        return last


def _weights(module: nn.Module) -> Iterator[nn.Parameter]:
    if isinstance(module, RECURRENT):
        yield from (p for p in module.parameters(recurse=False) if p.ndim == 2)
    elif fans(module) is not None and isinstance(module.weight, nn.Parameter):
        yield module.weight


def gates_of(model: nn.Module) -> Iterator[tuple[nn.Parameter, int]]:
    """The matrices of recurrent layers, and how many gates each holds, one under the other."""
    for module in model.modules():
        if isinstance(module, RECURRENT):
            for name, weight in module.named_parameters(recurse=False):
                if weight.ndim == 2 and not is_lazy(weight):
                    yield weight, 1 if "weight_hr" in name else GATES.get(type(module).__name__, 1)


def matrices(model: nn.Module, last: set[int]) -> dict[str, list[tuple[Tensor, int]]]:
    """The matrices that a gain is set for, by name: the parts that have one each (an LSTM's gates) with their fan-in.

    Matrices of Linear, convolutions and recurrent layers; those that are tied, zero or last stay as they were built,
    as do embeddings and norms.

    Args:
        model: any module.
        last: ids of parameters that nothing follows.
    """
    names = Counter(id(p) for _, p in model.named_parameters(remove_duplicate=False))
    gates = {id(weight): count for weight, count in gates_of(model)}
    found: dict[str, list[tuple[Tensor, int]]] = {}
    for prefix, module in model.named_modules():
        own = {id(p): name for name, p in module.named_parameters(recurse=False)}
        for weight in _weights(module):
            if is_lazy(weight) or names[id(weight)] > 1 or id(weight) in last:
                continue
            values = local(weight.detach())
            if not values.any():
                continue
            fan_in = values.shape[-1]
            if not isinstance(module, RECURRENT):
                fan = fans(module)
                assert fan is not None
                fan_in = fan.fan_in
            parts = values.chunk(gates.get(id(weight), 1))
            found[f"{prefix}.{own[id(weight)]}".lstrip(".")] = [(part, fan_in) for part in parts]
    return found


@torch.no_grad()
def set_gain(model: nn.Module, last: set[int], gain: float) -> None:
    """Scale the matrices to a gain, std · √fan_in; what has no spread stays as it is."""
    for parts in matrices(model, last).values():
        for part, fan_in in parts:
            std = float(part.float().std()) if part.numel() > 1 else 0.0
            factor = gain / (std * math.sqrt(fan_in)) if std > 0 else math.inf
            if math.isfinite(factor):
                part.mul_(factor)
