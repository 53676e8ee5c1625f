"""Batch norms in a measured step: what the batch shows beside what is kept for evaluation."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.module import register_module_forward_hook

from .fetch import Fetch

MOST = 2**20  # values of a batch that are looked at: examples beyond are left out
UNITS, FEWEST = 2048, 8  # that are told: of all norms together, and of each


class Norms:
    """Statistics of the first training forward of each batch norm that keeps running ones; hooked until `close`."""

    def __init__(self, model: nn.Module) -> None:
        self._names = {
            id(module): name
            for name, module in model.named_modules()
            if isinstance(module, _BatchNorm) and module.running_mean is not None
        }
        self._seen: dict[str, list[Tensor]] = {}
        self._handle = register_module_forward_hook(self._after) if self._names else None

    def close(self) -> None:
        """Take no more."""
        if self._handle is not None:
            self._handle.remove()

    def _after(self, module: nn.Module, given: tuple[Any, ...], output: Any) -> None:
        name = self._names.get(id(module))
        if name is None or name in self._seen or not given or not torch.is_grad_enabled():
            return
        with suppress(Exception), torch.no_grad():
            self._take(name, module, given[0].detach())

    def _take(self, name: str, module: nn.Module, x: Tensor) -> None:
        examples = max(2, MOST * len(x) // max(1, x.numel()))
        units = x[:examples].float().transpose(0, 1).flatten(1)
        kept = [module.running_mean, module.running_var, module.weight, module.bias]
        ones = torch.ones_like(units[:, 0])
        figures = [units.mean(1), units.var(1)]
        for part, default in zip(kept, (0.0, 1.0, 1.0, 0.0), strict=True):
            figures.append(part.detach().float().clone() if isinstance(part, Tensor) else ones * default)
        self._seen[name] = figures

    def ask(self, fetch: Fetch) -> list[tuple[str, Callable[[], Any]]]:
        """Have all fetched: (6, units) of mean, variance, both running ones, γ and β; of many units some."""
        most = max(FEWEST, UNITS // max(1, len(self._seen)))
        found = {name: torch.stack(figures) for name, figures in self._seen.items()}
        return [(name, fetch.ask(rows[:, :: -(-rows.shape[1] // most)])) for name, rows in found.items()]
