"""The command loop: commands on standard input, frames on standard output, training in between.

Notable: a thread reads commands and a thread writes frames, so training waits for neither; the screen's
credit decides when the next update is measured; each lane that stands still has been measured where it
stands.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO, NoReturn

import torch

from .. import __version__, protocol
from ..config import ConfigError
from ..data import given
from ..data.reading import DataError
from ..protocol import Command, Message, Snapshot
from .compiled import Compiler
from .inspect import inspect
from .lanes import Lanes, is_milestone
from .redraws import Starts, out_of_memory
from .trainer import Trainer

STRIDE = 8  # steps that a lane takes before it is another's turn: what it works on stays in the cache
STRIDE_SECONDS = 0.02  # that all lanes' turns may take: commands wait for them
UPDATE_INTERVAL = 0.15  # seconds between updates, at least: about seven a second keep within 70 kB/s to a terminal
MEASURING_SHARE = 0.05  # of the time: updates come less often when measuring would cost more
START_SECONDS = 0.01  # that a lane's start is worked on at a time
RATE_WINDOW = 1.0  # seconds over which steps per second and the measuring share are told
MAX_PENDING = 64  # snapshots of a lane that wait for credit; beyond, the oldest goes
MAX_WAITING = 2**20  # steps of traces that wait for credit (a screen that is suspended); beyond, training waits too
END_SECONDS = 5.0  # that what was asked for may take after the commands have ended, whatever it is: nobody waits for it


@dataclass
class Outbox:
    """What waits for the screen's credit: lanes' traces and snapshots."""

    snapshots: dict[str, list[Snapshot]] = field(default_factory=dict)
    traces: list[protocol.Trace] = field(default_factory=list)
    others: list[Message] = field(default_factory=list)
    steps: int = 0  # of all traces together

    @property
    def full(self) -> bool:
        """Whether no more traces should come before these have gone."""
        return self.steps >= MAX_WAITING

    def trace(self, trace: protocol.Trace) -> None:
        """Keep a trace."""
        self.traces.append(trace)
        self.steps += len(trace.loss) // 4

    def add(self, snapshot: Snapshot | None) -> None:
        """Keep a snapshot, the oldest dropped when too many wait."""
        if snapshot is not None:
            waiting = self.snapshots.setdefault(snapshot.lane, [])
            if not waiting or waiting[-1] != snapshot:
                waiting.append(snapshot)
            del waiting[:-MAX_PENDING]

    def take(self) -> list[Message]:
        """Everything, in the order in which a screen wants it; the box is empty after."""
        messages = [*self.others, *self.traces]
        for waiting in self.snapshots.values():
            messages += waiting
        self.others, self.traces, self.snapshots, self.steps = [], [], {}, 0
        return messages


class Rates:
    """Steps per second and the share of time that measuring takes, over the last second or so."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._steps = 0
        self._measuring = 0.0
        self.steps_per_second = 0.0
        self.measuring = 0.0

    def add(self, measuring: float) -> None:
        """Count one step and the seconds that measuring took in it."""
        self._steps += 1
        self._measuring += measuring

    def tell(self) -> None:
        """Refresh the figures when a window is over."""
        elapsed = time.monotonic() - self._started
        if elapsed >= RATE_WINDOW or (self.steps_per_second == 0 and elapsed > 0.2):
            self.steps_per_second = self._steps / elapsed
            self.measuring = min(1.0, self._measuring / elapsed)
            self.restart()

    def restart(self) -> None:
        """Begin a window now: after standing still."""
        self._started, self._steps, self._measuring = time.monotonic(), 0, 0.0


