"""What a compiled step depends on, and the file that it is kept in."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

import msgspec
import torch

from ...config.knobs import SETTINGS
from ...config.run import RunConfig
from ...host.paths import cache_folder
from ..network import Network

#: Settings that decide the shape of a step; all others are inputs of it, or play no part.
SHAPING = tuple(setting.name for setting in SETTINGS if setting.shaping)


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
    """Changes with the code that a library is made from: its formulas, the tensors' layout, a step's record."""
    here = Path(__file__).parent
    names = ("functional.py", "compiling.py", "../network.py", "../steps.py", "../../measure/nonlinearities.py")
    sources = [(here / name).read_bytes() for name in names]
    return hashlib.blake2s(b"".join(sources)).digest()


def folder() -> Path:
    """Where compiled steps are kept."""
    return cache_folder() / "compiled"
