"""Batch norm folded into the linear layer before it: one linear layer that does both, as for inference."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from ..stream.protocol import Folded
from .network import Network

ROWS = 8_192  # examples in memory at a time


@torch.no_grad()
def folded(network: Network) -> Network:
    """A network without batch norm that gives the logits which this one gives in eval mode.

    With s = gamma / √(running variance + eps), gamma·(x·W + b − mean)/√(…) + beta is x·(W·s) + (b − mean)·s + beta.

    Args:
        network: with batch norm, which is left as it is.
    """
    config = network.config.replace(bn=False, bias_scale=(0.0, 0.0))
    plain = Network(config, network.embedding.shape[0], torch.Generator(), network.flat.device)
    plain.embedding.copy_(network.embedding)
    for new, old in zip(plain.blocks, network.blocks, strict=True):
        norm = old.norm
        assert norm is not None
        assert new.linear.bias is not None
        # In double precision, so that what is left of the difference is the rounding of the results.
        scale = norm.gamma.double() / (norm.running_var.double() + norm.eps).sqrt()
        bias = -norm.running_mean.double() if old.linear.bias is None else old.linear.bias - norm.running_mean.double()
        new.linear.weight.copy_(old.linear.weight * scale)
        new.linear.bias.copy_(bias * scale + norm.beta)
    return plain


@torch.no_grad()
def compare(network: Network, x: Tensor, y: Tensor) -> Folded:
    """Logits and losses of a network with batch norm in eval mode beside those of the folded one.

    Args:
        network: in training mode, and left so.
        x: contexts (n, context) as indices, on the network's device.
        y: (n,) what follows.
    """
    plain, largest = folded(network), 0.0
    sums = torch.zeros(2, dtype=torch.float64)  # of the logits, and of their squares
    losses = [0.0, 0.0]
    network.eval()
    for start in range(0, len(y), ROWS):
        part = slice(start, start + ROWS)
        both = [made(x[part]) for made in (network, plain)]
        losses = [
            loss + float(functional.cross_entropy(logits, y[part], reduction="sum"))
            for loss, logits in zip(losses, both, strict=True)
        ]
        off = float((both[0] - both[1]).abs().max())
        largest = off if not off <= largest else largest  # NaN stays
        logits = both[0].double()
        sums += torch.stack([logits.sum(), (logits**2).sum()]).cpu()
    network.train()
    count = len(y) * both[0].shape[1]
    mean, square = (sums / count).tolist()
    dev, dev_folded = (_finite(loss / len(y)) for loss in losses)
    return Folded(
        rows=len(y),
        difference=_finite(largest),
        logit_std=_finite(math.sqrt(max(0.0, square - mean * mean))) if math.isfinite(square) else None,
        dev=dev,
        dev_folded=dev_folded,
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
