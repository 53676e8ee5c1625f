"""Networks of every awkward kind, small: what breaks tools that look into models."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint


class Block(nn.Module):
    """A residual block with one ReLU called twice and sums in place, as torchvision writes them."""

    def __init__(self, width: int, inplace: bool = True) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=inplace)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.inplace = inplace

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        if self.inplace:
            out += x
        else:
            out = out + x
        return self.relu(out)


def resnet(inplace: bool = True) -> nn.Module:
    stem = (nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=inplace))
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))
    return nn.Sequential(*stem, Block(8, inplace), Block(8, inplace), *head)


class Functional(nn.Module):
    """Activations as functions, attention, keyword inputs, a dict of outputs, tied weights."""

    def __init__(self, inplace: bool = True) -> None:
        super().__init__()
        self.wte = nn.Embedding(20, 16)
        self.norm = nn.LayerNorm(16)
        self.qkv = nn.Linear(16, 48)
        self.fc = nn.Linear(16, 16)
        self.head = nn.Linear(16, 20, bias=False)
        self.head.weight = self.wte.weight
        self.inplace = inplace

    def forward(self, *, tokens: Tensor) -> dict[str, Tensor]:
        x = self.wte(tokens)
        q, k, v = self.qkv(self.norm(x)).split(16, -1)
        x = x + functional.scaled_dot_product_attention(q, k, v)
        x = functional.gelu(self.fc(x))
        x = x.relu_() if self.inplace else x.relu()
        return {"logits": self.head(torch.tanh(x)), "hidden": x}


class Recurrent(nn.Module):
    """A cell called at each position, and an LSTM that gives a tuple."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 8, sparse=True)
        self.cell = nn.GRUCell(8, 8)
        self.act = nn.Tanh()
        self.lstm = nn.LSTM(8, 8, batch_first=True)
        self.head = nn.Linear(8, 11)

    def forward(self, tokens: Tensor) -> Tensor:
        h = torch.zeros(len(tokens), 8)
        states = []
        for x in self.embedding(tokens).unbind(1):
            h = self.act(self.cell(x, h))
            states.append(h)
        return self.head(self.lstm(torch.stack(states, 1))[0])


class Checkpointed(nn.Module):
    def __init__(self, reentrant: bool) -> None:
        super().__init__()
        self.first = nn.Linear(6, 6)
        self.middle = nn.Sequential(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 6))
        self.last = nn.Linear(6, 4)
        self.reentrant: bool | None = reentrant

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        h = self.middle(h) if self.reentrant is None else checkpoint(self.middle, h, use_reentrant=self.reentrant)
        return self.last(h)


def mlp(inplace: bool = True) -> nn.Module:
    inner = (nn.Linear(6, 6), nn.ReLU(inplace), nn.Linear(6, 6), nn.LeakyReLU(0.1, inplace), nn.Linear(6, 6))
    return nn.Sequential(*inner, nn.ELU(inplace=inplace), nn.Linear(6, 4))
