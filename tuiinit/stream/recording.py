"""Recordings: what a session's stream said, in a file that opens again without an engine.

A file begins with one line, `tuiinit recording 2`, and goes on with the frames of the protocol as they came,
each behind its 4-byte length, and with the two commands that decide what is shown, Select and Restart, where
they were sent. Words that came through a pipe are in it, too: nobody can read them again. So a recording tells
every lane's shape, its configuration with its schedule, the lanes in the order in which they were looked at, and
the clock; and a configuration with a clock is all that an engine needs to get there again. A lane without one can
be looked at, too, and nothing more.
"""

from __future__ import annotations

import itertools
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import msgspec

from ..config.configuration import Configuration
from ..data import given
from ..host.files import private
from . import wire
from .misfit import misfit
from .protocol import DataInfo, Frame, Hello, Lane, OwnTarget, Restart, Select, Status, Trace, Words
from .sessions import MAGIC, sessions, sessions_folder
from .wire import ProtocolError

VERSION = 2  # 1 told no shapes
HEADER = MAGIC + b"%d\n" % VERSION
LONGEST_HEADER = 64  # bytes
LARGEST = 512 * 2**20  # bytes; a larger file is not read into memory
REASONS = 3  # why recordings do not open that are told, the newest's first

Recorded = Frame | Select | Restart | Words
_decoder: msgspec.msgpack.Decoder[Recorded] = msgspec.msgpack.Decoder(Recorded)


class RecordingError(ValueError):
    """A file that cannot be opened as a recording: one sentence that names it."""


@dataclass(frozen=True)
class Recording:
    """What a recording holds since its lanes were last put back to step 0.

    Attributes:
        frames: in their order; every Status stands still.
        shown: the configurations looked at, in their order.
        lane: the one that was on the screen at the end.
        clock: the step that the lanes were at, or were catching up to.
        words: those that came through a pipe.
        damage: why the rest of the file could not be read, or None.
    """

    path: Path
    frames: tuple[Frame, ...]
    shown: tuple[Configuration, ...]
    lane: Lane
    clock: int
    damage: str | None = None
    words: tuple[Words, ...] = ()

    def give_words(self) -> None:
        """Let engines that this process starts have the words that came through a pipe."""
        for words in self.words:
            given.keep(words.title, words.content)

    @property
    def config(self) -> Configuration | None:
        """That of the lane that was on the screen at the end, if it has one."""
        return self.lane.configuration

    def trainable(self) -> Configuration:
        """The configuration that an engine goes on from. Raises RecordingError if there is none."""
        if self.config is None:
            raise RecordingError(f"{self.path} tells of a network that tuiinit did not build: only replay shows it")
        return self.config

    @property
    def before(self) -> Configuration | None:
        """The lane with a configuration that was on the screen before it."""
        earlier = self.shown if self.config is None else self.shown[:-1]
        return earlier[-1] if earlier else None


def load(path: Path) -> Recording:
    """Open a recording up to its last whole frame.

    Raises:
        RecordingError: it cannot be read, is no recording, or holds no network.
    """
    try:
        info = path.stat()
        if not stat.S_ISREG(info.st_mode):
            raise RecordingError(f"{path} is not a file")
        if info.st_size > LARGEST:
            raise RecordingError(f"{path} is larger than {LARGEST >> 20} MiB: no recording of tuiinit is")
        with path.open("rb") as stream:
            check_header(path, stream.readline(LONGEST_HEADER))
            contents = _Contents()
            damage = contents.read(stream)
    except OSError as error:
        raise RecordingError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:  # a path with a null byte
        if isinstance(error, RecordingError):
            raise
        raise RecordingError(f"cannot read {str(path)!r}: {error}") from None
    time = contents.time()
    shown = time.lanes_shown()
    if not shown:
        raise RecordingError(f"{path} holds no network{f': {damage}' if damage else ''}")
    configs = tuple(lane.configuration for lane in shown if lane.configuration is not None)
    frames, words = tuple(contents.frames(time)), tuple(contents.words)
    return Recording(path, frames, configs, shown[-1], time.clock, damage, words)


def last(folder: Path | None = None) -> Recording:
    """The session recorded last in which something was trained; if none was, the last one.

    Raises:
        RecordingError: there is none that opens: how many there are, and why the newest do not.
    """
    folder = sessions_folder() if folder is None else folder
    newest: Recording | None = None
    reasons: list[str] = []
    for path, _ in sessions(folder):
        try:
            recording = load(path)
        except RecordingError as error:
            reasons.append(str(error).replace(f"{path}", path.name))
            continue
        if recording.clock:
            return recording
        newest = newest or recording
    if newest is None:
        raise RecordingError(_none_opens(folder, reasons))
    return newest


def _none_opens(folder: Path, reasons: list[str]) -> str:
    if not reasons:
        try:
            os.listdir(folder)
        except FileNotFoundError:
            pass
        except OSError as error:
            return f"cannot read {folder}: {error.strerror}"
        return f"no session is recorded in {folder}"
    many = "the only recording" if len(reasons) == 1 else f"none of the {len(reasons):,} recordings"
    opens = "does not open" if len(reasons) == 1 else "opens"
    more = "; …" if len(reasons) > REASONS else ""
    return f"{many} in {folder} {opens}: {'; '.join(reasons[:REASONS])}{more}"


