"""What is measured of a lane at one step: its rows, matrices, norms and vectors."""

from __future__ import annotations

from .message import Message, Part


class Histogram(Part, frozen=True, kw_only=True):
    """Counts over equal bins from `lo` to `hi`; `outside` is the share of values that fell beyond."""

    lo: float
    hi: float
    counts: tuple[int, ...]
    outside: float


class Activation(Part, frozen=True, kw_only=True):
    """A row of the shape: its outputs on the last minibatch (examples × width) and the loss's gradient there."""

    layer: str  # RowShape.label: "tanh 1"
    kind: str  # RowShape.kind
    width: int
    mean: float
    std: float
    saturated: float  # share, 0…1 (config.nonlinearities.range_of its kind)
    histogram: Histogram
    grad_mean: float
    grad_std: float
    grad_mean_abs: float
    grad_histogram: Histogram
    dead: tuple[int, ...]  # units saturated on every row of the probe batch
    saturation_rows: int  # examples in `saturation`
    saturation: bytes  # numpy.packbits of (saturation_rows × width), row after row


class Weight(Part, frozen=True, kw_only=True):
    """A weight matrix after the step, and its gradient in that step."""

    name: str  # "embedding", "hidden 1", …, "output"
    shape: tuple[int, ...]
    mean: float
    std: float
    histogram: Histogram
    grad_mean: float
    grad_std: float
    grad_histogram: Histogram
    grad_data_ratio: float | None  # grad_std / std; null where std is 0
    update_data_log10: float | None  # log10(std(update) / std(data after the update)); null before a step


class Vector(Part, frozen=True, kw_only=True):
    """A bias, or a batch norm's gamma or beta, after the step, and its gradient in that step."""

    name: str  # "hidden 1 bias", "output gamma", …
    shape: tuple[int, ...]
    mean: float
    std: float
    grad_std: float
    # As of a weight; null before a step, where the vector did not move, and where its std is 0, as it is where all
    # its numbers are the same: there is then nothing to compare an update with.
    update_data_log10: float | None


class BatchNorm(Part, frozen=True, kw_only=True):
    """One batch norm: float32 bytes, one number a unit. Variances are as the lane's style stores them."""

    layer: str  # "batch norm 1"
    mean: bytes
    var: bytes
    running_mean: bytes
    running_var: bytes
    gamma: bytes
    beta: bytes
    bias_grad_std: float | None = None  # of the bias before this batch norm, where there is one


class Snapshot(Message, frozen=True, kw_only=True):
    """All that was measured of a lane at one step.

    At step s >= 1 it tells of the s-th minibatch: activations and gradients before its update, weights
    after it. At step 0 nothing was updated: it tells what the first minibatch finds. What is null is not known,
    or means nothing for the lane's network.
    """

    lane: str  # Lane.lane
    step: int
    epoch: float
    loss: float | None  # of this minibatch, nats; null if not finite
    initial_loss: float | None = None  # of the first minibatch
    expected_initial_loss: float | None = None  # of an even guess: ln of the number of classes
    parameters: int
    lr: float | None = None
    batch_size: int | None = None
    optimizer: str | None = None
    logit_std: float | None = None
    log10_probabilities: Histogram | None = None  # log10 of all predicted probabilities (B × classes)
    input_second_moment: float | None = None  # E[x²] of the embedded minibatch
    activations: tuple[Activation, ...]
    weights: tuple[Weight, ...]
    batch_norms: tuple[BatchNorm, ...]
    vectors: tuple[Vector, ...] = ()  # in the order of the layers
    probe_rows: int
    cost: float  # seconds that measuring took
    micro_batches: int = 1  # forwards that the step had; rows are of the first, the loss is their mean
    skipped: int = 0  # steps that a GradScaler has left out until now, as far as that was seen
    scaled: bool = False  # gradients of the rows may be multiplied by a scaler's factor that is not known
