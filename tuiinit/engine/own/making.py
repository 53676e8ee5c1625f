"""Lanes of people's own networks: made by their functions, as often as they are asked for."""

from __future__ import annotations

from collections.abc import Sequence

from ...config.memory import Need
from ...config.own import OwnConfig
from ...config.values import ConfigError
from ...stream.protocol import Message, SourceChanged
from ..devices import device_of
from ..training import Training
from . import script
from .lane import OwnLane
from .randomness import Generators
from .source import Sources
from .target import OwnError


class Own:
    """Makes lanes from a person's functions."""

    def __init__(self) -> None:
        self._sources = Sources()
        self._needs: dict[str, Need] = {}  # of a target's newest lane: what the next one may take

    @property
    def watches(self) -> bool:
        """Whether any file was read."""
        return self._sources.watches

    def news(self) -> list[Message]:
        """Files that are not what they were, each change once."""
        return [SourceChanged(path=path) for path in self._sources.changed()]

    def prepare(self) -> None:
        """Torch is as a script finds it."""
        script.enter()

    def need(self, config: OwnConfig) -> Need:
        """As much as the newest lane of the same function: nobody knows before it is built."""
        return self._needs.get(config.target, Need(0, 0))

    def together(self, configs: Sequence[OwnConfig]) -> None:
        """Nothing: each is built by itself."""

    def begin(self, config: OwnConfig, beside: Training | None) -> Training:
        """A lane at step 0 that has peeked at its first batch. Raises ConfigError, OwnError."""
        Generators.leave()  # importing may draw random numbers, or seed them
        try:
            return self._begin(config, beside)
        except (OwnError, ConfigError):
            raise
        except Exception as error:  # of a kind of network that was never thought of
            raise OwnError(f"this network could not be looked at: {type(error).__name__}: {error}") from error

    def _begin(self, config: OwnConfig, beside: Training | None) -> OwnLane:
        lane = OwnLane(config, self._sources.get(config.target, config.revision), device_of(config.device))
        self._sources.look_around()
        if isinstance(beside, OwnLane) and beside.config.target == config.target and beside.config.seed == config.seed:
            lane.compare(beside)
        self._needs[config.target] = lane.need
        return lane

    def restart(self) -> None:
        """What has changed is imported anew."""
        self._sources.restart()
