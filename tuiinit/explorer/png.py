"""A terminal screen as PNG, where the extra `report` is installed: matplotlib brings Pillow and a font."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from textual.strip import Strip

from .glyphs import CELL_H, CELL_W, FONT, Words, pieces
from .svg import MARGIN

SCALE = 2  # pixels a unit of the SVG: sharp on a projector
FONTS = {False: "DejaVuSansMono.ttf", True: "DejaVuSansMono-Bold.ttf"}


def available() -> bool:
    """Whether PNG can be written."""
    return all(importlib.util.find_spec(name) is not None for name in ("PIL", "matplotlib"))


def png(lines: Sequence[Strip], ground: str, ink: str, title: str = "") -> bytes:
    """The PNG picture of a screen's lines, under a title where there is one. `available` says whether it can be."""
    from matplotlib import get_data_path
    from PIL import Image, ImageDraw, ImageFont

    folder = Path(get_data_path()) / "fonts" / "ttf"
    fonts: dict[bool, Any] = {
        bold: ImageFont.truetype(str(folder / name), round(FONT * SCALE)) for bold, name in FONTS.items()
    }
    top = MARGIN + (1.5 * CELL_H if title else 0)
    columns = max(line.cell_length for line in lines)
    size = columns * CELL_W + 2 * MARGIN, len(lines) * CELL_H + top + MARGIN
    image = Image.new("RGB", (round(size[0] * SCALE), round(size[1] * SCALE)), ground)
    draw = ImageDraw.Draw(image)

    def write(x: float, y: float, text: str, fill: str, bold: bool) -> None:
        for i, letter in enumerate(text):  # each in its cell: the font's own width is another
            at = (x + (i + 0.5) * CELL_W) * SCALE, (y + CELL_H * 0.75) * SCALE
            draw.text(at, letter, fill=fill, font=fonts[bold], anchor="ms")

    if title:
        write(MARGIN, MARGIN, title, ink, True)
    for piece in pieces(lines, ground, ink):
        if isinstance(piece, Words):
            left, y = piece.x + MARGIN, piece.y + top
            write(left, y, piece.text, piece.fill, piece.bold)
            if piece.underline:
                end = left + len(piece.text) * CELL_W
                _fill(draw, left, y + CELL_H - 2, end, y + CELL_H - 1, piece.fill)
        else:
            for x, y, w, h in piece.rects:
                _fill(draw, x + MARGIN, y + top, x + w + MARGIN, y + h + top, piece.fill)
    out = BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def _fill(draw: Any, left: float, top: float, right: float, bottom: float, fill: str) -> None:
    """A rectangle in whole pixels: what borders on the next one ends where that begins."""
    x0, y0, x1, y1 = (round(value * SCALE) for value in (left, top, right, bottom))
    draw.rectangle((x0, y0, max(x0, x1 - 1), max(y0, y1 - 1)), fill=fill)
