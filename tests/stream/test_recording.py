"""Recordings: what is written, in which bounds, and what opens again."""

from __future__ import annotations

import errno
import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.explorer import fake
from tuiinit.cli import cli
from tuiinit.commands.options import config_from
from tuiinit.config.command import command_line
from tuiinit.config.run import RunConfig
from tuiinit.config.schedule import Change
from tuiinit.experiments import runs
from tuiinit.stream import bounded, protocol, recorder, recording, replay, sessions, wire
from tuiinit.stream.link import Engine
from tuiinit.stream.protocol import (
    Adjust,
    Advance,
    DataInfo,
    Evaluation,
    Frame,
    Hello,
    Restart,
    Select,
    Snapshot,
    Status,
    Trace,
)
from tuiinit.stream.recorder import Recorder
from tuiinit.stream.recording import HEADER, Recording, RecordingError, load

pytestmark = pytest.mark.usefixtures("warm")
CONFIG = RunConfig(hidden=(8, 8))
Tuiinit = Callable[..., "subprocess.CompletedProcess[str]"]


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def status(config: RunConfig, step: int, *, running: bool = False) -> Status:
    lane = protocol.LaneStatus(lane=config.key, step=step, epoch=step / 5707, steps_per_epoch=5707, diverged_at=None)
    return Status(
        running=running,
        catching_up=False,
        clock=step,
        target=None,
        lanes=(lane,),
        steps_per_second=400.0,
        measuring=0.03,
    )


class Sitting:
    """What an explorer would have recorded: an engine's updates, some of them seconds apart."""

    def __init__(self, folder: Path, *, limit: int = bounded.SESSION_BYTES) -> None:
        self.clock = Clock()
        self.recorder = Recorder(folder, limit=limit)
        self.pace = recorder.Pace(self.clock)
        self.config = CONFIG
        self.step = 0
        self.recorder.take(Hello(version=1, program="0", torch="2", device="cpu", threads=1, pid=1))
        self.recorder.take(fake.data_info())

    def select(self, config: RunConfig) -> None:
        self.recorder.sent(Select(lanes=(config,)))
        self.recorder.take(fake.lane(config))
        self.recorder.take(fake.snapshot(config, 0))
        self.config, self.step = config, 0
        self.recorder.take(status(config, 0))

    def train(self, steps: int, *, seconds: float = 0.1, pause: bool = False) -> None:
        first, self.step = self.step + 1, self.step + steps
        self.clock.seconds += seconds
        self.recorder.take(fake.trace(self.config, first, self.step))
        live = self.pace.due(self.config.key)
        self.recorder.take(fake.snapshot(self.config, self.step), keep=pause, live=live)
        self.recorder.take(status(self.config, self.step, running=not pause))

    def adjust(self, name: str, value: float | int | str) -> None:
        old, self.config = self.config, self.config.changed(self.step, name, value)
        self.recorder.take(fake.lane(self.config, old.key))

    def path(self) -> Path:
        assert self.recorder.wait()
        assert self.recorder.path is not None
        return self.recorder.path

    def end(self) -> Recording:
        self.recorder.close()
        return load(self.path_at_end)

    @property
    def path_at_end(self) -> Path:
        assert self.recorder.path is not None
        return self.recorder.path


def of(recorded: Recording, kind: type[Frame], config: RunConfig | None = None) -> list[Frame]:
    return [f for f in recorded.frames if isinstance(f, kind) and (config is None or f.lane == config.key)]


def steps(recorded: Recording, config: RunConfig) -> list[int]:
    return [f.step for f in of(recorded, Snapshot, config)]


def losses(recorded: Recording, config: RunConfig) -> dict[int, float]:
    loss_by_step: dict[int, float] = {}
    for trace in of(recorded, Trace, config):
        loss_by_step |= dict(enumerate(protocol.floats(trace.loss).tolist(), trace.first_step))
    return loss_by_step


# ------------------------------------------------------------------------------------------- what is recorded


