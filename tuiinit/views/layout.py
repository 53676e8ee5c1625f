"""Plots put together: side by side, one under the other, or a sentence in a plot's place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..plots import Canvas, Plot, Role, Row, Span, histograms
from ..plots.ink import Piece, row, wrap


def sentence(text: str, width: int, height: int) -> Plot:
    """A sentence in the middle of a plot's place."""
    return histograms((), width, height, empty=text)


def shares(width: int, parts: int) -> list[int]:
    """A width in so many nearly equal parts."""
    return [width * (i + 1) // parts - width * i // parts for i in range(parts)]


def abreast(plots: Sequence[Plot]) -> Plot:
    """Plots of one height side by side."""
    rows: list[Row] = [()] * max((len(plot.rows) for plot in plots), default=0)
    canvases: list[Canvas] = []
    left = 0
    for plot in plots:
        rows = [(*there, *more) for there, more in zip(rows, plot.rows, strict=True)]
        canvases += [replace(canvas, left=canvas.left + left) for canvas in plot.canvases]
        left += sum(len(span.text) for span in plot.rows[0]) if plot.rows else 0
    return Plot(tuple(rows), tuple(canvases))


def stacked(plots: Sequence[Plot]) -> Plot:
    """Plots of one width under each other."""
    rows: list[Row] = []
    canvases: list[Canvas] = []
    for plot in plots:
        canvases += [replace(canvas, top=canvas.top + len(rows)) for canvas in plot.canvases]
        rows += plot.rows
    return Plot(tuple(rows), tuple(canvases))


def boxed(plot: Plot) -> Plot:
    """The plot in a frame, two columns and two rows larger."""
    line = "─" * sum(len(span.text) for span in plot.rows[0])
    side = Span("│", Role.AXIS)
    head, foot = Span(f"┌{line}┐", Role.AXIS), Span(f"└{line}┘", Role.AXIS)
    rows = ((head,), *((side, *within, side) for within in plot.rows), (foot,))
    return Plot(rows, tuple(replace(c, top=c.top + 1, left=c.left + 1) for c in plot.canvases))


def paragraph(text: str, width: int, role: int, most: int, *, mark: Piece = "  ") -> tuple[Row, ...]:
    """A sentence on at most so many rows, the last one cut with an ellipsis if that is too few."""
    lines = wrap(text, width - 3)
    if len(lines) > most:
        lines = [*lines[: most - 1], " ".join(lines[most - 1 :])] if most > 0 else []
    return tuple(row(width, mark if not i else "  ", (line, role)) for i, line in enumerate(lines))
