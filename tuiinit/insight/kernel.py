"""Theory for one minibatch: what wide random layers make of these very examples, before any training.

In wide layers the units of a layer are independent, and a unit's pre-activations over the B examples are jointly
normal with a covariance K (B, B) that follows from the layer below. With T_0 = X Xᵀ / fan_in of the embedded
minibatch and weights N(0, s²/fan_in),

    K_l = s²·T_{l−1} + b²,   T_l = E[φ(ĥ) φ(ĥ)ᵀ]   (ĥ is h ~ N(0, K_l), with batch norm normalised over the examples)

and back, with D = E[d dᵀ] over a layer's units of the loss's gradient d (B,) at what its linear part gives,

    at the outputs below:  D^t = s²·(width above / width below)·D
    weight gradient:       std² = Σ_ij (T)_ij (D)_ij
    through φ:             D = D^t ∘ E[φ'φ'ᵀ];  through batch norm, too (Yang et al. 2019, eq. 22), the mean over
                           d^t ~ N(0, D^t) in closed form

Averages over h are over draws from fixed seeds, so there is one path for every nonlinearity, with and without
batch norm. Sources: Schoenholz et al. 2017 (arXiv 1611.01232), Yang et al. 2019 (arXiv 1902.08129, eqs. 10, 22, 23),
Tensor Programs I and II (arXiv 1910.12478, 2006.14548) for the limits and for weights that count as new on the way
back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..config.nonlinearities import RANGES, NonlinearityName
from .moments import FORMULAS

Array = npt.NDArray[Any]
Indices = npt.NDArray[np.int64]

ROWS = 256  # examples of a larger minibatch that are looked at; the rest are taken for more of their kind
FEWEST = 6  # examples, all different, below which batch norm's gradients have no typical size: E[1/σ²] is too wide
MOST_DRAWS, FEWEST_DRAWS = 4096, 512  # units drawn a layer: fewer where there are many examples or layers
KEPT = 2**23  # numbers kept for the way back, at most, as long as there are more than the fewest draws
_JITTERS = (1e-12, 1e-10, 1e-8, 1e-6)  # of the mean variance, added where a covariance is singular


class Linear(NamedTuple):
    """One linear layer at its start."""

    width: int
    scale: float  # std of a weight · √fan_in
    bias_std: float = 0.0


class Norm(NamedTuple):
    """Batch norm after every linear layer: γ = 1, but for the last; β = 0."""

    eps: float
    unbiased: bool  # the lecture's style
    last_gamma: float


@dataclass(frozen=True)
class Batch:
    """A minibatch and what it is embedded by.

    Attributes:
        contexts: (B, context) indices.
        targets: (B,) indices of the classes that follow.
        embedding: (classes, numbers).
    """

    contexts: Indices
    targets: Indices
    embedding: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Figures:
    """A network's first step. NaN where theory has nothing to say, or beyond a float.

    Attributes:
        std, saturated, grad_std: of each nonlinearity's outputs (layers,).
        weight_grad_std, update_std, data_std: of each matrix, the embedding first (matrices,); the data after
            the update.
        loss: nats.
        logit_std: of the logits.
    """

    std: Array
    saturated: Array
    grad_std: Array
    weight_grad_std: Array
    update_std: Array
    data_std: Array
    loss: float
    logit_std: float

    @property
    def grad_ratio(self) -> Array:
        """Gradient std of each layer ÷ the last layer's."""
        with np.errstate(all="ignore"):
            return np.asarray(self.grad_std / self.grad_std[-1])

    @property
    def update_data(self) -> Array:
        """log10(std of the update / std of the data after it)."""
        with np.errstate(all="ignore"):
            return np.asarray(np.log10(self.update_std / self.data_std))


#: From the std of normal gradients (n,) and the weights' std: the rms of each first update, and what it leaves of
#: the weights' std, before the update itself counts.
Update = Callable[[Array, float], tuple[Array, float]]


def sgd(lr: float) -> Update:
    """The first step of SGD, with momentum or without."""
    return lambda grad, data: (lr * grad, data)


