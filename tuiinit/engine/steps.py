"""One whole training step: pass, update, and the sums and norms that loss and update:data come from.

What a step tells stays on the device as raw sums; `read` makes the figures of many steps from them at once.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..stream.protocol import FloatArray
from .network import Network
from .optimizers import Optimizer
from .passes import Kept, Pass

Quick = Callable[[Tensor, Tensor], object]  # a whole step on a minibatch that fills its record
SAME = 1e-4  # relative and absolute: how near a quick way must come to the plain step


class Figures(NamedTuple):
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

    def __init__(self, network: Network, rows: int, optimizer: Optimizer | None, lr: float) -> None:
        self.rows = rows
        #: What a change in the record must be multiplied by to be the update: lr for gradients.
        self.factor = lr if optimizer is None else 1.0
        self._network = network
        self._optimizer = optimizer
        self._quick: Quick | None = None
        self._refused = False  # a quick way was tried in vain
        self._records = Records(network, 1, plain=optimizer is None)
        self.record = self._records.rows[0]
        self.loss = self.record[0]
        self._pass = Pass([network], rows, self.record[:1].view(1, 1, 1))

    def peek(self, x: Tensor, y: Tensor) -> Kept:
        """The pass alone (see `plain`), for its loss and what it sees; the network stays as it is."""
        return self._pass.run([x], y.view(1, 1, -1), keep=True, peek=True)[0]

    def __call__(self, x: Tensor, y: Tensor, *, keep: bool = False) -> Kept | None:
        """Pass a minibatch (see `plain`) and update; `record` and `loss` are then its own."""
        if self._quick is None or keep:
            return self.plain(x, y, keep=keep)
        self._quick(x, y)
        return None

    def plain(self, x: Tensor, y: Tensor, *, keep: bool = False) -> Kept | None:
        """The step, operation by operation.

        Args:
            x: contexts (B · context,), indices.
            y: the characters that follow (B, 1), indices.
            keep: give back what was seen on the way.
        """
        kept = self._pass.run([x], y.view(1, 1, -1), keep=keep)
        self.update()
        return kept[0] if kept else None

    def update(self) -> None:
        """Update the parameters by the gradients that are there, and tell of it."""
        self.move()
        self._records.tell()

    def move(self) -> None:
        """Update the parameters by the gradients that are there."""
        network = self._network
        if self._optimizer is None:
            network.flat.add_(network.flat_grad, alpha=-self.factor)
        else:
            network.flat_update.copy_(network.flat)
            self._optimizer.step()
            torch.sub(network.flat, network.flat_update, out=network.flat_update)

    @property
    def plain_sgd(self) -> bool:
        """Whether the update is the gradient times lr."""
        return self._optimizer is None

    def adopt(self, make: Callable[[], Quick | None], x: Tensor, y: Tensor) -> None:
        """Take a quick way for the steps that are not kept, if it gives the plain step's numbers; else none, ever.

        Network and optimizer are left as they are.

        Args:
            make: makes it; it may take steps. None means that there is none.
            x: a minibatch to compare on, as for `Pass.run`.
            y: what follows.
        """
        running = self._network.memory.all_running
        state = [self._network.buffer, running, self.record]
        if self._optimizer is not None:
            state += [t for kept in self._optimizer.state.values() for t in kept.values() if isinstance(t, Tensor)]
        before = [t.clone() for t in state]

        def result(way: Quick) -> list[NDArray[np.float32]]:
            way(x, y)
            figures = read(self.record.cpu().numpy()[None], np.array([self.factor]), self._network)
            after = [self._network.flat.cpu().numpy().copy(), running.cpu().numpy().copy(), *figures]
            for t, saved in zip(state, before, strict=True):
                t.copy_(saved)
            return after

        plain = result(self.plain)
        quick = make()
        for t, saved in zip(state, before, strict=True):
            t.copy_(saved)
        if quick is not None:
            pairs = zip(plain, result(quick), strict=True)
            if all(np.allclose(a, b, SAME, SAME, equal_nan=True) for a, b in pairs):
                self._quick = quick
        self._refused = self._quick is None

    @property
    def adopts(self) -> bool:
        """Whether a quick way may be tried now. An optimizer makes its state, which is compared, in its first step."""
        return not (self.adopted or self._refused) and (self._optimizer is None or bool(self._optimizer.state))

    @property
    def adopted(self) -> bool:
        """Whether a quick way has been taken."""
        return self._quick is not None


class Records:
    """What a step tells of networks that lie side by side.

    Args:
        first: the first of them.
        lanes: how many.
        plain: the change is the gradient, as for plain SGD, or else the update.

    Attributes:
        rows: one a network: the loss; then for each group of equal matrices their sums, then norms, of data and of
            change.
    """

    def __init__(self, first: Network, lanes: int, *, plain: bool) -> None:
        parameters = first.memory.parameters[:, first.lane : first.lane + lanes].transpose(0, 1)
        pairs = parameters[:, :2] if plain else parameters[:, ::2]
        self.rows = pairs.new_zeros((lanes, record_size(first)))
        self._watched: list[tuple[Tensor, Tensor, Tensor]] = []
        start = 0
        for group, place in _places(first):
            end = start + group[0].numel()
            sums, norms = self.rows[:, place].view(lanes, 2, 2, -1).unbind(1)
            self._watched.append((pairs[:, :, start:end].view(lanes, 2, *group.shape[1:]), sums, norms))
            start = end

    def tell(self) -> None:
        """Sums and norms of what is there now."""
        for pair, sums, norms in self._watched:
            torch.sum(pair, -1, out=sums)
            torch.linalg.vector_norm(pair, dim=-1, out=norms)


def record_size(network: Network) -> int:
    """Numbers in a step's record."""
    return 1 + 4 * len(network.weights)


def _places(network: Network) -> Iterator[tuple[Tensor, slice]]:
    """The groups of equal matrices, each with where its sums and norms stand in a record."""
    at = 1
    for group in network.groups:
        end = at + 4 * group.shape[1]
        yield group, slice(at, end)
        at = end


def read(records: NDArray[np.float32], factors: NDArray[np.float64], network: Network) -> Figures:
    """Figures of n steps from their records (n, 1 + 4 · matrices) and the factors of their changes (n,).

    std² = (norm² − sum² / size) / (size − 1), unbiased.
    """
    numbers = records.astype(np.float64)
    at, sizes = _indices(tuple((group.shape[1], group.shape[2]) for group in network.groups))
    with np.errstate(all="ignore"):  # a matrix that stands still has log10 0; one beyond float32 tells so itself
        data_sum, change_sum, data_norm, change_norm = (numbers[:, places] for places in at)
        data, change = (
            np.sqrt(np.maximum(norms**2 - sums**2 / sizes, 0) / (sizes - 1))
            for sums, norms in ((data_sum, data_norm), (change_sum, change_norm))
        )
        update_data = np.log10(change * factors[:, None] / data)
    return Figures(records[:, 0].copy(), update_data.astype(np.float32))


@functools.cache
def _indices(groups: tuple[tuple[int, int], ...]) -> tuple[list[NDArray[np.intp]], NDArray[np.float64]]:
    """Where sums of data and of change, then norms of both, stand in a record, and the matrices' sizes.

    Args:
        groups: of equal matrices: how many, and their size.
    """
    at: list[list[int]] = [[], [], [], []]
    start = 1
    for count, _ in groups:
        for places in at:
            places.extend(range(start, start := start + count))
    sizes = [size for count, size in groups for _ in range(count)]
    return [np.array(places) for places in at], np.array(sizes, np.float64)
