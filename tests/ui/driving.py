"""Drive the explorer in a test: keys in, what is shown out; waits are on conditions."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from unittest.mock import patch

import textual.app
import textual.pilot
from textual._context import active_app
from textual.pilot import Pilot

from tuiinit.config import RunConfig
from tuiinit.ui.app import ExplorerApp
from tuiinit.ui.model import Session
from tuiinit.ui.screen import Explorer

from .fake import FakeLink

PATIENCE = 20.0  # seconds until a condition that does not come true fails the test
ROUNDS = 20  # of waiting for messages: while the engine trains there may always be another one


@dataclass
class Driver:
    app: ExplorerApp
    pilot: Pilot[int]
    link: FakeLink

    @property
    def session(self) -> Session:
        return self.app.session

    @property
    def screen(self) -> Explorer:
        return self.app.explorer

    @property
    def text(self) -> str:
        """All that is on the screen, row by row."""
        size = self.app.size
        strips = self.app.screen._compositor.render_strips(size)
        return "\n".join("".join(segment.text for segment in strip) for strip in strips)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def until(self, condition: Callable[[], object], what: str = "") -> None:
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, f"never came true: {what or condition}\n{self.text}"
            await self.pilot.pause(0.01)

    async def shows(self, *texts: str) -> None:
        for text in texts:
            await self.until(partial(self.has, text), text)

    def has(self, text: str) -> bool:
        return text in self.text

    async def train(self, steps: int) -> None:
        """Run until at least that step is drawn, then pause."""
        await self.press("space")
        await self.until(lambda: self.session.step >= steps, f"step {steps}")
        await self.press("space")
        await self.settled()

    async def settled(self) -> None:
        """Wait until the engine stands still and all that it said is drawn."""
        link = self.link
        await self.until(lambda: not link.changed and not link.moving and not self.app._owed, "settled")
        await self.pilot.pause()


async def all_handled(min_sleep: float = 0, max_sleep: float = 0) -> None:
    """Wait until every message under way is handled, and those that it led to, and the screen is painted."""
    app = active_app.get()
    pilot = Pilot(app)
    for _ in range(ROUNDS):
        if not await pilot._wait_for_screen():
            return
        screen = app.screen
        waiting = screen._layout_required or screen._dirty_widgets or screen._callbacks
        screen._on_timer_update()
        pumps = (app, *screen.walk_children(with_self=True))
        if not waiting and all(pump._message_queue.empty() and not pump._next_callbacks for pump in pumps):
            return


@asynccontextmanager
async def driven(app: ExplorerApp, link: FakeLink, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Driver]:
    """An app that a pilot drives.

    The pilot's own waits, several for each key, sleep until the process hardly computes: for a second each
    while the engine trains.
    """
    with (
        patch.object(textual.app, "wait_for_idle", all_handled),
        patch.object(textual.pilot, "wait_for_idle", all_handled),
    ):
        async with app.run_test(size=size) as pilot:
            yield Driver(app, pilot, link)


@asynccontextmanager
async def explorer(
    config: RunConfig | None = None,
    *,
    size: tuple[int, int] = (120, 40),
    link: FakeLink | None = None,
    restart: Callable[[], FakeLink] | None = None,
    theme: str | None = None,
) -> AsyncIterator[Driver]:
    """The explorer over a fake engine, with the first snapshot drawn."""
    link = link or FakeLink()
    app = ExplorerApp(link, config or RunConfig(), restart=restart, theme=theme)
    async with driven(app, link, size) as driver:
        await driver.until(lambda: driver.session.snapshot() is not None, "first snapshot")
        await driver.settled()
        yield driver
