"""A widget that shows rows of spans and repaints only those that changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from ...plots import Role, Row, Span
from ...plots.ink import Ink, printable
from ..shades import colour_of

# Plot and text roles by number → component class. Colours live in the style sheet.
CLASSES: dict[int, str] = {
    int(role): "sheet--" + role.name.lower().replace("_", "-")
    for role in (*Role, *Ink)
    if role is not Ink.PLAIN and colour_of(role, dark=True, ansi=False) is None
}


NEAR = 6  # cells between two changed parts that cost no more to paint than to skip


def changed_parts(before: Row, after: Row, width: int) -> list[tuple[int, int]]:
    """Where a row differs from the one before it, as (start, end) in cells: whole spans, near ones joined."""
    known = set(_placed(before))
    parts: list[tuple[int, int]] = []
    end = 0
    for x, span in _placed(after):
        end = x + cell_len(span.text)
        if (x, span) in known:
            continue
        if parts and x - parts[-1][1] <= NEAR:
            parts[-1] = (parts[-1][0], end)
        else:
            parts.append((x, end))
    if end < width:  # the widget fills the rest of a short row
        parts.append((end, width))
    return parts


def _placed(row: Row) -> Iterator[tuple[int, Span]]:
    x = 0
    for span in row:
        yield x, span
        x += cell_len(span.text)


class Palette(Widget):
    """How each role looks. There is one for all sheets: the style sheet is matched once, not for each of them."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(CLASSES.values())
    DEFAULT_CSS = "Palette { display: none; }"


class Sheet(Widget, can_focus=False):
    """Rows of spans, drawn as they come: no wrapping, no markup, one strip per row, kept while it stays the same."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._rows: tuple[Row, ...] = ()
        self._strips: dict[int, Strip] = {}
        self._styles_of: dict[tuple[int, int | None], Style] = {}
        self._plain: Style | None = None  # of the sheet itself: working it out takes a tenth of a millisecond
        self._subtitle = ""

    @property
    def rows(self) -> tuple[Row, ...]:
        return self._rows

    @property
    def text(self) -> str:
        """What is shown, without colours."""
        return "\n".join("".join(span.text for span in row).rstrip() for row in self._rows)

    def show(self, rows: Sequence[Row]) -> None:
        """Show these rows; what stays equal is not painted again."""
        old, new = self._rows, tuple(rows)
        self._rows = new
        regions: list[Region] = []
        for y in range(max(len(old), len(new))):
            before, after = (old[y] if y < len(old) else ()), (new[y] if y < len(new) else ())
            if before != after:
                self._strips.pop(y, None)
                regions += [Region(x, y, end - x, 1) for x, end in changed_parts(before, after, self.size.width)]
        if regions:
            self.refresh(*regions)

    def subtitle(self, text: str, *, warns: bool = False) -> None:
        """Put text into the frame's lower edge. Setting it repaints the whole widget, so only where it changed."""
        if text != self._subtitle:
            self._subtitle = text
            self.border_subtitle = Content(text)
            self.set_class(warns, "-warns")

    def notify_style_update(self) -> None:
        self._strips.clear()
        self._styles_of.clear()
        self._plain = None
        super().notify_style_update()

    def _style(self, role: int, ground: int | None = None) -> Style:
        style = self._styles_of.get((role, ground))
        if style is None and ground is not None:
            style = self._style(role) + Style(bgcolor=self._style(ground).color)
            self._styles_of[role, ground] = style
        elif style is None:
            name, palette = CLASSES.get(role), getattr(self.app, "palette", None)
            style = self.rich_style
            ordered = colour_of(role, dark=self.app.current_theme.dark, ansi=self.app.native_ansi_color)
            if ordered is not None:
                style = Style(color=ordered, bgcolor=self.rich_style.bgcolor)
            elif name and isinstance(palette, Palette):
                # The palette lies on the plain background; the sheet may have one of its own.
                own = palette.get_component_styles(name)
                style = palette.get_component_rich_style(name)
                if not own.has_rule("background"):
                    style += Style(bgcolor=self.rich_style.bgcolor)
            self._styles_of[role, None] = style
        return style

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        strip = self._strips.get(y)
        if strip is None or strip.cell_length != width:
            row = self._rows[y] if y < len(self._rows) else ()
            segments = [Segment(printable(span.text), self._style(span.role, span.ground)) for span in row]
            if self._plain is None:
                self._plain = self.rich_style
            strip = Strip(segments).adjust_cell_length(width, self._plain).simplify()
            self._strips[y] = strip
        return strip
