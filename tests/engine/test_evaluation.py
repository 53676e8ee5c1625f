"""Dev losses, calibrated statistics and the closer inspection against brute force."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tests.engine.conftest import Make
from tuiinit.config.run import RunConfig
from tuiinit.engine.evaluation import calibrated_statistics
from tuiinit.engine.inspect import inspect
from tuiinit.engine.minibatches import Dataset
from tuiinit.engine.trainer import Trainer
from tuiinit.stream.protocol import floats

SMALL = RunConfig(hidden=(30, 20), device="cpu")
STEPS = 40


def trained(trainer: Make, **settings: Any) -> Trainer:
    lane = trainer(SMALL, **settings)
    for _ in range(STEPS):
        lane.train_step()
    return lane


def forward(lane: Trainer, x: Tensor, statistics: list[tuple[Tensor, Tensor]] | None = None) -> Tensor:
    """Logits (rows, classes) in double; batch norm by these means and variances, or by the rows' own."""
    h = lane.network.embedding[x].flatten(1).double()
    for i, layer in enumerate(lane.network.blocks):
        h = h @ layer.linear.weight.double()
        if layer.linear.bias is not None:
            h = h + layer.linear.bias
        if layer.norm is not None:
            mean, var = statistics[i] if statistics else (h.mean(0), h.var(0, unbiased=layer.norm.unbiased))
            h = layer.norm.gamma * (h - mean) / torch.sqrt(var + layer.norm.eps) + layer.norm.beta
        if layer.nonlinearity is not None:
            h = layer.nonlinearity(h)
    return h


def dev(dataset: Dataset) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(dataset.text.dev.x), torch.from_numpy(dataset.text.dev.y)


@torch.no_grad()
def test_dev_loss_without_batch_norm(trainer: Make, dataset: Dataset) -> None:
    lane = trained(trainer)
    x, y = dev(dataset)
    evaluation = lane.evaluate()
    assert evaluation.dev == pytest.approx(float(functional.cross_entropy(forward(lane, x), y)), rel=1e-5)
    assert (evaluation.dev_calibrated, evaluation.dev_batch) == (None, None)
    assert (evaluation.lane, evaluation.step) == (lane.config.key, STEPS)


@torch.no_grad()
@pytest.mark.parametrize("style", ["lecture", "torch"])
def test_three_dev_losses_with_batch_norm(trainer: Make, dataset: Dataset, style: str) -> None:
    lane = trained(trainer, bn=True, bn_style=style)
    before = [b.clone() for b in lane.network.buffers()]
    x, y = dev(dataset)
    evaluation = lane.evaluate()
    running = [(b.norm.running_mean, b.norm.running_var) for b in lane.network.blocks if b.norm is not None]
    assert evaluation.dev == pytest.approx(float(functional.cross_entropy(forward(lane, x, running), y)), rel=1e-4)

    calibrated = calibrated_statistics(lane.network, lane.dataset.x)
    wanted = functional.cross_entropy(forward(lane, x, calibrated), y)
    assert evaluation.dev_calibrated == pytest.approx(float(wanted), rel=1e-4)
    total = sum(
        float(functional.cross_entropy(forward(lane, x[i : i + 32]), y[i : i + 32], reduction="sum"))
        for i in range(0, len(y) - len(y) % 32, 32)
    )
    if rest := len(y) % 32:
        assert rest > 1
        total += float(functional.cross_entropy(forward(lane, x[-rest:]), y[-rest:], reduction="sum"))
    assert evaluation.dev_batch == pytest.approx(total / len(y), rel=1e-4)
    assert len({evaluation.dev, evaluation.dev_calibrated, evaluation.dev_batch}) == 3
    assert all(torch.equal(a, b) for a, b in zip(before, lane.network.buffers(), strict=True))
    assert lane.network.training


@torch.no_grad()
def test_passing_layer_by_layer_is_what_the_modules_do(trainer: Make, dataset: Dataset) -> None:
    network = trained(trainer, bn=True).network
    x = dataset.x[:50]
    before = [t.clone() for t in network.buffers()]
    outputs = list(network.through(x))
    assert [h.shape for h in outputs] == [(50, 30), (50, 20), (50, 27)]
    fixed = network.logits(x, network.running_statistics)
    assert all(map(torch.equal, before, network.buffers())), "the running statistics stay as they are"
    network.eval()
    assert torch.equal(fixed, network(x))
    network.train()
    assert torch.equal(outputs[-1], network(x))
    assert torch.equal(network.logits(x[:1])[0], network.blocks[-1].norm.beta)  # type: ignore[union-attr]


