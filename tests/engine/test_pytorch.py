"""The engine's layers, passes and optimizers against PyTorch's own."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.engine.conftest import CPU, Make
from tuiinit.config.names import OPTIMIZERS
from tuiinit.config.nonlinearities import NONLINEARITIES
from tuiinit.config.run import RunConfig
from tuiinit.engine.minibatches import Dataset
from tuiinit.engine.network import BatchNorm, Network
from tuiinit.engine.passes import train_pass
from tuiinit.measure.nonlinearities import ELEMENTWISE

MODULES = {
    "tanh": nn.Tanh(),
    "linear": nn.Identity(),
    "relu": nn.ReLU(),
    "leaky_relu": nn.LeakyReLU(),
    "sigmoid": nn.Sigmoid(),
    "selu": nn.SELU(),
}


@pytest.mark.parametrize("name", NONLINEARITIES)
def test_gradient_of_each_nonlinearity(name: Any) -> None:
    x = (torch.randn(2_000, generator=torch.Generator().manual_seed(0)) * 3).requires_grad_()
    arriving = torch.randn(2_000, generator=torch.Generator().manual_seed(1))
    wanted = MODULES[name](x)
    (grad,) = torch.autograd.grad(wanted, x, arriving)
    curve = ELEMENTWISE[name]
    out = curve.forward_(x.detach().clone())
    torch.testing.assert_close(out, wanted.detach())
    torch.testing.assert_close(curve.backward_(arriving, out), grad)
    torch.testing.assert_close(curve.module()(x.detach()), wanted.detach())


def test_pytorch_style_is_batch_norm_1d() -> None:
    x = torch.randn((32, 20), generator=torch.Generator().manual_seed(0)) * 3 + 1
    config = RunConfig(bn=True, bn_style="torch", bn_momentum=0.3, bn_eps=1e-3)
    mine, theirs = BatchNorm(torch.ones(20), torch.zeros(20), config), nn.BatchNorm1d(20, eps=1e-3, momentum=0.3)
    for batch in (x, x * 2, x - 5):
        torch.testing.assert_close(mine(batch), theirs(batch))
    torch.testing.assert_close(mine.running_mean, theirs.running_mean)
    torch.testing.assert_close(mine.running_var, theirs.running_var)
    mine.eval()
    theirs.eval()
    torch.testing.assert_close(mine(x), theirs(x))


def test_lecture_style_normalises_with_the_unbiased_variance() -> None:
    x = torch.randn((4, 20), generator=torch.Generator().manual_seed(0))
    norm = BatchNorm(torch.full((20,), 2.0), torch.ones(20), RunConfig(bn=True, bn_eps=0.1))
    wanted = 2 * (x - x.mean(0)) / torch.sqrt(x.var(0, unbiased=True) + 0.1) + 1
    torch.testing.assert_close(norm(x), wanted)
    assert float((wanted - nn.BatchNorm1d(20, eps=0.1)(x).detach() * 2 - 1).abs().max()) > 0.1


def minibatch(dataset: Dataset, rows: int = 32) -> tuple[Tensor, Tensor]:
    return dataset.x[100 : 100 + rows], dataset.y[100 : 100 + rows]


@pytest.mark.parametrize("name", NONLINEARITIES)
@pytest.mark.parametrize(
    "settings",
    [{}, {"bn": True}, {"bn": True, "bn_style": "torch"}, {"bn": True, "bias_before_bn": True, "batch_size": 5}],
    ids=str,
)
def test_written_out_pass_is_autograd(dataset: Dataset, name: Any, settings: dict[str, Any]) -> None:
    config = RunConfig(nonlinearity=name, hidden=(30, 20), output_scale=1.0, **settings)
    one, other = (Network(config, 27, torch.Generator().manual_seed(3), CPU) for _ in range(2))
    x, y = minibatch(dataset, config.batch_size)
    with torch.no_grad():
        loss, kept = train_pass(one, x, y, keep=True)
    assert kept is not None
    logits = other(x)
    wanted = functional.cross_entropy(logits, y)
    wanted.backward()
    torch.testing.assert_close(loss, wanted.detach())
    torch.testing.assert_close(kept.logits, logits.detach())
    parameters = [other.embedding, *(block.linear.weight for block in other.blocks)]
    for block in other.blocks:
        parameters += [p for p in (block.linear.bias,) if p is not None]
        if block.norm is not None:
            parameters += [block.norm.gamma, block.norm.beta]
    flat = torch.cat([p.grad.flatten() for p in parameters if p.grad is not None])
    assert len(flat) == one.parameter_count
    # A bias before batch norm has a gradient of 0, but for rounding.
    torch.testing.assert_close(one.flat_grad, flat, rtol=1e-4, atol=5e-7)
    for mine, theirs in zip(one.buffers(), other.buffers(), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_peeking_moves_nothing(dataset: Dataset) -> None:
    network = Network(RunConfig(bn=True), 27, torch.Generator().manual_seed(3), CPU)
    before = [t.clone() for t in (network.flat, *network.buffers())]
    with torch.no_grad():
        peeked, _ = train_pass(network, *minibatch(dataset), peek=True)
        after = [t.clone() for t in (network.flat, *network.buffers())]
        loss, _ = train_pass(network, *minibatch(dataset))
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert torch.equal(peeked, loss)
    assert not torch.equal(next(network.buffers()), before[1])


def their_optimizer(name: str, parameters: list[Tensor], config: RunConfig) -> torch.optim.Optimizer:
    if name == "sgd":
        return torch.optim.SGD(parameters, lr=config.lr)
    if name == "momentum":
        return torch.optim.SGD(parameters, lr=config.lr, momentum=config.momentum)
    if name == "adam":
        return torch.optim.Adam(parameters, lr=config.lr, betas=(config.beta1, config.beta2))
    if name == "adamw":
        betas = (config.beta1, config.beta2)
        return torch.optim.AdamW(parameters, lr=config.lr, betas=betas, weight_decay=config.weight_decay)
    return torch.optim.RMSprop(parameters, lr=config.lr, alpha=config.alpha)


@pytest.mark.parametrize("bn", [False, True])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_optimizer_is_pytorchs_on_separate_parameters(
    trainer: Make, dataset: Dataset, name: Any, bn: bool
) -> None:
    config = RunConfig(
        optimizer=name, bn=bn, hidden=(30, 20), lr=0.003, momentum=0.8, beta1=0.7, beta2=0.9, alpha=0.9,
        weight_decay=0.5, device="cpu",
    )  # fmt: skip
    lane = trainer(config)
    generator = torch.Generator().manual_seed(config.seed)
    other = Network(config, 27, generator, CPU)
    parameters = list(other.parameters())
    for parameter in parameters:
        parameter.data = parameter.data.clone()  # separate tensors, no longer views into one
    optimizer = their_optimizer(name, parameters, config)
    for _ in range(4):
        chosen = torch.randint(0, len(dataset.x), (config.batch_size,), generator=generator)
        optimizer.zero_grad()
        functional.cross_entropy(other(dataset.x[chosen]), dataset.y[chosen]).backward()
        matrices = [other.embedding, *(block.linear.weight for block in other.blocks)]
        before = [p.detach().clone() for p in matrices]
        optimizer.step()
        snapshot = lane.train_step(measure=True)
        assert snapshot is not None
        for weight, p, b in zip(snapshot.weights, matrices, before, strict=True):
            wanted = ((p.detach() - b).std() / p.detach().std()).log10()
            assert weight.update_data_log10 == pytest.approx(float(wanted), abs=2e-3)
    for mine, theirs in zip(lane.network.parameters(), parameters, strict=True):
        torch.testing.assert_close(mine.detach(), theirs.detach(), rtol=1e-3, atol=1e-5)


def test_gains_share_their_base_weights() -> None:
    def weights(**settings: Any) -> list[Tensor]:
        return Network(RunConfig(**settings), 27, torch.Generator().manual_seed(1), CPU).weights

    for one, three in zip(weights(gain=1.0)[1:-1], weights(gain=3.0)[1:-1], strict=True):
        torch.testing.assert_close(one * 3, three)
    for plain, normed in zip(weights(gain=1.0)[:-1], weights(gain=1.0, bn=True)[:-1], strict=True):
        assert torch.equal(plain, normed)
    torch.testing.assert_close(weights()[-1], weights(gain=1.0, bn=True)[-1] * 0.1)
    torch.testing.assert_close(weights(gain=3.0, bn=True)[-1], weights(gain=1.0, bn=True)[-1] * 3)
