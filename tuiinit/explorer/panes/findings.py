"""The findings pane: sentences about the numbers on the screen."""

from __future__ import annotations

from ...plots import Row
from ...plots.ink import Ink, row
from ...session.known import Known
from ...views.findings import finding_rows


def findings_rows(session: Known, width: int, height: int) -> list[Row]:
    """The findings in width × height cells; the last row tells if some don't fit."""
    lines = finding_rows(session.look(), width - 2)
    if not lines:
        return [row(width, (" nothing measured yet", Ink.DIM))]
    rows = [row(width, " ", *line) for line in lines[:height]]
    if len(lines) > height > 0:
        rows[-1] = row(width, (f" ↓ {len(lines) - height + 1} more lines: ", Ink.DIM), ("f", Ink.KEY))
    return rows
