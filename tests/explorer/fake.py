"""An engine without torch: makes frames that look like an engine's, by the same rules of credit."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from itertools import pairwise

import numpy as np

from tests.made import made
from tuiinit.config.run import RunConfig
from tuiinit.stream.protocol import (
    VERSION,
    Activation,
    Adjust,
    Advance,
    BatchNorm,
    Calibrated,
    Command,
    Credit,
    DataInfo,
    Evaluate,
    Evaluation,
    Folded,
    Frame,
    Hello,
    Histogram,
    Inspect,
    Inspection,
    Lane,
    LaneStatus,
    MatrixShape,
    Pause,
    Problem,
    Restart,
    RowShape,
    Select,
    Shape,
    Snapshot,
    Status,
    Trace,
    Units,
    Weight,
)

STEPS_PER_EPOCH = 5707
STRIDE = 37  # steps a credit is worth while the clock moves
ROWS = 32  # examples whose saturation is told
DIES_AT = 20  # from this step on, units are dead where the lr is 1 or more


def histogram(lo: float, hi: float, peak: float) -> Histogram:
    x = np.linspace(lo, hi, 40)
    counts = np.exp(-(((x - peak) / (hi - lo) * 4) ** 2)) * 1000
    return Histogram(lo=lo, hi=hi, counts=tuple(counts.astype(int).tolist()), outside=0.0)


def probabilities() -> Histogram:
    """All near an even guess, 1/27."""
    middles = np.linspace(-8, 0, 64, endpoint=False) + 1 / 16
    counts = np.exp(-(((middles + math.log10(27)) / 0.2) ** 2)) * 400
    return Histogram(lo=-8, hi=0, counts=tuple(counts.astype(int).tolist()), outside=0.0)


def loss_at(config: RunConfig, step: int) -> float:
    return 2.2 + 1.1 * math.exp(-step / 300) + 0.02 * config.gain + 0.05 * math.sin(step)


def ratio_at(config: RunConfig, step: int, matrix: int) -> float:
    lr = config.at(step - 1).lr if config.schedule else config.lr  # a configuration for each step takes long to check
    return -3.0 + 0.3 * math.sin(matrix) + math.log10(lr / 0.1)


def std_at(config: RunConfig, layer: int) -> float:
    return 0.63 if config.bn else min(0.9, 0.2 + 0.2 * config.gain) - 0.01 * layer


def dead_at(config: RunConfig, step: int, layer: int) -> tuple[int, ...]:
    return (layer, 40 + layer) if config.lr >= 1 and step >= DIES_AT else ()


def saturation_at(config: RunConfig, step: int, layer: int) -> np.ndarray:
    """Whether a unit is saturated on an example, (ROWS, width): a pattern, and dead units in full."""
    row, unit = np.ogrid[:ROWS, : config.hidden[layer - 1]]
    bits = (3 * row + 7 * unit + layer) % 11 == 0
    bits[:, list(dead_at(config, step, layer))] = True
    return bits


def units(size: int, seed: int, mean: float, std: float) -> bytes:
    return np.random.default_rng(seed).normal(mean, std, size).astype("<f4").tobytes()


def batch_norm(config: RunConfig, number: int) -> BatchNorm:
    """Means and stds that tell of the layer; running ones lie between the calibrated ones and the batch's."""
    size = [*config.hidden, 27][number - 1]
    return made(
        BatchNorm,
        layer=f"batch norm {number}",
        mean=units(size, number, 0.3, 1.0),
        var=units(size, number, 4.0, 0.2),
        running_mean=units(size, number, 0.2, 1.0),
        running_var=units(size, number, 3.0, 0.2),
        gamma=units(size, number, 1.1, 0.02),
        beta=units(size, number, -0.1, 0.02),
        bias_grad_std=1e-10 if config.bias_before_bn else None,
    )


