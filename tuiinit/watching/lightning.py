"""`tuiinit.lightning.Watch`: the callback for PyTorch Lightning, under either of its two names."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from torch import Tensor

from .watch import Watch as Handle
from .watch import watch

if TYPE_CHECKING:
    Callback: Any = object
else:  # a trainer takes callbacks of its own package alone
    other = "pytorch_lightning" in sys.modules and "lightning.pytorch" not in sys.modules
    try:
        Callback = import_module("pytorch_lightning" if other else "lightning.pytorch").Callback
    except ModuleNotFoundError:
        Callback = import_module("pytorch_lightning").Callback


class Watch(Callback):  # type: ignore[misc]
    """Records each `fit`, and the loss of every step; see `tuiinit.watch` for the arguments.

    Attributes:
        handle: of the present or the last fit, None before any.
    """

    def __init__(self, **settings: Any) -> None:
        self._settings = settings
        self.handle: Handle | None = None

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        self.handle = watch(pl_module, trainer.optimizers, **self._settings)

    def on_before_backward(self, trainer: Any, pl_module: Any, loss: Tensor) -> None:
        if self.handle is None:
            return
        scale: Any = 1.0
        if (scaler := getattr(trainer.precision_plugin, "scaler", None)) is not None:
            scale = getattr(scaler, "_scale", None)  # a tensor: to read it as a number would wait for the device
            scale = scaler.get_scale() if scale is None else scale
        parts = trainer.accumulate_grad_batches if pl_module.automatic_optimization else 1
        self.handle.loss(loss, scale=scale / parts)

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        if self.handle is not None:
            self.handle.close()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        if self.handle is not None:
            self.handle.__exit__(type(exception), exception, None)
