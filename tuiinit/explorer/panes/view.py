"""The pane of the view that is shown."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Input

from ...plots import Plot
from ...plots.cursor import Cursor
from ...session.known import Known
from ...views import VIEWS, Page, View
from ..sheets.plot_sheet import PlotSheet
from .bars import TabBar
from .beneath import Beneath, beneath
from .pane import Pane

FILTER = "words in a row's name or kind; enter keeps them, esc shows all"


class ViewPane(Pane):
    """The tabs and the view that is shown."""

    def __init__(self, *, id: str) -> None:
        super().__init__("", id=id)
        self.sheet = PlotSheet(id="page")
        self.tabs = TabBar(id="tabs")
        self.index = 0  # of the view that is shown, among the tabs
        self.top = 0  # the first line of its table that is shown
        self.sought: int | None = None  # the line of it that must be in sight at the next drawing
        self.plot = Plot(())  # as drawn last
        self.cursor: Cursor | None = None  # where values are read off it

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

    @property
    def current(self) -> View:
        """The view that is shown."""
        return VIEWS[self.index]

    def turn_to(self, index: int) -> None:
        """Show a view by its place among the tabs, from the top of its table on."""
        self.index = index % len(VIEWS)
        self.top = 0

    def draw(self, session: Known, *, alone: bool) -> None:
        """Draw tabs and view; without its table where `alone`."""
        skipped = [i for i, view in enumerate(VIEWS) if view.out_of_place(session.look())]
        self.tabs.show_tabs([view.title for view in VIEWS], self.index, skipped)
        width, height = self.sheet.size
        if not width or not height:
            return
        sought, self.sought = self.sought, None
        page = Page(self.current, *session.sight(), width, height, self.top, self.cursor, alone=alone, sought=sought)
        self.top, self.plot = page.top, page.plot
        self.sheet.show(page.rows)
        below = beneath(session) if self.current.compares or session.previous is None else Beneath("")
        self.sheet.subtitle(below.text, warns=below.warns)
