"""The dialog that asks how far to train."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from ...config.values import ConfigError
from ...host.visible import visible
from ...session.amount import FORMS, Amount, parse_amount
from ..over import Over


class StepsDialog(ModalScreen[Amount | None], Over[Amount | None]):
    """Asks how far to train from a step. Dismisses with the amount, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Cancel")]

    def __init__(self, clock: int) -> None:
        super().__init__()
        self._clock = clock

    def compose(self) -> ComposeResult:
        with Vertical(id="saving") as box:
            box.border_title = f"Train from step {self._clock:,}: how far?"
            yield Input("", placeholder=FORMS, id="steps-amount")
            yield Static(f"{FORMS}; enter starts, esc leaves", id="saving-note", markup=False)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        try:
            self.dismiss(parse_amount(event.value, self._clock))
        except ConfigError as error:
            self.query_one("#saving-note", Static).update(visible(str(error)))

    def action_leave(self) -> None:
        """Leave without training."""
        self.dismiss(None)
