"""What the screen knows, and what it says to the engine: pure state, without Textual.

`Session.take` takes a frame and tells which panes changed; the other methods are what a person does, and
give the commands to send. The drawing code only reads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from ..config.configuration import Configuration
from ..config.own import OwnConfig
from ..config.values import ConfigError
from ..insight.word_counts import left_out, lines_left_out
from ..stream.checked import OwnProblem
from ..stream.misfit import misfit
from ..stream.own import PutAside
from ..stream.protocol import (
    Adjust,
    Advance,
    Credit,
    DataInfo,
    Evaluate,
    Evaluation,
    Frame,
    Hello,
    Inspect,
    Inspection,
    Lane,
    Measure,
    Pause,
    Problem,
    Pulse,
    Redraw,
    Restart,
    Select,
    Snapshot,
    Start,
    Status,
    Trace,
)
from .amount import Amount
from .attached import NOT_ATTACHED, READ_ONLY, Attached
from .changed import Changed, Commands, Notice
from .looking import Looking
from .own import OwnFrame

RECORDED = "this is a recording, nothing trains here: `tuiinit --resume` goes on from it"
MUCH = 300  # steps that are not dropped on one key
NOT_HELD = "the recording holds no such network; `tuiinit --resume` trains it"


class Session(Looking):
    """One sitting, as it changes by what the engine tells and by what a person does."""

    # -------------------------------------------------------------------------------------------- frames

    def take(self, frame: Frame, *, keep: bool = False) -> Changed:
        """Take a frame from the engine; tells what no longer shows the truth. What cannot be is refused, and said.

        Args:
            keep: a snapshot is worth coming back to, though no milestone and nobody paused there.
        """
        about = self.lanes.get(getattr(frame, "lane", ""))
        fault = misfit(frame, about.shape if about is not None else None)
        if fault is not None:
            return self.say(f"The engine told of {fault}: refused.", "warn")
        if isinstance(frame, Status):
            return self._take_status(frame)
        if isinstance(frame, Lane):
            return self._take_lane(frame)
        if isinstance(frame, Trace | Snapshot | Evaluation | Inspection | Start):
            return self._take_measure(frame, keep or not self.running)
        if isinstance(frame, Hello):
            self.hello = frame
            return Changed.HEADER
        if isinstance(frame, DataInfo):
            if self.resuming and self.data is not None and self.data != frame:
                self.say(
                    "The words are not those that this session began with: its numbers will not come again.", "warn"
                )
            self.data = frame
            if lines_left_out(frame, empty=False):
                self.say(f"{left_out(frame)}.", "note")
            return Changed.HEADER | Changed.TRAINING | Changed.CONFIG
        if isinstance(frame, Problem):
            return self._take_problem(frame)
        if isinstance(frame, OwnFrame):
            return self._take_own(frame)
        if isinstance(frame, Pulse) and self.attached is not None:
            return self._notify(self.attached.know(frame)) | Changed.HEADER | Changed.CONFIG
        return Changed.NOTHING

    def _take_own(self, frame: OwnFrame) -> Changed:
        wanted, refused = self.config, False
        if isinstance(frame, OwnProblem):
            self.asked.settings.clear()
            refused = self.lanes.refused()
        elif isinstance(frame, PutAside):
            self.lanes.put_aside(frame.lanes)
        self.notice = self.own.take(frame, wanted, refused=refused) or self.notice
        return Changed.ALL

    def _take_status(self, frame: Status) -> Changed:
        if self.lanes.late(self.key):
            return Changed.NOTHING
        if self.attached is not None:  # nothing is asked of it, and it has no settings
            self.status = frame
            self.lanes.stand(frame.lanes, still=True)
            return Changed.HEADER | Changed.TRAINING
        old = self.status
        changed = Changed.NOTHING if old == frame else Changed.HEADER
        before, settings = self.lane_status, self.settings
        self.status = frame
        self.asked.status(frame, greeted=self.hello is not None)
        self.lanes.stand(frame.lanes, still=not (frame.running or frame.catching_up))
        if (
            old is None
            or self.lane_status != before
            or (old.clock, old.catching_up, old.running) != (frame.clock, frame.catching_up, frame.running)
        ):
            changed |= Changed.TRAINING
        if old is None or self.settings != settings:
            changed |= Changed.CONFIG
        word, _, reason = frame.quick.partition(": ")
        if reason and (old is None or old.quick != frame.quick):
            changed |= self.say(f"Steps are {word}: {reason}.", "warn")
        return changed

    def _take_lane(self, frame: Lane) -> Changed:
        if self.attached is not None:  # each table of rows is a lane of its own: another one may come back
            if self.lanes.watched in (None, frame.continues):
                self.lanes.watch(frame.lane)
            frame = msgspec.structs.replace(frame, continues=None)
        self.lanes.take(frame)
        if frame.lane != self.key:
            return Changed.NOTHING
        self.own.trying = None
        if frame.configuration is None:
            return Changed.ALL
        self.asked.changed(frame.configuration.at(self.clock))
        return Changed.TRAINING | Changed.VIEW | Changed.CONFIG

    def _take_problem(self, frame: Problem) -> Changed:
        self.notice = Notice(frame.text, "bad" if frame.fatal else "warn", stays=frame.fatal)
        self.asked.settings.clear()
        if self.lanes.refused():
            return Changed.ALL
        return Changed.BAR | Changed.CONFIG

    def _take_measure(self, frame: Trace | Snapshot | Evaluation | Inspection | Start, keep: bool) -> Changed:
        if isinstance(frame, Inspection):
            self.asked.inspected()
        lane = self.lanes.get(frame.lane)
        if lane is None or lane.shape is None or self.lanes.late(frame.lane):
            return Changed.NOTHING
        lane.take(frame, keep)
        if self.attached is not None and isinstance(frame, Snapshot):
            self._notify(self.attached.measured(frame, lane.snapshots.steps()))
        if frame.lane != self.key:
            return Changed.TRAINING | Changed.VIEW if frame.lane == self.lanes.before else Changed.NOTHING
        if isinstance(frame, Evaluation):
            return Changed.TRAINING | Changed.FINDINGS | Changed.CLOSER
        if isinstance(frame, Inspection):
            return Changed.CLOSER
        if isinstance(frame, Start):
            return Changed.VIEW | Changed.FINDINGS
        if isinstance(frame, Trace):
            return Changed.TRAINING | Changed.HEADER
        if self.pointer.past is not None:
            return Changed.NOTHING
        more = Changed.NOTHING if self.attached is None else Changed.CONFIG | Changed.BAR
        return Changed.VIEW | Changed.FINDINGS | Changed.TRAINING | Changed.HEADER | more

    # ------------------------------------------------------------------------------------------- actions

    def start(self) -> Commands:
        """What a fresh engine is told: the lane looked at, and to catch up if this is not the first engine."""
        self.dead = None
        if self.attached is not None:
            return ()
        self.asked.forget()
        self.lanes.new_engine()
        catch_up: Commands = (Advance(to=self.asked.resume_at),) if self.asked.resume_at else ()
        return (Select.of(self.selected), Redraw(), *catch_up, Credit())

    def recall(self, before: Configuration | None, clock: int, *, recorded: bool) -> None:
        """Begin where an earlier session ended; what it measured comes with the stream.

        Args:
            before: the lane that was looked at before the one that this session was made with.
            clock: the step that an engine trains to again.
            recorded: there is no engine.
        """
        self.recorded = recorded
        if before is not None:
            self.lanes.before = before.key
        self.asked.resume_at = 0 if recorded else clock

    def watch(self, lane: str) -> None:
        """Look at a lane that has no configuration; nothing is known of the one that this session was made with."""
        self.lanes.watch(lane)

    def attach(self) -> None:
        """Look at runs that go on elsewhere; the first network that is told of is shown."""
        self.recorded, self.attached = True, Attached()

    def measure(self) -> Commands:
        """Ask the run that is looked at to measure its next step. Raises ConfigError."""
        if self.attached is None:
            raise ConfigError(NOT_ATTACHED)
        self.notice = self.attached.ask(self.key, self.step)
        return (Measure(),) if self.notice.severity == "note" else ()

    def died(self, sentence: str) -> Changed:
        """The stream ended: keep everything, tell why."""
        if self.notice is not None and self.notice.stays:  # what the engine itself said last
            sentence, self.notice = f"{self.notice.text} ({sentence})", None
        self.dead = sentence
        if self.attached is not None:
            self.attached.lost()
        self.quiet, self.stopped = 0.0, False
        self.asked.resume_at = max(self.asked.resume_at, self.clock)
        self.asked.let_run()
        if self.status is not None:
            self.status = msgspec.structs.replace(self.status, running=False, catching_up=False, steps_per_second=0.0)
        self.hello = None
        return Changed.BAR | Changed.HEADER | Changed.TRAINING

    def run_or_pause(self) -> Commands:
        if self.running or self.catching_up:
            return self.pause()
        if self.recorded and self.pointer.past is not None:  # as escape
            self.look_live()
            return ()
        self._must_train()
        self.look_live()
        self.asked.run(True)
        return (Advance(),)

    def pause(self) -> Commands:
        self.asked.run(False)
        return (Pause(),)

    def go(self, amount: Amount) -> Commands:
        """Train as far as was asked."""
        if amount.unit != "to":
            return self.advance(**{amount.unit: amount.number})
        self._must_train()
        if self.clock >= amount.number:  # it went on meanwhile
            return self.pause()
        self.look_live()
        self.asked.let_run()
        if self.resuming:
            self.asked.resume_at = amount.number
        return (Advance(to=amount.number),)

    def advance(self, *, steps: int | None = None, epochs: int | None = None) -> Commands:
        self._must_train()
        self.look_live()
        self.asked.let_run()
        if not self.resuming:
            return (Advance(steps=steps, epochs=epochs),)
        # A fresh engine's own clock is behind: counted from there, it would stop short of where this session was.
        here = self.lane_status
        if steps is None and here is not None and here.steps_per_epoch:
            steps = here.steps_per_epoch * (epochs or 1) - self.clock % here.steps_per_epoch
        self.asked.resume_at = self.clock + (steps or 0)  # the next one counts from there
        return (Advance(to=self.asked.resume_at),)

    def evaluate(self) -> Commands:
        self._must_train()
        return (Evaluate(),)

    def inspect(self, evaluate: bool = True) -> Commands:
        """Look closer at the shown lane where it is, and measure its dev losses too."""
        self._must_train()
        here = self.lane_status
        if here is None or here.diverged_at is not None:
            return ()
        self.asked.inspect(self.key, here.step)
        return (Inspect(), Evaluate()) if evaluate else (Inspect(),)

    def select(self, config: Configuration) -> Commands:
        """Look at another configuration at the same clock; what is kept of it shows at once."""
        if config.key == self.key:
            self.lanes.config = config
            return ()
        if self.recorded and config.key not in self.lanes:
            raise ConfigError(NOT_HELD if self.attached is None else READ_ONLY)
        self.lanes.select(config)
        self.pointer.past = None
        self.asked.settings.clear()
        return (Select.of((config,)),)

    def compare(self, lanes: Sequence[Configuration], shown: Configuration) -> Commands:
        """Look at several lanes side by side, at the same clock; `shown` is the one among them that is pointed at."""
        self.lanes.compare(lanes, shown, new=not self.recorded)
        self.asked.settings.clear()
        return (Select.of(self.group),)

    def point_at_lane(self, config: Configuration) -> None:
        """Point at one of the lanes that are compared, if anything can be known of it."""
        self.lanes.point_at(config)

    def look_alone(self, shown: bool = True) -> Commands:
        """Look at one lane again: at the one pointed at, or at that before several were compared."""
        self.lanes.look_alone(shown)
        return (Select.of((self.config,)),)

    def change(self, name: str, value: Any) -> Commands:
        """Change one setting. Raises ConfigError, and then nothing has changed."""
        if self.attached is not None:
            raise ConfigError(READ_ONLY)
        config, setting = self.config, self.knobs[name]
        if setting.changeable and self.clock:
            config.changed(self.clock, name, value)  # refuses what cannot be
            if setting.of(self.settings) == value:
                return ()
            self._must_train()
            if self.resuming and self.behind is not None:
                raise ConfigError(f"{name} can change once the network has caught up with step {self.clock:,}")
            self.asked.settings[name] = value
            return (Adjust(name=name, value=value),)
        for asked, wanted in self.asked.settings.items():
            config = config.changed(self.clock, asked, wanted)
        commands = self.select(setting.put(config, value))
        self.own.trying = str(value) if self.knobs.guesses(setting.name) else None
        return commands

    def next_value(self, name: str, direction: int) -> Any:
        """The value that a key goes to from the present one. Raises ConfigError where nothing has that key."""
        return self.knobs[name].next_by_key(self.settings, direction)

    def begin(self, config: Configuration, steps: int) -> Commands:
        """Forget every lane and start over with this one, trained for some steps; point at nothing."""
        self._must_train()
        self.begun = True
        self.pointer.start_over()
        commands = self._start_over((config,), 0, compared=False)
        return (*commands, Advance(to=steps)) if steps else commands

    def restart(self, new_seed: Callable[[], int] | None = None) -> Commands:
        """Step 0 again with the settings in force now, and with another seed if one is given."""
        self._must_train()
        lanes = [self.asked.in_force(config.at(self.clock)) for config in self.selected]
        if new_seed is not None:
            seed = new_seed()
            lanes = [config.replace(seed=seed) for config in lanes]
        place = self.lanes.place
        return self._start_over(lanes, place or 0, compared=place is not None)

    def may_build_anew(self) -> bool:
        """Whether E builds anew at once: it asks first where nothing is wrong and much was trained."""
        again, own = "E again builds", self.own
        asked = self.notice is not None and self.notice.text.startswith(again)
        wrong = bool(own.problem or own.changed or self.failed or self.dead or self.quiet or self.stopped)
        if asked or wrong or self.clock < MUCH:
            return True
        text = f"{again} {self.knobs.title} anew, at step 0; what was trained so far stays to be looked at"
        self.notice = Notice(text, "warn")
        return False

    def build_anew(self) -> None:
        """Go on from a person's file as it is now, at step 0; what was measured before stays to be looked at."""
        place = self.lanes.place
        lanes = [self.asked.in_force(config.at(self.clock)) for config in self.selected]
        if self.own.wanted is not None and place is None:
            lanes = [self.own.wanted]
        anew = [lane.replace(revision=lane.revision + 1) for lane in lanes if isinstance(lane, OwnConfig)]
        self.own.build_anew()
        self.lanes.build_anew(anew, place or 0, compared=place is not None)
        self.pointer.past = None
        self.asked.forget()
        self.asked.resume_at = 0
        self.status = self.hello = self.notice = self.dead = None
        self.quiet, self.stopped = 0.0, False

    def _start_over(self, lanes: Sequence[Configuration], at: int, *, compared: bool) -> Commands:
        """Nothing but these lanes at step 0; the one at that place is looked at."""
        self.lanes.start_over(lanes, at, compared=compared)
        self.pointer.past = None
        self.asked.forget()
        self.asked.resume_at = 0
        if self.status is not None:
            self.status = msgspec.structs.replace(self.status, running=False, catching_up=False, clock=0, lanes=())
        return (Restart(), Select.of(self.selected))

    def _must_train(self) -> None:
        """Raises ConfigError where nothing can be trained."""
        if self.attached is not None:
            raise ConfigError(READ_ONLY)
        if self.recorded:
            raise ConfigError(RECORDED)
