"""What the engine's loop asks of a lane, whoever built its network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch

from ..config.memory import Need
from ..stream.protocol import Evaluation, FloatArray, Lane, Message, Snapshot

if TYPE_CHECKING:
    from .quick.compiled import Compiler


@dataclass(frozen=True)
class TraceBlock:
    """Per-step series: step first_step + i had loss[i] and update_data[i] (log10, one a weight)."""

    first_step: int
    loss: FloatArray
    update_data: FloatArray


class Settings(Protocol):
    """What a lane is made of; equal settings are the same lane."""

    @property
    def key(self) -> str:
        """A name of them, the same in every process."""

    def changed(self, step: int, name: str, value: float | int | str) -> Any:
        """The settings with another value from a step on. Raises ConfigError."""


class Training(Protocol):
    """One network under training. Same settings, same numbers (on the CPU), however it is stepped and measured."""

    config: Any  # Settings
    device: torch.device
    step: int
    diverged_at: int | None  # the step whose loss was not finite
    failed: str  # why it stands still for good besides, in one sentence
    latest: Snapshot | None  # the newest one

    @property
    def need(self) -> Need:
        """Memory that it takes."""

    @property
    def ended(self) -> bool:
        """Whether it stands still for good: diverged or failed."""

    @property
    def epoch(self) -> float:
        """Epochs so far."""

    @property
    def steps_per_epoch(self) -> int:
        """0 where nobody can say."""

    @property
    def steps_to_epoch_end(self) -> int:
        """Steps from here to the end of the running epoch, at least one."""

    @property
    def at_epoch_end(self) -> bool:
        """Whether the last step ended an epoch."""

    @property
    def trace_full(self) -> bool:
        """Whether `take_trace` must be called before the next step."""

    @property
    def quick(self) -> str:
        """How steps are made quicker that are not measured; empty where they are not."""

    def peek(self) -> Snapshot | None:
        """What the first minibatch finds, without an update: the snapshot of step 0."""

    def train_step(self, *, measure: bool = False) -> Snapshot | None:
        """One minibatch: forward, backward, update; with `measure` also its snapshot."""

    def take_trace(self) -> TraceBlock | None:
        """The per-step series since the last call, or None; ends at a step whose loss was not finite."""

    def evaluate(self) -> Evaluation:
        """Dev losses where the lane stands."""

    def follow(self, config: Any) -> None:
        """Go on under settings that agree with this lane's up to the present step."""

    def quicken(self, compiler: Compiler | None) -> None:
        """Go on by a quicker step where there is one by now."""

    def frame(self, continues: str | None = None) -> Lane:
        """What the stream tells of it first: its shape, and what it was made of."""

    def about(self) -> Message:
        """What the stream tells of where its data comes from, before it and whenever that changes."""

    def notices(self) -> Sequence[Message]:
        """What else there is to be told since the last call: that it failed, and the like."""

    def close(self) -> None:
        """Let go of what does not go by itself; it is not stepped again."""


class Maker(Protocol):
    """Makes lanes of one kind of settings."""

    @property
    def watches(self) -> bool:
        """Whether there may ever be news."""

    def news(self) -> list[Message]:
        """What has changed of what lanes are made from, each change once."""

    def prepare(self) -> None:
        """Lanes of this kind are at work from now on."""

    def need(self, config: Any) -> Need:
        """Memory that the lane of a configuration takes, as far as it is known. Raises ConfigError, DataError."""

    def together(self, configs: Sequence[Any]) -> None:
        """These lanes are about to begin together."""

    def begin(self, config: Any, beside: Training | None) -> Training:
        """A lane at step 0 that has peeked at its first minibatch.

        Args:
            config: of the lane.
            beside: the lane that is looked at, if one is.

        Raises:
            ConfigError, DataError, OwnError: it cannot be.
        """

    def restart(self) -> None:
        """All lanes are forgotten: they begin from what is there now."""
