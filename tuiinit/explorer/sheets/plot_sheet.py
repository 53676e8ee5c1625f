"""A sheet that holds a plot: while it has the focus, a cursor in it reads out exact values."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType

from ..messages import CursorMoved, CursorPut
from .sheet import Sheet

FAR = 10  # places that the larger step jumps
ALL = 10_000


class PlotSheet(Sheet, can_focus=True):
    """Posts where the cursor goes; who draws the plot knows what is there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "Cursor left", show=False),
        Binding("right", "move(1)", "Cursor right", show=False),
        Binding("ctrl+left", f"move(-{FAR})", "Further left", show=False),
        Binding("ctrl+right", f"move({FAR})", "Further right", show=False),
        Binding("home", f"move(-{ALL})", "First value", show=False),
        Binding("end", f"move({ALL})", "Last value", show=False),
    ]

    def action_move(self, by: int) -> None:
        self.post_message(CursorMoved(by))

    def on_blur(self) -> None:
        self.post_message(CursorMoved(0))

    def on_click(self, event: events.Click) -> None:
        self._point(event)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self.has_focus:
            self._point(event)

    def _point(self, event: events.MouseEvent) -> None:
        spot = event.get_content_offset(self)
        if spot is not None:
            self.post_message(CursorPut(spot.x, spot.y))
