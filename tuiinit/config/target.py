"""A TARGET: where the function is that builds a person's network, in words that need no Python file to be read."""

from __future__ import annotations

import os
from dataclasses import dataclass

from .values import ConfigError, short

BUILD = "build"


@dataclass(frozen=True)
class Target:
    """Where the function is: in a file, or in a module that can be imported."""

    place: str
    name: str

    @classmethod
    def of(cls, text: str) -> Target:
        """Read `FILE.py`, `FILE.py:name` or `package.module:name`; without a name it is `build`. Raises ConfigError."""
        names_it = ":" in text and os.sep not in text.rpartition(":")[2]
        place, _, name = text.rpartition(":") if names_it else (text, "", BUILD)
        if not place or not name.isidentifier() or not (_is_file(place) or _is_module(place)):
            raise ConfigError(f"{short(repr(text))} does not read FILE.py, FILE.py:name or package.module:name")
        return cls(place, name)

    @property
    def is_file(self) -> bool:
        return _is_file(self.place)

    @property
    def short(self) -> str:
        """As a screen calls it: without folders, and without the name that is meant where none is given."""
        place = os.path.basename(self.place) if self.is_file else self.place
        return place if self.name == BUILD else f"{place}:{self.name}"

    def __str__(self) -> str:
        return f"{self.place}:{self.name}"


def called(text: str) -> str:
    """What a screen calls a TARGET; one from outside that cannot be read is called as it stands."""
    try:
        return Target.of(text).short
    except ConfigError:
        return short(text)


def _is_file(place: str) -> bool:
    return place.endswith(".py") or os.sep in place


def _is_module(place: str) -> bool:
    return all(part.isidentifier() for part in place.split("."))
