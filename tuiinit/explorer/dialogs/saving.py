"""The dialog that asks for a file name and saves a configuration or a picture there."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from ...host.files import write
from ...host.paths import typed
from ...host.visible import visible
from ..over import Over

DEFAULT_NAME = "tuiinit.toml"


class SaveDialog(ModalScreen[str | None], Over[str | None]):
    """Asks where to save something, and saves it. Dismisses with a sentence that tells what was done, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Cancel")]

    def __init__(
        self,
        content: Callable[[str], str | bytes],
        name: str = DEFAULT_NAME,
        title: str = "Save configuration as TOML",
        use: str = ": tuiinit --config {name} starts with it",
    ) -> None:
        """`content` gives what a file of a name holds, or a sentence as ValueError; `use` says what it is good for."""
        super().__init__()
        self._title, self._use = title, use
        self._content = content
        self._name = name
        self._confirmed: str | None = None  # a file that may be overwritten if its name is entered again

    def compose(self) -> ComposeResult:
        with Vertical(id="saving") as box:
            box.border_title = self._title
            yield Input(self._name, placeholder="file name", select_on_focus=False, id="saving-name")
            yield Static("enter saves, esc leaves", id="saving-note", markup=False)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        name = event.value.strip()
        if not name:
            self._tell("a name is needed")
            return
        try:
            write(typed(name), self._content(name), over=name == self._confirmed)
        except FileExistsError:
            self._confirmed = name
            self._tell(f"{name} is there already: enter again overwrites it")
        except (OSError, ValueError) as error:
            self._tell(f"cannot write {name}: {getattr(error, 'strerror', None) or error}")
        else:
            self.dismiss(f"Saved as {name}{self._use.replace('{name}', name)}.")

    def _tell(self, sentence: str) -> None:
        self.query_one("#saving-note", Static).update(visible(sentence))

    def action_leave(self) -> None:
        """Leave without saving."""
        self.dismiss(None)
