"""A framed pane that redraws what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Container

from ..messages import Resized
from ..sheets.sheet import Sheet

if TYPE_CHECKING:  # loaded when first asked for: the first frame does not wait for them
    pass


class Pane(Container):
    """A part of the screen that holds one sheet."""

    def __init__(self, title: str, *, id: str, sheet_id: str | None = None) -> None:
        super().__init__(id=id)
        self.border_title = title
        self.sheet = Sheet(id=sheet_id)

    def compose(self) -> ComposeResult:
        yield self.sheet

    def on_resize(self) -> None:
        self.post_message(Resized())
