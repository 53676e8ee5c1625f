"""The findings as a view of their own."""

from __future__ import annotations

from ..plots import Plot
from ..plots.ink import SEVERITIES, Ink, row, wrap
from ..session.session import Session
from .base import NOTHING_YET, View
from .loss import with_keys


def finding_rows(session: Session, width: int) -> list[tuple[tuple[str, int], ...]]:
    """The findings wrapped to a width: a mark for the severity, then the sentence."""
    lines: list[tuple[tuple[str, int], ...]] = []
    for finding in session.findings():
        sign, ink = SEVERITIES[finding.severity]
        for index, line in enumerate(wrap(with_keys(finding), width - 2)):
            lines.append(((f"{sign if not index else ' '} ", ink), (line, Ink.DIM if ink is Ink.GOOD else Ink.PLAIN)))
    return lines


class FindingsView(View):
    """All findings, wrapped to the whole width."""

    id = "findings"
    title = "Findings"
    help = (
        "Sentences about the numbers on the screen: ✓ good, · worth knowing, ! a warning, ✗ bad. Each says the "
        "number, the threshold, the layer and the key that helps."
    )

    def plot(self, session: Session, width: int, height: int) -> Plot:
        lines = finding_rows(session, width - 2) or [((NOTHING_YET, Ink.DIM),)]
        rows = [row(width, " ", *line) for line in lines[:height]]
        return Plot(tuple(rows + [row(width)] * (height - len(rows))))
