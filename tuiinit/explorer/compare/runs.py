"""The compare screen of training runs that go on elsewhere: a column each, all at one step, rows by their names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType

from ...host.mishaps import mishap
from ...insight.beside import Beside, beside
from ...insight.look import Look
from ...plots import Row
from ...plots.ink import Ink, Piece, row, visible, wrap
from ...session.actions import ACTIONS, BY_ID, COMPARE, COMPARE_ACTIONS, COMPARED_RUNS, Action
from ...session.changed import Changed, Commands
from ...session.session import Session
from ...views.small import Choice
from ..bindings import bindings
from ..footer import RUNS
from ..messages import ViewChosen
from ..panes.bars import KeyBar, NoticeBar, TabBar
from ..panes.header import header_row
from ..sheets.sheet import Sheet
from ..training import TrainingScreen
from .drawing import Pictures, Tile, grid_rows
from .screen import COMPARABLE, SMALLEST, TINY

NAMES_TOLD = 3  # of rows that not all networks have


@dataclass(frozen=True)
class Titles:
    """What stands over the columns, or beside the rows."""

    names: tuple[str, ...]

    def label(self, index: int) -> str:
        return self.names[index]

    def value(self, index: int) -> str:
        return self.names[index]


@dataclass(frozen=True)
class Columns:
    """Networks next to one another, the one that is pointed at among them."""

    columns: Titles
    at: tuple[int, int]
    rows: Titles = Titles(("",))

    @property
    def shape(self) -> tuple[int, int]:
        return 1, len(self.columns.names)


class RunsScreen(TrainingScreen[str]):
    """One view of several runs' networks. Dismisses with the id of the view that was shown."""

    actions: ClassVar[tuple[Action, ...]] = (
        *(action for action in COMPARE_ACTIONS if action.id != "sides"),
        *(action for action in ACTIONS if action.id in COMPARED_RUNS),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings([BY_ID[name] for name in COMPARED_RUNS], without=("left", "right")),
        *bindings([action for action in COMPARE_ACTIONS if action.id != "sides"]),
    ]
    AUTO_FOCUS = ""
    keys_group = COMPARE

    def __init__(self, session: Session, tell: Callable[[Commands], None], view: str) -> None:
        super().__init__()
        self.session = session
        self.tell = tell
        self._view = next((i for i, (shown, _) in enumerate(COMPARABLE) if shown.id == view), 0)
        self._single = False  # one row of each network is shown, not all
        self._pictures = Pictures()
        self._beside: Beside | None = None  # the last one, while it is still true
        self.header = Sheet(id="header")
        self.line = Sheet(id="sides")
        self.tabs = TabBar(id="tabs")
        self.sheet = Sheet(id="grid")
        self.keys = KeyBar(id="keys")
        self.bar = NoticeBar(id="bar")

    def compose(self) -> ComposeResult:
        yield self.header
        yield self.line
        yield self.tabs
        yield self.sheet
        yield self.keys
        yield self.bar

    @property
    def view_title(self) -> str:
        return COMPARABLE[self._view][0].title

    @property
    def _lanes(self) -> list[str]:
        return [key for key, history in self.session.lanes.items() if history.shape is not None]

    @property
    def _at(self) -> int:
        lanes = self._lanes
        return lanes.index(self.session.key) if self.session.key in lanes else 0

    # ------------------------------------------------------------------------------------------- drawing

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self.draw)

    def on_screen_resume(self) -> None:
        self.draw()

    def draw(self, changed: Changed = Changed.ALL) -> None:
        """Draw what no longer tells the truth."""
        if not self.is_current or not self.is_mounted:
            return
        with self.app.batch_update():
            width, height = self.size
            self.header.show([header_row(self.session, self.header.size.width)])
            self.tabs.show_tabs([view.title for view, _ in COMPARABLE], self._view)
            self.keys.show_keys(running=False, actions=RUNS)
            self.bar.tell(self.session, width)
            try:
                rows = self._grid_rows(*self.sheet.size)
            except Exception as error:
                sentence = visible(mishap("the networks cannot be drawn", error))
                rows = [row(width, (f" {line}", Ink.BAD)) for line in wrap(sentence, width - 2)]
            if (width, height) < SMALLEST or height < SMALLEST[1]:
                rows = [row(width, line) for line in wrap(TINY, width)]
            self.line.show([self._line(self.line.size.width)])
            self.sheet.show(rows)

    def _grid_rows(self, width: int, height: int) -> list[Row]:
        _, small = COMPARABLE[self._view]
        pointer, lanes = self.session.pointer, self._lanes
        histories = [self.session.lanes[lane] for lane in lanes]
        aligned = not small.curved  # curves have a column a matrix, in the network's own order
        self._beside = beside(histories, pointer.past, aligned=aligned, before=self._beside)
        layer = pointer.layer if self._single or small.single else None
        columns = Columns(Titles(tuple(map(self._title, lanes))), (0, self._at))
        tiles = {(0, j): self._tile(look) for j, look in enumerate(self._beside.looks)}
        choice = Choice(layer, pointer.log, pointer.colours)
        return grid_rows(columns, tiles, small, choice, width, height, self._pictures)

    def _title(self, lane: str) -> str:
        attached = self.session.attached
        pulse = attached.of(lane) if attached is not None else None
        if pulse is None:
            return lane
        return pulse.name if len(pulse.lanes) < 2 else f"{pulse.name}: {lane}"

    def _tile(self, look: Look) -> Tile:
        step = self._beside.step if self._beside is not None else 0
        if look.snapshot is None:
            return Tile(None, f"nothing was measured up to step {step:,}")
        return Tile(look, note=f"at step {look.snapshot.step:,}" if look.snapshot.step != step else "")

    def _line(self, width: int) -> Row:
        """At which step the networks are, which row is shown, and which rows not all of them have."""
        found = self._beside
        if found is None or not found.looks:
            return row(width, (" no run has measured a step yet", Ink.DIM))
        pieces: list[Piece] = [(" all at step ", Ink.DIM), (f"{found.step:,}", Ink.STRONG)]
        _, small = COMPARABLE[self._view]
        snapshot = found.looks[self._at].snapshot
        if small.layered and (self._single or small.single) and snapshot is not None and snapshot.activations:
            at = min(self.session.pointer.layer, len(snapshot.activations) - 1)
            pieces += [("  row ", Ink.DIM), (visible(snapshot.activations[at].layer), Ink.STRONG)]
        if found.apart and not small.curved and not found.aligned:
            pieces.append(("  no row has one name in all", Ink.WARN))
        elif found.apart and not small.curved:
            names = ", ".join(found.apart[:NAMES_TOLD]) + (", …" if len(found.apart) > NAMES_TOLD else "")
            pieces.append((f"  not in all: {visible(names)}", Ink.WARN))
        return row(width, *pieces)

    # ------------------------------------------------------------------------------------------- actions

    def action_measure(self) -> None:
        self._do(self.session.measure)

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
        if direction < 0 and self.session.pointer.past is None and self._beside is not None:
            self.session.pointer.past = self._beside.step  # the one that is ahead goes back from where both are
        self.session.move_time(direction)
        self.draw()

    def action_point(self, layers: int, units: int) -> None:
        snapshot = self._beside.looks[self._at].snapshot if self._beside is not None and self._beside.looks else None
        if snapshot is not None:
            self.session.point(layer=layers, layers=len(snapshot.activations), units=1)
        self.draw()

    def action_overlay(self) -> None:
        self._single = not self._single
        self.draw()

    def action_scale(self) -> None:
        self.session.hush()
        self.session.say(self.session.pointer.turn_scale())
        self.draw()

    def action_cell(self, key: str) -> None:
        lanes, by = self._lanes, {"left": -1, "right": 1}.get(key, 0)
        if lanes:
            self.session.watch(lanes[max(0, min(len(lanes) - 1, self._at + by))])
        self.session.hush()
        self.draw()

    def action_open(self) -> None:
        self.action_close()

    def action_leave(self) -> None:
        if self.session.pointer.past is not None:
            self.session.look_live()
            self.draw()
        else:
            self.action_close()

    def action_close(self) -> None:
        """To the run under the cursor."""
        self.dismiss(COMPARABLE[self._view][0].id)
