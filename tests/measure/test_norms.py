"""A batch norm's statistics of the batch against the batch itself."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tuiinit.measure.fetch import Fetch
from tuiinit.measure.norms import Norms


@pytest.mark.parametrize("momentum", [0.1, 1.0, 0.0, None])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_batchs_mean_and_variance(momentum: float | None, training: bool, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5, momentum=momentum)).to(dtype)
    model[1].running_mean.fill_(3.0)
    model[1].train(training)
    x = (torch.randn(4, 3, 6, 6) * 3 + 1).to(dtype)
    norms = Norms(model)
    model(x)
    model(x * 5)  # a second forward is another matter
    norms.close()
    kept = [model[1].running_mean.clone(), model[1].running_var.clone()]
    values = model[0](x).detach().float().transpose(0, 1).flatten(1)
    fetch = Fetch()
    ((name, asked),) = norms.ask(fetch)
    fetch.fetch()
    mean, var, running_mean, _, gamma, beta = asked()
    assert name == "1"
    assert mean.tolist() == pytest.approx(values.mean(1).tolist(), rel=1e-3, abs=1e-4)
    assert var.tolist() == pytest.approx(values.var(1).tolist(), rel=1e-3)
    assert (gamma.tolist(), beta.tolist()) == ([1.0] * 5, [0.0] * 5)
    if not training or momentum == 0.0:
        assert running_mean.tolist() == kept[0].float().tolist()


def test_of_many_units_some_are_told() -> None:
    model = nn.Sequential(nn.BatchNorm1d(3000), nn.BatchNorm1d(3000))
    norms = Norms(model)
    model(torch.randn(4, 3000))
    norms.close()
    fetch = Fetch()
    found = norms.ask(fetch)
    fetch.fetch()
    assert [asked().shape for _, asked in found] == [(6, 1000), (6, 1000)]
