"""Optimizers over one flat tensor give PyTorch's numbers, to the bit, without loading its compiler."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch

from tests.engine.conftest import CPU
from tuiinit.config.run import RunConfig
from tuiinit.engine.network import Network
from tuiinit.engine.optimizers import _of_pytorch, make_optimizer

LOADED = """
import sys, torch
from tuiinit.config.run import RunConfig
from tuiinit.engine.network import Network
from tuiinit.engine.optimizers import make_optimizer
for name in ("momentum", "rmsprop", "adam", "adamw"):
    config = RunConfig(optimizer=name, hidden=(5,), device="cpu")
    make_optimizer(config, Network(config, 27, torch.Generator(), torch.device("cpu"))).step()
print("torch._dynamo" in sys.modules)
"""


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "momentum"},
        {"optimizer": "momentum", "momentum": 0.0},
        {"optimizer": "rmsprop", "alpha": 0.9},
        {"optimizer": "adam"},
        {"optimizer": "adam", "beta1": 0.5, "beta2": 0.9},
        {"optimizer": "adamw"},
        {"optimizer": "adamw", "weight_decay": 0.0},
    ],
    ids=str,
)
def test_updates_are_pytorchs(settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    config = RunConfig(hidden=(13,), lr=0.01, device="cpu", **settings)
    one, other = (Network(config, 27, torch.Generator().manual_seed(1), CPU) for _ in range(2))
    mine = make_optimizer(config, one)
    assert mine is not None
    with monkeypatch.context() as patched:  # their numbers may live on the device only where it is an accelerator
        for kind in (torch.optim.RMSprop, torch.optim.Adam, torch.optim.AdamW):
            patched.setattr(torch.optim, kind.__name__, lambda *a, kind=kind, capturable, **k: kind(*a, **k))
        theirs = _of_pytorch(config, other)
    generator = torch.Generator().manual_seed(2)
    for step in range(20):
        for network in (one, other):
            network.flat_grad.copy_(torch.randn(network.flat.shape, generator=generator.clone_state()) * 10.0**-step)
        torch.randn(one.flat.shape, generator=generator)
        if step == 10:
            for optimizer in (mine, theirs):
                optimizer.param_groups[0]["lr"] = 0.03
        mine.step()
        theirs.step()
        assert torch.equal(one.flat, other.flat)


def test_the_compiler_is_not_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
