"""Hooks: what any model's nonlinearities give, as a context manager that leaves nothing hooked."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.engine.conftest import CPU
from tests.engine.test_probe import check_activation
from tuiinit.config.nonlinearities import RANGES
from tuiinit.config.run import RunConfig
from tuiinit.engine.minibatches import Dataset
from tuiinit.engine.network import Network
from tuiinit.engine.passes import train_pass
from tuiinit.measure.hooks import Hooks


class Foreign(nn.Module):
    """A model of somebody else's: nested, one layer used twice, a nonlinearity with no gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Sequential(nn.Linear(8, 8), nn.ReLU()))
        self.again = nn.Tanh()
        self.last = nn.Linear(8, 3)
        self.unused = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        h = self.again(h) + self.again(2 * h)
        self.unused(h.detach())
        return self.last(h)


def hooked(model: nn.Module) -> int:
    return sum(len(module._forward_hooks) for module in model.modules())


def test_a_foreign_model() -> None:
    torch.manual_seed(0)
    model = Foreign()
    x = torch.randn(16, 6)
    seen: list[Tensor] = []
    with Hooks(model) as hooks:
        assert hooked(model) == 4
        model(x).square().mean().backward()
    assert hooked(model) == 0
    assert hooks.names == ["first.1", "first.2.1", "again", "again", "unused"]
    one = torch.tanh(model.first[0](x))
    two = torch.relu(model.first[2][0](one))  # type: ignore[index]
    three, four = torch.tanh(two), torch.tanh(2 * two)
    seen = [one, two, three, four]
    for mine, wanted in zip(hooks.outputs, [*seen, torch.sigmoid(three + four)], strict=True):
        torch.testing.assert_close(mine, wanted.detach())
    grads = torch.autograd.grad(model.last(three + four).square().mean(), seen)
    for mine, wanted in zip(hooks.grads, grads, strict=False):
        torch.testing.assert_close(mine, wanted)
    assert not hooks.grads[-1].any()  # no gradient arrived
    records = hooks.activations()
    assert records is not None
    limits = [RANGES[name] for name in ("tanh", "relu", "tanh", "tanh")]
    for record, wanted, grad, limit in zip(records, seen, grads, limits, strict=False):
        check_activation(record, wanted.detach(), grad, limit)


def test_an_exception_leaves_nothing_hooked() -> None:
    model = Foreign()
    with pytest.raises(RuntimeError, match="shapes"), Hooks(model):
        model(torch.zeros(2, 5))
    assert hooked(model) == 0
    with Hooks(model) as hooks, torch.no_grad():
        model(torch.zeros(2, 6))
    assert len(hooks.outputs) == 5
    model(torch.zeros(2, 6))
    assert len(hooks.outputs) == 5


@pytest.mark.parametrize("bn", [False, True])
@pytest.mark.parametrize("nonlinearity", ["tanh", "relu", "selu"])
def test_hooks_see_what_the_written_out_pass_keeps(dataset: Dataset, nonlinearity: str, bn: bool) -> None:
    config = RunConfig(hidden=(30, 20, 10), nonlinearity=nonlinearity, bn=bn, output_scale=1.0)  # type: ignore[arg-type]
    one, other = (Network(config, 27, torch.Generator().manual_seed(3), CPU) for _ in range(2))
    x, y = dataset.x[:32], dataset.y[:32]
    with torch.no_grad():
        _, kept = train_pass(one, x, y, keep=True)
    with Hooks(other) as hooks:
        functional.cross_entropy(other(x), y).backward()
    assert kept is not None
    assert hooks.names == [f"layers.{i}.nonlinearity" for i in range(3)]
    for mine, theirs in zip(kept.outputs, hooks.outputs, strict=True):
        torch.testing.assert_close(mine, theirs)
    for mine, theirs in zip(kept.grads, hooks.grads, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-8)
