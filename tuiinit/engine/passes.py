"""Forward and backward of a Network written out on PyTorch's own operators, into buffers made once.

The numbers are autograd's; the time is not: no graph is built, nothing is allocated that can be kept, and
gradients land where the optimizer reads them. Everything that a snapshot tells of is at hand on the way, so
measuring needs no second pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..measure.nonlinearities import ELEMENTWISE, aten
from .network import BatchNorm, Network

BACKWARD_OF_ALL = [True, True, True]  # gradients of the input, the scale and the shift


@dataclass
class Kept:
    """What one pass over a minibatch saw: for each hidden layer its pre-activation, output and gradient.

    `linear` holds what each linear layer gave to its batch norm, the output layer last (B, width), and is
    empty without batch norm; `outputs` and `grads` belong to the nonlinearities. A gradient is that of the
    mean loss with respect to the output. All but `grads` are overwritten by the next run of the same Pass.
    """

    embedded: Tensor
    logits: Tensor
    linear: list[Tensor]
    outputs: list[Tensor]
    grads: list[Tensor] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _Norm:
    """A batch norm's tensors: its parameters times the style's correction, and what the backward needs."""

    layer: BatchNorm
    scale: Tensor
    shift: Tensor
    linear: Tensor  # what is normalised (B, width)
    mean: Tensor
    inverse_std: Tensor
    eps: float


@dataclass(slots=True, eq=False)
class _Layer:
    """One linear layer's tensors, with those transposed that a product wants transposed."""

    input_t: Tensor  # (fan_in, B)
    input: Tensor
    weight: Tensor
    weight_t: Tensor
    weight_grad: Tensor
    bias: Tensor | None
    bias_grad: Tensor  # (1, width); empty with batch norm, where all vectors' gradients are joined
    output: Tensor  # (B, width), after batch norm and nonlinearity
    input_grad: Tensor  # (B, fan_in)
    norm: _Norm | None


