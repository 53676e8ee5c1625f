"""The config pane: every setting, changed with the arrows or by typing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.geometry import Offset
from textual.widgets import Input

from ...config.configuration import Configuration
from ...config.knobs import Setting
from ...config.own import OwnConfig
from ...config.parameters import Theirs
from ...host.visible import symbol
from ...insight.word_counts import lines_left_out
from ...plots import Row
from ...plots.ink import Ink, Piece, fit, row, visible
from ...session.knobs import BUILT, Knobs
from ...session.known import Known
from ...stream.protocol import DataInfo, OwnTarget
from ..messages import Resized, SettingChanged, SettingTyped
from ..sheets.sheet import Sheet

FIELD = 22  # cells of the field in which a value is typed


class Fact(NamedTuple):
    """A line that only tells something, of the words or of a person's function."""

    label: str
    value: str


Line = Setting | Fact | str  # a str heads a group

WORDS: tuple[tuple[str, Callable[[DataInfo], str]], ...] = (
    ("words", lambda data: f"{data.words:,}"),
    ("of them repeats", lambda data: f"{data.repeats:,}"),
    ("in train and dev", lambda data: f"{data.in_both:,}"),
    ("lines left out", lambda data: f"{lines_left_out(data):,}"),
    ("symbols", lambda data: f"{len(data.vocabulary):,}"),
    ("end of a word", lambda data: symbol(data.vocabulary[0])),
    ("train examples", lambda data: f"{data.train:,}"),
    ("dev, test", lambda data: f"{data.dev:,}, {data.test:,}"),
)


def word_facts(data: DataInfo | None) -> list[Line]:
    """What is told of the words, under their heading; dashes before they are known."""
    return ["Words", *(Fact(label, value(data) if data is not None else "–") for label, value in WORDS)]


def own_facts(target: OwnTarget | None, title: str, *, failed: bool = False) -> list[Line]:
    """What is told of a person's function, under a heading."""
    if target is None:
        return [f"{title} is not built" if failed else f"building {title} …"]
    lines: list[Line] = ["What is built", Fact("matrices with gain", f"{target.gains:,}")]
    lines.append(Fact("batches in a pass", f"{target.batches:,}" if target.batches is not None else "not known"))
    lines.append(Fact("lr groups", f"{target.groups:,}"))
    lines.append(Fact("dev batches", "yes" if target.dev else "none"))
    return [*lines, Fact("labels", target.labels)] if target.labels else lines


def facts(session: Known) -> list[Line]:
    """What is told below the settings of the network at hand."""
    own = session.config if isinstance(session.config, OwnConfig) else None
    return (
        word_facts(session.data)
        if own is None
        else own_facts(session.own.target, session.knobs.title, failed=session.own.problem is not None)
    )


def config_lines(settings: Sequence[Setting] = BUILT.settings) -> list[Setting | str]:
    """The settings' lines from the top: a group's name or a setting."""
    lines: list[Setting | str] = []
    for setting in settings:
        if setting.group not in lines:
            lines.append(setting.group)
        lines.append(setting)
    return lines


LINES = config_lines()


