"""An LSTM on first names, letter by letter: the list that tuiinit ships.

tuiinit check lstm.py         tuiinit check lstm.py --set forget=0
"""

from importlib.resources import files

import torch
from torch import nn
from torch.nn import functional as F

import tuiinit

LENGTH, BATCH = 12, 64


def names() -> torch.Tensor:
    """Names as letters 1 … 26, filled up with 0: (names, LENGTH + 2), a 0 before and after each."""
    words = files("tuiinit").joinpath("data/names.txt").read_text().split()
    rows = torch.zeros(len(words), LENGTH + 2, dtype=torch.long)
    for row, word in zip(rows, words, strict=True):
        letters = torch.tensor([ord(c) - 96 for c in word[:LENGTH]])
        row[1 : 1 + len(letters)] = letters
    return rows


class Letters(nn.Module):
    def __init__(self, width: int, layers: int, forget: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(27, 24)
        self.lstm = nn.LSTM(24, width, layers, batch_first=True)
        self.head = nn.Linear(width, 27)
        for name, parameter in self.lstm.named_parameters():
            if name.startswith("bias_ih"):  # of the gates input, forget, cell, output
                with torch.no_grad():
                    parameter.zero_()[width : 2 * width] = forget  # an open forget gate remembers from the start

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # (B, T) → (B, T, 27)
        return self.head(self.lstm(self.embedding(x))[0])


def loss(model: nn.Module, rows: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())


def build(width: int = 96, layers: int = 2, forget: float = 1.0):
    rows = names()
    rows = rows[torch.randperm(len(rows))]
    train, dev = rows[: -8 * BATCH], rows[-8 * BATCH :]
    return tuiinit.Setup(
        Letters(width, layers, forget),
        train.split(BATCH),
        loss,
        optimizer=lambda parameters: torch.optim.Adam(parameters, lr=2e-3),
        dev=dev.split(BATCH),
    )
