"""Colours that have an order: told apart by lightness, legible on both grounds, and laid behind text."""

from __future__ import annotations

from itertools import pairwise

import pytest
from rich.color import Color
from textual.app import App, ComposeResult

from tuiinit.explorer.shades import DARK_GROUND, LIGHT_GROUND, colour_of
from tuiinit.explorer.sheets.sheet import Sheet
from tuiinit.plots import BOTH, DEPTH, SHADES, Role, Span


def lightness(colour: str) -> float:
    """Relative luminance (WCAG 2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted((lightness(one), lightness(other)))
    return (high + 0.05) / (low + 0.05)


def colours(roles: tuple[Role, ...], *, dark: bool) -> list[str]:
    found = [colour_of(role, dark=dark, ansi=False) for role in roles]
    return [colour for colour in found if colour is not None]


@pytest.mark.parametrize("dark", [True, False])
def test_order_is_lightness(dark: bool) -> None:
    for roles in (DEPTH, SHADES):
        steps = [lightness(colour) for colour in colours(roles, dark=dark)]
        assert len(steps) == len(roles)
        rising = roles is DEPTH or dark  # on a light ground much of something is dark
        assert all((b > a) is rising for a, b in pairwise(steps))


@pytest.mark.parametrize("dark", [True, False])
def test_now_both_and_behind_are_told_apart(dark: bool) -> None:
    ground = DARK_GROUND if dark else LIGHT_GROUND
    (tint,) = colours((Role.BEHIND,), dark=dark)
    assert contrast(tint, ground) > 1.5
    for now, both in zip(colours(DEPTH, dark=dark), colours(BOTH, dark=dark), strict=True):
        assert contrast(now, ground) >= 3
        assert contrast(now, both) > 1.4
        assert contrast(now, tint) > 1.4
        assert contrast(both, tint) > 1.4


@pytest.mark.parametrize("dark", [True, False])
def test_sixteen_colours_have_names(dark: bool) -> None:
    for role in (*DEPTH, *BOTH, *SHADES, Role.BEHIND):
        name = colour_of(role, dark=dark, ansi=True)
        assert name is not None
        assert (Color.parse(name).number or 0) < 16
    assert colour_of(Role.TEXT, dark=dark, ansi=True) is None


class OneSheet(App[None]):
    def compose(self) -> ComposeResult:
        yield Sheet()


async def test_what_lies_behind_is_the_cells_background() -> None:
    app = OneSheet()
    async with app.run_test(size=(8, 2)) as pilot:
        sheet = app.query_one(Sheet)
        sheet.show([(Span("▃", BOTH[0], DEPTH[0]), Span("▃", DEPTH[7]))])
        await pilot.pause()
        first, second, *_ = sheet.render_line(0)
        assert first.style is not None
        assert second.style is not None
        assert first.style.color == Color.parse(colours(BOTH, dark=True)[0])
        assert first.style.bgcolor == Color.parse(colours(DEPTH, dark=True)[0])
        assert second.style.bgcolor == sheet.rich_style.bgcolor
