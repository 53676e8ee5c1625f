"""Batch norms in a measured step: what the batch shows beside what is kept for evaluation."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils.hooks import RemovableHandle

from .fetch import Fetch

MOST = 2**18  # values of a batch that are looked at: examples beyond are left out
UNITS, FEWEST = 2048, 8  # that are told: of all norms together, and of each


class Norms:
    """Statistics of the first training forward of each batch norm that keeps running ones; hooked until `close`.

    What the batch showed follows from how it moved the running statistics: kept ← (1 − m) · kept + m · batch. Where it
    moved none (a frozen norm, m = 0), or where they are rounded coarsely, it is worked out from some of the batch.
    """

    def __init__(self, model: nn.Module) -> None:
        self._names = {
            id(module): name
            for name, module in model.named_modules()
            if isinstance(module, _BatchNorm) and module.running_mean is not None
        }
        self._seen: dict[str, list[Tensor]] = {}
        self._before: dict[str, list[Tensor]] = {}
        self._handles: list[RemovableHandle] = []
        if self._names:
            self._handles = [register_module_forward_pre_hook(self._comes), register_module_forward_hook(self._after)]

    def close(self) -> None:
        """Take no more."""
        for handle in self._handles:
            handle.remove()

    def _wanted(self, module: nn.Module) -> str | None:
        name = self._names.get(id(module))
        return None if name is None or name in self._seen or not torch.is_grad_enabled() else name

    def _comes(self, module: nn.Module, given: tuple[Any, ...]) -> None:
        if (name := self._wanted(module)) is not None:
            with suppress(Exception), torch.no_grad():
                self._before[name] = [kept.float().clone() for kept in _running(module)]

    def _after(self, module: nn.Module, given: tuple[Any, ...], output: Any) -> None:
        if (name := self._wanted(module)) is not None and given:
            with suppress(Exception), torch.no_grad():
                self._take(name, module, given[0].detach())

    def _take(self, name: str, module: Any, x: Tensor) -> None:
        before, now = self._before.pop(name), [kept.float().clone() for kept in _running(module)]
        share, exact = module.momentum, module.running_mean.dtype in (torch.float32, torch.float64)
        if exact and module.training and isinstance(share, float) and share > 0:
            figures = [(a - (1 - share) * b) / share for a, b in zip(now, before, strict=True)]
        else:
            units = x[: max(2, MOST * x.shape[0] // max(1, x.numel()))].float().transpose(0, 1).flatten(1)
            figures = [units.mean(1), units.var(1)]
        ones = torch.ones_like(now[0])
        scale, shift = module.weight, module.bias
        figures += [*now, ones if scale is None else scale.float().clone()]
        figures.append(ones * 0 if shift is None else shift.float().clone())
        self._seen[name] = figures

    def ask(self, fetch: Fetch) -> list[tuple[str, Callable[[], Any]]]:
        """Have all fetched: (6, units) of mean, variance, both running ones, γ and β; of many units some."""
        most = max(FEWEST, UNITS // max(1, len(self._seen)))
        found = {name: torch.stack(figures) for name, figures in self._seen.items()}
        return [(name, fetch.ask(rows[:, :: -(-rows.shape[1] // most)])) for name, rows in found.items()]


def _running(module: Any) -> tuple[Tensor, Tensor]:
    return module.running_mean, module.running_var
