"""Character cells with roles: what a plot is made of, before any widget gives it colours."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..host.visible import cut

Floats = npt.NDArray[np.float64]
Cells = npt.NDArray[np.uint32]  # code points
BLANK = ord(" ")
EDGE = 1e-9  # of a cell: keeps k / n * n from falling below k
LIMIT = 1e300  # larger values are drawn as this one: differences stay finite


class Role(IntEnum):
    """What a piece of a plot is; whoever shows it chooses the colour."""

    AXIS = 0
    TEXT = 1
    GRID = 2
    MARK = 3  # reference lines: the -3 line, ln V
    CURSOR = 4
    PREVIOUS = 5  # the lane before
    EVENT = 6  # a hyperparameter changed here
    FIGURE = 7  # a number that belongs to what is drawn beside it
    ON_MUCH = 9  # a mark on a cell that is shaded for much
    RANGE = 10  # the range behind a curve
    BEHIND = 8  # an area of the lane before where it is higher than what is in front of it
    SERIES_0 = 16
    SERIES_1 = 17
    SERIES_2 = 18
    SERIES_3 = 19
    SERIES_4 = 20
    SERIES_5 = 21
    SERIES_6 = 22
    SERIES_7 = 23
    # One sequential palette: the first layer has the first of these, the last layer the last.
    DEPTH_0 = 32
    DEPTH_1 = 33
    DEPTH_2 = 34
    DEPTH_3 = 35
    DEPTH_4 = 36
    DEPTH_5 = 37
    DEPTH_6 = 38
    DEPTH_7 = 39
    # The same where the lane before reaches as high.
    BOTH_0 = 40
    BOTH_1 = 41
    BOTH_2 = 42
    BOTH_3 = 43
    BOTH_4 = 44
    BOTH_5 = 45
    BOTH_6 = 46
    BOTH_7 = 47
    # How much, from little to most.
    SHADE_0 = 48
    SHADE_1 = 49
    SHADE_2 = 50
    SHADE_3 = 51
    SHADE_4 = 52
    SHADE_5 = 53
    SHADE_6 = 54
    SHADE_7 = 55
    SHADE_8 = 56
    SHADE_9 = 57
    SHADE_10 = 58
    SHADE_11 = 59
    SHADE_12 = 60
    SHADE_13 = 61
    SHADE_14 = 62
    SHADE_15 = 63
    # The palette of the depth for what is not chosen.
    FAINT_0 = 64
    FAINT_1 = 65
    FAINT_2 = 66
    FAINT_3 = 67
    FAINT_4 = 68
    FAINT_5 = 69
    FAINT_6 = 70
    FAINT_7 = 71


SERIES = tuple(role for role in Role if Role.SERIES_0 <= role <= Role.SERIES_7)
DEPTH = tuple(role for role in Role if Role.DEPTH_0 <= role <= Role.DEPTH_7)
BOTH = tuple(role for role in Role if Role.BOTH_0 <= role <= Role.BOTH_7)
SHADES = tuple(role for role in Role if Role.SHADE_0 <= role <= Role.SHADE_15)
FAINT = tuple(role for role in Role if Role.FAINT_0 <= role <= Role.FAINT_7)
NO_GROUND = 255  # a cell on the plain background
ROLES = {int(role): role for role in Role}


def by_depth(count: int) -> tuple[Role, ...]:
    """A role for each of `count` layers, spread over the whole palette."""
    last = len(DEPTH) - 1
    return tuple(DEPTH[round(i * last / max(1, count - 1))] for i in range(count))


def choose(count: int, most: int) -> list[int]:
    """At most `most` indices of `count`, evenly spaced, the first and the last among them."""
    if count <= most:
        return list(range(count))
    if most < 2:
        return [0][:most]
    return [round(i * (count - 1) / (most - 1)) for i in range(most)]


class Span(NamedTuple):
    """Neighbouring cells of one role; `ground` is the role whose colour lies behind them, if any."""

    text: str
    role: Role
    ground: Role | None = None


Row = tuple[Span, ...]


@dataclass(frozen=True, eq=False)
class Shown:
    """The numbers behind a drawing: y (n,) over x (n,), or over the bins between x (n + 1,); low and high (n,)."""

    name: str
    role: Role
    x: Any
    y: Any
    low: Any = None
    high: Any = None
    mark: str = ""


@dataclass(frozen=True)
class Canvas:
    """Where a drawing area lies among a plot's rows, in cells, the limits it shows, and the numbers drawn in it."""

    left: int
    top: int
    columns: int
    rows: int
    x: tuple[float, float]
    y: tuple[float, float]
    label: str = ""  # of the x axis
    title: str = ""  # of the y axis
    shown: tuple[Shown, ...] = field(default=(), compare=False, repr=False)

    def x_at(self, column: int) -> float:
        """The value at the middle of a column of the drawing area, 0 … columns - 1."""
        lo, hi = self.x
        return lo + (hi - lo) * ((column + 0.5) / max(1, self.columns))

    def column_of(self, x: float) -> int | None:
        """The column of the drawing area that shows `x`, or None outside the limits."""
        return place(x, *self.x, self.columns)

    def row_of(self, y: float) -> int | None:
        """The row of the drawing area that shows `y`, 0 at the top, or None outside the limits."""
        return place(-y, -self.y[1], -self.y[0], self.rows)


