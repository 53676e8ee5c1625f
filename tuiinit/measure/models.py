"""What any model is made of: its leaves, the tensors in what it gives, the module inside wrappers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode

from .activations import activation_of


def unwrapped(model: nn.Module) -> nn.Module:
    """The module that a person wrote, without what torch.compile and data parallelism put around it."""
    while True:
        inside = getattr(model, "_orig_mod", None)
        if inside is None and isinstance(model, nn.parallel.DistributedDataParallel | nn.DataParallel):
            inside = model.module
        if inside is None:
            return model
        model = inside


def in_backward() -> bool:
    """Whether a backward pass is running in this thread."""
    current = getattr(torch._C, "_current_graph_task_id", None)
    return current is not None and current() != -1


def unseen(mode: TorchFunctionMode | None) -> AbstractContextManager[Any]:
    """While it is open a mode sees none of the functions that are called, if it is the innermost one now."""
    current = getattr(torch.overrides, "_get_current_function_mode", None)
    aside = getattr(torch.overrides, "_pop_mode_temporarily", None)
    if mode is None or current is None or aside is None or current() is not mode:
        return nullcontext()
    return aside()  # type: ignore[no-any-return]


def tensors_in(value: Any, suffix: str = "") -> Iterator[tuple[str, Tensor]]:
    """Floating tensors of an output with the names of their rows: others than the first by their place."""
    first = True
    for place, tensor in _tensors(value, suffix):
        yield ("" if first else place), tensor
        first = False


def _tensors(value: Any, place: str) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        if value.is_floating_point():
            yield place, value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _tensors(part, f"{place}[{key}]")
    elif isinstance(value, list | tuple):
        for i, part in enumerate(value):
            yield from _tensors(part, f"{place}[{i}]")


def leaves_of(model: nn.Module, most: int | None, only: re.Pattern[str] | None) -> set[int]:
    """Modules that are rows: those with parameters of their own, and those without children."""
    sizes: dict[int, float] = {}
    for name, module in model.named_modules():
        own = sum(0 if is_lazy(p) else p.numel() for p in module.parameters(recurse=False))
        if (own or not any(True for _ in module.children())) and (only is None or only.search(name)):
            sizes[id(module)] = float("inf") if activation_of(module) is not None else own
    return set(sorted(sizes, key=lambda key: -sizes[key])[:most])
