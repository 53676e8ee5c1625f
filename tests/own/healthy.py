"""Healthy networks of kinds that are easily misread. Each function is a TARGET of its own."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

Network = tuple[nn.Module, Tensor]
WIDTH = 64


class TwoHeads(nn.Module):
    """Two heads on one pooled signal, each with a norm first: the second norm does not follow the first head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, WIDTH, 3)
        self.heads = nn.ModuleList(nn.Sequential(nn.BatchNorm1d(WIDTH), nn.Linear(WIDTH, WIDTH)) for _ in range(2))
        for head in self.heads:
            nn.init.normal_(head[1].weight, std=0.1 / math.sqrt(WIDTH))  # type: ignore[index]

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).relu().mean((2, 3))
        return self.heads[0](x) + self.heads[1](x)  # type: ignore[no-any-return]


def two_heads() -> Network:
    return TwoHeads(), torch.randn(64, 3, 8, 8)


class Scaled(nn.Linear):
    """A layer with a factor on its weight, 0 at the start of a branch's end (Zhang et al. 2019, arXiv 1901.09321)."""

    def __init__(self, factor: float) -> None:
        super().__init__(WIDTH, WIDTH, bias=False)
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")
        self.factor = nn.Parameter(torch.full((WIDTH, 1), factor))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.weight * self.factor)


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.into, self.out = Scaled(0.6), Scaled(0.0)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.out(self.into(x).relu())  # type: ignore[no-any-return]


def closed_branches() -> Network:
    head = nn.Linear(WIDTH, 10)
    nn.init.normal_(head.weight, std=0.1 / math.sqrt(WIDTH))
    return nn.Sequential(*(Block() for _ in range(6)), head), torch.randn(256, WIDTH)


class Heads(nn.Module):
    """An attention whose heads are mixed before and after the softmax (Touvron et al. 2021, arXiv 2103.17239)."""

    def __init__(self, heads: int = 4) -> None:
        super().__init__()
        self.norm, self.heads = nn.LayerNorm(WIDTH), heads
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.before, self.after = nn.Linear(heads, heads), nn.Linear(heads, heads)
        for layer in (self.qkv, self.out, self.before, self.after):
            nn.init.normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        rows, length, width = x.shape
        q, k, v = self.qkv(self.norm(x)).view(rows, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-1, -2) / math.sqrt(width // self.heads)
        scores = self.before(scores.permute(0, 2, 3, 1)).softmax(2)
        mixed = self.after(scores).permute(0, 3, 1, 2) @ v
        return x + self.out(mixed.transpose(1, 2).reshape(x.shape))  # type: ignore[no-any-return]


def talking_heads() -> Network:
    head = nn.Linear(WIDTH, 10)
    nn.init.normal_(head.weight, std=0.02)
    return nn.Sequential(*(Heads() for _ in range(4)), head), torch.randn(4, 32, WIDTH)


NETWORKS = (two_heads, closed_branches, talking_heads)
