"""What a lane's first minibatch should find: theory's figures for it, and those of other random weights.

One minibatch is few examples, so a figure that looks odd may be what it gives with any weights. The weights
are drawn anew, 64 times or fewer where the network is large, by a generator of their own with a fixed seed, and
take the lane's first step in a copy of its network: the lane, its running statistics and its random numbers
stay as they are. How often depends on the network's shape alone, so the figures are the same on every machine.
"""

from __future__ import annotations

import itertools
import time
import weakref
from collections.abc import Generator, Iterator, Sequence

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..config.nonlinearities import RANGES
from ..config.run import RunConfig
from ..insight import kernel
from ..insight.expected import REPEATED
from ..stream.protocol import Expected, Start
from .network import Network
from .optimizers import make_optimizer
from .steps import Step, read
from .trainer import First, Trainer

SEED = 20_171_115
MOST, FEWEST = 64, 16  # draws
BUDGET = 0.5  # seconds for all of them, as estimated
LONGEST = 1.0  # seconds for one of them, as estimated, beyond which there are none
PERCENTILES = (5, 50, 95)
KNOWN = 64  # starts that are kept
_Floats = NDArray[np.float64]


def draws_of(config: RunConfig, classes: int) -> int:
    """How often the weights of a configuration are drawn anew: a rule on its shape, about BUDGET seconds' worth.

    Seconds of a draw, as fitted to one core: 10 ns a weight to draw it and 0.3 ns a weight and example to use it
    forward and back, 20 ns an activation, 100 µs a layer.
    """
    fans = (config.context * config.embedding, *config.hidden, classes)
    weights = sum(a * b for a, b in itertools.pairwise(fans))
    rows = config.batch_size
    seconds = weights * (10e-9 + 0.3e-9 * rows) + 20e-9 * rows * sum(fans) + 100e-6 * len(fans)
    return 0 if seconds > LONGEST else max(FEWEST, min(MOST, int(BUDGET / seconds)))


class Starts:
    """The starts of lanes, worked out piece by piece when there is time."""

    def __init__(self) -> None:
        self._known: dict[str, Start] = {}  # by the key of what a lane began with
        self._given: weakref.WeakSet[Trainer] = weakref.WeakSet()
        self._work: tuple[str, Iterator[Start | None]] | None = None

    def wanted(self, lanes: Sequence[Trainer]) -> Trainer | None:
        """The first of these lanes whose start has not been given."""
        return next((lane for lane in lanes if lane.first is not None and lane not in self._given), None)

    def work(self, lanes: Sequence[Trainer], seconds: float) -> Start | None:
        """Go on with the first such lane for some seconds or one piece; its start when done."""
        lane = self.wanted(lanes)
        if lane is None or lane.first is None:
            return None
        key = lane.first.config.key
        if key not in self._known:
            if self._work is None or self._work[0] != key:
                self._work = key, start(lane.first)
            until = time.monotonic() + seconds
            for done in self._work[1]:
                if done is not None:
                    self._known[key], self._work = done, None
                    break
                if time.monotonic() >= until:
                    return None
            while len(self._known) > KNOWN:
                del self._known[next(iter(self._known))]
        self._given.add(lane)
        return msgspec.structs.replace(self._known[key], lane=lane.config.key)


@torch.inference_mode()
def start(first: First) -> Generator[Start | None]:
    """Work out what a lane should begin with: None after each piece, the frame at last."""
    config = first.config
    contexts = first.x.view(len(first.y), -1).cpu().numpy()
    batch = kernel.Batch(contexts, first.y[:, 0].cpu().numpy(), first.embedding.cpu().numpy())
    theory = yield from _theory(config, batch)
    _, first_of, counts = np.unique(contexts, axis=0, return_index=True, return_counts=True)
    without: float | None = None
    if config.bn and counts.max() >= REPEATED and len(counts) >= kernel.FEWEST:
        once = kernel.Batch(contexts[first_of], batch.targets[first_of], batch.embedding)
        figures = yield from _theory(config, once)
        without = float(figures.grad_ratio[0])
    redrawn: list[_Floats] = []
    lost = 0
    try:
        for drawn in _redraw(first):
            if drawn is not None:
                sound = _sound(drawn, len(config.hidden))
                redrawn += [drawn] if sound else []
                lost += not sound
            yield None
    except (MemoryError, RuntimeError) as error:  # a copy of the network does not fit beside it
        if not out_of_memory(error):
            raise
        redrawn.clear()
    draws = len(redrawn) + lost
    with np.errstate(all="ignore"):  # update:data of a matrix that stands still is log10 0
        bands = np.percentile(redrawn, PERCENTILES, axis=0).T if redrawn else np.full((_figures(config), 3), np.nan)
    rows = [theory.std, theory.saturated, theory.grad_std, theory.grad_ratio]
    expected = np.concatenate([*rows, theory.weight_grad_std, theory.update_data, [theory.loss, theory.logit_std]])
    yield Start(
        lane=config.key,
        examples=len(contexts),
        contexts=len(counts),
        commonest=int(counts.max()),
        redraws=draws,
        lost=lost,
        redrawn=_expected(bands, config),
        theory=_expected(expected[:, None], config),
        ratio_without_repeats=without if without is not None and np.isfinite(without) else None,
    )


