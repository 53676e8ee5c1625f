"""How a person's code failed: one sentence, and their own lines of the traceback."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from ...host.visible import visible
from ...stream.checked import OwnProblem
from ..over import Over


class ProblemDialog(ModalScreen[bool], Over[bool]):
    """Shows what failed and where. Dismisses with whether it is to be built again."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "leave", "Close"),
        Binding("E", "again", "Build it again"),
    ]

    def __init__(self, problem: OwnProblem, title: str) -> None:
        super().__init__()
        self._problem, self._title = problem, title

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="problem") as box:
            box.border_title = visible(f"{self._title} failed")
            box.border_subtitle = "E builds it again once it is mended · esc closes"
            yield Static(visible(self._problem.text), id="problem-text", markup=False)
            lines = "\n".join(visible(line) for line in self._problem.lines.splitlines())
            yield Static(lines, id="problem-lines", markup=False)

    def action_leave(self) -> None:
        """Close it; the network at hand stays as it is."""
        self.dismiss(False)

    def action_again(self) -> None:
        """Close it, and build again."""
        self.dismiss(True)
