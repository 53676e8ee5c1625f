"""The stop of the tour that is under way: what to press, what to look at, what is still to be seen."""

from __future__ import annotations

import contextlib
from pathlib import Path

from ...host.paths import state_folder
from ...plots import Row
from ...plots.ink import Ink, fit, row, wrap
from ...session.known import Known
from ..sheets.sheet import Sheet
from . import BY_CLAIM, Progress, Seen, Stop, Walk

LINES = 3  # in a window of NARROW columns or more; in a narrower one, one more
NARROW = 80


def seen(session: Known, view: str) -> Seen | None:
    """What is on the screen in that view, None while nothing is measured there that the tour can be about."""
    look, pointer = session.look(), session.pointer
    snapshot, closer, evaluation = look.snapshot, look.inspection, look.evaluation
    if snapshot is None or look.settings is None:
        return None
    layer = snapshot.activations[min(pointer.layer, len(snapshot.activations) - 1)] if snapshot.activations else None
    return Seen(
        view=view,
        config=look.settings,
        snapshot=snapshot,
        inspected=closer is not None and closer.step == snapshot.step,
        evaluated=evaluation is not None and evaluation.step == snapshot.step,
        overlaid=pointer.overlaid,
        dead_unit=layer is not None and pointer.unit in layer.dead,
        notice=session.notice.text if session.notice is not None else "",
    )


def hint_lines(width: int) -> int:
    """How many rows the hint takes: the same for every stop, so that nothing jumps from one to the next."""
    return LINES if width >= NARROW else LINES + 1


def hint_rows(walk: Walk, width: int) -> list[Row]:
    """Press and look, then what is still to be seen, in the last row."""
    stop, most = walk.stop, hint_lines(width) - 1
    lines = wrap(f"{stop.press} {stop.look}", width - 6)
    if len(lines) > most:  # what is cut off says so
        lines = [*lines[: most - 1], " ".join(lines[most - 1 :])]
    rows = [
        row(width, (f" {stop.claim if not index else '   '} ", Ink.KEY), fit(line, width - 6), " ")
        for index, line in enumerate(lines)
    ]
    rows += [row(width)] * (most - len(rows))
    if walk.done:
        return [*rows, row(width, ("   ✓ seen", Ink.GOOD), " — ", ("N", Ink.KEY), " for the next")]
    missing = ", ".join(walk.missing)
    return [*rows, row(width, ("   · ", Ink.KEY), ("still to see: ", Ink.DIM), missing, right=[("esc ends ", Ink.DIM)])]


class Hint(Sheet):
    """The lines below the panes while a stop of the tour is under way; keeps the tour's progress."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.walk: Walk | None = None
        self._progress: Progress | None = None
        self._height = LINES

    @property
    def progress(self) -> Progress:
        """What was seen so far, read from its file when first asked for."""
        if self._progress is None:
            folder: Path | None = None
            with contextlib.suppress(FileNotFoundError):
                folder = state_folder()
            self._progress = Progress(folder, BY_CLAIM)
        return self._progress

    @property
    def chosen(self) -> str:
        """The claim to go on with."""
        if self.walk is None:
            return self.progress.next()
        return self.progress.next(self.walk.stop.claim) if self.walk.done else self.walk.stop.claim

    def stops_at(self, clock: int) -> int | None:
        """The step at which training stops by itself for the stop under way, if that lies ahead."""
        return self.walk.stop.until if self.walk is not None and self.walk.stop.until > clock else None

    def begin(self, stop: Stop) -> None:
        """Show what this stop asks for."""
        self.walk = Walk(stop)
        self.tell()

    def end(self) -> None:
        """Show nothing more."""
        self.walk = None
        self.tell()

    def look(self, session: Known, view: str) -> str:
        """Take what is on the screen; gives a sentence if a tick could not be kept."""
        now = seen(session, view) if self.walk is not None else None
        if self.walk is None or now is None:
            return ""
        before = self.walk.missing
        ticked = self.walk.look(now)
        if ticked:
            self.progress.tick(self.walk.stop.claim)
        if self.walk.missing != before:
            self.tell()
        return self.progress.trouble if ticked else ""

    def tell(self) -> None:
        """Show what there is to say in the width there is, or hide."""
        rows = hint_rows(self.walk, self.screen.size.width) if self.walk is not None else []
        self.set_class(bool(rows), "-shown")
        if rows and self._height != len(rows):
            self.styles.height = self._height = len(rows)
        self.show(rows)
