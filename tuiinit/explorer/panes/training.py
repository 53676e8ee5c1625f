"""The training pane: the loss curve, the numbers beside it, and how far the epoch is."""

from __future__ import annotations

import math

from ...insight.look import Look, snapshot_of
from ...plots import Row
from ...plots.ink import Ink, Piece, bar, beside, number, row, visible
from ...session.known import Known
from ...session.pointer import Pointer
from ...views.loss import loss_now, loss_plot
from .beneath import FIRST_SHORT, beneath

NUMBERS = 28  # cells of the column of numbers
LEAST_PLOT = 12  # cells of the curve
COUNT = 20  # cells of "1,001 / 5,707" after the bar


def training_rows(session: Known, width: int, height: int) -> list[Row]:
    """The pane's content in exactly width × height cells; where that is little, the numbers on one line."""
    if height < 5 or width < NUMBERS + LEAST_PLOT:
        lines = [_line(session, width), progress_row(session, width)]
        return [*lines, *[row(width)] * (height - len(lines))][:height]
    look, other, pointer = session.sight()
    plot = loss_plot(look, other, pointer, width - NUMBERS, height - 1)
    numbers = _numbers(look, other, pointer, asks=not session.recorded, dev=session.attached is None)
    return [
        *beside(plot.rows, numbers, height - 1, width - NUMBERS, NUMBERS),
        progress_row(session, width),
    ]


def _dev(look: Look | None) -> float | None:
    evaluation = look.evaluation if look is not None else None
    if evaluation is None:
        return None
    return evaluation.dev if evaluation.dev is not None else evaluation.dev_batch


def _numbers(look: Look, other: Look | None, pointer: Pointer, *, asks: bool, dev: bool) -> list[Row]:
    """The column of numbers, with the `dev` loss or without; where `asks`, the key stands that measures it."""
    now, before = look.snapshot, snapshot_of(other)

    def line(label: str, value: float | None, old: float | None, key: str = "") -> Row:
        text = number(old, 4) if other is not None else ""
        here: Piece = (f"{key:>8}", Ink.KEY) if key and value is None else (f"{number(value, 4):>8}", Ink.STRONG)
        return row(NUMBERS, (f"  {label:<8}", Ink.DIM), here, (f"{text:>8}", Ink.DIM))

    head = f"{'now':>18}{'before' if other is not None else '':>8}"
    rows = [
        row(NUMBERS, (head, Ink.HEAD)),
        line(_loss_name(pointer), loss_now(look, pointer), loss_now(other, pointer) if other is not None else None),
        *([line("dev", _dev(look), _dev(other), "press d" if asks else "")] if dev else []),
        line("at start", now.initial_loss if now else None, before.initial_loss if before else None),
    ]
    if look.data is not None:
        rows.append(row(NUMBERS, ("  a guess by counting", Ink.DIM)))
        for label, loss in (("letters, unigram", look.data.unigram), ("pairs, bigram", look.data.bigram)):
            rows.append(row(NUMBERS, (f"   {label:<16}", Ink.DIM), (f"{number(loss, 4):>7}", Ink.THEORY)))
    return rows


def _loss_name(pointer: Pointer) -> str:
    return f"loss ~{pointer.smoothing}" if pointer.smoothing else "loss"


