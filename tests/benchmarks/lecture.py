"""The lecture's own way of training and measuring: plain tensors, autograd, everything kept each step.

Written from the description of the network and its measures; the thing that our engine is timed against.
"""

from __future__ import annotations

import torch
from torch import Tensor


class LectureNetwork:
    def __init__(self, *, bn: bool, gain: float, x: Tensor, y: Tensor, classes: int = 27, lr: float = 0.1) -> None:
        self.bn, self.x, self.y, self.lr = bn, x, y, lr
        self.generator = torch.Generator().manual_seed(2147483647)
        fans = (30, 100, 100, 100, 100, 100, classes)
        self.embedding = torch.randn((classes, 10), generator=self.generator)
        self.weights, self.vectors, self.running = [], [], []
        for i in range(6):
            weight = torch.randn((fans[i], fans[i + 1]), generator=self.generator) / fans[i] ** 0.5
            weight *= gain if bn or i < 5 else 0.1
            self.weights.append(weight)
            if bn:
                gamma = torch.full((fans[i + 1],), 0.1 if i == 5 else 1.0)
                self.vectors.append((gamma, torch.zeros(fans[i + 1])))
                self.running.append([torch.zeros(fans[i + 1]), torch.ones(fans[i + 1])])
            else:
                self.vectors.append((torch.zeros(fans[i + 1]),))
        self.parameters = [self.embedding, *self.weights, *(v for group in self.vectors for v in group)]
        for p in self.parameters:
            p.requires_grad = True
        self.update_data: list[list[float]] = []
        self.losses: list[float] = []
        self.outputs: list[Tensor] = []

    def step(self) -> None:
        chosen = torch.randint(0, self.x.shape[0], (32,), generator=self.generator)
        h = self.embedding[self.x[chosen]].view(32, -1)
        self.outputs, kept = [], []
        for i, weight in enumerate(self.weights):
            h = h @ weight
            kept.append(h)
            if self.bn:
                gamma, beta = self.vectors[i]
                mean, var = h.mean(0, keepdim=True), h.var(0, keepdim=True)
                h = gamma * ((h - mean) / torch.sqrt(var + 1e-5)) + beta
                with torch.no_grad():
                    running = self.running[i]
                    running[0] = 0.9 * running[0] + 0.1 * mean
                    running[1] = 0.9 * running[1] + 0.1 * var
            else:
                h = h + self.vectors[i][0]
            kept.append(h)
            if i < 5:
                h = torch.tanh(h)
                kept.append(h)
                self.outputs.append(h)
        loss = torch.nn.functional.cross_entropy(h, self.y[chosen])
        for t in kept:
            t.retain_grad()
        for p in self.parameters:
            p.grad = None
        loss.backward()
        for p in self.parameters:
            p.data += -self.lr * p.grad
        self.losses.append(loss.item())
        with torch.no_grad():
            self.update_data.append(
                [((self.lr * p.grad).std() / p.data.std()).log10().item() for p in self.parameters if p.ndim == 2]
            )
