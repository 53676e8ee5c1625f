"""The help screen: keys from the action table, and how to read each view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Input

from ...plots import Row
from ...plots.ink import SEVERITIES, Ink, row, wrap
from ...session.actions import COMPARE, EVERY, GROUPS, SWEEP, shown_key
from ...views import VIEWS
from ..over import Over
from ..sheets.sheet import Sheet

KEYS = 14  # cells of the column of keys
WHAT = 24  # cells of what a key does
WIDEST = 104  # cells, with what is AROUND the text: frame, padding, scrollbar; the style sheet says the same
AROUND = 6
PANE_KEYS = (
    ("↑ ↓ k j", "Choose a setting", "Home and end go to the first and the last"),
    ("← →", "Change it", "To the next sensible value"),
    ("enter", "Type a value", "Fractions such as 5/3, layers such as 5x100 or 100,50"),
    ("esc", "Leave", "The field, then the pane"),
)
SCREENS = (
    (
        "Values in a plot (p)",
        "← and → move a cursor through the plot, home and end jump, ctrl+← and ctrl+→ go ten places; the mouse points "
        "too. The line below tells the values there of every curve, exactly as measured: where a curve stands for "
        "many steps, their mean and in brackets their range. Where there is no room for full names, layers go by "
        "their number. esc leaves.",
    ),
    (
        "Compare (c)",
        "One picture a network, all at the same clock, with the same minibatches and the same axes; numbers below go "
        "from the first layer to the last. A curve that leaves its picture is marked ▴: the common scale follows the "
        "middle of the networks, not the one that stands out. All that trains, steps or goes through time does so in "
        "every network; a setting that is no row or column changes in all of them. v shows one layer (J, K) instead.",
    ),
    (
        "Sweep (s)",
        "Each point is a gain, trained from step 0 with several seeds on engines of its own, while the explorer's "
        "engine pauses; the dotted cloud is the seeds' range. Of a second axis the curves show the best value, the "
        "shades all of them. The recommendation takes the lowest dev loss, and among those within the seeds' spread "
        "the healthiest. What was measured is kept until you quit: a stopped sweep goes on where it was.",
    ),
)
PANE = "In the config pane"
OWN_TEXT = {COMPARE: "Compare (c)", SWEEP: "Sweep (s)"}  # how to read the screen whose keys they are
SIGNS = (("good", "as it should be"), ("note", "worth knowing"), ("warn", "look at this"), ("bad", "it went wrong"))


def help_rows(width: int, first: str = "", view: str = "", words: str = "") -> tuple[Row, ...]:
    """The text in rows of that width.

    Args:
        width: cells.
        first: the group whose keys, and how to read its screen, come first.
        view: the title of the view that is read before all else; "" for none.
        words: only what holds all of these words is kept; a title that does keeps all beneath it.
    """
    rows: list[Row] = []
    wanted = words.lower().split()

    def kept(*texts: str) -> bool:
        text = " ".join(texts).lower()
        return all(word in text for word in wanted)

    def section(title: str, entries: Sequence[tuple[str, list[Row]]], *, gap: bool = False) -> None:
        """Entries beneath their title: what each says, and its rows; with or without a gap between them."""
        chosen = [lines for text, lines in entries if kept(title) or kept(title, text)]
        if chosen:
            rows.extend([row(width)] * bool(rows) + [row(width, (title, Ink.STRONG))])
            for index, lines in enumerate(chosen):
                rows.extend([row(width)] * bool(gap and index) + lines)

    def key(keys: str, what: str, why: str) -> tuple[str, list[Row]]:
        space = width - KEYS - WHAT - 2
        lines = wrap(why, space) if space >= 20 else []
        head = row(width, " ", (f"{keys:<{KEYS}}", Ink.KEY), f"{what:<{WHAT}} ", (lines[0] if lines else "", Ink.DIM))
        more = [row(width, " " * (KEYS + WHAT + 2), (line, Ink.DIM)) for line in lines[1:]]
        return f"{what} {why}", [head, *more]

    def read(title: str, text: str) -> None:
        paragraphs = [
            (paragraph, [row(width, " ", line) for line in wrap(paragraph, width - 2)])
            for paragraph in text.split("\n\n")
        ]
        section(f"How to read: {title}", paragraphs, gap=True)

    texts = {**{each.title: each.help for each in VIEWS}, **dict(SCREENS)}
    if view in texts:
        read(view, texts.pop(view))
    for group in sorted((*GROUPS, PANE), key=lambda group: group != first):
        keys = [key(*pane) for pane in PANE_KEYS if group == PANE]
        for action in EVERY:
            if action.group == group:
                keys.append(key(" ".join(shown_key(k) for k in action.keys), action.description, action.tooltip))
        section(group, keys)
        if group == first and (mine := OWN_TEXT.get(first, "")) in texts:
            read(mine, texts.pop(mine))
    signs = [(severity, *SEVERITIES[severity], meaning) for severity, meaning in SIGNS]
    section(
        "Signs of the findings",
        [(meaning, [row(width, " ", (f"{sign:<{KEYS}}", ink), meaning)]) for _, sign, ink, meaning in signs],
    )
    for title, text in texts.items():
        read(title, text)
    return tuple(rows) or (row(width, ("Nothing here holds these words.", Ink.DIM)),)


class HelpScreen(Over[None]):
    """Keys and how to read the views. It covers all: to draw the explorer dimmed beneath it takes as long again."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark", "close", "Close"),
        Binding("slash", "search", "Search"),
        Binding("j,down", "scroll(1)", show=False),
        Binding("k,up", "scroll(-1)", show=False),
        Binding("space,pagedown", "page(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
    ]
    AUTO_FOCUS = ""

    def __init__(self) -> None:
        super().__init__()
        self.sheet = Sheet()
        self.scroll_area = VerticalScroll(self.sheet, id="help")
        self.field = Input(id="help-words", compact=True, placeholder="words to look for; esc shows all again")
        self.field.display = False
        self._wrapped: tuple[object, ...] = ()  # what the text was wrapped for
        self.scroll_area.border_title = "Help"
        self.scroll_area.border_subtitle = "/ search · j k scroll · esc closes"

    def compose(self) -> ComposeResult:
        """One framed, scrolling sheet, its text there before the first layout, which then is the only one."""
        self._wrap(self.app.size.width)
        yield self.scroll_area
        yield self.field

    def on_screen_resume(self) -> None:
        """Begin at the top, at the width that there is by now."""
        self._show_all()
        self.scroll_area.scroll_home(animate=False)

    def on_resize(self, event: events.Resize) -> None:
        """Wrap the text to the width there will be."""
        self._wrap(event.size.width)

    def _wrap(self, width: int) -> None:
        over = self.app.screen_stack[-2:-1]
        first, view = (getattr(over[0], name, "") if over else "" for name in ("keys_group", "view_title"))
        asked = (width, first, view, self.field.value)
        if self._wrapped != asked:
            self._wrapped = asked
            rows = help_rows(min(width, WIDEST) - AROUND, first, view, self.field.value)
            self.sheet.styles.height = len(rows)
            self.sheet.show(rows)

    def _show_all(self) -> None:
        self.field.value = ""
        self.field.display = False
        self.set_focus(None)
        self._wrap(self.app.size.width)

    def action_search(self) -> None:
        """Ask for words to look for."""
        self.field.display = True
        self.field.focus()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._wrap(self.app.size.width)
        self.scroll_area.scroll_home(animate=False)

    @on(Input.Submitted)
    def _found(self, event: Input.Submitted) -> None:
        event.stop()
        self.set_focus(None)  # what was found stays, and keys scroll it

    def action_close(self) -> None:
        """All of it again after a search; else back to the explorer."""
        if self.field.display:
            self._show_all()
        else:
            self.dismiss()

    def action_scroll(self, by: int) -> None:
        """Scroll by lines."""
        self.scroll_area.scroll_relative(y=by, animate=False)

    def action_page(self, by: int) -> None:
        """Scroll by pages."""
        self.scroll_area.scroll_relative(y=by * (self.scroll_area.size.height - 1), animate=False)
