"""The sweep screen: many gains at once, with and without batch norm, and which one to start from."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType

from ...config.configuration import Configuration
from ...config.values import ConfigError
from ...experiments.sweep.recommend import recommend
from ...host.mishaps import mishap
from ...plots import Row
from ...plots.ink import Ink, Piece, bar, fit, row, visible, wrap
from ...session.actions import ACTIONS, SWEEP, SWEEP_ACTIONS, SWEEP_SHARED, Action
from ..bindings import bindings
from ..messages import ViewChosen
from ..panes.bars import KeyBar, TabBar
from ..sheets.sheet import Sheet
from ..training import CommonScreen
from .plots import FIGURES, MARKS, NAMES, ROLES, figures, maps, over_gain, turned
from .sweeping import Sweeping

LOOK_SECONDS = 0.2  # between looks at how far the sweep is
BAR = 30  # cells of the progress bar, at most
MORE = "More steps, another lr or more seeds may tell otherwise: ← → ↑ ↓ choose them, space measures."
ADVICE = 8  # rows of the recommendation, at most
ARROWS = {"left": (-1, 0), "right": (1, 0), "up": (0, 1), "down": (0, -1)}


class SweepScreen(CommonScreen[Configuration | None]):
    """Runs a sweep on engines of its own while it is open. Dismisses with the configuration to look at, if any."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings([action for action in ACTIONS if action.id in SWEEP_SHARED], without=("left", "right")),
        *bindings(SWEEP_ACTIONS),
    ]
    AUTO_FOCUS = ""
    keys_group = SWEEP

    def __init__(self, sweeping: Sweeping, base: Configuration, pause: Callable[[], None]) -> None:
        super().__init__()
        self.actions = (*SWEEP_ACTIONS, *(action for action in ACTIONS if action.id in SWEEP_SHARED))
        self.sweeping = sweeping
        self._base = base
        self._pause = pause
        self._field = 0
        self._figure = 0
        self._log: bool | None = None  # whether axes are logarithmic, where a person chose
        self._said = ""
        self._drawn: tuple[object, ...] = ()
        self.line = Sheet(id="header")
        self.options = Sheet(id="sides")
        self.progress = Sheet(id="strip")
        self.tabs = TabBar(id="tabs")
        self.sheet = Sheet(id="grid")
        self.keys = KeyBar(id="keys")

    def compose(self) -> ComposeResult:
        yield self.line
        yield self.options
        yield self.progress
        yield self.tabs
        yield self.sheet
        yield self.keys

    def on_mount(self) -> None:
        try:
            self.sweeping.prepare(self._base)
        except ConfigError as error:
            self._said = str(error)
        self.set_interval(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        left = self.sweeping.seconds_left
        if self._drawn != (self.sweeping.version, self.sweeping.running, left and round(left)):
            self.draw()

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self.draw)

    def on_screen_resume(self) -> None:
        self.draw()

    # ------------------------------------------------------------------------------------------- drawing

    def draw(self) -> None:
        """Draw how things stand."""
        sweeping = self.sweeping
        if not self.is_current:
            return
        left = sweeping.seconds_left
        self._drawn = (sweeping.version, sweeping.running, left and round(left))
        with self.app.batch_update():
            width = self.size.width
            self.line.show([row(width, (" Sweep", Ink.STRONG), *self._rest(width))])
            self.options.show([self._options(width)])
            self.progress.show([self._progress(width)])
            self.tabs.show_tabs([figure.title for figure in figures(sweeping.cells)], self._figure)
            self.keys.show_keys(running=False, actions=self._footer())
            try:
                rows = self._rows(*self.sheet.size)
            except Exception as error:
                sentence = visible(mishap("the sweep cannot be drawn", error))
                rows = [row(width, (f" {line}", Ink.BAD)) for line in wrap(sentence, width - 2)]
            self.sheet.show(rows)

    def _footer(self) -> list[Action]:
        return [action for action in self.actions if action.footer]

    def _rest(self, width: int) -> list[Piece]:
        """What stays the same in every run."""
        knobs = self.sweeping.knobs
        swept = {knobs["gain"].name, "bn"}
        words = [knobs.title] if knobs.title else []
        for name in knobs.brief:
            if name not in swept:
                label = "" if name in knobs.nameless else {"batch_size": "batch"}.get(name, knobs[name].label)
                words.append(f"{label} {knobs[name].text(self._base)}".strip())
        return [
            ("  over the gain, all else as in the network at hand  " if width >= 100 else "  over the gain  ", Ink.DIM),
            (visible(", ".join(words)), Ink.PLAIN),
        ]

    def _options(self, width: int) -> Row:
        pieces: list[Piece] = []
        for index, choice in enumerate(self.sweeping.choices):
            ink = Ink.CURSOR_ROW if index == self._field else Ink.STRONG
            value = f"‹ {choice.text} ›" if index == self._field else f" {choice.text} "
            pieces += [(f" {choice.name} ", Ink.DIM), (value, ink)]
        return row(width, *pieces)

    def _progress(self, width: int) -> Row:
        sweeping = self.sweeping
        if sweeping.plan is None:
            return row(width, (f" {visible(self._said)}", Ink.WARN))
        done, of = len(sweeping.cells), len(sweeping.plan.points)
        share = done / of
        if sweeping.running and sweeping.total:
            # Cells that were known before count too; those under way by their steps.
            cell = sweeping.plan.steps * sweeping.plan.seeds
            share = max(share, 1 - (sweeping.total - sweeping.done) / (cell * of))
        pieces: list[Piece] = [" ", *bar(share, min(BAR, max(0, width - 60))), (f" {share * 100:3.0f} %", Ink.STRONG)]
        pieces.append((f"  {done} of {of} cells", Ink.PLAIN))
        if self._said or sweeping.problem:
            pieces.append((f"  {visible(self._said or sweeping.problem)}", Ink.WARN))
        elif sweeping.running:
            left = sweeping.seconds_left
            words = f"  {_minutes(left)} left" if left is not None else "  engines start …"
            pieces += [(f"{words:<16}", Ink.PLAIN), ("  space stops", Ink.KEY)]
        elif sweeping.finished:
            pieces.append(("  done  enter opens the recommended one", Ink.KEY))
        else:
            pieces.append(("  space goes on" if done else "  space starts", Ink.KEY))
        return row(width, *pieces)

    def _rows(self, width: int, height: int) -> list[Row]:
        plan, cells = self.sweeping.plan, self.sweeping.cells
        if plan is None or width < 20 or height < 4:
            return [row(width)] * height
        shown = turned(figures(cells)[self._figure], cells, self._log)
        advice = self._advice(width - 2, min(ADVICE, height // 3))
        legend: list[Piece] = [" "]
        for bn in plan.bn:
            legend.append((f"  {MARKS[bn]} {NAMES[bn]}", ROLES[bn]))
        space = height - len(advice) - 1
        empty = "no cell is done yet" if self.sweeping.running else "space starts the sweep"
        shades = min(space // 2, 3 * len(plan.dimensions[-1].values) + 2) if plan.axes else 0
        rows = [*over_gain(plan, cells, shown, width, space - shades, empty).rows, row(width, *legend)]
        if shades:
            rows += maps(plan, cells, shown, width, shades).rows
        return [*rows, *(row(width, " ", (line, Ink.STRONG if not i else Ink.PLAIN)) for i, line in enumerate(advice))]

    def _advice(self, width: int, most: int) -> list[str]:
        """The recommendation on so many lines at most, as what is known so far until all cells are done.

        What it cannot know, and how to find out, stands last and stays where the rest is cut.
        """
        sweeping = self.sweeping
        if not sweeping.cells:
            return []
        text = recommend(sweeping.cells).text
        lines = wrap(visible(text if sweeping.finished else f"So far: {text}"), width)
        more = wrap(MORE, width) if sweeping.finished else []
        room = max(1, most - len(more))
        if len(lines) > room:
            lines = [*lines[: room - 1], fit(f"{lines[room - 1]} …", width).rstrip()]
        return [*lines, *more][:most]

    # ------------------------------------------------------------------------------------------- actions

    def _do(self, act: Callable[[], None]) -> None:
        self._said = ""
        try:
            act()
        except ConfigError as error:
            self._said = str(error)
        except Exception as error:
            self._said = mishap("that did not work", error)
        self.draw()

    def action_sweep_run(self) -> None:
        if self.sweeping.running:
            self._do(self.sweeping.stop)
        else:
            self._pause()  # two trainings at once would fight for the cores
            self._do(self.sweeping.start)

    def action_field(self, key: str) -> None:
        fields, values = ARROWS[key]
        if fields:
            self._field = (self._field + fields) % len(self.sweeping.choices)
            self._do(lambda: None)
        else:
            self._do(lambda: self.sweeping.turn(self._field, values, self._base))

    def action_view(self, by: int) -> None:
        self._figure = (self._figure + by) % len(FIGURES)
        self.draw()

    def action_scale(self) -> None:
        self._log = {None: True, True: False, False: None}[self._log]
        kind = {None: "as fits each figure", True: "logarithmic where values are above 0", False: "linear"}[self._log]
        self._said = f"Scales: {kind}."
        self.draw()

    @on(ViewChosen)
    def _view_chosen(self, event: ViewChosen) -> None:
        self._figure = event.index
        self.draw()

    def action_take(self) -> None:
        """To the explorer, with the recommended network."""
        best = recommend(self.sweeping.cells).overall if self.sweeping.cells else None
        if best is None:
            self._said = "nothing to recommend yet"
            self.draw()
            return
        self.sweeping.stop()
        self.dismiss(best.cell.point.configs[0])

    def action_close(self) -> None:
        """Stop, keep what was measured, and go back."""
        self.sweeping.stop()
        self.dismiss(None)


def _minutes(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}"
