"""The commands of this room, for `cli`."""

from __future__ import annotations

from .check import check
from .example import example
from .export import export
from .runs import runs
from .tail import tail

ALL = (check, example, export, runs, tail)
