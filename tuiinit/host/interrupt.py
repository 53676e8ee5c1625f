"""What ctrl+c does. Until something has begun that must be ended in order, the process ends at once.

As an exception it could come in the middle of an import, which some libraries turn into an error of their own.
This module is the first that is loaded, and loads nothing that takes time.
"""

import os
import signal
from types import FrameType

CODE = 130  # a shell's for SIGINT


def at_once() -> None:
    """Have ctrl+c end the process with one sentence, unless whoever started it wants it ignored."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


def in_order() -> bool:
    """Have ctrl+c raise KeyboardInterrupt, if it ends the process at once now; tells whether it did."""
    changed = signal.getsignal(signal.SIGINT) is _leave
    if changed:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return changed


def _leave(*_: int | FrameType | None) -> None:
    try:
        os.write(2, b"tuiinit: interrupted\n")
    finally:  # standard error may be closed
        os._exit(CODE)