def test_a_session_opens_again_with_its_lanes_clock_and_measures(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path)
    other = CONFIG.replace(bn=True)
    sitting.select(CONFIG)
    sitting.train(30, pause=True)
    sitting.recorder.take(Evaluation(lane=CONFIG.key, step=30, dev=2.5))
    sitting.select(other)
    sitting.train(30, pause=True)
    recorded = sitting.end()
    assert recorded.shown == (CONFIG, other)
    assert (recorded.config, recorded.before, recorded.clock, recorded.damage) == (other, CONFIG, 30, None)
    assert steps(recorded, CONFIG) == steps(recorded, other) == [0, 30]
    assert list(losses(recorded, CONFIG)) == list(range(1, 31))
    assert of(recorded, Snapshot, other)[-1] == fake.snapshot(other, 30)
    assert of(recorded, Evaluation) == [Evaluation(lane=CONFIG.key, step=30, dev=2.5)]
    assert of(recorded, DataInfo) == [fake.data_info()]
    assert of(recorded, Status)[-1] == status(other, 30)


def test_live_snapshots_come_once_a_second_and_milestones_and_pauses_always(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path)
    sitting.select(CONFIG)
    for _ in range(100):
        sitting.train(7, seconds=0.1)
    sitting.train(7, pause=True)
    recorded = sitting.end()
    kept = steps(recorded, CONFIG)
    assert len(recorded.frames) > 100
    assert {0, 707} <= set(kept)
    # 100 updates at 10 a second: one each second, the start, the pause, and the milestones that were met.
    milestones = [s for s in kept if s in (1, 2, 5, 10, 20, 50, 100, 200, 500)]
    assert 10 <= len(kept) - len(milestones) <= 13
    assert list(losses(recorded, CONFIG)) == list(range(1, 708))


def test_a_killed_session_keeps_all_but_its_last_second(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path)
    sitting.select(CONFIG)
    for _ in range(25):
        sitting.train(10, seconds=0.1)
    recorded = load(sitting.path())  # nothing was closed
    assert max(losses(recorded, CONFIG)) == 250
    assert max(steps(recorded, CONFIG)) >= 150
    assert recorded.clock >= 150


def test_a_repeat_of_what_is_known_is_not_recorded_again(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path)
    sitting.select(CONFIG)
    sitting.train(50, pause=True)
    once = len(load(sitting.path()).frames)
    size = sitting.path().stat().st_size
    sitting.recorder.take(fake.lane(CONFIG))  # another engine trains the lane again
    sitting.recorder.take(fake.trace(CONFIG, 1, 40))
    sitting.recorder.take(fake.snapshot(CONFIG, 40))
    sitting.recorder.take(fake.trace(CONFIG, 41, 60))
    sitting.recorder.take(fake.snapshot(CONFIG, 60))
    recorded = sitting.end()
    assert len(recorded.frames) == once + 3
    assert steps(recorded, CONFIG) == [0, 50, 60]
    assert sitting.path_at_end.stat().st_size > size


def test_a_change_on_the_way_is_in_the_configuration(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path)
    before = CONFIG.replace(gain=1)
    sitting.select(before)
    sitting.select(CONFIG)
    sitting.train(10, pause=True)
    sitting.adjust("lr", 0.01)
    sitting.train(10, pause=True)
    sitting.adjust("batch_size", 64)
    sitting.train(10, pause=True)
    recorded = sitting.end()
    assert recorded.config.schedule == (Change(10, "lr", 0.01), Change(20, "batch_size", 64))
    assert recorded.before == before
    assert recorded.clock == 30
    assert [lane.lane for lane in replay.lane_states(recorded.frames)] == [before.key, recorded.config.key]


