"""A person's function called: a model, batches to try it on, and a loss, whatever it gave."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...config.setup import Setup
from ...measure.models import tensors_in
from .target import OwnError, Value, own_code

LABEL_SEED = 0  # of labels that are drawn where a function gives no loss


@dataclass(frozen=True)
class Inputs:
    """Made-up input for a bare model: normal floats of a shape, or uniform ints below `tokens`."""

    shape: tuple[int, ...]
    tokens: int | None = None

    def draw(self) -> Tensor:
        """The input, the same at each call."""
        generator = torch.Generator().manual_seed(LABEL_SEED)
        if self.tokens is None:
            return torch.randn(self.shape, generator=generator)
        return torch.randint(0, self.tokens, self.shape, generator=generator)


@dataclass(frozen=True)
class Built:
    """A network ready for a step."""

    setup: Setup
    labels: str  # where the loss's labels come from: "" is the person's own loss, else a word for the screen

    @property
    def model(self) -> nn.Module:
        return self.setup.model


def build(function: Callable[..., Any], settings: Mapping[str, Value], inputs: Inputs | None = None) -> Built:
    """Call a person's function and see what it gave: a Setup, a model, or a model with inputs.

    Random generators are the caller's to set.

    Raises:
        OwnError: it raised, or gave something else.
    """
    name = getattr(function, "__name__", "the function")
    with own_code(f"{name}() failed"):
        given = function(**settings)
    if isinstance(given, Setup):
        if inputs is not None:
            raise OwnError(f"{name}() gives its own batches: --input and --tokens are for a bare model")
        return Built(given, "")
    model, own = (given[0], given[1]) if isinstance(given, tuple) and len(given) == 2 else (given, None)
    if not isinstance(model, nn.Module):
        raise OwnError(
            f"{name}() gave a {type(given).__name__}: it must give a tuiinit.Setup, a model, or a model with inputs"
        )
    if own is None:
        if inputs is None:
            raise OwnError(f"{name}() gives a model without input: add --input 8,3,224,224 or --tokens 8,128,50257")
        own = inputs.draw()
    return Built(Setup(model, [own], LabelledLoss()), "random labels")


class LabelledLoss:
    """A loss for a model that comes without one.

    The output's own `.loss` where it has one; else cross-entropy over the last dimension against labels drawn
    uniformly from a fixed seed; of one output a row half the mean square.
    """

    def __call__(self, model: Any, inputs: Any) -> Tensor:
        output = called(model, inputs)
        own = getattr(output, "loss", None)
        if isinstance(own, Tensor):
            return own
        logits = next((tensor for _, tensor in tensors_in(output)), None)
        if logits is None:
            raise OwnError(f"the model gives a {type(output).__name__}, in which there is no floating tensor")
        if logits.ndim < 2 or logits.shape[-1] == 1:
            return logits.float().square().mean() / 2
        generator = torch.Generator().manual_seed(LABEL_SEED)
        labels = torch.randint(0, logits.shape[-1], logits.shape[:-1], generator=generator).to(logits.device)
        return functional.cross_entropy(logits.flatten(0, -2), labels.flatten())


def called(model: Any, inputs: Any) -> Any:
    """A model's output for inputs: a mapping by name, a tuple or list by place, anything else as the one input."""
    if isinstance(inputs, Mapping):
        return model(**inputs)
    return model(*inputs) if isinstance(inputs, list | tuple) else model(inputs)


def moved(batch: Any, device: torch.device) -> Any:
    """A batch with its tensors on a device: in tuples, lists and mappings, and of whatever has a `.to`.

    Raises:
        OwnError: it cannot be put together again.
    """
    with own_code(f"a batch could not be moved to {device}"):
        return _moved(batch, device)


def _moved(batch: Any, device: torch.device) -> Any:
    if isinstance(batch, Mapping) and not hasattr(batch, "to"):
        return type(batch)((key, _moved(value, device)) for key, value in batch.items())  # type: ignore[call-arg]
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(_moved(part, device) for part in batch))
    if isinstance(batch, list | tuple):
        return type(batch)(_moved(part, device) for part in batch)
    to = getattr(batch, "to", None)
    return to(device) if callable(to) else batch


def inputs_of(batch: Any) -> str:
    """A batch in words: the shapes of its first tensors."""
    tensors = [t for t in tensors_of(batch) if t.ndim]
    return ", ".join(" × ".join(map(str, t.shape)) for t in tensors[:3]) or type(batch).__name__


def examples_of(batch: Any) -> int | None:
    """Examples in a batch, as far as its first tensor shows them."""
    return next((t.shape[0] for t in tensors_of(batch) if t.ndim), None)


def tensors_of(batch: Any) -> Iterator[Tensor]:
    """All tensors in a batch, of whole numbers too."""
    if isinstance(batch, Tensor):
        yield batch
    elif isinstance(batch, Mapping):
        for part in batch.values():
            yield from tensors_of(part)
    elif isinstance(batch, list | tuple):
        for part in batch:
            yield from tensors_of(part)
    else:
        yield from (tensor for _, tensor in tensors_in(batch))


def loss_of(built: Built, batch: Any, *, graded: bool = True) -> Tensor:
    """The person's loss of one batch, checked to be a finite or infinite number and nothing else.

    Args:
        built: the network.
        batch: on its device.
        graded: it must depend on the parameters.

    Raises:
        OwnError: their code raised, or the loss is no such number.
    """
    with own_code("the loss failed"):
        loss = built.setup.loss(built.model, batch)
    if not isinstance(loss, Tensor):
        raise OwnError(f"the loss must be a tensor with one value, not a {type(loss).__name__}")
    if loss.numel() != 1:
        raise OwnError(f"the loss must be one value, not a tensor of shape {tuple(loss.shape)}")
    if graded and not loss.requires_grad:
        raise OwnError("the loss does not depend on any parameter: is it detached?")
    return loss


def on_device(built: Built, device: torch.device) -> Built:
    """The same with the model on a device."""
    with own_code(f"the model could not be moved to {device}"):
        return replace(built, setup=replace(built.setup, model=built.model.to(device)))
