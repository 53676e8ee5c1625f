"""A lane's own states of all random generators: torch's, the accelerator's, numpy's and random's."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def seed_all(seed: int) -> None:
    """Seed all of them, as a person's own script would at its top."""
    torch.manual_seed(seed)  # CUDA's, too
    np.random.seed(seed % 2**32)  # noqa: NPY002 -- the global one is what people's code draws from
    random.seed(seed)


def _states() -> tuple[Any, ...]:
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else None
    return torch.get_rng_state(), cuda, np.random.get_state(), random.getstate()  # noqa: NPY002


def _set(states: tuple[Any, ...]) -> None:
    cpu, cuda, numpy_, python = states
    torch.set_rng_state(cpu)
    if cuda is not None:
        torch.cuda.set_rng_state_all(cuda)
    np.random.set_state(numpy_)  # noqa: NPY002
    random.setstate(python)


class Randomness:
    """The generators as one lane left them.

    Args:
        seed: where they begin.
    """

    def __init__(self, seed: int) -> None:
        before = _states()
        seed_all(seed)
        self._kept = _states()
        _set(before)

    @contextmanager
    def ours(self) -> Iterator[None]:
        """Inside, the generators are this lane's; after it, those of before."""
        before = _states()
        _set(self._kept)
        try:
            yield
        finally:
            self._kept = _states()
            _set(before)