def test_a_restart_forgets_what_was_before_and_what_comes_late(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path)
    sitting.select(CONFIG)
    sitting.train(500, pause=True)
    sitting.recorder.sent(Restart())
    sitting.recorder.sent(Select(lanes=(CONFIG,)))
    sitting.train(37)  # under way when the engine heard of the restart
    sitting.recorder.take(fake.lane(CONFIG))
    sitting.recorder.take(fake.snapshot(CONFIG, 0))
    sitting.step = 0
    sitting.train(20, pause=True)
    recorded = sitting.end()
    assert recorded.clock == 20
    assert steps(recorded, CONFIG) == [0, 20]
    assert list(losses(recorded, CONFIG)) == list(range(1, 21))
    assert recorded.shown == (CONFIG,)
    assert of(recorded, Hello)


def test_a_lane_that_the_engine_refused_was_not_shown(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path)
    sitting.select(CONFIG)
    sitting.recorder.sent(Select(lanes=(CONFIG.replace(data="/nowhere"),)))
    sitting.recorder.take(protocol.Problem(text="there is no file of words at /nowhere"))
    sitting.train(10, pause=True)
    assert sitting.end().shown == (CONFIG,)


# ------------------------------------------------------------------------------------------------- its bounds


def test_a_session_stays_in_its_bound_and_keeps_its_shape(tmp_path: Path) -> None:
    limit = 150_000
    sitting = Sitting(tmp_path, limit=limit)
    sitting.select(CONFIG)
    largest = 0
    for i in range(1, 601):
        sitting.train(10, seconds=0.5, pause=i % 150 == 0)
        if i % 20 == 0:
            largest = max(largest, sitting.path().stat().st_size)
    recorded = sitting.end()
    assert largest <= limit
    assert sitting.recorder.problem is None
    kept = steps(recorded, CONFIG)
    assert {0, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000} <= set(kept)  # milestones
    assert {1500, 3000, 4500, 6000} <= set(kept)  # pauses
    assert recorded.clock == 6_000
    known = sorted(losses(recorded, CONFIG))
    assert known[0] == 1
    assert known[-1] > 5_800
    assert max(np.diff(known)) < 1_000  # thinned evenly: no part of the curve is missing
    assert all(losses(recorded, CONFIG)[s] == pytest.approx(fake.loss_at(CONFIG, s), rel=1e-6) for s in known[::97])
    assert os.listdir(tmp_path) == [sitting.path_at_end.name]


def test_what_was_before_a_restart_makes_room_first(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path, limit=150_000)
    for _ in range(4):
        sitting.recorder.sent(Restart())
        sitting.select(CONFIG)
        for _ in range(30):
            sitting.train(10, seconds=2)
    recorded = sitting.end()
    assert len(steps(recorded, CONFIG)) == 31  # every live snapshot of the last time, none thinned
    assert recorded.clock == 300


def test_old_sessions_are_pruned_by_number_and_by_size(tmp_path: Path) -> None:
    for i in range(10):
        path = tmp_path / f"{i}.tuiinit"
        path.write_bytes(HEADER.ljust(100, b"x"))
        os.utime(path, (i, i))
    (tmp_path / "notes.txt").write_text("mine")
    sessions.prune(tmp_path, 6, 10_000)
    assert sorted(p.name for p in tmp_path.glob("*.tuiinit")) == [f"{i}.tuiinit" for i in range(4, 10)]
    sessions.prune(tmp_path, 6, 350)
    assert sorted(p.name for p in tmp_path.glob("*.tuiinit")) == [f"{i}.tuiinit" for i in range(7, 10)]
    assert (tmp_path / "notes.txt").exists()


def test_quick_starts_push_out_nothing_long(tmp_path: Path) -> None:
    for i in range(10):
        path = tmp_path / f"{i}.tuiinit"
        path.write_bytes(HEADER.ljust(200_000 if i < 4 else 100, b"x"))
        os.utime(path, (i, i))
    sessions.prune(tmp_path, 3, 10**7)
    assert sorted(p.name for p in tmp_path.glob("*.tuiinit")) == [f"{i}.tuiinit" for i in (1, 2, 3, 7, 8, 9)]


