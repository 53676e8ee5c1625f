"""The network: embedding → [linear → (batch norm) → nonlinearity] × depth → linear → (batch norm).

Notable: every parameter is a view into one flat tensor, weights first, so that an optimizer step is one
operation on the whole network. The modules are ordinary (hooks and autograd work on them); `passes.py`
has the same forward and backward written out for speed.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..config.run import RunConfig
from ..measure.nonlinearities import ELEMENTWISE
from ..stream.shape import MatrixShape, RowShape, Shape, Units

MeanVar = tuple[Tensor, Tensor]  # a mean and a variance to normalise by, (width,) each
Statistics = Callable[[int, Tensor], MeanVar | None]  # of layer i, which gave (B, width) before batch norm


def of_each_batch(_: int, __: Tensor) -> None:
    """Batch norm by each batch's own statistics, as in training."""


class Linear(nn.Module):
    """x @ weight + bias, with the weight drawn and kept as (fan_in, fan_out), as in the lecture."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.bias = None if bias is None else nn.Parameter(bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, fan_in) → (B, fan_out)."""
        return x @ self.weight if self.bias is None else torch.addmm(self.bias, x, self.weight)


class BatchNorm(nn.Module):
    """Batch norm over the rows of (B, width), in the lecture's style or PyTorch's.

    The lecture normalises with the unbiased variance: with s = sqrt((n-1)/n), PyTorch's own operator gives
    the same numbers for weight = gamma·s and eps·(n-1)/n. Both styles store the unbiased running variance.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, gamma: Tensor, beta: Tensor, config: RunConfig, running: Tensor | None = None) -> None:
        super().__init__()
        self.gamma = nn.Parameter(gamma)
        self.beta = nn.Parameter(beta)
        #: (2, width): running mean and variance.
        running = torch.stack([torch.zeros_like(gamma), torch.ones_like(gamma)]) if running is None else running
        self.register_buffer("running_mean", running[0])
        self.register_buffer("running_var", running[1])
        self.momentum = config.bn_momentum
        self.eps = config.bn_eps
        self.unbiased = config.bn_style == "lecture"

    @property
    def kept(self) -> list[Tensor]:
        """Running mean, running variance, gamma and beta: (width,) each."""
        return [self.running_mean, self.running_var, self.gamma.data, self.beta.data]

    def correction(self, rows: int) -> tuple[float, float]:
        """(s, eps) that make PyTorch's operator normalise in this style over `rows` examples."""
        if not self.unbiased:
            return 1.0, self.eps
        return math.sqrt((rows - 1) / rows), self.eps * (rows - 1) / rows

    def normalised(self, x: Tensor, statistics: MeanVar | None = None) -> Tensor:
        """(B, width) → (B, width) by a mean and a variance, or by the batch's own; the running ones stay."""
        if statistics is not None:
            return functional.batch_norm(x, *statistics, self.gamma, self.beta, eps=self.eps)
        if len(x) == 1:  # one row has no variance: it becomes beta, which is what PyTorch's operator gives
            return self.beta.expand_as(x).clone()
        s, eps = self.correction(len(x))
        return functional.batch_norm(x, None, None, self.gamma * s, self.beta, True, 0.0, eps)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width) → (B, width); batch statistics in training mode, running ones in eval mode."""
        if not self.training:
            return self.normalised(x, (self.running_mean, self.running_var))
        s, eps = self.correction(len(x))
        return functional.batch_norm(
            x, self.running_mean, self.running_var, self.gamma * s, self.beta, True, self.momentum, eps
        )


class Layer(nn.Module):
    """One linear layer with what follows it; the last has no nonlinearity."""

    def __init__(self, linear: Linear, norm: BatchNorm | None, nonlinearity: nn.Module | None) -> None:
        super().__init__()
        self.linear = linear
        self.norm = norm
        self.nonlinearity = nonlinearity

    def forward(self, x: Tensor) -> Tensor:
        """(B, fan_in) → (B, fan_out)."""
        x = self.linear(x)
        if self.norm is not None:
            x = self.norm(x)
        return x if self.nonlinearity is None else self.nonlinearity(x)


class Memory:
    """Room for the parameters of networks of one shape, side by side.

    Args:
        config: of one of them, for its shape.
        classes: size of the vocabulary.
        lanes: how many networks.
        device: where.

    Attributes:
        parameters: data, gradients and update (3, lanes, parameters); weights, then vectors.
        running: of each batch norm the running means and variances (2, lanes, width).
    """

    def __init__(self, config: RunConfig, classes: int, lanes: int, device: torch.device) -> None:
        fans = (config.context * config.embedding, *config.hidden, classes)
        self.lanes = lanes
        self.shapes = [(classes, config.embedding), *itertools.pairwise(fans)]
        vectors = (2 + config.bias_before_bn) if config.bn else 1
        self.weights_size = sum(rows * columns for rows, columns in self.shapes)
        self.parameters = torch.zeros((3, lanes, self.weights_size + vectors * sum(fans[1:])), device=device)
        widths = fans[1:] if config.bn else ()
        #: All of them end to end; of one lane (2, all widths together), as a quick step takes them.
        self.all_running = torch.zeros((2, lanes * sum(widths)), device=device)
        self.all_running[1] = 1
        parts = torch.split(self.all_running, [lanes * width for width in widths], 1) if widths else ()
        self.running = [part.view(2, lanes, -1) for part in parts]

    def matrices(self, part: Tensor) -> list[Tensor]:
        """The matrices in a part of the parameters (lanes, parameters): (lanes, fan_in, fan_out) each."""
        sizes = [rows * columns for rows, columns in self.shapes]
        split = torch.split(part[:, : self.weights_size], sizes, 1)
        return [one.view(len(part), *shape) for one, shape in zip(split, self.shapes, strict=True)]


class Network(nn.Module):
    """The network of a configuration, at its initialisation.

    Draws come from `generator` (on the CPU, whatever the device) in the lecture's order: the embedding,
    then each weight, followed by its bias where biases start at other than 0. Gain, scales and fan_in only
    multiply what is drawn, so that configurations that differ in them share their base weights.

    Args:
        config: its schedule plays no part here.
        classes: size of the vocabulary.
        generator: a CPU generator; left where the minibatch draws begin.
        device: where the parameters live.
        memory: where on it; room of its own by default.
        lane: its place there.
    """

    def __init__(
        self,
        config: RunConfig,
        classes: int,
        generator: torch.Generator,
        device: torch.device,
        memory: Memory | None = None,
        lane: int = 0,
    ) -> None:
        super().__init__()
        self.config = config
        self.memory = memory = memory or Memory(config, classes, 1, device)
        self.lane = lane
        fans = (config.context * config.embedding, *config.hidden, classes)
        last = len(config.hidden)
        drawn = [torch.randn((classes, config.embedding), generator=generator) * config.embedding_scale]
        vectors: list[Tensor] = []
        for i in range(last + 1):
            weight = torch.randn((fans[i], fans[i + 1]), generator=generator)
            if config.fan_in_scaling:
                weight /= fans[i] ** 0.5
            if i < last or config.bn:  # the lecture's loop leaves out the last object: with batch norm, no weight
                weight *= config.gain
            else:
                weight *= config.output_scale
            drawn.append(weight)
            width, bias_scale = fans[i + 1], config.bias_scale[i == last]
            if not config.bn or config.bias_before_bn:
                # Right after its weight, as the lecture draws them; none where that would be multiplied by 0.
                vectors.append(
                    torch.randn(width, generator=generator) * bias_scale if bias_scale else torch.zeros(width)
                )
            if config.bn:
                vectors += [torch.full((width,), config.output_scale if i == last else 1.0), torch.zeros(width)]
        #: All parameters end to end, weights, then vectors; beside them the gradients, and room for the update.
        self.buffer = memory.parameters[:, lane]
        self.flat, self.flat_grad, self.flat_update = self.buffer
        self.flat.copy_(torch.cat([t.reshape(-1) for t in (*drawn, *vectors)]))
        shapes = [t.shape for t in (*drawn, *vectors)]
        data, grads = _views(self.flat, shapes), _views(self.flat_grad, shapes)

        #: The matrices whose updates are watched, and their gradients: names, tensors.
        self.weight_names = ("embedding", *(f"hidden {i + 1}" for i in range(last)), "output")
        matrices = config.matrices
        self.weights, self.weight_grads = data[:matrices], grads[:matrices]
        self.weight_shapes = [tuple(shape) for shape in shapes[:matrices]]
        self.vectors, self.vector_grads = data[matrices:], grads[matrices:]
        self.weights_size = memory.weights_size
        #: Neighbours of one size as (3, count, size) views of data, gradients and update, for statistics in one go.
        self.groups = _groups(self.buffer, self.weights)
        kinds = ("bias",) * (not config.bn or config.bias_before_bn) + ("gamma", "beta") * config.bn
        self.vector_names = tuple(f"{name} {kind}" for name in self.weight_names[1:] for kind in kinds)
        #: The vectors in the same way.
        self.vector_groups = _groups(self.buffer[:, self.weights_size :], self.vectors)

        self.embedding = nn.Parameter(self.weights[0])
        rest = iter(self.vectors)
        running = iter([running[:, lane] for running in memory.running])
        curve = ELEMENTWISE[config.nonlinearity]
        layers = []
        for i in range(last + 1):
            bias = next(rest) if not config.bn or config.bias_before_bn else None
            norm = BatchNorm(next(rest), next(rest), config, next(running)) if config.bn else None
            layers.append(Layer(Linear(self.weights[i + 1], bias), norm, curve.module() if i < last else None))
        self.layers = nn.ModuleList(layers)
        self.blocks = layers  # the same, with their type
        self.parameter_count = self.flat.numel()
        self.classes = classes
        named = config.nonlinearity
        #: What frames tell of: nonlinearities, matrices, batch norms, vectors.
        self.shape = Shape(
            rows=tuple(
                RowShape(name=f"{named} {i}", kind=named, shape=(width,)) for i, width in enumerate(config.hidden, 1)
            ),
            matrices=tuple(
                MatrixShape(name=name, shape=shape)
                for name, shape in zip(self.weight_names, self.weight_shapes, strict=True)
            ),
            norms=tuple(Units(name=f"batch norm {i}", width=width) for i, width in enumerate(fans[1:], 1) if config.bn),
            vectors=tuple(
                Units(name=name, width=vector.numel())
                for name, vector in zip(self.vector_names, self.vectors, strict=True)
            ),
        )

    def embed(self, x: Tensor) -> Tensor:
        """Contexts (B, context) as indices → (B, context · embedding)."""
        return functional.embedding(x, self.embedding).flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        """Contexts (B, context) as indices → logits (B, classes)."""
        h = self.embed(x)
        for layer in self.blocks:
            h = layer(h)
        return h

    def through(self, x: Tensor, statistics: Statistics = of_each_batch) -> Iterator[Tensor]:
        """Pass contexts (B, context) as indices on, and yield what each layer gives: (B, width), the logits last.

        Args:
            x: the contexts.
            statistics: what batch norm normalises by; the running ones stay as they are.
        """
        h = self.embed(x)
        for i, layer in enumerate(self.blocks):
            h = layer.linear(h)
            if layer.norm is not None:
                h = layer.norm.normalised(h, statistics(i, h))
            if layer.nonlinearity is not None:
                h = layer.nonlinearity(h)
            yield h

    def logits(self, x: Tensor, statistics: Statistics = of_each_batch) -> Tensor:
        """The last of what `through` yields: (B, classes)."""
        for h in self.through(x, statistics):
            last = h
        return last

    def running_statistics(self, layer: int, _: Tensor) -> MeanVar:
        """Batch norm by the running mean and variance, as in eval mode: for `through`."""
        norm = self.blocks[layer].norm
        assert norm is not None
        return norm.running_mean, norm.running_var


def _groups(buffer: Tensor, tensors: list[Tensor]) -> list[Tensor]:
    groups = []
    start = 0
    for size, run in itertools.groupby(t.numel() for t in tensors):
        count = len(list(run))
        groups.append(buffer[:, start : start + count * size].view(3, count, size))
        start += count * size
    return groups


def _views(flat: Tensor, shapes: list[torch.Size]) -> list[Tensor]:
    sizes = [shape.numel() for shape in shapes]
    return [part.view(shape) for part, shape in zip(torch.split(flat, sizes), shapes, strict=True)]