def out_of_memory(error: BaseException) -> bool:
    """Whether that is what happened; PyTorch says it on the CPU with a plain RuntimeError."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and "allocate memory" in str(error)
    )


def _figures(config: RunConfig) -> int:
    """Numbers of one draw: rows of four, matrices of two, and two."""
    return 4 * len(config.hidden) + 2 * config.matrices + 2


def _sound(drawn: _Floats, layers: int) -> bool:
    """Whether outputs, gradients and loss are finite, and a gradient came through wherever one set out."""
    grads = drawn[2 * layers : 3 * layers]
    finite = np.isfinite(drawn[: 3 * layers]).all() and np.isfinite(drawn[-2:]).all()
    return bool(finite and (grads[-1] == 0 or grads.all()))


def _expected(table: _Floats, config: RunConfig) -> Expected:
    """A record of figures (numbers of one draw, k)."""
    sizes = [len(config.hidden)] * 4 + [config.matrices] * 2 + [1, 1]
    with np.errstate(over="ignore"):
        single = table.astype("<f4")
    single[~np.isfinite(single)] = np.nan
    parts = [part.tobytes() for part in np.split(single, np.cumsum(sizes)[:-1])]
    return Expected(**dict(zip(Expected.__struct_fields__, parts, strict=True)))


def _redraw(first: First) -> Iterator[_Floats | None]:
    """The figures of one draw after the other, as in Expected; None between the pieces of one."""
    config, classes = first.config, len(first.embedding)
    draws = draws_of(config, classes)
    if not draws:
        return
    generator = torch.Generator().manual_seed(SEED)
    network = Network(config, classes, generator, first.x.device)
    optimizer = make_optimizer(config, network)
    step = Step(network, config.batch_size, optimizer, config.lr)
    for _ in range(draws):
        network.flat.copy_(Network(config, classes, generator, first.x.device).flat)
        network.weights[0].copy_(first.embedding)
        if optimizer is not None:
            optimizer.state.clear()
        yield None
        yield _step(config, network, step, first)


def _step(config: RunConfig, network: Network, step: Step, first: First) -> _Floats:
    kept = step.plain(first.x, first.y, keep=True)
    assert kept is not None
    limits = RANGES[config.nonlinearity]
    saturated = [((y <= limits.below) | (y >= limits.above)).double().mean() for y in kept.outputs]
    tensors = [
        torch.stack([*_stds(kept.outputs), *saturated, *_stds(kept.grads)]),
        *(_std(group[1]) for group in network.groups),
        _std(kept.logits.reshape(1, -1)),
        step.record.double(),
    ]
    numbers = torch.cat(tensors).cpu().numpy()
    layers, matrices = len(config.hidden), len(network.weights)
    rows, grads, logit_std, record = np.split(numbers, np.cumsum([3 * layers, matrices, 1]))
    figures = read(record.astype(np.float32)[None], np.array([step.factor]), network)
    with np.errstate(all="ignore"):
        ratios = rows[2 * layers :] / rows[-1]
    return np.concatenate([rows, ratios, grads, figures.update_data[0], figures.loss, logit_std])


def _stds(tensors: Sequence[Tensor]) -> list[Tensor]:
    return [_std(t.reshape(1, -1))[0] for t in tensors]


def _std(rows: Tensor) -> Tensor:
    """Unbiased std of each row (n, size) in double precision, as in a snapshot."""
    values = rows.double()
    values = values - values.mean(1, keepdim=True)
    std: Tensor = torch.linalg.vector_norm(values, dim=1) / max(1, values.shape[1] - 1) ** 0.5
    return std


def _theory(config: RunConfig, batch: kernel.Batch) -> Generator[None, None, kernel.Figures]:
    """Theory's figures of a configuration on a minibatch."""
    fans = (config.context * config.embedding, *config.hidden)
    widths = (*config.hidden, len(batch.embedding))
    layers = []
    for number, (fan_in, width) in enumerate(zip(fans, widths, strict=True)):
        scale = config.gain if number < len(config.hidden) or config.bn else config.output_scale
        bias = config.bias_scale[number == len(config.hidden)]
        layers.append(kernel.Linear(width, scale * (1.0 if config.fan_in_scaling else fan_in**0.5), bias))
    norm = kernel.Norm(config.bn_eps, config.bn_style == "lecture", config.output_scale) if config.bn else None
    return (yield from kernel.first_step_in_pieces(batch, config.nonlinearity, tuple(layers), norm, _update(config)))


def _update(config: RunConfig) -> kernel.Update:
    match config.optimizer:
        case "adam":
            return kernel.normalised(config.lr)
        case "adamw":
            return kernel.normalised(config.lr, weight_decay=config.weight_decay)
        case "rmsprop":
            return kernel.normalised(config.lr, share=1 - config.alpha)
    return kernel.sgd(config.lr)
