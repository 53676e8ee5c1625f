"""One step of the optimizer that is measured: the rows of its first forward, its losses, its parameters."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from .catching import Catch
from .losses import Losses
from .norms import Norms
from .parameters import Parameter, Parameters

HOOKED = r"Using `torch\.compile\(module\)` when there are global hooks"
CALLS, ROWS = 4, 512  # calls of one module, and rows, that are told


class Step:
    """Open from one step's end to the next one's. `finish` brings the figures to the host.

    Raises whatever goes wrong in `before`, `after`, `finish`; failures inside forward and backward passes are in
    `failure`, and never reach the training.

    Args:
        model: as in `Catch`.
        samples: values taken of a tensor.
        only: names of rows to look at.
        shares: tells a scaler's factor, where losses that the model itself gives are shares of one.
        calls: of one module that are rows.
        details: figures of what comes in, too.
    """

    def __init__(
        self,
        model: nn.Module,
        samples: int | None,
        only: re.Pattern[str] | None = None,
        shares: Callable[[], float | None] = lambda: None,
        *,
        calls: int = CALLS,
        details: bool = False,
    ) -> None:
        self._catch = Catch(
            model, samples=samples, calls=calls, most=ROWS, only=only, details=details, whole=self._given
        )
        self._samples = samples
        self._weights: Parameters | None = None
        self._from_script, self._from_model = Losses(), Losses()  # the losses that each of them gave
        self._shares = shares
        self._stance: Any = None
        self.rows = self._catch.rows
        self.parameters: list[Parameter] = []
        self.norms: list[tuple[str, Callable[[], Any]]] = []  # see `Norms.ask`
        self.losses: list[float] = []
        self.factors: list[float] = []
        self.lr: float | None = None
        if "torch._dynamo" in sys.modules and hasattr(torch.compiler, "set_stance"):
            _hush()
            self._stance = torch.compiler.set_stance("force_eager")  # compiled code calls no hooks
        self._catch.__enter__()
        self._norms = Norms(self._catch.model)

    @property
    def failure(self) -> Exception | None:
        """What went wrong inside a hook, if anything did."""
        return self._catch.failure

    @property
    def micro_batches(self) -> int:
        """Training forwards that the step had."""
        return max(1, self._catch.micro_batches, len(self.losses))

    @property
    def left_out(self) -> int:
        """Rows that were too many."""
        return self._catch.left_out

    @property
    def factor(self) -> float | None:
        """What division of the loss and scaling multiplied the rows' gradients by; None: not known."""
        return self.factors[0] if self.factors else None

    @property
    def skipped(self) -> int:
        """Steps that a GradScaler left out since the last one was taken: each time it makes its scale smaller."""
        return sum(later < earlier for earlier, later in zip(self.factors, self.factors[1:], strict=False))

    def _given(self, output: Any) -> None:
        loss = output.get("loss") if isinstance(output, Mapping) else getattr(output, "loss", None)
        if isinstance(loss, Tensor):
            self._from_model.hold(loss)

    def hold(self, loss: Tensor, scale: float | Tensor = 1.0) -> None:
        """Take a micro-batch's loss, before it is divided or scaled but for `scale`."""
        self._from_script.hold(loss, scale)

    def before(self, optimizer: Optimizer, closure: bool) -> None:
        """An optimizer is about to step."""
        if self._weights is None:
            self._weights = Parameters(self._catch.model.named_parameters(), self._samples)
        self._weights.before(optimizer, closure=closure)

    def after(self, optimizer: Optimizer) -> None:
        """An optimizer has stepped."""
        if self._weights is not None:
            self._weights.after(optimizer)
        if self.lr is None and optimizer.param_groups:
            self.lr = float(optimizer.param_groups[0].get("lr", float("nan")))

    def close(self) -> None:
        """Take no more; no hook is left, and what is compiled runs again."""
        self._catch.close()
        self._norms.close()
        if self._stance is not None:
            stance, self._stance = self._stance, None
            stance.__exit__(None, None, None)

    def finish(self) -> None:
        """Close, and bring all figures to the host."""
        self.close()
        fetch = self._catch
        if self._weights is not None:
            self.parameters = self._weights.ask(fetch.waiting)
        self.norms = self._norms.ask(fetch.waiting)
        found = self._from_script if self._from_script.values else self._from_model
        losses = [fetch.ask(loss) for loss in found.values]
        factors = [fetch.ask(factor) for factor in found.factors]
        fetch.fetch()
        self.losses = [float(loss()) for loss in losses]
        self.factors = [float(factor()) for factor in factors]
        scaler = self._shares() if found is self._from_model else None
        if scaler and len(self.losses) == len(self.factors):  # divided by the script or by the model: it is all one
            parts = len(self.losses)
            self.losses = [a * b / scaler * parts for a, b in zip(self.losses, self.factors, strict=True)]
            self.factors = [scaler / parts] * parts
        self._weights = None
        self._from_script, self._from_model = Losses(), Losses()


def _hush() -> None:
    """Compiled modules warn at each call that global hooks see them, too; here they are seen through."""
    first = warnings.filters[0] if warnings.filters else None
    if first is None or getattr(first[1], "pattern", first[1]) != HOOKED:
        warnings.filterwarnings("ignore", HOOKED, UserWarning)
