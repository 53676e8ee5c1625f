"""The compare screen: several lanes side by side, and all that trains, steps or scrubs acts on every one of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType

from ...config.configuration import Configuration
from ...config.nonlinearities import LECTURE_GAINS
from ...config.values import ConfigError
from ...host.mishaps import mishap
from ...insight.look import Look
from ...plots import Row
from ...plots.ink import Ink, Piece, bar, row, visible, wrap
from ...session.actions import ACTIONS, BY_ID, COMPARE, COMPARE_ACTIONS, SHARED, Action
from ...session.changed import Changed, Commands
from ...session.session import Session
from ...views import VIEWS
from ...views.small import Choice
from ..bindings import bindings
from ..footer import COMPARED
from ..messages import ViewChosen
from ..panes.bars import KeyBar, NoticeBar, TabBar
from ..panes.config import strip_row
from ..panes.header import header_row
from ..sheets.sheet import Sheet
from ..training import TrainingScreen
from .drawing import Pictures, Place, Tile, arrange, grid_rows
from .grid import Comparison, Side, sides_of

SMALLEST = (40, 14)  # columns and rows of a window in which lanes can be compared
COMPARABLE = tuple((view, view.small) for view in VIEWS if view.small is not None)
TINY = "This window is too small to compare networks; c goes back."
ARROWS = {"left": (0, -1), "right": (0, 1), "up": (-1, 0), "down": (1, 0)}
BAR = 12  # cells of the bar that shows how far lanes have caught up


class CompareScreen(TrainingScreen[str]):
    """Small multiples of one view over several lanes. Dismisses with the id of the view that was shown."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings([BY_ID[name] for name in SHARED], without=("left", "right")),
        *bindings(COMPARE_ACTIONS),
    ]
    AUTO_FOCUS = ""
    keys_group = COMPARE

    def __init__(
        self, session: Session, tell: Callable[[Commands], None], view: str, sides: tuple[str, str] | None = None
    ) -> None:
        super().__init__()
        self.session = session
        self.actions: tuple[Action, ...] = (*COMPARE_ACTIONS, *(a for a in ACTIONS if a.id in SHARED))
        self.tell = tell
        self._view = next((i for i, (shown, _) in enumerate(COMPARABLE) if shown.id == view), 0)
        self._single = False  # one layer of each lane is shown, not all
        self._choosing: list[int] | None = (
            None  # indices into what can be a side: columns, rows; the last is which is turned
        )
        self._pictures = Pictures()
        self._selected = False
        self.header = Sheet(id="header")
        self.line = Sheet(id="sides")
        self.tabs = TabBar(id="tabs")
        self.sheet = Sheet(id="grid")
        self.keys = KeyBar(id="keys")
        self.bar = NoticeBar(id="bar")
        self._lanes: dict[Place, Configuration | str] = {}
        self._can_be = sides_of(session.knobs)
        self._arrange(Comparison.of(session.settings, *(sides or session.knobs.sides), session.knobs), session.config)

    def compose(self) -> ComposeResult:
        yield self.header
        yield self.line
        yield self.tabs
        yield self.sheet
        yield self.keys
        yield self.bar

    @property
    def sides(self) -> tuple[str, str]:
        """The settings in columns and in rows."""
        return self.grid.columns.name, self.grid.rows.name

    @property
    def picture_title(self) -> str:
        sides = " and ".join(self.session.knobs[name].label for name in self.sides if name)
        return f"{COMPARABLE[self._view][0].title} by {sides}, step {self.session.clock:,}"

    # ----------------------------------------------------------------------------------------- the lanes

    def _arrange(self, grid: Comparison, lane: Configuration) -> None:
        """Compare the lanes of this grid, around the schedule of a lane."""
        self.grid = Comparison(grid.columns, grid.rows, lane, grid.at)
        self._lanes = self.grid.lanes()

    def _select(self) -> Commands:
        """What the engine is told to have the lanes of the grid."""
        lanes = [config for config in self._lanes.values() if not isinstance(config, str)]
        self._selected = True
        pointed = self._lanes[self.grid.at]
        if not lanes:
            raise ConfigError("none of these networks can be")
        return self.session.compare(lanes, pointed if not isinstance(pointed, str) else lanes[0])

    def on_mount(self) -> None:
        if self in self.app.screen_stack:  # it was not closed at once
            self._do(self._select)

    def _follow(self) -> None:
        """A change of the lr, optimizer or batch size gives lanes new configurations; cells keep their lanes."""
        now = {config.key: config for config in self.session.group}
        if not now:
            return
        known = [config for config in self._lanes.values() if not isinstance(config, str)]
        if {config.key for config in known} == set(now):
            return
        # The order of the lanes stays.
        renamed = dict(zip(dict.fromkeys(config.key for config in known), self.session.group, strict=False))
        self._lanes = {
            place: renamed.get(config.key, config) if not isinstance(config, str) else config
            for place, config in self._lanes.items()
        }

    def _point(self, grid: Comparison) -> None:
        self.grid = grid
        config = self._lanes[grid.at]
        if not isinstance(config, str):
            self.session.point_at_lane(config)

    def _cell(self, place: Place) -> Tile:
        config, session = self._lanes[place], self.session
        if isinstance(config, str):
            return Tile(None, config)
        history = session.lanes.get(config.key)
        if history is None:
            return Tile(None, "the recording holds no such network" if session.recorded else "")
        past = session.pointer.past
        where = session.where.get(config.key)
        lane = Look.of(history, past, step=where.step if where is not None else None)
        snapshot = lane.snapshot
        if where is not None and where.diverged_at is not None and (past is None or past >= where.diverged_at):
            return Tile(lane, note=f"✗ diverged at {where.diverged_at:,}", bad=True)
        if past is not None:
            return Tile(lane, note=f"at step {snapshot.step:,}" if snapshot and snapshot.step != past else "")
        return Tile(lane, note=f"» step {lane.step:,}" if lane.step < session.clock else "")

    # ------------------------------------------------------------------------------------------- drawing

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self.draw)

    def on_screen_resume(self) -> None:
        self.draw()

    def draw(self, changed: Changed = Changed.ALL) -> None:
        """Draw what no longer tells the truth."""
        if not self.is_current or not self.is_mounted:
            return
        if self._selected and not self.session.group:  # the engine refused the lanes
            self._selected = False
            self.dismiss(COMPARABLE[self._view][0].id)
            return
        self._follow()
        with self.app.batch_update():
            width, height = self.size
            self.header.show([header_row(self.session, self.header.size.width)])
            self.line.show([self._line(self.line.size.width)])
            self.tabs.show_tabs([view.title for view, _ in COMPARABLE], self._view)
            self.keys.show_keys(running=self.session.running, actions=COMPARED)
            self.bar.tell(self.session, width)
            try:
                rows = self._grid_rows(*self.sheet.size)
            except Exception as error:
                sentence = visible(mishap("the networks cannot be drawn", error))
                rows = [row(width, (f" {line}", Ink.BAD)) for line in wrap(sentence, width - 2)]
            if (width, height) < SMALLEST or height < SMALLEST[1]:
                rows = [row(width, line) for line in wrap(TINY, width)]
            self.sheet.show(rows)

    def _grid_rows(self, width: int, height: int) -> list[Row]:
        _, small = COMPARABLE[self._view]
        pointer = self.session.pointer
        layer = pointer.layer if self._single or small.single else None
        cells = {place: self._cell(place) for place in self._lanes}
        choice = Choice(layer, pointer.log, pointer.colours, pointer.smoothing, pointer.scales)
        return grid_rows(self.grid, cells, small, choice, width, height, self._pictures)

    def _line(self, width: int) -> Row:
        """What is compared, what is shown of it, and how far lanes that are behind have come; or the chooser."""
        if self._choosing is not None:
            return self._chooser(width)
        pieces: list[Piece] = [" "]
        for word, side in (("columns ", self.grid.columns), ("  rows ", self.grid.rows)):
            pieces += [(word, Ink.DIM), (visible(side.setting.label) if side.setting else "–", Ink.STRONG)]
        arranged = arrange(self.grid.shape, self.grid.at, *self.sheet.size)
        for word, (first, count), of in (
            ("columns", arranged.columns, self.grid.shape[1]),
            ("rows", arranged.rows, self.grid.shape[0]),
        ):
            if count < of:
                pieces.append((f"  {word} {first + 1}–{first + count} of {of}", Ink.WARN))
        _, small = COMPARABLE[self._view]
        if small.layered and (self._single or small.single):
            pieces += [("  layer ", Ink.DIM), (f"{self.session.pointer.layer + 1}", Ink.STRONG)]
        right: list[Piece] = []
        behind, share = self._behind()
        group, lanes = self.session.group, self.session.lanes
        building = sum(config.key in lanes and lanes[config.key].shape is None for config in group)
        if building and self.session.rebuilds:  # a person's may take a while
            right = [(f"building {building} {'networks' if building > 1 else 'network'} … ", Ink.DIM)]
        elif behind:
            words = f"{behind} {'networks' if behind > 1 else 'network'} behind "
            right = [(words, Ink.DIM), *bar(share, BAR), (f" {share * 100:3.0f} % ", Ink.PLAIN)]
            right.append(("esc stops " if self.session.catching_up else "space goes on ", Ink.KEY))
        elif width >= 100:
            right = [(text, ink) for text, ink in _without_padding(strip_row(self._base(), 200, self.session.knobs))]
        return row(width, *pieces, right=right)

    def _base(self) -> Configuration:
        return self.session.settings

    def _behind(self) -> tuple[int, float]:
        """How many lanes have not reached the clock and still can, and what share of the way they have come."""
        where = [self.session.where.get(config.key) for config in self.session.group]
        steps = [here.step if here else 0 for here in where if here is None or here.diverged_at is None]
        clock = self.session.clock
        behind = [step for step in steps if step < clock]
        return len(behind), sum(behind) / (len(behind) * clock) if behind else 1.0

    def _chooser(self, width: int) -> Row:
        assert self._choosing is not None
        columns, rows, which = self._choosing
        pieces: list[Piece] = [" "]
        for index, (word, at) in enumerate((("columns", columns), ("rows", rows))):
            name = self._can_be[at]
            label = visible(self.session.knobs[name].label) if name else "nothing"
            ink = Ink.CURSOR_ROW if which == index else Ink.STRONG
            pieces += [(f"{word} ", Ink.DIM), (f"‹ {label} ›", ink), "   "]
        return row(width, *pieces, right=[("← → setting  ↑ ↓ columns or rows  enter  esc ", Ink.DIM)])

    # ------------------------------------------------------------------------------------------- actions

    def _change(self, name: str, value: Any) -> Commands:
        """Change a setting of all lanes. Raises ConfigError."""
        setting = self.session.knobs[name]
        if self.grid.varies(setting.name):
            raise ConfigError(f"{setting.label} is what is compared here; a chooses other columns or rows")
        if setting.changeable and self.session.clock:
            if self._behind()[0]:
                raise ConfigError(f"{name} can change once all networks have caught up")
            return self.session.change(name, value)
        self._arrange(self.grid, setting.put(self.session.config, value))
        return self._select()

    def _turn(self, name: str, direction: int) -> None:
        """The next value of a setting: another cell where it is a side, else for all lanes."""
        side = self._side(name)
        if side is not None:
            self._point(self.grid.turned(side.name, direction))
            self.session.hush()
            self.draw()
        else:
            super()._turn(name, direction)

    def _side(self, name: str) -> Side | None:
        """The side that varies what the key of a setting turns."""
        for side in (self.grid.columns, self.grid.rows):
            with suppress(ConfigError):  # nothing has that key: it says so when it is turned
                if side.setting is not None and side.name == self.session.knobs[name].name:
                    return side
        return None

    def action_reseed(self) -> None:
        if self.grid.varies("seed"):
            self._do(lambda: self._change("seed", 0))  # says why it cannot be
        else:
            super().action_reseed()

    def action_nudge(self, name: str, direction: int) -> None:
        super()._turn(name, direction)  # where it is a side it is refused

    def action_gain_to(self, index: int) -> None:
        gain = LECTURE_GAINS[index]
        side = self._side("gain")
        if side is not None and gain in side.values:
            place = list(self.grid.at)
            place[int(side is self.grid.columns)] = side.values.index(gain)
            self._point(self.grid.pointing(*place))
            self.draw()
            return
        super().action_gain_to(index)

    def action_view(self, by: int) -> None:
        self._view = (self._view + by) % len(COMPARABLE)
        self.session.hush()
        self.draw()

    @on(ViewChosen)
    def _view_chosen(self, event: ViewChosen) -> None:
        self._view = event.index
        self.draw()

    def action_time(self, direction: int) -> None:
        self.session.hush()
        self.session.move_time(direction)
        self.draw()

    def action_point(self, layers: int, units: int) -> None:
        now = self.session.snapshot()
        if now is not None:
            self.session.point(layer=layers, layers=len(now.activations), units=1)
        self.draw()

    def action_overlay(self) -> None:
        self._single = not self._single
        self.draw()

    def action_cell(self, key: str) -> None:
        if self._choosing is not None:
            rows, columns = ARROWS[key]
            which = self._choosing[2] = (self._choosing[2] + rows) % 2
            if columns:
                self._choosing[which] = (self._choosing[which] + columns) % len(self._can_be)
                if self._choosing[which] and self._choosing[which] == self._choosing[1 - which]:
                    self._choosing[which] = (self._choosing[which] + columns) % len(self._can_be)
        else:
            self.session.hush()
            self._point(self.grid.moved(*ARROWS[key]))
        self.draw()

    def action_sides(self) -> None:
        if self._choosing is not None:
            self._choosing = None
        else:
            self._choosing = [self._can_be.index(self.grid.columns.name), self._can_be.index(self.grid.rows.name), 0]
        self.draw()

    def action_open(self) -> None:
        if self._choosing is None:
            self.action_close()
            return
        columns, rows, _ = self._choosing
        self._choosing = None
        before = self.grid, self._lanes

        def choose() -> Commands:
            sides = self._can_be[columns], self._can_be[rows]
            self._arrange(Comparison.of(self.session.settings, *sides, self.session.knobs), self.session.config)
            return self._select()

        self._do(choose)
        if self.session.notice is not None:
            self.grid, self._lanes = before

    def action_leave(self) -> None:
        """One step back: from the chooser, from the past, from catching up, to the explorer."""
        if self._choosing is not None:
            self._choosing = None
            self.draw()
        elif self.session.pointer.past is not None:
            self.session.look_live()
            self.draw()
        elif self._behind()[0] and self.session.catching_up:
            self._do(self.session.pause)
        else:
            self.action_close()

    def action_close(self) -> None:
        """To the lane under the cursor."""
        view = COMPARABLE[self._view][0].id
        self.tell(self.session.look_alone())
        self._selected = False
        self.dismiss(view)


def _without_padding(line: Row) -> list[tuple[str, int]]:
    pieces = [(span.text, int(span.role)) for span in line]
    while pieces and not pieces[-1][0].strip():
        pieces.pop()
    return [*pieces, (" ", Ink.PLAIN)]
