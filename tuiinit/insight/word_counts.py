"""How many words, symbols and examples there are to train on, in sentences and as a record."""

from __future__ import annotations

from typing import Any

from ..data.reading import EMPTY
from ..host.visible import symbol, visible
from ..stream.protocol import DataInfo

LONGEST = 500  # characters of what is told of lines left out: they quote the file


def counts(data: DataInfo) -> str:
    """Words, symbols and examples in one sentence."""
    end = symbol(data.vocabulary[0])
    return (
        f"{data.words:,} words ({data.repeats:,} repeats, {data.in_both:,} in both train and dev), "
        f"{len(data.vocabulary):,} symbols ('{end}' ends a word), examples: {data.train:,} train, {data.dev:,} dev, "
        f"{data.test:,} test"
    )


def left_out(data: DataInfo) -> str:
    """What was left out of the list and why, with the first examples; empty if nothing was."""
    if not data.left_out:
        return ""
    reasons = ", ".join(f"{some.lines:,} {some.why}" for some in data.left_out)
    examples = f" ({'; '.join(data.left_out_examples)})" if data.left_out_examples else ""
    lines = lines_left_out(data)
    text = f"{lines:,} {'line is' if lines == 1 else 'lines are'} left out: {reasons}{examples}"
    return visible(text[:LONGEST])


def sentences(data: DataInfo) -> str:
    """All of it in prose."""
    return " ".join(f"{sentence}." for sentence in (counts(data), left_out(data)) if sentence)


def lines_left_out(data: DataInfo, *, empty: bool = True) -> int:
    """Lines of the list that are no words; without the empty ones if wanted."""
    return sum(some.lines for some in data.left_out if empty or some.why != EMPTY)


def record(data: DataInfo) -> dict[str, Any]:
    """The same as plain values, for JSON."""
    return {
        "words": data.words,
        "repeats": data.repeats,
        "in_train_and_dev": data.in_both,
        "symbols": len(data.vocabulary),
        "end_mark": data.vocabulary[0],
        "train": data.train,
        "dev": data.dev,
        "test": data.test,
        "left_out": {some.why: some.lines for some in data.left_out},
        "left_out_examples": list(data.left_out_examples),
    }
