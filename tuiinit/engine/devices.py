"""The device that a lane trains on."""

from __future__ import annotations

import torch

from ..config.values import ConfigError


def device_of(name: str) -> torch.device:
    """The device that a configuration asks for.

    Raises:
        ConfigError: it isn't there.
    """
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise ConfigError("device cuda: PyTorch finds no CUDA device here; use --device cpu")
    return torch.device("cuda")
