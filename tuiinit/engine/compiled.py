"""A step compiled ahead of time by another process, while the plain step trains on.

Notable: nothing of the compiler is loaded into the engine. A child process exports the step, compiles it to
a shared library in the user's cache folder and ends; the engine loads the library in milliseconds, now and
at every later start. Gain, scales, seed and lr are inputs, so one library serves all lanes of one shape.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import torch
from torch import Tensor, nn
from torch.fx import GraphModule

from ..config import RunConfig
from ..files import private
from ..paths import cache_folder
from . import library
from .network import CURVES, Network

if TYPE_CHECKING:
    from .steps import Quick, Step

KEPT = 32  # libraries in the cache folder (2 MB each), the longest unused dropped first
NICENESS = 10  # of the compiling process: training goes first
#: Settings that decide the shape of a step; all others are inputs of it, or play no part.
SHAPING = (
    "context", "embedding", "hidden", "nonlinearity", "bn", "bn_style", "bn_momentum", "bn_eps", "bias_before_bn",
)  # fmt: skip


Runner = Callable[[list[Tensor]], list[Tensor]]


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that a compiled step depends on."""

    config: RunConfig  # of SHAPING alone
    classes: int
    rows: int
    updates: bool  # the update of plain SGD and what it tells are part of it; else it ends with the gradients

    @classmethod
    def of(cls, network: Network, rows: int, *, updates: bool) -> Recipe:
        """The recipe for a network's step on minibatches of `rows` examples."""
        shaping = {name: getattr(network.config, name) for name in SHAPING}
        return cls(RunConfig(device="cpu", **shaping), len(network.weights[0]), rows, updates)

    @property
    def name(self) -> str:
        """A file name that changes with anything the library depends on."""
        parts = (msgspec.json.encode(self), _version(), torch.__version__, torch.backends.cpu.get_cpu_capability())
        return hashlib.blake2s(repr(parts).encode(), digest_size=12).hexdigest() + ".so"


@functools.cache
def _version() -> bytes:
    """Changes with the code that a library is made from: its formulas, the tensors' layout, what is told."""
    here = Path(__file__).parent
    sources = [(here / f"{name}.py").read_bytes() for name in ("compiled", "network", "steps")]
    return hashlib.blake2s(b"".join(sources)).digest()


