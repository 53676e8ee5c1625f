"""The notes screen: the claims as stops of a tour, which of them were seen, and what each asks for."""

from __future__ import annotations

from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal

from ...config.knobs import describe
from ...experiments.claims import CLAIMS
from ...plots import Row
from ...plots.ink import Ink, Piece, row, visible, wrap
from ...session.actions import NOTES_ACTIONS
from ..bindings import bindings
from ..messages import ActionChosen
from ..over import Over
from ..panes.bars import KeyBar
from ..sheets.sheet import Sheet
from . import BY_CLAIM, STOPS, Progress, Stop

CLAIM_OF = {claim.id: claim for claim in CLAIMS}
WIDEST_LIST = 52  # cells that the longest title takes
LIST_SHARE = 0.47  # of a narrower window
NARROW = 80  # columns below which the list stands over the chosen stop, both as wide as the window
LEAST_LIST = 4  # rows of it there


def heading_row(progress: Progress, width: int) -> Row:
    """What this is, and how far one has come."""
    count = f"{len(progress.ticked)} of {len(STOPS)} seen "
    return row(width, (" The notes", Ink.STRONG), (" · each claim, shown in the explorer", Ink.DIM), right=[count])


def list_rows(progress: Progress, at: int, width: int, height: int) -> list[Row]:
    """The stops around the chosen one, ticked off or not."""
    top = max(0, min(at - height // 2, len(STOPS) - height))
    rows: list[Row] = []
    for index, stop in enumerate(STOPS[top : top + height], top):
        ticked = stop.claim in progress.ticked
        sign, ink = ("✓", Ink.GOOD) if ticked else ("·", Ink.DIM)
        if index == at:
            rows.append(row(width, (f"▸{sign} {stop.claim} {stop.title}".ljust(width), Ink.CURSOR_ROW)))
        else:
            rows.append(row(width, (f" {sign} ", ink), (f"{stop.claim} ", Ink.DIM), stop.title))
    return rows


def stop_rows(stop: Stop, ticked: bool, width: int) -> list[Row]:
    """The chosen stop: the claim, what is set up, what to press, to look at and to have seen."""
    rows: list[Row] = []

    def paragraph(text: str, ink: int = Ink.PLAIN, mark: Piece = " ") -> None:
        for index, line in enumerate(wrap(visible(text), width - 5)):
            rows.append(row(width, " ", mark if not index else " ", (f" {line}", ink)))

    def heading(text: str) -> None:
        rows.extend([row(width), row(width, (f"   {text}", Ink.HEAD))])

    paragraph(f"{stop.claim} {stop.title}", Ink.STRONG)
    paragraph(stop.text or CLAIM_OF[stop.claim].text)
    parts = [describe(name, value) for name, value in stop.settings.items()]
    if stop.steps:
        parts.append(f"{stop.steps:,} {'steps' if stop.steps > 1 else 'step'}")
    rows.append(row(width))
    paragraph("Starts with " + (", ".join(parts) or "the lecture's network at step 0") + ".", Ink.DIM)
    rows.append(row(width))
    paragraph(stop.press, Ink.STRONG)
    heading("Look")
    paragraph(stop.look)
    heading("To be seen" if not ticked else "Seen")
    for sight in stop.sights:
        paragraph(sight.what, mark=("✓", Ink.GOOD) if ticked else ("·", Ink.DIM))
    return rows


class NotesScreen(Over[str]):
    """The list of stops. Dismisses with the claim to start, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(NOTES_ACTIONS)]
    AUTO_FOCUS = ""

    def __init__(self, progress: Progress, chosen: str, drops: int = 0) -> None:
        """`drops` is how many trained steps are lost when a stop is shown; 0 where that needs no asking."""
        super().__init__()
        self.actions = NOTES_ACTIONS
        self.progress = progress
        self._drops = drops
        self._warned = False
        self._at = list(BY_CLAIM).index(chosen)
        self.header = Sheet(id="header")
        self.stops = Sheet(id="stops")
        self.stop_sheet = Sheet(id="stop")
        self.keys = KeyBar(id="keys")

    def compose(self) -> ComposeResult:
        """The list and the chosen stop side by side."""
        yield self.header
        with Horizontal(id="notes"):
            yield self.stops
            yield self.stop_sheet
        yield self.keys

    @property
    def chosen(self) -> Stop:
        """The stop under the cursor."""
        return STOPS[self._at]

    def on_resize(self, event: events.Resize) -> None:
        """Share the width; in a narrow window the height."""
        width, height = event.size
        self.set_class(width < NARROW, "-narrow")
        if width < NARROW:
            self.stops.styles.width, self.stops.styles.height = "100%", max(LEAST_LIST, height // 4)
        else:
            self.stops.styles.width, self.stops.styles.height = min(WIDEST_LIST, round(width * LIST_SHARE)), "100%"
        self.call_after_refresh(self.draw)

    def on_screen_resume(self) -> None:
        """Draw again after a dialog."""
        self.call_after_refresh(self.draw)

    def draw(self) -> None:
        """Draw all of it."""
        width, height = self.size
        self.header.show([heading_row(self.progress, width)])
        width, height = self.stops.size
        self.stops.show(list_rows(self.progress, self._at, width, height))
        width, height = self.stop_sheet.size
        ticked = self.chosen.claim in self.progress.ticked
        rows = stop_rows(self.chosen, ticked, width)
        if len(rows) > height:  # what separates paragraphs gives way first
            rows = [line for line in rows if any(span.text.strip() for span in line)]
        rows = rows[:height]
        if warning := self._dropping() or self.progress.trouble:
            trouble = wrap(visible(warning), width - 4)[-height:]
            rows = rows[: height - len(trouble)]
            rows += [row(width, ("! " if not n else "  ", Ink.WARN), line) for n, line in enumerate(trouble)]
        self.stop_sheet.show(rows)
        self.keys.show_keys(running=False, actions=NOTES_ACTIONS)

    def _dropping(self) -> str:
        """What is lost by showing a stop, once that was asked for."""
        if not self._warned:
            return ""
        return f"enter again starts over at step 0 and drops the {self._drops:,} steps trained so far; esc keeps them"

    @on(ActionChosen)
    async def _asked(self, event: ActionChosen) -> None:
        await self.run_action(event.action)

    def action_choose(self, by: int) -> None:
        """Another stop, around the corner at both ends."""
        self._at = (self._at + by) % len(STOPS)
        self.draw()

    def action_start(self) -> None:
        """Into the explorer with the chosen stop; where much would be lost, only when asked for once more."""
        if self._drops and not self._warned:
            self._warned = True
            self.draw()
            return
        self.dismiss(self.chosen.claim)

    def action_close(self) -> None:
        """Back to the explorer as it was."""
        self.dismiss(None)

    async def action_quit(self) -> None:
        """Leave the program."""
        await self.app.run_action("app.quit")
