"""The command loop: commands on standard input, frames on standard output, training in between.

Notable: a thread reads commands and a thread writes frames, so training waits for neither; the screen's
credit decides when the next update is measured; each lane that stands still has been measured where it
stands.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable

from ..config.values import ConfigError
from ..data import given
from ..data.reading import DataError
from ..stream import protocol
from ..stream.checked import Check, OwnProblem
from ..stream.milestones import is_milestone
from ..stream.protocol import Command, Message
from .clock import Clock
from .devices import device_of
from .inspect import inspect
from .lanes import Lanes
from .outbox import Outbox, Rates
from .own.answering import answer
from .own.target import OwnError
from .quick.compiled import Compiler
from .redraws import Starts, out_of_memory
from .training import Training
from .updates import Updates

LEAST_EPOCH = 100  # steps: measuring at the end of shorter ones would take a share of the time
NEWS_SECONDS = 1.0  # between two looks whether a person's files have changed
START_SECONDS = 0.01  # that a lane's start is worked on at a time


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
        self.clock = Clock()
        self.lanes = Lanes(self.clock, compiler)
        self._outbox = Outbox()
        self._rates = Rates()
        self._updates = Updates()
        self._about: Message | None = None  # what was last told of where the lane looked at has its data from
        self._starts: Starts | None = None  # once the screen wants them
        self._looked = 0.0  # when there was last looked for news

    def serve(self) -> None:
        """Run until the commands end."""
        while True:
            working = self._moving()
            if not working:
                self._update(idle=True)
            starting = not working and self._starting
            try:
                command = self._commands.get(not (working or starting), NEWS_SECONDS if self.lanes.have_news else None)
            except queue.Empty:
                self._look_for_news()
                if working:
                    self._work()
                elif starting:
                    self._start()
                continue
            if command is None:
                self.lanes.close()
                return
            try:
                self._obey(command)
            except (ConfigError, DataError) as error:
                self._problem(str(error))
            except OwnError as error:
                self._outbox.others.append(OwnProblem(text=error.sentence, lines=error.lines))
                self._updates.changed = True
            except (MemoryError, RuntimeError) as error:
                # These change no lane until they are done.
                safe = isinstance(command, protocol.Select | protocol.Evaluate | protocol.Inspect)
                if not (safe and out_of_memory(error)):
                    raise
                self._problem("there is not enough memory for this")

    def _look_for_news(self) -> None:
        """Tell what has changed of what lanes are made from, at most once a second."""
        now = time.monotonic()
        if self.lanes.have_news and now >= self._looked + NEWS_SECONDS:
            self._looked = now
            if news := self.lanes.news():
                self._outbox.others += news
                self._updates.changed = True

    # ---------------------------------------------------------------------------------------- commands

    def _obey(self, command: Command) -> None:
        match command:
            case protocol.Credit(after=after):
                self._updates.want(time.monotonic(), after)
                return
            case protocol.Measure():
                return
            case protocol.Words():
                given.keep(command.title, command.content)
                return
            case protocol.Select(lanes=configs, own=own):
                if bool(configs) == bool(own):
                    raise ConfigError("no network was named to be selected, or some of two kinds")
                self._settle()
                for lane in self.lanes.select(configs or own):
                    self._begun(lane)
                self._tell_about()
                self.clock.catching_up = True
                for lane in self.lanes.selected:
                    self._outbox.add(lane.latest)
            case protocol.Advance():
                self._advance(command)
            case protocol.Adjust(name=name, value=value):
                self._settle()
                for old, lane in self.lanes.adjust(name, value):
                    continues = old if lane.step else None
                    self._begun(lane, continues)
            case protocol.Pause():
                self._settle()
                self.clock.pause()
            case protocol.Restart():
                self._outbox.take()
                self._about = None
                self.lanes.restart()
                for lane in self.lanes.selected:
                    self._begun(lane)
                self._tell_about()
            case protocol.Evaluate():
                self._settle()
                self._evaluate()
            case protocol.Redraw():
                self._starts = self._starts or Starts()
            case Check():
                self._send(answer(command, device_of))
                return
            case protocol.Inspect():
                self._settle()
                if self.lanes.selected and not self.lanes.built:
                    raise ConfigError("a closer look is there for the networks that tuiinit builds, not for your own")
                self._outbox.others += [inspect(lane) for lane in self.lanes.built if not lane.ended]
        self._updates.changed = True
        self.clock.stride = 1  # other lanes may be slower

    def _advance(self, command: protocol.Advance) -> None:
        lead = next(iter(self.lanes.moving()), None)
        if lead is None:
            return
        clock = self.clock
        if command.steps is not None:
            clock.run_for(command.steps)
        elif command.epochs is not None:
            # The lead lane may still be behind the clock: count from the clock at its batch size.
            per_epoch = lead.steps_per_epoch
            if not per_epoch:
                raise ConfigError("the batches have no length, so that there are no epochs: count in steps")
            left = lead.steps_to_epoch_end if lead.step == clock.now else per_epoch - clock.now % per_epoch
            clock.run_for_epochs(command.epochs, end=clock.now + left, per_epoch=per_epoch)
        elif command.to is not None:
            clock.run_to(command.to)
        else:
            clock.run_on()
        self._rates.restart()

    def _begun(self, lane: Training, continues: str | None = None) -> None:
        """Tell of a lane that is new, or is called otherwise from here on."""
        self._outbox.others.append(lane.frame(continues))
        self._outbox.others += lane.notices()
        if not lane.step:
            self._outbox.add(lane.latest)

    def _tell_about(self) -> None:
        """Tell where the lane looked at has its data from, and what was forgotten for its sake."""
        if self.lanes.selected and (about := self.lanes.selected[0].about()) != self._about:
            self._about = about
            self._outbox.others.insert(0, about)
        if self.lanes.put_aside:
            self._outbox.others.append(protocol.PutAside(lanes=tuple(self.lanes.put_aside)))
            self.lanes.put_aside.clear()

    def _evaluate(self) -> None:
        for lane in self.lanes.selected:
            if not lane.ended:
                self._outbox.others.append(lane.evaluate())
                self._outbox.others += lane.notices()
        self._updates.changed = True

    def _problem(self, sentence: str) -> None:
        self._outbox.others.append(protocol.Problem(text=sentence))
        self._updates.changed = True

    # ---------------------------------------------------------------------------------------- training

    def _moving(self) -> bool:
        if self._outbox.full:
            return False
        behind = self.clock.catching_up and bool(self.lanes.behind())
        return behind or (self.clock.running and bool(self.lanes.moving()))

    def _work(self) -> None:
        """Some steps of every lane that has to move, then an update if the screen waits for one."""
        behind = self.lanes.behind()
        if behind:
            self._step(behind)
        else:
            started, steps = time.monotonic(), self.clock.tick()
            self._step(self.lanes.moving(), steps)
            self.clock.took((time.monotonic() - started) / steps)
            self.clock.stop_at_target()
            if any(lane.ended for lane in self.lanes.selected) and not self.lanes.moving():
                self.clock.stop_with(lane.step for lane in self.lanes.selected)
        self._update()

    def _step(self, lanes: list[Training], steps: int = 1) -> None:
        due = self._updates.due(time.monotonic())
        for together, stack in self.lanes.stacks.of(lanes):
            for left in reversed(range(steps)):
                step = together[0].step + 1
                last = self.clock.is_last(step) or is_milestone(step) or any(map(self._ends_epoch, together))
                measure = (due and not left) or last
                if stack is not None and not measure:
                    stack.train_step()
                    for lane in together:
                        self._stepped(lane)
                else:
                    for lane in together:
                        self._step_lane(lane, measure=measure)
                if any(lane.ended for lane in together):
                    together, stack = [lane for lane in together if not lane.ended], None
                if not together:
                    break
        if due:
            cost = sum(lane.latest.cost for lane in lanes if lane.latest is not None)
            self._updates.measured(time.monotonic(), cost)
        self._updates.changed = True  # also sent once the lanes stand still

    @staticmethod
    def _ends_epoch(lane: Training) -> bool:
        """Whether the next step ends an epoch that is long enough to be measured at its end."""
        return lane.steps_per_epoch >= LEAST_EPOCH and lane.steps_to_epoch_end == 1

    def _step_lane(self, lane: Training, *, measure: bool) -> None:
        self._stepped(lane, lane.train_step(measure=measure), measured=measure)

    def _stepped(self, lane: Training, snapshot: protocol.Snapshot | None = None, *, measured: bool = False) -> None:
        """A lane has taken a step, which was measured or not: keep what it tells."""
        self._outbox.add(snapshot)
        self._rates.add(snapshot.cost if snapshot is not None else 0.0)
        if measured or lane.trace_full or lane.ended:
            self._collect(lane)
        self._outbox.others += lane.notices()
        if lane.at_epoch_end and not lane.ended:
            try:
                self._outbox.others.append(lane.evaluate())
            except (MemoryError, RuntimeError) as error:  # it changes nothing: training goes on without it
                if not out_of_memory(error):
                    raise
                self._problem("there is not enough memory for the dev loss at the epoch's end")

    def _collect(self, lane: Training) -> None:
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
            if not lane.ended and (lane.latest is None or lane.latest.step != lane.step):
                self._step_lane(lane, measure=True)
            self._collect(lane)
        self.clock.follow(lane.step for lane in self.lanes.selected)
        # Lanes that run together stay together: the others follow by the same step.
        if self.clock.running:
            for lane in self.lanes.behind():
                if lane.step == self.clock.now - 1:
                    self._step_lane(lane, measure=True)
            self.clock.stop_at_target()

    # ------------------------------------------------------------------------------------------ starts

    @property
    def _starting(self) -> bool:
        """Whether a lane's start is worked on when nothing else is to do: once what was measured has gone out."""
        return (
            self._starts is not None and not self._updates.changed and self._starts.wanted(self.lanes.built) is not None
        )

    def _start(self) -> None:
        """Go on with a lane's start for so long that a key is not made to wait."""
        start = self._starts.work(self.lanes.built, START_SECONDS) if self._starts is not None else None
        if start is not None:
            self._outbox.others.append(start)
            self._updates.changed = True

    # ----------------------------------------------------------------------------------------- updates

    def _update(self, *, idle: bool = False) -> None:
        if not self._updates.ready(time.monotonic(), still=idle):
            return
        for lane in self.lanes.selected:
            self._collect(lane)
        for message in self._outbox.take():
            self._send(message)
        self._rates.tell()
        if idle:
            self._rates.restart()
        self._send(self._status())
        self._updates.sent(time.monotonic())
        if not idle:
            self.lanes.quicken()
            if self._starting:
                self._start()

    def _status(self) -> protocol.Status:
        behind = self.lanes.behind()
        return protocol.Status(
            running=self.clock.running and bool(self.lanes.moving()),
            catching_up=self.clock.catching_up and bool(behind),
            clock=self.clock.now,
            target=self.clock.target if self.clock.running else None,
            lanes=tuple(
                protocol.LaneStatus(
                    lane=lane.config.key,
                    step=lane.step,
                    epoch=lane.epoch,
                    steps_per_epoch=lane.steps_per_epoch,
                    diverged_at=lane.diverged_at,
                    failed=lane.failed,
                )
                for lane in self.lanes.selected
            ),
            steps_per_second=self._rates.steps_per_second,
            measuring=self._rates.measuring,
            quick=self.lanes.quick,
        )
