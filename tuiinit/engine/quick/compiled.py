"""A step compiled ahead of time by another process, while the plain step trains on.

Notable: nothing of the compiler is loaded into the engine. A child process exports the step, compiles it to
a shared library in the user's cache folder and ends; the engine loads the library in milliseconds, now and
at every later start. Gain, scales, seed and lr are inputs, so one library serves all lanes of one shape.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
import torch
from torch import Tensor

from .. import library
from ..network import Network
from .recipe import Recipe, folder

if TYPE_CHECKING:
    from ..steps import Quick, Step


Runner = Callable[[list[Tensor]], list[Tensor]]


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
        state = [*network.weights, *network.vectors, network.flat_grad, network.memory.all_running]

        def whole(x: Tensor, y: Tensor) -> None:
            step.record.copy_(runner([*state, x, y, lr])[0])

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
                [sys.executable, "-m", "tuiinit.engine.quick.compiling"],
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


def possible() -> bool:
    """Whether there is a C++ compiler, and a PyTorch that can use it and run what it made."""
    compilers = [os.environ.get("CXX", ""), "g++", "clang++", "c++"]
    return (
        any(shutil.which(name) for name in compilers if name)
        and hasattr(torch._C, "_aoti")
        and hasattr(torch._C._aoti, "AOTIModelContainerRunnerCpu")
    )
