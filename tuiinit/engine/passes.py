"""Forward and backward of networks written out on PyTorch's own operators, into buffers made once.

The numbers are autograd's; the time is not: no graph is built, nothing is allocated that can be kept, and
gradients land where the optimizer reads them. Everything that a snapshot tells of is at hand on the way, so
measuring needs no second pass.

Several networks of one shape go through side by side: tensors are (lanes, units, examples), so that a layer is one
product of all lanes, in which each lane's numbers are, to the bit, those that it has alone. With examples as columns
both products with a weight are of the fast kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..measure.nonlinearities import ELEMENTWISE, aten
from .network import BatchNorm, Network

BACKWARD_OF_ALL = [True, True, True]  # gradients of the input, the scale and the shift
TOGETHER = 64  # values: what is left over by so many, PyTorch may compute otherwise, to the bit


@dataclass
class Kept:
    """What one pass over a minibatch saw of a lane: for each hidden layer its output and gradient.

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
    """A batch norm's tensors: its parameters times the style's correction, and what the backward needs.

    PyTorch's operator takes all lanes' units as channels (1, lanes · width, B), with statistics over the examples.
    """

    layer: BatchNorm
    running: tuple[Tensor, Tensor]  # mean and variance (lanes · width,)
    scale: Tensor  # (lanes · width,)
    shift: Tensor
    linear: Tensor  # what is normalised (lanes, width, B)
    channels: Tensor  # the same as channels
    output: Tensor  # what becomes of it, as channels
    grad: Tensor  # the gradient of it, as channels
    mean: Tensor
    inverse_std: Tensor
    eps: float


@dataclass(slots=True, eq=False)
class _Layer:
    """One linear layer's tensors, with those transposed that a product wants transposed."""

    input: Tensor  # (lanes, fan_in, B)
    weight: Tensor  # (lanes, fan_in, width)
    weight_t: Tensor
    weight_grad: Tensor
    bias: Tensor | None  # (lanes, width, 1)
    bias_grad: Tensor  # the same; empty with batch norm, where all vectors' gradients are joined
    output: Tensor  # (lanes, width, B), after batch norm and nonlinearity
    grad: Tensor  # of the output, the same
    grad_t: Tensor
    input_grad: Tensor  # (lanes, fan_in, B)
    norm: _Norm | None
    by_lane: list[tuple[Tensor, Tensor]] = field(default_factory=list)  # output and grad, where that matters


