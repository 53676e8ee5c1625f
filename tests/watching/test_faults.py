"""What happens to a training run and to whoever looks at it: nothing reaches the training, and the recording opens."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from torch import nn

import tuiinit
from tests.faults.terminal import EXPLORER, Terminal
from tests.watching.training import CASES, steps
from tuiinit.cli import cli
from tuiinit.measure.step import Step
from tuiinit.stream import runs
from tuiinit.stream.bounded import BoundedFile, Kind
from tuiinit.stream.following import Follower, summary
from tuiinit.stream.protocol import Ended, Snapshot
from tuiinit.stream.recording import load
from tuiinit.stream.sessions import is_held
from tuiinit.watching.watch import Watch

MLP = CASES["evaluation between"]


def recorded(path: Path, count: int = 3, **settings: Any) -> Watch:
    handle: Any = None
    for _, handle, _ in steps(MLP, lambda m, o: tuiinit.watch(m, o, every=1, record=path, **settings), count):  # type: ignore[operator]  # noqa: B007
        pass
    return handle  # type: ignore[no-any-return]


def until(true: Callable[[], Any], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_the_function_stays_the_function() -> None:
    import tuiinit.watching.watch

    assert callable(tuiinit.watch)
    assert tuiinit.watch is tuiinit.watching.watch.watch


def test_a_recording_opens_wherever_it_was_cut(tmp_path: Path) -> None:
    handle = recorded(tmp_path / "run.tuiinit", 2)
    handle.close()
    assert handle.path is not None
    content = handle.path.read_bytes()
    cut = tmp_path / "cut.tuiinit"
    counts = []
    for length in [*range(22, 600, 23), *range(600, len(content), 1511), len(content)]:
        cut.write_bytes(content[:length])
        counts.append(len(list(Follower(cut).read())))
        summary(cut)
    assert counts == sorted(counts)
    assert load(cut).damage is None
    run, ended = summary(cut).run, summary(cut).ended
    assert run is not None
    assert run.parameters == sum(p.numel() for p in MLP.make().parameters())
    assert ended == Ended()
    assert handle.path.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_takes_no_file_is_one_warning(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.warns(RuntimeWarning, match="this run is not watched") as warned:
        handle = recorded(tmp_path / "file" / "run.tuiinit")
    assert len(warned) == 1
    assert handle.path is None
    handle.measure()
    handle.close()


def test_a_full_disk_ends_the_recording_and_not_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = BoundedFile.append

    def full(self: BoundedFile, kind: Kind, lane: str, data: bytes) -> None:
        if lane == "snapshot":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        whole(self, kind, lane, data)

    monkeypatch.setattr(BoundedFile, "append", full)
    taken: list[Any] = []
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for _, handle, _ in steps(MLP, lambda m, o: tuiinit.watch(m, o, every=1, record=tmp_path / "run"), 3):  # type: ignore[operator]
            if len(taken) == 1:
                handle._writer._thread.join(60)  # the first step has met the full disk
            taken.append(handle)
    assert len(taken) == 4
    assert [str(one.message) for one in warned] == [
        "tuiinit: this run is watched no further: the run is recorded no further: No space left on device"
    ]
    assert not is_held(tmp_path / "run.tuiinit")


@pytest.mark.parametrize("place", ["before", "after", "finish", "hold", "__init__"])
def test_a_failure_of_ours_disarms_for_good(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hooks = len(torch.nn.modules.module._global_forward_hooks)
    monkeypatch.setattr(Step, place, lambda *_: 1 / 0)
    with pytest.warns(RuntimeWarning, match="watched no further: ZeroDivisionError") as warned:
        recorded(tmp_path / "run")
    assert len(warned) == 1
    assert len(torch.nn.modules.module._global_forward_hooks) == hooks


def test_a_warning_that_is_an_error_does_not_reach_the_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert recorded(tmp_path / "file" / "run").path is None


def test_a_fork_lets_go_of_the_run(tmp_path: Path) -> None:
    handle = recorded(tmp_path / "run")
    path = handle.path
    assert path is not None
    reading, writing = os.pipe()
    hearing, telling = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads
        child = os.fork()
    if child == 0:
        os.close(writing)
        good = handle.path is None and not torch.nn.modules.module._global_forward_hooks
        os.write(telling, b"!")
        os.read(reading, 1)  # until the parent has looked
        os._exit(0 if good else 1)
    os.close(reading)
    os.read(hearing, 1)  # the child runs
    assert is_held(path)
    handle.close()
    assert not is_held(path)  # the child lives on
    os.close(writing)
    assert os.waitpid(child, 0)[1] == 0
    assert sum(isinstance(frame, Snapshot) for frame in Follower(path).read()) == 3


def test_thinning_under_a_reader_loses_nothing(tmp_path: Path) -> None:
    handle = recorded(tmp_path / "run", 1)
    handle.close()
    assert handle.path is not None
    (snapshot,) = (frame for frame in Follower(handle.path).read() if isinstance(frame, Snapshot))
    import msgspec

    from tuiinit.stream import wire

    file = BoundedFile(tmp_path / "long.tuiinit", limit=40_000)
    follower = Follower(file.path)
    seen: list[int] = []
    inodes = set()
    for step in range(1, 60):
        file.append(Kind.LIVE, "snapshot", wire.pack(msgspec.structs.replace(snapshot, step=step)))
        inodes.add(os.stat(file.path).st_ino)
        if step % 3 == 0:
            seen += [frame.step for frame in follower.read() if isinstance(frame, Snapshot)]
    assert file.size < 40_000
    assert seen == list(range(1, 60))[: len(seen)]
    assert seen[-1] == 57
    file.close()


def test_thinning_keeps_some_of_each_kind(tmp_path: Path) -> None:
    file = BoundedFile(tmp_path / "long.tuiinit", limit=40_000)
    for step in range(400):  # as a run writes them, in turn
        file.append(Kind.LIVE, "snapshot", b"s%03d" % step * 50)
        file.append(Kind.LIVE, "status", b"t%03d" % step * 50)
    file.close()
    content = file.path.read_bytes()
    for kind in (b"s", b"t"):
        steps = sorted({int(one) for one in re.findall(kind + rb"(\d{3})" + kind, content)})
        assert len(steps) > 20
        assert steps[0] < 100
        assert steps[-1] == 399


def test_skipped_steps_are_told(tmp_path: Path) -> None:
    model = MLP.make()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3, fused=True)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    handle = tuiinit.watch(model, optimizer, every=1, record=tmp_path / "run")  # type: ignore[operator]
    for bad in (False, True, False):
        optimizer.zero_grad()
        loss = model(MLP.inputs).square().mean() * (float("inf") if bad else 1.0)
        scaler.scale(handle.loss(loss)).backward()
        scaler.step(optimizer)
        scaler.update()
    handle.close()
    assert [f.skipped for f in Follower(handle.path).read() if isinstance(f, Snapshot)] == [0, 1, 1]


def test_another_rank_records_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert recorded(tmp_path / "run").path is None
    handle = recorded(tmp_path / "run", rank=1)
    handle.close()
    assert handle.path is not None
    run = summary(handle.path).run
    assert run is not None
    assert (run.rank, run.ranks) == (1, 2)


def test_the_optimizer_is_found_where_none_is_given(tmp_path: Path) -> None:
    other = nn.Linear(2, 2)
    foreign = torch.optim.SGD(other.parameters(), 0.1)
    handle: Any = None
    for _, handle, _ in steps(MLP, lambda m, _: tuiinit.watch(m, every=1, record=tmp_path / "run"), 2):  # type: ignore[operator]  # noqa: B007
        other(torch.ones(1, 2)).sum().backward()
        foreign.step()
    handle.close()
    assert [f.step for f in Follower(handle.path).read() if isinstance(f, Snapshot)] == [1, 2]


@pytest.mark.parametrize(
    "wrong", [{"model": 3}, {"optimizer": "SGD"}, {"budget": 2}, {"every": 0}, {"samples": 0}, {"modules": "("}]
)
def test_wrong_use_is_told_at_the_call(wrong: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError), match=r"tuiinit\.watch takes|budget|every|samples|modules"):
        tuiinit.watch(**{"model": nn.Linear(1, 1), **wrong})  # type: ignore[operator]


SCRIPT = """
import sys, time, torch, tuiinit
from torch import nn
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(6, 6), nn.ReLU(inplace=True), nn.Linear(6, 4))
optimizer = torch.optim.SGD(model.parameters(), 0.01)
watch = tuiinit.watch(model, optimizer, name="killed", every=1, record=sys.argv[1])
while True:
    optimizer.zero_grad()
    watch.loss(model(torch.ones(5, 6)).square().mean()).backward()
    optimizer.step()
    time.sleep(0.02)  # whoever reads keeps up
