"""The pane of the view that is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.widgets import Input

from ..sheets.plot_sheet import PlotSheet
from .bars import TabBar

if TYPE_CHECKING:  # loaded when first asked for: the first frame does not wait for them
    pass

from .pane import Pane

FILTER = "words in a row's name or kind; enter keeps them, esc shows all"


class ViewPane(Pane):
    """The tabs and the view that is shown."""

    def __init__(self, *, id: str) -> None:
        super().__init__("", id=id)
        self.sheet = PlotSheet(id="page")
        self.tabs = TabBar(id="tabs")

        self.field = Input(id="filter", compact=True, placeholder=FILTER)
        self.field.display = False

    def compose(self) -> ComposeResult:
        yield self.tabs
        yield self.sheet
        yield self.field

    @property
    def filtering(self) -> bool:
        """Whether words of a filter are typed."""
        return bool(self.field.display)

    def ask(self, text: str) -> None:
        """Ask for the words of a filter, which are these at first."""
        self.field.display = True
        self.field.value = text
        self.field.focus()

    def close_filter(self) -> None:
        """Ask no more."""
        self.field.display = False
