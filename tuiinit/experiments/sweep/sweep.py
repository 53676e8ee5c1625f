"""Sweeps: the same network over gains, with and without batch norm, and over further settings if wanted.

Nothing here prints. A `Plan` says what to run, a `Sweep` runs it and hands over each cell as it is done,
and what it measured is kept, so that a sweep that was stopped goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping, Sequence
from typing import Any, Protocol

from ...config.configuration import Configuration
from ...config.memory import stackable
from ...config.run import RunConfig, kind_of
from ..pool import Done, EngineLine, Job, Pool
from ..runs import Progress
from .measures import Cell, Measures, measures
from .plan import Plan

MAX_LANES = 4  # of one job: they train side by side in one engine
MAX_STACKED = 8  # where they are small networks of one shape, whose steps an engine takes together
CLASSES = 27  # of a vocabulary, for the size of a network

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
        share = max(1, len(missing) // (4 * self._pool.width(plan.base.device)))
        parts: list[list[tuple[int, Configuration]]] = []
        for alike in _alike(missing):
            small = isinstance(alike[0][1], RunConfig) and stackable(alike[0][1], CLASSES)
            lanes = min(share, MAX_STACKED if small else MAX_LANES)
            parts += [alike[start : start + lanes] for start in range(0, len(alike), lanes)]
        parts.sort(key=lambda part: part[0][0])
        self._cells_of = [list(dict.fromkeys(index for index, _ in part)) for part in parts]
        self._pool.jobs = [Job(tuple(config for _, config in part), plan.steps) for part in parts]

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
            cells = self._cells_of[done.job]
            if done.failure:
                self._failures.update(dict.fromkeys(cells, done.failure))
            for config, result in zip(self._pool.jobs[done.job].configs, done.results, strict=bool(done.results)):
                run = result if isinstance(result, Measures) else measures(result, self.plan.steps)
                self.kept[self._key(config)] = run
            for index in cells:
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


def _alike(missing: Sequence[tuple[int, Configuration]]) -> list[list[tuple[int, Configuration]]]:
    """Runs that an engine can train as a stack, together; of a person's own networks those of one cell."""
    groups: dict[object, list[tuple[int, Configuration]]] = {}
    for index, config in missing:
        kind = kind_of(config) if isinstance(config, RunConfig) and stackable(config, CLASSES) else index
        groups.setdefault(kind, []).append((index, config))
    return list(groups.values())


def run(plan: Plan, **options: Any) -> tuple[Cell, ...]:
    """All cells of a plan in the order of the grid; `options` as for Sweep."""
    sweep = Sweep(plan, **options)
    for _ in sweep:
        pass
    return sweep.cells
