"""Words to examples: a context of characters predicts the next one.

Pure numpy and Python, so that a data file can be checked without loading torch.
"""

from __future__ import annotations

import random
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt

END = "."
SPLIT_SEED = 42  # the lecture's
MIN_WORDS = 10  # fewer leave a part of the 80/10/10 split empty
MAX_BYTES = 256 * 2**20
MAX_WORD = 1_000  # letters; a longer line is no word
IntArray = npt.NDArray[np.int64]


class DataError(ValueError):
    """A data file that cannot be trained on: the message is one sentence that names it."""


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

    path: str  # "" is the shipped list
    words: int
    vocabulary: str  # the end mark first, then the letters in order
    train: Examples
    dev: Examples
    test: Examples

    @cached_property
    def unigram(self) -> float:
        """Dev loss (nats) of predicting each character by its frequency in train, add-one smoothed."""
        classes = len(self.vocabulary)
        counts = np.bincount(self.train.y, minlength=classes) + 1.0
        return float(-np.log(counts / counts.sum())[self.dev.y].mean())

    @cached_property
    def bigram(self) -> float:
        """Dev loss (nats) of predicting each character from the last one alone, add-one smoothed."""
        classes = len(self.vocabulary)
        pairs = self.train.x[:, -1] * classes + self.train.y
        counts = np.bincount(pairs, minlength=classes * classes).reshape(classes, classes) + 1.0
        losses = -np.log(counts / counts.sum(axis=1, keepdims=True))
        return float(losses[self.dev.x[:, -1], self.dev.y].mean())


def read_words(path: Path | None) -> list[str]:
    """One word a line, normalised to NFC; blank lines are skipped. None reads the shipped list.

    Raises:
        DataError: no such file, not text, a line with something else than letters, or too few words.
    """
    name = "the shipped list" if path is None else str(path)
    try:
        if path is None:
            raw = resources.files("tuiinit").joinpath("data/names.txt").read_bytes()
        else:
            with path.open("rb") as file:
                raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DataError(f"cannot read {name}: {error.strerror or error}") from None
    except ValueError as error:  # a NUL in the name
        raise DataError(f"cannot read {name!r}: {error}") from None
    if len(raw) > MAX_BYTES:
        raise DataError(f"{name} is larger than {MAX_BYTES // 2**20} MiB")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{name} is not UTF-8 text") from None
    words = []
    for number, line in enumerate(text.split("\n"), 1):
        word = unicodedata.normalize("NFC", line.strip())
        if not word:
            continue
        if len(word) > MAX_WORD:
            raise DataError(f"{name}, line {number}: {len(word):,} characters are no word ({MAX_WORD:,} at most)")
        if not word.isalpha():
            odd = next((c for c in word if unicodedata.category(c)[0] not in "LM"), None)
            if odd is not None:
                raise DataError(f"{name}, line {number}: {odd!r} is no letter; one word a line, letters only")
        words.append(word)
    if not words:
        raise DataError(f"{name} holds no words")
    if len(words) < MIN_WORDS:
        found = "1 word" if len(words) == 1 else f"{len(words)} words"
        raise DataError(f"{name} holds {found}; at least {MIN_WORDS} are needed to split them 80/10/10")
    return words


def examples(words: list[str], index: dict[str, int], context: int) -> Examples:
    """Every character of every word, and its end, with the `context` characters before it."""
    lengths = np.fromiter((len(word) for word in words), dtype=np.int64, count=len(words))
    # Each word as: `context` end marks, its letters, the closing end mark. Contexts are windows over this line.
    padded = np.fromiter(
        (index[c] for word in words for c in END * context + word + END),
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


def load(path: str | None, context: int) -> Text:
    """Read, shuffle and split a word list as the lecture does (FIELD: seed 42, 80/10/10 by word count).

    Raises:
        DataError: see `read_words`.
    """
    words = read_words(None if path is None else Path(path))
    vocabulary = END + "".join(sorted(set("".join(words))))
    index = {c: i for i, c in enumerate(vocabulary)}
    random.Random(SPLIT_SEED).shuffle(words)
    first, second = int(0.8 * len(words)), int(0.9 * len(words))
    parts = (words[:first], words[first:second], words[second:])
    train, dev, test = (examples(part, index, context) for part in parts)
    return Text(path or "", len(words), vocabulary, train, dev, test)
