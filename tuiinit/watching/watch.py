"""`tuiinit.watch`: one line in a training script, and its training can be looked at from any terminal."""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from .. import __version__
from ..measure.models import unwrapped
from ..measure.step import Step
from ..stream import protocol
from ..stream.protocol import Ended, Hello, Run
from ..stream.runs import runs_folder
from .about import command_line, commit_of, run_name
from .control import Control
from .frames import Circumstances, Frames
from .losses import LossBlocks
from .writing import Writer, first_frames, open_file

T = TypeVar("T")
_open: weakref.WeakSet[Watch] = weakref.WeakSet()


class Watch:
    """A run that is watched. It never raises, and never changes what is trained; see `tuiinit.watch`.

    Attributes:
        path: the recording, None where nothing is recorded.
        shares: tells a scaler's factor, where the losses that the model itself gives in a step's micro-batches are
            shares of the step's loss, or are divided to be: their sum is then told.
    """

    def __init__(self) -> None:
        self.path: Path | None = None
        self.shares: Callable[[], float] | None = None
        self._over = True
        self._handles: list[Any] = []
        self._step: Step | None = None
        self._writer: Writer | None = None

    def _begin(
        self,
        model: nn.Module,
        optimizers: list[Optimizer],
        writer: Writer,
        control: Control,
        samples: int | None,
        only: re.Pattern[str] | None,
        name: str,
        parameters: int,
    ) -> None:
        self._model, self._optimizers, self._samples, self._only = model, optimizers, samples, only
        self._writer, self._control, self._parameters = writer, control, parameters
        self._frames = Frames(name)
        self._blocks = LossBlocks(control.now)
        self._own = 0.0  # seconds that went into the measured step, as far as they are known
        self._skipped: Tensor | float = 0.0
        self._lock = threading.RLock()
        self._pid = os.getpid()
        self._over = False
        if optimizers:
            for optimizer in optimizers:
                self._handles.append(optimizer.register_step_pre_hook(self._before))
                self._handles.append(optimizer.register_step_post_hook(self._after))
        else:
            self._handles.append(register_optimizer_step_pre_hook(self._before))
            self._handles.append(register_optimizer_step_post_hook(self._after))
        _open.add(self)
        self._guarded(self._arm, control.first())

    # --------------------------------------------------------------------------------------- for the script

    def loss(self, loss: T, *, scale: float | Tensor = 1.0) -> T:
        """Tell a loss, before it is divided (accumulation) or scaled; gives it back.

        Args:
            loss: a tensor of one number; of each micro-batch.
            scale: what it was multiplied by, where only a loss that was divided or scaled is at hand.
        """
        if not self._over and isinstance(loss, Tensor):
            held = self._blocks if self._step is None else self._step
            self._guarded(held.hold, loss, scale)
        return loss

    def measure(self) -> None:
        """Measure the next step, whatever it costs."""
        if not self._over:
            self._control.wish()

    def close(self) -> None:
        """End the watching; what was measured is written. Safe to call twice."""
        self._end(Ended())

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(Ended(text="" if error is None else f"{type(error).__name__}: {error}"[:2000]))

    # ----------------------------------------------------------------------------------------------- hooks

    def _before(self, optimizer: Optimizer, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        if self._over or not self._ours(optimizer):
            return
        found = getattr(optimizer, "found_inf", None)  # of a fused optimizer, which leaves a step out by itself
        if found is not None:
            self._guarded(self._skip, found)
        step = self._step
        if step is not None:
            closure = any(callable(value) for value in (*given[1:], named.get("closure")))
            self._guarded(step.before, optimizer, closure)

    def _skip(self, found: Tensor) -> None:
        self._skipped = self._skipped + found.detach().float().reshape(()).clone()

    def _after(self, optimizer: Optimizer, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        if self._over or not self._ours(optimizer):
            return
        self._guarded(self._ended, optimizer)

    def _ours(self, optimizer: Optimizer) -> bool:
        if self._optimizers:
            return optimizer is self._optimizers[-1] or any(optimizer is one for one in self._optimizers)
        mine = {id(value) for value in self._model.parameters()}
        if not any(id(value) in mine for group in optimizer.param_groups for value in group["params"]):
            return False
        self._optimizers = [optimizer]  # the first one that moves the model
        return True

    def _ended(self, optimizer: Optimizer) -> None:
        step = self._step
        if step is not None:
            step.after(optimizer)
        if optimizer is not self._optimizers[-1]:
            return
        if self._writer is None or self._writer.problem is not None:
            self._give_up((self._writer.problem if self._writer is not None else None) or "")
            return
        if step is not None:
            began = self._control.clock()
            step.finish()
            self._step = None
            self._own += self._control.clock() - began
            if step.failure is not None:
                raise step.failure
            if self._blocks:
                self._tell_losses()
            self._blocks.skip()
            self._tell(step, optimizer)
        else:
            self._blocks.ended()
            if self._blocks.due(self._control.now):
                self._tell_losses()
        armed = self._control.ended(self._own, self._writer.busy)
        self._own = 0.0
        self._arm(armed)

    def _tell_losses(self) -> None:
        first, read = self._blocks.take(self._control.now)
        speed, share = self._control.speed, self._control.share
        if self._writer is not None:
            self._writer.put(lambda: self._frames.block(first, read(), speed, share))

    def _tell(self, step: Step, optimizer: Optimizer) -> None:
        assert self._writer is not None
        self._skipped = float(self._skipped) + step.skipped
        control = self._control
        about = Circumstances(
            step=control.step + 1,
            optimizer=type(optimizer).__name__,
            parameters=self._parameters,
            speed=control.speed,
            share=control.share,
            skipped=round(self._skipped),
            cost=self._own,
        )
        self._writer.put(lambda: self._frames.of(step, about))

    def _arm(self, armed: bool) -> None:
        if armed and not (torch.cuda.is_available() and torch.cuda.is_current_stream_capturing()):
            began = self._control.clock()
            self._step = Step(
                self._model, self._samples, self._only, lambda: self.shares() if self.shares is not None else None
            )
            self._own += self._control.clock() - began

    # ------------------------------------------------------------------------------------------------- end

    def _guarded(self, do: Callable[..., object], *given: Any) -> None:
        try:
            if self._step is None:  # then nothing is worked out of what could carry a graph: most steps go by here
                do(*given)
                return
            with torch.no_grad():
                do(*given)
        except Exception as error:
            self._give_up(f"{type(error).__name__}: {error}")

    def _give_up(self, why: str) -> None:
        with contextlib.suppress(Exception):
            self._end(None)
            _warn(f"this run is watched no further: {why}")

    def _end(self, ended: Ended | None) -> None:
        if self._over:
            return
        self._over = True
        for handle in self._handles:
            with contextlib.suppress(Exception):
                handle.remove()
        self._handles.clear()
        step, self._step = self._step, None
        with contextlib.suppress(Exception):
            if step is not None:
                step.close()
        with contextlib.suppress(Exception):
            if ended is not None:
                self._tell_losses()
        with contextlib.suppress(Exception):
            if self._writer is not None:
                self._writer.close(ended)
        _open.discard(self)

    def _leave(self) -> None:
        """In a forked child: it is the parent's run."""
        writer, self._writer = self._writer, None
        if writer is not None:
            with contextlib.suppress(OSError):
                writer.leave()
        self._end(None)
        self.path = None


def watch(
    model: nn.Module,
    optimizer: Optimizer | Sequence[Optimizer] | None = None,
    *,
    name: str | None = None,
    budget: float = 0.02,
    every: int | None = None,
    samples: int | None = 4096,
    modules: str | None = None,
    record: str | os.PathLike[str] | None = None,
    rank: int = 0,
) -> Watch:
    """Record how a network trains, to be looked at from any terminal: `tuiinit attach`, `tuiinit tail`.

    Training is neither changed nor waited for, and nothing raises after this call: where watching cannot go on, there
    is one warning.

    Args:
        model: any module, wrapped or not.
        optimizer: a step of the run is one of its; of a list the last one's. None: the first one that moves the model.
        name: of the run; by default the script's.
        budget: share of the time that measuring may take while somebody looks; a tenth of it while nobody does.
        every: measure every so many steps instead.
        samples: values taken of a tensor; None takes all.
        modules: a regular expression; only rows whose names it finds.
        record: where the recording goes; by default the user's state folder.
        rank: the process of a distributed training that records.

    Raises:
        TypeError, ValueError: an argument is of no use.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"tuiinit.watch takes a torch.nn.Module, not {type(model).__name__}")
    optimizers = _optimizers(optimizer)
    if not 0 <= budget < 1:
        raise ValueError(f"budget is a share of the time from 0 to 1, not {budget}")
    if every is not None and every < 1:
        raise ValueError(f"every counts steps from 1, not {every}")
    if samples is not None and samples < 1:
        raise ValueError(f"samples counts values from 1, not {samples}")
    try:
        only = None if modules is None else re.compile(modules)
    except re.error as error:
        raise ValueError(f"modules is no regular expression: {error}") from None
    handle = Watch()
    mine, ranks = _ranks()
    if mine != rank:
        return handle
    try:
        control = Control(time.perf_counter, budget=budget, every=every)
        inside = unwrapped(model)
        size = sum(value.numel() for value in inside.parameters())
        run = Run(
            name=run_name(name),
            text=command_line(),
            path=os.getcwd(),
            commit=commit_of(Path(os.getcwd())),
            parameters=size,
            began=time.time(),
            rank=mine,
            ranks=ranks,
            sharded=any(hasattr(value, "to_local") for value in inside.parameters()),
        )
        folder = None if record is not None else runs_folder()
        file = open_file(folder, run.name, None if record is None else Path(record))
        writer = Writer(file, lambda seen: setattr(control, "seen", seen), control.wish)
        writer.put(first_frames(_hello(inside), run))
        handle.path = file.path
        handle._begin(model, optimizers, writer, control, samples, only, run.name, size)
    except Exception as error:
        why = (error.strerror or str(error)) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        _warn(f"this run is not watched: {why}")
    return handle


def _optimizers(given: object) -> list[Optimizer]:
    if given is None:
        return []
    found = []
    for one in given if isinstance(given, list | tuple) else [given]:
        inside = getattr(one, "optimizer", one)  # accelerate's is a wrapper
        if not isinstance(inside, Optimizer):
            raise TypeError(f"tuiinit.watch takes a torch.optim.Optimizer or several, not {type(one).__name__}")
        found.append(inside)
    return found


def _ranks() -> tuple[int, int]:
    """This process's rank, and how many there are: as torch.distributed says, or torchrun."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    try:
        return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    except ValueError:
        return 0, 1


def _hello(model: nn.Module) -> Hello:
    device = next((value.device for value in model.parameters()), torch.device("cpu"))
    return Hello(
        version=protocol.VERSION,
        program=__version__,
        torch=str(torch.__version__),
        device=str(device),
        threads=torch.get_num_threads(),
        pid=os.getpid(),
    )


def _warn(text: str) -> None:
    with contextlib.suppress(Exception):  # where warnings are errors, this is none
        warnings.warn(f"tuiinit: {text}", RuntimeWarning, stacklevel=3)


def _forked() -> None:
    for one in list(_open):
        one._leave()


def _exits() -> None:
    for one in list(_open):
        one.close()


os.register_at_fork(after_in_child=_forked)
atexit.register(_exits)