def setting_row(setting: Setting, config: Configuration, width: int, *, at: bool, focused: bool) -> Row:
    """One setting: its name, and its value flush right between the marks of the arrows."""
    value = visible(setting.text(config))
    used = setting.used(config)
    label = visible(setting.label)
    length = max(4, min(len(value), width - len(label) - 6))
    value = fit(value, length, ">")
    ink = Ink.STRONG if used else Ink.DIM
    arrows = at and focused and setting.turns
    left, right = ("‹ ", " ›") if arrows else ("  ", "  ")
    name = (" " + label, Ink.PLAIN if used else Ink.DIM)
    if at and focused:
        ink = Ink.CURSOR_ROW
        space = max(0, width - len(label) - 1 - length - 4)
        text = f"▸{label}{' ' * space}{left}{value}{right}"
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
        self._config: Configuration | None = None
        self._knobs: Knobs | None = None
        self._lines: list[Setting | str] = LINES
        self._facts: list[Line] = []
        self._cursor = self._place_of("gain")  # what the program is about
        self._top = 0

    def compose(self) -> ComposeResult:
        yield self.sheet
        yield self.field

    @property
    def setting(self) -> Setting:
        line = self._lines[self._cursor]
        assert isinstance(line, Setting)
        return line

    @property
    def editing(self) -> bool:
        return bool(self.field.display)

    @property
    def _selectable(self) -> list[int]:
        return [index for index, line in enumerate(self._lines) if isinstance(line, Setting)]

    def _place_of(self, name: str) -> int:
        """The line of a setting, or the first setting's."""
        found = (i for i in self._selectable if getattr(self._lines[i], "name", "") == name)
        return next(found, self._selectable[0])

    @property
    def _shown(self) -> list[Line]:
        """All lines; the cursor stays above the facts."""
        return [*self._lines, *self._facts]

    def show(self, config: Configuration, facts: Sequence[Line] = (), knobs: Knobs = BUILT) -> None:
        """Show these settings, and facts below them."""
        if knobs is not self._knobs:
            at = self._lines[self._cursor]
            self._knobs, self._lines = knobs, config_lines(knobs.settings)
            self._cursor = self._place_of(at.name if isinstance(at, Setting) else "gain")
        self._config, self._facts = config, list(facts)
        self._draw()

    def say(self, rows: Sequence[Row]) -> None:
        """Show these rows: no setting here moves the network shown."""
        self._config = None
        width, height = self.sheet.size
        self.sheet.show([*rows, *[row(width)] * (height - len(rows))][:height])

    def _draw(self) -> None:
        if self._config is None:
            return
        width, height = self.sheet.size
        self._scroll(height)
        rows: list[Row] = []
        shown = self._shown
        for index in range(self._top, min(len(shown), self._top + height)):
            line = shown[index]
            if isinstance(line, str):
                rows.append(row(width, (visible(line), Ink.HEAD)))
            elif isinstance(line, Fact):
                rows.append(row(width, (f" {line.label}", Ink.DIM), right=[(f"{visible(line.value)}  ", Ink.DIM)]))
            else:
                at = index == self._cursor
                rows.append(setting_row(line, self._config, width, at=at, focused=self.has_focus or self.editing))
        below = len(shown) - self._top - height
        more = f"↓ {below} more" if below > 0 and height else ""
        if more != (self.border_subtitle or ""):  # setting it repaints the whole pane
            self.border_subtitle = more
        self.sheet.show(rows)
        if self.editing:
            self._place()

    def _scroll(self, height: int) -> None:
        if height <= 0:
            return
        heading = self._cursor - 1 if isinstance(self._lines[self._cursor - 1], str) else self._cursor
        count = len(self._lines) + len(self._facts)
        self._top = max(min(self._top, heading), self._cursor - height + 1)
        if self._cursor == self._selectable[-1]:  # the words below it come into sight
            self._top = min(self._cursor, max(self._top, count - height))
        self._top = max(0, min(self._top, count - height))

    def action_move(self, by: int) -> None:
        at = self._selectable.index(self._cursor)
        self._cursor = self._selectable[max(0, min(len(self._selectable) - 1, at + by))]
        self._draw()

    def point_at(self, name: str) -> None:
        """Put the cursor on a setting."""
        self._cursor = self._place_of(name)
        self._draw()

    def action_turn(self, by: int) -> None:
        if self._config is None:
            return
        value = self.setting.next(self._config, by)
        if value != self.setting.of(self._config):
            self.post_message(SettingChanged(self.setting.name, value))

    def action_edit(self) -> None:
        """Open the field over the value."""
        if self._config is None:
            return
        if isinstance(self.setting, Theirs):
            self.post_message(SettingChanged(self.setting.name, None))  # which says where it can be changed
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
        if spot.y < 0 or index not in self._selectable or self.editing:
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
        top = max(0, min(len(self._lines) + len(self._facts) - height, self._top + by))
        seen = [i for i in self._selectable if top <= i < top + height]
        if seen:
            self._top = top
            self._cursor = min(max(self._cursor, seen[0]), seen[-1])
            self._draw()


def strip_row(config: Configuration, width: int, knobs: Knobs = BUILT) -> Row:
    """The short config of a small screen: the settings that matter most, on one line."""
    pieces: list[Piece] = [" ", (f"{visible(knobs.title)}  " if knobs.title else "", Ink.PLAIN)]
    for name in knobs.brief:
        setting = knobs[name]
        label = "" if name in knobs.nameless else {"batch_size": "batch"}.get(name, visible(setting.label))
        pieces.append((f"{label} " if label else "", Ink.DIM))
        pieces.append((visible(setting.text(config)), Ink.STRONG))
        pieces.append(("  ", Ink.DIM))
    return row(width, *pieces)
