"""The command loop, driven as a screen drives it: commands in, frames out, one update a credit."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

from tests.engine.conftest import Make
from tests.engine.test_trainer import timeless
from tuiinit.config.run import RunConfig
from tuiinit.engine.server import LEAST_EPOCH, Server
from tuiinit.engine.trainer import Trainer
from tuiinit.stream import protocol as p
from tuiinit.stream import wire
from tuiinit.stream.milestones import ends_epoch
from tuiinit.stream.protocol import Command, Message, floats

TINY = RunConfig(hidden=(8, 8), embedding=2, device="cpu", batch_size=16)
SECONDS = 30.0  # that a test waits before it gives up
M = TypeVar("M", bound=Message)


class Commands(queue.Queue[Command | None]):
    """A queue that knows whether the server has obeyed all and waits for more."""

    _blocks = False

    def get(self, block: bool = True, timeout: float | None = None) -> Command | None:
        self._blocks = block
        return super().get(block, timeout)

    def _get(self) -> Command | None:  # under the queue's lock
        self._blocks = False
        return super()._get()  # type: ignore[misc, no-any-return]

    @property
    def awaited(self) -> bool:
        with self.mutex:
            return self._blocks and not self._qsize()


@dataclass
class Screen:
    """The other end of a server that runs in a thread."""

    commands: Commands = field(default_factory=Commands)
    frames: queue.Queue[Message] = field(default_factory=queue.Queue)

    def __post_init__(self) -> None:
        self.server = Server(self.commands, self.frames.put)
        self.thread = threading.Thread(target=self.server.serve, daemon=True)
        self.thread.start()

    def send(self, *commands: Command) -> None:
        for command in commands:
            self.commands.put(command)

    def update(self, *commands: Command) -> list[Message]:
        """Commands, one credit, and the frames of the update that it brings; its Status is the last."""
        self.send(*commands, p.Credit())
        frames: list[Message] = []
        while not (frames and isinstance(frames[-1], p.Status)):
            frames.append(self.frames.get(timeout=SECONDS))
        return frames

    def settled(self, *commands: Command) -> list[Message]:
        """The frames until nothing moves any more."""
        frames = self.update(*commands)
        while (status := frames[-1]) and isinstance(status, p.Status) and (status.running or status.catching_up):
            frames += self.update()
        return frames

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < deadline
            assert self.thread.is_alive()
            time.sleep(0.001)

    def idle(self) -> None:
        """Wait until all commands were obeyed and nothing moves."""
        self.until(lambda: self.commands.awaited)

    def end(self) -> None:
        self.commands.put(None)
        self.thread.join(SECONDS)
        assert not self.thread.is_alive()


@pytest.fixture
def screen() -> Iterator[Screen]:
    screen = Screen()
    yield screen
    screen.end()


def of(frames: list[Message], kind: type[M], lane: RunConfig | None = None) -> list[M]:
    return [f for f in frames if isinstance(f, kind) and (lane is None or f.lane == lane.key)]  # type: ignore[attr-defined]


def losses(frames: list[Message], lane: RunConfig) -> list[float]:
    """The lane's whole loss series; its pieces must follow each other."""
    found: list[float] = []
    for trace in of(frames, p.Trace, lane):
        assert trace.first_step == len(found) + 1
        found += floats(trace.loss).tolist()
    return found


def single(trainer: Make, config: RunConfig, steps: int) -> list[float]:
    """The loss series of a lane on its own."""
    lane = trainer(config)
    found: list[float] = []
    for _ in range(steps):
        lane.train_step()
        if lane.trace_full:
            found += lane.take_trace().loss.tolist()  # type: ignore[union-attr]
    if (trace := lane.take_trace()) is not None:
        found += trace.loss.tolist()
    return found


def status_of(frames: list[Message]) -> p.Status:
    assert isinstance(frames[-1], p.Status)
    return frames[-1]


# ------------------------------------------------------------------------------------------------ credit


