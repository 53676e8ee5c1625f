"""A lane as looked at, at a step: the one record that views, findings, the tour, comparisons and reports take."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from typing import Any, TypeVar

from ..config.run import RunConfig
from ..stream.history import LaneHistory
from ..stream.protocol import DataInfo, Evaluation, Inspection, Shape, Snapshot, Start
from .blocks import Parts
from .expected import Expectation, expect
from .findings import Finding, findings

Measured = TypeVar("Measured")


@lru_cache(maxsize=256)
def _expected(config: RunConfig | None, start: Start | None, shape: Shape | None) -> Expectation:
    return expect(config, start, shape)


@dataclass(frozen=True, eq=False)
class Look:
    """What is known of a lane at a step. Only `history` grows meanwhile; curves of it end at `until`."""

    history: LaneHistory
    settings: RunConfig | None  # in force at the step that the lane is at, without a schedule; see `config`
    past: int | None  # the step that a person went back to; None is the newest
    step: int  # that the numbers tell of
    snapshot: Snapshot | None
    evaluation: Evaluation | None
    inspection: Inspection | None
    start: Start | None = None  # what its first minibatch should find, as far as the engine has told
    diverged_at: int | None = None  # the step whose loss was not finite
    data: DataInfo | None = None  # the words that it trains on
    inspecting: bool = False  # a closer look is on its way
    found: tuple[Finding, ...] | None = None  # what was found in a run that goes on elsewhere; None: see `findings`

    @classmethod
    def of(
        cls,
        history: LaneHistory,
        past: int | None = None,
        *,
        no_later: int | None = None,
        settings: RunConfig | None = None,
        step: int | None = None,
        diverged_at: int | None = None,
        data: DataInfo | None = None,
        inspecting: bool = False,
        found: tuple[Finding, ...] | None = None,
    ) -> Look:
        """Look at a lane.

        Args:
            history: all that is kept of it.
            past: a step to go back to; what was measured at it or last before it is looked at. None: the newest.
            no_later: the snapshot is not of a later step than this, whatever `past` says.
            settings: those in force; those at the step looked at if None.
            step: where the lane is, which may be past its newest snapshot.
            diverged_at: the step whose loss was not finite.
            data: the words that it trains on.
            inspecting: whether a closer look is on its way.
            found: what was found in the snapshot, where others than the rules for one snapshot decide that.
        """
        last = past if no_later is None else no_later
        snapshot = history.snapshots.newest if last is None else history.snapshots.at_or_before(last)
        if past is not None:
            step = past
        elif step is None or (snapshot is not None and snapshot.step > step):
            step = snapshot.step if snapshot is not None else 0
        return cls(
            history=history,
            settings=settings if settings is not None or history.config is None else history.config.at(step),
            past=past,
            step=step,
            snapshot=snapshot,
            evaluation=_newest(history.evaluations, past),
            inspection=_newest(history.inspections, past),
            start=history.start,
            diverged_at=diverged_at,
            data=data,
            inspecting=inspecting,
            found=found,
        )

    @property
    def config(self) -> RunConfig | None:
        """What the lane began with, and how it was changed since; None if this program did not build it."""
        return self.history.config

    @property
    def until(self) -> int:
        """The last step of its curves."""
        return (self.history.loss.last_step or 0) if self.past is None else self.past

    @property
    def expected(self) -> Expectation:
        """What the lane's first minibatch should find, by theory and by redraws."""
        return _expected(self.config, self.start, self.history.shape if self.config is None else None)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Of which kind each row is, as far as that is known."""
        if self.history.shape is not None:
            return tuple(row.kind for row in self.history.shape.rows)
        return (self.config.nonlinearity,) if self.config is not None else ()

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """The sentences about the snapshot, in an order that stays."""
        if self.found is not None or self.snapshot is None:
            return self.found or ()
        return findings(self.snapshot, self.settings, evaluation=self.evaluation, expected=self.expected)

    @cached_property
    def _kept(self) -> dict[Hashable, Any]:
        return {}

    def kept(self, key: Hashable, work_out: Callable[[], Measured]) -> Measured:
        """What somebody works out of this look alone and may ask for again, by a key of their own; it goes with it."""
        if key not in self._kept:
            self._kept[key] = work_out()
        found: Measured = self._kept[key]
        return found

    @cached_property
    def row_parts(self) -> Parts:
        """The rows of the snapshot."""
        rows = self.snapshot.activations if self.snapshot is not None else ()
        return tuple((i, (row.layer, row.kind)) for i, row in enumerate(rows))

    @cached_property
    def matrix_parts(self) -> Parts:
        """The matrices of the snapshot, by name and shape."""
        matrices = self.snapshot.weights if self.snapshot is not None else ()
        return tuple((i, (matrix.name, shape_words(matrix.shape))) for i, matrix in enumerate(matrices))

    def same(self, other: Look | None) -> bool:
        """Whether another look shows the same, but for what the history's curves have grown by."""
        if other is None:
            return False
        pairs = [(getattr(self, field.name), getattr(other, field.name)) for field in fields(self)]
        return all(a is b or (isinstance(a, int | RunConfig) and a == b) for a, b in pairs)


def shape_words(shape: Sequence[int]) -> str:
    """A shape in words: 100 × 27."""
    return " × ".join(map(str, shape))


def snapshot_of(look: Look | None) -> Snapshot | None:
    """The snapshot of a lane that may not be there."""
    return look.snapshot if look is not None else None


def _newest(by_step: Mapping[int, Measured], past: int | None) -> Measured | None:
    """The newest that was measured, no later than the step that was gone back to."""
    until = math.inf if past is None else past
    step = max((step for step in by_step if step <= until), default=None)
    return by_step[step] if step is not None else None
