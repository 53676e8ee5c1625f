"""Lanes of networks that this program builds, on word lists."""

from __future__ import annotations

import torch

from ..config.memory import Need, needed
from ..config.run import RunConfig
from ..data import words
from ..stream.protocol import Message
from .devices import device_of
from .minibatches import Dataset
from .own import script
from .trainer import Trainer
from .training import Training


class Datasets:
    """Word lists by file, column and context length, read once."""

    def __init__(self) -> None:
        self._texts: dict[tuple[str | None, int, str | None], words.Text] = {}
        self._datasets: dict[tuple[str | None, int, str | None, torch.device], Dataset] = {}

    def get(self, config: RunConfig, device: torch.device) -> Dataset:
        """The configuration's data on a device. Raises DataError."""
        key = (config.data, config.context, config.column)
        if key not in self._texts:
            self._texts[key] = words.load(*key)
        if (*key, device) not in self._datasets:
            self._datasets[*key, device] = Dataset.of(self._texts[key], device)
        return self._datasets[*key, device]


class Builtin:
    """Makes lanes from configurations."""

    watches = False  # word lists are read once

    def __init__(self) -> None:
        self._datasets = Datasets()

    def news(self) -> list[Message]:
        """None."""
        return []

    def prepare(self) -> None:
        """Torch is again as the engine set it."""
        script.leave()

    def need(self, config: RunConfig) -> Need:
        """Memory that a lane takes, from its configuration alone. Raises DataError."""
        text = self._datasets.get(config, device_of(config.device)).text
        return needed(config, len(text.vocabulary), len(text.train))

    def begin(self, config: RunConfig, beside: Training | None) -> Training:
        """A lane at step 0 that has peeked at its first minibatch. Raises ConfigError, DataError."""
        device = device_of(config.device)
        lane = Trainer(config, self._datasets.get(config, device), device)
        lane.peek()
        return lane

    def restart(self) -> None:
        """Word lists stay as they were read."""
