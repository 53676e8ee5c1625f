"""Theory of one layer against what the layer gives for a hundred thousand normal numbers."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from tuiinit.measure.activations import FLAT, activation_of
from tuiinit.measure.catching import Catch
from tuiinit.measure.local_theory import keeping_gain, predicted_std
from tuiinit.measure.rows import Row

MODULES = [
    nn.Tanh(), nn.Sigmoid(), nn.Hardtanh(), nn.Hardsigmoid(), nn.Softsign(), nn.ReLU(), nn.ReLU6(), nn.LeakyReLU(0.2),
    nn.PReLU(), nn.ELU(), nn.CELU(), nn.SELU(), nn.GELU(), nn.GELU("tanh"), nn.SiLU(), nn.Mish(), nn.Hardswish(),
    nn.Softplus(), nn.LogSigmoid(), nn.Softshrink(), nn.Hardshrink(), nn.Tanhshrink(), nn.Threshold(0.5, 0.1),
]  # fmt: skip


def row_of(model: nn.Module, inputs: Tensor, name: str = "0") -> Row:
    model = nn.Sequential(model)
    with Catch(model, details=True, histograms=False) as catch:
        model(inputs.requires_grad_(inputs.is_floating_point())).sum().backward()
    catch.fetch()
    assert catch.failure is None
    return next(row for row in catch.rows if row.name == name)


def measured(row: Row) -> float:
    figures = row.output()
    assert figures is not None
    return figures.std


def test_every_activation_is_tried() -> None:
    assert {activation_of(module) for module in MODULES} | {"rrelu"} == set(FLAT)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: type(module).__name__)
@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (0.7, 2.5), (-0.2, 0.05)])
def test_activations_are_predicted(module: nn.Module, mean: float, std: float) -> None:
    torch.manual_seed(0)
    row = row_of(module, mean + std * torch.randn(100, 1000))
    assert predicted_std(row) == pytest.approx(measured(row), rel=0.03, abs=2e-4)


LAYERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "Linear": (lambda: nn.Linear(400, 300), (200, 400)),
    "Conv1d": (lambda: nn.Conv1d(20, 40, 5), (16, 20, 60)),
    "Conv2d padded": (lambda: nn.Conv2d(30, 60, 7, padding=3), (16, 30, 6, 6)),
    "Conv2d same, dilated": (lambda: nn.Conv2d(30, 60, 3, padding="same", dilation=2), (16, 30, 8, 8)),
    "Conv2d grouped": (lambda: nn.Conv2d(40, 80, 3, groups=4, stride=2), (16, 40, 17, 17)),
    "Conv2d reflecting": (lambda: nn.Conv2d(20, 40, 5, padding=2, padding_mode="reflect"), (16, 20, 9, 9)),
    "Conv3d": (lambda: nn.Conv3d(12, 30, 3), (8, 12, 7, 7, 7)),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(40, 30, 4, stride=2, padding=1), (8, 40, 16, 16)),
    "LayerNorm": (lambda: nn.LayerNorm(300), (100, 300)),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(30), (16, 30, 8, 8)),
    "GroupNorm": (lambda: nn.GroupNorm(3, 30), (16, 30, 8, 8)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_predicted(name: str) -> None:
    make, shape = LAYERS[name]
    torch.manual_seed(0)
    row = row_of(
        make(),
        1.5 * torch.randn(shape) + (0.0 if "Norm" in name else 0.3 * torch.randn(shape[:2] + (1,) * (len(shape) - 2))),
    )
    assert predicted_std(row) == pytest.approx(measured(row), rel=0.06)


def test_tables_are_predicted() -> None:
    row = row_of(nn.Embedding(500, 64), torch.randint(500, (64, 64)))
    assert predicted_std(row) == pytest.approx(measured(row), rel=0.03)


def test_gains_that_keep_are_those_of_the_textbook() -> None:
    assert keeping_gain(torch.relu) == pytest.approx(math.sqrt(2), rel=1e-4)
    assert keeping_gain(nn.SELU()) == pytest.approx(1, rel=1e-3)
    assert keeping_gain(torch.tanh) == pytest.approx(1.5925, rel=1e-3)
    assert keeping_gain(lambda x: x) == pytest.approx(1, rel=1e-6)
    assert keeping_gain(lambda x: 0 * x) is None
    assert keeping_gain(lambda x: x.sum()) is None
