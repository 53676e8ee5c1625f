"""The explorer: reads the engine's stream into the session and has the screen draw it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import termios
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from rich.text import Text
from textual.app import SystemCommand
from textual.command import Provider
from textual.driver import Driver
from textual.screen import Screen
from textual.theme import ThemeProvider
from textual.timer import Timer

from ..config.configuration import Configuration
from ..host import interrupt
from ..host.mishaps import mishap
from ..plots.library import plotext
from ..session.changed import Changed, Commands
from ..session.session import Session
from ..stream.protocol import Credit, Frame, Select, Snapshot, Status
from ..stream.recorder import Pace, Recorder
from ..stream.recording import Recording
from ..stream.replay import FileLink, Source
from .lines_kept import forget_lines
from .messages import Updated
from .offered import offered
from .output import lean_driver
from .over import Bounded
from .palette import ActionPalette
from .saving import save_picture
from .screen import Explorer
from .signals import connect, when_continued, when_told_to_end
from .themes import LIGHT

REDRAW_SECONDS = 0.1  # at most one redraw for news from the engine in this time
LOOK_SECONDS = 0.5  # between looks at whether the engine still answers
SLEPT_SECONDS = 3.0  # without a look mean that this process itself stood still
QUIET_SECONDS = 4.0  # an engine that was asked and says nothing for so long may hang
QUIET_START = 30.0  # the same while torch loads, or a person's network is built
QUIET_COSTS = 40  # updates come at least 20 times their cost apart
AGAIN_SECONDS = 5.0  # within which ctrl+c twice quits
FEW_COLOURS = ("standard", "windows")  # colour systems of 16 colours


def _help_screen() -> Screen[None]:
    from .dialogs.help import HelpScreen

    return HelpScreen()


def _names() -> type[Provider]:
    from .names import Names

    return Names


class ExplorerApp(Bounded[int]):
    """The explorer over a stream of frames."""

    TITLE = "tuiinit"
    CSS_PATH = "style.tcss"
    ENABLE_COMMAND_PALETTE = True
    COMMANDS = Bounded.COMMANDS | {_names}
    # Made once and kept: Textual holds on to the lines of every screen that was ever drawn.
    SCREENS: ClassVar[dict[str, Callable[[], Screen[Any]]]] = {"help": _help_screen}

    def __init__(
        self,
        link: Source,
        config: Configuration,
        *,
        restart: Callable[[], Source] | None = None,
        theme: str | None = None,
        recorder: Recorder | None = None,
        recalled: Recording | None = None,
        attached: bool = False,
    ) -> None:
        super().__init__()
        self.register_theme(LIGHT)
        forget_lines()
        self.session = Session(config)
        self.session.pointer.colours = not self.no_color
        self._link = link
        self._new_link = restart
        self._theme = theme
        self._reader: asyncio.Task[None] | None = None
        self._owed = 0  # updates taken and not yet drawn
        self._changed = Changed.NOTHING
        self._timer: Timer | None = None
        self._drawn_at = 0.0
        self._heard = 0.0  # when the engine last said something
        self._asked: float | None = None  # when it was asked what it has not answered yet
        self._looked = 0.0
        self._ending: asyncio.Task[None] | None = None
        self._interrupted: float | None = None  # when ctrl+c was pressed
        self._recorder = recorder
        self._pace = Pace()
        if recalled is not None:
            self._recall(recalled)
        if attached:
            self.session.attach()
        self.explorer = Explorer(self.session, self.tell)
        self.palette = self.explorer.palette

    def get_driver_class(self) -> type[Driver]:
        return lean_driver(super().get_driver_class())

    def get_default_screen(self) -> Screen[None]:
        return self.explorer

    def on_mount(self) -> None:
        self.animation_level = "none"
        if self._theme:
            self.theme = self._theme
        elif self.console.color_system in FEW_COLOURS:
            self.theme = "ansi-dark"
        if not self.is_headless:
            when_told_to_end(self._told_to_end, self._last)
            when_continued(self._driver, lambda: self._exit)
        self._connect()
        self.set_interval(LOOK_SECONDS, self.look_for_silence)
        self.app_resume_signal.subscribe(self, lambda _: self.refresh())  # all of it: the terminal forgot it
        self.call_after_refresh(self._warm_up)

    async def _warm_up(self) -> None:
        await asyncio.to_thread(plotext)  # it takes time to load: after the first frame, and beside the event loop
        if not gc.isenabled():  # the command line has switched it off
            gc.freeze()  # what is loaded stays: collecting garbage need not look at it, which takes 25 ms each time
            gc.enable()

    async def on_unmount(self) -> None:
        await self._leave()

    # -------------------------------------------------------------------------------------------- engine

    def tell(self, commands: Commands) -> None:
        """Send commands to the engine."""
        for command in commands:
            if self._recorder is not None:
                self._recorder.sent(command)
            self._link.send(command)
            if self._asked is None and not isinstance(command, Credit):
                self._asked = asyncio.get_running_loop().time()

    def _connect(self) -> None:
        self._owed = 0
        self._hear()
        self._looked = self._heard
        self._reader = asyncio.create_task(self._read(self._link))
        self.tell(self.session.start())

    async def _disconnect(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader
            self._reader = None
        await self._link.close()

    async def _read(self, link: Source) -> None:
        try:
            async for frame in link.frames():
                self._hear()
                self._take(frame)
                if isinstance(frame, Status):
                    self._owed += 1
                    self.post_message(Updated())
                elif Changed.BAR in self._changed or self.session.status is None:
                    self.post_message(Updated())
            sentence = "the engine's stream has ended"
        except RuntimeError as error:  # LinkError: a sentence that says how
            sentence = str(error)
        except Exception as error:
            sentence = mishap("the engine's stream cannot be read", error)
        if self._recorder is not None:
            self._recorder.flush()
        self._changed |= self.session.died(sentence)
        self.post_message(Updated())

    def _take(self, frame: Frame) -> None:
        live = isinstance(frame, Snapshot) and self._pace.due(frame.lane)
        if self._recorder is not None:
            self._recorder.take(frame, keep=not self.session.running, live=live)
        try:
            self._changed |= self.session.take(frame, keep=live)
        except Exception as error:  # one bad frame is no reason to see no more
            sentence = mishap("the engine said what cannot be shown", error)
            self._changed |= self.session.say(sentence, "bad")

    def _hear(self) -> None:
        self._heard = asyncio.get_running_loop().time()
        self._asked = None
        if self.session.quiet:
            self.session.quiet = 0.0
            self._changed |= Changed.BAR

    def look_for_silence(self) -> None:
        """Say so if the engine is stopped, or was asked something, or should be training, and said nothing for long."""
        session, now = self.session, asyncio.get_running_loop().time()
        if self._recorder is not None and self._recorder.problem is not None:
            problem, self._recorder = self._recorder.problem, None
            self.explorer.draw(session.say(problem, "warn"))
        if now - self._looked > SLEPT_SECONDS:
            self._heard = now
            self._asked = now if self._asked is not None else None
        self._looked = now
        stopped = session.dead is None and self._link.stopped
        if stopped != session.stopped:
            session.stopped = stopped
            self.explorer.draw(Changed.BAR)
        status, newest = session.status, session.shown.snapshots.newest
        training = status is not None and (status.running or status.catching_up)
        since = self._heard if training else self._asked
        if session.dead is not None or since is None or session.attached is not None:
            return
        limit = QUIET_SECONDS + QUIET_COSTS * (newest.cost if newest else 0.0)
        known = session.hello is not None and session.shown.shape is not None
        if now - since >= (limit if known else QUIET_START):
            session.quiet = now - since
            session.first_words = getattr(self._link, "first_words", "")
            self.explorer.draw(Changed.BAR)

    async def action_restart_engine(self) -> None:
        """Start a new engine: where the old one died, which catches up; or one that builds a person's file anew."""
        session = self.session
        silent = session.quiet or session.stopped or session.lost
        if not session.rebuilds and session.dead is None and not silent:
            return
        if self._new_link is None:
            self.explorer.draw(session.say("This stream cannot be started again.", "warn"))
            return
        if session.rebuilds:
            if not session.may_build_anew():
                self.explorer.draw(Changed.BAR)
                return
            session.build_anew()
        elif session.dead is None:
            session.died("the engine did not answer")
        await self._disconnect()
        try:
            self._link = self._new_link()
            connect(self, self._link)
        except RuntimeError as error:
            self._changed |= self.session.died(str(error))
        else:
            self._connect()
        self.explorer.draw(Changed.ALL)

    # ------------------------------------------------------------------------------------------- drawing

    def on_updated(self) -> None:
        """Draw now, or as soon as the last drawing is long enough ago."""
        if self._timer is not None:
            return
        wait = self._drawn_at + REDRAW_SECONDS - asyncio.get_running_loop().time()
        if wait <= 0:
            self._draw()
        else:
            self._timer = self.set_timer(wait, self._draw)

    def _draw(self) -> None:
        self._timer = None
        self._drawn_at = asyncio.get_running_loop().time()
        changed, self._changed = self._changed, Changed.NOTHING
        self.explorer.draw(changed)
        self._show_problem()
        owed, self._owed = self._owed, 0
        if owed:
            self.call_after_refresh(self._grant, self._link, owed)

    def _show_problem(self) -> None:
        """Show how a person's code failed, once."""
        problem, self.session.own.unseen = self.session.own.unseen, None
        if problem is None or not problem.lines:
            return
        from .dialogs.problem import ProblemDialog

        def done(again: bool | None) -> None:
            if again:
                self.call_next(self.action_restart_engine)

        self.push_screen(ProblemDialog(problem, self.session.knobs.title), done)

    def _grant(self, link: Source, count: int) -> None:
        if link is self._link:
            for _ in range(count):
                link.send(Credit())

    # --------------------------------------------------------------------------------------------- other

    def _recall(self, recording: Recording) -> None:
        recorded = isinstance(self._link, FileLink)
        self.session.recall(recording.before, recording.clock, recorded=recorded)
        if recording.config is None:
            self.session.watch(recording.lane.lane)
        if self._recorder is not None:
            for config in recording.shown:  # what is recorded now holds all of it again
                self._recorder.sent(Select.of((config,)))
        if recording.damage is not None:
            self.session.say(f"The recording is damaged and shown as far as it goes: {recording.damage}", "warn")
        elif recorded:
            more = "; tuiinit --resume trains on from its end" if recording.config is not None else ""
            self.session.say(f"A recording: , and . go through its time{more}.")

    async def _leave(self) -> None:
        if self.explorer.visits.swept is not None:
            self.explorer.visits.swept.end()  # its threads end while the other engine does
        if self._recorder is not None:
            self._recorder.close()
        await self._disconnect()
        if self.explorer.visits.swept is not None:
            self.explorer.visits.swept.stop()

    async def action_quit(self) -> None:
        await self._leave()
        self.exit(0)

    def action_help_quit(self) -> None:
        """On ctrl+c: asks for it once more, then quits."""
        now = asyncio.get_running_loop().time()
        if self._interrupted is not None and now - self._interrupted < AGAIN_SECONDS:
            self.call_next(self.action_quit)
            return
        self._interrupted = now
        self.notify("ctrl+c once more quits; so does q.", timeout=AGAIN_SECONDS)

    def _told_to_end(self, code: int) -> None:
        """SIGTERM, or the terminal is gone: leave as on `q`."""
        self._ending = asyncio.create_task(self._end(code))

    def _last(self) -> None:
        """What can be done when the terminal takes nothing any more: the recording, and the terminal's modes."""
        if self._recorder is not None:
            self._recorder.close()
        driver = self._driver
        modes, file = getattr(driver, "attrs_before", None), getattr(driver, "fileno", None)
        if modes is not None and file is not None:
            termios.tcsetattr(file, termios.TCSANOW, modes)

    async def _end(self, code: int) -> None:
        await self._leave()
        self.exit(code, return_code=code)

    def tell_failure(self, sentence: str) -> None:
        self._changed |= self.session.say(sentence, "bad")
        self.post_message(Updated())

    def _fatal_error(self) -> None:
        # Textual would print a traceback over the person's shell.
        error = self._exception or RuntimeError("unknown")
        self._exit_renderables.append(Text("tuiinit: " + mishap("the explorer failed", error)))
        self._close_messages_no_wait()

    def action_command_palette(self) -> None:
        if not isinstance(self.screen, ActionPalette):
            self.push_screen(ActionPalette())

    def search_themes(self) -> None:
        self.push_screen(ActionPalette(providers=[ThemeProvider], placeholder="Search for themes…"))

    def action_save_picture(self) -> None:
        save_picture(self)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        return offered(self, screen)


def explore(
    link: Source,
    config: Configuration,
    *,
    restart: Callable[[], Source] | None = None,
    theme: str | None = None,
    recorder: Recorder | None = None,
    recalled: Recording | None = None,
    attached: bool = False,
) -> int:
    """Run the explorer until the person quits; gives the exit code.

    Args:
        link: the stream of a started engine.
        config: the lane looked at first.
        restart: starts another engine after this one died.
        theme: a theme of Textual's, or None for the terminal's best.
        recorder: records the session.
        recalled: an earlier session that this one shows, or goes on from.
        attached: the stream tells of training runs that go on elsewhere.
    """
    app = ExplorerApp(
        link, config, restart=restart, theme=theme, recorder=recorder, recalled=recalled, attached=attached
    )
    interrupt.in_order()
    return app.run() or app.return_code or 0
