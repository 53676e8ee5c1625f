"""Forward and backward of a Network written out on PyTorch's own backward operators.

The numbers are autograd's; the time is not (no graph is built, gradients land where the optimizer reads
them). Everything that a snapshot tells of is at hand on the way, so measuring needs no second pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from .network import CURVES, Network, aten


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
    h = embedded = torch.nn.functional.embedding(x, network.weights[0]).flatten(1)  # (B, context · embedding)
    inputs: list[Tensor] = []
    linear: list[Tensor] = []
    saved: list[tuple[Tensor, Tensor, Tensor]] = []
    depth = len(network.blocks)
    for i, layer in enumerate(network.blocks):
        inputs.append(h)
        bias = layer.linear.bias
        weight = network.weights[i + 1]
        h = h @ weight if bias is None else torch.addmm(bias.data, h, weight)
        linear.append(h)
        if (norm := layer.norm) is not None:
            s, eps = norm.correction(rows)
            scale = norm.gamma.data * s
            mean, var = (None, None) if peek else (norm.running_mean, norm.running_var)
            h, batch_mean, inverse_std = aten.native_batch_norm.default(
                h, scale, norm.beta.data, mean, var, True, norm.momentum, eps
            )
            saved.append((scale, batch_mean, inverse_std))
        if i < depth - 1:
            h = curve.forward(h)

    logits = h
    log_p = torch.log_softmax(logits, 1)
    target = y.unsqueeze(1)
    loss = -log_p.gather(1, target).mean()

    # Backward: d is the gradient of the loss with respect to what layer i gave.
    d = log_p.exp_()
    d.scatter_add_(1, target, torch.full_like(d[:, :1], -1.0))
    d /= rows
    grads: list[Tensor] = []
    vectors = len(network.vector_grads)
    for i in range(depth - 1, -1, -1):
        layer = network.blocks[i]
        if i < depth - 1:
            if keep:
                grads.append(d)
            d = curve.backward(d, inputs[i + 1])
        if (norm := layer.norm) is not None:
            scale, batch_mean, inverse_std = saved[i]
            s, eps = norm.correction(rows)
            d, d_scale, d_beta = aten.native_batch_norm_backward.default(
                d, linear[i], scale, None, None, batch_mean, inverse_std, True, eps, [True, True, True]
            )
            vectors -= 2
            torch.mul(d_scale, s, out=network.vector_grads[vectors])
            network.vector_grads[vectors + 1].copy_(d_beta)
        if layer.linear.bias is not None:
            vectors -= 1
            torch.sum(d, 0, out=network.vector_grads[vectors])
        torch.mm(inputs[i].t(), d, out=network.weight_grads[i + 1])
        d = d @ network.weights[i + 1].t()
    d = d.view(rows, config.context, config.embedding)
    network.weight_grads[0].copy_(aten.embedding_dense_backward.default(d, x, len(network.weights[0]), -1, False))
    if not keep:
        return loss, None
    return loss, Kept(embedded, logits, linear, inputs[1:], grads[::-1])
