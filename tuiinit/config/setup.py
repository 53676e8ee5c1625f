"""A person's own network with its data and loss, as their file tells it: `tuiinit.Setup`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer


@dataclass(frozen=True)
class Setup:
    """What it takes to train a network.

    Args:
        model: any `torch.nn.Module`.
        batches: can be iterated again and again (a list, a DataLoader), or a function that gives such an iterable.
            Without a length there are no epochs.
        loss: `loss(model, batch)` gives a scalar.
        optimizer: `optimizer(parameters)` gives a torch optimizer; by default plain SGD.
        dev: batches to measure the dev loss on.

    Raises:
        TypeError: something is not what it must be.
    """

    model: nn.Module
    batches: Iterable[Any] | Callable[[], Iterable[Any]]
    loss: Callable[[Any, Any], Tensor]
    optimizer: Callable[[Any], Optimizer] | None = None
    dev: Iterable[Any] | Callable[[], Iterable[Any]] | None = None

    def __post_init__(self) -> None:
        if not (callable(self.model) and hasattr(self.model, "named_parameters")):
            raise TypeError(f"Setup: model must be a torch.nn.Module, not {_named(self.model)}")
        for name, batches in (("batches", self.batches), ("dev", self.dev)):
            if batches is None and name == "dev":
                continue
            if isinstance(batches, Iterator):
                raise TypeError(
                    f"Setup: {name} can be gone through only once (a bare iterator): give what can be iterated "
                    "again, or a function that makes the iterator"
                )
            if not (callable(batches) or hasattr(batches, "__iter__") or hasattr(batches, "__getitem__")):
                raise TypeError(f"Setup: {name} must be something to iterate over, not {_named(batches)}")
        if not callable(self.loss):
            raise TypeError(f"Setup: loss must be a function of model and batch, not {_named(self.loss)}")
        if self.optimizer is not None and not callable(self.optimizer):
            raise TypeError(
                f"Setup: optimizer must be a function of the parameters, as torch.optim.AdamW is, not "
                f"{_named(self.optimizer)}"
            )


def _named(value: object) -> str:
    return "None" if value is None else f"a {type(value).__name__}"
