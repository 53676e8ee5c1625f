"""The lecture's full training under an explorer that is toggled and resized all the while: some five minutes."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from tests.benchmarks.table import Row
from tests.faults.terminal import EXPLORER, Terminal, until
from tuiinit.config.run import RunConfig
from tuiinit.config.schedule import Change
from tuiinit.data import words as text
from tuiinit.engine.minibatches import Dataset
from tuiinit.engine.trainer import Trainer
from tuiinit.stream import recording
from tuiinit.stream.protocol import Snapshot

STEPS = 200_000
DROP = 150_000  # lr falls to a tenth
CONFIG = RunConfig(bn=True, device="cpu", schedule=(Change(DROP, "lr", 0.01),))
TOGGLES = {5_000: "b", 10_000: "b", 20_000: "1", 25_000: "3"}  # away to another lane, and back
SIZES = ((80, 24), (200, 60), (120, 40), (40, 10), (120, 40))
VIEWS = "\t"
EVERY = 2.0  # seconds between what the script does


def resident(pid: int) -> float:
    """Resident memory of a process, MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def soak() -> Iterator[Row]:
    """200,000 steps under the explorer against the same without one."""
    with tempfile.TemporaryDirectory() as state:
        yield from _watched(Path(state))


def _watched(state: Path) -> Iterator[Row]:
    command = (*EXPLORER, "--bn", "--device", "cpu", "--change", f"{DROP}:lr=0.01")
    memory: list[tuple[int, float, float]] = []
    started = time.monotonic()
    with Terminal(*command, environment={"TUIINIT_STATE": str(state)}) as terminal:
        until(lambda: "ln 27" in terminal.text, "the first snapshot")
        screen, engine = terminal.process.pid, terminal.engine()
        terminal.press(" ")
        toggles = dict(TOGGLES)
        turn = 0
        while (step := terminal.step) < STEPS:
            assert terminal.process.poll() is None, "the explorer ended"
            if step < 0:  # a size at which no step is told
                terminal.resize(120, 40)
            elif toggles and step >= min(toggles):
                terminal.press(toggles.pop(min(toggles)))
            else:
                turn += 1
                terminal.press(VIEWS)
                terminal.resize(*SIZES[turn % len(SIZES)])
                memory.append((step, resident(screen), resident(engine)))
            terminal.forget()
            time.sleep(EVERY)
        terminal.press(" ")
        until(lambda: "‖" in terminal.text, "the pause")
        seconds = time.monotonic() - started
        terminal.press("q")
        assert terminal.ends() == 0
        terminal.check_restored()
    yield Row(f"200,000 steps under the explorer, {turn} resizes, {len(TOGGLES)} toggles", f"{seconds:.0f} s")
    for name, column in (("screen", 1), ("engine", 2)):
        early = statistics.median(m[column] for m in memory if 40_000 < m[0] < 80_000)
        late = statistics.median(m[column] for m in memory[-8:])
        what = f"memory of the {name}, at the end against a third of the way ({late:.0f} MiB)"
        yield Row(what, f"{late - early:+.0f} MiB", "≤ 10 MiB", late - early <= 10)
    os.environ["TUIINIT_STATE"] = str(state)
    yield from _the_same(recording.last())


def _the_same(session: recording.Recording) -> Iterator[Row]:
    """No drift: what the explorer measured at its last steps is what training alone finds there."""
    lane = session.config
    seen = {frame.step: frame for frame in session.frames if isinstance(frame, Snapshot) and frame.lane == lane.key}
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    alone = Trainer(lane, Dataset.of(text.load(None, lane.context), torch.device("cpu")), torch.device("cpu"))
    last = max(seen)
    while alone.step < last - 1:
        if alone.trace_full:
            alone.take_trace()
        alone.train_step()
    snapshot = alone.train_step(measure=True)
    assert snapshot is not None
    same = snapshot.loss == seen[last].loss and [w.std for w in snapshot.weights] == [w.std for w in seen[last].weights]
    yield Row(f"figures at step {last:,}, with and without the explorer", "equal" if same else "differ", "equal", same)
    dev = alone.evaluate()
    yield Row(
        f"loss over all training examples and over the dev set at step {last:,}",
        f"{_train_loss(alone):.4f} / {dev.dev:.4f}",
        "the lecture: 2.07 / 2.10 on its list",
    )


@torch.no_grad()
def _train_loss(lane: Trainer) -> float:
    """Mean loss over the training split, batch norm by its running statistics."""
    lane.network.eval()
    x, y = lane.dataset.x, lane.dataset.y
    losses = [
        float(functional.cross_entropy(lane.network(a), b, reduction="sum"))
        for a, b in zip(x.split(8192), y.split(8192), strict=True)
    ]
    return float(np.sum(losses)) / len(y)
