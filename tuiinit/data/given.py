"""Sources that can be read only once (standard input, a pipe): the command reads them, engines are given the words.

Such a source goes by a name made of its content, so equal words are equal data whatever they came through.
"""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

MAX_GIVEN = 16 * 2**20  # bytes: it travels to every engine in one message, and into the recording
_NAME = re.compile(r"piped:[0-9a-f]{12}")


class Given(NamedTuple):
    """Words that came through a pipe."""

    name: str  # what a configuration calls them
    title: str  # where they came from, for messages
    content: bytes


_known: dict[str, Given] = {}


def keep(title: str, content: bytes) -> Given:
    """Remember a source's content in this process; gives its name."""
    name = f"piped:{hashlib.blake2s(content, digest_size=6).hexdigest()}"
    return _known.setdefault(name, Given(name, title, content))


def find(name: str) -> Given | None:
    """A source by its name, if this process has it."""
    return _known.get(name)


def everything() -> tuple[Given, ...]:
    """All that this process has, for engines that it starts."""
    return tuple(_known.values())


def is_name(data: str | None) -> bool:
    """Whether a configuration's data is such a source and no file."""
    return data is not None and _NAME.fullmatch(data) is not None
