"""Networks that claims need, each trained once: lanes with equal stops train side by side in an engine."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...config.run import RunConfig
from ...stream import protocol
from ..pool import Job, Pool
from ..runs import Conversation, Progress, Result, RunError

LANES_AT_ONCE = 6  # in one engine: few, so that the engines end at about the same time


@dataclass(frozen=True)
class Wanted:
    """A network that a claim looks at.

    Args:
        changes: settings that differ from the base configuration.
        steps: minibatches to train.
        evaluate: measure the dev losses after them.
        inspect: look closer after them.
        few_words: train on a few of the words only.
    """

    changes: Mapping[str, Any] = field(default_factory=dict)
    steps: int = 0
    evaluate: bool = False
    inspect: bool = False
    few_words: bool = False


@dataclass(frozen=True)
class Halt:
    """What to measure where the clock stops, beyond the snapshot."""

    step: int
    evaluate: bool = False
    inspect: bool = False


@dataclass(frozen=True)
class Batch:
    """Lanes on the same data that stop at the same steps."""

    configs: tuple[RunConfig, ...]
    stops: tuple[Halt, ...]

    @property
    def cost(self) -> int:
        """About how long it takes, in steps of one matrix."""
        return self.stops[-1].step * sum(config.matrices for config in self.configs)


@dataclass
class Measured:
    """What came of the networks, by RunConfig.key."""

    results: dict[str, Result] = field(default_factory=dict)
    data: dict[str, protocol.DataInfo] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)  # of training and measuring


def batches(wanted: Sequence[tuple[RunConfig, Wanted]]) -> list[Batch]:
    """What has to run so that every lane is measured as wanted, each configuration once; the costliest first.

    The engine takes snapshots at 0, 1, 2, 5, 10, … by itself, so it stops where more is wanted, and at the end.
    """
    configs: dict[str, RunConfig] = {}
    stops: defaultdict[str, dict[int, Halt]] = defaultdict(dict)
    for config, lane in wanted:
        configs[config.key] = config
        there = stops[config.key].get(lane.steps, Halt(lane.steps))
        stops[config.key][lane.steps] = Halt(lane.steps, there.evaluate or lane.evaluate, there.inspect or lane.inspect)
    alike: defaultdict[tuple[str | None, tuple[Halt, ...]], list[RunConfig]] = defaultdict(list)
    for key, config in configs.items():
        at = [stops[key][step] for step in sorted(stops[key])]
        alike[config.data, tuple(stop for stop in at if stop.evaluate or stop.inspect or stop is at[-1])].append(config)
    made = [
        Batch(tuple(group[i : i + LANES_AT_ONCE]), at)
        for (_, at), group in alike.items()
        for i in range(0, len(group), LANES_AT_ONCE)
    ]
    return sorted(made, key=lambda batch: batch.cost, reverse=True)


def measure(wanted: Sequence[tuple[RunConfig, Wanted]], progress: Progress | None = None) -> Measured:
    """Train and measure every lane.

    Raises:
        ConfigError: the engine refuses a configuration or its data.
        RunError: an engine failed.
    """
    todo = batches(wanted)
    jobs = [Job(batch.configs, batch.stops[-1].step) for batch in todo]
    measured = Measured()
    for done in _Pool(jobs, progress=progress, batches=todo, measured=measured):
        if done.failure:
            raise RunError(done.failure)
        measured.results.update({result.config.key: result for result in done.results})
    return measured


@dataclass
class _Pool(Pool):
    """A pool whose jobs stop on the way to look closer."""

    batches: Sequence[Batch] = ()
    measured: Measured = field(default_factory=Measured)

    def train(self, session: Conversation, index: int) -> list[Result]:
        batch = self.batches[index]
        started = time.monotonic()
        session.results.clear()
        results = session.restart(batch.configs)
        for stop in batch.stops:
            if stop.step:
                session.advance(protocol.Advance(to=stop.step), lambda done, _: self.moved(index, done))
            if stop.evaluate:
                session.evaluate()
            if stop.inspect:
                session.inspect()
        # Matrices tell how the seconds divide: lanes of one batch take the same steps.
        share = (time.monotonic() - started) / sum(config.matrices for config in batch.configs)
        for config in batch.configs:
            assert session.data is not None
            self.measured.data[config.key] = session.data
            self.measured.seconds[config.key] = share * config.matrices
        return results
