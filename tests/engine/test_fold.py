"""Batch norm folded into the linear layers before it: the same logits, by an independent calculation, too."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.engine.conftest import Make
from tuiinit.engine.fold import compare, folded
from tuiinit.engine.inspect import inspect
from tuiinit.engine.minibatches import Dataset
from tuiinit.engine.trainer import Trainer

SETTINGS = [
    {},
    {"bn_style": "torch", "nonlinearity": "relu"},
    {"bias_before_bn": True, "bias_scale": (1.0, 2.0), "nonlinearity": "sigmoid"},
    {"fan_in_scaling": False, "output_scale": 3.0, "bn_eps": 0.1, "nonlinearity": "linear"},
]


def trained(trainer: Make, **settings: object) -> Trainer:
    lane = trainer(**{"bn": True, "hidden": (20, 30), **settings})
    for _ in range(20):
        lane.train_step()
    return lane


def logits(lane: Trainer, x: torch.Tensor) -> np.ndarray:  # type: ignore[type-arg]
    """Of a network with batch norm in eval mode, in double precision and numpy alone."""
    functions = {"tanh": np.tanh, "relu": lambda h: np.maximum(h, 0), "sigmoid": lambda h: 1 / (1 + np.exp(-h))}
    network, function = lane.network, functions.get(lane.config.nonlinearity, lambda h: h)

    def double(tensor: torch.Tensor) -> np.ndarray:  # type: ignore[type-arg]
        return tensor.detach().numpy().astype(np.float64)

    h = double(network.embedding)[x.numpy()].reshape(len(x), -1)
    for i, layer in enumerate(network.blocks):
        h = h @ double(layer.linear.weight) + (0 if layer.linear.bias is None else double(layer.linear.bias))
        norm = layer.norm
        assert norm is not None
        h = (h - double(norm.running_mean)) / np.sqrt(double(norm.running_var) + norm.eps)
        h = h * double(norm.gamma) + double(norm.beta)
        h = function(h) if i < len(network.blocks) - 1 else h
    return np.asarray(h)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_the_folded_network_has_no_batch_norm_and_the_same_logits(
    trainer: Make, dataset: Dataset, settings: dict[str, object]
) -> None:
    lane = trained(trainer, **settings)
    plain, x = folded(lane.network), dataset.x[:500]
    assert all(layer.norm is None for layer in plain.blocks)
    exact = logits(lane, x)
    with torch.no_grad():
        np.testing.assert_allclose(plain(x).numpy(), exact, rtol=0, atol=2e-6 * max(1.0, abs(exact).max()))
    comparison = compare(lane.network, x, dataset.y[:500])
    assert comparison.rows == 500
    assert comparison.difference is not None
    assert comparison.difference < 4e-6 * max(1.0, abs(exact).max())
    assert comparison.logit_std == pytest.approx(exact.std(), rel=1e-4)
    shifted = exact - exact.max(axis=1, keepdims=True)
    loss = (np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(500), dataset.y[:500].numpy()]).mean()
    assert (comparison.dev, comparison.dev_folded) == (pytest.approx(loss, rel=1e-5), pytest.approx(loss, rel=1e-5))


def test_a_difference_is_told_where_there_is_one(
    trainer: Make, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane = trained(trainer)
    other = folded(lane.network)
    with torch.no_grad():
        other.blocks[-1].linear.bias[3] += 0.25  # type: ignore[index]
    monkeypatch.setattr("tuiinit.engine.fold.folded", lambda network: other)
    comparison = compare(lane.network, dataset.x[:100], dataset.y[:100])
    assert comparison.difference == pytest.approx(0.25, abs=1e-5)
    assert comparison.dev != pytest.approx(comparison.dev_folded, abs=1e-5)


def test_what_is_not_finite_is_told_as_unknown(trainer: Make, dataset: Dataset) -> None:
    lane = trained(trainer)
    with torch.no_grad():
        lane.network.blocks[0].linear.weight.fill_(torch.inf)
    comparison = compare(lane.network, dataset.x[:100], dataset.y[:100])
    figures = (comparison.difference, comparison.logit_std, comparison.dev, comparison.dev_folded)
    assert figures == (None, None, None, None)


def test_a_closer_look_tells_of_it_and_changes_nothing(trainer: Make) -> None:
    lane, alone = trained(trainer), trained(trainer)
    comparison = inspect(lane).folded
    assert comparison is not None
    assert comparison.rows == len(lane.dataset.text.dev)
    evaluation = lane.evaluate()
    assert comparison.dev == pytest.approx(evaluation.dev, rel=1e-6)
    lane.train_step()
    alone.train_step()
    assert torch.equal(lane.network.flat, alone.network.flat)
    assert torch.equal(lane.network.memory.all_running, alone.network.memory.all_running)
    assert inspect(trained(trainer, bn=False)).folded is None