def normalised(lr: float, share: float = 1.0, eps: float = 1e-8, weight_decay: float = 0.0) -> Update:
    """The first step of Adam and RMSprop, lr·g/(√share·abs(g) + eps): nearly lr·sign(g)/√share.

    Args:
        share: what the first square is multiplied by; 1 for Adam, which corrects for it, 1 − alpha for RMSprop.
        eps: beside the root.
        weight_decay: AdamW's, which shrinks weights by lr·weight_decay of themselves.
    """
    z = np.abs(_normal_quantiles(256))

    def update(grad: Array, data: float) -> tuple[Array, float]:
        size = np.asarray(grad, np.float64)[..., None] * z
        rms = lr * np.sqrt(np.mean((size / (math.sqrt(share) * size + eps)) ** 2, axis=-1))
        return np.sqrt(rms**2 + (lr * weight_decay * data) ** 2), abs(1 - lr * weight_decay) * data

    return update


def _normal_quantiles(count: int) -> Array:
    grid = np.linspace(-6, 6, 4001)
    cumulative = np.array([math.erfc(-x / math.sqrt(2)) / 2 for x in grid])
    return np.interp((np.arange(count) + 0.5) / count, cumulative, grid)


def first_step(
    batch: Batch, nonlinearity: NonlinearityName, layers: tuple[Linear, ...], norm: Norm | None, update: Update
) -> Figures:
    """What theory says of a network's first step on a minibatch.

    Args:
        batch: the minibatch.
        nonlinearity: after each hidden layer.
        layers: the linear ones, the output's last.
        norm: after each of them, or None.
        update: the optimizer's first.
    """
    work = first_step_in_pieces(batch, nonlinearity, layers, norm, update)
    while True:
        try:
            next(work)
        except StopIteration as done:
            figures: Figures = done.value
            return figures


def first_step_in_pieces(
    batch: Batch, nonlinearity: NonlinearityName, layers: tuple[Linear, ...], norm: Norm | None, update: Update
) -> Generator[None, None, Figures]:
    """`first_step` with a pause after each layer, forward and back; a piece takes milliseconds."""
    kernel = _Kernel(batch, nonlinearity, layers, norm)
    for number in range(len(layers)):
        kernel.forward(number)
        yield
    kernel.loss()
    for number in reversed(range(len(layers) - 1)):
        yield
        kernel.back(number)
    return kernel.figures(update)


