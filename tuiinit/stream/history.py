"""Bounded, thinning store of traces and snapshots: memory stays flat however long a lane trains."""

from __future__ import annotations

import bisect

from ..config.configuration import Configuration
from ..config.run import RunConfig
from .milestones import ends_epoch, is_milestone
from .protocol import Evaluation, Frame, Inspection, Lane, Shape, Snapshot, Start, Trace, floats
from .series import Series
from .wire import ProtocolError

SNAPSHOTS = 64  # kept of a lane
PARTS = 32_000  # rows and matrices in all its kept snapshots, about 2.6 kB each: of large networks fewer are kept
FEWEST = 24  # that are kept, whatever their size: there are about twenty milestones
EVALUATIONS = 512
INSPECTIONS = 8  # each a few times as large as a snapshot


class Snapshots:
    """Snapshots by step: the kept ones, bounded in number, and the newest."""

    def __init__(self, bound: int = SNAPSHOTS) -> None:
        self._bound = max(2, bound)
        self._by_step: dict[int, Snapshot] = {}
        self._steps: list[int] = []
        self._passing: int | None = None  # the newest, if it is to go when the next one comes

    def __len__(self) -> int:
        return len(self._steps)

    def put(self, snapshot: Snapshot, keep: bool = False) -> None:
        """Store a snapshot. It goes when the next one comes, unless it is kept, a milestone or an epoch's end."""
        step = snapshot.step
        if self._passing is not None and self._passing != step:
            self._drop(self._passing)
        parts = len(snapshot.activations) + len(snapshot.weights)
        self._bound = min(self._bound, max(FEWEST, PARTS // max(1, parts)))
        lasting = is_milestone(step) or ends_epoch(snapshot.epoch)
        keep = keep or lasting or (step in self._by_step and step != self._passing)
        if step not in self._by_step:
            bisect.insort(self._steps, step)
        self._by_step[step] = snapshot
        self._passing = None if keep else step
        while len(self._steps) > self._bound and self._thin():
            pass

    def keep_newest(self) -> None:
        """Keep the newest, though another one comes."""
        self._passing = None

    def steps(self) -> tuple[int, ...]:
        """The steps of which a snapshot is stored, rising."""
        return tuple(self._steps)

    def get(self, step: int) -> Snapshot | None:
        """The snapshot of a step."""
        return self._by_step.get(step)

    @property
    def newest(self) -> Snapshot | None:
        """The one of the highest step."""
        return self._by_step[self._steps[-1]] if self._steps else None

    def at_or_before(self, step: int) -> Snapshot | None:
        """The snapshot of a step, or the last one before it."""
        at = bisect.bisect_right(self._steps, step)
        return self._by_step[self._steps[at - 1]] if at else None

    def previous(self, step: int) -> Snapshot | None:
        """The last one before a step."""
        at = bisect.bisect_left(self._steps, step)
        return self._by_step[self._steps[at - 1]] if at else None

    def next(self, step: int) -> Snapshot | None:
        """The first one after a step."""
        at = bisect.bisect_right(self._steps, step)
        return self._by_step[self._steps[at]] if at < len(self._steps) else None

    def truncate(self, step: int) -> Snapshots:
        """A copy of those up to a step; all of them are kept."""
        copy = Snapshots(self._bound)
        copy._steps = [s for s in self._steps if s <= step]
        copy._by_step = {s: self._by_step[s] for s in copy._steps}
        return copy

    def _drop(self, step: int) -> None:
        del self._by_step[step]
        self._steps.remove(step)

    def _thin(self) -> bool:
        """Drop the one that leaves the smallest gap; never the first, the newest or a milestone."""
        inner = range(1, len(self._steps) - 1)
        gaps = [
            (self._steps[i + 1] - self._steps[i - 1], self._steps[i])
            for i in inner
            if not is_milestone(self._steps[i]) and self._steps[i] != self._passing
        ]
        if not gaps:
            return False
        self._drop(min(gaps)[1])
        return True


class LaneHistory:
    """All that the screen knows of one lane.

    Args:
        shape: as the stream told it; None until it has.
        configuration: what it was built from; None for a network that is only looked at.
    """

    def __init__(self, shape: Shape | None, configuration: Configuration | None = None) -> None:
        self.shape = shape
        self.configuration = configuration
        self._begin()

    @property
    def config(self) -> RunConfig | None:
        """Of a network that this program builds, else None."""
        return self.configuration if isinstance(self.configuration, RunConfig) else None

    def _begin(self) -> None:
        self.loss = Series(1)
        self.update_data = Series(len(self.shape.matrices) if self.shape else 1)  # log10, one column a matrix
        self.snapshots = Snapshots()
        self.evaluations: dict[int, Evaluation] = {}  # by step, rising
        self.inspections: dict[int, Inspection] = {}  # by step, rising
        self.start: Start | None = None  # what the first minibatch should find

    def take(self, frame: Frame, keep: bool = False) -> None:
        """Store what a Trace, Snapshot, Evaluation, Inspection or Start of this lane tells; other frames don't.

        Args:
            keep: keep a snapshot though it is no milestone (the person paused there).

        Raises:
            ProtocolError: the trace's arrays do not fit each other.
        """
        match frame:
            case Trace():
                self._trace(frame)
            case Snapshot():
                self.snapshots.put(frame, keep)
            case Evaluation():
                self.evaluations[frame.step] = frame
                self.evaluations = dict(sorted(self.evaluations.items()))
                if len(self.evaluations) > EVALUATIONS:
                    steps = list(self.evaluations)
                    for step in steps[1:-1:2]:
                        del self.evaluations[step]
            case Inspection():
                self.inspections[frame.step] = frame
                self.inspections = dict(sorted(self.inspections.items())[-INSPECTIONS:])
            case Start():
                self.start = frame
            case Lane():
                same = self.shape is None or _alike(self.shape, frame.shape)
                new = self.shape is None and not len(self.update_data)
                self.shape, self.configuration = frame.shape, frame.configuration
                if not same:  # what was told before is of another network
                    self._begin()
                elif new:
                    self.update_data = Series(len(frame.shape.matrices))

    def continued(self, configuration: Configuration | None, step: int | None = None) -> LaneHistory:
        """A history that begins with all of this one up to a step (the last, by default)."""
        other = LaneHistory(self.shape, configuration)
        if step is None:
            known = (self.loss.last_step, *self.snapshots.steps()[-1:])
            step = max((s for s in known if s is not None), default=0)
        other.loss = self.loss.truncate(step)
        other.update_data = self.update_data.truncate(step)
        other.snapshots = self.snapshots.truncate(step)
        other.evaluations = {s: evaluation for s, evaluation in self.evaluations.items() if s <= step}
        other.start = self.start
        other.inspections = {s: inspection for s, inspection in self.inspections.items() if s <= step}
        return other

    def _trace(self, trace: Trace) -> None:
        try:
            loss, ratios = floats(trace.loss), floats(trace.update_data)
        except ValueError as error:
            raise ProtocolError(f"a trace that holds no float32 numbers: {error}") from None
        if not loss.size:
            return
        columns, rest = divmod(ratios.size, loss.size)
        if rest or (columns and len(self.update_data) and columns != self.update_data.columns):
            raise ProtocolError(f"a trace of {loss.size:,} steps with {ratios.size:,} update:data ratios")
        if columns and columns != self.update_data.columns:
            self.update_data = Series(columns)  # no shape was told yet
        self.loss.append(trace.first_step, loss)
        if columns:
            self.update_data.append(trace.first_step, ratios.reshape(-1, columns))


def _alike(one: Shape, other: Shape) -> bool:
    """Whether two shapes have as many rows and matrices, so that one's figures can stand beside the other's."""
    return (len(one.rows), len(one.matrices)) == (len(other.rows), len(other.matrices))