def test_nothing_is_sent_without_credit(screen: Screen) -> None:
    screen.send(p.Select(lanes=(TINY,)), p.Advance(steps=50), p.Evaluate())
    screen.until(lambda: screen.server.clock.now == 50)
    screen.send(p.Pause(), p.Inspect(), p.Select(lanes=(TINY.replace(bn=True),)))
    screen.idle()
    assert screen.frames.empty()
    frames = screen.update()
    assert losses(frames, TINY)[:50] == losses(frames, TINY)
    assert len(of(frames, p.Status)) == 1


def test_one_update_a_credit(screen: Screen) -> None:
    screen.send(*[p.Credit()] * 5)
    screen.idle()
    assert screen.frames.empty()  # there is nothing to tell before a Select
    screen.send(p.Select(lanes=(TINY,)))
    screen.until(lambda: screen.frames.qsize() == 4)
    screen.send(p.Advance(steps=3))
    screen.until(lambda: screen.server.clock.now == 3)
    screen.idle()
    assert screen.frames.qsize() == 4
    screen.send(*[p.Credit()] * 3)  # while nothing changes, credit does not add up
    screen.idle()
    screen.send(p.Advance(steps=1))
    screen.until(lambda: screen.server.clock.now == 4)
    screen.idle()
    screen.send(p.Advance(steps=1))
    screen.until(lambda: screen.server.clock.now == 5)
    screen.idle()
    frames = [screen.frames.get() for _ in range(screen.frames.qsize())]
    assert len(of(frames, p.Status)) == 3


def test_updates_come_at_most_ten_a_second(screen: Screen) -> None:
    screen.update(p.Select(lanes=(TINY,)), p.Advance())
    started = time.monotonic()
    statuses = [status_of(screen.update()) for _ in range(6)]
    assert time.monotonic() - started >= 0.45
    clocks = [status.clock for status in statuses]
    assert clocks == sorted(set(clocks))
    assert all(status.running for status in statuses)
    assert statuses[-1].steps_per_second > 0
    assert 0 <= statuses[-1].measuring <= 1


def test_credit_that_waits_is_answered_once_all_stands_still(screen: Screen) -> None:
    screen.update(p.Select(lanes=(TINY,)))
    screen.send(p.Advance(steps=300), p.Credit(after=1e6))
    frames: list[Message] = []
    while not (frames and isinstance(frames[-1], p.Status)):
        frames.append(screen.frames.get(timeout=SECONDS))
    assert (status_of(frames).clock, status_of(frames).running) == (300, False)
    measured = [snapshot.step for snapshot in of(frames, p.Snapshot)]
    assert measured == [1, 2, 5, 10, 20, 50, 100, 200, 300], "nothing on the way is measured for a screen"


# ------------------------------------------------------------------------------------- select and advance


def test_first_select(screen: Screen) -> None:
    frames = screen.update(p.Select(lanes=(TINY,)))
    data, lane, snapshot, status = frames
    assert isinstance(lane, p.Lane)
    assert (lane.lane, lane.config, lane.continues) == (TINY.key, TINY, None)
    assert isinstance(data, p.DataInfo)
    assert (data.path, data.words, data.vocabulary[0]) == ("", 32_469, ".")
    assert isinstance(snapshot, p.Snapshot)
    assert (snapshot.lane, snapshot.step, snapshot.weights[0].update_data_log10) == (TINY.key, 0, None)
    assert isinstance(status, p.Status)
    assert (status.running, status.catching_up, status.clock, status.target) == (False, False, 0, None)
    (lane_status,) = status.lanes
    assert (lane_status.lane, lane_status.step, lane_status.epoch, lane_status.diverged_at) == (TINY.key, 0, 0.0, None)
    assert lane_status.steps_per_epoch == round(data.train / 16)
    other = screen.update(p.Select(lanes=(TINY.replace(gain=1),)))
    assert of(other, p.DataInfo) == []  # told once


