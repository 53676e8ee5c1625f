"""Words to examples: the lecture's split, any alphabet, and one sentence for every bad file."""

from __future__ import annotations

import math
import random
import unicodedata
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from tuiinit.engine import text
from tuiinit.engine.text import DataError

WORDS = ["anna", "otto", "eva", "ada", "emma", "lea", "leo", "mia", "noa", "ida", "ina", "uli"]


def written(path: Path, content: str | bytes) -> Path:
    file = path / "words.txt"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def test_the_lectures_split(lecture_names: Path) -> None:
    data = text.load(str(lecture_names), 3)
    assert (len(data.train), len(data.dev), len(data.test)) == (182_625, 22_655, 22_866)
    assert data.vocabulary == ".abcdefghijklmnopqrstuvwxyz"
    assert data.words == 32_033
    assert data.unigram == pytest.approx(2.823, abs=2e-3)
    assert data.bigram == pytest.approx(2.454, abs=2e-3)


def test_the_shipped_list(names: text.Text) -> None:
    assert names.words == 32_469
    assert names.vocabulary == ".abcdefghijklmnopqrstuvwxyz"
    assert names.path == ""
    assert 2.7 < names.unigram < 2.9
    assert 2.3 < names.bigram < names.unigram


def plain_examples(words: list[str], index: dict[str, int], context: int) -> tuple[list[list[int]], list[int]]:
    """As the lecture builds them."""
    xs, ys = [], []
    for word in words:
        window = [0] * context
        for c in word + ".":
            xs.append(window)
            ys.append(index[c])
            window = [*window[1:], index[c]]
    return xs, ys


@hypothesis.given(
    words=st.lists(st.text("abcdé", min_size=1, max_size=8), min_size=1, max_size=20), context=st.integers(1, 10)
)
def test_examples(words: list[str], context: int) -> None:
    index = {c: i for i, c in enumerate("." + "abcdé")}
    mine = text.examples(words, index, context)
    xs, ys = plain_examples(words, index, context)
    assert mine.x.tolist() == xs
    assert mine.y.tolist() == ys
    assert mine.x.shape == (len(mine), context)


def test_split_by_word_count(tmp_path: Path) -> None:
    data = text.load(str(written(tmp_path, "\n".join(WORDS))), 3)
    words = list(WORDS)
    random.seed(42)
    random.shuffle(words)
    index = {c: i for i, c in enumerate(data.vocabulary)}
    assert data.vocabulary == "." + "".join(sorted(set("".join(WORDS))))
    for part, some in ((data.train, words[:9]), (data.dev, words[9:10]), (data.test, words[10:])):
        assert part.x.tolist() == plain_examples(some, index, 3)[0]
        assert len(part) > 0
    counts = np.bincount(data.train.y, minlength=len(index)) + 1
    wanted = np.mean([-math.log(counts[y] / counts.sum()) for y in data.dev.y])
    assert data.unigram == pytest.approx(wanted)


def test_unicode_names(tmp_path: Path) -> None:
    words = ["zoë", "bjørn", "łukasz", "søren", "İpek", "नमस्ते", "美咲", "Ωμέγα", "שרה", "josé", "josé"]
    data = text.load(str(written(tmp_path, "\n".join(words))), 4)
    assert data.words == 11
    assert "é" in data.vocabulary
    assert "́" not in data.vocabulary  # composed: both spellings of josé are one
    assert data.vocabulary[0] == "."


@pytest.mark.parametrize("form", ["\ufeff{}", "{}\n", "\n\n{}\n\n"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "  \n"])
def test_bom_line_ends_and_blank_lines_are_nothing(tmp_path: Path, form: str, newline: str) -> None:
    file = written(tmp_path, form.format(newline.join(WORDS)))
    assert text.read_words(file) == WORDS


BAD = {
    "empty": (b"", "holds no words"),
    "blank": (b"\n \n\r\n", "holds no words"),
    "one word": (b"anna\n", "holds 1 word; at least 10 are needed to split them 80/10/10"),
    "nine words": (b"anna\n" * 9, "holds 9 words; at least 10"),
    "binary": (bytes(range(256)) * 40, "is not UTF-8 text"),
    "latin-1": ("\n".join(["zoë"] * 20).encode("latin-1"), "is not UTF-8 text"),
    "utf-16": ("\n".join(WORDS).encode("utf-16"), "is not UTF-8 text"),
    "NUL": (b"anna\n" * 20 + b"an\0na\n", r"line 21: '\x00' is no letter"),
    "a number": (b"anna\n" * 20 + b"anna2\n", "line 21: '2' is no letter"),
    "a space": (b"anna maria\n" * 20, "line 1: ' ' is no letter"),
    "a stop": (b"anna.\n" * 20, "line 1: '.' is no letter"),
    "escape codes": (b"\x1b[31manna\n" * 20, r"line 1: '\x1b' is no letter"),
    "csv": (b"anna,f,20\n" * 20, "line 1: ',' is no letter"),
    "a huge line": (b"a" * 5_000_000, "line 1: 5,000,000 characters are no word (1,000 at most)"),
    "old line ends": (b"\r".join([b"anna"] * 20), r"line 1: '\r' is no letter"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_told_in_one_sentence(tmp_path: Path, name: str) -> None:
    content, sentence = BAD[name]
    file = written(tmp_path, content)
    with pytest.raises(DataError) as caught:
        text.load(str(file), 3)
    assert sentence in str(caught.value)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    for path, sentence in [
        (tmp_path / "none.txt", "No such file"),
        (tmp_path, "Is a directory"),
        (tmp_path / ("x" * 300), "File name too long"),
        (Path("a\0b"), "null"),
    ]:
        with pytest.raises(DataError, match=sentence) as caught:
            text.read_words(path)
        assert str(caught.value).startswith("cannot read")
        assert "\n" not in str(caught.value)


def test_a_file_too_large_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "MAX_BYTES", 100)
    with pytest.raises(DataError, match="is larger than"):
        text.read_words(written(tmp_path, b"anna\n" * 21))


def one_sentence(error: DataError) -> None:
    assert "\n" not in str(error)


@hypothesis.given(st.lists(st.text(st.characters(codec="utf-8"), max_size=8), min_size=1, max_size=30))
@hypothesis.settings(suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
def test_any_text_is_data_or_a_sentence(tmp_path: Path, lines: list[str]) -> None:
    file = written(tmp_path, "\n".join(lines))
    try:
        data = text.load(str(file), 3)
    except DataError as error:
        one_sentence(error)
        return
    assert len(data.train) > 0
    assert len(data.dev) > 0
    assert all(unicodedata.category(c)[0] in "LM" for c in data.vocabulary[1:])


@hypothesis.given(st.binary(max_size=300))
@hypothesis.settings(suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
def test_any_bytes_are_data_or_a_sentence(tmp_path: Path, content: bytes) -> None:
    try:
        text.load(str(written(tmp_path, content)), 3)
    except DataError as error:
        one_sentence(error)
