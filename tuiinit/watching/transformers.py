"""`tuiinit.transformers.Watch`: the callback for the Trainer of Hugging Face's transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .watch import Watch as Handle
from .watch import watch

if TYPE_CHECKING:
    TrainerCallback: Any = object
else:
    from transformers import TrainerCallback


class Watch(TrainerCallback):  # type: ignore[misc]
    """Records each `train`; see `tuiinit.watch` for the arguments. Losses are those that the model itself gives.

    Attributes:
        handle: of the present or the last training, None before any.
    """

    def __init__(self, **settings: Any) -> None:
        self._settings = settings
        self.handle: Handle | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **about: Any) -> None:
        self.handle = watch(about["model"], about["optimizer"], **self._settings)
        scaler = getattr(about["optimizer"], "scaler", None)  # accelerate's
        self.handle.shares = (lambda: 1.0) if scaler is None else scaler.get_scale

    def on_train_end(self, args: Any, state: Any, control: Any, **about: Any) -> None:
        if self.handle is not None:
            self.handle.close()
