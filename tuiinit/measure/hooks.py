"""Outputs of a model's nonlinearities and their gradients, caught while a context is open."""

from __future__ import annotations

from collections import Counter
from types import TracebackType

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from ..config.nonlinearities import RANGES
from ..stream import protocol
from .nonlinearities import NONLINEARITY_OF
from .records import activations


class Hooks:
    """Outputs of a model's nonlinearities and their gradients, caught while the context is open.

    Run one forward and one backward inside the `with`; then `names`, `outputs` and `grads` hold one entry a
    layer, in the order in which they ran. A layer that runs more than once counts each time.

    Args:
        model: any nn.Module.
        kinds: the module types to look at; those whose output ranges are known by default.
    """

    def __init__(self, model: nn.Module, kinds: tuple[type[nn.Module], ...] = tuple(NONLINEARITY_OF)) -> None:
        self._model = model
        self._kinds = kinds
        self._handles: list[RemovableHandle] = []
        self._caught: list[tuple[str, nn.Module, Tensor]] = []

    def __enter__(self) -> Hooks:
        for name, module in self._model.named_modules():
            if isinstance(module, self._kinds):
                self._handles.append(module.register_forward_hook(self._catcher(name)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _catcher(self, name: str):  # type: ignore[no-untyped-def]
        def catch(module: nn.Module, _inputs: object, output: object) -> None:
            if isinstance(output, Tensor) and output.is_floating_point():
                if output.requires_grad:
                    output.retain_grad()
                self._caught.append((name, module, output))

        return catch

    @property
    def names(self) -> list[str]:
        """The modules' names inside the model."""
        return [name for name, _, _ in self._caught]

    @property
    def outputs(self) -> list[Tensor]:
        """What the modules gave, detached."""
        return [output.detach() for _, _, output in self._caught]

    @property
    def grads(self) -> list[Tensor]:
        """The loss's gradient with respect to each output; zeros where none arrived."""
        return [torch.zeros_like(out) if out.grad is None else out.grad for _, _, out in self._caught]

    def activations(self) -> tuple[protocol.Activation, ...] | None:
        """The records of a snapshot; dead units are not among them (they need a probe batch)."""
        records: list[protocol.Activation] = []
        calls: Counter[str] = Counter()
        for (name, module, output), grad in zip(self._caught, self.grads, strict=True):
            limits = RANGES[NONLINEARITY_OF.get(type(module), "linear")]
            calls[name] += 1
            kind, shape = type(module).__name__, tuple(output.shape[1:])
            row = protocol.RowShape(name=name, kind=kind, shape=shape, call=calls[name])
            one = activations([row], [output.detach()], [grad], limits, [()])
            if one is None:
                return None
            records += one
        return tuple(records)
