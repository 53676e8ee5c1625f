"""All random generators that a person's code may draw from: torch's, the accelerator's, numpy's and random's."""

from __future__ import annotations

import random

import numpy as np
import torch


def seed_all(seed: int) -> None:
    """Seed all of them, as a person's own script would at its top."""
    torch.manual_seed(seed)  # CUDA's, too
    np.random.seed(seed % 2**32)  # noqa: NPY002 -- the global one is what people's code draws from
    random.seed(seed)
