"""The help screen: keys from the action table, and how to read each view."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll

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


def help_rows(width: int, first: str = "") -> tuple[Row, ...]:
    """The whole text in rows of that width; the keys of one group and how to read its screen come first."""
    rows: list[Row] = []

    def heading(text: str) -> None:
        rows.extend([row(width)] * bool(rows) + [row(width, (text, Ink.STRONG))])

    def key(keys: str, what: str, why: str) -> None:
        space = width - KEYS - WHAT - 2
        lines = wrap(why, space) if space >= 20 else []
        rows.append(
            row(width, " ", (f"{keys:<{KEYS}}", Ink.KEY), f"{what:<{WHAT}} ", (lines[0] if lines else "", Ink.DIM))
        )
        rows.extend(row(width, " " * (KEYS + WHAT + 2), (line, Ink.DIM)) for line in lines[1:])

    def read(title: str, text: str) -> None:
        heading(f"How to read: {title}")
        for index, paragraph in enumerate(text.split("\n\n")):
            rows.extend([row(width)] * bool(index))
            rows.extend(row(width, " ", line) for line in wrap(paragraph, width - 2))

    texts = [*((view.title, view.help) for view in VIEWS), *SCREENS]
    mine = [pair for pair in texts if pair[0] == OWN_TEXT.get(first)]
    for group in sorted((*GROUPS, PANE), key=lambda group: group != first):
        heading(group)
        for keys, what, why in PANE_KEYS if group == PANE else ():
            key(keys, what, why)
        for action in EVERY:
            if action.group == group:
                key(" ".join(shown_key(k) for k in action.keys), action.description, action.tooltip)
        for title, text in mine if group == first else ():
            read(title, text)
    heading("Signs of the findings")
    for severity, meaning in SIGNS:
        sign, ink = SEVERITIES[severity]
        rows.append(row(width, " ", (f"{sign:<{KEYS}}", ink), meaning))
    for title, text in texts:
        if (title, text) not in mine:
            read(title, text)
    return tuple(rows)


class HelpScreen(Over[None]):
    """Keys and how to read the views. It covers all: to draw the explorer dimmed beneath it takes as long again."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark", "close", "Close"),
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
        self._wrapped = (0, "")  # cells that the text is wrapped for, and what comes first
        self.scroll_area.border_title = "Help"
        self.scroll_area.border_subtitle = "j k scroll · esc closes"

    def compose(self) -> ComposeResult:
        """One framed, scrolling sheet, its text there before the first layout, which then is the only one."""
        self._wrap(self.app.size.width)
        yield self.scroll_area

    def on_screen_resume(self) -> None:
        """Begin at the top, at the width that there is by now."""
        self._wrap(self.app.size.width)
        self.scroll_area.scroll_home(animate=False)

    def on_resize(self, event: events.Resize) -> None:
        """Wrap the text to the width there will be."""
        self._wrap(event.size.width)

    def _wrap(self, width: int) -> None:
        over = self.app.screen_stack[-2:-1]
        first = getattr(over[0], "keys_group", "") if over else ""
        if self._wrapped != (width, first):
            self._wrapped = (width, first)
            rows = help_rows(min(width, WIDEST) - AROUND, first)
            self.sheet.styles.height = len(rows)
            self.sheet.show(rows)

    def action_close(self) -> None:
        """Back to the explorer."""
        self.dismiss()

    def action_scroll(self, by: int) -> None:
        """Scroll by lines."""
        self.scroll_area.scroll_relative(y=by, animate=False)

    def action_page(self, by: int) -> None:
        """Scroll by pages."""
        self.scroll_area.scroll_relative(y=by * (self.scroll_area.size.height - 1), animate=False)
