"""Which lines stand for a network's rows or matrices: what a filter lets through, blocks alike folded into one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from ..insight.blocks import FOLD_FROM, Alike, Part, Parts, runs


@dataclass(frozen=True)
class RowLine:
    """One line: a single row, or a fold that stands for many."""

    title: str
    members: tuple[int, ...]  # places in the snapshot, in its order
    indent: int = 0
    fold: str = ""  # the name of the fold that enter opens or closes; "" of a single row outside of all
    folded: bool = False  # whether it stands for all its members: it is a fold, and closed
    head: bool = False  # whether it is a fold's own line
    brief: str = ""  # a shorter title, of a fold of blocks


@dataclass(frozen=True)
class Lines:
    """The lines in their order."""

    all: tuple[RowLine, ...]
    parts: tuple[tuple[int, Part], ...]  # what passed the filter: the place in the snapshot, label and kind
    total: int  # rows with those that the filter left out

    @cached_property
    def members(self) -> tuple[int, ...]:
        """The places in the snapshot of all rows that are shown, folded or not."""
        return tuple(i for i, _ in self.parts)

    def at(self, layer: int, fold: str = "") -> int:
        """Which line is pointed at: the head of the fold of that name, else the one that holds the layer, or the next.

        Where nothing is shown it is 0.
        """
        best, distance = 0, float("inf")
        for i, line in enumerate(self.all):
            if line.head and line.fold == fold and layer in line.members:
                return i
            if line.head and not line.folded:
                continue
            away = min(abs(member - layer) for member in line.members)
            if away < distance:
                best, distance = i, away
        return best

    def near(self, layer: int, count: int) -> tuple[int, ...]:
        """At most so many of the rows that are shown, those around a layer."""
        rows = self.members
        at = min(range(len(rows)), key=lambda i: abs(rows[i] - layer), default=0)
        first = max(0, min(at - count // 2, len(rows) - count))
        return rows[first : first + count]


@lru_cache(maxsize=64)
def lines_of(parts: Parts, text: str = "", opened: frozenset[str] = frozenset()) -> Lines:
    """The lines of rows or matrices.

    Args:
        parts: the place of each in the snapshot, its label and its kind.
        text: of a filter: only parts with all its words in name or kind are shown.
        opened: the names of the folds that are open.
    """
    words = text.lower().split()
    shown = tuple(part for part in parts if all(word in " ".join(part[1]).lower() for word in words))
    if len(shown) <= FOLD_FROM:
        return Lines(tuple(RowLine(label, (i,)) for i, (label, _) in shown), shown, len(parts))
    lines: list[RowLine] = []
    for run in runs(tuple(part for _, part in shown)):
        if run.alike:
            lines += _folded(run, shown, opened)
        else:
            lines += [RowLine(shown[i][1][0], (shown[i][0],)) for i in run.blocks[0]]
    return Lines(tuple(lines), shown, len(parts))


def _folded(run: Alike, shown: Sequence[tuple[int, Part]], opened: frozenset[str]) -> list[RowLine]:
    """A run of blocks: one line, or where it is open one for each row of a block, which are folds of their own."""
    first, last = run.blocks[0], run.blocks[-1]
    one, other = _names([shown[i][1][0] for i in first], [shown[i][1][0] for i in last])
    title = f"{one} … {other} ({len(run.blocks)} alike)"
    everything = tuple(shown[i][0] for block in run.blocks for i in block)
    same = other.startswith(one[: one.rfind(".") + 1])
    brief = f"{one} … {other[one.rfind('.') + 1 :] if same else other} ({len(run.blocks)})"
    lines = [RowLine(title, everything, fold=title, folded=title not in opened, head=True, brief=brief)]
    if title not in opened:
        return lines
    if len(first) == 1:
        return [*lines, *(RowLine(shown[i][1][0], (shown[i][0],), 1, title) for i in run.places[0])]
    for places in run.places:
        label, kind = shown[places[0]][1]
        own = label.removeprefix(one).strip(". ") or label
        name = f"{kind if own.rpartition('.')[2].isdecimal() else own} × {len(places)}"
        key = f"{title} {own}"
        lines.append(RowLine(name, tuple(shown[i][0] for i in places), 1, key, key not in opened, head=True))
        if key in opened:
            lines += [RowLine(shown[i][1][0], (shown[i][0],), 2, key) for i in places]
    return lines


def same_place(before: Parts, now: Parts, layer: int) -> int:
    """Where among other parts the one pointed at is: the matrix of a row, or the row of a matrix; else where it was."""
    name = dict(before).get(layer, ("", ""))[0]
    if not name or before == now:
        return layer
    places = {label: place for place, (label, _) in reversed(now)}
    owner = name.rpartition(".")[0]
    own = [place for label, place in places.items() if label.startswith(f"{name}.")]
    return places.get(name, min(own, default=places.get(owner, layer)))


def _names(first: Sequence[str], last: Sequence[str]) -> tuple[str, str]:
    """The names of the first and the last block: what the names of their rows begin with, else a row of theirs."""
    if len(first) == 1:
        return first[0], last[0]

    def common(names: Sequence[str]) -> str:
        parts = [name.split(".") for name in names]
        same = 0
        while all(len(part) > same + 1 and part[same] == parts[0][same] for part in parts):
            same += 1
        return ".".join(parts[0][:same])

    one, other = common(first), common(last)
    return (one, other) if one and other and one != other else (first[0], last[-1])
