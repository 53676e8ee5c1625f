"""The light theme on white: a projector makes a grey ground dull."""

from __future__ import annotations

from dataclasses import replace

from textual.theme import BUILTIN_THEMES, Theme

from .shades import LIGHT_GROUND

LIGHT: Theme = replace(BUILTIN_THEMES["textual-light"], background=LIGHT_GROUND, surface="#f5f5f5", panel="#e8e8ee")
