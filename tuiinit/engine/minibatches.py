"""Data on a device, and random minibatches of it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..data.words import Examples, Text

BLOCK = 256  # steps whose minibatches are drawn, and whose traces are kept on the device, at a time
MAX_DRAWN = 2**20  # indices gathered at a time: large minibatches take fewer steps a block


@dataclass(frozen=True)
class Dataset:
    """A Text on a device."""

    text: Text
    x: Tensor  # contexts of the training examples (n, context)
    y: Tensor  # (n,)

    @classmethod
    def of(cls, text: Text, device: torch.device) -> Dataset:
        """Copy the training examples to the device."""
        return cls(text, *tensors(text.train, device))


class Minibatches:
    """Random training examples, drawn and gathered many steps at once, the same as drawn step by step."""

    def __init__(self, generator: torch.Generator, x: Tensor, y: Tensor) -> None:
        self._generator = generator
        self._x, self._y = x, y
        self._before = generator.get_state()  # as it was when the present block was drawn
        self._size = 0
        self._block: list[tuple[Tensor, Tensor]] = []
        self._used = 0

    def next(self, size: int, *, peek: bool = False) -> tuple[Tensor, Tensor]:
        """The next minibatch: contexts (size · context,) and what follows (size, 1); `peek` leaves it the next."""
        if self._size != size and self._used:
            self._before = self._state_now()
        if self._size != size or self._used == len(self._block):
            if self._size == size:
                self._before = self._generator.get_state()
            self._generator.set_state(self._before)
            rows = max(1, min(BLOCK, MAX_DRAWN // (size * self._x.shape[1])))
            drawn = torch.randint(0, len(self._x), (rows * size,), generator=self._generator).to(self._x.device)
            x, y = self._x.index_select(0, drawn).view(rows, -1), self._y.index_select(0, drawn).view(rows, size, 1)
            self._block = list(zip(x, y, strict=True))
            self._size = size
            self._used = 0
        minibatch = self._block[self._used]
        self._used += not peek
        return minibatch

    def _state_now(self) -> Tensor:
        """The generator's state had the steps been drawn one by one."""
        self._generator.set_state(self._before)
        torch.randint(0, len(self._x), (self._used, self._size), generator=self._generator)
        return self._generator.get_state()


def tensors(examples: Examples, device: torch.device) -> tuple[Tensor, Tensor]:
    """Contexts (n, context) and what follows (n,), as indices on a device."""
    return torch.from_numpy(examples.x).to(device), torch.from_numpy(examples.y).to(device)
