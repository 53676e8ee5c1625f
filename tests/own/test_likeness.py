"""Whether two networks start alike: a gain is no difference, other draws are."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tuiinit.engine.own.gains import set_gain
from tuiinit.engine.own.likeness import Begun, begun, unlike


def started(model: nn.Module, gain: float | None = None, batch: float = 1.0) -> Begun:
    if gain is not None:
        set_gain(model, set(), gain)
    return begun(model, torch.full((2, 3), batch))


def lstm(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    model = nn.ModuleDict({"body": nn.LSTM(3, 8, proj_size=4), "head": nn.Linear(4, 2)})
    with torch.no_grad():
        model["body"].weight_ih_l0[:8] *= 3  # type: ignore[operator,index]  # gates of other stds
    return model


@pytest.mark.parametrize("make", [lstm, lambda: nn.GRUCell(3, 8), lambda: nn.Conv2d(2, 3, 3), lambda: nn.RNN(3, 4)])
def test_a_gain_is_no_difference(make: object) -> None:
    assert callable(make)
    torch.manual_seed(1)
    plain = started(make())
    torch.manual_seed(1)
    assert unlike(started(make(), gain=0.5), plain) is None


def test_other_draws_are_named_by_the_first_parameter() -> None:
    assert unlike(started(lstm()), started(lstm(seed=1))) == ("weights", "body.weight_ih_l0")


def test_other_batches_are_told() -> None:
    assert unlike(started(lstm()), started(lstm(), batch=2.0)) == ("batches", "")