def check_header(path: Path, line: bytes) -> None:
    """Raise RecordingError if a file's first line is not that of a recording that can be read."""
    version = line[len(MAGIC) :].strip()
    if not line.startswith(MAGIC) or not line.endswith(b"\n") or not version.isdigit():
        raise RecordingError(f"{path} is not a recording of tuiinit")
    if int(version) != VERSION:
        which = "a later" if int(version) > VERSION else "an earlier"
        raise RecordingError(
            f"{path} was recorded by {which} version of tuiinit (format {int(version)}, this one reads {VERSION})"
        )


@dataclass
class _Time:
    """What was told between one Restart and the next."""

    since: int  # of the Hello, DataInfo and OwnTarget frames, those that came before it
    frames: list[Frame] = field(default_factory=list)
    clock: int = 0
    lanes: dict[str, Lane] = field(default_factory=dict)
    _matrices: dict[str, int] = field(default_factory=dict)  # columns of each lane's update:data
    _shown: list[tuple[str, str | None]] = field(default_factory=list)  # a lane looked at; or a lane's next name

    def look_at(self, key: str) -> None:
        """A lane was selected."""
        self._shown.append((key, None))

    def take(self, message: Frame) -> None:
        """A frame."""
        match message:
            case Lane(lane=key):
                if message.continues is not None:
                    self._shown.append((message.continues, key))
                    self.lanes.pop(message.continues, None)
                self.lanes[key] = message
            case Status():
                self.clock = max(self.clock, message.clock)
                message = msgspec.structs.replace(message, running=False, catching_up=False, target=None)
            case Trace():
                self._check(message)
        self.frames.append(message)

    def lanes_shown(self) -> list[Lane]:
        """The lanes looked at, in order, without those that the engine refused."""
        reported = [lane.lane for status in self.frames if isinstance(status, Status) for lane in status.lanes[:1]]
        for keys in (self._looked_at(), reported, list(self.lanes)[-1:]):
            known = [key for key in keys if key in self.lanes]
            if known:
                return [self.lanes[key] for key, _ in itertools.groupby(known)]
        return []

    def _looked_at(self) -> list[str]:
        """The lanes looked at, by the names that they had at the end."""
        names: dict[str, str] = {}  # what a name of that time became
        keys: list[str] = []
        for key, new in reversed(self._shown):
            if new is None:
                keys.append(names.get(key, key))
            else:
                names[key] = names.get(new, new)
        return keys[::-1]

    def _check(self, trace: Trace) -> None:
        steps, rest = divmod(len(trace.loss), 4)
        columns, more = divmod(len(trace.update_data), len(trace.loss) or 1)
        if rest or more or not steps or (columns and self._matrices.setdefault(trace.lane, columns) != columns):
            raise ProtocolError(f"a trace of {steps:,} steps whose numbers do not fit")


class _Contents:
    """Reads messages into what they leave behind, in a time that grows with their number alone."""

    def __init__(self) -> None:
        self._lasting: list[Frame] = []  # Hello, DataInfo and OwnTarget: a Restart does not end what they tell
        self.words: list[Words] = []
        self._now = _Time(0)
        self._before: _Time | None = None

    def read(self, stream: BinaryIO) -> str | None:
        """Take all messages; tells what is wrong with the first one that cannot be read."""
        try:
            while (body := wire.read_body(stream)) is not None:
                self._take(_decode(body))
        except ProtocolError as error:
            return str(error)
        return None

    def time(self) -> _Time:
        """The time since the last Restart that a lane followed: what no engine heard did not happen."""
        return self._now if self._now.lanes or self._before is None else self._before

    def frames(self, time: _Time) -> list[Frame]:
        """The frames that make sense of a time, and its own."""
        return [*self._lasting[: time.since], *time.frames]

    def _take(self, message: Recorded) -> None:
        match message:
            case Select():
                for lane in message.configurations[:1]:
                    self._now.look_at(lane.key)
                return
            case Words():
                self.words.append(message)
                return
            case Restart():
                self._before = self.time()
                self._now = _Time(len(self._lasting))
                return
            case Hello() | DataInfo() | OwnTarget():
                self._lasting.append(message)
        self._now.take(message)


def _decode(body: bytes) -> Recorded:
    message: Recorded = wire.decode(_decoder, body)
    if isinstance(message, Lane) and (fault := misfit(message)) is not None:  # the screen begins with it
        raise ProtocolError(fault)
    return message


def write(path: Path, messages: Iterable[Recorded]) -> None:
    """Write a whole recording at once. Raises OSError."""
    with open(path, "wb", opener=private) as file:
        file.write(HEADER)
        for message in messages:
            file.write(wire.pack(message))


# ------------------------------------------------------------------------------------- streams of recordings
