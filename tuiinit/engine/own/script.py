"""Torch as a person's own script finds it: all its threads, and tiny numbers are not flushed to 0.

Only where a step is too small for several threads to be of use it gets one: threads that wait for each other take a
small step many times as long on a machine that has other work.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

#: As torch would have it: read when this is imported, before the engine keeps itself to one thread.
THREADS = torch.get_num_threads()

_before: list[tuple[int, bool]] = []  # how the engine had set it, while it is as in a script


def flushes_tiny_numbers() -> bool:
    """Whether this thread takes numbers below float32's normal range for 0; torch sets that and does not tell it."""
    return float(torch.full((), 2e-40) / 2) == 0.0


def enter() -> None:
    """From now on as in a script, if it is not."""
    if not _before:
        _before.append((torch.get_num_threads(), flushes_tiny_numbers()))
        torch.set_num_threads(THREADS)
        torch.set_flush_denormal(False)


def threads(count: int) -> None:
    """From now on so many threads."""
    if torch.get_num_threads() != count:
        torch.set_num_threads(count)


def leave() -> None:
    """As it was before, if it is as in a script."""
    if _before:
        threads, flushes = _before.pop()
        torch.set_num_threads(threads)
        torch.set_flush_denormal(flushes)


@contextmanager
def as_in_a_script() -> Iterator[None]:
    """Inside, as in a script."""
    was = bool(_before)
    enter()
    try:
        yield
    finally:
        if not was:
            leave()
