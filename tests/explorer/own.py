"""An engine without torch that has lanes of a person's own function: what it tells of them stands in for theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from tests.explorer import fake
from tuiinit.config.own import OwnConfig
from tuiinit.config.run import RunConfig
from tuiinit.stream.checked import OwnProblem
from tuiinit.stream.own import OwnKnob, OwnTarget, SourceChanged, Unlike
from tuiinit.stream.protocol import Frame, Lane, Select, Snapshot, Status, Trace

TARGET = "/home/somebody/net.py"
KNOBS = (
    OwnKnob(name="depth", kind="int", default=6),
    OwnKnob(name="norm", kind="bool", default=False),
    OwnKnob(name="act", kind="str", default="relu", choices=("relu", "tanh")),
    OwnKnob(name="init", kind="str", default="kaiming"),
)


def target(knobs: tuple[OwnKnob, ...] = KNOBS, **fields: Any) -> OwnTarget:
    known: dict[str, Any] = {"batches": 50, "inputs": "64 × 10, 64", "optimizer": "AdamW", "lr": 0.05, "groups": 1}
    return OwnTarget(target=TARGET, knobs=knobs, gains=7, dev=True, **(known | fields))


def twin(config: OwnConfig) -> RunConfig:
    """A network that this program builds whose figures stand for a person's: its gain, norm and lr tell which."""
    now = config.replace(schedule=())
    return RunConfig(
        hidden=(8, 8, 8),
        gain=1.25 if now.gain is None else now.gain,
        bn=bool(now.value("norm")),
        lr=0.05 if now.lr is None else now.lr,
        schedule=config.schedule,
    )


class OwnLink(fake.FakeLink):
    """A link to an engine that builds a person's function.

    Args:
        about: what it tells of the function before the first lane; None if it cannot be built at all.
        refuses: why a configuration cannot be built, or "".
        fails_at: the step at which every lane's code raises.
    """

    def __init__(
        self,
        about: OwnTarget | None = None,
        *,
        refuses: Callable[[OwnConfig], str] = lambda config: "",
        fails_at: int | None = None,
    ) -> None:
        super().__init__()
        self._about = about or target()
        self._refused = refuses
        self._fails_at = fails_at
        self.holds = False  # networks take their time to be built
        self._waiting: tuple[Any, ...] | None = None
        self._told_data = True  # there are no words

    def tells(self, frame: Frame) -> None:
        """Tell something at once."""
        self._outbox.append(frame)
        self._changed = True
        self._update()

    def changes(self) -> None:
        self.tells(SourceChanged(path=TARGET))

    def unlike(self, lane: OwnConfig, other: OwnConfig, name: str) -> None:
        self.tells(Unlike(lane=lane.key, other=other.key, what="weights", name=name))

    def fails(self, text: str, lines: str = "") -> None:
        self.tells(OwnProblem(text=text, lines=lines))

    def _selectable(self, command: Select) -> tuple[Any, ...]:
        return command.own

    def lets_go(self) -> None:
        """Build what waits."""
        waiting, self.holds, self._waiting = self._waiting, False, None
        if waiting is not None:
            self._select(waiting)
            self._update()

    def _select(self, configs: tuple[Any, ...]) -> None:
        if self.holds:
            self._waiting = configs
            return
        for config in configs:
            if why := self._refused(config):
                self._outbox.append(OwnProblem(text=why, lines='  File "net.py", line 7, in build\n    raise'))
                self._changed = True
                return
        self._outbox.append(self._about)
        super()._select(configs)

    def _lane(self, config: Any, continues: str | None) -> Lane:
        return Lane(lane=config.key, shape=fake.shape(twin(config)), own=config, continues=continues)

    def _snapshot(self, config: Any, step: int) -> Snapshot:
        return msgspec.structs.replace(fake.snapshot(twin(config), step), lane=config.key)

    def _trace(self, config: Any, first: int, last: int) -> Trace:
        return msgspec.structs.replace(fake.trace(twin(config), first, last), lane=config.key)

    def _diverged(self, step: int) -> bool:
        return self._fails_at is not None and step >= self._fails_at

    def _move(self) -> None:
        self._diverges_at = self._fails_at  # it stands there for good
        super()._move()
        self._diverges_at = None

    def _status(self) -> Status:
        status = super()._status()
        failed = [
            msgspec.structs.replace(lane, failed="at step 8 the loss failed: ValueError: mine")
            if self._diverged(lane.step)
            else lane
            for lane in status.lanes
        ]
        return msgspec.structs.replace(status, lanes=tuple(failed))
