"""Parameters around an optimizer's step, by samples of their values: how large they are, and how far they move."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.optim import Optimizer

from .fetch import Described, Fetch
from .sampling import sample

MATRICES, OTHERS = 512, 256  # that are told of a model, at most


@dataclass
class Parameter:
    """What is known of one parameter in a measured step. Figures can be read once they were fetched."""

    name: str
    shape: tuple[int, ...]
    data: Callable[[], Described] | None = None  # after the step
    grad: Callable[[], Described] | None = None  # None: it got no gradient
    update: Callable[[], float] | None = None  # std of the step's change; None: no optimizer has it


class Parameters:
    """Samples of parameters before and after the step, described together where they are equally long.

    Args:
        parameters: by name; of very many the largest.
        samples: values taken of each; None takes all.
    """

    def __init__(self, parameters: Iterable[tuple[str, Tensor]], samples: int | None) -> None:
        named = [(name, value) for name, value in parameters if value.is_floating_point() and value.numel()]
        self._named = _largest(named)
        self._samples = samples
        self._known = {id(value) for _, value in self._named}
        self._before: dict[int, Tensor] = {}
        self._grads: dict[int, Tensor] = {}
        self._after: dict[int, Tensor] = {}
        self._changes: dict[int, Tensor] = {}  # of a step that is known beforehand

    def before(self, optimizer: Optimizer, *, closure: bool) -> None:
        """An optimizer is about to step.

        Args:
            closure: it works gradients out itself, so that those of now are old.
        """
        scale = getattr(optimizer, "grad_scale", None)  # of a fused optimizer, which unscales them itself
        plain = {} if closure else plain_steps(optimizer)
        for value in self._of(optimizer):
            key = id(value)
            self._before[key] = sample(value, self._samples)
            if not closure:
                self._take_grad(value, scale)
            if key in plain and key in self._grads:
                self._changes[key] = plain[key].change(self._grads[key], self._before[key])

    def after(self, optimizer: Optimizer) -> None:
        """An optimizer has stepped."""
        for value in self._of(optimizer):
            self._after[id(value)] = sample(value, self._samples)
            if id(value) not in self._grads:
                self._take_grad(value, None)

    def _take_grad(self, value: Tensor, scale: Any) -> None:
        if value.grad is not None:
            taken = sample(value.grad, self._samples)
            self._grads[id(value)] = taken if scale is None else taken / scale

    def _of(self, optimizer: Optimizer) -> list[Tensor]:
        return [value for group in optimizer.param_groups for value in group["params"] if id(value) in self._known]

    def ask(self, fetch: Fetch) -> list[Parameter]:
        """Have all parameters described, in the model's order."""
        found = {id(value): Parameter(name, tuple(value.shape)) for name, value in self._named}
        still = {id(value): sample(value, self._samples) for _, value in self._named if id(value) not in self._after}
        for keys, rows in _alike({**self._after, **still}):
            look = fetch.look(rows)
            for i, key in enumerate(keys):
                found[key].data = _nth(look, i)
        for keys, rows in _alike(self._grads):
            look = fetch.look(rows)
            for i, key in enumerate(keys):
                found[key].grad = _nth(look, i)
        for keys, rows in _alike(self._before):
            if all(key in self._after for key in keys):
                change = torch.stack([self._after[key] for key in keys]) - rows
                for i, key in enumerate(keys):
                    if key in self._changes:
                        change[i] = self._changes[key]
                stds = fetch.ask(change.std(1, correction=1 if change.shape[1] > 1 else 0))
                for i, key in enumerate(keys):
                    found[key].update = _number(stds, i)
        return list(found.values())


class PlainStep(NamedTuple):
    """A step of plain gradient descent: what it takes off a parameter, before that is rounded."""

    lr: float
    weight_decay: float

    def change(self, grad: Tensor, value: Tensor) -> Tensor:
        """What is taken off a parameter: lr · (gradient + decay · parameter), of any shape."""
        return self.lr * (grad.add(value, alpha=self.weight_decay) if self.weight_decay else grad)


def plain_steps(optimizer: Optimizer) -> dict[int, PlainStep]:
    """By parameter's id its step, where that follows from the gradient alone; nothing for other optimizers."""
    if type(optimizer) is not torch.optim.SGD or getattr(optimizer, "grad_scale", None) is not None:
        return {}
    return {
        id(value): PlainStep(float(group["lr"]), float(group["weight_decay"]))
        for group in optimizer.param_groups
        if not group["momentum"]
        for value in group["params"]
    }


def _largest(named: list[tuple[str, Tensor]]) -> list[tuple[str, Tensor]]:
    """At most so many matrices, and so many others, in their order."""
    kept: set[str] = set()
    matrices, others = [one for one in named if one[1].ndim > 1], [one for one in named if one[1].ndim <= 1]
    for some, most in ((matrices, MATRICES), (others, OTHERS)):
        kept |= {name for name, _ in sorted(some, key=lambda one: -one[1].numel())[:most]}
    return [one for one in named if one[0] in kept]


def _alike(values: dict[int, Tensor]) -> list[tuple[list[int], Tensor]]:
    """Samples of one length and device, stacked (n, length), with whose they are."""
    groups: dict[tuple[int, torch.device], list[tuple[int, Tensor]]] = {}
    for key, value in values.items():
        if value.numel():
            groups.setdefault((value.numel(), value.device), []).append((key, value))
    return [([key for key, _ in group], torch.stack([value for _, value in group])) for group in groups.values()]


def _nth(look: Callable[[], list[Described]], i: int) -> Callable[[], Described]:
    return lambda: look()[i]


def _number(asked: Callable[[], Any], i: int) -> Callable[[], float]:
    return lambda: float(asked()[i])


def log_ratio(update: float, data: float) -> float | None:
    """log10 of std(update) / std(data), None where there is none."""
    return math.log10(update / data) if update > 0 and data > 0 and math.isfinite(update / data) else None
