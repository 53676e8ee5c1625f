"""Words to examples: a context of characters predicts the next one. Pure numpy and Python."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from .reading import WordList, read

END_MARKS = ".|#$%&*+/<=>@^_~∎■◆●▲"  # the first that no word has
SPLIT_SEED = 42  # the lecture's
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Examples:
    """Contexts (n, context) and the characters that follow them (n,), as indices into a vocabulary."""

    x: IntArray
    y: IntArray

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True)
class Text:
    """A word list, its vocabulary and its split into train, dev and test examples."""

    path: str  # "" is the shipped list; of a given source its title
    source: WordList
    vocabulary: str  # the end mark first, then the other characters in order
    repeats: int  # words that stood in the list before
    in_both: int  # different words that stand in train and in dev
    train: Examples
    dev: Examples
    test: Examples

    @property
    def words(self) -> int:
        """The number of words."""
        return len(self.source.words)

    @cached_property
    def unigram(self) -> float:
        """Dev loss (nats) of predicting each character by its frequency in train, add-one smoothed."""
        classes = len(self.vocabulary)
        counts = np.bincount(self.train.y, minlength=classes) + 1.0
        return float(-np.log(counts / counts.sum())[self.dev.y].mean())

    @cached_property
    def bigram(self) -> float:
        """Dev loss (nats) of predicting each character from the last one alone, add-one smoothed.

        Only the pairs that occur are counted: a table of all would take memory with the vocabulary's square.
        """
        classes = len(self.vocabulary)
        last, wanted_last = self.train.x[:, -1], self.dev.x[:, -1]
        pairs, counts = np.unique(last * classes + self.train.y, return_counts=True)
        wanted = wanted_last * classes + self.dev.y
        at = np.minimum(np.searchsorted(pairs, wanted), len(pairs) - 1)
        seen = np.where(pairs[at] == wanted, counts[at], 0) + 1.0
        rows = np.bincount(last, minlength=classes) + float(classes)
        return float(-np.log(seen / rows[wanted_last]).mean())


def end_mark(alphabet: set[str]) -> str:
    """The sign that begins and ends words: one that is in none. A line end is in none for certain."""
    return next((mark for mark in END_MARKS if mark not in alphabet), "\n")


def examples(words: list[str], index: dict[str, int], context: int) -> Examples:
    """Every character of every word, and its end, with the `context` characters before it.

    `index` numbers the vocabulary; its first is the end mark.
    """
    end = next(iter(index))
    lengths = np.fromiter((len(word) for word in words), dtype=np.int64, count=len(words))
    # Each word as: `context` end marks, its characters, the closing end mark. Contexts are windows over this line.
    padded = np.fromiter(
        (index[c] for word in words for c in end * context + word + end),
        dtype=np.int64,
        count=int(lengths.sum() + len(words) * (context + 1)),
    )
    windows = np.lib.stride_tricks.sliding_window_view(padded, context + 1)
    ends = np.cumsum(lengths + context + 1)
    starts = ends - (lengths + context + 1)
    wanted = np.zeros(len(padded) + 1, dtype=np.int64)
    np.add.at(wanted, starts, 1)
    np.add.at(wanted, starts + lengths + 1, -1)
    rows = windows[np.flatnonzero(np.cumsum(wanted)[: len(windows)])]
    return Examples(np.ascontiguousarray(rows[:, :-1]), np.ascontiguousarray(rows[:, -1]))


def load(data: str | None, context: int, column: str | None = None) -> Text:
    """Read, shuffle and split a word list as the lecture does (FIELD: seed 42, 80/10/10 by word count).

    Raises:
        DataError: see `reading.read`.
    """
    source = read(data, column)
    alphabet = set("".join(source.words))
    vocabulary = end_mark(alphabet) + "".join(sorted(alphabet))
    index = {c: i for i, c in enumerate(vocabulary)}
    words = list(source.words)
    random.Random(SPLIT_SEED).shuffle(words)
    first, second = int(0.8 * len(words)), int(0.9 * len(words))
    parts = (words[:first], words[first:second], words[second:])
    train, dev, test = (examples(part, index, context) for part in parts)
    return Text(
        path="" if data is None else source.name,
        source=source,
        vocabulary=vocabulary,
        repeats=len(words) - len(set(words)),
        in_both=len(set(parts[0]) & set(parts[1])),
        train=train,
        dev=dev,
        test=test,
    )
