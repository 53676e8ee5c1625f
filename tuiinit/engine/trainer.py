"""One lane: a network, its minibatches, its optimizer; steps, measures and evaluates it."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..config.memory import Need, needed
from ..config.nonlinearities import RANGES
from ..config.run import RunConfig
from ..measure import records as probe
from ..measure.fetch import Fetch, Room
from ..stream.protocol import DataInfo, Evaluation, Lane, LeftOut, Message, Snapshot
from . import evaluation
from .minibatches import BLOCK, Dataset, Minibatches, tensors
from .network import Memory, Network
from .optimizers import make_optimizer
from .passes import Kept
from .quick.captured import capture
from .quick.compiled import Compiler
from .steps import Step, read, record_size
from .training import TraceBlock
from .vectors import Vectors

ROOM = Room()  # lanes are measured one after the other
LOG10_PROBABILITIES = (-8.0, 0.0)  # what the histogram of predicted probabilities spans


class First(NamedTuple):
    """What a lane begins with: settings, minibatch as `Minibatches.next` gives it, embedding (classes, numbers)."""

    config: RunConfig
    x: Tensor
    y: Tensor
    embedding: Tensor


class Trainer:
    """A network under training. Same configuration, same numbers (on the CPU), however it is stepped.

    Args:
        config: with its schedule.
        dataset: on `device`.
        device: where to train.
        place: common memory and where in it the network lies; memory of its own by default.
    """

    def __init__(
        self, config: RunConfig, dataset: Dataset, device: torch.device, place: tuple[Memory, int] | None = None
    ) -> None:
        self.config = config
        self.dataset = dataset
        self.device = device
        self.step = 0
        self.diverged_at: int | None = None
        self.failed = ""
        self.latest: Snapshot | None = None  # the newest one
        self.first: First | None = None  # once `peek` has looked at it
        generator = torch.Generator().manual_seed(config.seed)
        classes = len(dataset.text.vocabulary)
        self.network = Network(config.at(0), classes, generator, device, *(place or ()))
        self._minibatches = Minibatches(generator, dataset.x, dataset.y)
        self._now = config.at(0)
        self._optimizer = make_optimizer(self._now, self.network)
        self._epoch_before, self._epoch_since = 0.0, 0  # epochs, and the step, when the batch size last changed
        self._change_steps = {change.step for change in config.schedule}
        self._stepper = self._new_step()
        self._records = torch.empty((BLOCK, record_size(self.network)), device=device)
        self._record_rows = self._records.unbind()
        self._factors: list[float] = []  # one for each row filled
        probe_rows = min(evaluation.PROBE_ROWS, len(dataset.text.train))
        chosen = np.random.default_rng(0).choice(len(dataset.text.train), probe_rows, replace=False)
        self._probe = dataset.x[torch.from_numpy(chosen).to(device)]
        self._first_loss: Tensor | None = None  # of the first minibatch, not yet fetched
        self.initial_loss: float | None = None

    # ---------------------------------------------------------------------------------- what is told of it

    def frame(self, continues: str | None = None) -> Lane:
        """What the stream tells of it first."""
        return Lane(lane=self.config.key, shape=self.network.shape, config=self.config, continues=continues)

    def about(self) -> DataInfo:
        """The words that it trains on."""
        text = self.dataset.text
        return DataInfo(
            path=text.path,
            words=text.words,
            repeats=text.repeats,
            in_both=text.in_both,
            left_out=tuple(LeftOut(why=why, lines=n) for why, n in text.source.left_out.items() if n),
            left_out_examples=tuple(text.source.examples),
            vocabulary=text.vocabulary,
            train=len(text.train),
            dev=len(text.dev),
            test=len(text.test),
            unigram=text.unigram,
            bigram=text.bigram,
        )

    def notices(self) -> tuple[Message, ...]:
        """Nothing besides."""
        return ()

    def close(self) -> None:
        """All of it goes by itself."""

    # ------------------------------------------------------------------------------------------ stepping

    @property
    def need(self) -> Need:
        """Memory that it takes."""
        return needed(self.config, len(self.dataset.text.vocabulary), len(self.dataset.text.train))

    @property
    def ended(self) -> bool:
        """Whether it stands still for good."""
        return self.diverged_at is not None

    @property
    def epoch(self) -> float:
        """Epochs so far; one is `steps_per_epoch` steps."""
        return self._epoch_before + (self.step - self._epoch_since) / self.steps_per_epoch

    @property
    def steps_per_epoch(self) -> int:
        """Steps in one pass at the present batch size: round(training examples / batch size)."""
        return max(1, round(len(self.dataset.text.train) / self._now.batch_size))

    @property
    def steps_to_epoch_end(self) -> int:
        """Steps from here to the end of the running epoch, at least one."""
        epoch = self.epoch
        half_a_step = 0.5 / self.steps_per_epoch
        return max(1, round((math.floor(epoch + half_a_step) + 1 - epoch) * self.steps_per_epoch))

    @property
    def at_epoch_end(self) -> bool:
        """Whether the last step ended an epoch."""
        return self.step > 0 and self.steps_to_epoch_end == self.steps_per_epoch

    def adjust(self, name: str, value: float | int | str) -> None:
        """Change lr, optimizer or batch size from the next step on, and remember it in the schedule."""
        self.follow(self.config.changed(self.step, name, value))

    def follow(self, config: RunConfig) -> None:
        """Go on under a configuration that agrees with this lane's up to the present step."""
        self.config = config
        self._change_steps = {change.step for change in config.schedule}
        self._apply(config.at(self.step))

    def _apply(self, now: RunConfig) -> None:
        if now is self._now or now == self._now:
            return
        if now.batch_size != self._now.batch_size:
            self._epoch_before, self._epoch_since = self.epoch, self.step
        old, self._now = self._now, now
        if now.optimizer != old.optimizer:
            self._optimizer = make_optimizer(now, self.network)
        elif self._optimizer is not None:
            for group in self._optimizer.param_groups:
                group["lr"] = now.lr
        self._stepper = self._new_step()

    @torch.inference_mode()
    def train_step(self, *, measure: bool = False) -> Snapshot | None:
        """One minibatch: forward, backward, update; with `measure` also its snapshot.

        A loss that is not finite ends the lane: `diverged_at` tells the step. Without `measure` this is
        noticed when the trace is read (`take_trace`), so that an accelerator is not waited for each step.
        """
        return self.take_step(*self.next_minibatch(), measure=measure)

    def next_minibatch(self) -> tuple[Tensor, Tensor]:
        """What the next step is taken on, under the settings in force then; see `Minibatches.next`."""
        if self.step in self._change_steps:
            self._apply(self.config.at(self.step))
        return self._minibatches.next(self._now.batch_size)

    def take_step(self, x: Tensor, y: Tensor, *, measure: bool = False) -> Snapshot | None:
        """`train_step` on this minibatch."""
        kept = self._stepper(x, y, keep=measure)
        self.stepped(self._stepper.record)
        return None if kept is None else self._measure(kept)

    def move(self) -> None:
        """Update the parameters by the gradients that are there, as a part of a step; see `stepped`."""
        self._stepper.move()

    def stepped(self, record: Tensor) -> None:
        """A step is done that told this (see `Records`)."""
        if self.step == 0:
            self._first_loss = record[0].clone()
        self.step += 1
        self._record_rows[len(self._factors)].copy_(record)
        self._factors.append(self._stepper.factor)

    @property
    def rows(self) -> int:
        """Examples of a minibatch."""
        return self._now.batch_size

    @property
    def plain_sgd(self) -> bool:
        """Whether the update is the gradient times lr."""
        return self._stepper.plain_sgd

    @torch.inference_mode()
    def peek(self) -> Snapshot | None:
        """What the next minibatch finds, without an update: the snapshot of step 0."""
        x, y = self._minibatches.next(self._now.batch_size, peek=True)
        kept = self._stepper.peek(x, y)
        if self.step == 0:
            self._first_loss = self._stepper.loss.clone()
            self.first = First(self.config.at(0), x.clone(), y.clone(), self.network.weights[0].clone())
        return self._measure(kept, updated=False)

    @torch.inference_mode()
    def quicken(self, compiler: Compiler | None) -> None:
        """Go on by a quicker step where there is one by now, and it gives this lane's numbers.

        On a CUDA device that is the step as a CUDA graph; on the CPU a compiled one.
        """
        step = self._stepper
        if not step.adopts or self.diverged_at is not None or self.network.memory.lanes > 1:
            return
        x, y = self._minibatches.next(self._now.batch_size, peek=True)
        if self.device.type == "cuda":
            step.adopt(lambda: capture(step, x, y), x, y)
        elif compiler is not None and (made := compiler.quick(step, self.network)) is not None:
            step.adopt(lambda: made, x, y)

    @property
    def quick(self) -> str:
        """How steps are made quicker that are not measured; empty where they are not."""
        return {"cuda": "CUDA graph"}.get(self.device.type, "compiled") if self._stepper.adopted else ""

    def _new_step(self) -> Step:
        return Step(self.network, self._now.batch_size, self._optimizer, self._now.lr)

    def take_trace(self) -> TraceBlock | None:
        """The per-step series since the last call, or None; ends at a step whose loss was not finite."""
        if not self._factors:
            return None
        filled = len(self._factors)
        loss, update_data = read(self._records[:filled].cpu().numpy(), np.array(self._factors), self.network)
        first = self.step - filled + 1
        self._factors.clear()
        bad = np.flatnonzero(~np.isfinite(loss))
        if len(bad):
            loss, update_data = loss[: bad[0]], update_data[: bad[0]]
            self._diverge(first + int(bad[0]))
        return TraceBlock(first, loss, update_data)

    @property
    def trace_full(self) -> bool:
        """Whether `take_trace` must be called before the next step."""
        return len(self._factors) == len(self._records)

    # ----------------------------------------------------------------------------------------- measuring

    def _measure(self, kept: Kept, *, updated: bool = True) -> Snapshot | None:
        """All numbers of a snapshot; None if one is not finite, and the lane marked as diverged if it is the loss."""
        started = time.perf_counter()
        network, fetch = self.network, Fetch(ROOM)
        limits = RANGES[self.config.nonlinearity]
        record = fetch.ask(self._stepper.record)
        first = fetch.ask(self._stepper.loss if self._first_loss is None else self._first_loss)
        logits = kept.logits.t()
        off = logits.double()  # whose squares may leave float32's range
        off -= off.mean()
        logit_std = fetch.ask(torch.linalg.vector_norm(off) / math.sqrt(max(1, off.numel() - 1)))
        # The norm, not its square: that may leave float32's range.
        input_norm = fetch.ask(torch.linalg.vector_norm(kept.embedded, dtype=torch.float64))
        log_p = torch.log_softmax(logits, 0).div_(math.log(10))
        probabilities = fetch.look(log_p.reshape(1, -1), LOG10_PROBABILITIES)
        asked_activations = probe.Activations(fetch, kept.outputs, kept.grads, limits)
        asked_weights = probe.Weights(fetch, network.weight_shapes, [group[:2] for group in network.groups])
        norms = [layer.norm.kept for layer in network.blocks if layer.norm is not None]
        # With a bias before batch norm the vectors of a layer are bias, gamma, beta.
        bias_grads = network.vector_grads[::3] if norms and self.config.bias_before_bn else []
        asked_norms = probe.BatchNorms(fetch, norms, kept.linear, bias_grads)
        asked_vectors = Vectors(fetch, network.vector_names, network.vector_groups)
        fetch.fetch()
        loss = float(record()[0])
        if not math.isfinite(loss):
            self._diverge(self.step)
            return None
        if self.initial_loss is None and self._first_loss is not None:
            self.initial_loss = float(first())
        activations = asked_activations.records(
            network.shape.rows,
            self.dead_units(asked_activations.saturated_throughout()),
        )
        update_data = None
        if updated:
            factor = np.array([self._stepper.factor])
            update_data = read(record()[None].astype(np.float32), factor, network).update_data[0].tolist()
        weights = asked_weights.records(network.weight_names, update_data)
        vectors = asked_vectors.records(self._stepper.factor if self._stepper.plain_sgd else None, updated)
        if activations is None or weights is None or vectors is None:
            # Beyond float32, while the loss is not yet: the loss alone says that it diverges, so that
            # the step does not depend on which steps were measured.
            return None
        self.latest = Snapshot(
            lane=self.config.key,
            step=self.step,
            epoch=self.epoch,
            loss=loss,
            initial_loss=self.initial_loss,
            expected_initial_loss=math.log(len(self.dataset.text.vocabulary)),
            parameters=network.parameter_count,
            lr=self._now.lr,
            batch_size=self._now.batch_size,
            optimizer=self._now.optimizer,
            logit_std=float(logit_std()),
            log10_probabilities=probabilities()[0].histogram,
            input_second_moment=float(input_norm()) ** 2 / kept.embedded.numel(),
            activations=activations,
            weights=weights,
            batch_norms=asked_norms.records([norm.name for norm in network.shape.norms]),
            vectors=vectors,
            probe_rows=len(self._probe),
            cost=time.perf_counter() - started,
        )
        return self.latest

    def _diverge(self, step: int) -> None:
        # A measured step may notice what an earlier, unmeasured one began.
        if self.diverged_at is None or step < self.diverged_at:
            self.diverged_at = self.step = max(1, step)

    def dead_units(self, candidates: Sequence[NDArray[np.bool_]] = ()) -> list[tuple[int, ...]]:
        """For each hidden layer the units that are saturated on every row of the probe batch."""
        return evaluation.dead_units(self.network, self._probe, candidates)

    def evaluate(self) -> Evaluation:
        """Dev losses (nats) over the whole dev set; with batch norm by three kinds of statistics."""
        network, config = self.network, self.config
        x, y = tensors(self.dataset.text.dev, self.device)
        dev = evaluation.dev_loss(network, x, y, network.running_statistics)
        if not config.bn:
            return Evaluation(lane=config.key, step=self.step, dev=dev)
        calibrated = evaluation.calibrated_statistics(network, self.dataset.x)
        return Evaluation(
            lane=config.key,
            step=self.step,
            dev=dev,
            dev_calibrated=evaluation.dev_loss(network, x, y, lambda layer, _: calibrated[layer]),
            dev_batch=evaluation.dev_loss(network, x, y, rows=self._now.batch_size),
        )
