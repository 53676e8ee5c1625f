"""The loss of every step, in blocks."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

BLOCK = 512  # steps whose losses are told together, at most
SECONDS = 2.0  # that a loss waits to be told


class LossBlocks:
    """The loss of every step that it was told in. Training never waits for it: the numbers of a device stay there until
    a block of steps is read, by another thread."""

    def __init__(self, now: float) -> None:
        self._micro: list[float | Tensor] = []  # losses of the step that goes on
        self._steps: list[float | Tensor] = []
        self._first = 1
        self._since = now
        self._any = False

    def hold(self, loss: Tensor, scale: float | Tensor) -> None:
        """Take the loss of a micro-batch, `scale` times too large."""
        if loss.numel() != 1 or (loss.is_cuda and torch.cuda.is_current_stream_capturing()):
            return
        self._any = True
        if loss.device.type == "cpu" and not isinstance(scale, Tensor):
            self._micro.append(loss.item() / scale)
        else:
            self._micro.append(loss.detach().float().reshape(()).clone() / scale)

    def ended(self) -> None:
        """A step has ended."""
        if not self._any:
            self._first += 1
            return
        micro, self._micro = self._micro, []
        if len(micro) == 1:
            self._steps.append(micro[0])
        else:
            self._steps.append(sum(micro) / len(micro) if micro else math.nan)

    def skip(self) -> None:
        """A step has ended whose loss is told with all else that was measured; the block was taken before it."""
        self._micro = []
        self._first += 1

    def __len__(self) -> int:
        return len(self._steps)

    def due(self, now: float) -> bool:
        """Whether a block is to be told, be it empty: then only how far the run is."""
        return len(self._steps) >= BLOCK or not 0 <= now - self._since < SECONDS

    def take(self, now: float) -> tuple[int, Callable[[], list[float]]]:
        """The block so far: its first step, and what reads its losses, by waiting where a device is not that far."""
        block, first = self._steps, self._first
        self._steps, self._first, self._since = [], self._first + len(block), now
        there = [value for value in block if isinstance(value, Tensor)]
        if not there:
            return first, lambda: [float(value) for value in block]
        stacked = torch.stack([value.to(there[0].device) for value in there])
        ready = torch.cuda.Event() if stacked.is_cuda else None  # type: ignore[no-untyped-call]
        if ready is not None:
            ready.record()
        kept: list[float | None] = [None if isinstance(value, Tensor) else value for value in block]

        def read() -> list[float]:
            if ready is not None:
                ready.synchronize()
            numbers = iter(stacked.tolist())
            return [next(numbers) if value is None else value for value in kept]

        return first, read
