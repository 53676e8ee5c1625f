"""The findings as a view of their own."""

from __future__ import annotations

from ..insight.findings import Finding
from ..insight.look import Look
from ..plots import Plot
from ..plots.ink import SEVERITIES, Ink, Piece, row, wrap
from ..session.actions import key_of
from ..session.changed import Changed
from ..session.pointer import Pointer
from .base import NOTHING_YET, View

KEY_BEGINS, KEY_ENDS = "\ue000", "\ue001"  # private characters around a key while its sentence is wrapped


def finding_rows(look: Look, width: int) -> list[tuple[Piece, ...]]:
    """The findings wrapped to a width: a mark for the severity, then the sentence, keys in it as keys."""
    lines: list[tuple[Piece, ...]] = []
    for finding in look.findings:
        sign, ink = SEVERITIES[finding.severity]
        for index, line in enumerate(wrap(with_keys(finding, KEY_BEGINS, KEY_ENDS), width - 2)):
            text = Ink.DIM if ink is Ink.GOOD else Ink.PLAIN
            lines.append(((f"{sign if not index else ' '} ", ink), *_pieces(line, text)))
    return lines


def _pieces(line: str, ink: int) -> list[Piece]:
    plain, *keyed = line.split(KEY_BEGINS)
    pieces: list[Piece] = [(plain, ink)]
    for part in keyed:
        key, _, rest = part.partition(KEY_ENDS)
        pieces += [(key, Ink.KEY), (rest, ink)]
    return pieces


class FindingsView(View):
    """All findings, wrapped to the whole width."""

    id = "findings"
    title = "Findings"
    compares = False
    redraws_on = Changed.FINDINGS
    help = (
        "Sentences about the numbers on the screen: ✓ good, · worth knowing, ! a warning, ✗ bad. Each says the "
        "number, the threshold, the layer and the key that helps."
    )

    def plot(self, look: Look, other: Look | None, pointer: Pointer, width: int, height: int) -> Plot:
        lines = finding_rows(look, width - 2) or [((NOTHING_YET, Ink.DIM),)]
        rows = [row(width, " ", *line) for line in lines[:height]]
        return Plot(tuple(rows + [row(width)] * (height - len(rows))))


def with_keys(finding: Finding, begin: str = "", end: str = "") -> str:
    """A finding, then the keys that help, each between two marks."""
    keys = [f"{begin}{key_of(help_.action)}{end}: {help_.words}" for help_ in finding.helps]
    return f"{finding.text} Press {'; or '.join(keys)}." if keys else finding.text