class FunctionalStep(nn.Module):
    """The step of `steps.Step` on minibatches of one size in plain formulas, for a compiler to fuse.

    Returns what is told (see `Step.told`), or the loss alone where the recipe ends with the gradients.
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        network = Network(recipe.config, recipe.classes, torch.Generator(), torch.device("cpu"))
        self.shapes = [t.shape for t in (*network.weights, *network.vectors)]
        self.groups = [group.shape[1] for group in network.groups]  # matrices in each

    def forward(self, *given: Tensor) -> Tensor:
        """Weights, vectors, `flat_grad` and `running` as in Network, all written to; x, y as in Pass.run; lr (1,)."""
        parameters, (flat_grad, running, x, y, lr) = given[:-5], given[-5:]
        recipe, config = self.recipe, self.recipe.config
        rows, depth = recipe.rows, len(config.hidden) + 1
        curve = CURVES[config.nonlinearity]
        forward = tanh if config.nonlinearity == "tanh" else lambda x: curve.forward_(x.clone())
        weights, vectors = parameters[: depth + 1], iter(parameters[depth + 1 :])
        degrees = rows - 1 if config.bn_style == "lecture" else rows  # of freedom, of the variance divided by
        # Examples are columns here: W @ d takes MKL half the time of d @ W.t().
        h = weights[0][x].view(rows, -1).t()
        inputs: list[Tensor] = []
        saved: list[tuple[Tensor, Tensor]] = []  # normalised values, and what their gradient is multiplied by
        means: list[Tensor] = []
        variances: list[Tensor] = []
        for i in range(depth):
            inputs.append(h)
            h = weights[i + 1].t() @ h
            if not config.bn or config.bias_before_bn:
                h = h - -next(vectors)[:, None]  # as a sum it would be one slower operator with the product
            if config.bn:
                mean = h.mean(1, keepdim=True)
                h = h - mean
                squares = (h * h).sum(1, keepdim=True)
                inverse_std = torch.rsqrt(squares / degrees + config.bn_eps)
                gamma, beta = next(vectors)[:, None], next(vectors)[:, None]
                normalised = h * inverse_std
                saved.append((normalised, gamma * inverse_std))
                means.append(mean[:, 0])
                variances.append(squares[:, 0] / (rows - 1))
                h = gamma * normalised + beta
            if i < depth - 1:
                h = forward(h)
        log_p = torch.log_softmax(h, 0)
        loss = -log_p.gather(0, y.t()).mean()
        d = (log_p.exp() - (torch.arange(recipe.classes)[:, None] == y.t()).to(log_p.dtype)) / rows
        weight_grads: list[Tensor] = []
        vector_grads: list[Tensor] = []
        for i in range(depth - 1, -1, -1):
            if i < depth - 1:
                d = curve.backward_(d.clone(), inputs[i + 1])
            if config.bn:
                normalised, factor = saved[i]
                d_beta, d_gamma = d.sum(1, keepdim=True), (d * normalised).sum(1, keepdim=True)
                vector_grads += [d_beta[:, 0], d_gamma[:, 0]]
                d = factor * (d - d_beta / rows - normalised * d_gamma / degrees)
            if not config.bn or config.bias_before_bn:
                vector_grads.append(d.sum(1))
            weight_grads.append(inputs[i] @ d.t())
            d = weights[i + 1] @ d
        d = d.t().reshape(-1, config.embedding)
        weight_grads.append(torch.zeros_like(weights[0]).index_put((x,), d, accumulate=True))
        grads = [*weight_grads[::-1], *vector_grads[::-1]]
        if config.bn:
            now = torch.stack([torch.cat(means), torch.cat(variances)])
            running.copy_(running + config.bn_momentum * (now - running))
        if not recipe.updates:
            flat_grad.copy_(torch.cat([g.reshape(-1) for g in grads]))
            return loss
        updated = [p - lr * g for p, g in zip(parameters, grads, strict=True)]
        for p, new in zip(parameters, updated, strict=True):
            p.copy_(new)
        told = [loss]
        pairs = iter(zip(updated, grads, strict=True))  # the vectors' are left
        for count in self.groups:
            sides = list(zip(*itertools.islice(pairs, count), strict=True))
            told += [t.sum() for side in sides for t in side]
            told += [(t * t).sum().sqrt() for side in sides for t in side]
        return torch.stack(told)


def tanh(x: Tensor) -> Tensor:
    """tanh in plain formulas, which compiled take a third of the operator's time; relative error below 3e-7.

    Up to 1 by Lambert's continued fraction, cut after five levels; beyond by (1 - e) / (1 + e), e = exp(-2 |x|),
    which alone would lose the digits of small values.
    """
    square, size = x * x, x.abs()
    e = torch.exp(-2 * size)
    small = size < 1
    above = torch.where(small, x * (945 + square * (105 + square)), torch.where(x < 0, e - 1, 1 - e))
    return above / torch.where(small, 945 + square * (420 + 15 * square), 1 + e)


class Compiler:
    """Compiles what is asked for, one recipe at a time, in a process of its own."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._doing: Recipe | None = None
        self._given_up: set[Recipe] = set()
        self._runners: dict[Recipe, Runner] = {}
        self.refused = ""  # why what lies in the cache folder is not run, one sentence

    def quick(self, step: Step, network: Network) -> Quick | None:
        """A compiled step in place of `step`; None as long as, or if, there is none."""
        recipe = Recipe.of(network, step.rows, updates=step.plain_sgd)
        runner = self._runner(recipe)
        if runner is None:
            return None
        lr = torch.tensor([step.factor])
        state = [*network.weights, *network.vectors, network.flat_grad, network.running]

        def whole(x: Tensor, y: Tensor) -> None:
            step.told.copy_(runner([*state, x, y, lr])[0])

        def gradients(x: Tensor, y: Tensor) -> None:
            step.loss.copy_(runner([*state, x, y, lr])[0])
            step.update()

        return whole if recipe.updates else gradients

    @property
    def working(self) -> bool:
        """Whether something is being compiled."""
        self._reap()
        return self._doing is not None

    def _runner(self, recipe: Recipe) -> Runner | None:
        if recipe in self._runners:
            return self._runners[recipe]
        self._reap()
        if recipe in self._given_up:
            return None
        try:
            path = folder() / recipe.name
            there = library.find(path)
        except (OSError, library.UntrustedError) as error:  # no home folder, or none that may be read
            self._given_up.add(recipe)
            if isinstance(error, library.UntrustedError):
                self.refused = f"{error}, so what lies there is not run"
            return None
        if there is not None:
            try:
                runner = torch._C._aoti.AOTIModelContainerRunnerCpu(there, 1)
                with contextlib.suppress(OSError):
                    os.utime(path)
                self._runners[recipe] = runner.run
                return self._runners[recipe]
            except Exception as error:  # made by another machine, cut off, or refused by a hardened system
                print(f"a compiled step cannot be used: {error}", file=sys.stderr)
                self._given_up.add(recipe)
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
        elif self._doing is None:
            self._start(recipe)
        return None

    def _start(self, recipe: Recipe) -> None:
        if not possible():
            self._given_up.add(recipe)
            return
        with contextlib.suppress(OSError):  # no memory for a process, or it ended at once: then `_reap` gives up
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tuiinit.engine.compiled"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            assert self._process.stdin is not None
            self._process.stdin.write(msgspec.json.encode(recipe) + b"\n")
            self._process.stdin.flush()  # and left open: its end tells the child that the engine is gone
        self._doing = recipe

    def _reap(self) -> None:
        if self._doing is not None and (self._process is None or self._process.poll() is not None):
            if not (folder() / self._doing.name).exists():
                self._given_up.add(self._doing)
            self._process = self._doing = None