def test_advance(screen: Screen, trainer: Make) -> None:
    frames = screen.update(p.Select(lanes=(TINY,)))
    frames += screen.settled(p.Advance(steps=7))
    assert status_of(frames).clock == 7
    frames += screen.settled(p.Advance(steps=1))
    assert status_of(frames).clock == 8
    frames += screen.settled(p.Advance(to=123))
    assert status_of(frames).clock == 123
    frames += screen.settled(p.Advance(to=100), p.Advance(steps=0))  # the clock does not go back
    assert status_of(frames).clock == 123
    assert losses(frames, TINY) == single(trainer, TINY, 123)
    steps = [snapshot.step for snapshot in of(frames, p.Snapshot)]
    assert {0, 1, 2, 5, 7, 8, 10, 20, 50, 100, 123} <= set(steps)
    assert steps == sorted(steps)
    lane = trainer(TINY)
    for _ in range(122):
        lane.train_step()
    lane.initial_loss = of(frames, p.Snapshot)[0].loss
    assert timeless(of(frames, p.Snapshot)[-1]) == timeless(lane.train_step(measure=True))


def test_advances_in_a_burst_add_up(screen: Screen) -> None:
    config = TINY.replace(batch_size=1_000)
    per_epoch = status_of(screen.update(p.Select(lanes=(config,)))).lanes[0].steps_per_epoch
    assert status_of(screen.settled(*[p.Advance(steps=1)] * 5)).clock == 5
    assert status_of(screen.settled(*[p.Advance(epochs=1)] * 2)).clock == 2 * per_epoch
    frames = screen.settled(p.Advance(steps=per_epoch), p.Advance(epochs=1), p.Advance(steps=2))
    assert status_of(frames).clock == 4 * per_epoch + 2, "an end that is reached exactly is not the next end"
    # What runs without an end, and what was paused, has no target to add to.
    screen.update(p.Advance())
    paused = screen.settled(p.Advance(steps=10_000), p.Pause())
    clock = status_of(paused).clock
    assert status_of(screen.settled(p.Advance(steps=3))).clock == clock + 3


def test_epochs_end_with_an_evaluation(screen: Screen) -> None:
    config = TINY.replace(batch_size=20_000)
    screen.update(p.Select(lanes=(config,)))
    per_epoch = status_of(screen.update(p.Advance(steps=3))).lanes[0].steps_per_epoch
    frames = screen.settled(p.Advance(epochs=1))
    assert status_of(frames).clock == per_epoch
    assert status_of(frames).lanes[0].epoch == 1
    assert [e.step for e in of(frames, p.Evaluation)] == [per_epoch]
    frames = screen.settled(p.Advance(epochs=2))
    assert status_of(frames).clock == 3 * per_epoch
    assert [e.step for e in of(frames, p.Evaluation)] == [2 * per_epoch, 3 * per_epoch]


def test_what_is_found_at_an_epochs_end_is_told_though_it_goes_on(screen: Screen) -> None:
    config = TINY.replace(batch_size=1_800)
    per_epoch = status_of(screen.update(p.Select(lanes=(config,)))).lanes[0].steps_per_epoch
    assert per_epoch >= LEAST_EPOCH
    frames = screen.settled(p.Advance(steps=per_epoch + 3))
    found = {snapshot.step: snapshot.epoch for snapshot in of(frames, p.Snapshot)}
    assert found[per_epoch] == 1
    assert ends_epoch(found[per_epoch])
    assert not ends_epoch(found[per_epoch + 3])


