"""Which initialiser drew a matrix, by its values alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tuiinit.measure.layers import Fans, began, fans

INITIALISERS: dict[str, tuple[Callable[[Tensor], Any], str]] = {
    "default": (lambda w: nn.init.kaiming_uniform_(w, a=5**0.5), "pytorch_default"),
    "kaiming normal": (lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu"), "kaiming_normal"),
    "kaiming normal, tanh": (lambda w: nn.init.kaiming_normal_(w, nonlinearity="tanh"), "kaiming_normal"),
    "kaiming normal, out": (
        lambda w: nn.init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu"),
        "kaiming_normal",
    ),
    "kaiming uniform": (lambda w: nn.init.kaiming_uniform_(w, nonlinearity="relu"), "kaiming_uniform"),
    "xavier normal": (nn.init.xavier_normal_, "xavier_normal"),
    "xavier uniform": (nn.init.xavier_uniform_, "xavier_uniform"),
    "orthogonal": (nn.init.orthogonal_, "orthogonal_or_lecun"),
    "lecun": (lambda w: nn.init.kaiming_normal_(w, nonlinearity="linear"), "orthogonal_or_lecun"),
    "0.02": (lambda w: nn.init.normal_(w, std=0.02), "fixed_std"),
    "0.02 truncated": (lambda w: nn.init.trunc_normal_(w, std=0.02), "fixed_std"),
    "zeros": (nn.init.zeros_, "zeros"),
    "ones": (nn.init.ones_, "constant"),
}


@pytest.mark.parametrize("fan", [16, 64, 256, 1024, 4096])
@pytest.mark.parametrize("name", INITIALISERS)
def test_initialisers_are_recognised(name: str, fan: int) -> None:
    draw, expected = INITIALISERS[name]
    torch.manual_seed(fan)
    weight = torch.empty(fan * 3 // 2 if fan < 4096 else 512, fan)
    draw(weight)
    found = began(weight, Fans(fan, weight.shape[0])).initialiser
    assert found == expected


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_other_types_are_recognised(dtype: torch.dtype) -> None:
    weight = nn.Linear(256, 128, dtype=dtype).weight
    assert began(weight, Fans(256, 128)).initialiser == "pytorch_default"


def test_what_is_not_finite_or_odd_is_unknown() -> None:
    weight = torch.randn(64, 64)
    weight[3, 3] = float("nan")
    assert began(weight, Fans(64, 64)).initialiser == "unknown"
    assert began(torch.randn(64, 64) * 0.37, Fans(64, 64)).initialiser == "unknown"
    assert began(torch.zeros(0, 4), Fans(4, 1)).gain == 0


def test_fans_are_those_of_torch() -> None:
    for module in (nn.Linear(6, 4), nn.Conv2d(6, 4, 3), nn.Conv1d(6, 9, 5)):
        found = fans(module)
        assert found is not None
        assert tuple(found) == nn.init._calculate_fan_in_and_fan_out(module.weight)
    assert fans(nn.Conv2d(6, 6, 3, groups=6)) == (9, 9)
    assert fans(nn.ConvTranspose2d(8, 4, 4, stride=2)) == (32, 64)
    assert fans(nn.LayerNorm(4)) is None
    assert fans(nn.ReLU()) is None
