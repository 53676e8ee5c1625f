"""Bytes to words: lines of text or a column of a table, in any alphabet, with a count of what cannot be used.

Any line is a word, blanks at its ends cut off, normalised to NFC; any character but line ends (CRLF, CR, LF) and
control characters may stand in it. What cannot be used is left out line by line, and told.
"""

from __future__ import annotations

import csv
import errno
import io
import os
import re
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources

from ..host.visible import named
from . import given

MIN_WORDS = 10  # fewer leave a part of the 80/10/10 split empty
MAX_BYTES = 256 * 2**20
MAX_WORD = 1_000  # characters; a longer line is no word
MAX_UNUSABLE = 0.25  # share of the lines that are not empty: a file with more that cannot be used is no word list
EXAMPLES = 3  # of lines left out, told
LONGEST_EXAMPLE = 40  # characters of one
DELIMITERS = "\t,;"
SHIPPED = "the shipped list"

EMPTY, UNDECODABLE, CONTROL, LONG, SHORT_ROW, BROKEN_ROW = (
    "empty", "not UTF-8", "with a control character", f"longer than {MAX_WORD:,} characters",
    "without that column", "no row of a table",
)  # fmt: skip
BLANKS = "".join(c for c in map(chr, range(0x3001)) if c in "\t\v\f" or unicodedata.category(c) in ("Zs", "Zl", "Zp"))
_LINE_END = re.compile("\r\n|\n|\r")


class DataError(ValueError):
    """A data file that cannot be trained on: the message is one sentence that names it."""


@dataclass
class WordList:
    """What a source holds: lines == len(words) + header + the sum of left_out."""

    name: str  # of the source, as a person knows it
    words: list[str] = field(default_factory=list)
    lines: int = 0
    header: int = 0  # lines of a table's header
    left_out: Counter[str] = field(default_factory=Counter)  # lines by what is wrong with them
    examples: list[str] = field(default_factory=list)  # the first ones that are not merely empty

    def take(self, text: str, number: int, lines: int = 1) -> None:
        """Take a line, or a table's cell that began in line `number` of the file."""
        self.lines += lines
        word = text.strip(BLANKS)
        if fault := _fault(word):
            self.leave_out(fault, word, number, lines)
        else:
            self.words.append(unicodedata.normalize("NFC", word))
            if lines > 1:  # of a quoted cell's row
                self.left_out[EMPTY] += lines - 1

    def leave_out(self, fault: str, text: str, number: int, lines: int = 1) -> None:
        """Count lines that cannot be used."""
        self.left_out[fault] += lines
        if fault != EMPTY and len(self.examples) < EXAMPLES:
            shown = text if len(text) <= LONGEST_EXAMPLE else text[:LONGEST_EXAMPLE] + "..."
            self.examples.append(f"line {number:,}, {fault}: '{named(shown)}'")

    @property
    def unusable(self) -> int:
        """Lines left out that are not merely empty."""
        return sum(self.left_out.values()) - self.left_out[EMPTY]


def _fault(word: str) -> str | None:
    if not word:
        return EMPTY
    if len(word) > MAX_WORD:
        return LONG
    if word.isprintable():
        return None
    if any("\ud800" <= c <= "\udfff" for c in word):  # a byte that is no UTF-8
        return UNDECODABLE
    return CONTROL if any(unicodedata.category(c) == "Cc" for c in word) else None


def read(data: str | None, column: str | None = None) -> WordList:
    """The words of a file, of a source that was given at the start, or with None of the list that is shipped.

    Args:
        data: a path, or the name of a given source.
        column: of a table (CSV, TSV): its number from 1, or its name in the first row; None takes whole lines.

    Raises:
        DataError: no such file, no text, or too few words.
    """
    if data is not None and (source := given.find(data)) is not None:
        return parse(source.content, source.title, column)
    return parse(_contents(data), SHIPPED if data is None else data, column)