def inspection(config: RunConfig, step: int) -> Inspection:
    logits = np.linspace(-2, 2, 27)
    company = np.random.default_rng(5).normal(0, 0.25, (100, 27))
    norms = range(1, len(config.hidden) + 2) if config.bn else ()
    return made(
        Inspection,
        lane=config.key,
        step=step,
        calibrated=tuple(
            Calibrated(
                layer=f"batch norm {i}",
                mean=units([*config.hidden, 27][i - 1], i, 0.1, 1.0),
                var=units([*config.hidden, 27][i - 1], i, 2.0, 0.2),
            )
            for i in norms
        ),
        jitter_batches=100,
        jitter_logits=(logits + company * config.bn).astype("<f4").tobytes(),
        eval_logits=logits.astype("<f4").tobytes() if config.bn else b"",
        through=tuple(1 - ((i + 0.5) / 20) ** 2 for i in range(20)),
        dead=tuple(len(dead_at(config, step, i)) for i in range(1, len(config.hidden) + 1)),
        dead_grad=tuple(2e-9 if dead_at(config, step, i) else None for i in range(1, len(config.hidden) + 1)),
        alive_grad=(3e-4,) * len(config.hidden),
        folded=Folded(rows=900, difference=1.5e-6, logit_std=0.7, dev=2.4, dev_folded=2.4) if config.bn else None,
    )


def shape(config: RunConfig, classes: int = 27) -> Shape:
    """What an engine would tell of the network."""
    fans = [config.context * config.embedding, *config.hidden, classes]
    names = [*(f"hidden {i}" for i in range(1, len(config.hidden) + 1)), "output"]
    kinds = ("bias",) * (not config.bn or config.bias_before_bn) + ("gamma", "beta") * config.bn
    return Shape(
        rows=tuple(
            RowShape(name=f"{config.nonlinearity} {i}", kind=config.nonlinearity, shape=(width,))
            for i, width in enumerate(config.hidden, 1)
        ),
        matrices=tuple(
            MatrixShape(name=name, shape=pair)
            for name, pair in zip(["embedding", *names], [(classes, config.embedding), *pairwise(fans)], strict=True)
        ),
        norms=tuple(Units(name=f"batch norm {i}", width=n) for i, n in enumerate(fans[1:], 1) if config.bn),
        vectors=tuple(
            Units(name=f"{name} {kind}", width=n) for name, n in zip(names, fans[1:], strict=True) for kind in kinds
        ),
    )


def lane(config: RunConfig, continues: str | None = None) -> Lane:
    """The frame that begins a lane, or names it anew."""
    return Lane(lane=config.key, shape=shape(config), config=config, continues=continues)


def snapshot(config: RunConfig, step: int) -> Snapshot:
    """A plausible snapshot: the activations' std tells gain and layer, so tests can recognise it."""
    layers = tuple(
        made(
            Activation,
            layer=f"{config.nonlinearity} {i}",
            kind=config.nonlinearity,
            width=width,
            mean=0.01,
            std=std_at(config, i),
            saturated=0.036 if config.bn else min(1.0, 0.05 * config.gain),
            histogram=histogram(-1, 1, 0.1 * i),
            grad_std=4e-4 * i,
            grad_mean_abs=3e-4,
            grad_histogram=histogram(-0.002, 0.002, 0),
            dead=dead_at(config, step, i),
            saturation_rows=ROWS,
            saturation=np.packbits(saturation_at(config, step, i)).tobytes(),
        )
        for i, width in enumerate(config.hidden, 1)
    )
    fans = [config.context * config.embedding, *config.hidden, 27]
    shapes = [(27, config.embedding), *pairwise(fans)]
    names = ["embedding", *(f"hidden {i}" for i in range(1, len(config.hidden) + 1)), "output"]
    weights = tuple(
        made(
            Weight,
            name=name,
            shape=shape,
            mean=0.001,
            std=1 / math.sqrt(shape[0]),
            histogram=histogram(-1, 1, 0),
            grad_std=1e-3,
            grad_histogram=histogram(-0.01, 0.01, 0),
            grad_data_ratio=0.01,
            update_data_log10=ratio_at(config, step, i) if step else None,
        )
        for i, (name, shape) in enumerate(zip(names, shapes, strict=True))
    )
    now = config.at(max(0, step - 1))
    return made(
        Snapshot,
        lane=config.key,
        step=step,
        epoch=step / STEPS_PER_EPOCH,
        loss=loss_at(config, step),
        initial_loss=loss_at(config, 0),
        expected_initial_loss=math.log(27),
        parameters=47024 if config.bn else 46497,
        lr=now.lr,
        batch_size=now.batch_size,
        optimizer=now.optimizer,
        logit_std=0.3,
        log10_probabilities=probabilities(),
        input_second_moment=1.0,
        activations=layers,
        weights=weights,
        batch_norms=tuple(batch_norm(config, i) for i in range(1, len(config.hidden) + 2)) if config.bn else (),
        probe_rows=1024,
    )


