"""Sweeps: the same network over gains, with and without batch norm, and over further settings if wanted.

Nothing here prints. A `Plan` says what to run, a `Sweep` runs it and hands over each cell as it is done,
and what it measured is kept, so that a sweep that was stopped goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Protocol

from ...config.configuration import Configuration
from ..pool import Done, EngineLine, Job, Pool
from ..runs import Progress
from .measures import Cell, Measures, measures
from .plan import Plan

MAX_LANES = 4  # of one job: they train side by side in one engine

Kept = MutableMapping[str, Measures]  # what was measured, by `key_of`


def key_of(config: Configuration, steps: int) -> str:
    """The name of a run of so many steps."""
    return f"{config.key}:{steps}"


class Executor(Protocol):
    """What runs jobs: a `Pool` of engine processes, or workers on other machines."""

    jobs: Sequence[Job]

    def width(self, device: str) -> int:
        """How many jobs run at once."""

    def __iter__(self) -> Iterator[Done]:
        """Jobs as they are done, with a Result or Measures for each of their configurations."""

    def stop(self) -> None:
        """End at once, from any thread."""


class Sweep:
    """Runs a plan; iterate once to get each cell as it is done.

    Args:
        plan: what to run.
        kept: runs that need not be repeated; every new one is added, so the same dictionary, given to the
            next sweep, lets it go on where this one was stopped, or serves a larger grid.
        processes: engine processes; by default one a core. The numbers do not depend on it.
        progress: told steps done and in all, by the thread that iterates.
        engine: another engine's command line.
        engines: command lines with counts, in place of `processes` and `engine`.
        warn: told in a sentence what a person should know, from any thread.
        executor: what runs the jobs, in place of all of these.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        kept: Kept | None = None,
        processes: int | None = None,
        progress: Progress | None = None,
        engine: Sequence[str] | None = None,
        engines: Sequence[EngineLine] = (),
        warn: Callable[[str], None] | None = None,
        executor: Executor | None = None,
    ) -> None:
        self.plan = plan
        self.kept: Kept = {} if kept is None else kept
        self._failures: dict[int, str] = {}
        missing = [
            (index, config)
            for index, point in enumerate(plan.points)
            for config in point.configs
            if self._key(config) not in self.kept
        ]
        self._pool: Executor = executor or Pool(
            jobs=[], processes=processes, progress=progress, engine=engine, engines=engines, warn=warn
        )
        lanes = max(1, min(MAX_LANES, len(missing) // (4 * self._pool.width(plan.base.device))))
        self._cell_of: list[int] = []
        jobs: list[Job] = []
        for index, group in groupby(missing, key=itemgetter(0)):
            configs = [config for _, config in group]
            for start in range(0, len(configs), lanes):
                jobs.append(Job(tuple(configs[start : start + lanes]), plan.steps))
                self._cell_of.append(index)
        self._pool.jobs = jobs

    def _key(self, config: Configuration) -> str:
        return key_of(config, self.plan.steps)

    def __iter__(self) -> Iterator[Cell]:
        """Cells as they are done, those that were kept first.

        Raises:
            ConfigError: an engine refuses a configuration, the data or the device.
        """
        reported = set()
        for index in range(len(self.plan.points)):
            if (cell := self.cell(index)) is not None:
                reported.add(index)
                yield cell
        for done in self._pool:
            index = self._cell_of[done.job]
            if done.failure:
                self._failures[index] = done.failure
            for config, result in zip(self._pool.jobs[done.job].configs, done.results, strict=bool(done.results)):
                run = result if isinstance(result, Measures) else measures(result, self.plan.steps)
                self.kept[self._key(config)] = run
            if index not in reported and (cell := self.cell(index)) is not None:
                reported.add(index)
                yield cell

    def cell(self, index: int) -> Cell | None:
        """The cell at a place of the plan, or None if it is not done."""
        point = self.plan.points[index]
        if failure := self._failures.get(index):
            return Cell(point, failure=failure)
        runs = [self.kept.get(self._key(config)) for config in point.configs]
        known = tuple(run for run in runs if run is not None)
        return Cell(point, known) if len(known) == len(runs) else None

    @property
    def cells(self) -> tuple[Cell, ...]:
        """All cells that are done, in the order of the grid."""
        return tuple(cell for index in range(len(self.plan.points)) if (cell := self.cell(index)) is not None)

    def stop(self) -> None:
        """End at once, from any thread; runs that were finished are kept."""
        self._pool.stop()


def run(plan: Plan, **options: Any) -> tuple[Cell, ...]:
    """All cells of a plan in the order of the grid; `options` as for Sweep."""
    sweep = Sweep(plan, **options)
    for _ in sweep:
        pass
    return sweep.cells