class _Kernel:
    """One way forward and back."""

    def __init__(
        self, batch: Batch, nonlinearity: NonlinearityName, layers: tuple[Linear, ...], norm: Norm | None
    ) -> None:
        self._all = len(batch.targets)
        self._contexts, self._targets = batch.contexts[:ROWS], batch.targets[:ROWS]
        self._rows = len(self._targets)
        self._embedding = batch.embedding.astype(np.float64)
        self._nonlinearity, self._layers, self._norm = nonlinearity, layers, norm
        # Copies of an example must stay copies, or batch norm tells their rounding apart: draw for distinct ones.
        _, self._first, self._inverse = np.unique(self._contexts, axis=0, return_index=True, return_inverse=True)
        self._inverse = self._inverse.reshape(-1)
        self._share = np.bincount(self._inverse) / self._rows
        self._draws = MOST_DRAWS if self._rows <= 64 else MOST_DRAWS // 4
        while self._draws > FEWEST_DRAWS and 2 * len(layers) * self._rows * self._draws > KEPT:
            self._draws //= 2
        #: Plain networks may grow beyond float32's squares; normalised ones cannot.
        self._dtype = np.float64 if norm is None else np.float32
        embedded = self._embedding[self._contexts].reshape(self._rows, -1)
        self._fan_in = embedded.shape[1]
        self._second = [embedded @ embedded.T / self._fan_in]  # T of each layer
        self._back: list[Callable[[Array], Array]] = []  # from the gradients' D at a layer's outputs to below φ
        count = len(layers) - 1
        self._std, self._saturated, self._grad = (np.full(count, math.nan) for _ in range(3))
        self._weight_variance = np.full(len(layers), math.nan)
        self._loss = self._logit_std = math.nan
        self._gradient: Array = np.zeros(0)  # D below the layer that comes next on the way back
        self._logits: tuple[Array, Array | None] = (np.zeros(0), None)

    @property
    def _freedom(self) -> int:
        return self._rows - (self._norm is not None and self._norm.unbiased)

    @property
    def _reliable(self) -> bool:
        """Whether gradients have a typical size."""
        return self._norm is None or len(self._first) >= FEWEST

    def forward(self, number: int) -> None:
        """Draw a layer's units over the examples, and average what follows from them."""
        layer, last = self._layers[number], number == len(self._layers) - 1
        with np.errstate(all="ignore"):
            covariance = layer.scale**2 * self._second[-1][np.ix_(self._first, self._first)] + layer.bias_std**2
        if self._norm is not None:  # batch norm takes the mean over the examples away, and biases with it
            covariance = covariance - self._share @ covariance
            covariance = covariance - (covariance @ self._share)[:, None]
        units = self._draws if not last else layer.width * max(1, self._draws // layer.width)
        root, nodes = _root(covariance), _nodes(len(self._first), units, number)
        drawn: Array = (root @ nodes)[self._inverse]
        inverse_std: Array | None = None
        if self._norm is not None:
            drawn = drawn - drawn.mean(0)
            inverse_std = 1 / np.sqrt((drawn**2).sum(0) / self._freedom + self._norm.eps)
            drawn, inverse_std = (drawn * inverse_std).astype(self._dtype), inverse_std.astype(self._dtype)
        if last:
            self._logits = drawn, inverse_std
            return
        with np.errstate(all="ignore"):
            outputs, slopes = _outputs(self._nonlinearity, drawn)
            second = (outputs @ outputs.T).astype(np.float64) / units
        self._second.append(second)
        mean = float(outputs.mean(dtype=np.float64))
        limits = RANGES[self._nonlinearity]
        if np.isfinite(second).all():
            self._std[number] = math.sqrt(max(float(np.trace(second)) / self._rows - mean * mean, 0))
            self._saturated[number] = ((outputs <= limits.below) | (outputs >= limits.above)).mean()
        if inverse_std is None:
            pairs = (slopes @ slopes.T).astype(np.float64) / units
            self._back.append(lambda gradient: gradient * pairs)
        else:
            self._back.append(self._through_norm(drawn, (slopes * inverse_std).astype(self._dtype), units))

    def _through_norm(self, drawn: Array, slopes: Array, units: int) -> Callable[[Array], Array]:
        """Back through φ and batch norm: ĥ (B, units), φ'/σ (B, units)."""
        freedom, dtype = self._freedom, self._dtype

        def back(gradient: Array) -> Array:
            size = float(np.trace(gradient)) / len(gradient) or 1.0
            scaled = gradient / size
            q = slopes * (scaled.astype(dtype) @ (slopes * drawn))
            cross = (q @ drawn.T).astype(np.float64) / (units * freedom)
            along = (q * drawn).sum(0) / dtype(freedom) ** 2
            result = scaled * ((slopes @ slopes.T).astype(np.float64) / units) - cross - cross.T
            result += ((drawn * along) @ drawn.T).astype(np.float64) / units
            result -= result.mean(0)
            result -= result.mean(1, keepdims=True)
            return np.asarray(result * size)

        return back

    def loss(self) -> None:
        """Loss and logits from groups of output units, and the gradient that they send back."""
        drawn, inverse_std = self._logits
        classes, rows = self._layers[-1].width, self._rows
        groups = drawn.shape[1] // classes
        normalised = drawn.reshape(rows, groups, classes).transpose(1, 0, 2)
        gamma = 1.0 if self._norm is None else self._norm.last_gamma
        logits = normalised.astype(np.float64) * gamma
        if not np.isfinite(logits).all():
            self._gradient = np.full((rows, rows), math.nan)
            return
        self._logit_std = math.sqrt(float((logits**2).mean()))
        highest = logits.max(-1, keepdims=True)
        exponentials = np.exp(logits - highest)
        total = exponentials.sum(-1, keepdims=True)
        picked = np.take_along_axis(logits, np.broadcast_to(self._targets[:, None], (groups, rows, 1)), -1)
        self._loss = float((highest + np.log(total) - picked).mean())
        gradient = (exponentials / total - (self._targets[:, None] == np.arange(classes))) / rows
        if inverse_std is not None:
            gradient *= gamma
            along = (normalised * gradient).sum(1, keepdims=True) / self._freedom
            gradient = gradient - gradient.mean(1, keepdims=True) - normalised * along
            gradient = gradient * inverse_std.reshape(groups, 1, classes)
        flat = gradient.transpose(1, 0, 2).reshape(rows, -1)
        self._arrive(len(self._layers) - 1, flat @ flat.T / flat.shape[1])

    def _arrive(self, number: int, gradient: Array) -> None:
        """The gradients' D at what linear layer `number` gives."""
        if not self._reliable:
            gradient = np.full_like(gradient, math.nan)
        self._gradient = gradient
        self._weight_variance[number] = max(float((self._second[number] * self._extended(gradient)).sum()), 0)

    def _extended(self, gradient: Array) -> Array:
        """D of the rows looked at, weighed so that sums over them are those over all examples of the minibatch."""
        looked, rows = self._rows, self._all
        if looked == rows:
            return gradient
        own = gradient * np.eye(looked)
        return own * (looked / rows) + (gradient - own) * ((rows - 1) * looked / (rows * (looked - 1)))

    def back(self, number: int) -> None:
        """From the linear layer above to hidden layer `number`'s outputs, and through its nonlinearity."""
        above, here = self._layers[number + 1], self._layers[number]
        with np.errstate(all="ignore"):
            gradient = self._gradient * (above.scale**2 * above.width / here.width)
            variance = float(np.trace(gradient)) / self._rows
            self._grad[number] = math.sqrt(max(variance, 0)) * self._rows / self._all
            self._arrive(number, self._back[number](gradient))

    def figures(self, update: Update) -> Figures:
        """All figures, once the way back is done."""
        first = self._layers[0]
        with np.errstate(all="ignore"):
            gradient = self._extended(self._gradient) * (first.scale**2 * first.width / self._fan_in)
            variances = np.zeros(len(self._embedding))
            for position in self._contexts.T:  # gradients at different positions come through different weights
                same = position[:, None] == position
                variances += np.bincount(position, (gradient * same).sum(1), len(variances))
            variances = np.maximum(variances, 0)
            fans = (self._fan_in, *(layer.width for layer in self._layers[:-1]))
            data = [float(self._embedding.std(ddof=1)) if self._embedding.size > 1 else 0.0]
            data += [layer.scale / math.sqrt(fan) for layer, fan in zip(self._layers, fans, strict=True)]
            grads = [np.sqrt(variances), *np.sqrt(self._weight_variance)[:, None]]
            updates, after = [], []
            for grad, std in zip(grads, data, strict=True):
                rms, left = update(grad, std)
                changed = math.sqrt(float(np.mean(rms**2)))
                updates.append(changed)
                after.append(math.hypot(left, changed))
            return Figures(
                std=self._std,
                saturated=self._saturated,
                grad_std=self._grad,
                weight_grad_std=np.array([math.sqrt(float(np.mean(grad**2))) for grad in grads]),
                update_std=np.array(updates),
                data_std=np.array(after),
                loss=self._loss,
                logit_std=self._logit_std,
            )


def _nodes(rows: int, units: int, layer: int) -> Array:
    """Standard normal draws (rows, units) of a layer, in antithetic halves, their second moments exact where possible.

    New ones in each layer: one set for all makes covariances and draws align, and gradients come out too small.
    """
    random = np.random.default_rng([0, layer])
    half = -(-units // 2)
    drawn = random.standard_normal((rows, half))
    if half > rows:
        drawn = np.linalg.solve(np.linalg.cholesky(drawn @ drawn.T / half), drawn)
    # Shuffled, so that an antithetic pair seldom falls into one group of logits.
    return np.asarray(np.concatenate([drawn, -drawn], 1)[:, random.permutation(2 * half)[:units]])


def _root(covariance: Array) -> Array:
    """A (n, n) with A Aᵀ = the covariance, or nearly where that is singular; NaN where it is not finite."""
    size = float(np.trace(covariance)) / len(covariance)
    if not np.isfinite(covariance).all():
        return np.full_like(covariance, math.nan)
    if size <= 0:
        return np.zeros_like(covariance)
    for jitter in _JITTERS:
        try:
            return np.asarray(
                np.linalg.cholesky(covariance / size + jitter * np.eye(len(covariance))) * math.sqrt(size)
            )
        except np.linalg.LinAlgError:
            continue
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0)))


def _outputs(nonlinearity: NonlinearityName, x: Array) -> tuple[Array, Array]:
    """φ(x) and φ'(x)."""
    formula = FORMULAS[nonlinearity]
    outputs, slopes = formula.function(x)
    return outputs + x.dtype.type(formula.at_zero), slopes
