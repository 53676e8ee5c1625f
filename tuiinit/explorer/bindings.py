"""Key bindings from the table of actions."""

from __future__ import annotations

from collections.abc import Sequence

from textual.binding import Binding

from ..session.actions import ACTIONS, Action

_NAMES = {"[": "left_square_bracket", "]": "right_square_bracket"}


def bindings(actions: Sequence[Action] = ACTIONS, without: Sequence[str] = ()) -> list[Binding]:
    """The bindings of a screen with these actions; `without` are keys that mean something else there."""
    return [
        Binding(
            ",".join(_NAMES.get(key, key) for key in keys),
            action.do.replace("{key}", keys[0]),
            action.description,
            show=bool(action.footer),
            id=action.id if keys[0] == action.keys[0] else None,
            tooltip=action.tooltip,
            group=Binding.Group(action.group),
        )
        for action in actions
        for keys in _keys_of(action, without)
    ]


def _keys_of(action: Action, without: Sequence[str]) -> list[tuple[str, ...]]:
    keys = tuple(key for key in action.keys if key not in without)
    return [(key,) for key in keys] if "{key}" in action.do else [keys][: bool(keys)]
