"""Room for lanes on their device: refused before anything is allocated, not when the machine swaps."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from ..config import memory
from ..config.memory import Need


def free(device: torch.device) -> int | None:
    """Bytes that this process can take on a device, or None where it cannot be known."""
    if device.type != "cuda":
        return memory.available()
    unused = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()  # of the present device: there is one
    return torch.cuda.mem_get_info()[0] + unused


def make_room(needs: Sequence[Need], device: torch.device, forget: Callable[[], bool]) -> None:
    """See that lanes fit on a device.

    Args:
        needs: of the lanes.
        device: theirs.
        forget: lets go of something that can be had again; false if there is nothing.

    Raises:
        ConfigError: they do not.
    """
    left = free(device)
    while left is not None and memory.together(needs) > left and forget():
        left = free(device)
    memory.check(needs, left)
