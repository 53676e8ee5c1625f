"""The lecture's network and training loop in its own manner, independent of the package.

Plain tensors with autograd, one draw of a minibatch a step, `p.data += -lr * p.grad`, and `.std()` of every
matrix: slow and short, so that it can be read against the lecture.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F  # noqa: N812 (the lecture's name)
from torch import Tensor

NONLINEARITIES: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "linear": lambda x: x * 1.0,
    "relu": torch.relu,
    "leaky_relu": lambda x: torch.where(x > 0, x, 0.01 * x),
    "sigmoid": lambda x: 1 / (1 + torch.exp(-x)),
    "selu": torch.selu,
}


@dataclass
class Record:
    """What one step showed: tensors, as they were then."""

    loss: float
    logits: Tensor
    outs: list[Tensor]
    out_grads: list[Tensor]
    weights: list[Tensor]  # after the update
    grads: list[Tensor]
    update_data: list[float]
    gammas: list[Tensor]
    betas: list[Tensor]
    bias_grads: list[Tensor]
    batch: list[tuple[Tensor, Tensor]]  # mean and unbiased variance
    running: list[tuple[Tensor, Tensor]]


@dataclass
class PlainNetwork:
    """Parameters as plain tensors, drawn in the lecture's order."""

    x: Tensor
    y: Tensor
    classes: int
    gain: float = 5 / 3
    bn: bool = False
    hidden: tuple[int, ...] = (100, 100, 100, 100, 100)
    embedding: int = 10
    nonlinearity: str = "tanh"
    fan_in_scaling: bool = True
    embedding_scale: float = 1.0
    output_scale: float = 0.1
    bias_before_bn: bool = False
    bias_scale: tuple[float, float] = (0.0, 0.0)
    unbiased: bool = True
    lr: float = 0.1
    batch_size: int = 32
    seed: int = 2147483647
    eps: float = 1e-5
    momentum: float = 0.1
    C: Tensor = field(init=False)

    def __post_init__(self) -> None:
        g = self.g = torch.Generator().manual_seed(self.seed)
        context = self.x.shape[1]
        fans = [context * self.embedding, *self.hidden, self.classes]
        self.C = torch.randn((self.classes, self.embedding), generator=g) * self.embedding_scale
        self.W, self.b = [], []
        scales = [self.bias_scale[0]] * len(self.hidden) + [self.bias_scale[1]]
        for (fan_in, fan_out), scale in zip(itertools.pairwise(fans), scales, strict=True):
            weight = torch.randn((fan_in, fan_out), generator=g)
            self.W.append(weight / fan_in**0.5 if self.fan_in_scaling else weight)
            if not self.bn or self.bias_before_bn:
                self.b.append(torch.randn(fan_out, generator=g) * scale if scale else torch.zeros(fan_out))
        # The lecture: `for layer in layers[:-1]: if isinstance(layer, Linear): layer.weight *= gain`. With batch
        # norm the last of its layers is a batch norm, so that no linear one is left out.
        for weight in self.W if self.bn else self.W[:-1]:
            weight *= self.gain
        self.gamma = [torch.ones(n) for n in fans[1:]] if self.bn else []
        self.beta = [torch.zeros(n) for n in fans[1:]] if self.bn else []
        (self.gamma if self.bn else self.W)[-1] *= self.output_scale
        self.running = [(torch.zeros(n), torch.ones(n)) for n in fans[1:]] if self.bn else []
        self.parameters = [self.C, *self.W, *self.b, *self.gamma, *self.beta]
        for p in self.parameters:
            p.requires_grad_()

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor], list[tuple[Tensor, Tensor]]]:
        """Logits, the nonlinearities' outputs, and each batch norm's mean and unbiased variance."""
        h = self.C[x].view(len(x), -1)
        outs, batch = [], []
        for i, weight in enumerate(self.W):
            h = h @ weight
            if self.b:
                h = h + self.b[i]
            if self.bn:
                mean, var = h.mean(0, keepdim=True), h.var(0, keepdim=True, unbiased=self.unbiased)
                batch.append((mean.detach()[0], h.detach().var(0, unbiased=True)))
                h = self.gamma[i] * (h - mean) / torch.sqrt(var + self.eps) + self.beta[i]
            if i < len(self.W) - 1:
                h = NONLINEARITIES[self.nonlinearity](h)
                h.retain_grad()
                outs.append(h)
        return h, outs, batch

    def steps(self, update: Callable[[], None] | None = None) -> Iterator[Record]:
        """Train without end; `update` in the place of plain SGD."""
        while True:
            chosen = torch.randint(0, len(self.x), (self.batch_size,), generator=self.g)
            logits, outs, batch = self.forward(self.x[chosen])
            loss = F.cross_entropy(logits, self.y[chosen])
            for p in self.parameters:
                p.grad = None
            loss.backward()
            before = [p.detach().clone() for p in (self.C, *self.W)]
            if update is not None:
                update()
            else:
                for p in self.parameters:
                    p.data += -self.lr * p.grad
            m = self.momentum
            self.running = [
                ((1 - m) * mean + m * now_mean, (1 - m) * var + m * now_var)
                for (mean, var), (now_mean, now_var) in zip(self.running, batch, strict=True)
            ]
            matrices = (self.C, *self.W)
            moved = [p.data - b for p, b in zip(matrices, before, strict=True)]
            if update is None:
                moved = [self.lr * p.grad for p in matrices]
            yield Record(
                loss=loss.item(),
                logits=logits.detach(),
                outs=[out.detach() for out in outs],
                out_grads=[out.grad for out in outs],
                weights=[p.data.clone() for p in matrices],
                grads=[p.grad.clone() for p in matrices],
                update_data=[(u.std() / p.data.std()).log10().item() for u, p in zip(moved, matrices, strict=True)],
                gammas=[p.data.clone() for p in self.gamma],
                betas=[p.data.clone() for p in self.beta],
                bias_grads=[p.grad.clone() for p in self.b],
                batch=batch,
                running=self.running,
            )
