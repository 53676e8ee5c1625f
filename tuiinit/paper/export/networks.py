"""The networks that a recording tells of, each with its losses and snapshots from its first step to its last."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from ...config.command import command_line
from ...stream.protocol import Frame, Histogram, Lane, Run, Shape, Snapshot, Trace, Vector, Weight, floats
from ..watched import Names, row_names

LONGEST_NAME = 60  # characters


@dataclass
class Network:
    """What is exported of one network. A lane that continues another is the same network.

    Attributes:
        name: a file's or a folder's can be made of it; no two networks have the same.
        watched: it was trained under somebody's own script.
        losses: by step, rising; of every step that was told.
        snapshots: by step, rising.
        names: name, call and kind of each row by its label.
    """

    name: str
    watched: bool
    losses: dict[int, float] = field(default_factory=dict)
    snapshots: dict[int, Snapshot] = field(default_factory=dict)
    names: Names = field(default_factory=dict)

    def _take_shape(self, shape: Shape) -> None:
        self.names |= row_names(shape)

    def _take(self, frame: Snapshot | Trace) -> None:
        if isinstance(frame, Trace):
            losses = floats(frame.loss).tolist()
            self.losses |= {frame.first_step + i: loss for i, loss in enumerate(losses) if math.isfinite(loss)}
            return
        self.snapshots[frame.step] = frame
        if frame.loss is not None:
            self.losses.setdefault(frame.step, frame.loss)

    def _sort(self) -> None:
        self.losses = dict(sorted(self.losses.items()))
        self.snapshots = dict(sorted(self.snapshots.items()))


def networks_in(frames: Iterable[Frame]) -> list[Network]:
    """The networks of a recording, in the order in which they came; those without a figure are left out."""
    found: list[Network] = []
    now: dict[str, Network] = {}  # by the name that the stream has for it at present
    for frame in frames:
        match frame:
            case Lane():
                network = now.pop(frame.continues, None) if frame.continues is not None else now.get(frame.lane)
                if network is None:
                    network = Network(_free(_name(frame), {other.name for other in found}), frame.config is None)
                    found.append(network)
                now[frame.lane] = network
                network._take_shape(frame.shape)
            case Snapshot() | Trace() if frame.lane in now:
                now[frame.lane]._take(frame)
    for network in found:
        network._sort()
    return [network for network in found if network.losses or network.snapshots]


def began(frames: Iterable[Frame]) -> float | None:
    """When a watched run began, seconds since 1970."""
    return next((frame.began for frame in frames if isinstance(frame, Run)), None)


def parameters(snapshot: Snapshot) -> tuple[Weight | Vector, ...]:
    """Matrices, then vectors."""
    return *snapshot.weights, *snapshot.vectors


def is_known(histogram: Histogram) -> bool:
    """Whether there are values behind a histogram."""
    return any(histogram.counts) and histogram.hi > histogram.lo


def _name(lane: Lane) -> str:
    """Of a network that this program builds the options that make it, else the lane's own name."""
    text = lane.lane if lane.config is None else command_line(lane.config).removeprefix("tuiinit").strip() or "default"
    plain = re.sub(r"[^\w.+=-]+", "-", text).strip("-.")
    return plain[:LONGEST_NAME] or "network"


def _free(name: str, taken: set[str]) -> str:
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free
