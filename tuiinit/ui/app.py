"""The explorer: reads the engine's stream into the session and has the screen draw it."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Protocol

from textual.app import App, SystemCommand
from textual.screen import Screen
from textual.timer import Timer

from ..config import RunConfig
from ..protocol import Command, Credit, Frame, Status
from .actions import ACTIONS
from .messages import Updated
from .model import Changed, Commands, Session
from .screen import Explorer

REDRAW_SECONDS = 0.1  # at most one redraw for news from the engine in this time
FEW_COLOURS = ("standard", "windows")  # colour systems of 16 colours


class Stream(Protocol):
    """What the explorer needs of a link."""

    def frames(self) -> AsyncIterator[Frame]: ...

    def send(self, command: Command) -> None: ...

    async def close(self) -> None: ...


class ExplorerApp(App[int]):
    """The explorer over a stream of frames."""

    TITLE = "tuiinit"
    CSS_PATH = "style.tcss"
    ENABLE_COMMAND_PALETTE = True

    def __init__(
        self, link: Stream, config: RunConfig, *, restart: Callable[[], Stream] | None = None, theme: str | None = None
    ) -> None:
        super().__init__()
        self.session = Session(config)
        self._link = link
        self._new_link = restart
        self._theme = theme
        self._reader: asyncio.Task[None] | None = None
        self._owed = 0  # updates taken and not yet drawn
        self._changed = Changed.NOTHING
        self._timer: Timer | None = None
        self._drawn_at = 0.0
        self.explorer = Explorer(self.session, self.tell)

    def get_default_screen(self) -> Screen[None]:
        return self.explorer

    def on_mount(self) -> None:
        self.animation_level = "none"
        if self._theme:
            self.theme = self._theme
        elif self.console.color_system in FEW_COLOURS:
            self.theme = "ansi-dark"
        self._connect()
        self.call_after_refresh(self._warm_up)

    async def _warm_up(self) -> None:
        # plotext takes a third of a second to load: after the first frame, and beside the event loop.
        await asyncio.to_thread(importlib.import_module, "plotext")

    async def on_unmount(self) -> None:
        await self._disconnect()

    # -------------------------------------------------------------------------------------------- engine

    def tell(self, commands: Commands) -> None:
        """Send commands to the engine."""
        for command in commands:
            self._link.send(command)

    def _connect(self) -> None:
        self._owed = 0
        self._reader = asyncio.create_task(self._read(self._link))
        self.tell(self.session.start())

    async def _disconnect(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader
            self._reader = None
        await self._link.close()

    async def _read(self, link: Stream) -> None:
        try:
            async for frame in link.frames():
                self._changed |= self.session.take(frame)
                if isinstance(frame, Status):
                    self._owed += 1
                    self.post_message(Updated())
                elif Changed.BAR in self._changed or self.session.status is None:
                    self.post_message(Updated())
            sentence = "the engine's stream has ended"
        except RuntimeError as error:  # LinkError: a sentence that says how
            sentence = str(error)
        self._changed |= self.session.died(sentence)
        self.post_message(Updated())

    async def action_restart_engine(self) -> None:
        """Start a new engine where the old one died, and let it catch up."""
        if self.session.dead is None:
            return
        if self._new_link is None:
            self.explorer.draw(self.session.say("This stream cannot be started again.", "warn"))
            return
        await self._disconnect()
        try:
            self._link = self._new_link()
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
        owed, self._owed = self._owed, 0
        if owed:
            self.call_after_refresh(self._grant, self._link, owed)

    def _grant(self, link: Stream, count: int) -> None:
        if link is self._link:
            for _ in range(count):
                link.send(Credit())

    # --------------------------------------------------------------------------------------------- other

    async def action_quit(self) -> None:
        await self._disconnect()
        self.exit(0)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        yield SystemCommand(
            "Theme", "Change the theme: dark, light, or the terminal's own colours", self.action_change_theme
        )
        for action in ACTIONS:
            if action.id not in ("palette", "leave"):
                keys = ", ".join(action.keys[:1])
                yield SystemCommand(
                    action.description,
                    f"{action.tooltip} ({keys})",
                    lambda do=action.do: self.call_next(self.explorer.run_action, do),
                )


def explore(
    link: Stream, config: RunConfig, *, restart: Callable[[], Stream] | None = None, theme: str | None = None
) -> int:
    """Run the explorer until the person quits; gives the exit code.

    Args:
        link: the stream of a started engine.
        config: the lane looked at first.
        restart: starts another engine after this one died.
        theme: a theme of Textual's, or None for the terminal's best.
    """
    app = ExplorerApp(link, config, restart=restart, theme=theme)
    return app.run() or app.return_code or 0
