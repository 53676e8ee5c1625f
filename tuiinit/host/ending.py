"""Told to end while a command works: it unwinds as on ctrl+c, so that nothing of it is left behind."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

SECONDS = 5  # that unwinding may take; then the alarm ends the process
_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class Ended(BaseException):
    """The process was told to end by a signal.

    Attributes:
        code: what it ends with.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"ended by {signal.Signals(number).name}")
        self.code = 128 + number


@contextlib.contextmanager
def orderly() -> Iterator[None]:
    """While this is open SIGTERM and SIGHUP raise `Ended` in the main thread, once. What was ignored stays so (nohup).

    Raises:
        Ended: one of them came.
    """
    if threading.current_thread() is not threading.main_thread():  # there Python sets no handlers
        yield
        return

    ended = False

    def end(number: int, _: FrameType | None) -> None:
        nonlocal ended
        ended = True
        for other in _SIGNALS:
            signal.signal(other, signal.SIG_IGN)  # to unwind twice at once would leave something
        signal.alarm(SECONDS)
        raise Ended(number)

    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, end)
    try:
        yield
    finally:
        if not ended:
            for number, handler in before.items():
                signal.signal(number, handler)
