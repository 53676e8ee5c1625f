"""How long the texts in a record may be: a name of megabytes would be laid out at each drawing of the screen."""

from __future__ import annotations

import functools
import sys
import types
import typing
from collections.abc import Iterator
from typing import Any, Union, get_args, get_origin

import msgspec

from ..host.visible import LONGEST

LONGEST_NAME = 200  # characters: of layers, matrices, devices, versions
#: The texts that are no names, by their fields; a vocabulary has each character once.
LONGER = {
    "text": LONGEST,
    "lines": LONGEST,
    "quick": LONGEST,
    "failed": LONGEST,
    "target": LONGEST,
    "path": LONGEST,
    "data": LONGEST,
    "column": LONGEST,
    "why": LONGEST,
    "left_out_examples": LONGEST,
    "vocabulary": sys.maxunicode + 1,
}


def too_long(record: msgspec.Struct) -> str | None:
    """What of a record's texts, at any depth, is longer than such a text can be; None if nothing is."""
    for name in _fields_with_text(type(record)):
        value = getattr(record, name)
        for part in _parts(value):
            if isinstance(part, str):
                if len(part) > LONGER.get(name, LONGEST_NAME):
                    return f"a text of {len(part):,} characters ({name})"
            elif isinstance(part, msgspec.Struct) and (fault := too_long(part)) is not None:
                return fault
    return None


def _parts(value: Any) -> Iterator[Any]:
    """A value itself, or what a tuple and a mapping hold."""
    if isinstance(value, dict):
        yield from value
        yield from value.values()
    elif isinstance(value, tuple):
        for part in value:
            yield from _parts(part)
    else:
        yield value


@functools.cache
def _fields_with_text(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    hints = typing.get_type_hints(kind)
    return tuple(name for name in kind.__struct_fields__ if _holds_text(hints[name]))


def _holds_text(kind: Any) -> bool:
    if kind is str:
        return True
    if get_origin(kind) in (dict, tuple, Union, types.UnionType):
        return any(_holds_text(part) for part in get_args(kind))
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct) and bool(_fields_with_text(kind))