def test_twenty_sessions_are_kept(tmp_path: Path) -> None:
    for _ in range(23):
        sitting = Sitting(tmp_path)
        sitting.select(CONFIG)
        sitting.end()
    assert len(list(tmp_path.iterdir())) == 20


def test_nobody_else_may_read_a_session(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path / "new" / "sessions")
    sitting.select(CONFIG)
    assert sitting.path().stat().st_mode & 0o077 == 0
    sitting.recorder.close()


# -------------------------------------------------------------------------------------------- what goes wrong


def test_a_folder_that_cannot_be_made_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    sitting = Sitting(tmp_path / "file" / "sessions")
    sitting.select(CONFIG)
    assert sitting.recorder.wait()
    assert sitting.recorder.problem is not None
    assert "not recorded" in sitting.recorder.problem
    assert "Not a directory" in sitting.recorder.problem
    sitting.train(10, pause=True)
    sitting.recorder.close()


def test_a_full_disk_leaves_whole_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = [20_000]
    write = os.write

    def full(file: int, data: bytes) -> int:
        if left[0] <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = write(file, bytes(data)[: left[0]])
        left[0] -= written
        return written

    monkeypatch.setattr(recorder.os, "write", full)
    sitting = Sitting(tmp_path)
    sitting.select(CONFIG)
    for _ in range(30):
        sitting.train(10, pause=True)
    assert sitting.recorder.wait()
    assert sitting.recorder.problem == "this session is recorded no further: No space left on device"
    recorded = sitting.end()
    assert recorded.damage is None
    assert 0 < recorded.clock < 300


def test_a_disk_that_hangs_holds_nothing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, write = threading.Event(), os.write
    monkeypatch.setattr(recorder.os, "write", lambda file, data: (go_on.wait(20), write(file, data))[1])
    monkeypatch.setattr(recorder, "CLOSE_SECONDS", 0.01)
    sitting = Sitting(tmp_path)
    sitting.select(CONFIG)
    for _ in range(50):
        sitting.train(10)  # would never come back if it wrote
    sitting.recorder.close()
    assert not go_on.is_set()
    go_on.set()
    sitting.recorder._thread.join(20)
    assert load(sitting.path_at_end).clock == 500


def whole(tmp_path: Path) -> Path:
    sitting = Sitting(tmp_path)
    sitting.select(CONFIG.replace(hidden=(4,)))
    for _ in range(3):
        sitting.train(3, pause=True)
    sitting.recorder.close()
    return sitting.path_at_end


def test_a_truncated_recording_opens_up_to_its_last_whole_frame(tmp_path: Path) -> None:
    path = whole(tmp_path)
    data = path.read_bytes()
    frames = load(path).frames
    ends = [len(HEADER)]
    while ends[-1] < len(data):
        ends.append(ends[-1] + 4 + wire.body_length(data[ends[-1] : ends[-1] + 4]))
    first_lane = ends[4]  # after Hello, DataInfo, Select and Lane
    opened = set()
    for size in range(0, len(data), 13):
        path.write_bytes(data[:size])
        if size < first_lane:
            with pytest.raises(RecordingError):
                load(path)
            continue
        recorded = load(path)
        assert recorded.frames == frames[: len(recorded.frames)]
        assert (recorded.damage is None) == (size in ends)
        assert recorded.damage in (None, "the stream ends inside a message")
        opened.add(len(recorded.frames))
    assert len(opened) > 5


