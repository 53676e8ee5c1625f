"""One whole training step: pass, update, and the sums and norms that loss and update:data are told by.

What a step tells stays on the device as raw sums; `read` makes the figures of many steps from them at once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..protocol import FloatArray
from .network import Network
from .passes import Kept, Pass


class Told(NamedTuple):
    """Figures of n steps: loss (n,), and log10(std(update) / std(data after it)) (n, matrices)."""

    loss: FloatArray
    update_data: FloatArray


class Step:
    """A step of a network on minibatches of one size.

    Args:
        network: what is trained.
        rows: examples of a minibatch.
        optimizer: over all parameters as one tensor, or None for plain SGD, which is one operation.
        lr: of plain SGD.
    """

    def __init__(self, network: Network, rows: int, optimizer: torch.optim.Optimizer | None, lr: float) -> None:
        self.rows = rows
        #: What a change that is told of must be multiplied by to be the update: lr for gradients.
        self.factor = lr if optimizer is None else 1.0
        self._network = network
        self._optimizer = optimizer
        self._pass = Pass(network, rows)
        #: The loss; then for each group of equal matrices their sums, then norms, of data and of change.
        self.told = network.flat.new_zeros(told_size(network))
        self.loss = self.told[0]
        self._watched: list[tuple[Tensor, Tensor, Tensor]] = []
        at = 1
        for group in network.groups:
            pair = group[:2] if optimizer is None else group[::2]  # data and gradient, or data and update
            count = group.shape[1]
            sums, norms = self.told[at : at + 4 * count].view(2, 2, count)
            self._watched.append((pair, sums, norms))
            at += 4 * count

    def peek(self, x: Tensor, y: Tensor) -> Kept:
        """The pass alone (see `Pass.run`), for its loss and what it sees; the network stays as it is."""
        kept = self._pass.run(x, y, keep=True, peek=True)
        self.loss.copy_(self._pass.loss[0, 0])
        assert kept is not None
        return kept

    def __call__(self, x: Tensor, y: Tensor, *, keep: bool = False) -> Kept | None:
        """Pass a minibatch (see `Pass.run`) and update; `told` and `loss` then tell of it."""
        kept = self._pass.run(x, y, keep=keep)
        self.loss.copy_(self._pass.loss[0, 0])
        network = self._network
        if self._optimizer is None:
            network.flat.add_(network.flat_grad, alpha=-self.factor)
        else:
            network.flat_update.copy_(network.flat)
            self._optimizer.step()
            torch.sub(network.flat, network.flat_update, out=network.flat_update)
        for pair, sums, norms in self._watched:
            torch.sum(pair, -1, out=sums)
            torch.linalg.vector_norm(pair, dim=-1, out=norms)
        return kept


def told_size(network: Network) -> int:
    """Numbers that a step tells."""
    return 1 + 4 * len(network.weights)


def read(told: NDArray[np.float32], factors: NDArray[np.float64], network: Network) -> Told:
    """Figures of n steps from what they told (n, 1 + 4 · matrices) and the factors of their changes (n,).

    std² = (norm² − sum² / size) / (size − 1), unbiased.
    """
    numbers = told.astype(np.float64)
    update_data = []
    at = 1
    with np.errstate(all="ignore"):  # a matrix that stands still has log10 0; one beyond float32 tells so itself
        for group in network.groups:
            count, size = group.shape[1:]
            sums, norms = numbers[:, at : at + 4 * count].reshape(-1, 2, 2, count).transpose(1, 0, 2, 3)
            variance = np.maximum(norms**2 - sums**2 / size, 0) / (size - 1)
            data, change = np.sqrt(variance).transpose(1, 0, 2)
            update_data.append(np.log10(change * factors[:, None] / data))
            at += 4 * count
    return Told(told[:, 0].copy(), np.concatenate(update_data, axis=1).astype(np.float32))