class Pass:
    """The pass of networks side by side over minibatches of one size. Call it without autograd.

    Args:
        networks: neighbours in one Memory; their running statistics move, their `flat_grad` is filled.
        rows: examples of a minibatch.
        loss: where the mean cross-entropies of the last minibatches go (lanes, 1, 1), nats.
    """

    def __init__(self, networks: Sequence[Network], rows: int, loss: Tensor) -> None:
        network, lanes = networks[0], len(networks)
        config, memory = network.config, network.memory
        places = slice(network.lane, network.lane + lanes)
        self.rows = rows
        self.loss = loss
        self._lanes = lanes
        self._curve = ELEMENTWISE[config.nonlinearity]
        new = network.flat.new_empty
        self._embeddings = [(one.weights[0], one.weight_grads[0]) for one in networks]
        self._embedded = new((lanes, rows * config.context, config.embedding))
        self._embedded_rows = self._embedded.unbind()
        data, grads = memory.parameters[:2, places]
        #: Biases, gammas and betas as PyTorch's operator wants them, layer by layer: gammas times s (see BatchNorm).
        self._vectors, self._vector_grads = data[:, memory.weights_size :], grads[:, memory.weights_size :]
        sizes = [v.numel() for v in network.vectors]
        self._scaled = new(self._vectors.shape) if config.bn else self._vectors
        scaled = self._scaled_parts = list(torch.split(self._scaled, sizes, 1))
        if config.bn and lanes > 1:  # the operator wants each layer's in one piece
            scaled = [new((lanes, size)) for size in sizes]
        self._in_one_piece = scaled
        vectors = iter(zip(scaled, torch.split(self._vector_grads, sizes, 1), strict=True))
        factors = torch.ones(sum(sizes))
        factor_parts = iter(torch.split(factors, sizes))
        weights, weight_grads = memory.matrices(data)[1:], memory.matrices(grads)[1:]
        h = self._embedded.view(lanes, rows, -1).transpose(1, 2)
        self._layers: list[_Layer] = []
        for number, (block, weight, weight_grad) in enumerate(zip(network.blocks, weights, weight_grads, strict=True)):
            output, grad = new((lanes, weight.shape[2], rows)), new((lanes, weight.shape[2], rows))
            bias, norm, bias_grad = None, None, new(0)
            if block.linear.bias is not None:
                bias, part = (v.unsqueeze(2) for v in next(vectors))
                next(factor_parts)
                bias_grad = bias_grad if config.bn else part
            if block.norm is not None:
                s, eps = block.norm.correction(rows)
                next(factor_parts).fill_(s)
                next(factor_parts)
                mean, var = memory.running[number][:, places]
                gamma, beta = next(vectors)[0], next(vectors)[0]
                linear, units = torch.empty_like(output), lanes * weight.shape[2]
                channels, normalised, of_it = (t.view(1, units, rows) for t in (linear, output, grad))
                norm = _Norm(
                    block.norm, (mean.view(-1), var.view(-1)), gamma.view(-1), beta.view(-1), linear,
                    channels, normalised, of_it, new(units), new(units), eps,
                )  # fmt: skip
            input_grad = self._layers[-1].grad if self._layers else torch.empty_like(h)
            self._layers.append(
                _Layer(h, weight, weight.transpose(1, 2), weight_grad, bias, bias_grad, output, grad,
                       grad.transpose(1, 2), input_grad, norm)
            )  # fmt: skip
            if lanes > 1 and output[0].numel() % TOGETHER:
                self._layers[-1].by_lane = list(zip(output, grad, strict=True))
            h = output
        self._factors = factors.to(network.flat.device)
        # (lanes, rows, fan_in) lies in memory as the embedded characters do.
        first_grad = self._layers[0].input_grad.transpose(1, 2)
        self._first_grads = [part.reshape(-1, config.embedding) for part in first_grad]
        self._joined_grads = self._vector_grads[0] if lanes == 1 else self._vector_grads
        self._log_p, self._picked = torch.empty_like(h), new((lanes, 1, rows))
        self._ones = torch.ones_like(new((lanes, rows, 1)))
        self._minus_mean = self._ones * (-1 / rows)
        self._minus_one, self._share = -torch.ones_like(self._picked), torch.full_like(new((1,)), 1 / rows)

    def run(self, x: Tensor | Sequence[Tensor], y: Tensor, *, keep: bool = False, peek: bool = False) -> list[Kept]:
        """Pass minibatches; their mean losses are then in `loss`.

        Args:
            x: contexts, (B · context,) a lane, indices.
            y: the characters that follow (lanes, 1, B), indices.
            keep: give back what was seen on the way, one a lane.
            peek: leave the running statistics alone.
        """
        curve, layers, lanes = self._curve, self._layers, self._lanes
        last = layers[-1]
        for indices, (table, _), embedded in zip(x, self._embeddings, self._embedded_rows, strict=True):
            torch.index_select(table, 0, indices, out=embedded)
        if last.norm is not None:
            torch.mul(self._vectors, self._factors, out=self._scaled)
            if lanes > 1:
                torch._foreach_copy_(self._in_one_piece, self._scaled_parts)
        for layer in layers:
            norm = layer.norm
            linear = layer.output if norm is None else norm.linear
            if layer.bias is None:
                torch.bmm(layer.weight_t, layer.input, out=linear)
            else:
                torch.baddbmm(layer.bias, layer.weight_t, layer.input, out=linear)
            if norm is not None:
                mean, var = (None, None) if peek else norm.running
                aten.native_batch_norm.out(
                    norm.channels, norm.scale, norm.shift, mean, var, True, norm.layer.momentum, norm.eps,
                    out=norm.output, save_mean=norm.mean, save_invstd=norm.inverse_std,
                )  # fmt: skip
            if layer is not last:
                if layer.by_lane:
                    for output, _ in layer.by_lane:
                        curve.forward_(output)
                else:
                    curve.forward_(layer.output)

        torch.log_softmax(last.output, 1, out=self._log_p)
        torch.gather(self._log_p, 1, y, out=self._picked)
        torch.bmm(self._picked, self._minus_mean, out=self.loss)

        # Backward: a layer's `grad` is the gradient of the loss with respect to what it gave, at first the logits:
        # (softmax − one-hot) / B.
        torch.exp(self._log_p, out=last.grad)
        last.grad.scatter_add_(1, y, self._minus_one).mul_(self._share)
        grads: list[Tensor] = []
        vector_grads: list[Tensor] = []  # with batch norm: the last layer's first, each layer's in reverse
        for layer in reversed(layers):
            d, d_t = layer.grad, layer.grad_t
            if layer is not last:
                if keep:
                    grads.append(d.clone())
                if layer.by_lane:
                    for output, grad in layer.by_lane:
                        curve.backward_(grad, output)
                else:
                    curve.backward_(d, layer.output)
            if (norm := layer.norm) is not None:
                channels, d_scale, d_shift = aten.native_batch_norm_backward.default(
                    norm.grad, norm.channels, norm.scale, None, None, norm.mean, norm.inverse_std, True, norm.eps,
                    BACKWARD_OF_ALL,
                )  # fmt: skip
                d = channels if lanes == 1 else channels.view_as(d)
                d_t = d.transpose(1, 2)
                vector_grads += (d_shift, d_scale)
                if layer.bias is not None:
                    vector_grads.append(channels.sum(2)[0])
            elif layer.bias is not None:
                torch.bmm(d, self._ones, out=layer.bias_grad)
            torch.bmm(layer.input, d_t, out=layer.weight_grad)
            torch.bmm(layer.weight, d, out=layer.input_grad)
        if last.norm is not None:
            parts = vector_grads[::-1]
            torch.cat(parts if lanes == 1 else [g.view(lanes, -1) for g in parts], -1, out=self._joined_grads)
            self._joined_grads.mul_(self._factors)
        for indices, (_, embedding_grad), d in zip(x, self._embeddings, self._first_grads, strict=True):
            embedding_grad.zero_().index_add_(0, indices, d)
        return [self._kept(lane, grads[::-1]) for lane in range(lanes)] if keep else []

    def _kept(self, lane: int, grads: list[Tensor]) -> Kept:
        layers = self._layers
        return Kept(
            embedded=self._embedded[lane].view(self.rows, -1),
            logits=layers[-1].output[lane].t(),
            linear=[layer.norm.linear[lane].t() for layer in layers if layer.norm is not None],
            outputs=[layer.output[lane].t() for layer in layers[:-1]],
            grads=[grad[lane].t() for grad in grads],
        )


def train_pass(
    network: Network, x: Tensor, y: Tensor, *, keep: bool = False, peek: bool = False
) -> tuple[Tensor, Kept | None]:
    """One pass over a minibatch of any size: x (B, context), y (B,), the rest as in `Pass.run`.

    Returns:
        The mean loss (a 0-d tensor, nats) and, with `keep`, what was seen.
    """
    one = Pass([network], len(y), network.flat.new_empty((1, 1, 1)))
    kept = one.run([x.reshape(-1)], y.view(1, 1, -1), keep=keep, peek=peek)
    return one.loss[0, 0, 0], kept[0] if kept else None
