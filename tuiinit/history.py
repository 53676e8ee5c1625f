"""Bounded, thinning store of traces and snapshots: memory stays flat however long a lane trains."""

from __future__ import annotations

import bisect
from typing import Any

import numpy as np
import numpy.typing as npt

from .config import RunConfig
from .protocol import Evaluation, Frame, Inspection, Lane, ProtocolError, Snapshot, Start, Trace, floats

BUCKETS = 4096  # of a series; when all are in use, neighbours are joined
SNAPSHOTS = 64  # kept of a lane
EVALUATIONS = 512
INSPECTIONS = 8  # each a few times as large as a snapshot
_FIRST_ROOM = 256

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Counts = npt.NDArray[np.int64]


class Series:
    """A per-step series of k columns, as mean, minimum and maximum of equal buckets of steps.

    A bucket is one step until `buckets` are in use; then two neighbours become one, again and again. NaN
    counts as missing. Minimum and maximum are exact whatever was joined, and so are the means but for
    float64 rounding.
    """

    def __init__(self, columns: int = 1, buckets: int = BUCKETS) -> None:
        self.columns = columns
        self.bucket_size = 1  # steps
        self._limit = max(2, buckets)
        self._first = 0  # step at which the first bucket begins
        self._length = 0  # steps
        self._allocate(min(_FIRST_ROOM, self._limit))

    def __len__(self) -> int:
        """Steps covered, from the first to the last one told, gaps among them."""
        return self._length

    @property
    def first_step(self) -> int | None:
        """The first step told, None before any."""
        return self._first if self._length else None

    @property
    def last_step(self) -> int | None:
        """The last step told, None before any."""
        return self._first + self._length - 1 if self._length else None

    @property
    def nbytes(self) -> int:
        """Memory that the numbers take."""
        return sum(array.nbytes for array in self._arrays)

    def append(self, first_step: int, values: Any) -> None:
        """Add the values (n,) or (n, columns) of steps first_step … first_step + n - 1.

        Steps that are already covered are left as they are; steps that were left out stay empty.

        Raises:
            ValueError: the values have another number of columns.
        """
        rows = np.asarray(values, np.float32)
        rows = rows.reshape(-1, self.columns) if rows.ndim < 2 else rows
        if rows.ndim != 2 or rows.shape[1] != self.columns:
            raise ValueError(f"values of {self.columns} columns, not of shape {rows.shape}")
        if self._length:
            known = self._first + self._length - first_step
            if known > 0:
                rows, first_step = rows[known:], first_step + known
        elif len(rows):
            self._first = first_step
        if not len(rows):
            return
        self._length = first_step + len(rows) - self._first
        while self._used > self._limit:
            self._join()
        self._reserve(self._used)
        self._add(first_step, rows)

    def read(self, lo: float, hi: float, points: int) -> tuple[Floats, Floats, Floats, Floats]:
        """At most `points` points of the steps lo … hi.

        Returns:
            The middle step of each point, (p,), and mean, minimum and maximum there, each (p, columns).
            NaN where nothing is known.
        """
        begin = max(0, int(max(lo, self._first) - self._first) // self.bucket_size) if self._length else 0
        last = min(hi, self._first + self._length - 1) - self._first
        end = int(last) // self.bucket_size + 1 if self._length and last >= 0 else 0
        if end <= begin or points < 1:
            nothing = np.empty((0, self.columns))
            return np.empty(0), nothing, nothing, nothing
        # Groups begin at multiples of their size, so that points do not wander while a series grows.
        size = -(-(end - begin) // points)
        while (end - 1) // size - begin // size + 1 > points:
            size += 1
        groups = np.arange(begin // size, (end - 1) // size + 1)
        starts = np.maximum(groups * size, begin) - begin
        total = np.add.reduceat(self._sum[begin:end], starts)
        count = np.add.reduceat(self._count[begin:end], starts)
        low = np.fmin.reduceat(self._low[begin:end], starts).astype(np.float64)
        high = np.fmax.reduceat(self._high[begin:end], starts).astype(np.float64)
        first = (starts + begin) * self.bucket_size
        after = np.minimum(np.append(starts[1:] + begin, end) * self.bucket_size, self._length)
        return self._first + (first + after - 1) / 2, _mean(total, count), low, high

    def value_at(self, step: int) -> Floats | None:
        """The mean (columns,) of the bucket that holds a step: exact while unthinned. None if not covered."""
        at = step - self._first
        if not 0 <= at < self._length:
            return None
        bucket = at // self.bucket_size
        return _mean(self._sum[bucket], self._count[bucket])

    def truncate(self, step: int) -> Series:
        """A copy of what is known up to a step. A bucket that also holds later steps is left empty."""
        copy = Series(self.columns, self._limit)
        copy.bucket_size, copy._first = self.bucket_size, self._first
        copy._length = max(0, min(self._length, step - self._first + 1))
        whole = copy._used
        if copy._length < self._length and copy._length % self.bucket_size:
            whole -= 1
        copy._reserve(copy._used)
        copy._fill(self._sum[:whole], self._count[:whole], self._low[:whole], self._high[:whole])
        return copy

    @property
    def _arrays(self) -> tuple[Floats, Counts, Singles, Singles]:
        return self._sum, self._count, self._low, self._high

    def _fill(self, total: Floats, count: Counts, low: Singles, high: Singles) -> None:
        n = len(total)
        self._sum[:n], self._count[:n], self._low[:n], self._high[:n] = total, count, low, high

    @property
    def _used(self) -> int:
        return -(-self._length // self.bucket_size)

    def _allocate(self, room: int) -> None:
        shape = (room, self.columns)
        self._sum = np.zeros(shape, np.float64)
        self._count = np.zeros(shape, np.int64)
        self._low = np.full(shape, np.nan, np.float32)
        self._high = np.full(shape, np.nan, np.float32)

    def _reserve(self, buckets: int) -> None:
        room = len(self._sum)
        if buckets <= room:
            return
        while room < buckets:
            room = min(self._limit, room * 2)
        old = self._arrays
        self._allocate(room)
        self._fill(*old)

    def _join(self) -> None:
        """Two neighbouring buckets become one."""
        room = len(self._sum)
        starts = np.arange(0, room, 2)
        joined = (
            np.add.reduceat(self._sum, starts),
            np.add.reduceat(self._count, starts),
            np.fmin.reduceat(self._low, starts),
            np.fmax.reduceat(self._high, starts),
        )
        self._allocate(room)
        self._fill(*joined)
        self.bucket_size *= 2

    def _add(self, first_step: int, rows: Singles) -> None:
        bucket = (np.arange(len(rows)) + (first_step - self._first)) // self.bucket_size
        starts = np.flatnonzero(np.diff(bucket, prepend=bucket[0] - 1))
        at = bucket[starts]
        known = ~np.isnan(rows)
        with np.errstate(invalid="ignore"):
            self._sum[at] += np.add.reduceat(np.where(known, rows, 0).astype(np.float64), starts)
        self._count[at] += np.add.reduceat(known.astype(np.int64), starts)
        self._low[at] = np.fmin(self._low[at], np.fmin.reduceat(rows, starts))
        self._high[at] = np.fmax(self._high[at], np.fmax.reduceat(rows, starts))


def _mean(total: Floats, count: Counts) -> Floats:
    with np.errstate(invalid="ignore"):
        mean: Floats = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean


def is_milestone(step: int) -> bool:
    """Whether a step is 0 or one of 1, 2, 5, 10, 20, 50, …"""
    return step == 0 or str(step).rstrip("0") in ("1", "2", "5")


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
        """Store a snapshot. It goes when the next one comes, unless it is kept or a milestone."""
        step = snapshot.step
        if self._passing is not None and self._passing != step:
            self._drop(self._passing)
        keep = keep or is_milestone(step) or (step in self._by_step and step != self._passing)
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
    """All that the screen knows of one lane."""

    def __init__(self, config: RunConfig) -> None:
        self.config = config
        self.loss = Series(1)
        self.update_data = Series(len(config.hidden) + 2)  # log10, one column a matrix: embedding … output
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
                self.config = frame.config

    def continued(self, config: RunConfig, step: int | None = None) -> LaneHistory:
        """A history that begins with all of this one up to a step (the last, by default)."""
        other = LaneHistory(config)
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
            self.update_data = Series(columns)  # a model of another shape than the configuration tells
        self.loss.append(trace.first_step, loss)
        if columns:
            self.update_data.append(trace.first_step, ratios.reshape(-1, columns))
