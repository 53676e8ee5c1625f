"""Export: asks for a folder and writes the report of the lane at hand into it, beside the event loop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from ...host.mishaps import mishap
from ...host.paths import typed
from ...host.visible import visible
from ...session.session import Session
from ..over import Over

Say = Callable[[str, str], object]  # a sentence and its severity


def folder_name() -> str:
    """A name for a new report in the current folder."""
    return time.strftime("tuiinit-report-%Y%m%d-%H%M%S")


class ExportDialog(ModalScreen[str | None], Over[str | None]):
    """Asks for the folder. Dismisses with its name, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Cancel")]

    def compose(self) -> ComposeResult:
        with Vertical(id="saving") as box:
            box.border_title = "Write a report of this network, or a picture"
            yield Input(folder_name(), placeholder="folder", select_on_focus=False, id="export-name")
            yield Static(
                "a folder for report, pictures, figures; a name that ends in .svg or .png: a picture of this screen",
                id="saving-note",
                markup=False,
            )

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        name = event.value.strip()
        if name:
            self.dismiss(name)
        else:
            self.query_one("#saving-note", Static).update("a name is needed")

    def action_leave(self) -> None:
        """Leave without writing."""
        self.dismiss(None)


def export(session: Session, folder: str, say: Say) -> threading.Thread:
    """Write the report of the shown lane as it is now; `say` is told from another thread how it ended."""
    # A copy: training goes on while the report is written.
    history, step, diverged = session.shown.continued(session.shown.config), session.pointer.past, session.diverged_at
    data = session.data
    device = session.hello.device if session.hello else "cpu"

    def write() -> None:
        try:
            from ...paper.report import write_session

            path = write_session(typed(folder), history, step=step, device=device, diverged_at=diverged, data=data)
            say(f"The report is written: {visible(str(path))}", "good")
        except (ValueError, RuntimeError) as error:  # ConfigError, RunError: sentences
            say(visible(str(error)), "warn")
        except Exception as error:
            say(mishap("the report cannot be written", error), "bad")

    # A daemon: leaving does not wait for it. The folder appears only when all of it is written.
    thread = threading.Thread(target=write, name="export", daemon=True)
    thread.start()
    return thread
