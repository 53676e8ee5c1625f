"""What goes to the terminal says the same in fewer bytes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.style import Style
from textual.drivers.linux_driver import LinuxDriver

from tests.explorer.driving import explorer
from tuiinit.explorer.app import ExplorerApp
from tuiinit.explorer.output import lean

pyte = pytest.importorskip("pyte")

COLOURS = ("#121212", "#6f9dff", "#ffe53d", "red", "bright_blue", "color(123)", "default")
STYLES = st.builds(
    Style,
    color=st.sampled_from(COLOURS),
    bgcolor=st.sampled_from(COLOURS),
    bold=st.booleans(),
    underline=st.booleans(),
    reverse=st.booleans(),
)
PIECES = st.tuples(st.sampled_from(["a", "  ", "▂▃", " x ", "⠒⠒⠒", "\r\n", "\x1b[3;5H"]), STYLES)


def written(style: Style, text: str) -> str:
    """As Textual writes a piece: with the whole style, and a reset behind it."""
    return text if text.startswith(("\r", "\x1b")) else style.render(text)


def screen(data: str, size: tuple[int, int] = (30, 6)) -> list[tuple[Any, ...]]:
    """What a terminal shows: a blank has a background, and nothing else that is seen."""
    shown = pyte.Screen(*size)
    pyte.Stream(shown).feed(data)
    cells = []
    for y in range(size[1]):
        for x in range(size[0]):
            cell = shown.buffer[y][x]
            plain = cell.data == " " and not (cell.underscore or cell.reverse)
            cells.append((cell.data, cell.bg) if plain else tuple(cell))
    return cells


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, max_size=20))
def test_a_terminal_shows_the_same(pieces: list[tuple[str, Style]]) -> None:
    data = "".join(written(style, text) for text, style in pieces)
    assert screen(lean(data)) == screen(data)
    assert screen(lean(data) + "plain") == screen(data + "plain")
    assert len(lean(data)) <= len(data)


@pytest.mark.parametrize(
    "data",
    ["", "plain", "\x1b[?2026h\x1b[2J\x1b[H", "\x1b[1;58;5;3mstrange\x1b[0m", "\x1b[38;2;1mcut", "\x1b[22mon\x1b[0m"],
)
def test_what_is_not_known_is_left_as_it_is(data: str) -> None:
    assert lean(data) == data


def test_a_row_says_its_background_once() -> None:
    ground = "48;2;18;18;18"
    row = [f"\x1b[38;2;{i};0;0;{ground}m█\x1b[0m\x1b[38;2;9;9;9;{ground}m  \x1b[0m" for i in range(5)]
    found = lean("".join(row))
    assert found.count(ground) == 1
    assert found.count("\x1b") == 6
    assert len(found) < 0.4 * len("".join(row))


async def test_the_explorer_writes_so() -> None:
    async with explorer() as driver:
        kind = ExplorerApp.get_driver_class(driver.app)
        assert issubclass(kind, LinuxDriver)
        strips = driver.app.screen._compositor.render_strips(driver.app.size)
        data = "\r\n".join(strip.render(driver.app.console) for strip in strips)
        assert screen(lean(data), (120, 41)) == screen(data, (120, 41))
        assert len(lean(data)) < 0.8 * len(data)