class Server:
    """Obeys commands and trains; what it has to say goes to `send`.

    Args:
        commands: decoded commands; None ends the server.
        send: takes a frame without blocking.
        compiler: compiles steps in the background; None leaves them plain.
    """

    def __init__(
        self,
        commands: queue.Queue[Command | None],
        send: Callable[[Message], None],
        compiler: Compiler | None = None,
    ) -> None:
        self._commands = commands
        self._send = send
        self.lanes = Lanes(compiler)
        self._outbox = Outbox()
        self._rates = Rates()
        self._target: int | None = None  # the clock stops there
        self._running = False  # the clock moves
        self._catching_up = False  # lanes may move towards the clock
        self._credit = 0
        self._stride = 1  # steps that lanes take in turn
        self._due = 0.0  # when the next update may be measured
        self._measured = False  # the lanes that move were just measured for the next update
        self._changed = False  # something happened since the last update
        self._told_data: str | None = None
        self._starts: Starts | None = None  # once the screen wants them

    def serve(self) -> None:
        """Run until the commands end."""
        while True:
            working = self._moving()
            if not working:
                self._update(idle=True)
            starting = not working and self._starting
            try:
                command = self._commands.get(block=not (working or starting))
            except queue.Empty:
                if working:
                    self._work()
                else:
                    self._start()
                continue
            if command is None:
                return
            try:
                self._obey(command)
            except (ConfigError, DataError) as error:
                self._problem(str(error))
            except (MemoryError, RuntimeError) as error:
                # These change no lane until they are done.
                safe = isinstance(command, protocol.Select | protocol.Evaluate | protocol.Inspect)
                if not (safe and out_of_memory(error)):
                    raise
                self._problem("there is not enough memory for this")

    # ---------------------------------------------------------------------------------------- commands

    def _obey(self, command: Command) -> None:
        match command:
            case protocol.Credit():
                self._credit = 1
                return
            case protocol.Words():
                given.keep(command.title, command.content)
                return
            case protocol.Select(lanes=configs):
                if not configs:
                    raise ConfigError("no lane was named to be selected")
                self._settle()
                new = self.lanes.select(configs)
                for lane in new:
                    self._outbox.others.append(protocol.Lane(lane=lane.config.key, config=lane.config))
                    self._outbox.add(lane.latest)
                self._tell_data()
                self._catching_up = True
                for lane in self.lanes.selected:
                    self._outbox.add(lane.latest)
            case protocol.Advance():
                self._advance(command)
            case protocol.Adjust(name=name, value=value):
                self._settle()
                for old, lane in self.lanes.adjust(name, value):
                    continues = old if lane.step else None
                    self._outbox.others.append(
                        protocol.Lane(lane=lane.config.key, config=lane.config, continues=continues)
                    )
                    if not lane.step:
                        self._outbox.add(lane.latest)
            case protocol.Pause():
                self._settle()
                self._running = self._catching_up = False
            case protocol.Restart():
                self._running = self._catching_up = False
                self._outbox.take()
                self.lanes.restart()
                for lane in self.lanes.selected:
                    self._outbox.others.append(protocol.Lane(lane=lane.config.key, config=lane.config))
                    self._outbox.add(lane.latest)
            case protocol.Evaluate():
                self._settle()
                self._evaluate()
            case protocol.Redraw():
                self._starts = self._starts or Starts()
            case protocol.Inspect():
                self._settle()
                self._outbox.others += [inspect(lane) for lane in self.lanes.moving()]
        self._changed = True
        self._stride = 1  # other lanes may be slower

    def _advance(self, command: protocol.Advance) -> None:
        lead = next(iter(self.lanes.moving()), None)
        if lead is None:
            return
        clock = self.lanes.clock
        if command.steps is not None:
            self._target = clock + max(0, command.steps)
        elif command.epochs is not None:
            # The lead lane may still be behind the clock: count from the clock at its batch size.
            per_epoch = lead.steps_per_epoch
            ahead = lead.steps_to_epoch_end if lead.step == clock else per_epoch - clock % per_epoch
            self._target = clock + ahead + per_epoch * (max(1, command.epochs) - 1)
        elif command.to is not None:
            self._target = max(clock, command.to)
        else:
            self._target = None
        self._running = self._target is None or self._target > clock
        self._catching_up = True
        self._rates.restart()

    def _tell_data(self) -> None:
        text = self.lanes.selected[0].dataset.text
        told = f"{self.lanes.selected[0].config.data}\0{self.lanes.selected[0].config.column}\0{len(text.train)}"
        if told != self._told_data:
            self._told_data = told
            self._outbox.others.append(
                protocol.DataInfo(
                    path=text.path,
                    words=text.words,
                    repeats=text.repeats,
                    in_both=text.in_both,
                    left_out=tuple(protocol.LeftOut(why=why, lines=n) for why, n in text.source.left_out.items() if n),
                    left_out_examples=tuple(text.source.examples),
                    vocabulary=text.vocabulary,
                    train=len(text.train),
                    dev=len(text.dev),
                    test=len(text.test),
                    unigram=text.unigram,
                    bigram=text.bigram,
                )
            )

    def _evaluate(self) -> None:
        for lane in self.lanes.selected:
            if lane.diverged_at is None:
                self._outbox.others.append(lane.evaluate())
        self._changed = True

    def _problem(self, sentence: str) -> None:
        self._outbox.others.append(protocol.Problem(text=sentence))
        self._changed = True

    # ---------------------------------------------------------------------------------------- training

    def _moving(self) -> bool:
        if self._outbox.full:
            return False
        return (self._catching_up and bool(self.lanes.behind())) or (self._running and bool(self.lanes.moving()))

    def _work(self) -> None:
        """Some steps of every lane that has to move, then an update if the screen waits for one."""
        behind = self.lanes.behind()
        if behind:
            self._step(behind, self.lanes.clock)
        else:
            stride, started = self._stride, time.monotonic()
            if self._target is not None:
                stride = min(stride, self._target - self.lanes.clock)
            self.lanes.clock += stride
            self._step(self.lanes.moving(), self.lanes.clock, stride)
            each = (time.monotonic() - started) / stride
            self._stride = max(1, min(STRIDE, int(STRIDE_SECONDS / max(each, 1e-6))))
            if self._running and self._target is not None and self.lanes.clock >= self._target:
                self._running = False
            if any(lane.diverged_at is not None for lane in self.lanes.selected) and not self.lanes.moving():
                self._running = False
                self.lanes.clock = max(lane.step for lane in self.lanes.selected)
        self._update()

    def _step(self, lanes: list[Trainer], clock: int, stride: int = 1) -> None:
        due = self._credit > 0 and time.monotonic() >= self._due
        for lane in lanes:
            for left in reversed(range(stride)):
                step = lane.step + 1
                last = step == clock and (step == self._target or not self._running)
                self._step_lane(lane, measure=(due and not left) or last or is_milestone(step))
                if lane.diverged_at is not None:
                    break
        if due:
            cost = sum(lane.latest.cost for lane in lanes if lane.latest is not None)
            self._due = time.monotonic() + max(UPDATE_INTERVAL, cost / MEASURING_SHARE)
            self._measured = True
        self._changed = True  # also told once the lanes stand still

    def _step_lane(self, lane: Trainer, *, measure: bool) -> None:
        snapshot = lane.train_step(measure=measure)
        self._outbox.add(snapshot)
        self._rates.add(snapshot.cost if snapshot is not None else 0.0)
        if measure or lane.trace_full:
            self._collect(lane)
        if lane.at_epoch_end and lane.diverged_at is None:
            try:
                self._outbox.others.append(lane.evaluate())
            except (MemoryError, RuntimeError) as error:  # it changes nothing: training goes on without it
                if not out_of_memory(error):
                    raise
                self._problem("there is not enough memory for the dev loss at the epoch's end")

    def _collect(self, lane: Trainer) -> None:
        block = lane.take_trace()
        if block is not None and len(block.loss):
            self._outbox.trace(
                protocol.Trace(
                    lane=lane.config.key,
                    first_step=block.first_step,
                    loss=block.loss.astype("<f4").tobytes(),
                    update_data=block.update_data.astype("<f4").tobytes(),
                )
            )

    def _settle(self) -> None:
        """Leave no selected lane unmeasured where it stands: one more step for those that moved on."""
        for lane in self.lanes.selected:
            if lane.diverged_at is None and (lane.latest is None or lane.latest.step != lane.step):
                self._step_lane(lane, measure=True)
            self._collect(lane)
        self.lanes.clock = max([self.lanes.clock, *(lane.step for lane in self.lanes.selected)])
        # Lanes that run together stay together: the others follow by the same step.
        if self._running:
            for lane in self.lanes.behind():
                if lane.step == self.lanes.clock - 1:
                    self._step_lane(lane, measure=True)
            if self._target is not None and self.lanes.clock >= self._target:
                self._running = False

    # ------------------------------------------------------------------------------------------ starts

    @property
    def _starting(self) -> bool:
        """Whether a lane's start is worked on when nothing else is to do: once what was measured has gone out."""
        return self._starts is not None and not self._changed and self._starts.wanted(self.lanes.selected) is not None

    def _start(self) -> None:
        """Go on with a lane's start for so long that a key is not made to wait."""
        told = self._starts.work(self.lanes.selected, START_SECONDS) if self._starts is not None else None
        if told is not None:
            self._outbox.others.append(told)
            self._changed = True

    # ----------------------------------------------------------------------------------------- updates

    def _update(self, *, idle: bool = False) -> None:
        if not (self._credit and self._changed and (idle or self._measured)):
            return
        for lane in self.lanes.selected:
            self._collect(lane)
        for message in self._outbox.take():
            self._send(message)
        self._rates.tell()
        if idle:
            self._rates.restart()
        self._send(self._status())
        self._credit -= 1
        self._changed = self._measured = False
        if not idle:
            self.lanes.quicken()
            if self._starting:
                self._start()

    def _status(self) -> protocol.Status:
        behind = self.lanes.behind()
        return protocol.Status(
            running=self._running and bool(self.lanes.moving()),
            catching_up=self._catching_up and bool(behind),
            clock=self.lanes.clock,
            target=self._target if self._running else None,
            lanes=tuple(
                protocol.LaneStatus(
                    lane=lane.config.key,
                    step=lane.step,
                    epoch=lane.epoch,
                    steps_per_epoch=lane.steps_per_epoch,
                    diverged_at=lane.diverged_at,
                )
                for lane in self.lanes.selected
            ),
            steps_per_second=self._rates.steps_per_second,
            measuring=self._rates.measuring,
            quick=self.lanes.quick,
        )


