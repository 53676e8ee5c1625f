"""A widget that shows rows of spans and repaints only those that changed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from ..plots import Role, Row
from .ink import Ink

# Plot and text roles by number → component class. Colours live in the style sheet.
CLASSES: dict[int, str] = {
    int(role): "sheet--" + role.name.lower().replace("_", "-") for role in (*Role, *Ink) if role is not Ink.PLAIN
}


class Sheet(Widget, can_focus=False):
    """Rows of spans, drawn as they come: no wrapping, no markup, one strip per row, kept while it stays the same."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(CLASSES.values())
    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._rows: tuple[Row, ...] = ()
        self._strips: dict[int, Strip] = {}
        self._styles_of: dict[int, Style] = {}

    @property
    def rows(self) -> tuple[Row, ...]:
        return self._rows

    @property
    def text(self) -> str:
        """What is shown, without colours."""
        return "\n".join("".join(span.text for span in row).rstrip() for row in self._rows)

    def show(self, rows: Sequence[Row]) -> None:
        """Show these rows; those that stay equal are not painted again."""
        old, new = self._rows, tuple(rows)
        self._rows = new
        changed = [y for y in range(max(len(old), len(new))) if old[y : y + 1] != new[y : y + 1]]
        if not changed:
            return
        for y in changed:
            self._strips.pop(y, None)
        width = self.size.width
        # Runs of changed rows (equal distance from their rank) make one region each.
        for _, run in groupby(enumerate(changed), lambda pair: pair[1] - pair[0]):
            ys = [y for _, y in run]
            self.refresh(Region(0, ys[0], width, len(ys)))

    def notify_style_update(self) -> None:
        self._strips.clear()
        self._styles_of.clear()
        super().notify_style_update()

    def _style(self, role: int) -> Style:
        style = self._styles_of.get(role)
        if style is None:
            name = CLASSES.get(role)
            style = self.get_component_rich_style(name) if name else self.rich_style
            self._styles_of[role] = style
        return style

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        strip = self._strips.get(y)
        if strip is None or strip.cell_length != width:
            row = self._rows[y] if y < len(self._rows) else ()
            segments = [Segment(span.text, self._style(span.role)) for span in row]
            strip = Strip(segments).adjust_cell_length(width, self.rich_style)
            self._strips[y] = strip
        return strip
