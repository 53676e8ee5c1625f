"""Many lanes, one clock: lanes are selected, catch up to the clock, run in step, and are kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence

import torch

from ..config.memory import Need, needed
from ..config.run import RunConfig
from ..config.values import ConfigError
from ..data import words
from ..stream.protocol import Lane
from .clock import Clock
from .minibatches import Dataset
from .quick.compiled import Compiler
from .room import make_room
from .trainer import Trainer

KEPT_LANES = 24  # lanes that are not selected and still kept, the longest unused dropped first


def device_of(name: str) -> torch.device:
    """The device that a configuration asks for.

    Raises:
        ConfigError: it isn't there.
    """
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise ConfigError("device cuda: PyTorch finds no CUDA device here; use --device cpu")
    return torch.device("cuda")


def lane_frame(lane: Trainer, continues: str | None = None) -> Lane:
    """What the stream tells of a lane: its shape, and its configuration."""
    return Lane(lane=lane.config.key, shape=lane.network.shape, config=lane.config, continues=continues)


class Datasets:
    """Word lists by file, column and context length, read once."""

    def __init__(self) -> None:
        self._texts: dict[tuple[str | None, int, str | None], words.Text] = {}
        self._datasets: dict[tuple[str | None, int, str | None, torch.device], Dataset] = {}

    def get(self, config: RunConfig, device: torch.device) -> Dataset:
        """The configuration's data on a device. Raises DataError."""
        key = (config.data, config.context, config.column)
        if key not in self._texts:
            self._texts[key] = words.load(*key)
        if (*key, device) not in self._datasets:
            self._datasets[*key, device] = Dataset.of(self._texts[key], device)
        return self._datasets[*key, device]


class Lanes:
    """The lanes of an engine, which follow one clock.

    Args:
        clock: where the selected lanes are, or catch up to.
        compiler: compiles their steps; None leaves them plain.
    """

    def __init__(self, clock: Clock, compiler: Compiler | None = None) -> None:
        self._clock = clock
        self.selected: list[Trainer] = []
        self._lanes: OrderedDict[str, Trainer] = OrderedDict()  # the longest unused first
        self._datasets = Datasets()
        self._compiler = compiler

    def quicken(self) -> None:
        """Let the selected lanes go on by quicker steps where there are some by now."""
        for lane in self.selected:
            lane.quicken(self._compiler)

    @property
    def quick(self) -> str:
        """How the selected lanes' steps are made quicker, or that a compiler works on it; or empty."""
        ways = {lane.quick for lane in self.moving()}
        if "" not in ways:
            return ", ".join(sorted(ways))
        if self._compiler is None:
            return ""
        return "compiling" if self._compiler.working else self._compiler.refused and f"plain: {self._compiler.refused}"

    def select(self, configs: Iterable[RunConfig]) -> list[Trainer]:
        """Select lanes, in order; those not there yet begin at step 0. Gives back the new ones.

        Raises:
            ConfigError, DataError: a lane cannot be; the selection stays as it was.
        """
        configs = list(configs)
        self._make_room(configs)
        return self._select(configs)

    def _select(self, configs: Iterable[RunConfig]) -> list[Trainer]:
        chosen: dict[str, Trainer] = {}
        new = []
        for config in configs:
            lane = self._lanes.get(config.key) or chosen.get(config.key)
            if lane is None or lane.step > self._clock.now:
                lane = self._begin(config)
                new.append(lane)
            chosen[config.key] = lane
        self._lanes.update(chosen)
        for key in chosen:
            self._lanes.move_to_end(key)
        self.selected = list(chosen.values())
        while len(self._lanes) > KEPT_LANES + len(chosen):
            self._lanes.popitem(last=False)
        return new

    def _make_room(self, configs: Sequence[RunConfig]) -> None:
        """Refuse lanes that there is no memory for; those that nobody looks at go first."""
        known = {key for key, lane in self._lanes.items() if lane.step <= self._clock.now}
        begun = {config.key: config for config in configs if config.key not in known}
        spared = {config.key for config in configs} | {lane.config.key for lane in self.selected}

        def forget() -> bool:
            key = next((key for key in self._lanes if key not in spared), None)
            return key is not None and self._lanes.pop(key) is not None

        if begun:
            device = device_of(next(iter(begun.values())).device)
            make_room([self._need(config) for config in begun.values()], device, forget)

    def _need(self, config: RunConfig) -> Need:
        text = self._datasets.get(config, device_of(config.device)).text
        return needed(config, len(text.vocabulary), len(text.train))

    def _begin(self, config: RunConfig) -> Trainer:
        device = device_of(config.device)
        lane = Trainer(config, self._datasets.get(config, device), device)
        lane.peek()
        return lane

    def adjust(self, name: str, value: float | int | str) -> list[tuple[str, Trainer]]:
        """Change lr, optimizer or batch size of the selected lanes from where they are.

        A lane at step 0 begins anew. Gives back the lanes with the keys that they had until now.

        Raises:
            ConfigError: the value cannot be; nothing has changed.
        """
        wanted = [lane.config.changed(lane.step, name, value) for lane in self.selected]
        for lane, config in zip(self.selected, wanted, strict=True):
            before, after = self._need(lane.config), self._need(config)
            grown = Need(after.kept - (before.kept if lane.step else 0), after.passing)
            if grown.kept > 0:
                make_room([grown], lane.device, lambda: False)
        changed = []
        for i, (lane, config) in enumerate(zip(list(self.selected), wanted, strict=True)):
            old = lane.config.key
            if config.key == old:
                continue
            if lane.step == 0:
                self.selected[i] = lane = self._begin(config)
            else:
                lane.follow(config)
                self._lanes.pop(old, None)
            changed.append((old, lane))
        # Two lanes may have differed in nothing but what was changed: then they are one.
        one_each = {lane.config.key: lane for lane in self.selected}
        self.selected = list(one_each.values())
        self._lanes.update(one_each)
        return [(old, one_each[lane.config.key]) for old, lane in changed]

    def restart(self) -> None:
        """Forget all lanes but the selected configurations, which begin anew; the clock stops at 0."""
        configs = [lane.config for lane in self.selected]
        self._lanes.clear()
        self.selected = []
        self._clock.restart()
        self._select(configs)  # there is room: they have been there

    def behind(self) -> list[Trainer]:
        """Selected lanes that have not reached the clock and still can."""
        return [lane for lane in self.selected if lane.step < self._clock.now and lane.diverged_at is None]

    def moving(self) -> list[Trainer]:
        """Selected lanes that still train."""
        return [lane for lane in self.selected if lane.diverged_at is None]
