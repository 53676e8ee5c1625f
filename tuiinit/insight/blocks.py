"""Blocks of a network that are alike but for a number in their names: h.0 … h.11, each of the same rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

FOLD_FROM = 40  # rows, from which blocks that are alike are folded
FEWEST_ROWS = 3  # blocks of a single row each that are worth folding
FEWEST = 2  # blocks of several rows each
LONGEST_PERIOD = 12  # neighbours in a list, such as Linear, norm, ReLU, that may make a block together
_NUMBER = re.compile(r"(?<![^.])\d+(?![^.])")  # a part of a name that is a number
_CALL = re.compile(r", call \d+$")

Part = tuple[str, str]  # the label of a row or a matrix, and its kind
Parts = tuple[tuple[int, Part], ...]  # the place of each in the snapshot, and the part


@dataclass(frozen=True)
class Alike:
    """Neighbouring blocks that are alike, each a range of places in the list; a single row is a block of its own."""

    blocks: tuple[range, ...]

    @property
    def alike(self) -> bool:
        """Whether there are several."""
        return len(self.blocks) > 1

    @property
    def places(self) -> tuple[tuple[int, ...], ...]:
        """For each row of a block, where it is in every block."""
        return tuple(zip(*self.blocks, strict=True))


@lru_cache(maxsize=64)
def runs(parts: tuple[Part, ...]) -> tuple[Alike, ...]:
    """All of a list in its order, neighbours that are alike as one run.

    Blocks are told by the first number in their names (`h.3.fc`), and where those differ by the numbers after it;
    neighbours in a list (`0` Linear, `1` Tanh, `2` Linear, …) that repeat make a block together, and so do repeated
    calls.
    """
    return tuple(_runs(parts, range(len(parts)), 0))


def _runs(parts: Sequence[Part], within: range, level: int) -> list[Alike]:
    deepest = max((len(_NUMBER.findall(parts[i][0])) for i in within), default=0)
    blocks = _blocks(parts, within, level)
    looks = [tuple((_pattern(parts[i][0], level, deepest), parts[i][1]) for i in block) for block in blocks]
    found: list[Alike] = []
    at = 0
    while at < len(blocks):
        period, times = _repeats(looks, at)
        if times > 1:
            found.append(
                Alike(
                    tuple(
                        range(blocks[start].start, blocks[start + period - 1].stop)
                        for start in range(at, at + period * times, period)
                    )
                )
            )
            at += period * times
            continue
        if len(blocks[at]) > 1 and level <= deepest:
            found += _runs(parts, blocks[at], level + 1)
        else:
            found += [Alike((range(i, i + 1),)) for i in blocks[at]]
        at += 1
    return found


def _repeats(looks: Sequence[tuple[Part, ...]], at: int) -> tuple[int, int]:
    """How many blocks repeat from a place on, and how often; of what covers most, the shortest. Once where none do."""
    best, covered = (1, 1), 0
    for period in range(1, min(LONGEST_PERIOD, (len(looks) - at) // 2) + 1):
        one = looks[at : at + period]
        times = 1
        while looks[at + times * period : at + (times + 1) * period] == one:
            times += 1
        rows = sum(map(len, one))
        if times >= (FEWEST_ROWS if rows == 1 or period > 1 else FEWEST) and times * rows > covered:
            best, covered = (period, times), times * rows
    return best


def _blocks(parts: Sequence[Part], within: range, level: int) -> list[range]:
    """Neighbours whose names are the same up to the number of this level, that included."""
    blocks: list[range] = []
    last: str | None = None
    for i in within:
        numbers = list(_NUMBER.finditer(parts[i][0]))
        prefix = parts[i][0][: numbers[level].end()] if level < len(numbers) else None
        if blocks and prefix is not None and prefix == last:
            blocks[-1] = range(blocks[-1].start, i + 1)
        else:
            blocks.append(range(i, i + 1))
        last = prefix
    return blocks


def _pattern(name: str, level: int, deepest: int) -> str:
    """A name without the number of this level; below all numbers, without the number of the call."""
    if level >= deepest:
        return _CALL.sub("", name)
    numbers = list(_NUMBER.finditer(name))
    if level >= len(numbers):
        return name
    return f"{name[: numbers[level].start()]}*{name[numbers[level].end() :]}"


def block_of(name: str) -> str:
    """The name of the block that a row is in, up to its last number but for one at its end; empty without one."""
    numbers = [found for found in _NUMBER.finditer(name) if found.end() < len(name)]
    return name[: numbers[-1].end()] if numbers else ""
