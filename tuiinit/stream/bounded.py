"""A file that stays within its bound: when it is full, what matters least goes."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from .recording import HEADER
from .sessions import THINNED, hold

SESSION_BYTES = 64 * 2**20


class Kind(IntEnum):
    """What an entry is worth when room is needed."""

    BASE = 0  # without it the rest makes no sense: never goes
    RESTART = 1  # what came before is no longer shown: goes at once
    KEPT = 2  # pauses, evaluations: go last
    TRACE = 3
    LIVE = 4  # goes first


@dataclass(frozen=True, slots=True)
class Entry:
    """A message in the file: its kind, whose series it belongs to, its place there, and its length in bytes."""

    kind: Kind
    lane: str
    number: int
    length: int


class BoundedFile:
    """A recording that is appended to and thinned when it reaches its bound. Every method may raise OSError."""

    def __init__(self, path: Path, limit: int = SESSION_BYTES) -> None:
        self.path = path
        self.limit = limit
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        hold(self._file)
        self._entries: list[Entry] = []
        self._counts: dict[tuple[Kind, str], int] = {}
        self._trace_stride = 1
        self.size = 0
        try:
            self._write(HEADER)
        except OSError:  # on a full disk: an empty file would count as a session
            os.close(self._file)
            with contextlib.suppress(OSError):
                os.unlink(path)
            raise

    def append(self, kind: Kind, lane: str, data: bytes) -> None:
        """Add a packed message."""
        number = self._counts.get((kind, lane), 0)
        self._counts[kind, lane] = number + 1
        if kind is Kind.TRACE and number % self._trace_stride:
            return
        self._write(data)
        self._entries.append(Entry(kind, lane, number, len(data)))
        if self.size > self.limit:
            self._thin()

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._file, view) :]
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self.size)  # no half message
            raise
        self.size += len(data)

    def _thin(self) -> None:
        """Bring the file down to half its bound, or to what cannot go."""
        room = self.limit // 2 - len(HEADER)
        keep = self._since_restart()
        for kind in (Kind.LIVE, Kind.TRACE, Kind.KEPT):
            while sum(self._entries[i].length for i in keep) > room:
                fewer = self._halve(keep, kind)
                if len(fewer) == len(keep):
                    break
                keep = fewer
        self._rewrite(keep)
        if self.size > self.limit:
            raise OSError(0, f"it has reached its bound of {self.limit >> 20} MiB")

    def _since_restart(self) -> list[int]:
        """The entries that still matter: what came before the last restart does not, but for data and engine."""
        restarts = [i for i, entry in enumerate(self._entries) if entry.kind is Kind.RESTART]
        first = restarts[-1] if restarts else 0
        return [i for i, e in enumerate(self._entries) if i >= first or (e.kind is Kind.BASE and not e.lane)]

    def _halve(self, keep: list[int], kind: Kind) -> list[int]:
        """Every second entry of a kind goes; each lane's newest stays."""
        entries = self._entries
        newest = {entries[i].lane: i for i in keep if entries[i].kind is kind}
        if kind is Kind.TRACE:
            if self._trace_stride >= 2**20:
                return keep
            self._trace_stride *= 2
            return [i for i in keep if entries[i].kind is not kind or not entries[i].number % self._trace_stride]
        kept: list[int] = []
        seen: dict[str, int] = {}
        for i in keep:
            if entries[i].kind is kind and i != newest[entries[i].lane]:
                seen[entries[i].lane] = seen.get(entries[i].lane, 0) + 1
                if not seen[entries[i].lane] % 2:  # the first stays, so that the past does not fade
                    continue
            kept.append(i)
        return kept

    def _rewrite(self, keep: list[int]) -> None:
        starts, at = [], len(HEADER)
        for entry in self._entries:
            starts.append(at)
            at += entry.length
        beside = self.path.with_suffix(THINNED)
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        new, old = os.open(beside, flags, 0o600), self._file
        size = self.size
        self._file, self.size = new, 0
        hold(new)
        try:
            self._write(HEADER)
            for i in keep:
                self._write(os.pread(old, self._entries[i].length, starts[i]))
            os.replace(beside, self.path)
        except OSError:  # the long file stays as it is
            self._file, self.size = old, size
            os.close(new)
            with contextlib.suppress(OSError):
                os.unlink(beside)
            raise
        os.close(old)
        self._entries = [self._entries[i] for i in keep]
