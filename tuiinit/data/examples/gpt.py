"""A small GPT on characters: the source of one of Python's own modules.

tuiinit check gpt.py          tuiinit check gpt.py --set scaled=false --set depth=24
"""

import argparse
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

import tuiinit

TEXT = Path(argparse.__file__).read_text()
LETTERS, LENGTH, BATCH = sorted(set(TEXT)), 64, 16


class Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.norm1, self.norm2 = heads, nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc, self.out = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # (B, T, width)
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.qkv(self.norm1(x)).chunk(3, -1)
        )
        x = x + self.proj(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2))
        return x + self.out(F.gelu(self.fc(self.norm2(x))))


class GPT(nn.Module):
    def __init__(self, depth: int, width: int, heads: int, scaled: bool) -> None:
        super().__init__()
        self.wte, self.wpe = nn.Embedding(len(LETTERS), width), nn.Embedding(LENGTH, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, len(LETTERS), bias=False)
        self.head.weight = self.wte.weight
        for name, parameter in self.named_parameters():
            ends_branch = scaled and name.endswith(("proj.weight", "out.weight"))
            if parameter.ndim == 2:
                nn.init.normal_(parameter, std=0.02 / (2 * depth) ** 0.5 if ends_branch else 0.02)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:  # (B, T) → (B, T, letters)
        x = self.wte(tokens) + self.wpe(torch.arange(tokens.shape[1], device=tokens.device))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def build(depth: int = 4, width: int = 128, heads: int = 4, scaled: bool = True):
    text = torch.tensor([LETTERS.index(c) for c in TEXT])
    return tuiinit.Setup(
        GPT(depth, width, heads, scaled),
        [text[s[:, None] + torch.arange(LENGTH + 1)] for s in torch.randint(len(text) - LENGTH - 1, (200, BATCH))],
        lambda model, batch: F.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten()),
        optimizer=lambda parameters: torch.optim.AdamW(parameters, lr=1e-3),
    )
