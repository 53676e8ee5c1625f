"""What the palette finds by name beside actions: views, the tour's claims, settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from textual.command import Hit, Hits, Provider

from ..views import VIEWS
from .tour import STOPS

if TYPE_CHECKING:
    from .screen import Explorer

Name = tuple[str, str, Callable[[], None]]  # what is found, what it says beneath, what it does


def names(explorer: Explorer) -> Iterator[Name]:
    """Everything with a name on the main screen."""
    for index, view in enumerate(VIEWS):
        yield f"View: {view.title}", f"Tab {index + 1} of {len(VIEWS)}", partial(explorer.show_view, index)
    for setting in explorer.session.knobs.settings:
        yield f"Setting: {setting.label}", "In the config pane", partial(explorer.go_to_setting, setting.name)
    for stop in () if explorer.session.rebuilds else STOPS:
        yield f"{stop.claim}: {stop.title}", "A stop of the tour", partial(explorer.choose_claim, stop.claim)


class Names(Provider):
    """Finds names on the main screen; nothing until something is typed: there are too many to list."""

    async def search(self, query: str) -> Hits:
        from .screen import Explorer

        if not isinstance(self.screen, Explorer):
            return
        matcher = self.matcher(query)
        for title, about, do in names(self.screen):
            if (score := matcher.match(title)) > 0:
                yield Hit(score, matcher.highlight(title), do, help=about)
