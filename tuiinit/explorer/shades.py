"""Colours of what has an order: layers by depth, and how much of something there is.

They are worked out here rather than listed in the style sheet: each palette runs evenly through a few
colours, from blue over green to yellow, and is told apart by lightness alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from ..plots import BOTH, DEPTH, FAINT, SHADES, Role

DARK_GROUND, LIGHT_GROUND = "#121212", "#ffffff"
DEPTH_DARK = ("#6f9dff", "#4fb4e0", "#4ac6b4", "#7bd682", "#c3df52", "#ffe53d")
DEPTH_LIGHT = ("#2347b8", "#1a5fac", "#12718a", "#217c50", "#5f7d14", "#8a7800")
SHADES_DARK = ("#20183c", "#3b4488", "#2a788e", "#2fae7d", "#9bd93c", "#fde725")
SHADES_LIGHT = ("#e6e3a4", "#b5d873", "#55b58a", "#2e8296", "#384d94", "#26134f")
RANGE_DARK, RANGE_LIGHT = "#24374a", "#cfdfef"
BEHIND_DARK, BEHIND_LIGHT = "#474750", "#a2a2ae"
FAINT_SHARE = {True: 0.75, False: 0.7}  # of the colour, the rest of the ground
BOTH_SHARE = {True: 0.58, False: 0.62}  # of now's colour, on a dark ground with the ground, on a light one with black
ANSI_DARK = {"depth": ("bright_blue", "bright_cyan", "bright_green", "bright_yellow"),
             "both": ("blue", "cyan", "green", "yellow"),
             "faint": ("blue", "cyan", "green", "yellow"),
             "shades": ("blue", "cyan", "green", "bright_yellow")}  # fmt: skip
ANSI_LIGHT = {"depth": ("blue", "cyan", "green", "yellow"),
              "both": ("bright_blue", "bright_cyan", "bright_green", "bright_yellow"),
              "faint": ("bright_blue", "bright_cyan", "bright_green", "bright_yellow"),
              "shades": ("yellow", "green", "cyan", "blue")}  # fmt: skip


@lru_cache(maxsize=512)
def colour_of(role: int, *, dark: bool, ansi: bool) -> str | None:
    """The colour of a role that has an order, or None for all others; one of 16 colours by name if `ansi`."""
    for name, roles in (("depth", DEPTH), ("both", BOTH), ("faint", FAINT), ("shades", SHADES)):
        if role in roles:
            at = roles.index(Role(role))
            if ansi:
                named = (ANSI_DARK if dark else ANSI_LIGHT)[name]
                return named[at * len(named) // len(roles)]
            share = at / (len(roles) - 1)
            if name == "shades":
                return between(SHADES_DARK if dark else SHADES_LIGHT, share)
            now = between(DEPTH_DARK if dark else DEPTH_LIGHT, share)
            if name == "faint":
                return mixed(now, DARK_GROUND if dark else LIGHT_GROUND, FAINT_SHARE[dark])
            return now if name == "depth" else mixed(now, DARK_GROUND if dark else "#000000", BOTH_SHARE[dark])
    if role == Role.ON_MUCH:
        return ("black" if dark else "bright_white") if ansi else DARK_GROUND if dark else LIGHT_GROUND
    if role == Role.RANGE:
        return "bright_black" if ansi else RANGE_DARK if dark else RANGE_LIGHT
    if role == Role.BEHIND:
        return "bright_black" if ansi else BEHIND_DARK if dark else BEHIND_LIGHT
    return None


def between(colours: Sequence[str], share: float) -> str:
    """The colour at a share 0…1 of the way through these."""
    at = share * (len(colours) - 1)
    start = min(int(at), len(colours) - 2)
    return mixed(colours[start + 1], colours[start], at - start)


def mixed(colour: str, other: str, share: float) -> str:
    """So much of one colour, the rest of another."""
    a, b = ([int(text[i : i + 2], 16) for i in (1, 3, 5)] for text in (colour, other))
    return "#" + "".join(f"{round(x * share + y * (1 - share)):02x}" for x, y in zip(a, b, strict=True))
