"""A sweep beside the explorer: its settings, and the thread that runs it on engines of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from ...config.configuration import Configuration
from ...config.nonlinearities import NONLINEARITIES
from ...config.parameters import Parameter
from ...config.values import ConfigError, format_number
from ...experiments.sweep.measures import Cell
from ...experiments.sweep.plan import Axis, Plan, parse_gains
from ...experiments.sweep.sweep import Kept, Sweep
from ...host.mishaps import mishap
from ...session.knobs import BUILT, Knobs

STOP_SECONDS = 0.8  # that stopping waits for the threads to end; their engines are killed at once

# Each about evenly spaced in log, with the lecture's four among them.
GAINS = ("0.5,1,5/3,3", "0.3,0.5,0.7,1,1.3,5/3,2.2,3,5", "0.1,0.2,0.3,0.5,0.7,1,1.3,5/3,2.2,3,5,7,10")
OWN_GAINS = ("0.5,1,1.41421356,5/3,3", *GAINS[1:])
STEPS = (50, 100, 200, 300, 500, 1_000, 2_000, 5_000)
SEEDS = (1, 2, 3, 5, 10)
AXES: tuple[tuple[Axis, ...], ...] = (
    (),
    (Axis("depth", (2, 5, 10, 20)),),
    (Axis("width", (30, 100, 200)),),
    (Axis("nonlinearity", NONLINEARITIES),),
    (Axis("lr", (0.01, 0.0316, 0.1, 0.316, 1.0)),),
)


@dataclass
class Choice:
    """One thing that can be chosen before a sweep: its name, its values, and which one is taken."""

    name: str
    values: tuple[Any, ...]
    at: int

    @property
    def value(self) -> Any:
        """The value that is taken."""
        return self.values[self.at]

    @property
    def text(self) -> str:
        """The value in words."""
        if self.name == "gains":
            gains = parse_gains(self.value)
            return f"{format_number(gains[0])} … {format_number(gains[-1])}, {len(gains)} values"
        if self.name == "second axis":
            return ", ".join(f"{axis.name}, {len(axis.values)} values" for axis in self.value) or "none"
        return f"{self.value:,}"


def own_axes(knobs: Knobs) -> Iterator[Axis]:
    """What a sweep of a person's network can vary beside the gain: parameters with a few values, and the lr."""
    for setting in knobs.settings:
        name = setting.parameter if isinstance(setting, Parameter) else setting.name
        values = tuple(value for value in setting.worth or () if value is not None)
        if (isinstance(setting, Parameter) or name == "lr") and name != "gain" and len(values) > 1:
            yield Axis(name, values)


class Running(Protocol):
    """What runs a plan: `sweep.Sweep`, or its like in a test."""

    cells: tuple[Cell, ...]

    def __iter__(self) -> Iterator[Cell]: ...
    def stop(self) -> None: ...


Start = Callable[..., Running]


@dataclass
class Sweeping:
    """What is swept and what came out so far. Everything measured is kept, so a stopped sweep goes on where it was."""

    start_sweep: Start = Sweep  # type: ignore[assignment]  # its cells are a property
    choices: tuple[Choice, ...] = field(
        default_factory=lambda: (
            Choice("gains", GAINS, 1),
            Choice("steps", STEPS, 3),
            Choice("seeds", SEEDS, 2),
            Choice("second axis", AXES, 0),
        )
    )
    knobs: Knobs = BUILT  # of the network that is swept
    kept: Kept = field(default_factory=dict)
    plan: Plan | None = None
    cells: tuple[Cell, ...] = ()
    problem: str = ""
    done: int = 0  # steps of this run
    total: int = 0
    _thread: threading.Thread | None = None
    _running: Running | None = None
    _began: float | None = None
    version: int = 0  # grows with everything there is to draw

    @classmethod
    def over(cls, knobs: Knobs, kept: Kept | None = None) -> Sweeping:
        """A sweep of the network with these knobs; what was measured of it before serves again."""
        if knobs is BUILT:
            return cls(kept=kept or {})
        choices = (
            Choice("gains", OWN_GAINS, 0),
            Choice("steps", STEPS, 1),  # a person's network may be slow
            Choice("seeds", SEEDS, 1),
            Choice("second axis", ((), *((axis,) for axis in own_axes(knobs))), 0),
        )
        return cls(choices=choices, knobs=knobs, kept=kept or {})

    @property
    def running(self) -> bool:
        """Whether engines are at work."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def finished(self) -> bool:
        """Whether every cell of the plan is done."""
        return self.plan is not None and len(self.cells) == len(self.plan.points)

    @property
    def seconds_left(self) -> float | None:
        """How long it will take at the pace so far; None before there is one."""
        if not self.running or self._began is None or not self.done:
            return None
        return (time.monotonic() - self._began) * (self.total - self.done) / self.done

    def planned(self, base: Configuration) -> Plan:
        """The plan as chosen, around a configuration. Raises ConfigError."""
        gains, steps, seeds, axes = (choice.value for choice in self.choices)
        return Plan(base.replace(schedule=()), parse_gains(gains), steps, axes=axes, seeds=seeds)

    def prepare(self, base: Configuration) -> None:
        """Look at what is known of the plan as chosen. Raises ConfigError."""
        self.plan = self.planned(base)
        self.cells = Sweep(self.plan, kept=self.kept).cells
        self.problem = ""
        self.version += 1

    def turn(self, index: int, by: int, base: Configuration) -> None:
        """Choose the next value. Raises ConfigError, and then nothing has changed."""
        if self.running:
            raise ConfigError("the sweep runs: space stops it")
        choice = self.choices[index]
        before = choice.at
        choice.at = (before + by) % len(choice.values)
        try:
            self.prepare(base)
        except ConfigError:
            choice.at = before
            raise

    def start(self) -> None:
        """Run what is missing, on engines of its own and a thread of its own."""
        if self.running or self.plan is None or self.finished:
            return
        self.done, self.total, self._began, self.problem = 0, 0, None, ""
        running = self._running = self.start_sweep(self.plan, kept=self.kept, progress=self._progress)
        self._thread = threading.Thread(target=self._run, args=(running,), name="sweeps", daemon=True)
        self._thread.start()
        self.version += 1

    def _progress(self, done: int, total: int) -> None:
        if self._began is None:
            self._began = time.monotonic()
        self.done, self.total = done, total
        self.version += 1

    def _run(self, running: Running) -> None:
        try:
            for _ in running:
                self.cells = running.cells
                self.version += 1
            self.cells = running.cells
        except (ConfigError, RuntimeError) as error:
            self.problem = str(error)
        except Exception as error:
            self.problem = mishap("the sweep failed", error)
        self.version += 1

    def end(self) -> None:
        """Kill the engines now; the threads end soon after."""
        if self._running is not None:
            self._running.stop()

    def stop(self) -> None:
        """End the engines for certain, within a bounded time; runs that were finished are kept."""
        self.end()
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)
        self.version += 1
