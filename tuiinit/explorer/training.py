"""What the explorer's screens have in common: the actions that do the same on each."""

from __future__ import annotations

from collections.abc import Callable

from textual.screen import ScreenResultType

from ..config.values import ConfigError
from ..session.changed import Commands
from ..session.session import Session
from .over import Over

MUCH = 300  # steps that are not dropped on one key


class CommonScreen(Over[ScreenResultType]):
    """A screen with the program's own actions."""

    keys_group = ""  # of the actions that help begins with

    def action_help(self) -> None:
        self.app.push_screen("help")

    def action_palette(self) -> None:
        self.app.action_command_palette()

    def action_suspend(self) -> None:
        self.app.action_suspend_process()

    async def action_quit(self) -> None:
        await self.app.run_action("app.quit")


class TrainingScreen(CommonScreen[ScreenResultType]):
    """A screen whose keys train the selected lanes."""

    session: Session

    def _do(self, ask: Callable[[], Commands]) -> None:
        """Do what a key asks for, send what it gives, and draw what is known at once."""
        raise NotImplementedError

    def action_run(self) -> None:
        self._do(self.session.run_or_pause)

    def action_step(self) -> None:
        self._do(lambda: self.session.advance(steps=1))

    def action_epoch(self) -> None:
        self._do(lambda: self.session.advance(epochs=1))

    def action_evaluate(self) -> None:
        self._do(self.session.evaluate)

    def action_restart(self) -> None:
        self._start_over("r", self.session.restart)

    def _start_over(self, key: str, ask: Callable[[], Commands]) -> None:
        """Start again at step 0; where much would be lost, only when the key is pressed once more.

        The steps are not kept as the network before: the same seed and settings would stand behind themselves.
        """
        again, notice, clock = f"{key} again starts over", self.session.notice, self.session.clock
        if clock < MUCH or self.session.recorded or (notice is not None and notice.text.startswith(again)):
            self._do(ask)
            return

        def refuse() -> Commands:
            raise ConfigError(f"{again} at step 0 and drops the {clock:,} steps trained so far; other keys keep them")

        self._do(refuse)

    async def action_restart_engine(self) -> None:
        await self.app.run_action("app.restart_engine")
