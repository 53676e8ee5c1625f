"""Forward and backward of a Network written out on PyTorch's own backward operators.

The numbers are autograd's; the time is not (no graph is built, gradients land where the optimizer reads
them). Everything that a snapshot tells of is at hand on the way, so measuring needs no second pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

from .network import CURVES, Network, aten

MEAN = 1  # PyTorch's code for the reduction "mean"
BACKWARD_OF_ALL = [True, True, True]  # gradients of the input, the scale and the shift


@dataclass
class Kept:
    """What one pass over a minibatch saw: for each hidden layer its pre-activation, output and gradient.

    `linear` holds what each linear layer gave, the output layer last (B, width); `outputs` and `grads`
    belong to the nonlinearities. A gradient is that of the mean loss with respect to the output.
    """

    embedded: Tensor
    logits: Tensor
    linear: list[Tensor]
    outputs: list[Tensor]
    grads: list[Tensor] = field(default_factory=list)


def train_pass(
    network: Network, x: Tensor, y: Tensor, *, keep: bool = False, peek: bool = False
) -> tuple[Tensor, Kept | None]:
    """Mean cross-entropy of a minibatch; fills `network.flat_grad`. Call it without autograd.

    Args:
        network: its running statistics move, unless `peek`.
        x: contexts (B, context), indices.
        y: the characters that follow (B,), indices.
        keep: give back what was seen on the way.
        peek: leave the running statistics alone.

    Returns:
        The loss (a 0-d tensor, nats) and, with `keep`, what was seen.
    """
    config = network.config
    curve = CURVES[config.nonlinearity]
    rows = len(y)
    blocks = network.blocks
    depth = len(blocks)
    embedded = functional.embedding(x, network.weights[0]).flatten(1)  # (B, context · embedding)
    h = embedded
    inputs: list[Tensor] = []
    linear: list[Tensor] = []
    saved: list[tuple[Tensor, Tensor]] = []
    norm = blocks[0].norm
    s, eps = norm.correction(rows) if norm is not None else (1.0, 0.0)
    vectors = iter(network.vectors)
    scales: list[Tensor] = []
    for i, block in enumerate(blocks):
        inputs.append(h)
        weight = network.weights[i + 1]
        h = torch.mm(h, weight) if block.linear.bias is None else torch.addmm(next(vectors), h, weight)
        if (norm := block.norm) is not None:
            linear.append(h)
            scales.append(next(vectors) * s)
            mean, var = (None, None) if peek else (norm.running_mean, norm.running_var)
            h, batch_mean, inverse_std = aten.native_batch_norm.default(
                h, scales[i], next(vectors), mean, var, True, norm.momentum, eps
            )
            saved.append((batch_mean, inverse_std))
        elif keep:
            linear.append(h)
        if i < depth - 1:
            h = curve.forward(h)

    logits = h
    log_p = aten._log_softmax.default(logits, 1, False)
    loss, total = aten.nll_loss_forward.default(log_p, y, None, MEAN, -100)

    # Backward: d is the gradient of the loss with respect to what layer i gave.
    d = aten.nll_loss_backward.default(torch.ones_like(loss), log_p, y, None, MEAN, -100, total)
    d = aten._log_softmax_backward_data.default(d, log_p, 1, d.dtype)
    grads: list[Tensor] = []
    vector_grads: list[Tensor] = []  # the last layer's first, each layer's in reverse
    for i in range(depth - 1, -1, -1):
        block = blocks[i]
        if i < depth - 1:
            if keep:
                grads.append(d)
            d = curve.backward(d, inputs[i + 1])
        if block.norm is not None:
            d, d_scale, d_beta = aten.native_batch_norm_backward.default(
                d, linear[i], scales[i], None, None, *saved[i], True, eps, BACKWARD_OF_ALL
            )
            vector_grads += (d_beta, d_scale.mul_(s))
        if block.linear.bias is not None:
            vector_grads.append(d.sum(0))
        torch.mm(inputs[i].t(), d, out=network.weight_grads[i + 1])
        d = torch.mm(d, network.weights[i + 1].t())
    torch.cat(vector_grads[::-1], out=network.flat_grad[network.weights_size :])
    d = d.view(rows, config.context, config.embedding)
    network.weight_grads[0].copy_(aten.embedding_dense_backward.default(d, x, len(network.weights[0]), -1, False))
    if not keep:
        return loss, None
    return loss, Kept(embedded, logits, linear, inputs[1:], grads[::-1])
