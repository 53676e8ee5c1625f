"""The folder of sessions: what is pruned and what is left alone; and what opens when a session ended oddly."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.explorer import fake
from tests.stream.test_recording import CONFIG, Sitting, steps
from tuiinit.config.run import RunConfig
from tuiinit.stream import recording, sessions, wire
from tuiinit.stream.protocol import Evaluation, Hello, Restart, Select
from tuiinit.stream.recording import HEADER, RecordingError, load

OTHER = CONFIG.replace(seed=5)


def named(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def old(path: Path, content: bytes, age: int) -> Path:
    path.write_bytes(content)
    os.utime(path, (age, age))
    return path


# ------------------------------------------------------------------------------------------------- what is pruned


def test_foreign_files_count_for_nothing_and_stay(tmp_path: Path) -> None:
    for i in range(10):
        old(tmp_path / f"{i}.tuiinit", HEADER + b"x" * 1000, i)
    with (tmp_path / "film.tuiinit").open("wb") as film:
        film.truncate(300 * 2**20)  # takes no room
    (tmp_path / "target").write_bytes(HEADER + b"y" * 10**6)
    (tmp_path / "link.tuiinit").symlink_to(tmp_path / "target")
    (tmp_path / "loop.tuiinit").symlink_to(tmp_path / "loop.tuiinit")
    (tmp_path / "folder.tuiinit").mkdir()
    os.mkfifo(tmp_path / "pipe.tuiinit")
    foreign = {"film.tuiinit", "target", "link.tuiinit", "loop.tuiinit", "folder.tuiinit", "pipe.tuiinit"}
    sessions.prune(tmp_path, 8, 100 * 2**20)
    assert set(named(tmp_path)) == foreign | {f"{i}.tuiinit" for i in range(2, 10)}
    sessions.prune(tmp_path, 0, 0)
    assert set(named(tmp_path)) == foreign


def test_what_a_killed_session_left_while_it_was_thinned_goes(tmp_path: Path) -> None:
    old(tmp_path / "killed.tuiinit", HEADER + b"x" * 1000, 1)
    old(tmp_path / "killed.thinned", HEADER + b"x" * 500, 1)
    old(tmp_path / "alone.thinned", HEADER[:5], 1)
    old(tmp_path / "mine.thinned", b"a novel", 1)
    for name in ("live.tuiinit", "live.thinned"):
        old(tmp_path / name, HEADER, 1)
    with (tmp_path / "live.tuiinit").open("rb") as live:
        sessions.hold(live.fileno())
        sessions.prune(tmp_path, 10, 10**6)
        assert named(tmp_path) == ["killed.tuiinit", "live.thinned", "live.tuiinit", "mine.thinned"]
    sessions.prune(tmp_path, 10, 10**6)
    assert named(tmp_path) == ["killed.tuiinit", "live.tuiinit", "mine.thinned"]


# ---------------------------------------------------------------------- a restart that no engine heard or answered


def trained(folder: Path, step: int = 30) -> Sitting:
    sitting = Sitting(folder)
    sitting.select(CONFIG)
    sitting.train(step, pause=True)
    return sitting


@pytest.mark.parametrize("config", [CONFIG, OTHER])
def test_a_restart_that_no_engine_heard_did_not_happen(tmp_path: Path, config: RunConfig) -> None:
    sitting = trained(tmp_path)
    sitting.recorder.sent(Restart())
    sitting.recorder.sent(Select(lanes=(config,)))
    recorded = sitting.end()
    assert recorded.shown == (CONFIG,)
    assert recorded.clock == 30
    assert steps(recorded, CONFIG) == [0, 30]
    assert b"Restart" not in recorded.path.read_bytes()


def test_a_restart_while_there_is_no_engine_is_answered_by_the_next(tmp_path: Path) -> None:
    sitting = trained(tmp_path)
    for config in (CONFIG.replace(data="gone"), OTHER):  # the first is refused
        sitting.recorder.sent(Restart())
        sitting.recorder.sent(Select(lanes=(config,)))
    sitting.recorder.sent(Select(lanes=(CONFIG,)))
    sitting.recorder.take(Hello(version=1, program="0", torch="2", device="cpu", threads=1, pid=2))
    sitting.select(CONFIG)
    sitting.train(7, pause=True)
    recorded = sitting.end()
    assert (recorded.shown, recorded.clock) == ((CONFIG,), 7)
    assert steps(recorded, CONFIG) == [0, 7]
    assert sum(isinstance(frame, Hello) for frame in recorded.frames) == 2


def test_what_was_pending_when_a_restart_was_asked_for_is_kept(tmp_path: Path) -> None:
    sitting = trained(tmp_path)
    sitting.train(5)  # on its way: not written yet
    sitting.recorder.sent(Restart())
    recorded = sitting.end()
    assert steps(recorded, CONFIG) == [0, 30, 35]


def test_a_recording_whose_last_restart_no_lane_followed_opens_before_it(tmp_path: Path) -> None:
    """As earlier versions wrote it: the engine was killed, `r`, and quit."""
    recorded = trained(tmp_path).end()
    with recorded.path.open("ab") as file:
        for _ in range(2):
            for message in (Restart(), Select(lanes=(OTHER,)), Hello(
                version=1, program="0", torch="2", device="cpu", threads=1, pid=2
            )):  # fmt: skip
                file.write(wire.pack(message))
    again = load(recorded.path)
    assert (again.shown, again.clock, again.frames) == (recorded.shown, recorded.clock, recorded.frames)
    with recorded.path.open("ab") as file:
        file.write(wire.pack(fake.lane(OTHER)))
    assert (load(recorded.path).shown, load(recorded.path).clock) == ((OTHER,), 0)


def test_a_session_whose_engine_never_told_of_a_lane_leaves_no_recording(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path)  # Hello, and what the data are
    sitting.recorder.sent(Select(lanes=(CONFIG,)))
    sitting.recorder.close()
    assert not list(tmp_path.iterdir())


# ------------------------------------------------------------------------------------------- how it is told, and fast


def test_it_is_told_how_many_recordings_there_are_and_why_none_opens(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=f"^no session is recorded in {tmp_path}/none$"):
        recording.last(tmp_path / "none")
    old(tmp_path / "1.tuiinit", HEADER, 1)
    with pytest.raises(RecordingError, match=r"^the only recording in .* does not open: 1.tuiinit holds no network$"):
        recording.last(tmp_path)
    old(tmp_path / "2.tuiinit", b"a novel", 2)
    old(tmp_path / "3.tuiinit", HEADER + b"\0\0\0\5hello", 3)
    old(tmp_path / "4.tuiinit", b"tuiinit recording 9\n", 4)
    with pytest.raises(RecordingError) as raised:
        recording.last(tmp_path)
    sentence = str(raised.value)
    assert sentence.startswith(f"none of the 4 recordings in {tmp_path} opens: 4.tuiinit was recorded by a later")
    assert "; 3.tuiinit holds no network: a message that" in sentence
    assert sentence.endswith("; 2.tuiinit is not a recording of tuiinit; …")
    (tmp_path / "file").touch()
    with pytest.raises(RecordingError, match=r"^cannot read .*/file: Not a directory$"):
        recording.last(tmp_path / "file")


def counted(path: Path, count: int) -> float:
    """Seconds of the processor that a recording takes to open that restarts and renames its lane so often."""
    lane, other = fake.lane(CONFIG), fake.lane(OTHER, CONFIG.key)
    hello = Hello(version=1, program="0", torch="2", device="cpu", threads=1, pid=2)
    restarts = [hello, Restart(), Evaluation(lane=CONFIG.key, step=1, dev=2.0)] * count
    renames = [Select(lanes=(CONFIG,)), lane, other] * count
    recording.write(path, [*restarts, *renames, lane])
    before = time.process_time()
    recorded = load(path)
    assert recorded.damage is None
    assert sum(isinstance(frame, Hello) for frame in recorded.frames) == count
    assert recorded.shown == (OTHER,)
    return time.process_time() - before


def test_opening_takes_a_time_that_grows_with_the_length_alone(tmp_path: Path) -> None:
    path = tmp_path / "long.tuiinit"
    few = min(counted(path, 500) for _ in range(3))
    assert counted(path, 4_000) < 8 * few * 3  # eight times as long; 64 times would be quadratic


def test_lanes_looked_at_go_by_their_last_names(tmp_path: Path) -> None:
    a, b, c = (CONFIG.replace(seed=seed) for seed in (1, 2, 3))
    path = tmp_path / "renamed.tuiinit"
    recording.write(
        path,
        [
            *(m for lane in (a, c) for m in (Select(lanes=(lane,)), fake.lane(lane))),
            Select(lanes=(a,)),
            fake.lane(b, a.key),
            Select(lanes=(a,)),  # not b: another lane of that name
            fake.lane(a),
            fake.lane(c, b.key),
            Select(lanes=(b,)),  # refused
        ],
    )
    assert load(path).shown == (c, a)
