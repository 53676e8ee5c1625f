"""A person's optimizer: made, its learning rates set in proportion, stepped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from .target import OwnError, own_code

LR = 0.1  # of plain SGD, where a setup has no optimizer


class Optimizing:
    """An optimizer over a model's parameters.

    Args:
        make: the setup's `optimizer`; None is plain SGD.
        model: where the parameters are from.

    Raises:
        OwnError: the person's code failed, or gave something else.
    """

    def __init__(self, make: Callable[[Any], Optimizer] | None, model: nn.Module) -> None:
        self._parameters = list(model.parameters())
        with own_code("the optimizer could not be made"):
            made = make(self._parameters) if make is not None else torch.optim.SGD(self._parameters, lr=LR)
        if not all(hasattr(made, name) for name in ("step", "zero_grad", "param_groups")):
            raise OwnError(f"the setup's optimizer must give a torch.optim.Optimizer, not a {type(made).__name__}")
        self.optimizer = made
        self.repeats = isinstance(made, torch.optim.LBFGS)  # works gradients out itself, again and again
        self._built = [_number(group.get("lr")) for group in made.param_groups]

    @property
    def name(self) -> str:
        """Its class."""
        return type(self.optimizer).__name__

    @property
    def groups(self) -> int:
        """Groups of parameters, each with a learning rate of its own."""
        return len(self._built)

    @property
    def kept(self) -> int:
        """Numbers that it keeps for one of a parameter: what its kind does, before it has made a step."""
        if isinstance(self.optimizer, torch.optim.SGD):
            return int(any(group.get("momentum") for group in self.optimizer.param_groups))
        return 2

    @property
    def built_lr(self) -> float | None:
        """The first group's learning rate as it was built."""
        return self._built[0]

    @property
    def lr(self) -> float | None:
        """The first group's learning rate now."""
        return _number(self.optimizer.param_groups[0].get("lr"))

    def follow(self, lr: float | None) -> None:
        """Set the first group's learning rate, the others' in proportion. None leaves all as they are."""
        first = self._built[0]
        if lr is None or first is None:
            return
        for group, built in zip(self.optimizer.param_groups, self._built, strict=False):
            value = lr if built is None or not first else built * (lr / first)
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(value)
            else:
                group["lr"] = value

    def zero_grad(self) -> None:
        """No parameter has a gradient, the optimizer's own and those of the model that it leaves alone."""
        with own_code("the optimizer failed"):
            self.optimizer.zero_grad()
        for parameter in self._parameters:
            parameter.grad = None

    def step(self, again: Callable[[], Tensor]) -> None:
        """One step. Raises OwnError.

        Args:
            again: forward and backward once more, for an optimizer that needs them.
        """
        with own_code("the optimizer failed"):
            if self.repeats:
                self.optimizer.step(again)  # type: ignore[arg-type]
            else:
                self.optimizer.step()


def _number(lr: Any) -> float | None:
    return None if lr is None else float(lr)
