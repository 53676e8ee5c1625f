"""The first line: what runs, where, how fast, and the step looked at."""

from __future__ import annotations

from ...plots import Row
from ...plots.ink import Ink, Piece, fit, row, visible
from ...session.known import Known
from .run import run_header

DEVICE_WIDTH = 12


def _pace(speed: float) -> str:
    """Steps a second: a whole number where there are many, two digits of few."""
    return f"{speed:,.0f}" if speed >= 10 else f"{speed:.2g}"


def header_row(session: Known, width: int) -> Row:
    """The header in exactly `width` cells; what matters least goes first where it does not fit."""
    if session.attached is not None:
        return run_header(session, width)
    right: list[list[Piece]] = [_position(session)]
    if session.dead is not None:
        right.insert(0, [("no engine  ", Ink.BAD)])
    elif session.hello is None:
        right.insert(0, [("starting the engine …  ", Ink.DIM)])
    elif session.building:
        right.insert(0, [(f"building {visible(session.knobs.title)} …  ", Ink.DIM)])
    else:
        status = session.status
        moving = status is not None and (status.running or status.catching_up)
        speed = f"{_pace(status.steps_per_second)} steps/s" if status and moving else "paused"
        device = visible(session.hello.device)
        device = fit(device, DEVICE_WIDTH).rstrip()
        if status and status.quick and width >= 112:
            device += f", {visible(status.quick.partition(':')[0])}"
        pace = (f"{'recording':>14}", Ink.WARN) if session.recorded else (f"{speed:>14}", Ink.PLAIN)
        right.insert(0, [pace, ("   ", Ink.DIM)])
        if width >= 100:
            share = f"measuring {status.measuring * 100:2.0f} %" if status and moving else ""
            right.insert(1, [(f"{share:14}   ", Ink.DIM)])  # as wide in each state, so that nothing moves
        if width >= 84:
            right.insert(0, [(f"on {device} ", Ink.DIM)])
    left: list[Piece] = [(" tuiinit ", Ink.STRONG)]
    if session.own.changed and width >= 60:
        left.append((" file changed: E builds it anew  ", Ink.WARN))
    elif width >= 70:
        snapshot = session.snapshot()
        counts = []
        if snapshot is not None:
            counts.append(f"{snapshot.parameters:,} parameters")
        compiled = session.status is not None and session.status.quick  # that is told on the right, and takes room
        if session.data is not None and width >= (130 if compiled else 112):
            counts.append(f"{session.data.words:,} names" if not session.data.path else f"{session.data.words:,} words")
        left.append(("  " + " · ".join(counts), Ink.DIM))
    return row(width, *left, right=[piece for group in right for piece in group])


def _position(session: Known) -> list[Piece]:
    if session.diverged_at is not None and session.pointer.past is None:
        return [(f"✗ diverged at step {session.diverged_at:,} ", Ink.BAD)]
    if session.failed and session.pointer.past is None:
        return [(f"✗ failed at step {session.step + 1:,} ", Ink.BAD)]
    if session.pointer.past is not None:
        sign, ink = "◀", Ink.WARN
    elif session.behind is not None and session.catching_up:
        sign, ink = "»", Ink.PROGRESS
    elif session.running:
        sign, ink = "▶", Ink.GOOD
    else:
        sign, ink = "‖", Ink.DIM
    return [(f"{sign} ", ink), (f"step {session.step:>7,}", Ink.STRONG), (f"  epoch {session.epoch:>6.2f} ", Ink.PLAIN)]
