"""A terminal screen as pieces that any picture can draw: blocks, braille dots and lines as shapes, letters as text.

Common fonts lack braille, or draw blocks with gaps between the cells.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from rich.color import Color
from rich.style import Style
from rich.terminal_theme import DIMMED_MONOKAI
from textual.strip import Strip

CELL_W, CELL_H, FONT = 9.0, 19.0, 15.0
EIGHTHS = "▁▂▃▄▅▆▇█"
SHADES = {"░": 0.25, "▒": 0.5, "▓": 0.75}  # of the cell that they cover, as a colour between the two
# Box-drawing characters as the arms they have: left, right, up, down.
ARMS = {
    "─": "lr", "━": "lr", "│": "ud", "┃": "ud", "┌": "rd", "╭": "rd", "┐": "ld", "╮": "ld", "└": "ru", "╰": "ru",
    "┘": "lu", "╯": "lu", "├": "rud", "┤": "lud", "┬": "lrd", "┴": "lru", "┼": "lrud", "╸": "l", "╺": "r", "╶": "r",
}  # fmt: skip
HEAVY = "━┃╸╺"
DOTS = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))  # braille bits as (column, row)


class Rect(NamedTuple):
    """A rectangle, within a cell or on the screen."""

    x: float
    y: float
    w: float
    h: float


class Shapes(NamedTuple):
    """Rectangles of one colour."""

    rects: tuple[Rect, ...]
    fill: str


class Words(NamedTuple):
    """Letters of one colour, from the left end of their cells and the top of their row."""

    x: float
    y: float
    text: str
    fill: str
    bold: bool
    italic: bool
    underline: bool


def pieces(lines: Sequence[Strip], ground: str, ink: str) -> Iterator[Shapes | Words]:
    """What is to be drawn, one over the other, on a plain ground: in units of which a cell has CELL_W × CELL_H."""
    for row, line in enumerate(lines):
        column = 0
        for segment in line:
            if segment.control:
                continue
            yield from _segment(segment.text, segment.style or Style.null(), column, row, ground, ink)
            column += segment.cell_length


def _segment(text: str, style: Style, column: int, row: int, ground: str, ink: str) -> Iterator[Shapes | Words]:
    fore, back = _hex(style.color, ink), _hex(style.bgcolor, ground, foreground=False)
    if style.reverse:
        fore, back = back, fore
    if style.dim:
        fore = _mix(fore, back, 0.6)
    x, y = column * CELL_W, row * CELL_H
    if back != ground:
        yield Shapes((Rect(x, y, len(text) * CELL_W, CELL_H),), back)
    shapes: dict[str, list[Rect]] = {}
    letters: list[tuple[int, str]] = []
    for i, c in enumerate(text):
        rects = shape(c)
        if rects is None:
            letters.append((i, c))
        else:
            fill = _mix(fore, back, SHADES[c]) if c in SHADES else fore
            shapes.setdefault(fill, []).extend(Rect(x + i * CELL_W + r.x, y + r.y, r.w, r.h) for r in rects)
    for fill, there in shapes.items():
        if there:
            yield Shapes(tuple(there), fill)
    for start, word in _words(letters):
        yield Words(x + start * CELL_W, y, word, fore, bool(style.bold), bool(style.italic), bool(style.underline))


def _words(letters: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Runs of neighbouring letters without the blanks around them."""
    words: list[tuple[int, str]] = []
    for i, c in letters:
        if c in " \u00a0":
            continue
        if words and words[-1][0] + len(words[-1][1]) == i:
            words[-1] = (words[-1][0], words[-1][1] + c)
        else:
            words.append((i, c))
    return words


@cache
def shape(c: str) -> tuple[Rect, ...] | None:
    """A character as rectangles within its cell; None where it is a letter."""
    w, h = CELL_W, CELL_H
    if c in EIGHTHS:
        part = (EIGHTHS.index(c) + 1) / 8 * h
        return (Rect(0, h - part, w, part),)
    if c in SHADES:
        return (Rect(0, 0, w, h),)
    halves = {"▀": Rect(0, 0, w, h / 2), "▌": Rect(0, 0, w / 2, h), "▐": Rect(w / 2, 0, w / 2, h)}
    if c in halves:
        return (halves[c],)
    if "\u2800" <= c <= "\u28ff":
        bits = ord(c) - 0x2800
        there = [place for bit, place in enumerate(DOTS) if bits >> bit & 1]
        return tuple(Rect(w * (0.25 + 0.5 * i) - 1, h * (0.125 + 0.25 * j) - 1, 2, 2) for i, j in there)
    if c not in ARMS:
        return None
    t = 2.4 if c in HEAVY else 1.2
    mx, my = w / 2, h / 2
    arms = {
        "l": Rect(0, my - t / 2, w / 2 + t / 2, t),
        "r": Rect(mx - t / 2, my - t / 2, w / 2 + t / 2, t),
        "u": Rect(mx - t / 2, 0, t, h / 2),
        "d": Rect(mx - t / 2, my, t, h / 2),
    }
    return tuple(arms[arm] for arm in ARMS[c])


def _hex(color: Color | None, default: str, *, foreground: bool = True) -> str:
    if color is None or color.is_default:
        return default
    return color.get_truecolor(DIMMED_MONOKAI, foreground=foreground).hex


def _mix(color: str, ground: str, share: float) -> str:
    def parts(text: str) -> list[int]:
        return [int(text[i : i + 2], 16) for i in (1, 3, 5)]

    return "#" + "".join(
        f"{round(a * share + b * (1 - share)):02x}" for a, b in zip(parts(color), parts(ground), strict=True)
    )
