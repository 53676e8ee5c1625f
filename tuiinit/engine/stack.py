"""Networks of one shape that take their steps side by side, each layer one product of all of them.

Notable: what a network computes in a stack is, to the bit, what it computes alone, so nothing depends on which
networks were stacked, or when. That holds where examples fill the processor's vectors (EXAMPLES); what is left over
PyTorch and its libraries compute otherwise in the last digits.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch

from ..config.memory import stackable
from ..config.run import RunConfig, kind_of
from .network import Memory
from .passes import Pass
from .steps import Records
from .trainer import Trainer
from .training import Training

HIGHEST = 8  # networks of a stack

EXAMPLES = 8  # that fill a vector; only minibatches of a multiple of them are stacked

Place = tuple[Memory, int]  # common memory, and where in it a network lies


def places(configs: Sequence[tuple[RunConfig, int]], device: torch.device) -> dict[str, Place]:
    """Places in common memory for those networks that can be stacked, by their keys.

    Args:
        configs: of networks that begin together, each with the size of its vocabulary.
        device: of all of them.
    """
    alike: dict[tuple[object, ...], dict[str, RunConfig]] = {}
    classes_of = {kind_of(config): classes for config, classes in configs}
    for config, classes in configs:
        if stackable(config, classes):
            alike.setdefault(kind_of(config), {})[config.key] = config
    found: dict[str, Place] = {}
    for shape, members in alike.items():
        for start in range(0, len(members), HIGHEST):
            keys = list(members)[start : start + HIGHEST]
            if len(keys) > 1:
                memory = Memory(members[keys[0]], classes_of[shape], len(keys), device)
                found.update({key: (memory, lane) for lane, key in enumerate(keys)})
    return found


class Stack:
    """Neighbours in one Memory that take steps together.

    Args:
        lanes: that stand at one step and take steps of one kind.
    """

    def __init__(self, lanes: Sequence[Trainer]) -> None:
        self.lanes = tuple(lanes)
        self.kind = kind(lanes[0])
        networks = [lane.network for lane in lanes]
        self._records = Records(networks[0], len(lanes), plain=lanes[0].plain_sgd)
        self._record_rows = self._records.rows.unbind()
        self._pass = Pass(networks, lanes[0].rows, self._records.rows[:, :1].unsqueeze(2))

    @torch.inference_mode()
    def train_step(self) -> None:
        """One minibatch each, not measured: for each lane what its `train_step` does."""
        minibatches = [lane.next_minibatch() for lane in self.lanes]
        if any(kind(lane) != self.kind for lane in self.lanes):  # the schedule has just changed it
            for lane, minibatch in zip(self.lanes, minibatches, strict=True):
                lane.take_step(*minibatch)
            return
        self._pass.run([x for x, _ in minibatches], torch.stack([y.t() for _, y in minibatches]))
        for lane in self.lanes:
            lane.move()
        self._records.tell()
        for lane, record in zip(self.lanes, self._record_rows, strict=True):
            lane.stepped(record)


def kind(lane: Trainer) -> tuple[int, bool]:
    """What must be the same of steps that are taken together: examples, and whether the update is plain SGD."""
    return lane.rows, lane.plain_sgd


class Stacks:
    """Which of some lanes can take their steps together."""

    def __init__(self) -> None:
        self._known: dict[tuple[Trainer, ...], Stack] = {}

    def of(self, lanes: Sequence[Training]) -> list[tuple[list[Training], Stack | None]]:
        """Lanes that stand at one step and lie side by side, with their stack; the others one by one."""
        parts: list[tuple[list[Training], Stack | None]] = []
        alike: dict[tuple[object, ...], list[Trainer]] = {}
        for lane in lanes:
            if isinstance(lane, Trainer) and lane.network.memory.lanes > 1 and lane.rows % EXAMPLES == 0:
                alike.setdefault((id(lane.network.memory), lane.step, *kind(lane)), []).append(lane)
            else:
                parts.append(([lane], None))
        for members in alike.values():
            members.sort(key=lambda lane: lane.network.lane)
            for _, run in itertools.groupby(enumerate(members), lambda at: at[1].network.lane - at[0]):
                side_by_side = tuple(lane for _, lane in run)
                stack = self._stack(side_by_side) if len(side_by_side) > 1 else None
                parts.append((list(side_by_side), stack))
        return parts

    def _stack(self, lanes: tuple[Trainer, ...]) -> Stack:
        stack = self._known.get(lanes)
        if stack is None or stack.kind != kind(lanes[0]):
            self._known[lanes] = stack = Stack(lanes)
        return stack

    def forget(self) -> None:
        """Let go of all lanes."""
        self._known.clear()