@settings(max_examples=150)
@given(st.data())
def test_a_corrupted_recording_opens_or_is_refused_in_a_sentence(data: st.DataObject) -> None:
    path = _corrupted()
    content = bytearray(_whole_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        recorded, sentence = load(path), ""
    except RecordingError as error:
        recorded, sentence = None, str(error)
    assert recorded.shown if recorded is not None else str(path) in sentence


_kept: dict[str, bytes] = {}


def _whole_bytes() -> bytes:
    if not _kept:
        _kept["whole"] = whole(_corrupted().parent).read_bytes()
    return _kept["whole"]


def _corrupted() -> Path:
    folder = Path(os.environ["TUIINIT_STATE"]) / "corrupted"
    folder.mkdir(exist_ok=True)
    return folder / "recording.tuiinit"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is not a recording of tuiinit"),
        (b"gain = 3\n", "is not a recording of tuiinit"),
        (b"tuiinit recording \n", "is not a recording of tuiinit"),
        (b"tuiinit recording 3\n", "was recorded by a later version of tuiinit (format 3, this one reads 2)"),
        (b"tuiinit recording 1\n", "was recorded by an earlier version of tuiinit (format 1, this one reads 2)"),
        (HEADER, "holds no network"),
        (HEADER + b"\x00\x00\x00\x05hello", "holds no network: a message that this version does not know"),
    ],
)
def test_a_file_that_is_no_recording_is_refused(
    tmp_path: Path, tuiinit: Tuiinit, content: bytes, sentence: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match="file"):
        load(path)
    ended = tuiinit("replay", str(path))
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert sentence in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["replay"], "needs either a FILE or --last"),
        (["replay", "x", "--last"], "needs either a FILE or --last"),
        (["replay", "/nowhere"], "cannot read /nowhere: No such file or directory"),
        (["replay", "/"], "/ is not a file"),
        (["--resume", "/nowhere"], "cannot read /nowhere: No such file or directory"),
        (["--resume", "/nowhere", "--gain", "3"], "--resume takes all settings from the recorded session"),
    ],
)
def test_wrong_use_is_told_in_a_sentence(tuiinit: Tuiinit, arguments: list[str], sentence: str) -> None:
    ended = tuiinit(*arguments)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert sentence in ended.stderr


def test_the_last_session_is_the_last_that_trained(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="no session is recorded"):
        recording.last(tmp_path)
    for i, trained in enumerate((10, 20, 0)):
        sitting = Sitting(tmp_path)
        sitting.select(CONFIG)
        if trained:
            sitting.train(trained, pause=True)
        sitting.end()
        os.utime(sitting.path_at_end, (i, i))
    broken = tmp_path / "broken.tuiinit"
    broken.write_bytes(HEADER)
    os.utime(broken, (9, 9))
    assert recording.last(tmp_path).clock == 20


# --------------------------------------------------------------------------------------------- going on again


class Tapped:
    """An engine whose frames are recorded as they are read."""

    def __init__(self, engine: Engine, sink: Callable[[Frame], None]) -> None:
        self._engine, self._sink = engine, sink
        self.send = engine.send

    def frames(self):  # type: ignore[no-untyped-def]
        for frame in self._engine.frames():
            self._sink(frame)
            yield frame


def test_a_resumed_session_gives_the_numbers_of_an_uninterrupted_one(tmp_path: Path) -> None:
    start = RunConfig(bn=True, device="cpu", hidden=(30, 30))
    recorder_ = Recorder(tmp_path)
    with Engine() as engine:
        session = runs.Conversation(Tapped(engine, lambda f: recorder_.take(f, keep=True)))  # type: ignore[arg-type]
        recorder_.sent(Select(lanes=(start,)))
        session.select([start])
        for to, change in ((15, ("lr", 0.03)), (25, ("batch_size", 48)), (40, None)):
            session.advance(Advance(to=to))
            if change is not None:
                engine.send(Adjust(name=change[0], value=change[1]))
        recorder_.close()
        (uninterrupted,) = session.advance(Advance(to=80))
    assert recorder_.path is not None
    recorded = load(recorder_.path)
    assert recorded.clock == 40
    assert recorded.config.schedule == (Change(15, "lr", 0.03), Change(25, "batch_size", 48))
    assert recorded.config == uninterrupted.config

    with Engine() as engine:
        session = runs.Conversation(engine)
        session.select([recorded.config])
        session.advance(Advance(to=recorded.clock))
        (resumed,) = session.advance(Advance(to=80))
    assert resumed.loss[:40].tolist() == list(losses_of_all(recorded).values())
    assert resumed.loss[-40:].tobytes() == uninterrupted.loss[-40:].tobytes()
    assert resumed.update_data[-40:].tobytes() == uninterrupted.update_data[-40:].tobytes()
    assert without_cost(resumed.last) == without_cost(uninterrupted.last)


