"""Verdicts as a table and as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..experiments.claims.check import Checked
from ..experiments.claims.model import Verdict

MARKS: dict[Verdict, tuple[str, str]] = {
    "holds": ("✓", "green"),
    "holds in part": ("◐", "yellow"),
    "fails": ("✗", "bold red"),
}


def as_json(checked: Sequence[Checked]) -> bytes:
    """A list with one object a claim (UTF-8); figures that could not be measured are null."""
    records = [
        {
            "id": one.claim.id,
            "claim": one.claim.text,
            "verdict": one.judgement.verdict,
            "reason": one.judgement.reason,
            "figures": {
                name: float(value) if math.isfinite(value) else None for name, value in one.judgement.figures.items()
            },
            "seconds": round(one.seconds, 2),
        }
        for one in checked
    ]
    return msgspec.json.format(msgspec.json.encode(records), indent=1)


def print_table(checked: Sequence[Checked], console: Console) -> None:
    """Id, verdict, the claim, and why with figures; then how many hold."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 1, 0))
    table.add_column("claim", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("what it says, and what was measured (medians over the seeds)")
    for one in checked:
        mark, style = MARKS[one.judgement.verdict]
        words = Text(one.claim.text, style="bold")
        words.append(f"\n{one.judgement.reason}", style="not bold")
        table.add_row(one.claim.id, Text(f"{mark} {one.judgement.verdict}", style=style), words)
    console.print(table)
    counts = {verdict: sum(one.judgement.verdict == verdict for one in checked) for verdict in MARKS}
    console.print(Text(", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)))


def failed(checked: Sequence[Checked]) -> str | None:
    """A sentence that names the claims that fail, or None."""
    names = [one.claim.id for one in checked if one.judgement.verdict == "fails"]
    if not names:
        return None
    return f"{len(names)} of {len(checked)} claims fail: {', '.join(names)}"
