"""What stands beside the lines of a picture of many rows."""

from __future__ import annotations

from collections.abc import Sequence

from ..insight.blocks import block_of
from .by_line import middle


def labels(names: Sequence[str], firsts: Sequence[int], pointed: int | None, width: int) -> list[str]:
    """Labels of a picture's lines: the block where one begins, else what the row is in it; ▸ at the one pointed at.

    Where lines stand for several rows, those within a block have none, and those of no block the first row's name.

    Args:
        names: of all rows.
        firsts: the first row of each line.
        pointed: the row pointed at.
        width: cells of a label.
    """
    texts: list[str] = []
    joined = len(firsts) < len(names)
    before: str | None = None
    for first, after in zip(firsts, [*firsts[1:], len(names)], strict=True):
        blocks = [block_of(name) for name in names[first:after]]
        new = next((i for i, block in enumerate(blocks) if block != before), None)
        name = names[first + new] if new is not None else names[first]
        if joined:
            # Rows of no block have nothing but their names: without them all lines would be blank.
            text = (blocks[new] or name) if new is not None else "" if before else name
        elif new is None and before:
            text = f" {name.removeprefix(before)}"
        else:
            text = name
        mark = pointed is not None and first <= pointed < after
        text = names[pointed] if mark and joined and pointed is not None else text
        texts.append(f"{'▸' if mark else ''}{middle(text, width - 1)}")
        before = blocks[-1]
    return texts
