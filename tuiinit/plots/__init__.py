"""Plots as rows of text in roles: numbers in, cells out, nothing kept but empty frames.

plotext draws the frames with their axes, ticks and labels; curves, bars and pictures are computed in numpy
and laid into them. Every plot has exactly the asked-for width and height, and no number makes it raise.
"""

from .axes import Axis, nice_limits, nice_ticks, tick_label
from .bars import Bars, density, histograms, overlay
from .cells import SERIES, Canvas, Plot, Role, Row, Shown, Span
from .curves import Curve, curves, legend
from .pictures import heat, image

__all__ = [
    "SERIES",
    "Axis",
    "Bars",
    "Canvas",
    "Curve",
    "Plot",
    "Role",
    "Row",
    "Shown",
    "Span",
    "curves",
    "density",
    "heat",
    "histograms",
    "image",
    "legend",
    "nice_limits",
    "nice_ticks",
    "overlay",
    "tick_label",
]
