"""Words to examples: any line is a word, the lecture's split, and one sentence for every file that is no list."""

from __future__ import annotations

import math
import os
import random
import tracemalloc
import unicodedata
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from tuiinit.data import given, reading
from tuiinit.data import words as text
from tuiinit.data.reading import DataError
from tuiinit.host.visible import symbol

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


def test_the_shipped_list() -> None:
    names = text.load(None, 3)
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


SYMBOLS = {
    "spaces": ("anna maria", "SP"),
    "hyphens": ("jean-luc", "-"),
    "apostrophes": ("o'brien", "'"),
    "typographic apostrophes": ("d’arc", "’"),
    "full stops": ("st. john", "."),
    "a sign": ("nidoran♂", "♂"),
    "a no-break space": ("la\u00a0paz", "NBSP"),
    "U+200C": ("می\u200cخواهم", "ZWNJ"),
    "CJK": ("美咲", "美"),
    "emoji with ZWJ": ("👩\u200d🚀", "ZWJ"),
    "combining marks": ("नमस्ते", "U+094D"),
    "digits": ("agent 007", "0"),
    "slashes": ("and/or", "/"),
    "brackets": ("iron (ii)", "("),
    "quotation marks": ('the "rock"', '"'),
    "commas": ("smith, john", ","),
    "tatweel and a direction mark": ("محـمد\u200f", "U+200F"),
}


@pytest.mark.parametrize("name", SYMBOLS)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_any_line_of_text_is_a_word(tmp_path: Path, name: str, newline: str) -> None:
    word, shown = SYMBOLS[name]
    data = text.load(str(written(tmp_path, newline.join([*WORDS, f" {word}\t"]))), 3)
    assert data.words == len(WORDS) + 1
    assert not data.source.left_out
    assert word in data.source.words
    assert set(data.vocabulary[1:]) == set("".join([*WORDS, word]))
    assert shown in map(symbol, data.vocabulary)


def test_the_end_mark_is_in_no_word(tmp_path: Path) -> None:
    assert text.load(str(written(tmp_path, "\n".join(WORDS))), 3).vocabulary[0] == "."
    assert text.load(str(written(tmp_path, "\n".join([*WORDS, "st. john"]))), 3).vocabulary[0] == "|"
    every = text.load(str(written(tmp_path, "\n".join([*WORDS, text.END_MARKS]))), 3)
    assert every.vocabulary[0] == "\n"
    assert every.vocabulary.count("\n") == 1
    with_stops = text.load(str(written(tmp_path, "\n".join(word + "." for word in WORDS))), 3)
    end = with_stops.vocabulary.index(".")
    assert (with_stops.train.y == 0).sum() == (with_stops.train.y == end).sum() == 9  # a stop is no end


def test_what_cannot_be_used_is_left_out_and_told(tmp_path: Path) -> None:
    bad = [b"", b"zo\xeb", b"an\0na", b"a" * 1001, b" \t"]
    found = reading.read(str(written(tmp_path, b"\n".join([*[w.encode() for w in WORDS], *bad]))))
    assert found.words == WORDS
    assert found.left_out == {
        "empty": 2,
        "not UTF-8": 1,
        "with a control character": 1,
        "longer than 1,000 characters": 1,
    }
    assert found.examples == [
        r"line 14, not UTF-8: 'zo\xeb'",
        "line 15, with a control character: 'an<U+0000>na'",
        f"line 16, longer than 1,000 characters: '{'a' * 40}...'",
    ]
    assert found.lines == 17


@pytest.mark.parametrize(("bad", "refused"), [(5, False), (6, True)])
def test_the_share_that_cannot_be_used(tmp_path: Path, bad: int, refused: bool) -> None:
    file = written(tmp_path, b"anna\n\n" * 15 + b"\xff\n" * bad)
    if refused:
        with pytest.raises(DataError, match="6 of 21 lines cannot be used"):
            reading.read(str(file))
    else:
        assert len(reading.read(str(file)).words) == 15


