"""An MLP on a table: Friedman's function of ten numbers (Friedman 1991), told apart into five classes.

tuiinit check mlp.py          tuiinit check mlp.py --set init=default
"""

from typing import Literal

import torch
from torch import nn
from torch.nn import functional as F

import tuiinit

ROWS, BATCH = 4096, 64
Act = Literal["relu", "tanh", "gelu"]


def table(rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.rand(rows, 10)
    y = 10 * torch.sin(torch.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
    y += torch.randn(rows)
    classes = torch.bucketize(y, torch.tensor([9.5, 12.7, 15.6, 18.9]))
    return (x - 0.5) * 12**0.5, classes  # inputs of mean 0 and variance 1


class MLP(nn.Module):
    def __init__(self, depth: int, width: int, norm: bool, act: Act) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for i in range(depth):
            layers.append(nn.Linear(10 if i == 0 else width, width, bias=not norm))
            layers += [nn.BatchNorm1d(width)] if norm else []
            layers.append({"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU}[act]())
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(width, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x))


def build(depth: int = 6, width: int = 128, norm: bool = False, act: Act = "relu", init: str = "kaiming"):
    model = MLP(depth, width, norm, act)
    if init == "kaiming":  # anything else leaves PyTorch's default, which is too small for ReLU
        for layer in model.body:
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="tanh" if act == "tanh" else "relu")
        nn.init.normal_(model.head.weight, std=0.01)
    x, y = table(ROWS)
    train = [(x[i : i + BATCH], y[i : i + BATCH]) for i in range(0, ROWS - 512, BATCH)]
    dev = [(x[-512:], y[-512:])]
    return tuiinit.Setup(
        model=model,
        batches=train,
        loss=lambda model, batch: F.cross_entropy(model(batch[0]), batch[1]),
        optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.05),
        dev=dev,
    )
