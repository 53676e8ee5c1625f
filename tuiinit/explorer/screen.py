"""The main screen: does what keys ask for, over the panes that show it."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.widgets import Input

from ..config.presets import Preset
from ..config.run import RunConfig
from ..config.values import ConfigError
from ..plots.cursor import Cursor, found, move
from ..session.amount import Amount
from ..session.attached import READ_ONLY
from ..session.changed import Changed, Commands
from ..session.session import MUCH
from ..views import VIEWS
from .bindings import bindings
from .messages import CursorMoved, CursorPut, SettingChanged, SettingTyped
from .panels import Panels
from .tour import BY_CLAIM

WHILE_TYPING = {"leave", "quit"}  # all else waits while a value is typed


class Explorer(Panels):
    """Everything that is seen. It reads the session, changes it on keys, and tells the engine through `tell`."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings()]
    AUTO_FOCUS = ""
    ESCAPE_TO_MINIMIZE = False

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
        if self.view.index == there:
            self.show_view(self._view_before)
        else:
            self._view_before = self.view.index
            self.show_view(there)

    def action_time(self, direction: int) -> None:
        self.draw(self.session.hush() | self.session.move_time(direction))

    def action_cursor(self) -> None:
        """Read exact values off the plot, or stop it."""
        if self.view.sheet.has_focus:
            self.set_focus(None)
            return
        self.view.cursor = move(self.view.plot, None, 1) or Cursor(0, 0)
        self.view.sheet.focus()
        self.draw(self.session.hush() | Changed.VIEW)

    @on(CursorMoved)
    def _cursor_moved(self, event: CursorMoved) -> None:
        self.view.cursor = (move(self.view.plot, self.view.cursor, event.by) or self.view.cursor) if event.by else None
        self.draw(Changed.VIEW)

    @on(CursorPut)
    def _cursor_put(self, event: CursorPut) -> None:
        self.view.cursor = found(self.view.plot, event.x, event.y) or self.view.cursor or Cursor(0, 0)
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
            self.view.index = next((i for i, v in enumerate(VIEWS) if v.id == view), self.view.index)

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
            config = stop.config(self.session.lecture("The tour is"))
            commands = self.session.begin(config, stop.steps)
            self.view.index = next(i for i, view in enumerate(VIEWS) if view.id == stop.view)
            self.view.top, self.view.cursor = 0, None
            self.hint.begin(stop)
            self.config.point_at(stop.setting)
            if stop.at_output:  # behind the embedding and the hidden layers
                self.session.pointer.layer = len(config.hidden) + 1
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
