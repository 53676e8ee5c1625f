"""The training pane: the loss curve, the numbers beside it, and how far the epoch is."""

from __future__ import annotations

import math

from ...insight.look import Look, snapshot_of
from ...plots import Row
from ...plots.ink import Ink, Piece, bar, beside, number, row
from ...session.known import Known
from ...session.pointer import Pointer
from ...views.loss import loss_now, loss_plot

NUMBERS = 28  # cells of the column of numbers
LEAST_PLOT = 12  # cells of the curve
COUNT = 20  # cells of "1,001 / 5,707" after the bar


def training_rows(session: Known, width: int, height: int) -> list[Row]:
    """The pane's content in exactly width × height cells; where that is little, the numbers on one line."""
    if height < 5 or width < NUMBERS + LEAST_PLOT:
        lines = [_line(session.look(), session.pointer, width), progress_row(session, width)]
        return [*lines, *[row(width)] * (height - len(lines))][:height]
    look, other, pointer = session.sight()
    plot = loss_plot(look, other, pointer, width - NUMBERS, height - 1)
    return [
        *beside(plot.rows, _numbers(look, other, pointer), height - 1, width - NUMBERS, NUMBERS),
        progress_row(session, width),
    ]


def _dev(look: Look | None) -> float | None:
    evaluation = look.evaluation if look is not None else None
    if evaluation is None:
        return None
    return evaluation.dev if evaluation.dev is not None else evaluation.dev_batch


def _numbers(look: Look, other: Look | None, pointer: Pointer) -> list[Row]:
    now, before = look.snapshot, snapshot_of(other)

    def line(label: str, value: float | None, old: float | None, compared: bool = True) -> Row:
        told = number(old, 4) if compared and other is not None else ""
        return row(NUMBERS, (f"  {label:<8}", Ink.DIM), (f"{number(value, 4):>8}", Ink.STRONG), (f"{told:>8}", Ink.DIM))

    name = f"loss ~{pointer.smoothing}" if pointer.smoothing else "loss"
    head = f"{'now':>18}{'before' if other is not None else '':>8}"
    rows = [
        row(NUMBERS, (head, Ink.HEAD)),
        line(name, loss_now(look, pointer), loss_now(other, pointer) if other is not None else None),
        line("dev", _dev(look), _dev(other)),
        line("at start", now.initial_loss if now else None, before.initial_loss if before else None),
        row(NUMBERS),
    ]
    if look.data is not None:
        for label, loss in (("bigram", look.data.bigram), ("unigram", look.data.unigram)):
            told: tuple[Piece, Piece] = ((f"  guess by {label:<8}", Ink.DIM), (f"{number(loss, 4):>7}", Ink.THEORY))
            rows.append(row(NUMBERS, *told))
    return rows


def _line(look: Look, pointer: Pointer, width: int) -> Row:
    now = look.snapshot
    pieces: list[Piece] = [
        (f" loss{f' ~{pointer.smoothing}' if pointer.smoothing else ''} ", Ink.DIM),
        (f"{number(loss_now(look, pointer), 4):<9}", Ink.STRONG),
        (" dev ", Ink.DIM),
        (f"{number(_dev(look), 4):<9}", Ink.STRONG),
        (" at start ", Ink.DIM),
        (f"{number(now.initial_loss if now else None, 4):<9}", Ink.PLAIN),
        (" expected ", Ink.DIM),
        (number(now.expected_initial_loss if now else None, 4), Ink.THEORY),
    ]
    return row(width, *pieces)


def progress_row(session: Known, width: int) -> Row:
    """How far the epoch is, how far a lane has caught up, or where in its past one looks."""
    here, behind = session.lane_status, session.behind
    if session.diverged_at is not None:
        step = session.diverged_at
        return row(width, (f" ✗ diverged at step {step:,}: the loss is not finite; a lower lr may help: [", Ink.BAD))
    if session.pointer.past is not None:
        return slider_row(session, width)
    if behind is not None:
        label, done, whole = "catching up", behind.step, session.clock
        tail = "  esc stops" if session.catching_up else "" if session.recorded else "  space goes on"
    elif here is not None and here.steps_per_epoch:
        whole = here.steps_per_epoch
        at = session.step
        epoch = max(0, at - 1) // whole
        label, done, tail = f"epoch {epoch + 1}", at - epoch * whole, ""
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
    label, tail = f" {f'at step {at:,}':<15}", "  , . move  esc newest "
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
