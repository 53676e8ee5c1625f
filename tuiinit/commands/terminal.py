"""Whether there is a terminal that the explorer can draw on."""

from __future__ import annotations

import gc
import os
import sys

import click

from ..host import streams


def need_terminal() -> None:
    """Refuse to draw where it cannot be; from here to the first frame nothing else comes first."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("the explorer needs a terminal; without one: tuiinit run --steps 1000")
    if os.environ.get("TERM", "") in ("", "dumb", "unknown"):
        raise click.UsageError("this terminal cannot draw (TERM is dumb or not set); use: tuiinit run --steps 1000")
    streams.draw_on_terminal()
    gc.disable()  # until the first frame: collecting while all is being loaded finds nothing and takes a fifth of it
