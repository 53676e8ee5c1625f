"""Drive the explorer in a test: keys in, what is shown out; waits are on conditions.

Textual's own pilot waits long after each key. What stands in its place here knows these facts of Textual 8, none of
which it promises:

- `textual.app.wait_for_idle` and `textual.pilot.wait_for_idle` are what a pilot waits with; `Pilot._wait_for_screen`
  sends every widget a message and waits until all have handled theirs.
- A message pump has handled everything when its `_message_queue` is empty, somebody waits for that queue's
  `ready_event` (an `asyncio.Event`, its `_waiters`), and `_next_callbacks` is empty.
- An app is up while `_running` with something on its `_screen_stack`; `_exception_event` is set when it failed.
- A screen is painted once `_layout_required`, `_dirty_widgets` and `_callbacks` are empty; `_on_timer_update` paints.
- `Stylesheet._parse_rules` gives rules that nobody changes, the same for the same text and `_variables`.

With the environment variable TUIINIT_PLAIN_PILOT=1 nothing of this is used: the tests take some five times as long and
stand on Textual's promises alone (but for `Driver.text`, which reads the screen's `_compositor`). When a new Textual
breaks the explorer's tests all at once, that tells whether the explorer is broken or this file.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import Any
from unittest.mock import patch

import textual.app
import textual.pilot
from textual._context import active_app
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.message_pump import MessagePump
from textual.pilot import Pilot, WaitForScreenTimeout

from tests.explorer.fake import FakeLink
from tuiinit.config.configuration import Configuration
from tuiinit.config.run import RunConfig
from tuiinit.explorer.app import ExplorerApp
from tuiinit.explorer.screen import Explorer
from tuiinit.session.session import Session

PATIENCE = 20.0  # seconds until a condition that does not come true fails the test
TURNS = 5  # of the event loop, so that tasks which are no widgets may hand on what they have
PLAIN = os.environ.get("TUIINIT_PLAIN_PILOT") == "1"
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


def _waits(pump: MessagePump) -> bool:
    """Whether a widget's loop has handled all its messages, and waits for the next one."""
    queue: Any = pump._message_queue
    return bool(queue.ready_event._waiters) and queue.empty() and not pump._next_callbacks


async def processed(pilot: Pilot[int], timeout: float = PATIENCE) -> bool:
    """Wait until the screen's widgets have handled the messages that they have now; false after an exception.

    As the pilot does it, but widgets that have nothing to handle are not sent a message to learn so: that took
    more computing than the keys.
    """
    app = pilot.app
    if not app._running or not app._screen_stack:
        return False
    for _ in range(TURNS):
        await asyncio.sleep(0)
    left = 0
    done = asyncio.Event()

    def one_less() -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set()

    for pump in (app, *app.screen.walk_children(with_self=True)):
        if not _waits(pump) and pump.call_later(one_less):
            left += 1
    if not left:
        return not app._exception_event.is_set()
    ends = [asyncio.ensure_future(event.wait()) for event in (done, app._exception_event)]
    finished, pending = await asyncio.wait(ends, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    for end in pending:
        end.cancel()
    if not finished:
        raise WaitForScreenTimeout("messages are not handled")
    return not left


async def all_handled(min_sleep: float = 0, max_sleep: float = 0) -> None:
    """Wait until every message under way is handled, and those that it led to, and the screen is painted."""
    app = active_app.get()
    pilot: Pilot[int] = Pilot(app)
    for _ in range(ROUNDS):
        if not await processed(pilot):
            return
        screen = app.screen
        waiting = screen._layout_required or screen._dirty_widgets or screen._callbacks
        screen._on_timer_update()
        if not waiting and all(map(_waits, (app, *screen.walk_children(with_self=True)))):
            return


_parse = Stylesheet._parse_rules


@cache
def _rules(variables: frozenset[tuple[str, str]], *source: object) -> list[RuleSet]:
    return _parse(Stylesheet(variables=dict(variables)), *source)  # type: ignore[arg-type]


def parsed_once(
    sheet: Stylesheet, css: str, read_from: tuple[str, str], is_default_rules: bool, tie_breaker: int, scope: str
) -> list[RuleSet]:
    """A style sheet's rules, which are the same in every app of the same theme; nobody changes them."""
    return _rules(frozenset(sheet._variables.items()), css, read_from, is_default_rules, tie_breaker, scope)


STAND_INS: tuple[tuple[Any, str, object], ...] = (
    (textual.app, "wait_for_idle", all_handled),
    (textual.pilot, "wait_for_idle", all_handled),
    (Pilot, "_wait_for_screen", processed),
    (Stylesheet, "_parse_rules", parsed_once),
)


@asynccontextmanager
async def driven(app: ExplorerApp, link: FakeLink, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Driver]:
    """An app that a pilot drives.

    The pilot's own waits, several for each key, send a message to every widget, and sleep until the process
    hardly computes: for a second each while the engine trains. See the head of this file.
    """
    with ExitStack() as quick:
        for owner, name, stand_in in () if PLAIN else STAND_INS:
            quick.enter_context(patch.object(owner, name, stand_in))
        async with app.run_test(size=size) as pilot:
            yield Driver(app, pilot, link)


@asynccontextmanager
async def explorer(
    config: Configuration | None = None,
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