def main(*, compile_steps: bool = False) -> NoReturn:
    """Serve the protocol on standard input and output until the input ends; ends the process."""
    torch.set_num_threads(1)  # at this size one thread is as fast as many, and leaves the rest to others
    torch.set_flush_denormal(True)  # a signal that has all but vanished, deep down, would take a hundred times as long
    frames, source = _own_streams()
    outgoing: queue.Queue[bytes | None] = queue.Queue()
    commands: queue.Queue[Command | None] = queue.Queue()

    def send(message: Message) -> None:
        outgoing.put(protocol.pack(message))

    writer = threading.Thread(target=_write, args=(frames, outgoing), daemon=True)

    def listen() -> None:
        try:
            _read(source, commands, send)
            time.sleep(END_SECONDS)  # a server that is not blocked ends the process before
        finally:  # also without the memory for a command: an engine that no longer listens must not stay
            os._exit(0)

    reader = threading.Thread(target=listen, daemon=True)
    send(
        protocol.Hello(
            version=protocol.VERSION,
            program=__version__,
            torch=str(torch.__version__),
            device=torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
            threads=torch.get_num_threads(),
            pid=os.getpid(),
        )
    )
    writer.start()
    reader.start()
    code = 0
    try:
        Server(commands, send, Compiler() if compile_steps else None).serve()
    except KeyboardInterrupt:
        code = 130
    except Exception as error:
        sentence = "out of memory" if out_of_memory(error) else repr(error)
        send(protocol.Problem(text=f"the engine stopped: {sentence}", fatal=True))
        import traceback

        traceback.print_exc()
        code = 1
    outgoing.put(None)
    writer.join(timeout=2)
    sys.stderr.flush()
    os._exit(code)  # nothing is left to save, and to tear PyTorch down takes longer than a screen waits


def _own_streams() -> tuple[BinaryIO, BinaryIO]:
    """Keep file descriptor 1 for frames alone: what any library prints goes to standard error."""
    frames = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    source = os.fdopen(os.dup(0), "rb")
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    return frames, source


def _read(source: BinaryIO, commands: queue.Queue[Command | None], send: Callable[[Message], None]) -> None:
    try:
        while (body := protocol.read_body(source)) is not None:
            commands.put(protocol.command_from(body))
    except (protocol.ProtocolError, OSError) as error:
        send(protocol.Problem(text=f"the engine cannot read its commands: {error}", fatal=True))
    commands.put(None)


def _write(frames: BinaryIO, outgoing: queue.Queue[bytes | None]) -> None:
    while (data := outgoing.get()) is not None:
        try:
            view = memoryview(data)
            while view:
                view = view[frames.write(view) :]
        except (OSError, MemoryError):  # nobody listens any more, or nothing can be said any more
            os._exit(0)
