"""What a network takes, what there is, and that what does not fit is refused before it is allocated."""

from __future__ import annotations

import queue
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tuiinit.config import memory
from tuiinit.config.memory import Need, needed
from tuiinit.config.run import RunConfig
from tuiinit.config.values import ConfigError
from tuiinit.engine import room
from tuiinit.engine.clock import Clock
from tuiinit.engine.lanes import Lanes
from tuiinit.engine.server import Server
from tuiinit.experiments import pool
from tuiinit.experiments.pool import Job, Pool
from tuiinit.stream import protocol as p

GIB = 2**30
TINY = RunConfig(hidden=(8,), embedding=2, device="cpu", batch_size=16)
WIDE = RunConfig(hidden=(4096,) * 3, device="cpu")


def total(config: RunConfig, classes: int = 27, examples: int = 182_625) -> int:
    return memory.together([needed(config, classes, examples)])


# ------------------------------------------------------------------------------------------------- needed

PEAKS = """
import torch
from tuiinit.config.run import RunConfig
from tuiinit.engine.builtin import Datasets
from tuiinit.engine.trainer import Trainer

def size(name):
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith(name))

torch.set_num_threads(1)
device, datasets = torch.device("cpu"), Datasets()
for settings in (dict(hidden=(8,)), {0!r}, {1!r}):
    config = RunConfig(device="cpu", **settings)
    data = datasets.get(config, device)
    open("/proc/self/clear_refs", "w").write("5")  # the peak begins anew
    before = size("VmRSS")
    lane = Trainer(config, data, device)
    lane.peek()
    lane.train_step(measure=True)
    print(lane.network.parameter_count, size("VmHWM") - before)
    del lane
"""
SHAPES = {"hidden": (2000, 2000)}, {"hidden": (300,) * 3, "batch_size": 16_384, "bn": True}


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux to begin a peak anew")
def test_what_is_needed_is_what_is_taken() -> None:
    """Parameters count in the first network, activations in the second."""
    code = PEAKS.format(*SHAPES)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=True)
    rows = [tuple(map(int, line.split())) for line in done.stdout.splitlines()][1:]
    for (parameters, taken), settings in zip(rows, SHAPES, strict=True):
        config = RunConfig(device="cpu", **settings)  # type: ignore[arg-type]
        assert memory.parameters(config, 27) == parameters
        assert taken <= total(config) <= memory.SLACK_BYTES + 2.5 * taken


def test_each_part_of_a_shape_counts() -> None:
    base = total(WIDE)
    assert total(WIDE.replace(optimizer="adam")) - base > 2 * 4 * memory.parameters(WIDE, 27)
    assert total(WIDE.replace(batch_size=65_536)) - base > 65_536 * 3 * 2 * 4096 * 4
    assert total(WIDE.replace(bn=True)) > base
    assert total(TINY.replace(batch_size=4096), classes=90_000) > 4096 * 3 * 90_000 * 4
    assert total(WIDE.replace(bn=True), examples=100) < total(WIDE.replace(bn=True)), "no block is larger than the data"
    later = WIDE.changed(5, "batch_size", 65_536).changed(9, "optimizer", "adam")
    assert total(later) == total(WIDE.replace(batch_size=65_536, optimizer="adam"))


def test_several_lanes_share_what_is_taken_in_passing() -> None:
    assert memory.together([Need(3, 10), Need(4, 20)]) == 27
    assert memory.together([]) == 0


def test_the_shape_of_a_word_list() -> None:
    assert memory.shape_of(["anna", "bob"]) == (5, 9)


# ---------------------------------------------------------------------------------------------- available


