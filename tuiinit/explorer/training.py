"""What the explorer's screens have in common: the actions that do the same on each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual import on
from textual.screen import ScreenResultType

from ..config.nonlinearities import LECTURE_GAINS
from ..config.run import random_seed
from ..config.values import ConfigError
from ..host.mishaps import mishap
from ..session.amount import Amount
from ..session.changed import Changed, Commands
from ..session.session import MUCH, Session
from .messages import ActionChosen
from .over import Over
from .panes.config import strip_row


class CommonScreen(Over[ScreenResultType]):
    """A screen with the program's own actions."""

    keys_group = ""  # of the actions that help begins with

    @property
    def picture_title(self) -> str:
        """What a picture of the screen says over it; nothing where the screen says so itself."""
        return ""

    @property
    def view_title(self) -> str:
        """The view that help tells how to read before all else; "" for none."""
        return ""

    def action_help(self) -> None:
        self.app.push_screen("help")

    def action_palette(self) -> None:
        self.app.action_command_palette()

    async def action_picture(self) -> None:
        await self.app.run_action("app.save_picture")

    def action_suspend(self) -> None:
        self.app.action_suspend_process()

    @on(ActionChosen)
    async def _asked(self, event: ActionChosen) -> None:
        """A click on a key's name."""
        await self.run_action(event.action)

    async def action_quit(self) -> None:
        await self.app.run_action("app.quit")


class TrainingScreen(CommonScreen[ScreenResultType]):
    """A screen whose keys train the selected lanes."""

    session: Session

    tell: Callable[[Commands], None]  # sends commands to the engine

    def titled(self, view: str) -> str:
        """A picture's title: what is looked at, at which step, and the settings that matter most."""
        session = self.session
        settings = "".join(span.text for span in strip_row(session.settings, 200, session.knobs)).strip()
        return f"{view}, step {session.step:,}: {', '.join(settings.split('  '))}"

    def draw(self, changed: Changed) -> None:
        """Draw what no longer tells the truth."""
        raise NotImplementedError

    def _do(self, ask: Callable[[], Commands]) -> None:
        """Do what a key asks for, send what it gives, and draw what is known at once."""
        self.session.hush()
        try:
            self.tell(ask())
        except ConfigError as error:
            self.session.say(f"{error}", "warn")
        except Exception as error:
            self.session.say(mishap("that did not work", error), "bad")
        self.draw(Changed.ALL)

    def _change(self, name: str, value: Any) -> Commands:
        """Change a setting of what is trained. Raises ConfigError."""
        return self.session.change(name, value)

    def _turn(self, name: str, direction: int) -> None:
        """To the next value of a setting."""
        self._do(lambda: self._change(name, self.session.next_value(name, direction)))

    def action_run(self) -> None:
        self._do(self.session.run_or_pause)

    def action_step(self) -> None:
        self._do(lambda: self.session.advance(steps=1))

    def action_epoch(self) -> None:
        self._do(lambda: self.session.advance(epochs=1))

    def action_steps(self) -> None:
        """Ask how far to train, and do it."""
        from .dialogs.steps import StepsDialog

        def chosen(amount: Amount | None) -> None:
            if amount is not None:
                self._do(lambda: self.session.go(amount))

        self.app.push_screen(StepsDialog(self.session.clock), chosen)

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

    def action_reseed(self) -> None:
        self._start_over("R", lambda: self.session.restart(random_seed))

    def action_gain(self, direction: int) -> None:
        self._turn("gain", direction)

    def action_gain_to(self, index: int) -> None:
        self._do(lambda: self._change("gain", LECTURE_GAINS[index]))

    def action_batch_norm(self) -> None:
        self._turn("bn", 1)

    def action_cycle(self, name: str) -> None:
        self._turn(name, 1)

    def action_nudge(self, name: str, direction: int) -> None:
        self._turn(name, direction)

    def action_scale(self) -> None:
        self.draw(self.session.hush() | self.session.say(self.session.pointer.turn_scale()) | Changed.ALL)

    async def action_restart_engine(self) -> None:
        await self.app.run_action("app.restart_engine")
