"""A picture of what is on the screen."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from textual.app import App
from textual.strip import Strip

from ..host.files import write
from ..host.paths import typed
from ..plots.cells import shorten
from .png import available, png
from .svg import svg

DARK, LIGHT = ("#121212", "#e0e0e0"), ("#ffffff", "#1a1a1a")  # ground and letters where the terminal's own are unknown
NO_PNG = "PNG needs the extra report (pip install 'tuiinit[report]'); a name that ends in .svg needs nothing"


@dataclass(frozen=True)
class Picture:
    """A screen as it was, with a title that says what it shows."""

    lines: Sequence[Strip]
    ground: str
    ink: str
    title: str = ""

    def content(self, name: str) -> str | bytes:
        """What a file of that name holds: SVG or PNG. Raises ValueError with a sentence for another."""
        if name.endswith(".svg"):
            return svg(self.lines, self.ground, self.ink, self.title)
        if not name.endswith(".png"):
            raise ValueError("the name of a picture ends in .svg or .png")
        if not available():
            raise ValueError(NO_PNG)
        return png(self.lines, self.ground, self.ink, self.title)


def picture(app: App[Any], title: str = "") -> Picture:
    """The screen on top, to be written as SVG or PNG that look the same with any font."""
    ground, ink = DARK if app.current_theme.dark else LIGHT
    background = app.get_css_variables().get("background", "")
    lines = app.screen._compositor.render_strips(app.size)
    shown = shorten(title, app.size.width)
    return Picture(lines, background if background.startswith("#") else ground, ink, shown)


def is_picture(name: str) -> bool:
    """Whether a name is that of a picture rather than a folder."""
    return name.endswith((".svg", ".png"))


def picture_name() -> str:
    """A name for a new picture in the current folder."""
    return time.strftime(f"tuiinit-%Y%m%d-%H%M%S{'.png' if available() else '.svg'}")


def written(name: str, drawn: Picture) -> tuple[str, str]:
    """Write a picture to a file that must be new: a sentence that says how it went, and its severity."""
    try:
        write(typed(name), drawn.content(name), over=False)
    except FileExistsError:
        return f"{name} is there already: choose another name.", "warn"
    except (OSError, ValueError) as error:
        return f"cannot write {name}: {getattr(error, 'strerror', None) or error}", "warn"
    return f"The picture is written: {name}", "good"
