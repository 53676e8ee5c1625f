"""The help screen: keys from the action table, and how to read each view."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from .actions import ACTIONS, GROUPS, shown_key
from .views import VIEWS

KEYS = 16  # cells of the column of keys


def help_text() -> Content:
    """All keys by group, then each view with how to read it."""
    parts: list[Content | str | tuple[str, str]] = []
    for group in GROUPS:
        parts.append((f"{group}\n", "bold underline"))
        for action in ACTIONS:
            if action.group == group:
                keys = " ".join(shown_key(key) for key in action.keys)
                parts.append((f"  {keys:<{KEYS}} ", "bold"))
                parts.append(f"{action.description}")
                parts.append((f"  {action.tooltip}\n", "dim"))
        parts.append("\n")
    parts.append(("In the config pane\n", "bold underline"))
    for keys, what in (
        ("↑ ↓ j k", "choose a setting"),
        ("← →", "change it"),
        ("enter", "type a value"),
        ("esc", "leave"),
    ):
        parts += [(f"  {keys:<{KEYS}} ", "bold"), f"{what}\n"]
    parts.append("\n")
    for view in VIEWS:
        parts += [(f"{view.title}\n", "bold underline"), f"{view.help}\n\n"]
    return Content.assemble(*parts)


class HelpScreen(ModalScreen[None]):
    """Keys and how to read the views."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark", "dismiss", "Close"),
        Binding("j,down", "scroll(1)", show=False),
        Binding("k,up", "scroll(-1)", show=False),
    ]

    def compose(self) -> ComposeResult:
        scroll = VerticalScroll(Static(help_text(), markup=False), id="help")
        scroll.border_title = "Help"
        scroll.border_subtitle = "j k scroll · esc closes"
        yield scroll

    def action_scroll(self, by: int) -> None:
        self.query_one("#help", VerticalScroll).scroll_relative(y=by, animate=False)
