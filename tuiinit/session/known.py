"""What a sitting knows, to be read: whoever draws asks here, and changes nothing."""

from __future__ import annotations

from collections.abc import Mapping

from ..config.configuration import Configuration
from ..config.own import OwnConfig
from ..config.run import RunConfig
from ..config.values import ConfigError
from ..insight.look import Look
from ..stream.history import LaneHistory
from ..stream.protocol import DataInfo, Hello, LaneStatus, Snapshot, Status
from .asked import Asked
from .attached import Attached
from .changed import Notice
from .knobs import Knobs
from .lanes import Lanes
from .own import Own
from .pointer import Pointer

INSPECTED_UNASKED = 200_000  # parameters; a larger network takes seconds to inspect


class Known:
    """One sitting as it stands: which lanes there are, where the person points, what the engine said and was asked."""

    def __init__(self, config: Configuration) -> None:
        self.lanes = Lanes(config)
        self.pointer = Pointer()
        self.asked = Asked()
        self.hello: Hello | None = None
        self.data: DataInfo | None = None
        self.status: Status | None = None
        self.notice: Notice | None = None
        self.dead: str | None = None  # why the engine is gone
        self.quiet = 0.0  # seconds for which an engine that should answer has said nothing
        self.first_words = ""  # what it said meanwhile that is no message, such as a prompt
        self.begun = False  # a stop of the tour was set up: the person knows what to do
        self.stopped = False  # the engine's process is stopped
        self.own = Own()  # what the engine said of a person's own function
        self.recorded = False  # a recording is looked at: there is no engine
        self.attached: Attached | None = None  # runs that go on elsewhere are looked at, as recordings are
        self._look: Look | None = None  # the last one, while it is still true

    # ------------------------------------------------------------------------------------------- reading

    @property
    def config(self) -> Configuration:
        """Of the lane shown."""
        return self.lanes.config

    @property
    def key(self) -> str:
        return self.lanes.key

    @property
    def shown(self) -> LaneHistory:
        return self.lanes.shown

    @property
    def previous(self) -> LaneHistory | None:
        return self.lanes.previous

    @property
    def selected(self) -> tuple[Configuration, ...]:
        """The lanes that train: those that are compared, or the shown one alone if it is none of them."""
        return self.lanes.selected

    @property
    def group(self) -> tuple[Configuration, ...]:
        """The lanes that are compared, the shown one among them; none if it is looked at alone."""
        return self.lanes.group

    @property
    def where(self) -> Mapping[str, LaneStatus]:
        """How far the engine said that each lane is."""
        return self.lanes.where

    @property
    def clock(self) -> int:
        """The step that the lanes are at or catch up to, a fresh engine's lane too."""
        return max(self.status.clock if self.status else 0, self.asked.resume_at)

    @property
    def resuming(self) -> bool:
        """Whether a fresh engine trains again to where another one was."""
        return bool(self.asked.resume_at)

    @property
    def catching_up(self) -> bool:
        """Whether a lane that is behind the clock is moving."""
        status = self.status
        return bool(status and (status.catching_up or (self.resuming and status.running)))

    @property
    def settings(self) -> Configuration:
        """The settings in force now, without a schedule."""
        return self.asked.in_force(self.config.at(self.clock))

    @property
    def built_here(self) -> RunConfig | None:
        """The same of the shown lane; None where that is not a network that this program builds."""
        settings = self.settings
        return settings if isinstance(settings, RunConfig) and self.shown.config is not None else None

    def lecture(self, what: str) -> RunConfig:
        """The settings in force, for what only the lecture's network can do. Raises ConfigError for another."""
        settings = self.settings
        if not isinstance(settings, RunConfig):
            raise ConfigError(f"{what} for the lecture's network: tuiinit without a file starts with it")
        return settings

    @property
    def rebuilds(self) -> bool:
        """Whether it is a person's own network, which an engine can build anew from their file."""
        return isinstance(self.config, OwnConfig) and self.lanes.watched is None and not self.recorded

    @property
    def building(self) -> bool:
        """Whether the shown network is being built, and nothing is known of it yet."""
        return self.rebuilds and self.shown.shape is None and self.own.problem is None

    @property
    def knobs(self) -> Knobs:
        """The settings that the shown lane has."""
        return self.own.knobs(self.config)

    @property
    def running(self) -> bool:
        asked = self.asked.running
        return bool(self.status and self.status.running) if asked is None else asked

    @property
    def lane_status(self) -> LaneStatus | None:
        return self.where.get(self.key)

    @property
    def step(self) -> int:
        """The step that the numbers on the screen tell of."""
        if self.pointer.past is not None:
            return self.pointer.past
        newest = self.shown.snapshots.newest
        here = self.lane_status
        return max(here.step if here else 0, newest.step if newest else 0)

    @property
    def epoch(self) -> float:
        here = self.lane_status
        return self.step / here.steps_per_epoch if here and here.steps_per_epoch else 0.0

    @property
    def behind(self) -> LaneStatus | None:
        """Where the shown lane is while it is behind the clock."""
        here = self.lane_status
        over = here is None or here.diverged_at is not None or here.failed or self.attached is not None
        if here and not over and here.step < self.clock:
            return here
        return None

    @property
    def diverged_at(self) -> int | None:
        here = self.lane_status
        return here.diverged_at if here else None

    @property
    def failed(self) -> str:
        """Why the shown lane stands still for good: a person's code raised. "" where it did not."""
        here = self.lane_status
        return here.failed if here else ""

    def snapshot(self) -> Snapshot | None:
        """What was measured at the step looked at."""
        kept = self.shown.snapshots
        return kept.newest if self.pointer.past is None else kept.at_or_before(self.pointer.past)

    def look(self) -> Look:
        """The shown lane at the step looked at; the same record as long as nothing but its curves has changed."""
        now = Look.of(
            self.shown,
            self.pointer.past,
            settings=self.built_here,
            step=self.step,
            diverged_at=self.diverged_at,
            data=self.data,
            inspecting=self.inspecting,
            found=self.attached.findings(self.snapshot()) if self.attached is not None else None,
        )
        if self._look is None or not now.same(self._look):
            self._look = now
        return self._look

    def look_before(self) -> Look | None:
        """The lane before, no later than the shown one."""
        previous, now = self.previous, self.snapshot()
        if previous is None:
            return None
        return Look.of(previous, self.pointer.past, no_later=now.step if now else None, data=self.data)

    def sight(self) -> tuple[Look, Look | None, Pointer]:
        """What a view draws: the shown lane, the lane before, and where the person points."""
        return self.look(), self.look_before(), self.pointer

    @property
    def lost(self) -> bool:
        """Whether the connection to the run that is looked at is lost."""
        pulse = self.attached.of(self.lanes.watched) if self.attached is not None else None
        return pulse is not None and pulse.state == "lost"

    @property
    def inspecting(self) -> bool:
        """Whether a closer look at the shown lane is on its way."""
        return self.asked.inspecting(self.key)

    @property
    def worth_inspecting(self) -> bool:
        """Whether the shown lane stands still, has not been inspected there, and that takes about a second."""
        status, here, now = self.status, self.lane_status, self.snapshot()
        if (
            self.recorded
            or self.built_here is None  # others are not looked at closer
            or status is None
            or here is None
            or now is None
            or self.dead is not None
            or self.pointer.past is not None
        ):
            return False
        still = not (self.running or status.running or status.catching_up) and here.step == status.clock
        known = here.step in self.shown.inspections or self.asked.inspecting(self.key, here.step)
        return (
            still and not known and here.diverged_at is None and not here.failed and now.parameters <= INSPECTED_UNASKED
        )