"""


def listed(state: Path) -> list[dict[str, Any]]:
    """What `tuiinit runs --json` prints."""
    done = CliRunner(env={"TUIINIT_STATE": str(state)}).invoke(cli, ["runs", "--json"], catch_exceptions=False)
    found: list[dict[str, Any]] = json.loads(done.output)
    return found


def test_a_run_that_is_killed_opens_and_is_told_as_gone(tmp_path: Path) -> None:
    path = tmp_path / "run.tuiinit"
    environment = {**os.environ, "TUIINIT_STATE": str(tmp_path / "state")}
    program = [sys.executable, "-m", "tuiinit"]
    training = subprocess.Popen([sys.executable, "-c", SCRIPT, str(path)], env=environment)
    try:
        until(lambda: path.exists() and sum(isinstance(f, Snapshot) for f in Follower(path).read()) > 2)
        (run,) = listed(tmp_path / "state")
        assert (run["name"], run["live"], run["pid"]) == ("run", True, training.pid)
        tail = [*program, "tail", "run", "--json"]
        with subprocess.Popen(tail, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as reader:
            assert reader.stdout is not None
            line = json.loads(reader.stdout.readline())
            assert line["step"] == 1
            assert [row["kind"] for row in line["rows"]] == ["Linear", "ReLU", "Linear"]
            assert [weight["name"] for weight in line["weights"]] == ["0.weight", "2.weight", "0.bias", "2.bias"]
            until(lambda: runs.seen_by(path, time.time()))
            training.send_signal(signal.SIGKILL)
            rest = reader.stdout.read().splitlines()  # it ends by itself
            assert reader.wait() == 0
        numbers = [line["step"], *(json.loads(more)["step"] for more in rest)]
        assert numbers == sorted(set(numbers))
    finally:
        training.kill()
        training.wait()
    assert load(path).lane.lane == "killed"
    (run,) = listed(tmp_path / "state")
    assert (run["live"], run["ended"]) == (False, None)


@pytest.mark.long
def test_a_viewer_that_is_killed_leaves_the_training_alone(tmp_path: Path) -> None:
    path = tmp_path / "run.tuiinit"
    training = subprocess.Popen([sys.executable, "-c", SCRIPT, str(path)])
    try:
        until(lambda: path.exists() and sum(isinstance(f, Snapshot) for f in Follower(path).read()) > 2)
        viewers = [Terminal(*EXPLORER, "attach", str(path), size=size) for size in ((80, 24), (120, 40))]
        with viewers[0], viewers[1]:
            for viewer in viewers:
                viewer.shows("run is live")
            viewers[0].kill(signal.SIGKILL)
            step = viewers[1].step
            viewers[1].reaches(step + 20)
            viewers[1].kill(signal.SIGKILL)
        until(lambda: not runs.seen_by(path, time.time()))
        assert training.poll() is None
        with Terminal(*EXPLORER, "attach", str(path)) as viewer:
            viewer.reaches(step + 30)
            viewer.press("q")
            assert viewer.ends() == 0
        assert training.poll() is None
    finally:
        training.kill()
        training.wait()
