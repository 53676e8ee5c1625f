"""A run that is recorded without training: the frames of a real one, step by step, as its writer would append them."""

from __future__ import annotations

import functools
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import nn

import tuiinit
from tuiinit.stream import wire
from tuiinit.stream.bounded import BoundedFile
from tuiinit.stream.following import Follower
from tuiinit.stream.protocol import Ended, Frame, Hello, Lane, Run, Snapshot, Status, Trace
from tuiinit.watching.writing import _kind


@functools.cache
def frames() -> tuple[Frame, ...]:
    """All frames of a run of one step: two Linear layers around a ReLU."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with tempfile.TemporaryDirectory() as folder:
        handle: Any = tuiinit.watch(model, optimizer, name="run", every=1, record=Path(folder) / "run")  # type: ignore[operator]
        handle.loss(model(torch.ones(4, 6)).square().mean()).backward()
        optimizer.step()
        handle.close()
        return tuple(Follower(handle.path).read())


class Written:
    """A run's recording, held as a living writer holds it."""

    def __init__(self, path: Path, *, began: float | None = None, limit: int = 2**26) -> None:
        self.file = BoundedFile(path, limit)
        self.path = path
        self.number = 0
        self._run = msgspec.structs.replace(self.kept(Run), began=time.time() if began is None else began)
        for frame in (msgspec.structs.replace(self.kept(Hello), pid=os.getpid()), self._run):
            self.put(frame)

    @staticmethod
    def kept(kind: type) -> Any:
        return next(frame for frame in frames() if isinstance(frame, kind))

    @classmethod
    def kept_snapshot(cls) -> Snapshot:
        """What every step tells."""
        return cls.kept(Snapshot)  # type: ignore[no-any-return]

    def put(self, frame: Frame) -> None:
        self.file.append(*_kind(frame), wire.pack(frame))

    def step(self, to: int | None = None, **changes: Any) -> None:
        """One more measured step, or all up to one."""
        replace = msgspec.structs.replace
        for number in range(self.number + 1, (self.number + 1 if to is None else to) + 1):
            if number == 1:
                self.put(self.kept(Lane))
            self.put(replace(self.kept(Snapshot), step=number, **changes))
            self.put(replace(self.kept(Trace), first_step=number))
            where = tuple(replace(lane, step=number) for lane in self.kept(Status).lanes)
            self.put(replace(self.kept(Status), clock=number, lanes=where, steps_per_second=7.0))
            self.number = number

    def end(self, text: str = "") -> None:
        """Its training ends in order, or by an exception."""
        self.put(Ended(text=text))
        self.die()

    def die(self) -> None:
        """Its process is gone."""
        self.file.close()