def test_no_memory_for_the_dev_loss_at_an_epochs_end(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(lane: Trainer) -> p.Evaluation:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(Trainer, "evaluate", refuse)
    screen.update(p.Select(lanes=(TINY.replace(batch_size=20_000),)))
    frames = screen.settled(p.Advance(epochs=2))
    assert not of(frames, p.Evaluation)
    assert {(problem.text, problem.fatal) for problem in of(frames, p.Problem)} == {
        ("there is not enough memory for the dev loss at the epoch's end", False)
    }
    assert status_of(frames).lanes[0].epoch == 2


def test_pause_stops_after_one_measured_step(screen: Screen, trainer: Make) -> None:
    frames = screen.update(p.Select(lanes=(TINY,)))
    frames += screen.update(p.Advance())
    frames += screen.update()
    frames += screen.update(p.Pause())
    if status_of(frames).running:  # that update was on its way
        frames += screen.update(p.Pause())
    status = status_of(frames)
    assert not status.running
    assert status.clock == status.lanes[0].step == of(frames, p.Snapshot)[-1].step == len(losses(frames, TINY))
    assert losses(frames, TINY) == single(trainer, TINY, status.clock)
    screen.idle()
    assert screen.server.clock.now == status.clock


def test_a_target_is_met_whatever_comes_on_the_way() -> None:
    """A command makes an unmeasured lane take one measured step; at the last one the clock must stop."""
    interruptions = [p.Evaluate(), p.Inspect(), p.Adjust(name="lr", value=0.01), p.Select(lanes=(TINY,))]
    for command in interruptions:
        for steps in (5, 8, 9):
            server = Server(queue.Queue(), lambda message: None)
            server._obey(p.Select(lanes=(TINY,)))
            server._obey(p.Advance(steps=10))
            for _ in range(steps):
                server.clock.stride = 1
                server._work()
            server._obey(command)
            while server._moving():
                server._work()
            assert server.clock.now == 10, (command, steps)
            (lane,) = server.lanes.selected
            assert lane.step == 10
            assert lane.latest is not None
            assert lane.latest.step == 10


# -------------------------------------------------------------------------------------------- many lanes


def test_eight_lanes_equal_eight_single_runs(screen: Screen, trainer: Make) -> None:
    lanes = tuple(TINY.replace(gain=gain, bn=bn) for gain in (0.5, 1.0, 5 / 3, 3.0) for bn in (False, True))
    frames = screen.update(p.Select(lanes=lanes))
    frames += screen.settled(p.Advance(steps=40))
    for lane in lanes:
        assert losses(frames, lane) == single(trainer, lane, 40)
        assert of(frames, p.Snapshot, lane)[-1].step == 40
    assert [lane.lane for lane in status_of(frames).lanes] == [lane.key for lane in lanes]
    assert {lane.step for lane in status_of(frames).lanes} == {40}


@pytest.mark.parametrize("seconds", [0.0, 1e9], ids=["step by step", "in strides"])
def test_lanes_take_turns_of_some_steps(
    screen: Screen, trainer: Make, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    monkeypatch.setattr("tuiinit.engine.clock.STRIDE_SECONDS", seconds)
    lanes = (TINY, TINY.replace(bn=True))
    frames = screen.update(p.Select(lanes=lanes))
    frames += screen.settled(p.Advance(steps=203))
    steps = [{snapshot.step for snapshot in of(frames, p.Snapshot, lane)} for lane in lanes]
    assert steps[0] == steps[1], "they are measured at the same steps"
    assert {0, 1, 2, 5, 10, 20, 50, 100, 200, 203} <= steps[0]
    assert max(steps[0]) == 203
    for lane in lanes:
        assert losses(frames, lane) == single(trainer, lane, 203)
    status = status_of(frames)
    assert (status.clock, status.running) == (203, False)


def test_a_new_lane_catches_up_and_is_kept(screen: Screen, trainer: Make) -> None:
    other = TINY.replace(bn=True)
    frames = screen.update(p.Select(lanes=(TINY,)))
    frames += screen.settled(p.Advance(steps=1_200))
    first = screen.server.lanes.selected[0]
    frames += screen.update(p.Select(lanes=(other,)))
    status = status_of(frames)
    assert (status.catching_up, status.running, status.clock) == (True, False, 1_200)
    assert status.lanes[0].step < 1_200
    frames += screen.update(p.Pause())  # interrupted
    if status_of(frames).catching_up:
        frames += screen.update(p.Pause())
    status = status_of(frames)
    assert not status.catching_up
    assert status.clock == 1_200
    assert 0 < status.lanes[0].step < 1_200
    assert of(frames, p.Snapshot, other)[-1].step == status.lanes[0].step
    frames += screen.settled(p.Advance(steps=0))  # and continued
    assert (status_of(frames).clock, status_of(frames).lanes[0].step) == (1_200, 1_200)
    assert losses(frames, other) == single(trainer, other, 1_200)

    back = screen.update(p.Select(lanes=(TINY,)))  # kept: nothing is trained again
    assert screen.server.lanes.selected[0] is first
    assert (status_of(back).catching_up, status_of(back).lanes[0].step) == (False, 1_200)
    assert of(back, p.Lane) == of(back, p.Trace) == []
    assert [s.step for s in of(back, p.Snapshot)] == [1_200]


def test_lanes_that_run_together_stay_together(screen: Screen) -> None:
    pair = (TINY, TINY.replace(bn=True))
    screen.update(p.Select(lanes=pair), p.Advance())
    for command in (p.Evaluate(), p.Adjust(name="lr", value=0.05), p.Inspect(), p.Pause()):
        frames = screen.update()
        assert len({lane.step for lane in status_of(frames).lanes}) == 1
        screen.send(command)
    frames = screen.settled()
    assert len({lane.step for lane in status_of(frames).lanes}) == 1
    assert status_of(frames).clock == status_of(frames).lanes[0].step


def test_the_same_lane_twice_is_one(screen: Screen) -> None:
    frames = screen.update(p.Select(lanes=(TINY, TINY)))
    assert len(status_of(frames).lanes) == 1
    pair = (TINY.replace(lr=0.3), TINY.replace(lr=0.2))
    frames = screen.update(p.Select(lanes=pair), p.Adjust(name="lr", value=0.2))
    assert [lane.lane for lane in status_of(frames).lanes] == [pair[1].key]


# ------------------------------------------------------------------------------------- adjust and restart


def test_adjust(screen: Screen, trainer: Make) -> None:
    frames = screen.update(p.Select(lanes=(TINY,)))
    frames += screen.settled(p.Advance(steps=9))
    answer = screen.settled(p.Adjust(name="optimizer", value="adam"), p.Adjust(name="lr", value=0.01))
    one, two = of(answer, p.Lane)
    assert (one.continues, two.continues) == (TINY.key, one.lane)
    assert two.config == TINY.changed(9, "optimizer", "adam").changed(9, "lr", 0.01)
    assert status_of(answer).lanes[0].lane == two.config.key
    frames += answer + screen.settled(p.Advance(steps=6))
    after = of(frames, p.Trace, two.config)
    assert after[0].first_step == 10
    found = losses(frames, TINY) + [x for trace in after for x in floats(trace.loss).tolist()]
    assert found == single(trainer, two.config, 15)
    last = of(frames, p.Snapshot)[-1]
    assert (last.step, last.optimizer, last.lr) == (15, "adam", 0.01)
    assert of(screen.update(p.Adjust(name="lr", value=0.01)), p.Lane) == []  # no change, no new lane


def test_adjusting_at_the_start_is_another_lane(screen: Screen) -> None:
    screen.update(p.Select(lanes=(TINY,)))
    frames = screen.update(p.Adjust(name="batch_size", value=4))
    (lane,) = of(frames, p.Lane)
    assert (lane.config, lane.continues) == (TINY.replace(batch_size=4), None)
    (snapshot,) = of(frames, p.Snapshot)
    assert (snapshot.lane, snapshot.step, snapshot.batch_size) == (lane.lane, 0, 4)


def test_restart(screen: Screen, trainer: Make) -> None:
    pair = (TINY, TINY.replace(gain=3))
    screen.update(p.Select(lanes=pair))
    screen.settled(p.Advance(steps=30))
    frames = screen.update(p.Restart())
    assert (status_of(frames).clock, [lane.step for lane in status_of(frames).lanes]) == (0, [0, 0])
    assert [lane.config for lane in of(frames, p.Lane)] == list(pair)
    assert [(s.lane, s.step) for s in of(frames, p.Snapshot)] == [(c.key, 0) for c in pair]
    frames += screen.settled(p.Advance(steps=5))
    assert losses(frames, TINY) == single(trainer, TINY, 5)


# ------------------------------------------------------------------------------------------ what fails


def test_bad_commands_are_problems_and_serving_goes_on(screen: Screen, tmp_path: Path) -> None:
    screen.update(p.Select(lanes=(TINY,)))
    bad: list[tuple[Command, str]] = [
        (p.Select(lanes=(TINY.replace(data=str(tmp_path / "none.txt")),)), "No such file"),
        (p.Select(lanes=()), "no network"),
        (p.Adjust(name="gain", value=2.0), "gain cannot change"),
        (p.Adjust(name="lr", value=-1.0), "lr must be"),
        (p.Adjust(name="lr", value="fast"), "lr must be"),
        (p.Adjust(name="optimizer", value="magic"), "optimizer must be one of"),
        (p.Adjust(name="optimizer", value=3), "optimizer must be one of"),
        (p.Adjust(name="batch_size", value=2.5), "batch_size must be a whole number"),
        (p.Adjust(name="batch_size", value=0), "batch_size must be"),
    ]
    for advanced in (False, True):
        for command, sentence in bad:
            frames = screen.update(command)
            (problem,) = of(frames, p.Problem)
            assert sentence in problem.text
            assert "\n" not in problem.text
            assert not problem.fatal
            assert [lane.lane for lane in status_of(frames).lanes] == [TINY.key]
        if not advanced:
            assert status_of(screen.settled(p.Advance(steps=4))).clock == 4


def test_commands_before_any_lane_is_selected(screen: Screen) -> None:
    commands: list[Command] = [p.Advance(), p.Pause(), p.Evaluate(), p.Inspect(), p.Restart()]
    for command in (*commands, p.Adjust(name="lr", value=0.1)):
        assert status_of(screen.update(command)).lanes == ()
    assert status_of(screen.update(p.Select(lanes=(TINY,)))).lanes[0].step == 0


def test_a_diverged_lane_stops_and_the_others_go_on(screen: Screen, trainer: Make) -> None:
    wild = TINY.replace(nonlinearity="linear", lr=1e4, output_scale=1.0)
    frames = screen.update(p.Select(lanes=(wild, TINY)))
    frames += screen.settled(p.Advance(steps=300))
    first, second = status_of(frames).lanes
    blind = trainer(wild)
    for _ in range(200):
        blind.train_step()
    blind.take_trace()
    assert first.diverged_at == first.step == blind.diverged_at
    assert (second.step, second.diverged_at) == (300, None)
    assert len(losses(frames, wild)) == first.step - 1
    assert np.isfinite(losses(frames, wild)).all()
    assert of(frames, p.Snapshot, wild)[-1].step < first.step

    alone = screen.settled(p.Select(lanes=(wild,)), p.Advance())  # nothing can move: it says so, and waits
    assert not status_of(alone).running
    assert status_of(alone).lanes[0].diverged_at == first.step
    answer = screen.settled(p.Evaluate(), p.Inspect(), p.Adjust(name="lr", value=0.1), p.Pause())
    assert of(answer, p.Evaluation) == of(answer, p.Inspection) == []
    assert status_of(screen.settled(p.Select(lanes=(TINY,)), p.Advance(steps=1))).clock == 301


def test_a_lane_that_cannot_even_start(screen: Screen) -> None:
    broken = TINY.replace(nonlinearity="linear", gain=1e30)
    frames = screen.settled(p.Select(lanes=(broken,)), p.Advance(steps=5))
    assert of(frames, p.Snapshot) == []
    assert status_of(frames).lanes[0].diverged_at == 1
    assert not status_of(frames).running
    frames = screen.settled(p.Select(lanes=(TINY,)), p.Advance(steps=5))
    assert status_of(frames).lanes[0].step >= 5


def test_evaluate_and_inspect(screen: Screen) -> None:
    pair = (TINY, TINY.replace(bn=True))
    screen.update(p.Select(lanes=pair))
    frames = screen.settled(p.Advance(steps=3), p.Evaluate(), p.Inspect())
    assert [(e.lane, e.step) for e in of(frames, p.Evaluation)][-2:] == [(c.key, e.step) for c, e in zip(
        pair, of(frames, p.Evaluation)[-2:], strict=True)]  # fmt: skip
    assert [i.lane for i in of(frames, p.Inspection)] == [c.key for c in pair]


def test_a_frame_survives_the_journey(screen: Screen) -> None:
    frames: list[Any] = screen.settled(
        p.Select(lanes=(TINY, TINY.replace(bn=True))), p.Advance(steps=2), p.Evaluate(), p.Inspect()
    )
    for frame in frames:
        assert wire.frame_from(wire.pack(frame)[4:]) == frame
