"""A picture of what is on the screen."""

from __future__ import annotations

import time
from typing import Any

from textual.app import App

from ..host.files import write
from ..host.paths import typed
from .svg import svg

DARK, LIGHT = ("#121212", "#e0e0e0"), ("#ffffff", "#1a1a1a")  # ground and letters where the terminal's own are unknown


def picture(app: App[Any]) -> str:
    """The screen on top as SVG that looks the same with any font."""
    ground, ink = DARK if app.current_theme.dark else LIGHT
    background = app.get_css_variables().get("background", "")
    lines = app.screen._compositor.render_strips(app.size)
    return svg(lines, background if background.startswith("#") else ground, ink)


def picture_name() -> str:
    """A name for a new picture in the current folder."""
    return time.strftime("tuiinit-%Y%m%d-%H%M%S.svg")


def written(name: str, text: str) -> tuple[str, str]:
    """Write a picture to a file that must be new: a sentence that says how it went, and its severity."""
    try:
        write(typed(name), text, over=False)
    except FileExistsError:
        return f"{name} is there already: choose another name.", "warn"
    except (OSError, ValueError) as error:
        return f"cannot write {name}: {getattr(error, 'strerror', None) or error}", "warn"
    return f"The picture is written: {name}", "good"
