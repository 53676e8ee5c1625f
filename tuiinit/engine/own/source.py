"""The functions that build people's networks, imported once, and whether the files that they came from have changed."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ...stream.protocol import OwnKnob
from . import target as targets
from .target import Knob, Target, is_own

Stamp = tuple[int, int]  # a file's time of change and size


@dataclass(frozen=True)
class Builder:
    """A person's function, and what can be set of it."""

    function: Callable[..., Any]
    knobs: tuple[Knob, ...]

    def records(self) -> tuple[OwnKnob, ...]:
        """The knobs as the stream tells them."""
        return tuple(
            OwnKnob(name=knob.name, kind=knob.kind, default=knob.default, choices=knob.choices)  # type: ignore[arg-type]
            for knob in self.knobs
        )


class Sources:
    """Functions by target and revision. A revision that is new is imported anew, with all of the person's modules."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], Builder] = {}
        self._files: dict[str, Stamp | None] = {}  # as they were when they were imported, or a change was last told
        self._stale = False  # a file has changed since the last import
        self._before = set(sys.modules)  # what nobody's network brought

    @property
    def watches(self) -> bool:
        """Whether there is any file to look at."""
        return bool(self._files)

    def get(self, target: str, revision: int) -> Builder:
        """The function of a target. Raises OwnError."""
        key = target, revision
        if key not in self._known:
            self._forget_modules()
            place = Target.of(target)
            try:
                with _no_bytecode():
                    function = targets.find(place)
                self._known[key] = Builder(function, targets.knobs(function))
            finally:
                if place.is_file:
                    self._watch(os.path.abspath(place.place))
                self.look_around()
        return self._known[key]

    def look_around(self) -> None:
        """Watch all files of the person's that are imported by now."""
        for name, module in list(sys.modules.items()):
            path = getattr(module, "__file__", None)
            if name not in self._before and isinstance(path, str) and is_own(path):
                self._watch(path)

    def changed(self) -> list[str]:
        """Files that are not what they were, each change once."""
        found = []
        for path, before in self._files.items():
            now = _stamp(path)
            if now is not None and now != before:  # while an editor writes it, it may be gone
                self._files[path] = now
                found.append(path)
        self._stale = self._stale or bool(found)
        return found

    def restart(self) -> None:
        """Import anew what has changed."""
        self.changed()
        if self._stale:
            self._known.clear()
            self._stale = False

    def _watch(self, path: str) -> None:
        self._files.setdefault(path, _stamp(path))

    def _forget_modules(self) -> None:
        """What a person's files define comes from the files again."""
        for name, module in list(sys.modules.items()):
            path = getattr(module, "__file__", None)
            if name not in self._before and isinstance(path, str) and is_own(path):
                del sys.modules[name]
        importlib.invalidate_caches()
        self.changed()  # what is imported now is what is there now
        self._stale = False


def _stamp(path: str) -> Stamp | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


@contextmanager
def _no_bytecode() -> Iterator[None]:
    """Leave no compiled files beside a person's: one of the same second and size would be taken for the file."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before
