"""The engine against an independent loop written as the lecture writes it, on the shipped names."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.engine.conftest import Make
from tests.engine.reference import PlainNetwork, Record
from tuiinit.config.nonlinearities import NONLINEARITIES
from tuiinit.engine.minibatches import Dataset
from tuiinit.stream.protocol import floats

STEPS = 30
SATURATED = {
    "tanh": lambda t: t.abs() > 0.97,
    "linear": lambda t: torch.zeros_like(t, dtype=torch.bool),
    "relu": lambda t: t <= 0,
    "leaky_relu": lambda t: torch.zeros_like(t, dtype=torch.bool),
    "sigmoid": lambda t: (2 * t - 1).abs() >= 0.97,
    "selu": lambda t: t <= -0.97 * 1.0507009873554805 * 1.6732632423543772,
}


def close(mine: Any, theirs: Tensor | float, scale: Tensor | float, within: float = 2e-4) -> None:
    """Equal to within a share of what is natural to the quantity."""
    error = float((torch.as_tensor(mine) - torch.as_tensor(theirs)).abs().max())
    assert error <= within * float(scale) + 1e-12, (mine, theirs, error, scale)


def compare(lane: Any, snapshot: Any, record: Record, nonlinearity: str) -> None:
    close(snapshot.loss, record.loss, record.loss, 1e-5)
    close(snapshot.logit_std, record.logits.std(), record.logits.std())
    for act, out, grad in zip(snapshot.activations, record.outs, record.out_grads, strict=True):
        close(act.mean, out.mean(), out.std())
        close(act.std, out.std(), out.std())
        assert act.saturated == pytest.approx(float(SATURATED[nonlinearity](out).float().mean()), abs=2.5 / out.numel())
        close(act.grad_mean, grad.mean(), grad.std())
        close(act.grad_std, grad.std(), grad.std(), 1e-3)
        close(act.grad_mean_abs, grad.abs().mean(), grad.std(), 1e-3)
    matrices = zip(snapshot.weights, record.weights, record.grads, record.update_data, strict=True)
    for weight, data, grad, update_data in matrices:
        assert weight.shape == tuple(data.shape)
        close(weight.mean, data.mean(), data.std())
        close(weight.std, data.std(), data.std())
        close(weight.grad_mean, grad.mean(), grad.std())
        close(weight.grad_std, grad.std(), grad.std(), 1e-3)
        close(weight.grad_data_ratio, grad.std() / data.std(), grad.std() / data.std(), 1e-3)
        close(weight.update_data_log10, update_data, 1.0, 1e-3)
    for i, norm in enumerate(snapshot.batch_norms):
        spread = record.batch[i][1].sqrt().max()  # the inputs' std
        for mean, var, theirs in (
            (norm.mean, norm.var, record.batch[i]),
            (norm.running_mean, norm.running_var, record.running[i]),
        ):
            close(floats(mean).copy(), theirs[0], spread)
            close(floats(var).copy(), theirs[1], theirs[1].max())
        close(floats(norm.gamma).copy(), record.gammas[i], 1.0)
        close(floats(norm.beta).copy(), record.betas[i], 1.0)
    for mine, data in zip(lane.network.weights, record.weights, strict=True):
        close(mine, data, data.std(), 1e-3)


def plain(dataset: Dataset, **settings: Any) -> PlainNetwork:
    return PlainNetwork(dataset.x, dataset.y, len(dataset.text.vocabulary), **settings)


@pytest.mark.parametrize("bn", [False, True])
@pytest.mark.parametrize(("nonlinearity", "gain"), [("tanh", 5 / 3), ("tanh", 0.5), ("tanh", 3.0), ("linear", 1.0)])
def test_thirty_steps(trainer: Make, dataset: Dataset, bn: bool, nonlinearity: str, gain: float) -> None:
    lane = trainer(bn=bn, nonlinearity=nonlinearity, gain=gain)
    loop = plain(dataset, bn=bn, nonlinearity=nonlinearity, gain=gain).steps()
    losses, ratios = [], []
    for step, record in enumerate(islice(loop, STEPS), 1):
        measure = step in (1, 2, STEPS)
        snapshot = lane.train_step(measure=measure)
        if measure:
            assert snapshot is not None
            compare(lane, snapshot, record, nonlinearity)
        losses.append(record.loss)
        ratios.append(record.update_data)
    trace = lane.take_trace()
    assert trace is not None
    np.testing.assert_allclose(trace.loss, losses, rtol=2e-5)
    np.testing.assert_allclose(trace.update_data, ratios, atol=2e-3)


SETTINGS = [
    {"bn": True, "bias_before_bn": True},
    {"bn": True, "bias_before_bn": True, "bias_scale": (1.0, 0.5)},
    {"bn": True, "bias_scale": (1.0, 1.0)},  # there are no biases
    {"bias_scale": (0.5, 0.0)},
    {"bias_scale": (0.0, 0.3), "nonlinearity": "relu"},
    {"hidden": (200,), "fan_in_scaling": False, "gain": 1.0, "output_scale": 1.0, "bias_scale": (1.0, 1.0)},
    {"bn": True, "fan_in_scaling": False},
    {"bn": False, "fan_in_scaling": False, "gain": 0.2},
    {"embedding_scale": 0.3, "output_scale": 1.0},
    {"bn": True, "output_scale": 2.0, "embedding_scale": 3.0},
    {"batch_size": 7, "seed": 1, "lr": 0.03},
    {"hidden": (40, 3, 60), "embedding": 4},
    # Two unlike contexts in each minibatch: of two equal ones batch norm shows the rounding alone.
    {"bn": True, "hidden": (1,), "batch_size": 2, "seed": 1},
    {"hidden": (1,), "batch_size": 1},
    *({"nonlinearity": name, "gain": 1.2} for name in NONLINEARITIES),
    *({"nonlinearity": name, "bn": True} for name in NONLINEARITIES),
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_every_setting_for_three_steps(trainer: Make, dataset: Dataset, settings: dict[str, Any]) -> None:
    lane = trainer(**settings)
    for record in islice(plain(dataset, **settings).steps(), 3):
        snapshot = lane.train_step(measure=True)
        assert snapshot is not None
        if settings.get("batch_size", 32) > 2:
            compare(lane, snapshot, record, settings.get("nonlinearity", "tanh"))
        else:  # with a unit or an example alone some stds do not exist
            close(snapshot.loss, record.loss, record.loss, 1e-4)
            for mine, data in zip(lane.network.weights, record.weights, strict=True):
                close(mine, data, data.std(), 1e-3)


def test_pytorch_style_batch_norm_in_the_loop(trainer: Make, dataset: Dataset) -> None:
    lane = trainer(bn=True, bn_style="torch")
    for record in islice(plain(dataset, bn=True, unbiased=False).steps(), 3):
        snapshot = lane.train_step(measure=True)
        assert snapshot is not None
        compare(lane, snapshot, record, "tanh")


def test_a_bias_before_batch_norm_has_no_gradient(trainer: Make) -> None:
    lane = trainer(bn=True, bias_before_bn=True)
    for _ in range(5):
        snapshot = lane.train_step(measure=True)
    assert snapshot is not None
    for norm, weight in zip(snapshot.batch_norms, snapshot.weights[1:], strict=True):
        assert norm.bias_grad_std is not None
        assert norm.bias_grad_std < 1e-6 * weight.grad_std
    without = trainer(bn=True)
    for _ in range(5):
        other = without.train_step(measure=True)
    assert other is not None
    assert [norm.bias_grad_std for norm in other.batch_norms] == [None] * 6
    assert snapshot.loss == pytest.approx(other.loss, rel=1e-5)
