"""Which values a parameter's annotation names: those of a Literal, the members of an Enum."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable
from enum import Enum
from typing import Any, Literal, get_args, get_origin


def choices_of(function: Callable[..., Any]) -> dict[str, dict[str, Any]]:
    """By parameter the values that its annotation names, each by the word that a person writes for it.

    Annotations that cannot be read name none: they are a help, no condition.
    """
    try:
        hints = typing.get_type_hints(function if not inspect.isclass(function) else function.__init__)
    except Exception:  # names that are there for type checkers alone
        return {}
    found = {name: _named(hint) for name, hint in hints.items() if name != "return"}
    return {name: values for name, values in found.items() if values}


def _named(hint: Any) -> dict[str, Any]:
    if get_origin(hint) in (typing.Union, types.UnionType):  # Literal["relu"] | None
        parts = [_named(part) for part in get_args(hint) if part is not types.NoneType]
        return parts[0] if len(parts) == 1 else {}
    if get_origin(hint) is Literal:
        return {str(value): value for value in get_args(hint) if type(value) in (bool, int, str)}
    if inspect.isclass(hint) and issubclass(hint, Enum):
        return dict(hint.__members__)
    return {}


def plain(value: Any) -> Any:
    """A value as it is told: a member of an Enum by its name."""
    return value.name if isinstance(value, Enum) else value
