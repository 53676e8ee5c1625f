"""The commands of this room, for `cli`."""

from __future__ import annotations

from .check import check
from .claims import claims
from .example import example
from .explore import explore
from .export import export
from .report import report
from .run import run
from .runs import runs
from .sweep import sweep
from .tail import tail

ALL = (run, sweep, claims, report, check, example, explore, export, runs, tail)
