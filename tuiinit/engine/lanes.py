"""Many lanes, one clock: lanes are selected, catch up to the clock, run in step, and are kept."""

from __future__ import annotations

import gc
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from ..config.memory import Need
from ..config.own import OwnConfig
from ..config.run import RunConfig
from ..stream.protocol import Message
from .builtin import Builtin
from .clock import Clock
from .devices import device_of
from .own.making import Own
from .own.target import OwnError
from .quick.compiled import Compiler
from .room import free, make_room
from .stack import Stacks
from .trainer import Trainer
from .training import Maker, Settings, Training

KEPT_LANES = 24  # lanes that are not selected and still kept, the longest unused dropped first


class Lanes:
    """The lanes of an engine, which follow one clock.

    Args:
        clock: where the selected lanes are, or catch up to.
        compiler: compiles their steps; None leaves them plain.
    """

    def __init__(self, clock: Clock, compiler: Compiler | None = None) -> None:
        self._clock = clock
        self.selected: list[Training] = []
        self.put_aside: list[str] = []  # lanes that were forgotten for lack of memory, until somebody takes that
        self._lanes: OrderedDict[str, Training] = OrderedDict()  # the longest unused first
        self._makers: dict[type, Maker] = {RunConfig: Builtin(stacked=compiler is None), OwnConfig: Own()}
        self.stacks = Stacks()
        self._compiler = compiler

    @property
    def built(self) -> list[Trainer]:
        """The selected lanes whose networks this program has built, and can look closer at."""
        return [lane for lane in self.selected if isinstance(lane, Trainer)]

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
        if self._compiler is None or not self.built:
            return ""
        return "compiling" if self._compiler.working else self._compiler.refused and f"plain: {self._compiler.refused}"

    def select(self, configs: Iterable[RunConfig | OwnConfig]) -> list[Training]:
        """Select lanes, in order; those not there yet begin at step 0. Gives back the new ones.

        Raises:
            ConfigError, DataError, OwnError: a lane cannot be; the selection stays as it was.
        """
        configs = list(configs)
        self._make_room(configs)
        return self._select(configs)

    def _select(self, configs: Sequence[Settings]) -> list[Training]:
        spared = self._spared(configs)
        chosen: dict[str, Training] = {}
        new: list[Training] = []
        beside = self.selected[0] if self.selected else None
        self.stacks.forget()
        try:
            self._together(config for config in configs if not self._there(config))
            for config in configs:
                lane = chosen.get(config.key) or self._there(config)
                self._maker(config).prepare()
                if lane is None:
                    lane = self._begin(config, beside, spared)
                    new.append(lane)
                chosen[config.key] = lane
                beside = beside or lane
        except BaseException:
            for lane in new:
                lane.close()
            if self.selected:
                self._maker(self.selected[0].config).prepare()
            raise
        for key, lane in chosen.items():
            self._keep(key, lane)
        self.selected = list(chosen.values())
        while len(self._lanes) > KEPT_LANES + len(chosen):
            self._lanes.popitem(last=False)[1].close()
        self._keep_within_memory()
        return new

    def _there(self, config: Settings) -> Training | None:
        """The lane, if there is one that has not gone past the clock."""
        lane = self._lanes.get(config.key)
        return None if lane is None or lane.step > self._clock.now else lane

    def _together(self, configs: Iterable[Settings]) -> None:
        """Tell those who make them of lanes that begin together."""
        of_maker: dict[type, list[Settings]] = {}
        for config in configs:
            of_maker.setdefault(type(config), []).append(config)
        for kind, together in of_maker.items():
            self._makers[kind].together(together)

    def _begin(self, config: Settings, beside: Training | None, spared: set[str]) -> Training:
        """Begin a lane, if need be in place of others that nobody looks at."""
        while True:
            try:
                return self._maker(config).begin(config, beside)
            except OwnError as error:
                if not (error.memory and self._forget(spared)):
                    raise

    def _spared(self, configs: Iterable[Settings]) -> set[str]:
        """Lanes that are not forgotten, whatever memory is needed."""
        return {config.key for config in configs} | {lane.config.key for lane in self.selected}

    def _forget(self, spared: set[str]) -> bool:
        """Let go of the lane that was not used for the longest time; false if there is none."""
        key = next((key for key in self._lanes if key not in spared), None)
        if key is None:
            return False
        self._lanes.pop(key).close()
        self.put_aside.append(key)
        gc.collect()  # a person's model may hold itself
        return True

    def _keep_within_memory(self) -> None:
        """Keep so many lanes that nobody looks at that as much memory is free as they take together."""
        spared = self._spared(())

        def too_many() -> bool:
            left = free(self.selected[0].device)
            taken = sum(lane.need.kept for key, lane in self._lanes.items() if key not in spared)
            return left is not None and left < taken

        while self.selected and too_many() and self._forget(spared):
            pass

    def _maker(self, config: Settings) -> Maker:
        return self._makers[type(config)]

    def _keep(self, key: str, lane: Training) -> None:
        """Keep a lane as the one used last; of another one by its name nothing is left."""
        before = self._lanes.get(key)
        if before is not None and before is not lane:
            before.close()
        self._lanes[key] = lane
        self._lanes.move_to_end(key)

    def _make_room(self, configs: Sequence[Settings]) -> None:
        """Refuse lanes that there is no memory for; those that nobody looks at go first."""
        known = {key for key, lane in self._lanes.items() if lane.step <= self._clock.now}
        begun: dict[str, Any] = {config.key: config for config in configs if config.key not in known}
        spared = self._spared(configs)
        if begun:
            device = device_of(next(iter(begun.values())).device)
            make_room(
                [self._maker(config).need(config) for config in begun.values()], device, partial(self._forget, spared)
            )

    def adjust(self, name: str, value: float | int | str) -> list[tuple[str, Training]]:
        """Change lr, optimizer or batch size of the selected lanes from where they are.

        A lane at step 0 begins anew. Gives back the lanes with the keys that they had until now.

        Raises:
            ConfigError: the value cannot be; nothing has changed.
        """
        wanted = [lane.config.changed(lane.step, name, value) for lane in self.selected]
        for lane, config in zip(self.selected, wanted, strict=True):
            before, after = (self._maker(one).need(one) for one in (lane.config, config))
            grown = Need(after.kept - (before.kept if lane.step else 0), after.passing)
            if grown.kept > 0:
                make_room([grown], lane.device, lambda: False)
        self.stacks.forget()
        self._together(config for lane, config in zip(self.selected, wanted, strict=True) if not lane.step)
        changed = []
        for i, (lane, config) in enumerate(zip(list(self.selected), wanted, strict=True)):
            old = lane.config.key
            if config.key == old:
                continue
            if lane.step == 0:
                self.selected[i] = lane = self._maker(config).begin(config, lane)
            else:
                lane.follow(config)
                self._lanes.pop(old, None)
            changed.append((old, lane))
        # Two lanes may have differed in nothing but what was changed: then they are one.
        one_each = {lane.config.key: lane for lane in self.selected}
        self.selected = list(one_each.values())
        for key, lane in one_each.items():
            self._keep(key, lane)
        return [(old, one_each[lane.config.key]) for old, lane in changed]

    def restart(self) -> None:
        """Forget all lanes but the selected configurations, which begin anew; the clock stops at 0."""
        configs = [lane.config for lane in self.selected]
        self.close()
        for maker in self._makers.values():
            maker.restart()
        self.selected = []
        self._clock.restart()
        self._select(configs)  # there is room: they have been there

    @property
    def have_news(self) -> bool:
        """Whether there may ever be news."""
        return any(maker.watches for maker in self._makers.values())

    def news(self) -> list[Message]:
        """What has changed of what lanes are made from, each change once."""
        return [message for maker in self._makers.values() for message in maker.news()]

    def close(self) -> None:
        """Let go of all lanes."""
        self.stacks.forget()
        for lane in self._lanes.values():
            lane.close()
        self._lanes.clear()

    def behind(self) -> list[Training]:
        """Selected lanes that have not reached the clock and still can."""
        return [lane for lane in self.selected if lane.step < self._clock.now and not lane.ended]

    def moving(self) -> list[Training]:
        """Selected lanes that still train."""
        return [lane for lane in self.selected if not lane.ended]
