"""A per-step series that thins itself: mean, minimum and maximum of equal buckets of steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

BUCKETS = 4096  # of a series; when all are in use, neighbours are joined
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