def folder() -> Path:
    """Where compiled steps are kept."""
    return cache_folder() / "compiled"


def possible() -> bool:
    """Whether there is a C++ compiler, and a PyTorch that can use it and run what it made."""
    compilers = [os.environ.get("CXX", ""), "g++", "clang++", "c++"]
    return (
        any(shutil.which(name) for name in compilers if name)
        and hasattr(torch._C, "_aoti")
        and hasattr(torch._C._aoti, "AOTIModelContainerRunnerCpu")
    )


def compile_to(recipe: Recipe, path: Path) -> None:
    """Compile a step into a shared library. Takes half a minute; raises what the compiler raises."""
    import torch._inductor

    if path.exists():
        return
    step = FunctionalStep(recipe)
    parameters = [torch.zeros(shape) for shape in step.shapes]
    config = recipe.config
    running = sum(config.hidden) + recipe.classes if config.bn else 0
    inputs = (
        *parameters, torch.zeros(sum(p.numel() for p in parameters)), torch.zeros((2, running)),
        torch.zeros(recipe.rows * config.context, dtype=torch.int64), torch.zeros((recipe.rows, 1), dtype=torch.int64),
        torch.zeros(1),
    )  # fmt: skip
    with torch.no_grad():
        exported = torch.export.export(step, inputs).module()
        made = _compiled(exported, inputs)
    library.keep(made, path)
    for old in sorted(path.parent.glob("*.so"), key=lambda p: p.stat().st_mtime)[:-KEPT]:
        old.unlink(missing_ok=True)


def _compiled(exported: GraphModule, inputs: tuple[Tensor, ...]) -> str:
    """The path of the library, for the widest vectors that both the machine and the compiler know."""
    options = {
        "memory_planning": True,  # one piece of memory a step in place of fifty
        # What this PyTorch itself runs on is there: to try it out takes long, and fails on a busy machine.
        "cpp.vec_isa_ok": True,
        # One library is built, not many: headers compiled beforehand would be used once.
        "cpp_cache_precompile_headers": False,
        "aot_inductor.precompile_headers": False,
    }
    mine = torch.backends.cpu.get_cpu_capability().lower()
    known = list(dict.fromkeys([mine, "avx2"])) if mine.startswith("avx") else [None]
    for capability in known:
        if capability is not None:
            os.environ["ATEN_CPU_CAPABILITY"] = capability
        try:
            return str(torch._inductor.aot_compile(exported, inputs, options=options))
        except Exception:
            if capability is known[-1]:
                raise
    raise AssertionError


def main() -> None:
    """The compiling process: reads one recipe, ends when it is done or when its standard input ends."""
    import fcntl
    import signal
    import threading

    os.nice(NICENESS)
    torch.set_num_threads(1)
    recipe = msgspec.json.decode(sys.stdin.buffer.readline(), type=Recipe)
    with tempfile.TemporaryDirectory(prefix="tuiinit-") as scratch:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = scratch
        os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"

        def leave(*_: object) -> None:
            shutil.rmtree(scratch, ignore_errors=True)
            os.killpg(0, signal.SIGKILL)  # the compiler too

        def wait_for_the_engine() -> None:
            while sys.stdin.buffer.read(1):
                pass
            leave()

        signal.signal(signal.SIGTERM, leave)
        threading.Thread(target=wait_for_the_engine, daemon=True).start()
        path = folder() / recipe.name
        library.make_folder(path.parent)
        with open(path.with_suffix(".lock"), "w", opener=private) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # another engine may be at the same
            compile_to(recipe, path)
        path.with_suffix(".lock").unlink(missing_ok=True)


if __name__ == "__main__":
    main()
