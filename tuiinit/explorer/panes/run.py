"""What is known of a training run that goes on elsewhere: header, and pane in the settings' stead."""

from __future__ import annotations

import time

from ...paper.watched import ago
from ...plots import Row
from ...plots.ink import Ink, Piece, fit, row, visible, wrap
from ...session.known import Known
from ...stream.protocol import Pulse, Snapshot

LABEL = 11  # cells of a label
COMMAND = 4  # lines of the command line at most
PROGRAM, GAP = " tuiinit  ", 3
NARROW = 80  # columns
NAME = 24  # cells of a name that other things give way to
Inked = tuple[str, int]
STALE = 10.0  # seconds without anything written after which that is told
STATES = {"live": ("live", Ink.GOOD), "ended": ("ended", Ink.DIM), "gone": ("process gone", Ink.WARN)}


def pulse_of(session: Known) -> Pulse | None:
    """How it stands with the run that is shown, None where none is."""
    return session.attached.of(session.lanes.watched) if session.attached is not None else None


def state_of(session: Known, pulse: Pulse | None) -> Inked:
    """In two words whether the run goes on."""
    if session.dead is not None:
        return "no connection", Ink.BAD
    if pulse is None:
        return "reading …", Ink.DIM
    if pulse.state == "lost":
        return f"connection lost, {pulse.text.rpartition('; ')[2]}", Ink.WARN
    if pulse.state == "ended" and pulse.text:
        return "failed", Ink.BAD
    return STATES[pulse.state]


def run_header(session: Known, width: int) -> Row:
    """The header where a run is looked at: its name, whether it goes on, how fast, and the step looked at."""
    pulse, snapshot = pulse_of(session), session.snapshot()
    live = pulse is not None and pulse.state == "live" and session.dead is None
    past = session.pointer.past is not None
    sign, ink = ("◀", Ink.WARN) if past else ("▶", Ink.GOOD) if live else ("‖", Ink.DIM)
    name = visible(pulse.name) if pulse is not None else ""
    place: list[Inked] = [(f"{sign} ", ink), (f"step {session.step:>7,} ", Ink.STRONG)]
    more = _pace(pulse, live) if pulse is not None else []
    if snapshot is not None:
        more.append((f"{snapshot.parameters:,} parameters", Ink.DIM))
    state = state_of(session, pulse)
    if width < NARROW:
        state = state[0].removeprefix("connection "), state[1]
    room = width - len(PROGRAM) - min(len(name), NAME) - len(state[0]) - GAP - sum(len(text) for text, _ in place) - 1
    shown: list[Inked] = []
    for text, role in more:  # what matters least goes first
        if (room := room - len(text) - GAP) < 0:
            break
        shown += [(text, role), (" " * GAP, Ink.DIM)]
    right = [state, (" " * GAP, Ink.DIM), *shown, *place]
    fitting = fit(name, width - len(PROGRAM) - sum(len(text) for text, _ in right) - 1).rstrip()
    return row(width, (PROGRAM, Ink.STRONG), (fitting, Ink.STRONG), right=right)


def _pace(pulse: Pulse, live: bool) -> list[Inked]:
    """How long nothing was written, how fast it is, and what measuring takes, the most important first."""
    pieces: list[Inked] = []
    if pulse.state != "lost" and pulse.age > STALE:
        pieces.append((f"written {ago(pulse.age)}", Ink.WARN if live else Ink.DIM))
    if live and pulse.speed:
        pieces.append((f"{pulse.speed:,.{1 if pulse.speed < 100 else 0}f} steps/s", Ink.PLAIN))
        pieces.append((f"measuring {pulse.measuring * 100:.1f} %", Ink.DIM))
    return pieces


def run_rows(session: Known, width: int) -> list[Row]:
    """What a recording says of its run, a line a fact."""
    pulse = pulse_of(session)
    if pulse is None:
        return [row(width, (" reading the recording …", Ink.DIM))]
    run, snapshot = pulse.run, session.snapshot()
    facts: list[tuple[str, str]] = []
    if run is not None:
        if run.ranks > 1:
            facts.append(("shard" if run.sharded else "rank", f"{run.rank + 1} of {run.ranks}"))
        facts.append(("parameters", f"{run.parameters:,}{' here' if run.sharded and run.ranks > 1 else ''}"))
    facts += _measured(snapshot) if snapshot is not None else []
    if run is not None:
        facts.append(("began", time.strftime("%d %b %H:%M", time.localtime(run.began))))
        facts.append(("git commit", run.commit[:10] or "none"))
    if pulse.pid:
        facts += [("process", str(pulse.pid)), ("device", pulse.device), ("torch", pulse.torch)]
    rows = [row(width, (f" {visible(pulse.name)}", Ink.STRONG), right=[state_of(session, pulse), (" ", Ink.DIM)])]
    rows += [row(width, (f" {label:<{LABEL}}", Ink.DIM), (visible(value), Ink.PLAIN)) for label, value in facts]
    for label, text in (("command", run.text), ("in", run.path)) if run is not None else ():
        lines = wrap(visible(text), max(10, width - LABEL - 2))
        more = [f"{lines[COMMAND - 1][:-1]}…"] if len(lines) > COMMAND else lines[COMMAND - 1 : COMMAND]
        for at, line in enumerate([*lines[: COMMAND - 1], *more]):
            rows.append(row(width, (f" {label if not at else '':<{LABEL}}", Ink.DIM), (line, Ink.PLAIN)))
    return rows


def _measured(snapshot: Snapshot) -> list[tuple[str, str]]:
    facts = [("optimizer", snapshot.optimizer or "")]
    if snapshot.lr is not None:
        facts.append(("lr", f"{snapshot.lr:.3g}"))
    if snapshot.batch_size is not None:
        times = f" × {snapshot.micro_batches} micro-batches" if (snapshot.micro_batches or 1) > 1 else ""
        facts.append(("batch", f"{snapshot.batch_size:,}{times}"))
    if snapshot.skipped:
        facts.append(("skipped", f"{snapshot.skipped:,} steps, by GradScaler"))
    if snapshot.scaled:
        facts.append(("gradients", "as they are"))
    return facts


def run_strip(session: Known, width: int) -> Row:
    """The same of a small screen, on one line."""
    pulse, snapshot = pulse_of(session), session.snapshot()
    pieces: list[Piece] = [" "]
    if snapshot is not None:
        for label, value in _measured(snapshot):
            pieces += [(f"{'' if label == 'optimizer' else f'{label} '}", Ink.DIM), (f"{visible(value)}  ", Ink.STRONG)]
    if pulse is not None and pulse.run is not None:
        pieces.append((visible(pulse.run.text), Ink.DIM))
    return row(width, *pieces)
