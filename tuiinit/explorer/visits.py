"""The screens that stand over the explorer for a while, and what stays of one visit until the next."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..config.command import own_command_line
from ..config.configuration import Configuration
from ..config.own import OwnConfig
from ..plots.ink import visible
from ..session.changed import Changed
from .training import TrainingScreen

if TYPE_CHECKING:  # loaded when first asked for: the first frame does not wait for them
    from .compare.runs import RunsScreen
    from .compare.screen import CompareScreen
    from .sweep.sweeping import Sweeping

ONE_RUN = "one run is looked at; tuiinit attach RUN RUN puts two side by side"


class Visits:
    """Opens the compare screen, the sweep and the report's dialog over a screen that trains.

    Attributes:
        swept: the sweep, once there was one.
    """

    def __init__(self, below: TrainingScreen[None]) -> None:
        self._below = below
        self.swept: Sweeping | None = None
        self._compare: CompareScreen | RunsScreen | None = None
        self._sides: tuple[str, str] | None = None  # of the compare screen: columns, rows

    @property
    def sweeping(self) -> Sweeping:
        """The sweep, kept from one visit of its screen to the next."""
        from .sweep.sweeping import Sweeping

        knobs, before = self._below.session.knobs, self.swept
        if before is None or before.knobs is not knobs:
            self.swept = Sweeping.over(knobs, before.kept if before is not None else None)
        assert self.swept is not None
        return self.swept

    def draw(self, changed: Changed) -> None:
        """Draw what no longer tells the truth of the compare screen, while it is seen."""
        if self._compare is not None and self._compare in self._below.app.screen_stack[-1:]:  # none while the app ends
            self._compare.draw(changed)

    def compare(self, view: str, back: Callable[[str | None], None]) -> None:
        """Put the lane at hand beside others, in a view by its id; `back` is given the one looked at last."""
        if self._below.session.attached is not None:
            self._compare_runs(view, back)
            return
        from .compare.screen import CompareScreen

        below = self._below
        screen = CompareScreen(below.session, below.tell, view, self._sides)
        self._compare = screen

        def left(last: str | None) -> None:
            self._sides = screen.sides
            back(last)
            if below.session.group:  # it failed: it did not leave by itself
                below.tell(below.session.look_alone())
            below.draw(Changed.ALL)

        below.app.push_screen(screen, left)

    def _compare_runs(self, view: str, back: Callable[[str | None], None]) -> None:
        from .compare.runs import RunsScreen

        below = self._below
        if sum(history.shape is not None for history in below.session.lanes.values()) < 2:
            below.draw(below.session.say(ONE_RUN, "warn"))
            return
        self._compare = RunsScreen(below.session, below.tell, view)

        def left(last: str | None) -> None:
            back(last)
            below.draw(Changed.ALL)

        below.app.push_screen(self._compare, left)

    def sweep(self, back: Callable[[Configuration], None]) -> None:
        """Sweep over the gain around the lane at hand; `back` is given the configuration that was chosen."""
        from .sweep.screen import SweepScreen

        below, session = self._below, self._below.session
        if session.rebuilds and session.own.target is None:
            below.draw(session.say(f"{session.knobs.title} is not built yet.", "warn"))
            return

        def pause() -> None:
            if session.running or session.catching_up:
                below.tell(session.pause())

        def left(chosen: Configuration | None) -> None:
            below.draw(Changed.ALL)
            if chosen is not None:
                back(chosen)

        below.app.push_screen(SweepScreen(self.sweeping, session.settings, pause), left)

    def export(self) -> None:
        """Ask for a folder, and write the report of the lane at hand there."""
        from .dialogs.exporting import ExportDialog, export
        from .picture import is_picture, picture, written

        below, session = self._below, self._below.session
        loop = asyncio.get_running_loop()

        def say(sentence: str, severity: str) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody is there to be told
                loop.call_soon_threadsafe(lambda: below.draw(session.say(sentence, severity)))

        drawn = picture(below.app, below.picture_title)  # before the dialog stands over it

        def chosen(folder: str | None) -> None:
            if folder is not None and is_picture(folder):
                below.draw(session.say(*written(folder, drawn)))
            elif folder is not None and isinstance(own := session.config, OwnConfig):
                words = own_command_line(OwnConfig(target=own.target, settings=own.settings, seed=own.seed))
                command = words.replace("tuiinit explore", "tuiinit report", 1)
                below.draw(
                    session.say(f"A report trains it under several gains: {command} --out {shlex.quote(folder)}")
                )
            elif folder is not None:
                below.draw(session.say(f"Writing the report to {visible(folder)} …"))
                export(session, folder, say)

        below.app.push_screen(ExportDialog(), chosen)
