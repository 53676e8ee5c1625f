"""The panes of the main screen: where they stand, and what is drawn anew when something changed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from ..host.mishaps import mishap
from ..plots.ink import Ink, row, visible, wrap
from ..session.changed import Changed, Commands
from ..session.session import Session
from .closer import CloserLook
from .footer import footer
from .layout import TINY, WIDE, LayoutName, layout_for
from .messages import Resized, ViewChosen
from .panes.bars import KeyBar, NoticeBar
from .panes.config import ConfigPane, facts, strip_row
from .panes.findings import findings_rows
from .panes.header import header_row
from .panes.pane import Pane
from .panes.run import run_rows, run_strip
from .panes.training import training_rows
from .panes.view import ViewPane
from .sheets.sheet import Palette, Sheet
from .tour.hint import Hint
from .visits import Visits
from .walking import WalkingScreen

WHILE_TYPING = {"leave", "quit"}  # all else waits while a value is typed

ABOVE = 2  # lines of a table above the one pointed at, where another view is turned to


class Panels(WalkingScreen[None]):
    """A screen of panes that show a session. Each is drawn when it no longer tells the truth and is seen."""

    def __init__(self, session: Session, tell: Callable[[Commands], None]) -> None:
        super().__init__()
        self.session = session
        self.tell = tell
        self._stale = Changed.ALL
        self._layout: LayoutName | None = None
        self._maximised = False
        self._view_before = 0
        self.visits = Visits(self)
        self._closer = CloserLook(self, lambda: self.current.inspects)
        self.header = Sheet(id="header")
        self.strip = Sheet(id="strip")
        self.config = ConfigPane(id="config")
        self.findings = Pane("Findings", id="findings")
        self.training = Pane("Training", id="training")
        self.view = ViewPane(id="view")
        self.keys = KeyBar(id="keys")
        self.hint = Hint(id="hint")
        self.bar = NoticeBar(id="bar")
        self.small = Sheet(id="small")
        self.palette = Palette()

    def compose(self) -> ComposeResult:
        yield self.header
        yield self.strip
        with Horizontal(id="body"):
            with Vertical(id="side"):
                yield self.config
                yield self.findings
            with Vertical(id="main"):
                yield self.training
                yield self.view
        yield self.hint
        yield self.keys
        yield self.small
        yield self.bar
        yield self.palette

    # ------------------------------------------------------------------------------------------- drawing

    def on_resize(self, event: events.Resize) -> None:
        self._arrange(event.size.width, event.size.height)

    def _arrange(self, width: int, height: int) -> None:
        self._layout = layout_for(width, height)
        kept = set(self.classes) - {"-tiny", "-compact", "-full", "-wide", "-maximised"}
        wide, maximised = {"-wide"} if width >= WIDE else set(), {"-maximised"} if self._maximised else set()
        self.set_classes(kept | {f"-{self._layout}"} | wide | maximised)  # at once: each change matches all styles anew
        self.hint.tell()
        self.call_after_refresh(self.draw, Changed.ALL)

    @on(Resized)
    def _redraw(self) -> None:
        self.draw(Changed.ALL)

    def on_screen_resume(self) -> None:
        self.draw(Changed.ALL)

    def draw(self, changed: Changed = Changed.NOTHING) -> None:
        """Draw the panes that no longer tell the truth and are seen; the others when they are."""
        self._stale |= changed
        self.visits.draw(changed)
        if not self.is_current or not self._stale or self._layout is None:
            return
        stale, self._stale = self._stale, Changed.NOTHING
        with self.app.batch_update():
            if self._layout == "tiny":
                width, _ = self.small.size
                self.small.show([row(width, line) for line in wrap(TINY, width)])
                return
            if Changed.HEADER in stale:
                self._attempt("the header", self._draw_header, self.header)
            if Changed.CONFIG in stale:
                self._attempt("the config pane", self._draw_config, self.strip)
            if Changed.TRAINING in stale:
                self._draw_pane(self.training, training_rows)
            if Changed.FINDINGS in stale:
                self._draw_pane(self.findings, findings_rows)
            if Changed.VIEW in stale or stale & self.current.redraws_on:
                draw = partial(self.view.draw, self.session, alone=self._maximised)
                self._attempt(f"the view {self.current.title}", draw, self.view.sheet)
            if Changed.BAR in stale:
                self._draw_bar()
            self._look_for_sights()
        self._closer.wait()

    def _look_for_sights(self) -> None:
        """Tick off what the tour wants to be seen and is."""
        trouble = self.hint.look(self.session, self.current.id)
        if trouble:
            self.session.say(trouble, "warn")
            self._draw_bar()

    def _attempt(self, part: str, draw: Callable[[], None], sheet: Sheet) -> None:
        """Draw one part; where that fails it says so in its place, and the rest goes on."""
        try:
            draw()
        except Exception as error:
            sentence = visible(mishap(f"{part} cannot be drawn", error))
            width, height = sheet.size
            sheet.show([row(width, (f" {line}", Ink.BAD)) for line in wrap(sentence, width - 2)[:height]])

    def _draw_header(self) -> None:
        self.header.show([header_row(self.session, self.header.size.width)])
        actions = footer(
            settings=self.config.has_focus,
            editing=self.config.editing,
            plot=self.view.sheet.has_focus,
            past=self.session.pointer.past is not None,
            attached=self.session.attached is not None,
            without=self.session.knobs.without,
            filtering=self.view.filtering,
            folded=bool(self.session.pointer.text) or any(line.head for line in self.lines.all),
        )
        self.keys.show_keys(running=self.session.running, actions=actions)

    def _draw_config(self) -> None:
        if self.session.attached is not None:
            self.config.border_title = "Run"
            self.config.say(run_rows(self.session, self.config.sheet.size.width))
            self.strip.show([run_strip(self.session, self.strip.size.width)])
            return
        session = self.session
        self.config.show(session.settings.replace(schedule=session.config.schedule), facts(session), session.knobs)
        self.strip.show([strip_row(session.settings, self.strip.size.width, session.knobs)])

    def _draw_pane(self, pane: Pane, rows: Callable[[Session, int, int], Any]) -> None:
        width, height = pane.sheet.size
        if width and height and pane.sheet.is_on_screen:
            title = str(pane.border_title).lower()
            self._attempt(f"the {title} pane", lambda: pane.sheet.show(rows(self.session, width, height)), pane.sheet)

    def _draw_bar(self) -> None:
        self.bar.tell(self.session, self.size.width)

    # --------------------------------------------------------------------------------------------- views

    @property
    def view_title(self) -> str:
        return self.current.title

    @property
    def picture_title(self) -> str:
        return self.titled(self.current.title)

    def show_view(self, index: int) -> None:
        """Show a view by its place among the tabs, around the corner at both ends."""
        look, before = self.session.look(), self.current
        self.view.turn_to(index)
        pointer = self.session.pointer
        pointer.carry(before.parts(look), self.current.parts(look))
        self.view.top = max(0, self.lines.at(pointer.layer, pointer.fold) - ABOVE)
        self.draw(self.session.hush() | Changed.VIEW | Changed.HEADER)

    @on(ViewChosen)
    def _view_chosen(self, event: ViewChosen) -> None:
        self.show_view(event.index)