class Pass:
    """A network's pass over minibatches of one size. Call it without autograd.

    Args:
        network: its running statistics move, its `flat_grad` is filled.
        rows: examples of a minibatch.
        loss: where the mean cross-entropy of the last minibatch goes (1, 1), nats.
    """

    def __init__(self, network: Network, rows: int, loss: Tensor) -> None:
        config = network.config
        self.rows = rows
        self.loss = loss
        self._curve = ELEMENTWISE[config.nonlinearity]
        new = network.flat.new_empty
        self._embedding, self._embedding_grad = network.weights[0], network.weight_grads[0]
        self._embedded = new((rows * config.context, config.embedding))
        h = self._embedded.view(rows, -1)
        vectors, factors = network.flat[network.weights_size :], torch.ones(len(network.flat) - network.weights_size)
        #: Biases, gammas and betas as PyTorch's operator wants them: gammas times s (see BatchNorm).
        self._vectors, self._scaled = vectors, torch.empty_like(vectors) if config.bn else vectors
        sizes = [v.numel() for v in network.vectors]
        scaled = iter(torch.split(self._scaled, sizes))
        factor_parts = iter(torch.split(factors, sizes))
        grads = iter(network.vector_grads)
        self._layers: list[_Layer] = []
        for block, weight, weight_grad in zip(
            network.blocks, network.weights[1:], network.weight_grads[1:], strict=True
        ):
            width = weight.shape[1]
            bias = norm = None
            bias_grad = new(0)
            if block.linear.bias is not None:
                bias = next(scaled)
                next(factor_parts)
                if block.norm is None:
                    bias_grad = next(grads).view(1, -1)
            if block.norm is not None:
                s, eps = block.norm.correction(rows)
                next(factor_parts).fill_(s)
                next(factor_parts)
                norm = _Norm(block.norm, next(scaled), next(scaled), new((rows, width)), new(width), new(width), eps)
            output = new((rows, width))
            self._layers.append(
                _Layer(h.t(), h, weight, weight.t(), weight_grad, bias, bias_grad, output, torch.empty_like(h), norm)
            )
            h = output
        self._factors = factors.to(network.flat.device)
        self._vector_grads = network.flat_grad[network.weights_size :]
        self._log_p, self._logits_grad, self._picked = torch.empty_like(h), torch.empty_like(h), new((rows, 1))
        self._ones, self._minus_mean = torch.ones_like(new((1, rows))), torch.full_like(new((1, rows)), -1 / rows)
        self._minus_one, self._share = -torch.ones_like(self._picked), torch.full_like(self.loss, 1 / rows)

    def run(self, x: Tensor, y: Tensor, *, keep: bool = False, peek: bool = False) -> Kept | None:
        """Pass a minibatch; its mean loss is then in `loss`.

        Args:
            x: contexts (B · context,), indices.
            y: the characters that follow (B, 1), indices.
            keep: give back what was seen on the way.
            peek: leave the running statistics alone.
        """
        curve, layers = self._curve, self._layers
        last = layers[-1]
        has_norm = last.norm is not None
        torch.index_select(self._embedding, 0, x, out=self._embedded)
        if has_norm:
            torch.mul(self._vectors, self._factors, out=self._scaled)
        for layer in layers:
            norm, output = layer.norm, layer.output
            linear = output if norm is None else norm.linear
            if layer.bias is None:
                torch.mm(layer.input, layer.weight, out=linear)
            else:
                torch.addmm(layer.bias, layer.input, layer.weight, out=linear)
            if norm is not None:
                mean, var = (None, None) if peek else (norm.layer.running_mean, norm.layer.running_var)
                aten.native_batch_norm.out(
                    linear, norm.scale, norm.shift, mean, var, True, norm.layer.momentum, norm.eps,
                    out=output, save_mean=norm.mean, save_invstd=norm.inverse_std,
                )  # fmt: skip
            if layer is not last:
                curve.forward_(output)

        torch.log_softmax(last.output, 1, out=self._log_p)
        torch.gather(self._log_p, 1, y, out=self._picked)
        torch.mm(self._minus_mean, self._picked, out=self.loss)

        # Backward: d is the gradient of the loss with respect to what a layer gave, at first the logits:
        # (softmax − one-hot) / B.
        d = torch.exp(self._log_p, out=self._logits_grad)
        d.scatter_add_(1, y, self._minus_one).mul_(self._share)
        grads: list[Tensor] = []
        vector_grads: list[Tensor] = []  # with batch norm: the last layer's first, each layer's in reverse
        for layer in reversed(layers):
            if layer is not last:
                if keep:
                    grads.append(d.clone())
                d = curve.backward_(d, layer.output)
            if (norm := layer.norm) is not None:
                d, d_scale, d_shift = aten.native_batch_norm_backward.default(
                    d, norm.linear, norm.scale, None, None, norm.mean, norm.inverse_std, True, norm.eps,
                    BACKWARD_OF_ALL,
                )  # fmt: skip
                vector_grads += (d_shift, d_scale)
                if layer.bias is not None:
                    vector_grads.append(d.sum(0))
            elif layer.bias is not None:
                torch.mm(self._ones, d, out=layer.bias_grad)
            torch.mm(layer.input_t, d, out=layer.weight_grad)
            d = torch.mm(d, layer.weight_t, out=layer.input_grad)
        if has_norm:
            torch.cat(vector_grads[::-1], out=self._vector_grads)
            self._vector_grads.mul_(self._factors)
        self._embedding_grad.zero_().index_add_(0, x, d.view_as(self._embedded))
        if not keep:
            return None
        return Kept(
            embedded=self._embedded.view(self.rows, -1),
            logits=last.output,
            linear=[layer.norm.linear for layer in layers if layer.norm is not None],
            outputs=[layer.output for layer in layers[:-1]],
            grads=grads[::-1],
        )


def train_pass(
    network: Network, x: Tensor, y: Tensor, *, keep: bool = False, peek: bool = False
) -> tuple[Tensor, Kept | None]:
    """One pass over a minibatch of any size: x (B, context), y (B,), the rest as in `Pass.run`.

    Returns:
        The mean loss (a 0-d tensor, nats) and, with `keep`, what was seen.
    """
    one = Pass(network, len(y), network.flat.new_empty((1, 1)))
    kept = one.run(x.reshape(-1), y[:, None], keep=keep, peek=peek)
    return one.loss[0, 0], kept
