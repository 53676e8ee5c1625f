"""Screens over the explorer: each closes once, and one that fails is closed rather than the program."""

from __future__ import annotations

from textual._context import NoActiveAppError, active_message_pump
from textual.app import App, ReturnType
from textual.await_complete import AwaitComplete
from textual.dom import NoScreen
from textual.message import Message
from textual.message_pump import MessagePump
from textual.screen import Screen, ScreenResultType
from textual.worker import WorkerFailed, active_worker

from ..host.mishaps import mishap


class Over(Screen[ScreenResultType]):
    """A screen that closes once, though what closes it comes twice: keys typed ahead wait in its queue.

    Textual's own would close the screen beneath too.
    """

    @property
    def on_top(self) -> bool:
        """Whether it is the screen that keys go to, not closed or beneath another."""
        return self in self.app.screen_stack[-1:]

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        return super().dismiss(result) if self.on_top else AwaitComplete()


class Bounded(App[ReturnType]):
    """An app in which what fails on a screen over the first one closes that screen, and is told in one sentence.

    A widget whose handler failed handles no messages any more, so its screen cannot stay. The app's own loop, which
    does what keys and the palette ask for, goes on. A failure of the first screen's own widgets ends the program.
    """

    def tell_failure(self, sentence: str) -> None:
        """Tell the person what failed."""
        raise NotImplementedError

    async def _dispatch_message(self, message: Message) -> None:
        try:
            await super()._dispatch_message(message)
        except Exception as error:
            if not self._outlive(error, self):
                raise

    def _handle_exception(self, error: Exception) -> None:
        if not self._outlive(error, _failing(self)):
            super()._handle_exception(error)

    def _outlive(self, error: Exception, pump: MessagePump) -> bool:
        """Close what failed, down to the screen where it happened, and tell; False if the program cannot go on."""
        if self._exit:  # it ends as it was asked to
            mishap("something failed while leaving", error)
            return True
        if not self._dom_ready or not self._screen_stack:
            return False
        try:
            failed = self.screen if isinstance(pump, App) else getattr(pump, "screen", self.screen)
        except NoScreen:  # a widget that is being taken away
            failed = None
        first = self._screen_stack[0]
        if failed is first:
            if not isinstance(pump, App):
                return False
            self.tell_failure(mishap("that did not work", error))
            return True
        cause = error.error if isinstance(error, WorkerFailed) else error
        sentence = mishap("that screen failed and is closed", cause)
        if failed in self._screen_stack:  # else it is gone already: its log is enough
            self.tell_failure(sentence)
            while self._screen_stack[-1] is not first:
                closing = self._screen_stack[-1]
                for name in [name for name, kept in self._installed_screens.items() if kept is closing]:
                    self._installed_screens[name] = self.SCREENS[name]  # to be made anew
                if closing._result_callbacks:
                    closing._result_callbacks[-1](None)
                self.pop_screen()
                if closing is failed:
                    break
        return True


def _failing(app: MessagePump) -> MessagePump:
    """Whose handler, timer or worker runs now."""
    try:
        return active_worker.get().node
    except LookupError:
        pass
    try:
        return active_message_pump.get()
    except (LookupError, NoActiveAppError):
        return app
