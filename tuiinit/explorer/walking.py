"""What the explorer's keys do with the lines of a table: walk, unfold, filter, scroll."""

from __future__ import annotations

from textual import on
from textual.screen import ScreenResultType
from textual.widgets import Input

from ..session.changed import Changed
from ..session.lines import Lines
from ..views import View
from .panes.view import ViewPane
from .training import TrainingScreen


class WalkingScreen(TrainingScreen[ScreenResultType]):
    """A screen with a view whose rows can be pointed at."""

    view: ViewPane

    @property
    def current(self) -> View:
        """The view that is shown."""
        return self.view.current

    @property
    def lines(self) -> Lines:
        """The lines of the view that is shown."""
        return self.current.lines(self.session.look(), self.session.pointer)

    def action_point(self, layers: int, units: int) -> None:
        session = self.session
        changed = session.walk(self.lines, layers) if layers else Changed.VIEW
        if units:
            changed |= session.point(unit=units, layers=0, units=self.current.units(session.look(), session.pointer))
        self._keep_in_sight()
        self.draw(session.hush() | changed)

    def _keep_in_sight(self) -> None:
        """Scroll the table so that the line pointed at is shown."""
        self.view.sought = self.lines.at(self.session.pointer.layer, self.session.pointer.fold)

    def action_next_dead(self) -> None:
        if not self.session.point_at_dead():
            self.draw(self.session.say("No unit is dead here."))
            return
        self._keep_in_sight()
        self.draw(self.session.hush() | Changed.VIEW)

    def action_page(self, by: int) -> None:
        self.view.top += by * max(1, self.view.sheet.size.height // 3)
        self.view.top = max(0, self.view.top)
        self.draw(self.session.hush() | Changed.VIEW)

    def action_fold(self) -> None:
        """Open the fold that is pointed at, or close the one around the row."""
        if not self.session.pointer.turn_fold(self.lines):
            self.draw(self.session.say("Nothing is folded here."))
            return
        self._keep_in_sight()
        self.draw(self.session.hush() | Changed.VIEW)

    def action_filter(self) -> None:
        """Ask for words that the names or kinds of the rows shown must have."""
        self.view.ask(self.session.pointer.text)
        self.draw(self.session.hush() | Changed.HEADER)

    @on(Input.Changed, "#filter")
    def _filter_typed(self, event: Input.Changed) -> None:
        event.stop()
        if self.view.filtering:
            self.filter_rows(event.value)

    @on(Input.Submitted, "#filter")
    def _filter_done(self, event: Input.Submitted) -> None:
        event.stop()
        self.view.close_filter()
        self.set_focus(None)

    def filter_rows(self, text: str) -> None:
        """Show only rows with these words in name or kind; all without any."""
        pointer, look = self.session.pointer, self.session.look()
        if text == pointer.text:
            return
        pointer.text = text
        pointer.filter(text, self.current.lines(look, pointer))
        self.view.top = 0
        self._keep_in_sight()
        self.draw(self.session.hush() | Changed.VIEW | Changed.HEADER)

    def action_view(self, by: int) -> None:
        """The next view that makes sense for the network, or the one before."""
        from ..views import VIEWS

        look, at = self.session.look(), VIEWS.index(self.current) + by
        while VIEWS[at % len(VIEWS)].out_of_place(look) and VIEWS[at % len(VIEWS)] is not self.current:
            at += by
        self.show_view(at)

    def show_view(self, index: int) -> None:
        """Show a view by its place among the tabs, around the corner at both ends."""
        raise NotImplementedError
