"""The config pane: every setting, changed with the arrows or by typing."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, NamedTuple

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.geometry import Offset
from textual.widgets import Input

from ...config.knobs import BY_NAME, SETTINGS, Setting
from ...config.run import RunConfig
from ...host.visible import symbol
from ...insight.word_counts import lines_left_out
from ...plots import Row
from ...plots.ink import Ink, Piece, fit, row, visible
from ...stream.protocol import DataInfo
from ..messages import Resized, SettingChanged, SettingTyped
from ..sheets.sheet import Sheet

FIELD = 22  # cells of the field in which a value is typed


class Count(NamedTuple):
    """A line that only tells something of the words."""

    label: str
    value: Callable[[DataInfo], str]


COUNTS = (
    Count("words", lambda data: f"{data.words:,}"),
    Count("of them repeats", lambda data: f"{data.repeats:,}"),
    Count("in train and dev", lambda data: f"{data.in_both:,}"),
    Count("lines left out", lambda data: f"{lines_left_out(data):,}"),
    Count("symbols", lambda data: f"{len(data.vocabulary):,}"),
    Count("end of a word", lambda data: symbol(data.vocabulary[0])),
    Count("train examples", lambda data: f"{data.train:,}"),
    Count("dev, test", lambda data: f"{data.dev:,}, {data.test:,}"),
)


def config_lines() -> list[Setting | str]:
    """The settings' lines from the top: a group's name or a setting."""
    lines: list[Setting | str] = []
    for setting in SETTINGS:
        if setting.group not in lines:
            lines.append(setting.group)
        lines.append(setting)
    return lines


LINES = config_lines()
SHOWN: tuple[Setting | Count | str, ...] = (*LINES, "Words", *COUNTS)  # the cursor stays above the last
SELECTABLE = [index for index, line in enumerate(LINES) if isinstance(line, Setting)]


def setting_row(setting: Setting, config: RunConfig, width: int, *, at: bool, focused: bool) -> Row:
    """One setting: its name, and its value flush right between the marks of the arrows."""
    value = visible(setting.text(config))
    used = setting.used(config)
    length = max(4, min(len(value), width - len(setting.label) - 6))
    value = fit(value, length, ">")
    ink = Ink.STRONG if used else Ink.DIM
    arrows = at and focused and setting.turns
    left, right = ("‹ ", " ›") if arrows else ("  ", "  ")
    name = (" " + setting.label, Ink.PLAIN if used else Ink.DIM)
    if at and focused:
        ink = Ink.CURSOR_ROW
        space = max(0, width - len(setting.label) - 1 - length - 4)
        text = f"▸{setting.label}{' ' * space}{left}{value}{right}"
        return row(width, (fit(text, width), ink))
    tail: list[Piece] = [(left, Ink.KEY), (value, ink), (right, Ink.KEY)]
    return row(width, name, right=tail)


class ConfigPane(Container):
    """Shows the settings in force; posts what the person wants changed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Setting above", show=False),
        Binding("down,j", "move(1)", "Setting below", show=False),
        Binding("left", "turn(-1)", "Value before", show=False),
        Binding("right", "turn(1)", "Next value", show=False),
        Binding("home", "move(-99)", "First setting", show=False),
        Binding("end", "move(99)", "Last setting", show=False),
        Binding("enter", "edit", "Type a value", show=False),
    ]

    can_focus = True

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.sheet = Sheet()
        self.field = Input(id="field", compact=True, select_on_focus=True)
        self.field.display = False
        self.border_title = "Config"
        self._config: RunConfig | None = None
        self._data: DataInfo | None = None
        self._cursor = next(i for i in SELECTABLE if LINES[i] is BY_NAME["gain"])  # what the program is about
        self._top = 0

    def compose(self) -> ComposeResult:
        yield self.sheet
        yield self.field

    @property
    def setting(self) -> Setting:
        line = LINES[self._cursor]
        assert isinstance(line, Setting)
        return line

    @property
    def editing(self) -> bool:
        return bool(self.field.display)

    def show(self, config: RunConfig, data: DataInfo | None = None) -> None:
        """Show these settings, and how many words there are."""
        self._config, self._data = config, data
        self._draw()

    def say_watched(self, name: str) -> None:
        """Say that the network shown is somebody's own, which no setting here moves."""
        self._config = None
        width = self.sheet.size.width
        lines = (" A network of its own", " It trains elsewhere:", " nothing to set here.")
        self.sheet.show([watched_row(name, width), *(row(width, (line, Ink.DIM)) for line in lines)])

    def _draw(self) -> None:
        if self._config is None:
            return
        width, height = self.sheet.size
        self._scroll(height)
        rows: list[Row] = []
        for index in range(self._top, min(len(SHOWN), self._top + height)):
            line = SHOWN[index]
            if isinstance(line, str):
                rows.append(row(width, (line, Ink.HEAD)))
            elif isinstance(line, Count):
                text = line.value(self._data) if self._data is not None else "–"
                rows.append(row(width, (f" {line.label}", Ink.DIM), right=[(f"{text}  ", Ink.DIM)]))
            else:
                at = index == self._cursor
                rows.append(setting_row(line, self._config, width, at=at, focused=self.has_focus or self.editing))
        below = len(SHOWN) - self._top - height
        more = f"↓ {below} more" if below > 0 and height else ""
        if more != (self.border_subtitle or ""):  # setting it repaints the whole pane
            self.border_subtitle = more
        self.sheet.show(rows)
        if self.editing:
            self._place()

    def _scroll(self, height: int) -> None:
        if height <= 0:
            return
        heading = self._cursor - 1 if isinstance(LINES[self._cursor - 1], str) else self._cursor
        self._top = max(min(self._top, heading), self._cursor - height + 1)
        if self._cursor == SELECTABLE[-1]:  # the words below it come into sight
            self._top = min(self._cursor, max(self._top, len(SHOWN) - height))
        self._top = max(0, min(self._top, len(SHOWN) - height))

    def action_move(self, by: int) -> None:
        at = SELECTABLE.index(self._cursor)
        self._cursor = SELECTABLE[max(0, min(len(SELECTABLE) - 1, at + by))]
        self._draw()

    def point_at(self, name: str) -> None:
        """Put the cursor on a setting."""
        self._cursor = next(i for i in SELECTABLE if LINES[i] is BY_NAME[name])
        self._draw()

    def action_turn(self, by: int) -> None:
        if self._config is None:
            return
        value = self.setting.next(self._config, by)
        if value != getattr(self._config, self.setting.name):
            self.post_message(SettingChanged(self.setting.name, value))

    def action_edit(self) -> None:
        """Open the field over the value."""
        if self._config is None:
            return
        self.field.value = self.setting.typed(self._config)
        self.field.display = True
        self._place()
        self.field.focus()

    def _place(self) -> None:
        width = min(FIELD, max(6, self.sheet.size.width - len(self.setting.label) - 2))
        self.field.styles.width = width
        self.field.styles.offset = (self.sheet.size.width - width, self._cursor - self._top)

    def close_field(self) -> None:
        """Leave the field; the value stays what it was unless it was taken."""
        if self.editing:
            self.field.display = False
            self.focus()
            self._draw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(SettingTyped(self.setting.name, event.value))

    def on_focus(self) -> None:
        self.call_next(self._draw)  # once the widget itself knows

    def on_blur(self) -> None:
        self.call_next(self._draw)

    def on_descendant_blur(self) -> None:
        if self.editing and not self.field.has_focus:
            self.field.display = False
        self._draw()

    def on_resize(self) -> None:
        self.post_message(Resized())

    def on_click(self, event: events.Click) -> None:
        """A click chooses a setting; on its marks it turns the value, on the chosen value it opens the field."""
        spot = event.offset if event.widget is self.sheet else Offset(-1, -1)
        index = self._top + spot.y
        if spot.y < 0 or index not in SELECTABLE or self.editing:
            return
        again = index == self._cursor and self.has_focus
        self._cursor = index
        self.focus()
        self._draw()
        if not again or self._config is None:
            return
        width = self.sheet.size.width
        value = len(self.setting.text(self._config))
        if spot.x >= width - 2:
            self.action_turn(1)
        elif width - 5 - value <= spot.x < width - 2 - value:
            self.action_turn(-1)
        elif spot.x >= width - 2 - value:
            self.action_edit()

    def on_mouse_scroll_down(self) -> None:
        self._wheel(1)

    def on_mouse_scroll_up(self) -> None:
        self._wheel(-1)

    def _wheel(self, by: int) -> None:
        height = self.sheet.size.height
        top = max(0, min(len(SHOWN) - height, self._top + by))
        seen = [i for i in SELECTABLE if top <= i < top + height]
        if seen:
            self._top = top
            self._cursor = min(max(self._cursor, seen[0]), seen[-1])
            self._draw()


def watched_row(name: str, width: int) -> Row:
    """The name of a network that has no settings here."""
    return row(width, " ", (visible(name), Ink.STRONG), ("  somebody's own network, read only", Ink.DIM))


def strip_row(config: RunConfig, width: int) -> Row:
    """The short config of a small screen: the settings that matter most, on one line."""
    pieces: list[Piece] = [" "]
    for name in ("gain", "bn", "nonlinearity", "hidden", "lr", "optimizer", "batch_size"):
        setting = next(s for s in SETTINGS if s.name == name)
        label = {"nonlinearity": "", "hidden": "", "optimizer": "", "batch_size": "batch"}.get(name, setting.label)
        pieces.append((f"{label} " if label else "", Ink.DIM))
        pieces.append((setting.text(config), Ink.STRONG))
        pieces.append(("  ", Ink.DIM))
    return row(width, *pieces)
