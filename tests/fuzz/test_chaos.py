"""Random keys, kills, stops and sizes: the explorer stands, leaves in order, and what it recorded is true.

The long mode takes TUIINIT_CHAOS_KEYS keys (20,000) with the real engine.
"""

from __future__ import annotations

import json
import os
import random
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fuzz.chaos import Tally, replayed, session
from tuiinit.config.command import command_line
from tuiinit.config.run import RunConfig
from tuiinit.stream import protocol, recording, wire
from tuiinit.stream.protocol import Lane, Snapshot
from tuiinit.stream.recording import Recording

FAKE = [sys.executable, "-m", "tests.faults.engine"]
REAL = [sys.executable, "-m", "tuiinit", "engine"]
KEYS = 20_000
IN_ONE_SESSION = 1_000  # keys
CHECKED = 2  # snapshots of a session that are measured again
LONGEST = 3_000  # steps of them
EXACT, STACKED = 1e-12, 1e-5  # relative; lanes that trained side by side are computed in one go


def test_some_hundred_keys(tmp_path: Path) -> None:
    (recorded,) = session(10, FAKE, 250, tmp_path, Tally())
    replayed(recorded)


@pytest.mark.long
def test_many_thousand_keys(tmp_path: Path) -> None:
    tally, seed = Tally(), int(os.environ.get("TUIINIT_CHAOS_SEED", "0"))
    while tally.counts["keys"] < int(os.environ.get("TUIINIT_CHAOS_KEYS", KEYS)):
        seed += 1
        print(f"seed {seed}")
        (recorded,) = session(seed, REAL, IN_ONE_SESSION, tmp_path / str(seed), tally)
        replayed(recorded)
        tally.counts["snapshots measured again"] += check_figures(recorded, random.Random(seed))
        print(f"{tally}; screen and engine {tally.memory[-1]} MB", flush=True)


def check_figures(recorded: Recording, chance: random.Random) -> int:
    """What `tuiinit run --json` measures at the same step is what was recorded; how many were compared."""
    configs = {frame.lane: frame.config for frame in recorded.frames if isinstance(frame, Lane)}
    snapshots = [frame for frame in recorded.frames if isinstance(frame, Snapshot) and 0 < frame.step <= LONGEST]
    chosen = chance.sample(snapshots, min(CHECKED, len(snapshots)))
    near = STACKED if stacked(recorded.path) else EXACT
    for snapshot in chosen:
        assert difference(snapshot, configs[snapshot.lane]) <= near, snapshot
    return len(chosen)


def stacked(path: Path) -> bool:
    """Whether lanes ever trained side by side."""
    with path.open("rb") as file:
        file.readline()
        while (body := wire.read_body(file)) is not None:
            message = recording._decoder.decode(body)
            if isinstance(message, protocol.Select) and len(message.lanes) > 1:
                return True
    return False


def difference(snapshot: Snapshot, config: RunConfig) -> float:
    """The largest, relative, between figures of a snapshot and what the command measures."""
    command = [*shlex.split(command_line(config, snapshot.step))[1:], "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "tuiinit", *command], capture_output=True, timeout=600, check=False, text=True
    )
    measured = json.loads(done.stdout)
    assert measured["step"] == snapshot.step
    pairs: list[tuple[Any, Any]] = [(measured["loss"], snapshot.loss)]
    for record, layer in zip(measured["activations"], snapshot.activations, strict=True):
        pairs += [
            (record[name], getattr(layer, name)) for name in ("mean", "std", "saturated", "grad_mean", "grad_std")
        ]
    assert all((a is None) == (b is None) for a, b in pairs)
    apart: list[float] = [abs(a - b) / max(abs(a), abs(b), 1e-30) for a, b in pairs if a is not None]
    return max(apart, default=0.0)