@dataclass(frozen=True)
class Plot:
    """Rows of exactly the asked-for width, and the drawing areas in them."""

    rows: tuple[Row, ...]
    canvases: tuple[Canvas, ...] = ()

    @property
    def text(self) -> str:
        """The plot without colours."""
        return "\n".join("".join(span.text for span in row) for row in self.rows)


def place(value: float, lo: float, hi: float, size: int) -> int | None:
    """The one of `size` equal parts of lo … hi that holds `value`, or None outside (and for NaN)."""
    if size < 1 or not (lo <= value <= hi and lo < hi):
        return None
    return min(size - 1, int((value - lo) / (hi - lo) * size + EDGE))


def clean_text(text: str) -> str:
    """The text with one cell a character: controls made visible, wide characters boxed, marks dropped."""
    text = cut(text)
    if text.isascii() and text.isprintable():
        return text
    cells: list[str] = []
    for character in text:
        if ord(character) < 0x20:
            cells.append(chr(0x2400 + ord(character)))
        elif unicodedata.category(character) in ("Mn", "Me", "Cf"):
            continue
        elif unicodedata.category(character) in ("Cc", "Cs", "Co", "Cn", "Zl", "Zp"):
            cells.append("\N{REPLACEMENT CHARACTER}")
        elif unicodedata.east_asian_width(character) in "WF":
            cells.append("\N{WHITE VERTICAL RECTANGLE}")
        else:
            cells.append(character)
    return "".join(cells)


def shorten(text: str, width: int) -> str:
    """The text in at most `width` cells, an ellipsis telling where it was cut."""
    text = clean_text(text)
    if len(text) <= width:
        return text
    return text[: width - 1] + "…" if width > 0 else ""


class Grid:
    """A picture in the making: (height, width) code points, roles, and roles of what lies behind."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = max(0, width), max(0, height)
        shape = (self.height, self.width)
        self.codes: Cells = np.full(shape, BLANK, np.uint32)
        self.roles: npt.NDArray[np.uint8] = np.full(shape, Role.TEXT, np.uint8)
        self.grounds: npt.NDArray[np.uint8] = np.full(shape, NO_GROUND, np.uint8)

    def put(self, row: int, column: int, text: str, role: Role) -> None:
        """Write text from a cell on; what falls outside is cut."""
        if not 0 <= row < self.height:
            return
        text = clean_text(text)
        text = text[max(0, -column) : max(0, self.width - column)]
        column = max(0, column)
        if text:
            self.codes[row, column : column + len(text)] = np.frombuffer(text.encode("utf-32-le"), np.uint32)
            self.roles[row, column : column + len(text)] = role

    def sentence(
        self, text: str, top: int = 0, left: int = 0, rows: int | None = None, columns: int | None = None
    ) -> None:
        """Write a sentence into the middle of an area, on several rows where it must."""
        rows = self.height - top if rows is None else rows
        columns = self.width - left if columns is None else columns
        lines = _wrap(clean_text(text), columns)[:rows]
        for i, line in enumerate(lines):
            self.put(top + (rows - len(lines)) // 2 + i, left + (columns - len(line)) // 2, line, Role.TEXT)

    def plot(self, *canvases: Canvas) -> Plot:
        """The finished picture."""
        if not self.codes.size:
            return Plot(((),) * self.height)
        # A blank cell has no colour of its own: it joins the run before it, which makes fewer spans.
        owner = np.where(self.codes != BLANK, np.arange(self.width), 0)
        roles = np.take_along_axis(self.roles, np.maximum.accumulate(owner, axis=1), axis=1)
        grounds = self.grounds
        changed = (roles[:, 1:] != roles[:, :-1]) | (grounds[:, 1:] != grounds[:, :-1])
        rows = []
        for i in range(self.height):
            text = self.codes[i].tobytes().decode("utf-32-le")
            starts = [0, *(np.flatnonzero(changed[i]) + 1).tolist()]
            ends = [*starts[1:], self.width]
            rows.append(
                tuple(
                    Span(text[a:b], ROLES[roles[i, a]], ROLES.get(grounds[i, a]))
                    for a, b in zip(starts, ends, strict=True)
                )
            )
        return Plot(tuple(rows), canvases)


def _wrap(text: str, width: int) -> list[str]:
    if width < 1:
        return []
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += " " + word
        else:
            lines.append(shorten(word, width))
    return lines