def trace(config: RunConfig, first: int, last: int) -> Trace:
    steps = range(first, last + 1)
    matrices = len(config.hidden) + 2
    loss = np.array([loss_at(config, s) for s in steps], "<f4")
    ratios = np.array([[ratio_at(config, s, m) for m in range(matrices)] for s in steps], "<f4")
    return Trace(lane=config.key, first_step=first, loss=loss.tobytes(), update_data=ratios.tobytes())


def evaluation(config: RunConfig, step: int) -> Evaluation:
    if not config.bn:
        return Evaluation(lane=config.key, step=step, dev=2.3456)
    return Evaluation(lane=config.key, step=step, dev=2.3456, dev_calibrated=2.3333, dev_batch=2.4444)


def data_info() -> DataInfo:
    return DataInfo(
        path="",
        words=32469,
        vocabulary=".abcdefghijklmnopqrstuvwxyz",
        train=182625,
        dev=22655,
        test=22866,
        unigram=2.8234,
        bigram=2.4541,
    )


class FakeLink:
    """A link to an engine that trains at once: a credit moves the clock by a stride.

    Args:
        diverges_at: the step at which every lane's loss stops being finite.
        refuses: a gain whose lane the engine refuses, as it would a missing file.
    """

    def __init__(self, *, diverges_at: int | None = None, refuses: float | None = None) -> None:
        self.sent: list[Command] = []
        self.closed = False
        self.stopped = False
        self.updates = 0
        self._frames: asyncio.Queue[Frame | Exception | None] = asyncio.Queue()
        self._lanes: dict[str, tuple[RunConfig, int]] = {}
        self._selected: list[RunConfig] = []
        self._clock = 0
        self._target: float = 0
        self._catching_up = False
        self._credit = 0
        self._changed = False
        self._outbox: list[Frame] = []
        self._told_data = False
        self._diverges_at = diverges_at
        self._refuses = refuses
        self._frames.put_nowait(
            Hello(version=VERSION, program="0", torch="2.8.0", device="cpu", threads=1, pid=1),
        )

    async def frames(self) -> AsyncIterator[Frame]:
        while True:
            frame = await self._frames.get()
            if frame is None:
                return
            if isinstance(frame, Exception):
                raise frame
            yield frame

    def send(self, command: Command) -> None:
        if self.closed:
            return
        self.sent.append(command)
        match command:
            case Credit():
                self._credit = 1
            case Select():
                self._select(self._selectable(command))
            case Advance():
                self._advance(command)
            case Adjust(name=name, value=value):
                self._adjust(name, value)
            case Pause():
                self._target, self._catching_up, self._changed = self._clock, False, True
            case Restart():
                self._restart()
            case Evaluate():
                self._evaluate()
            case Inspect():
                self._outbox += [inspection(config, step) for config, step in self._where]
                self._changed = True
        self._update()

    async def close(self) -> None:
        self.closed = True
        self._frames.put_nowait(None)

    # ------------------------------------------------------------------------------ what tests do to it

    def die(self, sentence: str) -> None:
        self._frames.put_nowait(RuntimeError(sentence))

    def problem(self, sentence: str) -> None:
        self._outbox.append(Problem(text=sentence))
        self._changed = True
        self._update()

    @property
    def changed(self) -> bool:
        """Whether there is something that the screen was not told yet, or has not read."""
        return self._changed or not self._frames.empty()

    @property
    def moving(self) -> bool:
        moving = [step for _, step in self._where if not self._diverged(step)]
        behind = self._catching_up and any(step < self._clock for step in moving)
        return behind or (bool(moving) and self._target > self._clock)

    def of(self, kind: type[Command]) -> list[Command]:
        return [command for command in self.sent if isinstance(command, kind)]

    # --------------------------------------------------------------------------------------- commands

    # What is told of a lane; a link to lanes of another kind tells it another way.

    def _selectable(self, command: Select) -> tuple[RunConfig, ...]:
        return command.lanes

    def _lane(self, config: RunConfig, continues: str | None) -> Lane:
        return lane(config, continues)

    def _snapshot(self, config: RunConfig, step: int) -> Snapshot:
        return snapshot(config, step)

    def _trace(self, config: RunConfig, first: int, last: int) -> Trace:
        return trace(config, first, last)

    def _select(self, configs: tuple[RunConfig, ...]) -> None:
        if self._refuses is not None and any(config.gain == self._refuses for config in configs):
            self.problem("there is no file of words at /nowhere")
            return
        self._selected = list(configs)
        for config in configs:
            if config.key not in self._lanes:
                self._begin(config)
        if not self._told_data:
            self._outbox.append(data_info())
            self._told_data = True
        self._outbox += [self._snapshot(config, step) for config, step in self._where]
        self._catching_up = True
        self._changed = True

    def _begin(self, config: RunConfig, continues: str | None = None, step: int = 0) -> None:
        self._lanes[config.key] = (config, step)
        self._outbox.append(self._lane(config, continues))

    def _advance(self, command: Advance) -> None:
        since = self._target if self._clock < self._target < math.inf else self._clock
        if command.steps is not None:
            self._target = since + command.steps
        elif command.epochs is not None:
            self._target = (since // STEPS_PER_EPOCH + command.epochs) * STEPS_PER_EPOCH
        else:
            self._target = math.inf if command.to is None else command.to
        self._catching_up = self._changed = True

    def _adjust(self, name: str, value: float | int | str) -> None:
        for i, (old, step) in enumerate(self._where):
            new = old.changed(step, name, value)
            if new.key != old.key:
                del self._lanes[old.key]
                self._begin(new, old.key if step else None, step)
                self._selected[i] = new
        self._changed = True

    def _restart(self) -> None:
        self._lanes.clear()
        self._outbox.clear()
        self._clock = 0
        self._target = 0
        for config in self._selected:
            self._begin(config)
            self._outbox.append(self._snapshot(config, 0))
        self._changed = True

    def _evaluate(self) -> None:
        self._outbox += [evaluation(config, step) for config, step in self._where]
        self._changed = True

    # ---------------------------------------------------------------------------------------- updates

    @property
    def _where(self) -> list[tuple[RunConfig, int]]:
        return [self._lanes[config.key] for config in self._selected]

    def _diverged(self, step: int) -> bool:
        return self._diverges_at is not None and step >= self._diverges_at

    def _move(self) -> None:
        """Up to a stride of the clock, or of the lanes that are behind towards it."""
        moving = [(config, step) for config, step in self._where if not self._diverged(step)]
        behind = [(config, step) for config, step in moving if step < self._clock]
        if behind and not self._catching_up:
            return
        for config, step in behind or moving:
            last = int(min(self._clock if behind else self._target, step + STRIDE))
            if self._diverges_at is not None:
                last = min(last, self._diverges_at)
            if last > step:
                self._outbox += [self._trace(config, step + 1, last), self._snapshot(config, last)]
                self._lanes[config.key] = (config, last)
                self._changed = True
        self._clock = max([self._clock, *(step for _, step in self._where)])

    def _update(self) -> None:
        if not self._credit:
            return
        self._move()
        if not self._changed:
            return
        for frame in self._outbox:
            self._frames.put_nowait(frame)
        self._outbox = []
        self._frames.put_nowait(self._status())
        self._credit = 0
        self._changed = False
        self.updates += 1

    def _status(self) -> Status:
        lanes = tuple(
            LaneStatus(
                lane=config.key,
                step=step,
                epoch=step / STEPS_PER_EPOCH,
                steps_per_epoch=STEPS_PER_EPOCH,
                diverged_at=self._diverges_at if self._diverged(step) else None,
            )
            for config, step in self._where
        )
        moving = [lane for lane in lanes if lane.diverged_at is None]
        running = self._target > self._clock and bool(moving)
        return Status(
            running=running,
            catching_up=self._catching_up and any(lane.step < self._clock for lane in moving),
            clock=self._clock,
            target=int(self._target) if running and math.isfinite(self._target) else None,
            lanes=lanes,
            steps_per_second=412.0 if running else 0.0,
            measuring=0.03,
        )
