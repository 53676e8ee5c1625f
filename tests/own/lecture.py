"""The lecture's network as a person would write it: their own layers, their own generator, their own minibatches."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

import tuiinit
from tuiinit.data import words

TEXT = words.load(None, 3)


class Linear(nn.Module):
    def __init__(self, fan_in: int, fan_out: int, scale: float, generator: torch.Generator, bias: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn((fan_in, fan_out), generator=generator) / fan_in**0.5 * scale)
        self.bias = nn.Parameter(torch.zeros(fan_out)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        out = x @ self.weight
        return out if self.bias is None else out + self.bias


class BatchNorm1d(nn.Module):
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, width: int, gamma: float = 1.0) -> None:
        super().__init__()
        self.gamma, self.beta = nn.Parameter(torch.full((width,), gamma)), nn.Parameter(torch.zeros(width))
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_var", torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            mean, var = self.running_mean, self.running_var
        else:
            mean, var = x.mean(0), x.var(0)
            with torch.no_grad():
                self.running_mean += 0.1 * (mean - self.running_mean)
                self.running_var += 0.1 * (var - self.running_var)
        return self.gamma * (x - mean) / torch.sqrt(var + 1e-5) + self.beta


class Network(nn.Module):
    def __init__(self, gain: float, bn: bool, act: str, generator: torch.Generator) -> None:
        super().__init__()
        classes = len(TEXT.vocabulary)
        fans = [30, 100, 100, 100, 100, 100, classes]
        self.embedding = nn.Parameter(torch.randn((classes, 10), generator=generator))
        layers: list[nn.Module] = []
        for i, (fan_in, fan_out) in enumerate(itertools.pairwise(fans)):
            last = i == len(fans) - 2
            scale = gain if not last or bn else 0.1
            layers.append(Linear(fan_in, fan_out, scale, generator, bias=not bn))
            layers += [BatchNorm1d(fan_out, 0.1 if last else 1.0)] if bn else []
            layers += [] if last else [{"tanh": nn.Tanh, "relu": nn.ReLU}[act]()]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(self.embedding[x].flatten(1))
        return out


def build(gain: float = 5 / 3, bn: bool = False, act: str = "tanh") -> tuiinit.Setup:
    generator = torch.Generator().manual_seed(2147483647)
    model = Network(gain, bn, act, generator)
    x, y = torch.from_numpy(TEXT.train.x), torch.from_numpy(TEXT.train.y)

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            chosen = torch.randint(0, len(x), (32,), generator=generator)
            yield x[chosen], y[chosen]

    def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        return functional.cross_entropy(model(batch[0]), batch[1])

    dev = [(torch.from_numpy(TEXT.dev.x), torch.from_numpy(TEXT.dev.y))]
    return tuiinit.Setup(model, batches, loss, dev=dev)
