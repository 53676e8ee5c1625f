"""Lanes of networks that this program builds, on word lists."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ..config.memory import Need, needed
from ..config.run import RunConfig
from ..data import words
from ..stream.protocol import Message
from .devices import device_of
from .minibatches import Dataset
from .own import script
from .stack import Place, places
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
    """Makes lanes from configurations.

    Args:
        stacked: lay lanes of one shape that begin together side by side, so that they can take steps as one.
    """

    watches = False  # word lists are read once

    def __init__(self, *, stacked: bool = True) -> None:
        self._datasets = Datasets()
        self._stacked = stacked
        self._places: dict[str, Place] = {}

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

    def together(self, configs: Sequence[RunConfig]) -> None:
        """Lay out those that can be stacked side by side. Raises ConfigError, DataError."""
        self._places = {}
        if not self._stacked:
            return
        cpu = torch.device("cpu")  # where a lane's numbers are the same however many are computed at once
        on_it = [config for config in configs if device_of(config.device) == cpu]
        self._places = places([(config, len(self._datasets.get(config, cpu).text.vocabulary)) for config in on_it], cpu)

    def begin(self, config: RunConfig, beside: Training | None) -> Training:
        """A lane at step 0 that has peeked at its first minibatch. Raises ConfigError, DataError."""
        device = device_of(config.device)
        lane = Trainer(config, self._datasets.get(config, device), device, self._places.pop(config.key, None))
        lane.peek()
        return lane

    def restart(self) -> None:
        """Word lists stay as they were read."""
