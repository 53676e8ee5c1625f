"""Plots as rows of text in roles: numbers in, cells out, nothing kept but empty frames.

plotext draws the frames with their axes, ticks and labels; curves, bars and pictures are computed in numpy
and laid into them. Every plot has exactly the asked-for width and height, and no number makes it raise.

Does not know what the numbers are of.
"""

from .axes import Axis, nice_limits, nice_ticks, tick_label
from .bands import Band
from .bars import Bars, density, histograms, overlay
from .cells import BOTH, DEPTH, FAINT, SERIES, SHADES, Canvas, Plot, Role, Row, Shown, Span, by_depth, choose
from .curves import Curve, curves, legend
from .depth import Line, depth
from .pictures import heat, image
from .ridges import best_height, ridges, rows_of_bands
from .strips import half_rows, strips

__all__ = [
    "BOTH",
    "DEPTH",
    "FAINT",
    "SERIES",
    "SHADES",
    "Axis",
    "Band",
    "Bars",
    "Canvas",
    "Curve",
    "Line",
    "Plot",
    "Role",
    "Row",
    "Shown",
    "Span",
    "best_height",
    "by_depth",
    "choose",
    "curves",
    "density",
    "depth",
    "half_rows",
    "heat",
    "histograms",
    "image",
    "legend",
    "nice_limits",
    "nice_ticks",
    "overlay",
    "ridges",
    "rows_of_bands",
    "strips",
    "tick_label",
]
