"""A network looked at so that it is afterwards as it was."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy


@contextmanager
def still(model: nn.Module) -> Iterator[None]:
    """Afterwards all buffers (running statistics and the like) are what they were, those of lazy modules excepted."""
    kept = [
        (module, name, buffer, buffer.detach().clone())
        for module in model.modules()
        for name, buffer in module._buffers.items()
        if buffer is not None and not is_lazy(buffer)
    ]
    try:
        yield
    finally:
        with torch.no_grad():
            for module, name, buffer, values in kept:
                buffer.copy_(values)
                module._buffers[name] = buffer


@contextmanager
def in_eval_mode(model: nn.Module) -> Iterator[None]:
    """Inside, the model is in eval mode; afterwards each module is in the mode that it was in."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def copied(batch: Any) -> Any:
    """A batch that a person's code may change; the batch itself where it cannot be copied."""
    try:
        return copy.deepcopy(batch)
    except Exception:
        return batch
