"""What a stop of the tour is, and when what is on the screen has shown it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ...config.run import RunConfig
from ...stream.protocol import Snapshot

FAR = 10**12  # no step comes after it


class Seen(NamedTuple):
    """What is on the screen: a view, the settings in force, and what was measured there."""

    view: str  # its id
    config: RunConfig
    snapshot: Snapshot
    inspected: bool = False  # a closer look at the shown step
    evaluated: bool = False  # dev losses of the shown step
    overlaid: bool = False  # the view's other picture (v)
    dead_unit: bool = False  # the unit pointed at is dead
    notice: str = ""  # the sentence in the bar


@dataclass(frozen=True)
class Sight:
    """One thing that must have been looked at; `what` names it in a few words.

    A setting is given by its value, or by a function that tells whether a value will do.
    """

    what: str
    view: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    steps: tuple[int, int] = (0, FAR)  # of the snapshot looked at, both included
    inspected: bool = False
    evaluated: bool = False
    overlaid: bool = False
    dead_unit: bool = False
    notice: str = ""  # words that the bar must show
    shows: Callable[[Snapshot], bool] = lambda snapshot: True

    def is_in(self, seen: Seen) -> bool:
        """Whether this is what is on the screen."""
        low, high = self.steps
        return (
            seen.view == self.view
            and low <= seen.snapshot.step <= high
            and all(_same(getattr(seen.config, name), value) for name, value in self.settings.items())
            and (seen.inspected or not self.inspected)
            and (seen.evaluated or not self.evaluated)
            and (seen.overlaid or not self.overlaid)
            and (seen.dead_unit or not self.dead_unit)
            and self.notice in seen.notice
            and self.shows(seen.snapshot)
        )


def _same(value: Any, wanted: Any) -> bool:
    if callable(wanted):
        return bool(wanted(value))
    if isinstance(wanted, float):
        return math.isclose(value, wanted, rel_tol=1e-2)  # 1.41 will do for √2
    return bool(value == wanted)


@dataclass(frozen=True)
class Stop:
    """One claim in the explorer. `press` and `look` together fit two lines of a narrow terminal."""

    claim: str  # its id
    title: str
    press: str
    look: str
    view: str  # the id of the one where the person starts
    sights: tuple[Sight, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)  # what differs from the defaults
    steps: int = 0  # the clock at the start
    setting: str = "gain"  # where the config pane's cursor stands at the start
    at_output: bool = False  # whether the output's row is pointed at, so that a small window shows it
    until: int = 0  # the step at which space stops by itself, if it is further on
    text: str = ""  # what is to be shown, where it is no claim

    def config(self, here: RunConfig) -> RunConfig:
        """The lane that the stop starts with: the lecture's seed on the data and the device at hand."""
        return RunConfig(data=here.data, device=here.device, **self.settings)


class Walk:
    """A stop under way: which of its sights were seen."""

    def __init__(self, stop: Stop) -> None:
        self.stop = stop
        self._seen: set[int] = set()

    def look(self, seen: Seen) -> bool:
        """Take what is on the screen; tells whether that completed the stop just now."""
        before = self.done
        self._seen |= {i for i, sight in enumerate(self.stop.sights) if sight.is_in(seen)}
        return self.done and not before

    @property
    def done(self) -> bool:
        return len(self._seen) == len(self.stop.sights)

    @property
    def missing(self) -> list[str]:
        """What is still to be looked at."""
        return [sight.what for i, sight in enumerate(self.stop.sights) if i not in self._seen]