def _contents(path: str | None) -> bytes:
    if path is None:
        return resources.files("tuiinit").joinpath("data/names.txt").read_bytes()
    if given.is_name(path):
        raise DataError(f"{path}: these words came through a pipe and are gone; give them again (--data -)")
    if path == "-":
        raise DataError("standard input is read only where tuiinit starts: --data -")
    try:
        # Without waiting: a pipe that nobody writes to would hold an engine for ever.
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            kind = os.fstat(number).st_mode
            if stat.S_ISDIR(kind):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            if not stat.S_ISREG(kind):
                raise DataError(f"{path} is no plain file; a pipe is read only where tuiinit starts: --data {path}")
            raw = read_all(number, MAX_BYTES)
        finally:
            os.close(number)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
    except ValueError as error:  # a NUL in the name
        if isinstance(error, DataError):
            raise
        raise DataError(f"cannot read {path!r}: {error}") from None
    if len(raw) > MAX_BYTES:
        raise DataError(f"{path} is larger than {MAX_BYTES // 2**20} MiB")
    return raw


def read_all(number: int, limit: int) -> bytes:
    """What an open file holds to its end, or somewhat more than `limit` bytes. Raises OSError."""
    chunks, size = [], 0
    while size <= limit and (chunk := os.read(number, 2**20)):
        chunks.append(chunk)
        size += len(chunk)
    return b"".join(chunks)


def parse(raw: bytes, name: str, column: str | None = None) -> WordList:
    """The words in a file's bytes. Raises DataError."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(f"{name} is not UTF-8 text but UTF-16: save it as UTF-8")
    text = raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    found = WordList(name)
    if column is None:
        lines = _LINE_END.split(text)
        if not lines[-1]:
            lines.pop()
        for number, line in enumerate(lines, 1):
            found.take(line, number)
    else:
        _take_column(found, text, column)
    _check(found, table=column is None and "\t" in text)
    return found


def _take_column(found: WordList, text: str, column: str) -> None:
    index: int | None = None
    for row, number, lines in _rows(text):
        if row is None:
            found.lines += lines
            found.leave_out(BROKEN_ROW, "", number, lines)
        elif not any(cell.strip(BLANKS) for cell in row):
            found.lines += lines
            found.leave_out(EMPTY, "", number, lines)
        elif index is None:
            index = _column(found.name, column, row)
            if column.isdecimal():
                found.take(row[index], number, lines)
            else:
                found.lines += lines
                found.header += lines
        elif len(row) <= index:
            found.lines += lines
            found.leave_out(SHORT_ROW, ",".join(row), number, lines)
        else:
            found.take(row[index], number, lines)


def _rows(text: str) -> Iterator[tuple[list[str] | None, int, int]]:
    """Rows of a table, or None for what is none, each with its first line's number and how many lines it takes."""
    first = next((line for line in _LINE_END.split(text[: 2**16]) if line.strip(BLANKS)), "")
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    before = 0
    while True:
        row: list[str] | None
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:  # a field of more than 128 KiB, as behind a quote that is never closed
            row = None
        yield row, before + 1, max(1, reader.line_num - before)
        before = max(before + 1, reader.line_num)


def _column(name: str, column: str, first: list[str]) -> int:
    cells = [cell.strip(BLANKS) for cell in first]
    if column.isdecimal():
        if not 1 <= int(column[:9]) <= len(cells):
            raise DataError(f"{name} has {len(cells)} columns: there is no column {column[:9]}")
        return int(column) - 1
    if column not in cells:
        shown = ", ".join(named(cell[:LONGEST_EXAMPLE]) for cell in cells[:10])
        raise DataError(f"{name} has no column '{named(column)}' in its first row; the columns are {shown}")
    return cells.index(column)


def _check(found: WordList, *, table: bool) -> None:
    name, bad = found.name, found.unusable
    total = len(found.words) + bad
    if not total:
        raise DataError(f"{name} holds no words")
    if bad > MAX_UNUSABLE * total:
        worst = max((fault for fault in found.left_out if fault != EMPTY), key=found.left_out.__getitem__)
        example = next((text for text in found.examples if worst in text), found.examples[0])
        what = "is not UTF-8 text" if worst == UNDECODABLE else "is no list of words"
        hint = "; a table's column is named with --column" if table and worst == CONTROL else ""
        raise DataError(f"{name} {what}: {bad:,} of {total:,} lines cannot be used ({example}){hint}")
    if len(found.words) < MIN_WORDS:
        count = "1 word" if len(found.words) == 1 else f"{len(found.words)} words"
        rest = f", and {bad} lines that cannot be used" if bad else ""
        raise DataError(f"{name} holds {count}{rest}; at least {MIN_WORDS} are needed to split them 80/10/10")
