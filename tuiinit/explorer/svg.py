"""A terminal screen as SVG that looks the same with any font.

Blocks, braille dots and box-drawing lines are drawn as shapes; only letters are text.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from rich.color import Color
from rich.style import Style
from rich.terminal_theme import DIMMED_MONOKAI
from textual.strip import Strip

CELL_W, CELL_H, FONT = 9.0, 19.0, 15.0
MARGIN = 10.0
EIGHTHS = "▁▂▃▄▅▆▇█"
# Box-drawing characters as the arms they have: left, right, up, down.
ARMS = {
    "─": "lr", "━": "lr", "│": "ud", "┃": "ud", "┌": "rd", "╭": "rd", "┐": "ld", "╮": "ld", "└": "ru", "╰": "ru",
    "┘": "lu", "╯": "lu", "├": "rud", "┤": "lud", "┬": "lrd", "┴": "lru", "┼": "lrud", "╸": "l", "╺": "r", "╶": "r",
}  # fmt: skip
HEAVY = "━┃╸╺"
DOTS = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))  # braille bits as (column, row)


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


def svg(lines: Sequence[Strip], ground: str = "#121212", ink: str = "#e0e0e0") -> str:
    """The SVG picture of a screen's lines."""
    columns = max(line.cell_length for line in lines)
    width, height = columns * CELL_W + 2 * MARGIN, len(lines) * CELL_H + 2 * MARGIN
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}">',
        f"<style>text{{font:{FONT:g}px ui-monospace,'DejaVu Sans Mono',Menlo,monospace;white-space:pre}}</style>",
        f'<rect width="{width:g}" height="{height:g}" rx="8" fill="{ground}"/>',
    ]
    for row, line in enumerate(lines):
        column = 0
        for segment in line:
            if segment.control:
                continue
            _draw(out, segment.text, segment.style or Style.null(), column, row, ground, ink)
            column += segment.cell_length
    out.append("</svg>\n")
    return "\n".join(out)


def _draw(out: list[str], text: str, style: Style, column: int, row: int, ground: str, ink: str) -> None:
    fore, back = _hex(style.color, ink), _hex(style.bgcolor, ground, foreground=False)
    if style.reverse:
        fore, back = back, fore
    if style.dim:
        fore = _mix(fore, back, 0.6)
    x, y = MARGIN + column * CELL_W, MARGIN + row * CELL_H
    if back != ground:
        out.append(f'<rect x="{x:g}" y="{y:g}" width="{len(text) * CELL_W:g}" height="{CELL_H:g}" fill="{back}"/>')
    letters: list[tuple[int, str]] = []
    shapes: list[str] = []
    for i, c in enumerate(text):
        if not _shape(shapes, c, x + i * CELL_W, y):
            letters.append((i, c))
    if shapes:
        out.append(f'<path d="{"".join(shapes)}" fill="{fore}"/>')
    weight = ' font-weight="bold"' if style.bold else ""
    slant = ' font-style="italic"' if style.italic else ""
    for start, word in _words(letters):
        left, length = x + start * CELL_W, len(word) * CELL_W
        out.append(
            f'<text x="{left:g}" y="{y + CELL_H * 0.75:g}" fill="{fore}"{weight}{slant} '
            f'textLength="{length:g}" lengthAdjust="spacingAndGlyphs">{escape(word)}</text>'
        )
        if style.underline:
            out.append(f'<rect x="{left:g}" y="{y + CELL_H - 2:g}" width="{length:g}" height="1" fill="{fore}"/>')


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


def _rect(x: float, y: float, w: float, h: float) -> str:
    return f"M{x:.1f} {y:.1f}h{w:.1f}v{h:.1f}h{-w:.1f}z"


def _shape(shapes: list[str], c: str, x: float, y: float) -> bool:
    """Draw a character as a shape if it is one."""
    w, h = CELL_W, CELL_H
    if c in EIGHTHS:
        part = (EIGHTHS.index(c) + 1) / 8 * h
        shapes.append(_rect(x, y + h - part, w, part))
    elif c == "▀":
        shapes.append(_rect(x, y, w, h / 2))
    elif c == "▌":
        shapes.append(_rect(x, y, w / 2, h))
    elif c == "▐":
        shapes.append(_rect(x + w / 2, y, w / 2, h))
    elif "\u2800" <= c <= "\u28ff":
        bits = ord(c) - 0x2800
        for bit, (column, row) in enumerate(DOTS):
            if bits >> bit & 1:
                shapes.append(_rect(x + w * (0.25 + 0.5 * column) - 1, y + h * (0.125 + 0.25 * row) - 1, 2, 2))
    elif c in ARMS:
        t = 2.4 if c in HEAVY else 1.2
        mx, my = x + w / 2, y + h / 2
        arms = ARMS[c]
        if "l" in arms:
            shapes.append(_rect(x, my - t / 2, w / 2 + t / 2, t))
        if "r" in arms:
            shapes.append(_rect(mx - t / 2, my - t / 2, w / 2 + t / 2, t))
        if "u" in arms:
            shapes.append(_rect(mx - t / 2, y, t, h / 2))
        if "d" in arms:
            shapes.append(_rect(mx - t / 2, my, t, h / 2))
    else:
        return False
    return True
