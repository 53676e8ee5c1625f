"""All random generators that a person's code may draw from: torch's, the accelerator's, numpy's and random's."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
import torch


def seed_all(seed: int) -> None:
    """Seed all of them, as a person's own script would at its top."""
    Generators.leave()
    _seed(seed)


def _seed(seed: int) -> None:
    torch.manual_seed(seed)  # CUDA's, too
    np.random.seed(seed % 2**32)  # noqa: NPY002 -- the global one is what people's code draws from
    random.seed(seed)


def _states() -> tuple[Any, ...]:
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return torch.get_rng_state(), cuda, np.random.get_state(), random.getstate()  # noqa: NPY002


def _set(states: tuple[Any, ...]) -> None:
    cpu, cuda, numpys, pythons = states
    torch.set_rng_state(cpu)
    if cuda:
        torch.cuda.set_rng_state_all(cuda)
    np.random.set_state(numpys)  # noqa: NPY002
    random.setstate(pythons)


class Generators:
    """One lane's states of the process's generators. Those of the lane that used them last stay in place until
    another's are wanted, so that a lane that goes on by itself pays nothing.

    Args:
        seed: that they begin with.
    """

    _in_use: ClassVar[Generators | None] = None

    def __init__(self, seed: int) -> None:
        self._seed: int | None = seed
        self._kept: tuple[Any, ...] | None = None

    def use(self) -> None:
        """From here on random numbers are this lane's."""
        if Generators._in_use is self:
            return
        Generators.leave()
        if self._kept is not None:
            _set(self._kept)
        elif self._seed is not None:
            _seed(self._seed)
        self._kept = self._seed = None
        Generators._in_use = self

    @staticmethod
    def leave() -> None:
        """From here on random numbers are nobody's."""
        lane, Generators._in_use = Generators._in_use, None
        if lane is not None:
            lane._kept = _states()

    @contextmanager
    def unmoved(self) -> Iterator[None]:
        """Inside, random numbers are this lane's; afterwards as if none had been drawn."""
        self.use()
        before = _states()
        try:
            yield
        finally:
            self.use()
            _set(before)