@torch.no_grad()
def test_calibrated_statistics_are_a_full_passs(trainer: Make, dataset: Dataset) -> None:
    """They come from many training examples, not all; what that leaves is a per cent of a std."""
    lane = trained(trainer, bn=True)
    h = lane.network.embedding[dataset.x].flatten(1)
    for (mean, var), layer in zip(
        calibrated_statistics(lane.network, lane.dataset.x), lane.network.blocks, strict=True
    ):
        h = h @ layer.linear.weight
        std = h.std(0)
        assert float(((mean - h.mean(0)) / std).abs().max()) < 0.03
        assert float((var.sqrt() / std - 1).abs().max()) < 0.03
        assert layer.norm is not None
        h = layer.norm.gamma * (h - h.mean(0)) / std + layer.norm.beta
        if layer.nonlinearity is not None:
            h = layer.nonlinearity(h)


@torch.no_grad()
def test_jitter(trainer: Make, dataset: Dataset) -> None:
    lane = trained(trainer, bn=True, batch_size=16)
    before = [t.clone() for t in (lane.network.flat, *lane.network.buffers())]
    inspection = inspect(lane)
    assert all(torch.equal(a, b) for a, b in zip(before, (lane.network.flat, *lane.network.buffers()), strict=True))
    logits = floats(inspection.jitter_logits, 27)
    assert logits.shape == (inspection.jitter_batches, 27) == (100, 27)

    example = dev(dataset)[0][:1]
    generator = np.random.default_rng(99)  # other company than the engine's
    rows = []
    for _ in range(400):
        company = torch.from_numpy(generator.integers(0, len(dataset.x), 15))
        rows.append(forward(lane, torch.cat([example, dataset.x[company]]))[0].numpy())
    mine, theirs = logits.std(axis=0), np.std(rows, axis=0)
    assert (theirs > 1e-3).all()
    # The std of n draws is known to about 1/√(2n): 7 % and 3.5 %.
    np.testing.assert_allclose(mine, theirs, rtol=5 * 0.08)
    assert np.abs(logits.mean(axis=0) - np.mean(rows, axis=0)).max() < 5 * theirs.max() / 10

    running = [(b.norm.running_mean, b.norm.running_var) for b in lane.network.blocks if b.norm is not None]
    np.testing.assert_allclose(floats(inspection.eval_logits), forward(lane, example, running)[0].numpy(), atol=1e-4)
    for part, (mean, var) in zip(
        inspection.calibrated, calibrated_statistics(lane.network, lane.dataset.x), strict=True
    ):
        np.testing.assert_array_equal(floats(part.mean), mean.numpy())
        np.testing.assert_array_equal(floats(part.var), var.numpy())


def test_no_jitter_without_batch_norm(trainer: Make) -> None:
    inspection = inspect(trained(trainer))
    logits = floats(inspection.jitter_logits, 27)
    assert logits.shape == (100, 27)
    assert np.ptp(logits, axis=0).max() < 1e-5
    assert inspection.calibrated == ()
    assert inspection.eval_logits == b""


def test_what_gets_through_tanh_is_one_minus_its_square(trainer: Make) -> None:
    through = inspect(trained(trainer, gain=3.0)).through
    assert len(through) == 20
    for place, share in enumerate(through):
        assert share is not None
        low, high = place / 20, (place + 1) / 20
        assert 1 - high**2 - 1e-4 <= share <= 1 - low**2 + 1e-4


def test_dead_units_get_no_gradient(trainer: Make) -> None:
    lane = trainer(SMALL)
    with torch.no_grad():
        bias = lane.network.blocks[0].linear.bias
        assert bias is not None
        bias[[2, 5, 7]] = 50.0
    inspection = inspect(lane)
    assert inspection.dead == (3, 0)
    assert inspection.dead_grad[0] is not None
    assert inspection.alive_grad[0] is not None
    assert inspection.dead_grad[0] < 1e-12 < inspection.alive_grad[0]
    assert inspection.dead_grad[1] is None
    assert inspection.lane == lane.config.key


def test_inspecting_changes_nothing_of_the_lanes_future(trainer: Make) -> None:
    one, other = trained(trainer, bn=True), trained(trainer, bn=True)
    inspect(one)
    other.peek()
    for _ in range(3):
        one.train_step()
        other.train_step()
    assert torch.equal(one.network.flat, other.network.flat)
