"""Which lanes are compared: one setting in columns, one in rows, all others as in the lane at hand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ...config.configuration import Configuration
from ...config.knobs import Setting
from ...config.values import ConfigError
from ...plots import choose
from ...session.knobs import BUILT, Knobs

MOST = 6  # values of a side
NOTHING = ""  # the name of a side that varies nothing


def sides_of(knobs: Knobs) -> tuple[str, ...]:
    """Settings that can be a side: those with values worth comparing."""
    return (NOTHING, *(setting.name for setting in knobs.settings if setting.comparable))


SIDES = sides_of(BUILT)


@dataclass(frozen=True)
class Side:
    """A setting and its values, in the order in which they are shown."""

    name: str
    values: tuple[Any, ...]
    setting: Setting | None = None

    def label(self, index: int) -> str:
        """A value in words: gain 5/3, batch norm on."""
        return f"{self.setting.label} {self.value(index)}" if self.setting is not None else ""

    def value(self, index: int) -> str:
        """A value alone: 5/3, on."""
        return self.setting.show(self.values[index]) if self.setting is not None else ""

    def put(self, config: Configuration, index: int) -> Configuration:
        """A configuration with a value of this side. Raises ConfigError if that cannot be."""
        if self.setting is None:
            return config
        put: Configuration = self.setting.put(config, self.values[index])
        return put


def side(name: str, config: Configuration, knobs: Knobs = BUILT) -> Side:
    """The side that varies a setting: values worth comparing, the present one always among them."""
    if not name:
        return Side(NOTHING, (None,))
    setting = knobs[name]
    now, values = setting.of(config), setting.compared(config)
    chosen = [values[i] for i in choose(len(values), MOST)]
    if now not in chosen:
        if now in values:  # left out for want of room: in the place of the one before it
            chosen[sum(value in chosen for value in values[: values.index(now)]) - 1] = now
        else:
            chosen = _with(chosen, now)
    return Side(setting.name, tuple(chosen), setting)


def _with(values: list[Any], now: Any) -> list[Any]:
    """The same values and one more, in its place where there is an order."""
    size = len if isinstance(now, tuple) and all(isinstance(part, int) for part in now) else None
    if size is not None:
        return sorted([*values, now], key=lambda value: (size(value), value))
    if isinstance(now, int | float) and all(isinstance(value, int | float | None) for value in values):
        return sorted([*values, now], key=lambda value: (value is not None, value or 0))
    return [*values, now]


@dataclass(frozen=True)
class Comparison:
    """What is compared, and the cell that is pointed at as (row, column)."""

    columns: Side
    rows: Side
    base: Configuration
    at: tuple[int, int] = (0, 0)

    @classmethod
    def of(cls, config: Configuration, columns: str = "gain", rows: str = "bn", knobs: Knobs = BUILT) -> Comparison:
        """The grid around a lane; it points at that lane, or at what is nearest to it."""
        grid = cls(side(columns, config, knobs), side(rows, config, knobs), config)
        row, column = (_nearest(s, config) for s in (grid.rows, grid.columns))
        return replace(grid, at=(row, column))

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.rows.values), len(self.columns.values)

    def config(self, row: int, column: int) -> Configuration:
        """The configuration of a cell. Raises ConfigError if it cannot be."""
        return self.columns.put(self.rows.put(self.base, row), column)

    def lanes(self) -> dict[tuple[int, int], Configuration | str]:
        """What each cell holds: a configuration, or why it cannot be."""
        cells: dict[tuple[int, int], Configuration | str] = {}
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


def _nearest(side: Side, config: Configuration) -> int:
    if side.setting is None:
        return 0
    now = side.setting.of(config)
    if now in side.values:
        return side.values.index(now)
    if isinstance(now, tuple):  # how many layers, or how large their biases are
        size = len if side.name == "hidden" else sum
        return min(range(len(side.values)), key=lambda i: abs(size(side.values[i]) - size(now)))
    if isinstance(now, int | float) and None not in side.values:
        return min(range(len(side.values)), key=lambda i: abs(side.values[i] - now))
    return 0
