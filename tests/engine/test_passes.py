"""The written-out forward and backward pass, against the same modules run by PyTorch."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from tests.engine.conftest import CPU
from tests.hooked import hooked
from tuiinit.config.run import RunConfig
from tuiinit.engine.minibatches import Dataset
from tuiinit.engine.network import Network
from tuiinit.engine.passes import train_pass


@pytest.mark.parametrize("bn", [False, True])
@pytest.mark.parametrize("nonlinearity", ["tanh", "relu", "selu"])
def test_hooks_see_what_the_written_out_pass_keeps(dataset: Dataset, nonlinearity: str, bn: bool) -> None:
    config = RunConfig(hidden=(30, 20, 10), nonlinearity=nonlinearity, bn=bn, output_scale=1.0)  # type: ignore[arg-type]
    one, other = (Network(config, 27, torch.Generator().manual_seed(3), CPU) for _ in range(2))
    x, y = dataset.x[:32], dataset.y[:32]
    with torch.no_grad():
        _, kept = train_pass(one, x, y, keep=True)
    with hooked(other) as caught:
        functional.cross_entropy(other(x), y).backward()
    assert kept is not None
    assert [name for name, _ in caught] == [f"layers.{i}.nonlinearity" for i in range(3)]
    for mine, (_, theirs) in zip(kept.outputs, caught, strict=True):
        torch.testing.assert_close(mine, theirs.detach())
    for mine, (_, theirs) in zip(kept.grads, caught, strict=True):
        torch.testing.assert_close(mine, theirs.grad, rtol=1e-4, atol=1e-8)
