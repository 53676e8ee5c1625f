"""Signals: told to end, the screen leaves as on `q` if it can, and for certain; stopped and continued, it stands."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

from textual.app import App
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver

SECONDS = 1  # to leave the screen when told to end
LAST_SECONDS = 2  # that the last things may take after that


def when_told_to_end(leave: Callable[[int], object], last: Callable[[], object]) -> None:
    """Have SIGTERM and SIGHUP end the program with code 128 + the signal's number.

    The event loop cannot be relied on: a connection that hangs takes nothing, and whoever draws waits for it,
    also after it is cut. So the handlers are Python's own, which interrupt that wait; asyncio's would not.

    Args:
        leave: called by the event loop with the exit code; has `SECONDS` to end the program.
        last: called if it did not, from wherever the program waits; then the process ends.
    """
    loop = asyncio.get_running_loop()

    def handle(number: int, _: FrameType | None) -> None:
        code = 128 + number

        def enough(*_: object) -> None:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(LAST_SECONDS)
            with contextlib.suppress(Exception):
                last()
            os._exit(code)

        signal.signal(signal.SIGALRM, enough)
        signal.alarm(SECONDS)
        with contextlib.suppress(RuntimeError):  # the loop is closed: it is ending already
            loop.call_soon_threadsafe(leave, code)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handle)


def connect(app: App[Any], link: Any) -> None:
    """Let a source of frames connect that may ask on the terminal, which it has meanwhile; ctrl+c ends it, not this.

    Raises:
        RuntimeError: there is no connection.
    """
    if not getattr(link, "asks", False) or app._driver is None or not app._driver.can_suspend:
        return
    before = signal.signal(signal.SIGINT, lambda *_: None)  # not ignored: what is started would ignore it, too
    try:
        with app.suspend():
            link.connect()
    finally:
        signal.signal(signal.SIGINT, before)


def when_continued(driver: Driver | None, leaving: Callable[[], bool]) -> None:
    """Have SIGCONT after a SIGSTOP leave the terminal as it should be, now and at the end.

    Textual takes it that SIGTSTP (ctrl+z) came before and gave the terminal back. After SIGSTOP it would set the
    terminal up a second time: with one more thread that reads keys, and its own modes as those to restore.

    Args:
        driver: the terminal's.
        leaving: whether the program is about to end: then the terminal has been given back, and stays so.
    """
    if not isinstance(driver, LinuxDriver):
        return
    loop = asyncio.get_running_loop()

    def give_back_and_take() -> None:
        if leaving():
            return
        driver._must_signal_resume = True  # so that all is drawn again
        driver.suspend_application_mode()
        driver.resume_application_mode()

    def continued(*_: object) -> None:
        if driver._must_signal_resume:
            driver._sigcont_application()
        elif driver._auto_restart:
            with contextlib.suppress(RuntimeError):  # the loop is closed: it is ending already
                loop.call_soon_threadsafe(give_back_and_take)

    signal.signal(signal.SIGCONT, continued)
