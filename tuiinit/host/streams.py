"""The standard streams and what the environment says of the window, made fit to use before anything else is done."""

from __future__ import annotations

import contextlib
import io
import os
import sys

from .stand_ins import HANDLER

LARGEST_SIDE = 10_000  # columns or lines of a window; to lay out more would take for ever


def make_fit() -> None:
    """Let every standard stream be one, and drop a size of the window that cannot be."""
    _open_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=HANDLER)  # an encoding that lacks a sign
    for name in ("COLUMNS", "LINES"):
        value = os.environ.get(name, "1")
        if not (value.isascii() and value.isdecimal() and 1 <= int(value[:9]) <= LARGEST_SIDE):
            del os.environ[name]


def _open_closed() -> None:
    """Open streams that were closed by whoever started the program, as `<&-` does.

    Else the next file that is opened takes their place, and Python has None for them. Nothing is read from
    such an input. Such an output refuses what is written, so that nothing is lost in silence.
    """
    for number, name, flags, mode in (
        (0, "stdin", os.O_RDONLY, "r"),
        (1, "stdout", os.O_RDONLY, "w"),
        (2, "stderr", os.O_WRONLY, "w"),
    ):
        if getattr(sys, name) is not None:
            continue
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, flags)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
        stream = open(number, mode, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115 -- as long as the process
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def draw_on_terminal() -> None:
    """Have the explorer draw on the terminal, whole.

    Textual writes to standard error, which may go elsewhere (`2> log`); and it believes COLUMNS and LINES, which
    a shell may have exported long ago, rather than the window.
    """
    if not os.isatty(2):
        os.dup2(1, 2)
    with contextlib.suppress(OSError):
        if all(os.get_terminal_size(1)):
            for name in ("COLUMNS", "LINES"):
                os.environ.pop(name, None)


def keys_from_terminal() -> bool:
    """Make the terminal standard input where that is something else, as a pipe; whether there is one."""
    if os.isatty(0):
        return True
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    os.dup2(terminal, 0)
    os.close(terminal)
    return True


def say(text: str) -> None:
    """Write to standard error; a full disk behind it, or nothing, is no reason to fail otherwise."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        silence(2)


def silence(number: int) -> None:
    """What is still buffered for a stream, and what will be, goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
