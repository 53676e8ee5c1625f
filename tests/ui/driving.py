"""Drive the explorer in a test: keys in, what is shown out; waits are on conditions."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from textual.pilot import Pilot

from tuiinit.config import RunConfig
from tuiinit.ui.app import ExplorerApp
from tuiinit.ui.model import Session
from tuiinit.ui.screen import Explorer

from .fake import FakeLink

PATIENCE = 20.0  # seconds until a condition that does not come true fails the test


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
    async with app.run_test(size=size) as pilot:
        driver = Driver(app, pilot, link)
        await driver.until(lambda: driver.session.snapshot() is not None, "first snapshot")
        await driver.settled()
        yield driver
