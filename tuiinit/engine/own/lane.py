"""One lane of a person's network: built by their function, trained as their setup says, measured as any model is."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

from ...config.memory import Need
from ...config.own import OwnConfig
from ...host.visible import LONGEST, cut
from ...measure.models import unwrapped
from ...measure.step import Step
from ...measure.table import Table
from ...stream.checked import OwnProblem
from ...stream.protocol import Evaluation, Lane, Message, OwnTarget, Shape, Snapshot, Unlike
from ..training import TraceBlock
from . import script
from .building import build, examples_of, inputs_of, loss_of, moved, on_device
from .drawing import Draws, length
from .evaluating import dev_loss, is_due
from .expecting import Expecting
from .gains import Ends, matrices, set_gain
from .likeness import Begun, begun, unlike
from .moves import FOLLOWED, Moves
from .optimizing import Optimizing
from .randomness import Generators
from .source import Builder
from .still import copied, still
from .target import OwnError, own_code, settings
from .theory import start_of
from .work import ALONE, products

BLOCK = 512  # steps whose losses wait on the device
SAMPLES = 2**20  # values taken of a tensor that is larger: the std of so many is known to 0.1 %
CALLS = 16  # of one module that are rows
GAIN = "gain"  # the parameter of a function that sets its gain itself


class OwnLane:
    """A person's network under training. Same settings and seed, same numbers, however it is stepped and measured.

    Args:
        config: with its schedule.
        source: of its function.
        device: where to train.

    Raises:
        OwnError: the person's code failed.
    """

    def __init__(self, config: OwnConfig, source: Builder, device: torch.device) -> None:
        self.config = config
        self.device = device
        self.step = 0
        self.diverged_at: int | None = None
        self.failed = ""
        self.latest: Snapshot | None = None
        self.initial_loss: float | None = None
        self._source = source
        self._expected_loss: float | None = None
        self._notices: list[Message] = []
        self._losses: list[Tensor] = []  # of the steps since the trace was taken
        self._moved: list[Tensor | list[float] | None] = []  # how far they moved the matrices
        self._plain = math.inf  # seconds that a step takes which is not measured
        self._looked = math.inf  # seconds that the first look took
        self._generators = Generators(config.seed)
        self._generators.use()
        given = settings(source.function, dict(config.settings))
        scales = config.gain is not None
        if config.gain is not None and any(knob.name == GAIN for knob in source.knobs):
            given |= settings(source.function, {GAIN: config.gain})
            scales = False
        self._given = given
        self._built = on_device(build(source.function, given), device)
        self._model = unwrapped(self._built.model)
        self._built.model.train()
        self._draws = Draws(self._built.setup.batches)
        dev = self._built.setup.dev
        self._dev_batches = None if dev is None else length(dev) or self._draws.length or 0
        try:
            self._begin(scales)
        except BaseException:
            self.close()
            raise

    def _begin(self, scales: bool) -> None:
        self._batch: Any = moved(self._draws.draw(), self.device)  # of the next step, where it is drawn already
        self._inputs, self._batch_size = inputs_of(self._batch), examples_of(self._batch)
        lazy = any(map(is_lazy, self._model.parameters()))
        self._last: set[int] = set()
        if scales or lazy:
            self._try_out(lazy)
        if scales and self.config.gain is not None:
            set_gain(self._model, self._last, self.config.gain)
        self._matrices: list[str] = []  # that are measured, by name
        self._outputs = 0  # bytes of all rows of a step
        self._threads = script.THREADS
        if sum(p.numel() for p in self._model.parameters()) <= FOLLOWED:
            script.threads(1)  # until it is known how much a step has to do
        self.begun: Begun = begun(self._model, self._batch)
        self._optimizing = Optimizing(self._built.setup.optimizer, self._model)
        self._optimizing.follow(self.config.at(0).lr)
        self._changes = {change.step for change in self.config.schedule}
        self.shape = Shape(rows=(), matrices=())
        self.peek()
        named = dict(self._model.named_parameters())
        self._moves = Moves([named[name] for name in self._matrices], self._optimizing.optimizer)

    def _try_out(self, lazy: bool) -> None:
        """One forward pass that changes nothing but parameters which are made only then."""
        made = [module for module in self._model.modules() if hasattr(module, "has_uninitialized_params")]
        with still(self._model), self._generators.unmoved() if not lazy else nullcontext(), Ends(self._model) as ends:
            self._last = ends.of(loss_of(self._built, copied(self._batch)))
        for module in made:
            if lazy and callable(reset := getattr(module, "reset_running_stats", None)):
                reset()

    # ---------------------------------------------------------------------------------- what is told of it

    def frame(self, continues: str | None = None) -> Lane:
        """What the stream tells of it first."""
        return Lane(lane=self.config.key, shape=self.shape, own=self.config, continues=continues)

    def about(self) -> OwnTarget:
        """Its function, and what that gave."""
        return OwnTarget(
            target=self.config.target,
            knobs=self._source.records(),
            batches=self._draws.length,
            inputs=cut(self._inputs, 200),
            optimizer=self._optimizing.name,
            lr=self._optimizing.built_lr,
            groups=self._optimizing.groups,
            gains=len(matrices(self._model, self._last)),
            dev=self._built.setup.dev is not None,
            labels=self._built.labels,
        )

    def compare(self, other: OwnLane) -> None:
        """Notice whether it does not start like another one of the same function and seed."""
        if (found := unlike(self.begun, other.begun)) is not None:
            what, name = found
            self._notices.append(Unlike(lane=self.config.key, other=other.config.key, what=what, name=cut(name, 200)))

    def notices(self) -> list[Message]:
        """What else there is to be told since the last call."""
        notices, self._notices = self._notices, []
        return notices

    @property
    def need(self) -> Need:
        """Memory that it takes: parameters, gradients and what the optimizer keeps; outputs of a step and gradients."""
        parameters = sum(p.numel() * p.element_size() for p in self._model.parameters())
        return Need(parameters * (2 + self._optimizing.kept), 2 * self._outputs)

    def close(self) -> None:
        """End what feeds its batches."""
        self._draws.close()
        self._batch = None

    # ------------------------------------------------------------------------------------------ stepping

    @property
    def ended(self) -> bool:
        """Whether it stands still for good."""
        return bool(self.failed) or self.diverged_at is not None

    @property
    def steps_per_epoch(self) -> int:
        """Batches in one pass; 0 where nobody can say."""
        return self._draws.length or 0

    @property
    def epoch(self) -> float:
        """Epochs so far; 0 without a length."""
        return self.step / self.steps_per_epoch if self.steps_per_epoch else 0.0

    @property
    def steps_to_epoch_end(self) -> int:
        """Steps from here to the end of the running epoch."""
        return self.steps_per_epoch - self.step % self.steps_per_epoch if self.steps_per_epoch else 1

    @property
    def at_epoch_end(self) -> bool:
        """Whether the last step ended an epoch after which the dev loss is due: of short epochs not every one."""
        return is_due(self.step, self.steps_per_epoch, self._dev_batches)

    def follow(self, config: OwnConfig) -> None:
        """Go on under a configuration that agrees with this lane's up to the present step."""
        self.config = config
        self._changes = {change.step for change in config.schedule}
        self._optimizing.follow(config.at(self.step).lr)

    def train_step(self, *, measure: bool = False) -> Snapshot | None:
        """One batch: forward, backward, update; with `measure` also its snapshot.

        A loss that is not finite ends the lane: `diverged_at` tells the step. So does a person's code that raises:
        `failed` tells why.
        """
        started = time.perf_counter()
        self._take_over()
        if self.step in self._changes:
            self._optimizing.follow(self.config.at(self.step).lr)
        looked = Step(self._model, SAMPLES, calls=CALLS) if measure else None
        try:
            with torch.enable_grad():
                self._train(looked)
        except OwnError as error:
            self.failed = self._say(f"at step {self.step + 1:,} {error.sentence}", error.lines)
            return None
        finally:
            if looked is not None:
                looked.close()
        self.step += 1
        if looked is None:
            took = time.perf_counter() - started
            self._plain = took if math.isinf(self._plain) else min(took, self._plain * 1.1)
            return None
        return self._measure(looked, started)

    def _take_over(self) -> None:
        """Random numbers and threads are this lane's from here on."""
        self._generators.use()
        script.threads(self._threads)

    def _train(self, looked: Step | None) -> None:
        batch, self._batch = self._batch, None
        if batch is None:
            batch = moved(self._draws.draw(), self.device)
        loss = self._backward(batch, looked)
        optimizer, again = self._optimizing.optimizer, self._optimizing.repeats
        before = self._moves.before()
        if looked is not None:
            self._looking(partial(looked.before, optimizer, again))
        self._optimizing.step(lambda: self._backward(batch, None))
        if looked is not None:
            self._looking(partial(looked.after, optimizer))
        self._moved.append(self._moves.after(before))
        self._losses.append(loss.detach().to(torch.float32, copy=True).reshape(()))

    def _looking(self, look: Callable[[], None]) -> None:
        """Measure, and go on if that fails."""
        try:
            look()
        except Exception as error:
            self._unmeasured(error, self.step + 1)

    def _backward(self, batch: Any, looked: Step | None) -> Tensor:
        self._optimizing.zero_grad()
        loss = loss_of(self._built, batch)
        if looked is not None:
            looked.hold(loss)
        with own_code("the backward pass failed"):
            loss.backward()  # type: ignore[no-untyped-call]
        return loss

    def _say(self, sentence: str, lines: str = "") -> str:
        self._notices.append(OwnProblem(text=cut(sentence, LONGEST), lines=cut(lines, LONGEST)))
        return cut(sentence, LONGEST)

    def peek(self) -> Snapshot | None:
        """What the next batch finds, without an update: the snapshot of step 0."""
        started = time.perf_counter()
        looked = Step(self._model, SAMPLES, calls=CALLS, details=True)
        expecting = Expecting()
        try:
            self._generators.use()
            with torch.enable_grad(), still(self._model), self._generators.unmoved():
                batch = copied(self._batch)
                self._optimizing.zero_grad()
                with Ends(self._model) as ends, expecting:
                    loss = loss_of(self._built, batch)
                self._last = ends.of(loss)
                looked.hold(loss)
                with own_code("the backward pass failed"):
                    loss.backward()  # type: ignore[no-untyped-call]
                looked.before(self._optimizing.optimizer, False)
        finally:
            looked.close()
        if (expected := expecting.of(float(loss.detach()))) is not None:
            self._expected_loss = expected[0]
        snapshot = self._measure(looked, started)
        self._optimizing.zero_grad()
        return snapshot

    def take_trace(self) -> TraceBlock | None:
        """The per-step series since the last call, or None; ends at a step whose loss was not finite."""
        if not self._losses:
            return None
        loss = torch.stack(self._losses).cpu().numpy()
        update_data = self._moves.log_ratios(self._moved, len(self.shape.matrices))
        first = self.step - len(loss) + 1
        self._losses, self._moved = [], []
        bad = np.flatnonzero(~np.isfinite(loss))
        if len(bad):
            loss, update_data = loss[: bad[0]], update_data[: bad[0]]
            self._diverge(first + int(bad[0]))
        return TraceBlock(first, loss, update_data)

    @property
    def trace_full(self) -> bool:
        """Whether `take_trace` must be called before the next step."""
        return len(self._losses) >= BLOCK

    def _diverge(self, step: int) -> None:
        if self.diverged_at is None or step < self.diverged_at:
            self.diverged_at = self.step = max(1, step)

    def quicken(self, compiler: Any) -> None:
        """A person's step goes as they wrote it."""

    quick = ""

    # ----------------------------------------------------------------------------------------- measuring

    def _measure(self, looked: Step, started: float) -> Snapshot | None:
        try:
            return self._snapshot(looked, started)
        except Exception as error:  # a kind of network that was never thought of: training goes on
            self._unmeasured(error, self.step)
            return None

    def _unmeasured(self, error: Exception, step: int) -> None:
        self._say(f"step {step:,} could not be measured: {type(error).__name__}: {error}")

    def _snapshot(self, looked: Step, started: float) -> Snapshot | None:
        looked.finish()
        if looked.failure is not None:
            self._unmeasured(looked.failure, self.step)
        loss = looked.losses[0]
        if not math.isfinite(loss):
            self._diverge(self.step)
            return None
        if self.initial_loss is None:
            self.initial_loss = loss
        table = Table(looked)
        self._outputs = max(self._outputs, 4 * sum(math.prod(row.shape) for row in looked.rows))
        if not self.step:
            self._know(table, looked)
        weights = table.weights()
        if self._moved and self._moved[-1] is None:  # large matrices' moves are known of measured steps alone
            self._moved[-1] = [math.nan if w.update_data_log10 is None else w.update_data_log10 for w in weights]
        rows = table.fitted(self.shape)
        self.latest = Snapshot(
            lane=self.config.key,
            step=self.step,
            epoch=self.epoch,
            loss=loss,
            initial_loss=self.initial_loss,
            expected_initial_loss=self._expected_loss,
            parameters=sum(p.numel() for p in self._model.parameters()),
            lr=self._optimizing.lr,
            batch_size=self._batch_size,
            optimizer=self._optimizing.name,
            activations=rows,
            weights=weights,
            batch_norms=table.norms() if table.shape.norms == self.shape.norms else (),
            vectors=table.vectors(),
            probe_rows=table.probe_rows,
            cost=self._cost(time.perf_counter() - started),
            micro_batches=looked.micro_batches,
        )
        return self.latest

    def _know(self, table: Table, looked: Step) -> None:
        """What the first look at the network tells once and for all."""
        self.shape = table.shape
        self._matrices = [p.name for p in looked.parameters if len(p.shape) > 1]
        self._threads = 1 if products(looked.rows) < ALONE else script.THREADS
        self._notices.append(start_of(self.config.key, looked.rows, self.shape, self._batch_size or 0))

    def _cost(self, took: float) -> float:
        """What measuring took of a measured step's time."""
        if math.isfinite(self._plain):
            return max(0.0, took - self._plain)
        # Not more than the first look took, which was no step: an optimizer's first one may load half a library.
        self._looked = min(took, self._looked)
        return self._looked

    def evaluate(self) -> Evaluation:
        """The mean loss over the dev batches in eval mode, an example as much as another; null without any."""
        dev: float | None = None
        try:
            if (given := self._built.setup.dev) is not None:
                self._take_over()
                with self._generators.unmoved():
                    dev = dev_loss(self._built, given, self.device)
        except OwnError as error:
            self._say(f"the dev loss is not known: {error.sentence}", error.lines)
        return Evaluation(lane=self.config.key, step=self.step, dev=dev)
