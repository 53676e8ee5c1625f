"""The lanes of a sitting: which were seen, which is shown, which are compared, and which the engine has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from ..config.configuration import Configuration
from ..stream.history import LaneHistory
from ..stream.protocol import Lane, LaneStatus


class Lanes(Mapping[str, LaneHistory]):
    """All lanes that were seen, by key. One of them is shown; `config` is always the key of one in here."""

    def __init__(self, config: Configuration) -> None:
        self.config = config  # of the lane shown
        self.watched: str | None = None  # the lane shown, where it is one without a configuration
        self.before: str | None = None  # the lane shown before this one
        self.group: tuple[Configuration, ...] = ()  # lanes that are compared, the shown one among them
        self.where: dict[str, LaneStatus] = {}  # how far the engine said that they are
        self._histories: dict[str, LaneHistory] = {config.key: LaneHistory(None, config)}
        self._alone = config  # the lane shown before several were compared
        self._engine_has: set[str] = set()  # lanes that this engine told of
        self._forgotten: set[str] = set()  # lanes restarted: frames that tell of their time before are late

    def __getitem__(self, key: str) -> LaneHistory:
        return self._histories[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._histories)

    def __len__(self) -> int:
        return len(self._histories)

    @property
    def key(self) -> str:
        """Of the lane shown."""
        return self.config.key if self.watched is None else self.watched

    @property
    def shown(self) -> LaneHistory:
        return self._histories[self.key]

    @property
    def previous(self) -> LaneHistory | None:
        """The lane shown before this one, if anything is kept of it."""
        return self._histories.get(self.before) if self.before is not None else None

    @property
    def place(self) -> int | None:
        """Where the shown lane is among those that are compared."""
        return next((i for i, config in enumerate(self.group) if config.key == self.key), None)

    @property
    def selected(self) -> tuple[Configuration, ...]:
        """The lanes that train: those that are compared, or the shown one alone if it is none of them."""
        return self.group if self.place is not None else (self.config,)

    def late(self, key: str) -> bool:
        """Whether what the engine tells of a lane is of the time before a restart."""
        return key in self._forgotten

    # ------------------------------------------------------------------------------- what a person does

    def _know(self, config: Configuration) -> None:
        self._histories.setdefault(config.key, LaneHistory(None, config))

    def select(self, config: Configuration) -> None:
        """Show another lane."""
        self.before, self.config, self.watched = self.key, config, None
        self._know(config)

    def watch(self, lane: str) -> None:
        """Show a lane that has no configuration; the one that this began with goes if nothing is known of it."""
        if (first := self._histories.get(self.config.key)) is not None and first.shape is None:
            del self._histories[self.config.key]
        self._histories.setdefault(lane, LaneHistory(None))
        self.watched = lane

    def compare(self, lanes: Iterable[Configuration], shown: Configuration, *, new: bool) -> None:
        """Show several lanes, and point at one of them; with `new`, some that nothing is known of yet, too."""
        if not self.group:
            self._alone = self.config
        self.group = tuple({config.key: config for config in lanes}.values())
        if new:
            for config in self.group:
                self._know(config)
        self.point_at(shown)
        if self.place is None:  # nothing is known of it: the first of the others that something is known of
            for config in reversed(self.group):
                self.point_at(config)

    def point_at(self, config: Configuration) -> None:
        """Point at one of the lanes that are compared, if anything can be known of it."""
        if config.key in self._histories:
            self.config, self.watched = config, None

    def look_alone(self, shown: bool) -> None:
        """Show one lane again: the one pointed at, or that before several were compared."""
        self.group = ()
        if not shown:
            self.config = self._alone
        self.watched = None
        self._know(self.config)
        if self._alone.key in self._histories and self._alone.key != self.key:
            self.before = self._alone.key

    def start_over(self, lanes: Sequence[Configuration], at: int, *, compared: bool) -> None:
        """Nothing but these lanes at step 0; the one at that place is shown, the others are compared with it."""
        self._forgotten = {config.key for config in lanes}
        self._engine_has = set(self._forgotten)
        self._histories = {config.key: LaneHistory(None, config) for config in lanes}
        self.group = tuple(lanes) if compared else ()
        self.config, self.before, self.watched = lanes[at], None, None
        self._alone = self.config
        self.where.clear()

    def build_anew(self, lanes: Sequence[Configuration], at: int, *, compared: bool) -> None:
        """These lanes at step 0, of a file that is read again; what is kept of the others can still be looked at."""
        before = self.key if self.shown.shape is not None else self.before
        self._histories = {key: lane for key, lane in self._histories.items() if lane.shape is not None}
        for config in lanes:
            self._know(config)
        self.group = tuple(lanes) if compared else ()
        self.config, self.watched, self.before = lanes[at], None, before
        self._alone = self.config
        self.where.clear()

    # ---------------------------------------------------------------------------- what the engine tells

    def new_engine(self) -> None:
        """Another engine: it has none of these lanes yet, and nothing that it tells is late."""
        self._engine_has.clear()
        self._forgotten.clear()

    def take(self, frame: Lane) -> None:
        """The engine has a lane; it may be one that goes on under a new configuration, and has no other then."""
        self._forgotten.discard(frame.lane)
        self._engine_has.add(frame.lane)
        config = frame.configuration
        origin = self._histories.get(frame.continues) if frame.continues and frame.continues != frame.lane else None
        if origin is None or frame.continues is None:
            self._histories.setdefault(frame.lane, LaneHistory(None, config)).take(frame)
            return
        shown = frame.continues == self.key
        self._histories[frame.lane] = origin.continued(config)
        self._histories[frame.lane].take(frame)
        del self._histories[frame.continues]
        if self.before == frame.lane and shown:
            self.before = None
        self.group = tuple(config if config is not None and c.key == frame.continues else c for c in self.group)
        if shown:
            self.config, self.watched = (config, None) if config is not None else (self.config, frame.lane)
            here = self.where.pop(frame.continues, None)
            if here is not None:
                self.where[frame.lane] = msgspec.structs.replace(here, lane=frame.lane)

    def stand(self, lanes: Iterable[LaneStatus], *, still: bool) -> None:
        """How far they are; where they stand still, what was measured last is kept."""
        for lane in lanes:
            self.where[lane.lane] = lane
            if still and lane.lane in self._histories:
                self._histories[lane.lane].snapshots.keep_newest()

    def put_aside(self, keys: Iterable[str]) -> None:
        """The engine forgot lanes: what was measured of them is kept, and selected again they are trained again."""
        self._engine_has.difference_update(keys)

    def refused(self) -> bool:
        """The engine could not do something: go back to what it has, if it was a lane. Tells whether it was."""
        unknown = {config.key for config in self.group} - self._engine_has
        if unknown:
            self._histories = {key: lane for key, lane in self._histories.items() if key not in unknown}
            self.config, self.group, self.watched = self._alone, (), None
            self._know(self.config)
            return True
        earlier = self.previous.configuration if self.previous is not None else None
        if self.key not in self._engine_has and self.before in self._engine_has and earlier is not None:
            del self._histories[self.key]
            self.config, self.watched, self.before = earlier, None, None
            return True
        return False
