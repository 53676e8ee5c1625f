"""A check asked for by a command, answered with one frame whatever a person's code does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from ...config.values import ConfigError
from ...stream.checked import Check, Checked, OwnProblem
from .checking import check
from .target import OwnError

#: As torch would have it: read when this is imported, before the engine keeps itself to one thread.
THREADS = torch.get_num_threads()


def flushes_tiny_numbers() -> bool:
    """Whether this thread takes numbers below float32's normal range for 0; torch sets that and does not tell it."""
    return float(torch.full((), 2e-40) / 2) == 0.0


@contextmanager
def as_in_a_script() -> Iterator[None]:
    """Inside, torch is as a person's own script finds it: all its threads, and tiny numbers are not flushed to 0."""
    threads, flushes = torch.get_num_threads(), flushes_tiny_numbers()
    torch.set_num_threads(THREADS)
    torch.set_flush_denormal(False)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(flushes)


def answer(command: Check, device_of: Callable[[str], torch.device]) -> Checked | OwnProblem:
    """What a check found, or why it could not be made."""
    try:
        with as_in_a_script():
            return check(command, device_of)
    except OwnError as error:
        return OwnProblem(text=error.sentence, lines=error.lines)
    except ConfigError as error:
        return OwnProblem(text=str(error))
