"""The compiling process: makes one library from one recipe."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import torch
from torch import Tensor
from torch.fx import GraphModule

from ...host.files import private
from .. import library

if TYPE_CHECKING:
    pass

from .functional import FunctionalStep
from .recipe import Recipe, folder

KEPT = 32  # libraries in the cache folder (2 MB each), the longest unused dropped first
NICENESS = 10  # of the compiling process: training goes first


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