def test_what_the_system_has_left(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:       24684000 kB\nMemFree:  1 kB\nMemAvailable:     512 kB\n")
    assert memory._system(meminfo) == [512 * 1024]
    meminfo.write_text("MemTotal:       24684000 kB\n")
    assert memory._system(meminfo) == memory._system(tmp_path / "absent") == []


def group(folder: Path, names: tuple[str, str], limit: str, used: int, cached: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\n{cached}\n")


V2 = ("memory.max", "memory.current")
V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes")


def test_what_control_groups_leave(tmp_path: Path) -> None:
    own, mounted = tmp_path / "cgroup", tmp_path / "fs"
    own.write_text("0::/user/job\n")
    group(mounted / "user" / "job", V2, "max", 500, "inactive_file 0")
    group(mounted / "user", V2, "1000", 700, "inactive_file 50")  # a limit above binds, too
    assert memory._groups(own, mounted) == [350]
    own.write_text("9:name=systemd:/\n4:memory:/docker/abc\n0::/\n")
    group(mounted / "memory", V1, "2000", 800, "total_inactive_file 100")  # in a container: its own is the root
    assert memory._groups(own, mounted) == [1300]
    own.write_text("nothing known\n\n")
    assert memory._groups(own, mounted) == memory._groups(tmp_path / "absent", mounted) == []


def test_what_limits_of_a_process_leave(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    statm = tmp_path / "statm"
    statm.write_text("100 50 20 1 0 30 0\n")
    most = {resource.RLIMIT_AS: resource.RLIM_INFINITY, resource.RLIMIT_DATA: resource.RLIM_INFINITY}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (most[kind], most[kind]))
    assert memory._limits(statm) == []
    most[resource.RLIMIT_AS] = 1000 * resource.getpagesize()
    most[resource.RLIMIT_DATA] = 40 * resource.getpagesize()
    assert memory._limits(statm) == [900 * resource.getpagesize(), 10 * resource.getpagesize()]
    assert memory._limits(tmp_path / "absent") == []


def test_the_least_of_all_is_available(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_system", lambda: [5])
    monkeypatch.setattr(memory, "_groups", lambda: [7, 3])
    monkeypatch.setattr(memory, "_limits", list)
    assert memory.available() == 3
    monkeypatch.setattr(memory, "_groups", lambda: [-4])
    assert memory.available() == 0
    monkeypatch.setattr(memory, "_system", list)
    monkeypatch.setattr(memory, "_groups", list)
    assert memory.available() is None
    memory.check([Need(10**15, 0)], None)


# ----------------------------------------------------------------------------------------------- refusals


class Conversation:
    """A server that is asked step by step, with a fake amount of memory."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.free: int | None = 8 * GIB
        self.frames: list[p.Message] = []
        self.commands: queue.Queue[p.Command | None] = queue.Queue()
        self.server = Server(self.commands, self.frames.append)
        monkeypatch.setattr(room, "free", lambda device: self.free)

    def ask(self, *commands: p.Command) -> list[p.Message]:
        self.frames.clear()
        for command in (*commands, p.Credit(), None):
            self.commands.put(command)
        self.server.serve()
        while self.server._moving():
            self.server._work()
        self.server._update(idle=True)
        return list(self.frames)

    def problems(self, *commands: p.Command) -> list[str]:
        return [frame.text for frame in self.ask(*commands) if isinstance(frame, p.Problem)]

    @property
    def selected(self) -> list[RunConfig]:
        return [lane.config for lane in self.server.lanes.selected]


@pytest.fixture
def talk(monkeypatch: pytest.MonkeyPatch) -> Conversation:
    return Conversation(monkeypatch)


def test_a_network_that_does_not_fit_is_refused_before_it_is_made(talk: Conversation) -> None:
    assert not talk.problems(p.Select(lanes=(TINY,)))
    talk.free = GIB // 2
    (sentence,) = talk.problems(p.Select(lanes=(WIDE,)))
    assert sentence == "there is not enough memory for this: about 1.0 GiB are needed, and 512 MiB are free"
    assert talk.selected == [TINY]
    assert not talk.problems(p.Advance(steps=1))


def test_a_larger_batch_that_does_not_fit_is_refused(talk: Conversation) -> None:
    talk.ask(p.Select(lanes=(TINY,)), p.Advance(steps=1))
    talk.free = 2**20
    (sentence,) = talk.problems(p.Adjust(name="batch_size", value=65_536))
    assert sentence.startswith("there is not enough memory for this: about ")
    assert talk.selected == [TINY]
    assert not talk.problems(p.Adjust(name="batch_size", value=8))
    assert talk.selected[0].at(1).batch_size == 8


def test_lanes_that_were_there_begin_anew_whatever_is_free(talk: Conversation) -> None:
    talk.ask(p.Select(lanes=(TINY,)), p.Advance(steps=1))
    talk.free = 0
    assert not talk.problems(p.Restart())
    assert talk.selected == [TINY]


def test_where_nothing_is_known_nothing_is_refused(talk: Conversation) -> None:
    talk.free = None
    assert not talk.problems(p.Select(lanes=(TINY.replace(batch_size=4096),)))


def test_lanes_that_nobody_looks_at_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    lanes = Lanes(Clock())
    configs = [TINY.replace(seed=seed) for seed in range(5)]
    need = total(TINY)
    for config in configs[:3]:
        lanes.select([config])
    kept = lanes._lanes
    monkeypatch.setattr(room, "free", lambda device: need * (2 - len(kept)))
    lanes.select([configs[3]])
    assert list(kept) == [configs[2].key, configs[3].key], "the oldest went, the one that was shown stayed"
    assert lanes.put_aside == [config.key for config in configs[:2]]


# ---------------------------------------------------------------------------------- several processes at once


def test_as_many_engines_as_there_is_memory_for(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [Job((WIDE,), 1), *[Job((TINY, TINY.replace(seed=1)), 1)] * 9]
    small = memory.ENGINE_BYTES + memory.together([needed(TINY, *SHAPE)] * 2)
    large = memory.ENGINE_BYTES + total(WIDE, *SHAPE)
    for free, fit in ((0, 1), (large, 1), (large + small, 2), (large + 4.5 * small, 5), (10**12, 10), (None, 10)):
        monkeypatch.setattr(memory, "available", lambda free=free: free)
        assert Pool(jobs, processes=10)._fit() == fit
    with pytest.raises(ConfigError):
        memory.check([Need(2, 0)], 1)


SHAPE = memory.shape_of(pool.reading.read(None).words)


def test_there_are_never_more_engines_than_are_of_use() -> None:
    assert Pool([], processes=5_000).width("cpu") == 256
