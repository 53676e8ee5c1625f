"""Told to end, by SIGTERM or because the terminal is gone: the screen leaves as on `q` if it can, and for certain."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from types import FrameType

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

    def told(number: int, _: FrameType | None) -> None:
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
        signal.signal(number, told)