def _line(session: Known, width: int) -> Row:
    """The numbers on one line, then what is told beneath a picture where that has a frame."""
    look, pointer = session.look(), session.pointer
    now, data = look.snapshot, look.data
    first = number(now.initial_loss if now else None, 4)
    guess = f"ln {len(data.vocabulary)} = {math.log(len(data.vocabulary)):.3f}" if data is not None else ""
    even = (f" ({guess})" if guess else "", Ink.THEORY)
    below = beneath(session, FIRST_SHORT)
    spare: tuple[tuple[str, int], ...] = (even,)  # gives way to what is told
    if not session.clock and session.previous is None:
        pieces: list[tuple[str, int]] = [(" loss at start ", Ink.DIM), (first, Ink.STRONG)]
    else:
        pieces = [
            (f" {_loss_name(pointer)} ", Ink.DIM),
            (f"{number(loss_now(look, pointer), 4):<7} ", Ink.STRONG),
        ]
        if session.attached is None:
            pieces += [("dev ", Ink.DIM), (f"{number(_dev(look), 4):<7} ", Ink.STRONG)]
        spare = (("at start ", Ink.DIM), (first, Ink.PLAIN), even if not below.text else ("", Ink.PLAIN))
    after = [(f"{below.text} ", Ink.WARN if below.warns else Ink.DIM)] if below.text else []
    used, more, last = (sum(len(text) for text, _ in part) for part in (pieces, spare, after))
    if used + last > width:
        after = []
    return row(width, *pieces, *(spare if not after or used + more + last <= width else ()), right=after)


def progress_row(session: Known, width: int) -> Row:
    """How far the epoch is, how far a lane has caught up, or where in its past one looks."""
    here, behind = session.lane_status, session.behind
    if session.diverged_at is not None:
        step = session.diverged_at
        return row(width, (f" ✗ diverged at step {step:,}: the loss is not finite; a lower lr may help: [", Ink.BAD))
    if session.failed and session.pointer.past is None:
        return row(width, (f" ✗ {visible(session.failed)}", Ink.BAD))
    if session.pointer.past is not None or session.attached is not None:
        return slider_row(session, width)
    if behind is not None:
        label, done, whole = "catching up", behind.step, session.clock
        tail = "  esc stops" if session.catching_up else "" if session.recorded else "  space goes on"
    elif here is not None and here.steps_per_epoch:
        whole = here.steps_per_epoch
        at = session.step
        epoch = max(0, at - 1) // whole
        target = session.status.target if session.status is not None and session.running else None
        tail = f"  stops at {target:,}" if target is not None else ""
        label, done = f"epoch {epoch + 1}", at - epoch * whole
    else:
        label, done, whole, tail = "epoch 1", 0, 0, ""
    label = f" {label:<12}"
    count = f" {done:,} / {whole:,}" if whole else " –"
    count = f"{count:>{COUNT}} "
    length = max(0, width - len(label) - len(count) - len(tail))
    return row(
        width,
        (label, Ink.DIM),
        *bar(done / whole if whole else 0.0, length),
        (count, Ink.PLAIN),
        (tail, Ink.KEY),
    )


def slider_row(session: Known, width: int) -> Row:
    """Where the step looked at is between the first and the newest kept snapshot; all that are kept are marked."""
    steps = session.shown.snapshots.steps()
    at, newest = session.step, max(steps, default=0)
    if session.attached is not None:  # what is measured lies behind where the run is
        at, newest = max((step for step in steps if step <= at), default=0), max(at, newest)
    label = f" {f'at step {at:,}':<15}"
    tail = "  , . move  esc newest " if session.pointer.past is not None else "  , . move "
    count = f" of {newest:,} "
    length = max(0, width - len(label) - len(count) - len(tail))
    track = ["─"] * length
    for step in steps if length else ():
        track[_place(step, newest, length)] = "┼"
    here = _place(at, newest, length)
    return row(
        width,
        (label, Ink.STRONG),
        ("".join(track[:here]), Ink.PROGRESS),
        ("●"[:length], Ink.KEY),
        ("".join(track[here + 1 :]), Ink.TRACK),
        (count, Ink.PLAIN),
        (tail, Ink.DIM),
    )


def _place(step: int, newest: int, length: int) -> int:
    """The cell of a step. Snapshots lie at 1, 2, 5, 10, …: so does the track, by the logarithm."""
    return min(length - 1, round(math.log1p(step) / math.log1p(max(1, newest)) * (length - 1))) if length else 0
