"""The pane of the view that is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult

from ..sheets.plot_sheet import PlotSheet
from .bars import TabBar

if TYPE_CHECKING:  # loaded when first asked for: the first frame does not wait for them
    pass

from .pane import Pane


class ViewPane(Pane):
    """The tabs and the view that is shown."""

    def __init__(self, *, id: str) -> None:
        super().__init__("", id=id)
        self.sheet = PlotSheet(id="page")
        self.tabs = TabBar(id="tabs")

    def compose(self) -> ComposeResult:
        yield self.tabs
        yield self.sheet
