"""The step as a pure function of its tensors, written for the compiler."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ...measure.nonlinearities import ELEMENTWISE
from ..network import Network

if TYPE_CHECKING:
    pass

from .recipe import Recipe


class FunctionalStep(nn.Module):
    """The step of `steps.Step` on minibatches of one size in plain formulas, for a compiler to fuse.

    Returns the step's record (see `Step.record`), or the loss alone where the recipe ends with the gradients.
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        network = Network(recipe.config, recipe.classes, torch.Generator(), torch.device("cpu"))
        self.shapes = [t.shape for t in (*network.weights, *network.vectors)]
        self.groups = [group.shape[1] for group in network.groups]  # matrices in each

    def forward(self, *given: Tensor) -> Tensor:
        """Weights, vectors, `flat_grad` and `running` as in Network, all written to; x, y as in Pass.run; lr (1,)."""
        parameters, (flat_grad, running, x, y, lr) = given[:-5], given[-5:]
        recipe, config = self.recipe, self.recipe.config
        rows, depth = recipe.rows, len(config.hidden) + 1
        curve = ELEMENTWISE[config.nonlinearity]
        forward = tanh if config.nonlinearity == "tanh" else lambda x: curve.forward_(x.clone())
        weights, vectors = parameters[: depth + 1], iter(parameters[depth + 1 :])
        degrees = rows - 1 if config.bn_style == "lecture" else rows  # of freedom, of the variance divided by
        # Examples are columns here: W @ d takes MKL half the time of d @ W.t().
        h = weights[0][x].view(rows, -1).t()
        inputs: list[Tensor] = []
        saved: list[tuple[Tensor, Tensor]] = []  # normalised values, and what their gradient is multiplied by
        means: list[Tensor] = []
        variances: list[Tensor] = []
        for i in range(depth):
            inputs.append(h)
            h = weights[i + 1].t() @ h
            if not config.bn or config.bias_before_bn:
                h = h - -next(vectors)[:, None]  # as a sum it would be one slower operator with the product
            if config.bn:
                mean = h.mean(1, keepdim=True)
                h = h - mean
                squares = (h * h).sum(1, keepdim=True)
                inverse_std = torch.rsqrt(squares / degrees + config.bn_eps)
                gamma, beta = next(vectors)[:, None], next(vectors)[:, None]
                normalised = h * inverse_std
                saved.append((normalised, gamma * inverse_std))
                means.append(mean[:, 0])
                variances.append(squares[:, 0] / (rows - 1))
                h = gamma * normalised + beta
            if i < depth - 1:
                h = forward(h)
        log_p = torch.log_softmax(h, 0)
        loss = -log_p.gather(0, y.t()).mean()
        d = (log_p.exp() - (torch.arange(recipe.classes)[:, None] == y.t()).to(log_p.dtype)) / rows
        weight_grads: list[Tensor] = []
        vector_grads: list[Tensor] = []
        for i in range(depth - 1, -1, -1):
            if i < depth - 1:
                d = curve.backward_(d.clone(), inputs[i + 1])
            if config.bn:
                normalised, factor = saved[i]
                d_beta, d_gamma = d.sum(1, keepdim=True), (d * normalised).sum(1, keepdim=True)
                vector_grads += [d_beta[:, 0], d_gamma[:, 0]]
                d = factor * (d - d_beta / rows - normalised * d_gamma / degrees)
            if not config.bn or config.bias_before_bn:
                vector_grads.append(d.sum(1))
            weight_grads.append(inputs[i] @ d.t())
            d = weights[i + 1] @ d
        d = d.t().reshape(-1, config.embedding)
        weight_grads.append(torch.zeros_like(weights[0]).index_put((x,), d, accumulate=True))
        grads = [*weight_grads[::-1], *vector_grads[::-1]]
        if config.bn:
            now = torch.stack([torch.cat(means), torch.cat(variances)])
            running.copy_(running + config.bn_momentum * (now - running))
        if not recipe.updates:
            flat_grad.copy_(torch.cat([g.reshape(-1) for g in grads]))
            return loss
        updated = [p - lr * g for p, g in zip(parameters, grads, strict=True)]
        for p, new in zip(parameters, updated, strict=True):
            p.copy_(new)
        record = [loss]
        pairs = iter(zip(updated, grads, strict=True))  # the vectors' are left
        for count in self.groups:
            sides = list(zip(*itertools.islice(pairs, count), strict=True))
            record += [t.sum() for side in sides for t in side]
            record += [(t * t).sum().sqrt() for side in sides for t in side]
        return torch.stack(record)


def tanh(x: Tensor) -> Tensor:
    """tanh in plain formulas, which compiled take a third of the operator's time; relative error below 3e-7.

    Up to 1 by Lambert's continued fraction, cut after five levels; beyond by (1 - e) / (1 + e), e = exp(-2 |x|),
    which alone would lose the digits of small values.
    """
    square, size = x * x, x.abs()
    e = torch.exp(-2 * size)
    small = size < 1
    above = torch.where(small, x * (945 + square * (105 + square)), torch.where(x < 0, e - 1, 1 - e))
    return above / torch.where(small, 945 + square * (420 + 15 * square), 1 + e)
