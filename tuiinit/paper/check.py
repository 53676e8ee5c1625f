"""A check of a person's network on paper: a line, a table, findings with their cures; or JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from ..host.visible import visible
from ..insight.check.finding import CheckFinding
from ..insight.check.judging import is_ok
from ..stream.checked import Checked
from .check_table import pair_table, row_table, shown
from .runs import MARKS, STYLES


def as_json(checked: Checked, findings: Sequence[CheckFinding]) -> bytes:
    """The check as one JSON object (UTF-8); what does not exist, or is not finite, is null."""
    names = (
        "name", "kind", "call", "shape", "input_rms", "mean", "std", "predicted_std", "saturated", "dead", "grad_std",
        "weight_std", "gain", "advised_gain", "initialiser",
    )  # fmt: skip
    figures: dict[str, Any] = {
        "target": checked.target,
        "settings": checked.settings,
        "device": checked.device,
        "parameters": checked.parameters,
        "loss": checked.loss,
        "expected_loss": checked.expected_loss,
        "rows": [{name: _finite(getattr(row, name)) for name in names} for row in checked.rows],
        "findings": [
            {"id": f.id, "severity": f.severity, "row": f.row, "text": f.text, "cure": f.cure or None} for f in findings
        ],
        "ok": is_ok(findings),
    }
    if checked.lsuv:
        figures["lsuv"] = checked.lsuv
    return msgspec.json.encode(figures)


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and (value != value or abs(value) == float("inf")) else value


def print_check(console: Console, checked: Checked, findings: Sequence[CheckFinding], *, every: bool = False) -> None:
    """Size, input and loss in a line, the rows in call order, then the findings with what mends them.

    Args:
        every: show each row; else blocks that are alike are folded in a large network.
    """
    console.print(Text(headline(checked)))
    console.print(row_table(checked.rows, findings, console.width, every=every))
    if not every and any(row is None for row, _ in shown(checked.rows, every)):
        console.print(Text("Blocks that are alike are folded: --all shows every row.", "dim"))
    print_findings(console, findings)


def headline(checked: Checked) -> str:
    """One line: what was built, and how its loss begins."""
    loss = "not finite" if checked.loss is None else f"{checked.loss:.4g}"
    parts = [f"{checked.parameters:,} parameters", f"input {visible(checked.inputs)}", f"loss {loss}"]
    if checked.expected_loss is not None:
        parts[-1] += f" ({checked.expected_of} = {checked.expected_loss:.4g} from a network that knows nothing)"
    if checked.labels:
        parts.append(checked.labels)
    return " · ".join(parts)


def print_findings(console: Console, findings: Sequence[CheckFinding]) -> None:
    """Each finding with its mark and its cure; of findings of one kind that are many, the first few."""
    if not findings:
        console.print(Text(f"{MARKS['good']} Nothing is wrong with this start.", STYLES["good"]))
    for finding, more in few(findings):
        if finding is None:
            console.print(Text(f"    {more}", "dim"))
            continue
        console.print(Text(f"{MARKS[finding.severity]} {visible(finding.text)}", STYLES[finding.severity]))
        if finding.cure:
            names = [name or "the model" for name in finding.modules]
            where = f"  # m: {visible(', '.join(names[:3]))}" if names else ""
            where += f" and {len(names) - 3} more" if len(names) > 3 else ""
            console.print(Text(f"    {visible(finding.cure)}{where}"))


MOST_ALIKE = 3  # findings of one kind and severity that are shown


def few(findings: Sequence[CheckFinding]) -> Iterator[tuple[CheckFinding | None, str]]:
    """Findings, with the rest of each kind as a number."""
    seen: dict[tuple[str, str], int] = {}
    for finding in findings:
        key = (finding.severity, finding.id)
        seen[key] = seen.get(key, 0) + 1
    shown: dict[tuple[str, str], int] = {}
    for finding in findings:
        key = (finding.severity, finding.id)
        shown[key] = shown.get(key, 0) + 1
        if shown[key] <= MOST_ALIKE:
            yield finding, ""
        if shown[key] == MOST_ALIKE and seen[key] > MOST_ALIKE:
            yield None, f"and {seen[key] - MOST_ALIKE} more of this kind (--json has them all)"


def print_pair(
    console: Console,
    one: tuple[Checked, Sequence[CheckFinding]],
    other: tuple[Checked, Sequence[CheckFinding]],
    *,
    every: bool = False,
) -> None:
    """Two checks in one table: what a setting changes, row by row; then what is found before and after."""
    before, after = one[0], other[0]
    changed = [
        f"{name}: {value} → {after.settings[name]}"
        for name, value in before.settings.items()
        if name in after.settings and after.settings[name] != value
    ]
    console.print(Text(f"before: {headline(before)}\nafter:  {headline(after)}"))
    if before.target != after.target:
        changed.insert(0, f"{before.target} → {after.target}")
    if changed:
        console.print(Text(visible(", ".join(changed))))
    console.print(pair_table(before.rows, after.rows, console.width, every=every))
    for name, (_, findings) in (("before", one), ("after", other)):
        console.print(Text(f"{name}:", "bold"))
        print_findings(console, findings)
