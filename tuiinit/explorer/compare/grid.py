"""Which lanes are compared: one setting in columns, one in rows, all others as in the lane at hand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ...config.knobs import BY_NAME, SETTINGS
from ...config.run import RunConfig
from ...config.schedule import CHANGEABLE
from ...config.values import ConfigError
from ...plots import choose

MOST = 6  # values of a side
NOTHING = ""  # the name of a side that varies nothing
# Settings that can be a side: those with values worth comparing.
SIDES = (NOTHING, *(setting.name for setting in SETTINGS if setting.comparable))


@dataclass(frozen=True)
class Side:
    """A setting and its values, in the order in which they are shown."""

    name: str
    values: tuple[Any, ...]

    def label(self, index: int) -> str:
        """A value in words: gain 5/3, batch norm on."""
        if not self.name:
            return ""
        return f"{BY_NAME[self.name].label} {self.value(index)}"

    def value(self, index: int) -> str:
        """A value alone: 5/3, on."""
        return BY_NAME[self.name].show(self.values[index]) if self.name else ""


def side(name: str, config: RunConfig) -> Side:
    """The side that varies a setting: values worth comparing, the present one always among them."""
    if not name:
        return Side(NOTHING, (None,))
    now, values = getattr(config, name), BY_NAME[name].compared(config)
    chosen = [values[i] for i in choose(len(values), MOST)]
    if now not in chosen:
        if now in values:  # left out for want of room: in the place of the one before it
            chosen[sum(value in chosen for value in values[: values.index(now)]) - 1] = now
        else:
            chosen = _with(chosen, now)
    return Side(name, tuple(chosen))


def _with(values: list[Any], now: Any) -> list[Any]:
    """The same values and one more, in its place where there is an order."""
    size = len if isinstance(now, tuple) and all(isinstance(part, int) for part in now) else None
    if size is not None:
        return sorted([*values, now], key=lambda value: (size(value), value))
    if isinstance(now, int | float) and all(isinstance(value, int | float) for value in values):
        return sorted([*values, now])
    return [*values, now]


@dataclass(frozen=True)
class Comparison:
    """What is compared, and the cell that is pointed at as (row, column)."""

    columns: Side
    rows: Side
    base: RunConfig
    at: tuple[int, int] = (0, 0)

    @classmethod
    def of(cls, config: RunConfig, columns: str = "gain", rows: str = "bn") -> Comparison:
        """The grid around a lane; it points at that lane, or at what is nearest to it."""
        grid = cls(side(columns, config), side(rows, config), config)
        row, column = (_nearest(s, config) for s in (grid.rows, grid.columns))
        return replace(grid, at=(row, column))

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.rows.values), len(self.columns.values)

    def config(self, row: int, column: int) -> RunConfig:
        """The configuration of a cell. Raises ConfigError if it cannot be."""
        config = self.base
        for name, value in ((self.rows.name, self.rows.values[row]), (self.columns.name, self.columns.values[column])):
            if name in CHANGEABLE:
                config = config.changed(0, name, value)
            elif name:
                config = config.replace(**{name: value})
        return config

    def lanes(self) -> dict[tuple[int, int], RunConfig | str]:
        """What each cell holds: a configuration, or why it cannot be."""
        cells: dict[tuple[int, int], RunConfig | str] = {}
        for row in range(self.shape[0]):
            for column in range(self.shape[1]):
                try:
                    cells[row, column] = self.config(row, column)
                except ConfigError as error:
                    cells[row, column] = str(error)
        return cells

    def varies(self, name: str) -> bool:
        """Whether a setting is one of the sides."""
        return name in (self.rows.name, self.columns.name)

    def moved(self, rows: int, columns: int) -> Comparison:
        """The same, pointing at a neighbour; it stays at the edges."""
        (row, column), (last_row, last_column) = self.at, self.shape
        return self.pointing(max(0, min(row + rows, last_row - 1)), max(0, min(column + columns, last_column - 1)))

    def pointing(self, row: int, column: int) -> Comparison:
        """The same, pointing at that cell."""
        return replace(self, at=(row, column))

    def turned(self, name: str, by: int) -> Comparison:
        """Pointing at the next value of one of the sides, around the corner at the end."""
        row, column = self.at
        if self.rows.name == name:
            return self.pointing((row + by) % self.shape[0], column)
        return self.pointing(row, (column + by) % self.shape[1])


def _nearest(side: Side, config: RunConfig) -> int:
    if not side.name:
        return 0
    now = getattr(config, side.name)
    if now in side.values:
        return side.values.index(now)
    if isinstance(now, tuple):  # how many layers, or how large their biases are
        size = len if side.name == "hidden" else sum
        return min(range(len(side.values)), key=lambda i: abs(size(side.values[i]) - size(now)))
    if isinstance(now, int | float):
        return min(range(len(side.values)), key=lambda i: abs(side.values[i] - now))
    return 0
