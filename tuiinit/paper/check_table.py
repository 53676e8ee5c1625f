"""Rows of a check as a table that fits its window: columns that say nothing, or have no room, are left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from rich.table import Table
from rich.text import Text

from ..host.visible import visible
from ..insight.blocks import FOLD_FROM, runs
from ..insight.check.finding import ORDER, CheckFinding
from ..stream.checked import CheckedRow
from .runs import MARKS, STYLES

BAR = 10  # cells of the bar that shows a row's std
NAME = 12  # cells that a row's name keeps at least


@dataclass(frozen=True)
class Column:
    """A column: its head, what it says of a row, and how soon it makes room (the highest first; 0 stays)."""

    head: str
    cell: Callable[[CheckedRow], str]
    yields: int = 0
    right: bool = True


def _columns(widest: float) -> tuple[Column, ...]:
    def bar(row: CheckedRow) -> str:
        return "▇" * max(1, round(BAR * row.std / widest)) if row.std and widest else ""

    return (
        Column("kind", lambda row: visible(row.kind), 2, right=False),
        Column("", bar, 4, right=False),
        Column("std", lambda row: "not finite" if not row.finite else _number(row.std)),
        Column("theory", lambda row: _number(row.predicted_std), 1),
        Column("gain", lambda row: _number(row.gain)),
        Column("advised", lambda row: _number(row.advised_gain)),
        Column("initialiser", _initialiser, 6, right=False),
        Column("saturated", lambda row: _percent(row.saturated) if row.bounded else "", 3),
        Column("dead", lambda row: f"{row.dead}/{row.units}" if row.dead else "", 5),
        Column("gradient", _gradient),
    )


def _gradient(row: CheckedRow) -> str:
    return "not finite" if not row.grad_finite else "" if row.grad_std is None else f"{row.grad_std:.1e}"


def _initialiser(row: CheckedRow) -> str:
    return "" if row.initialiser in (None, "unknown") else row.initialiser.replace("_", " ")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}" if 1e-3 <= abs(value) < 1e4 or not value else f"{value:.0e}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.0f} %"


def _name(row: CheckedRow) -> str:
    name = row.name or "the model"
    return visible(name if row.call == 1 else f"{name} #{row.call}")


def row_table(
    rows: Sequence[CheckedRow], findings: Sequence[CheckFinding], width: int, *, every: bool = False
) -> Table:
    """Rows in call order, at most `width` cells wide, each with the mark of the worst that was found of it.

    Args:
        every: show each row; else blocks that are alike are folded in a large network.
    """
    lines = list(shown(rows, every))
    real = [row for row, _ in lines if row is not None]
    widest = max((row.std for row in real if row.std is not None), default=0.0)
    columns = [column for column in _columns(widest) if any(column.cell(row) for row in real)]
    longest = max(len("row"), *(len(_name(row)) for row in real)) if real else NAME
    sizes = {c.head: max(len(c.head), *(len(c.cell(row)) for row in real)) for c in columns}
    marks = _marks(findings)
    for yields in range(6, 0, -1):
        if 2 + min(longest, 2 * NAME) + sum(sizes[c.head] + 1 for c in columns) <= width:
            break
        columns = [c for c in columns if c.yields != yields]
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", width=1)
    table.add_column("row", no_wrap=True, overflow="ellipsis", min_width=min(longest, NAME))
    for column in columns:
        cut = "ellipsis" if column.head in ("kind", "initialiser") else "fold"
        table.add_column(
            column.head, justify="right" if column.right else "left", no_wrap=True, overflow=cut,  # type: ignore[arg-type]
            min_width=None if column.head == "kind" else sizes[column.head],
        )  # fmt: skip
    for row, more in lines:
        if row is None:
            table.add_row("", Text(more, "dim"))
            continue
        severity = marks.get(row.name) or marks.get(row.weight or row.name)
        mark = Text(MARKS[severity], STYLES[severity]) if severity else Text("")
        table.add_row(mark, Text(_name(row)), *(Text(column.cell(row)) for column in columns))
    return table


def _marks(findings: Sequence[CheckFinding]) -> dict[str, str]:
    marks: dict[str, str] = {}
    for finding in sorted(findings, key=lambda finding: ORDER.index(finding.severity)):
        for name in (finding.row, *finding.modules):
            marks.setdefault(name, finding.severity)
    return marks


def pair_table(before: Sequence[CheckedRow], after: Sequence[CheckedRow], width: int, *, every: bool = False) -> Table:
    """Two checks' rows side by side; a row that only one of them has stands alone."""
    pairs = list(_paired(before, after))
    folding = shown([one or other for one, other in pairs if one or other], every)  # type: ignore[misc]
    by_id = {id(one or other): (one, other) for one, other in pairs}
    bounded = any(row.bounded for row in (*before, *after))
    names = ("std", "gradient", *(("saturated",) if bounded and width >= 100 else ()))
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("row", no_wrap=True, overflow="ellipsis", min_width=NAME)
    table.add_column("kind", no_wrap=True, overflow="ellipsis")
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
        table.add_column("→", justify="right", no_wrap=True)
    for row, more in folding:
        if row is None:
            table.add_row(Text(more, "dim"))
            continue
        pair = by_id[id(row)]
        cells = [_name(row), visible(row.kind)]
        cells += ["–" if one is None else "not finite" if not one.finite else _number(one.std) for one in pair]
        cells += ["" if one is None else _gradient(one) for one in pair]
        if "saturated" in names:
            cells += [_percent(one.saturated) if one is not None and one.bounded else "" for one in pair]
        table.add_row(*map(Text, cells))
    return table


def _paired(
    before: Sequence[CheckedRow], after: Sequence[CheckedRow]
) -> Iterator[tuple[CheckedRow | None, CheckedRow | None]]:
    """Rows of one kind that stand at the same place; names may have moved, as a norm in between moves them."""
    one, other = [row.kind for row in before], [row.kind for row in after]
    for _, a, b, c, d in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if one[a:b] == other[c:d]:
            yield from zip(before[a:b], after[c:d], strict=True)
        else:
            yield from ((row, None) for row in before[a:b])
            yield from ((None, row) for row in after[c:d])


def shown(rows: Sequence[CheckedRow], every: bool) -> Iterator[tuple[CheckedRow | None, str]]:
    """All rows, or blocks that are alike folded in a large network: None, and how many, in their place."""
    if every or len(rows) <= FOLD_FROM:
        return ((row, "") for row in rows)
    return folded(rows)


def folded(rows: Sequence[CheckedRow]) -> Iterator[tuple[CheckedRow | None, str]]:
    """Rows in order; of blocks alike but for their number only the first and the last are shown."""
    for run in runs(tuple((row.name, row.kind) for row in rows)):
        first, last = run.blocks[0], run.blocks[-1]
        yield from ((rows[i], "") for i in first)
        if len(run.blocks) > 2:
            yield None, f"… {len(run.blocks) - 2} alike"
        if run.alike:
            yield from ((rows[i], "") for i in last)