TABLE = "id,name,sex\n" + "\n".join(f'{i},"{word}",f' for i, word in enumerate(WORDS))


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(("column", "words"), [("name", WORDS), ("2", ["name", *WORDS])])
def test_a_column_of_a_table(tmp_path: Path, delimiter: str, newline: str, column: str, words: list[str]) -> None:
    file = written(tmp_path, "\ufeff" + TABLE.replace(",", delimiter).replace("\n", newline))
    found = reading.read(str(file), column)
    assert found.words == words
    assert found.header == (column == "name")
    assert found.lines == 13


def test_a_cell_is_quoted_and_rows_may_be_short(tmp_path: Path) -> None:
    rows = ["x;y", *(f"1;{word}" for word in WORDS), '2;"o; ""k"""', "short", "", '3;"two\nlines"', ";"]
    found = reading.read(str(written(tmp_path, "\n".join(rows))), "y")
    assert found.words == [*WORDS, 'o; "k"']
    assert found.left_out == {"without that column": 1, "empty": 2, "with a control character": 2}
    assert found.lines == len(rows) + 1 == len(found.words) + found.header + found.left_out.total()


@pytest.mark.parametrize(
    ("column", "sentence"),
    [
        ("nam", "has no column 'nam' in its first row; the columns are id, name, sex"),
        ("4", "has 3 columns: there is no column 4"),
        ("0", "there is no column 0"),
    ],
)
def test_a_column_that_is_not_there(tmp_path: Path, column: str, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        reading.read(str(written(tmp_path, TABLE)), column)


def test_repeats_and_words_in_both_parts(tmp_path: Path) -> None:
    words = [*WORDS, "anna", "anna", "otto"] * 2
    data = text.load(str(written(tmp_path, "\n".join(words))), 3)
    mixed = list(words)
    random.Random(42).shuffle(mixed)
    assert data.repeats == 30 - 12
    assert data.in_both == len(set(mixed[:24]) & set(mixed[24:27])) > 0


def full_bigram(data: text.Text) -> float:
    """With a table of all pairs, as the lecture counts them."""
    counts = np.ones((len(data.vocabulary),) * 2)
    np.add.at(counts, (data.train.x[:, -1], data.train.y), 1)
    losses = -np.log(counts / counts.sum(axis=1, keepdims=True))
    return float(losses[data.dev.x[:, -1], data.dev.y].mean())


@hypothesis.given(st.lists(st.text("abcd.éж", min_size=1, max_size=6), min_size=10, max_size=40), st.integers(1, 4))
def test_pairs_are_counted_as_in_a_full_table(words: list[str], context: int) -> None:
    raw = "\n".join(words).encode()
    name = given.keep("a test", raw).name
    data = text.load(name, context)
    assert data.bigram == full_bigram(data)


def test_an_alphabet_of_twenty_thousand_takes_little_memory(tmp_path: Path) -> None:
    signs = [chr(i) for i in (*range(0x4E00, 0x9FA6), *range(0xAC00, 0xD7A4))][:20_000]
    file = written(tmp_path, "\n".join("".join(signs[i : i + 2]) for i in range(0, len(signs), 2)))
    tracemalloc.start()
    data = text.load(str(file), 3)
    assert len(data.vocabulary) == 20_001
    assert 9.8 < data.bigram < 10.1
    assert data.unigram < 11
    assert tracemalloc.get_traced_memory()[1] < 50 * 2**20
    tracemalloc.stop()


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
    assert reading.read(str(file)).words == WORDS


BAD = {
    "empty": (b"", "holds no words"),
    "blank": (b"\n \n\r\n", "holds no words"),
    "one word": (b"anna\n", "holds 1 word; at least 10 are needed to split them 80/10/10"),
    "nine words": (b"anna\n" * 9, "holds 9 words; at least 10"),
    "nine words and a bad one": (
        b"anna\n" * 9 + b"\0\n",
        "holds 9 words, and 1 lines that cannot be used; at least 10",
    ),
    "binary": (bytes(range(256)) * 40, "is not UTF-8 text"),
    "latin-1": (
        "\n".join(["zoë"] * 20).encode("latin-1"),
        r"is not UTF-8 text: 20 of 20 lines cannot be used (line 1, ",
    ),
    "utf-16": ("\n".join(WORDS).encode("utf-16"), "is not UTF-8 text but UTF-16"),
    "escape codes": (b"\x1b[31manna\n" * 20, "line 1, with a control character: '<U+001B>[31manna'"),
    "a table": (b"anna\tf\n" * 20, "named with --column"),
    "a huge line": (b"a" * 5_000_000, "1 of 1 lines cannot be used (line 1, longer than 1,000 characters: 'aaaa"),
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


def test_what_waits_is_not_waited_for(tmp_path: Path) -> None:
    """An engine that is given a pipe, as by a name typed into the config pane, says so at once."""
    fifo = tmp_path / "ff"
    os.mkfifo(fifo)
    for path, sentence in (
        (str(fifo), "is no plain file; a pipe is read only where tuiinit starts"),
        ("-", "standard input"),
    ):
        with pytest.raises(DataError, match=sentence):
            reading.read(path)
    with pytest.raises(DataError, match="came through a pipe and are gone"):
        reading.read("piped:0123456789ab")


def test_no_file(tmp_path: Path) -> None:
    for path, sentence in [
        (tmp_path / "none.txt", "No such file"),
        (tmp_path, "Is a directory"),
        (tmp_path / ("x" * 300), "File name too long"),
        (Path("a\0b"), "null"),
    ]:
        with pytest.raises(DataError, match=sentence) as caught:
            reading.read(str(path))
        assert str(caught.value).startswith("cannot read")
        assert "\n" not in str(caught.value)


def test_a_file_too_large_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_BYTES", 100)
    with pytest.raises(DataError, match="is larger than"):
        reading.read(str(written(tmp_path, b"anna\n" * 21)))


def one_sentence(text: str) -> None:
    assert text.startswith("a list ")
    assert text.isprintable()


def adds_up(found: reading.WordList) -> None:
    assert found.lines == len(found.words) + found.header + found.left_out.total()
    assert all(word and word == unicodedata.normalize("NFC", word) for word in found.words)
    assert not any(unicodedata.category(c) in ("Cc", "Cs") for word in found.words for c in word)
    assert all("\n" not in example and example.isprintable() for example in found.examples)


ODD = ["\r", "\n", "\u200c", "\u00a0", "\x85", ",", '"', "\t"]
CHARACTERS = st.one_of(st.characters(codec="utf-8"), st.sampled_from(ODD))
LINES = st.lists(st.text(CHARACTERS, max_size=8), min_size=1, max_size=30).map("\n".join).map(str.encode)
TABLES = st.lists(st.lists(st.text(CHARACTERS, max_size=4), max_size=4).map(",".join), max_size=30).map("\n".join)
PIECES = [
    *[b"anna\n", b"jo-e,2\r\n", "zo\u00eb;x\n".encode()] * 5,
    b"o'x\r",
    b"\xff\n",
    b"\0",
    b"\n",
    b'"',
    b",",
    b"\t",
    "é\r\n".encode(),
]
BROKEN = st.lists(st.sampled_from(PIECES), max_size=80)


@hypothesis.given(
    st.one_of(st.binary(max_size=300), LINES, TABLES.map(str.encode), BROKEN.map(b"".join)),
    st.sampled_from([None, "1", "2", "x"]),
)
def test_any_bytes_are_words_whose_counts_add_up_or_one_sentence(content: bytes, column: str | None) -> None:
    try:
        found = reading.parse(content, "a list", column)
    except DataError as error:
        one_sentence(str(error))
        return
    adds_up(found)
    data = text.load(given.keep("a list", content).name, 3, column)
    assert min(len(data.train), len(data.dev), len(data.test)) > 0
    assert data.bigram == full_bigram(data)
