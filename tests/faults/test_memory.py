"""Opening screens again and again: what is left of them does not grow."""

from __future__ import annotations

import gc

from textual._styles_cache import StylesCache
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from tests.explorer.driving import Driver, explorer

KINDS = (Screen, Widget, StylesCache, Strip)  # strips: lines that were drawn
SCREENS = (("N", "escape"), ("c", "c"), ("s", "s"), ("ctrl+p", "escape"), ("x", "escape"), ("question_mark", "escape"))


def living() -> dict[str, int]:
    """How many there are of what screens consist of, once garbage is collected."""
    gc.collect()
    objects = gc.get_objects()
    return {kind.__name__: sum(isinstance(thing, kind) for thing in objects) for kind in KINDS}


async def visit(driver: Driver, times: int) -> None:
    for opens, closes in SCREENS:
        for _ in range(times):
            await driver.press(opens, closes)
    await driver.until(lambda: driver.app.screen_stack == [driver.screen], "the explorer alone")
    await driver.settled()


async def test_screens_that_are_opened_often_leave_nothing() -> None:
    async with explorer() as driver:
        await visit(driver, 1)
        before = living()
        await visit(driver, 4)
        after = before

        def flat() -> bool:  # the last may still be on its way out
            nonlocal after
            after = living()
            return all(after[kind] < before[kind] + 10 for kind in before)

        await driver.until(flat, f"as many as before: {before}")
