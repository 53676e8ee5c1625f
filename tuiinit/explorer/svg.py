"""A terminal screen as SVG that looks the same with any font."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from textual.strip import Strip

from .glyphs import CELL_H, CELL_W, FONT, Words, pieces

MARGIN = 10.0


def svg(lines: Sequence[Strip], ground: str = "#121212", ink: str = "#e0e0e0", title: str = "") -> str:
    """The SVG picture of a screen's lines, under a title where there is one."""
    columns = max(line.cell_length for line in lines)
    top = MARGIN + (1.5 * CELL_H if title else 0)
    width, height = columns * CELL_W + 2 * MARGIN, len(lines) * CELL_H + top + MARGIN
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}">',
        f"<style>text{{font:{FONT:g}px ui-monospace,'DejaVu Sans Mono',Menlo,monospace;white-space:pre}}</style>",
        f'<rect width="{width:g}" height="{height:g}" rx="8" fill="{ground}"/>',
    ]
    if title:
        y = MARGIN + CELL_H * 0.75
        out.append(f"<title>{escape(title)}</title>")
        out.append(f'<text x="{MARGIN:g}" y="{y:g}" fill="{ink}" font-weight="bold">{escape(title)}</text>')
    for piece in pieces(lines, ground, ink):
        if isinstance(piece, Words):
            out += _words(piece, top)
        else:
            path = "".join(f"M{x + MARGIN:.1f} {y + top:.1f}h{w:.1f}v{h:.1f}h{-w:.1f}z" for x, y, w, h in piece.rects)
            out.append(f'<path d="{path}" fill="{piece.fill}"/>')
    out.append("</svg>\n")
    return "\n".join(out)


def _words(words: Words, top: float) -> list[str]:
    weight = ' font-weight="bold"' if words.bold else ""
    slant = ' font-style="italic"' if words.italic else ""
    left, y, length = words.x + MARGIN, words.y + top, len(words.text) * CELL_W
    drawn = [
        f'<text x="{left:g}" y="{y + CELL_H * 0.75:g}" fill="{words.fill}"{weight}{slant} '
        f'textLength="{length:g}" lengthAdjust="spacingAndGlyphs">{escape(words.text)}</text>'
    ]
    if words.underline:
        drawn.append(f'<rect x="{left:g}" y="{y + CELL_H - 2:g}" width="{length:g}" height="1" fill="{words.fill}"/>')
    return drawn