def losses_of_all(recorded: Recording) -> dict[int, float]:
    """The losses of a lane that went by several names."""
    loss_by_step: dict[int, float] = {}
    for trace in of(recorded, Trace):
        loss_by_step |= dict(enumerate(protocol.floats(trace.loss).tolist(), trace.first_step))
    return loss_by_step


def without_cost(snapshot: Snapshot) -> Snapshot:
    import msgspec

    return msgspec.structs.replace(snapshot, cost=0.0)


# -------------------------------------------------------------------------------------------- the command line

numbers = st.floats(0, 1e6, allow_nan=False) | st.sampled_from([5 / 3, 1 / 3, 0.1, 3.0, 1e-5])
below_one = st.floats(0, 0.999)
changes = st.one_of(
    st.builds(Change, st.integers(1, 10**6), st.just("lr"), numbers),
    st.builds(Change, st.integers(1, 10**6), st.just("batch_size"), st.integers(2, 500)),
    st.builds(Change, st.integers(1, 10**6), st.just("optimizer"), st.sampled_from(["sgd", "adam", "rmsprop"])),
)
configs = st.builds(
    RunConfig,
    data=st.none() | st.sampled_from(["words.txt", "my words/it's $HOME.txt", "-odd", "ünï.txt"]),
    seed=st.integers(0, 2**63 - 1),
    device=st.sampled_from(["auto", "cpu"]),
    context=st.integers(1, 8),
    embedding=st.integers(1, 20),
    hidden=st.lists(st.integers(1, 200), min_size=1, max_size=6).map(tuple),
    nonlinearity=st.sampled_from(["tanh", "linear", "leaky_relu"]),
    gain=numbers,
    fan_in_scaling=st.booleans(),
    embedding_scale=numbers,
    output_scale=numbers,
    bias_scale=st.tuples(numbers, numbers),
    bn=st.booleans(),
    bn_style=st.sampled_from(["lecture", "torch"]),
    bn_momentum=below_one,
    bn_eps=st.floats(1e-9, 1),
    bias_before_bn=st.booleans(),
    optimizer=st.sampled_from(["sgd", "momentum", "adam", "adamw"]),
    lr=numbers,
    momentum=below_one,
    beta1=below_one,
    beta2=below_one,
    alpha=below_one,
    weight_decay=st.floats(0, 1),
    batch_size=st.integers(2, 256),
    schedule=st.lists(changes, max_size=3, unique_by=lambda c: c.step).map(
        lambda found: tuple(sorted(found, key=lambda c: c.step))
    ),
)


@given(configs, st.integers(0, 10**6))
def test_the_command_line_reads_back_to_the_same_configuration(config: RunConfig, step: int) -> None:
    import shlex

    words = shlex.split(command_line(config, step))
    assert words[0] == "tuiinit"
    if step:
        assert words[1:4] == ["run", "--steps", str(step)]
        words = words[3:]
    context = cli.make_context("tuiinit", words[1:])
    options = {name: value for name, value in context.params.items() if name not in ("engine_line", "resume")}
    assert config_from(options) == config


def test_the_command_line_is_short() -> None:
    assert command_line(RunConfig()) == "tuiinit"
    config = RunConfig(gain=1 / 3, bn=True, hidden=(50, 50, 50), lr=0.01, schedule=(Change(100, "lr", 0.001),))
    assert command_line(config, 1001) == (
        "tuiinit run --steps 1001 --hidden 3x50 --gain 1/3 --bn --lr 0.01 --change 100:lr=0.001"
    )
    assert command_line(RunConfig(data="my words.txt", fan_in_scaling=False)) == (
        "tuiinit --data 'my words.txt' --no-fan-in-scaling"
    )
