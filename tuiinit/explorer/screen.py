"""The main screen: lays out the panes, draws what changed, and does what keys ask for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input

from ..config.presets import Preset
from ..config.run import RunConfig
from ..config.values import ConfigError
from ..host.mishaps import mishap
from ..plots import Plot
from ..plots.cursor import Cursor, found, move
from ..plots.ink import Ink, row, visible, wrap
from ..session.amount import Amount
from ..session.attached import READ_ONLY
from ..session.changed import Changed, Commands
from ..session.session import MUCH, Session
from ..views import VIEWS, Page, View
from .bindings import bindings
from .closer import CloserLook
from .footer import footer
from .layout import TINY, WIDE, LayoutName, layout_for
from .messages import CursorMoved, CursorPut, Resized, SettingChanged, SettingTyped, ViewChosen
from .panes.bars import KeyBar, NoticeBar
from .panes.beneath import Beneath, beneath
from .panes.config import ConfigPane, facts, strip_row
from .panes.findings import findings_rows
from .panes.header import header_row
from .panes.pane import Pane
from .panes.run import run_rows, run_strip
from .panes.training import training_rows
from .panes.view import ViewPane
from .sheets.sheet import Palette, Sheet
from .tour import BY_CLAIM
from .tour.hint import Hint
from .visits import Visits
from .walking import WalkingScreen

WHILE_TYPING = {"leave", "quit"}  # all else waits while a value is typed


class Explorer(WalkingScreen[None]):
    """Everything that is seen. It reads the session, changes it on keys, and tells the engine through `tell`."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings()]
    AUTO_FOCUS = ""
    ESCAPE_TO_MINIMIZE = False

    def __init__(self, session: Session, tell: Callable[[Commands], None]) -> None:
        super().__init__()
        self.session = session
        self.tell = tell
        self._stale = Changed.ALL
        self._layout: LayoutName | None = None
        self._maximised = False
        self._view = self._view_before = 0
        self._top = 0
        self._body_height = 0
        self._cursor: Cursor | None = None
        self.visits = Visits(self)
        self._plot = Plot(())
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
                self._attempt(f"the view {self.current.title}", self._draw_view, self.view.sheet)
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
            editing=self.config.editing or self.view.filtering,
            plot=self.view.sheet.has_focus,
            past=self.session.pointer.past is not None,
            attached=self.session.attached is not None,
            without=self.session.knobs.without,
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

    def _draw_view(self) -> None:
        self.view.tabs.show_tabs([view.title for view in VIEWS], self._view)
        width, height = self.view.sheet.size
        if not width or not height:
            return
        page = Page(self.current, *self.session.sight(), width, height, self._top, self._cursor, alone=self._maximised)
        self._top, self._body_height, self._plot = page.top, page.body_height, page.plot
        self.view.sheet.show(page.rows)
        below = beneath(self.session) if self.current.compares or self.session.previous is None else Beneath("")
        self.view.sheet.subtitle(below.text, warns=below.warns)

    def _draw_bar(self) -> None:
        self.bar.tell(self.session, self.size.width)

    # --------------------------------------------------------------------------------------------- views

    @property
    def current(self) -> View:
        """The view that is shown."""
        return VIEWS[self._view]

    @property
    def view_title(self) -> str:
        return self.current.title

    @property
    def picture_title(self) -> str:
        return self.titled(self.current.title)

    def show_view(self, index: int) -> None:
        """Show a view by its place among the tabs, around the corner at both ends."""
        self._view = index % len(VIEWS)
        self._top = 0
        self.draw(self.session.hush() | Changed.VIEW)

    @on(ViewChosen)
    def _view_chosen(self, event: ViewChosen) -> None:
        self.show_view(event.index)

    # ------------------------------------------------------------------------------------------- actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if isinstance(self.focused, Input):
            return action in WHILE_TYPING
        return True

    def action_run(self) -> None:
        """Run or pause; a stop of the tour may ask for so many steps."""
        until = self.hint.stops_at(self.session.clock)
        if until is None or self.session.running or self.session.catching_up:
            super().action_run()
        else:
            self._do(lambda: self.session.go(Amount(until, "to")))

    def action_measure(self) -> None:
        self._do(self.session.measure)

    def _read_only(self) -> bool:
        """Whether there is nothing here that trains or could be compared with; says so."""
        if self.session.attached is not None:
            self.draw(self.session.say(READ_ONLY, "warn"))
        return self.session.attached is not None

    def action_config(self, key: str = "") -> None:
        if self.session.lanes.watched is not None and key:  # nothing to set: the keys walk the rows
            self.action_point(1 if key in ("down", "j") else -1, 0)
            return
        if self._read_only():
            return
        if self._layout == "compact":
            self.add_class("-settings")
        if not self._maximised or self._layout == "compact":
            self.config.focus()

    def action_findings(self) -> None:
        """To the findings in full, and back to the view before."""
        there = next(i for i, view in enumerate(VIEWS) if view.id == "findings")
        if self._view == there:
            self.show_view(self._view_before)
        else:
            self._view_before = self._view
            self.show_view(there)

    def action_time(self, direction: int) -> None:
        self.draw(self.session.hush() | self.session.move_time(direction))

    def action_cursor(self) -> None:
        """Read exact values off the plot, or stop it."""
        if self.view.sheet.has_focus:
            self.set_focus(None)
            return
        self._cursor = move(self._plot, None, 1) or Cursor(0, 0)
        self.view.sheet.focus()
        self.draw(self.session.hush() | Changed.VIEW)

    @on(CursorMoved)
    def _cursor_moved(self, event: CursorMoved) -> None:
        self._cursor = (move(self._plot, self._cursor, event.by) or self._cursor) if event.by else None
        self.draw(Changed.VIEW)

    @on(CursorPut)
    def _cursor_put(self, event: CursorPut) -> None:
        self._cursor = found(self._plot, event.x, event.y) or self._cursor or Cursor(0, 0)
        self.draw(Changed.VIEW)

    def action_inspect(self) -> None:
        self._do(self.session.inspect)

    def action_smooth(self, by: int) -> None:
        self.draw(self.session.hush() | self.session.say(self.session.pointer.smooth(by)) | Changed.ALL)

    def action_overlay(self) -> None:
        self.current.turn(self.session.look(), self.session.pointer)
        self.draw(self.session.hush() | Changed.VIEW)

    def action_compare(self) -> None:
        """Put the lane at hand beside others."""
        if self.config.editing or self._layout == "tiny":
            return
        self.set_focus(None)

        def back(view: str | None) -> None:
            self._view = next((i for i, v in enumerate(VIEWS) if v.id == view), self._view)

        self.visits.compare(self.current.id, back)

    def action_sweep(self) -> None:
        """Sweep over the gain around the lane at hand."""
        if self._read_only():
            return
        self.set_focus(None)
        self.visits.sweep(lambda chosen: self._do(lambda: self.session.select(chosen)))

    def action_export(self) -> None:
        """Ask for a folder, and write the report of the lane at hand there."""
        self.visits.export()

    def action_notes(self) -> None:
        self.choose_claim()

    def choose_claim(self, claim: str | None = None) -> None:
        """Choose a claim of the notes, beginning at one, and have it set up."""
        from .tour.screen import NotesScreen

        if self.config.editing or self._layout == "tiny" or self._read_only():
            return
        try:
            self.session.lecture("The tour is")
        except ConfigError as error:
            self.draw(self.session.say(str(error), "warn"))
            return
        self.set_focus(None)
        self.remove_class("-settings")
        # What a stop of the tour has trained it trains again; all else is asked for.
        much = self.session.clock >= MUCH and self.hint.walk is None and not self.session.recorded
        drops = self.session.clock if much else 0
        self.app.push_screen(NotesScreen(self.hint.progress, claim or self.hint.chosen, drops), self.show_claim)

    def show_claim(self, claim: str | None) -> None:
        """Set up a claim of the notes and tell what to press and to look at."""
        if claim is None or self.session.dead is not None or self._read_only():
            return
        stop = BY_CLAIM[claim]

        def begin() -> Commands:
            commands = self.session.begin(stop.config(self.session.lecture("The tour is")), stop.steps)
            self._view = next(i for i, view in enumerate(VIEWS) if view.id == stop.view)
            self._top, self._cursor = 0, None
            self.hint.begin(stop)
            self.config.point_at(stop.setting)
            return commands

        self._do(begin)

    def take_preset(self, preset: Preset) -> None:
        """Look at another network at the same step, on the same data and trained the same way."""

        def take() -> Commands:
            self.session.lecture("Presets are")
            config = self.session.config
            return self.session.select(preset.config(config)) if isinstance(config, RunConfig) else ()

        self._do(take)

    def forget_tour(self) -> None:
        """Every claim of the notes is to be seen again."""
        self.hint.end()
        self.hint.progress.forget()
        trouble = self.hint.progress.trouble
        self.draw(self.session.say(trouble or "The tour's progress is forgotten.", "warn" if trouble else "note"))

    def action_maximise(self) -> None:
        self._maximised = not self._maximised
        if self._maximised:
            self.set_focus(None)
        self._arrange(*self.size)

    def action_leave(self) -> None:
        if self.config.editing:
            self.config.close_field()
        elif self.view.filtering:
            self.view.close_filter()
            self.set_focus(None)
            self.filter_rows("")
        elif self.focused is not None:
            self.set_focus(None)
            self.remove_class("-settings")
        elif self.session.pointer.past is not None:
            self.session.look_live()
            self.draw(Changed.ALL)
        elif self.session.catching_up:
            self._do(self.session.pause)
            return
        elif self.session.pointer.text:
            self.filter_rows("")
        elif self._maximised:
            self.action_maximise()
        else:
            self.hint.end()
        self.draw(self.session.hush())

    def go_to_setting(self, name: str) -> None:
        """To the config pane, at one setting."""
        if self._read_only():
            return
        self._maximised = False
        self._arrange(*self.size)
        self.config.point_at(name)
        self.action_config()

    def on_descendant_focus(self) -> None:
        self.call_after_refresh(self.draw, Changed.HEADER)  # the footer's keys are those of what has the focus

    def on_descendant_blur(self) -> None:
        self.call_after_refresh(self.draw, Changed.HEADER)

    @on(SettingChanged)
    def _setting_changed(self, event: SettingChanged) -> None:
        self._do(lambda: self.session.change(event.name, event.value))

    @on(SettingTyped)
    def _setting_typed(self, event: SettingTyped) -> None:
        def take() -> Commands:
            setting = self.session.knobs[event.name]
            commands = self.session.change(event.name, setting.parse(event.text))
            self.config.close_field()
            return commands

        self._do(take)
