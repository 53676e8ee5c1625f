"""The lines around the panes: the tabs of the views, and the footer's keys."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from textual import events

from ...plots import Row
from ...plots.ink import SEVERITIES, Ink, Piece, row, visible, wrap
from ...session.actions import ACTIONS, Action, shown_key
from ...session.known import Known
from ..messages import ActionChosen, ViewChosen
from ..sheets.sheet import Sheet


def tabs_row(
    titles: Sequence[str], active: int, width: int, skipped: Collection[int] = ()
) -> tuple[Row, list[tuple[int, int]]]:
    """The titles in one row with the active one in sight, and where each begins and ends in it; skipped ones faint."""
    labels = [f" {title} " for title in titles]
    count = f" {active + 1}/{len(titles)} "
    room = width - len(count)
    first = 0
    while first < active and sum(len(label) + 1 for label in labels[first : active + 1]) > room - 6:
        first += 1
    pieces: list[Piece] = [("╭─", Ink.FRAME), ("‹" if first else "─", Ink.FRAME)]
    places = [(0, 0)] * len(titles)
    x, more = 3, "─"
    for index in range(first, len(titles)):
        label = labels[index]
        if x + len(label) > room - 3 and index > active:
            more = "›"
            break
        pieces.append((label[0], Ink.FRAME))
        ink = Ink.ACTIVE if index == active else Ink.FRAME if index in skipped else Ink.DIM
        pieces.append((label[1:-1], ink))
        pieces.append((label[-1], Ink.FRAME))
        places[index] = (x, x + len(label))
        x += len(label)
        if index < len(titles) - 1:
            pieces.append(("│", Ink.FRAME))
            x += 1
    pieces += [("─" * max(0, room - x - 2) + more, Ink.FRAME), (count, Ink.DIM), ("╮", Ink.FRAME)]
    return row(width, *pieces), places


class TabBar(Sheet):
    """The titles of the views; a click chooses one."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._places: list[tuple[int, int]] = []

    def show_tabs(self, titles: Sequence[str], active: int, skipped: Collection[int] = ()) -> None:
        line, self._places = tabs_row(titles, active, self.size.width, skipped)
        self.show([line])

    def on_click(self, event: events.Click) -> None:
        for index, (start, end) in enumerate(self._places):
            if start <= event.x < end:
                self.post_message(ViewChosen(index))


def keys_row(words: Sequence[tuple[Action, str]], width: int) -> tuple[Row, list[tuple[int, int, str]]]:
    """Keys and what they do, as many as fit; where each action begins and ends."""
    fixed = [pair for pair in words if pair[0].id in ("help", "quit")]
    pieces: list[Piece] = []
    places: list[tuple[int, int, str]] = []

    def size(action: Action, word: str) -> int:
        return len(shown_key(action.keys[0])) + len(word) + 4

    x, spare = 0, sum(size(*pair) for pair in fixed)
    for action, word in words:
        mine = size(action, word)
        if (action, word) in fixed:
            spare -= mine
        elif x + mine + spare > width:
            continue
        pieces += [(f" {shown_key(action.keys[0])} ", Ink.KEY), (f"{word}  ", Ink.DIM)]
        places.append((x, x + mine - 1, action.do))
        x += mine
    return row(width, *pieces), places


class NoticeBar(Sheet):
    """A sentence over the last rows: why there is no engine, or what the last key met."""

    def tell(self, session: Known, width: int) -> None:
        """Show what there is to say, or hide."""
        text, severity = "", "bad"
        anew = f"E builds {session.knobs.title} anew, at step 0" if session.rebuilds else ""
        another = anew or "E starts another that catches up"
        if session.dead is not None:
            again = "restarts the engine and catches up" if session.attached is None else "connects again"
            text = f"{session.dead} — {anew or f'E {again}'}"
        elif session.stopped:
            text = "the engine's process is stopped: nothing comes from it until it is continued (kill -CONT)"
            text, severity = f"{text} — {another}", "warn"
        elif session.quiet:
            why = f"it only said {session.first_words}" if session.first_words else "it may be busy"
            text = f"no answer from the engine for {session.quiet:.0f} s: {why}"
            text, severity = f"{text} — {another}", "warn"
        elif session.notice is not None:
            text, severity = session.notice.text, session.notice.severity
        elif session.shown.shape is None:  # there is nothing else to look at
            text = session.own.failure
        lines = wrap(visible(text), width - 4)[:4]
        sign, ink = SEVERITIES[severity]
        self.set_class(bool(lines), "-shown")
        self.styles.height = max(1, len(lines))
        self.show(
            [row(width, (f" {sign if not i else ' '} ", ink), (line, Ink.STRONG)) for i, line in enumerate(lines)]
        )


class KeyBar(Sheet):
    """The footer; a click does what the key does."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._places: list[tuple[int, int, str]] = []

    def show_keys(self, *, running: bool, actions: Sequence[Action] = ACTIONS) -> None:
        words = [(a, "pause" if a.id == "run" and running else a.footer) for a in actions if a.footer]
        # As wide as the longer word, so that what follows stays in its place.
        words = [(a, f"{w:<5}" if a.id == "run" else w) for a, w in words]
        line, self._places = keys_row(words, self.size.width)
        self.show([line])

    def on_click(self, event: events.Click) -> None:
        for start, end, action in self._places:
            if start <= event.x < end and action:  # a widget's own keys have none
                self.post_message(ActionChosen(action))
