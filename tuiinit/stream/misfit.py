"""What a frame must hold beyond its types, for whoever reads it to rely on: lengths, texts, counts and steps."""

from __future__ import annotations

import math
from itertools import chain

from ..config.run import RunConfig
from .protocol import (
    BatchNorm,
    Calibrated,
    DataInfo,
    Evaluation,
    Expected,
    Frame,
    Histogram,
    Inspection,
    Lane,
    Snapshot,
    Start,
    Status,
    Trace,
)
from .texts import too_long

MAX_COUNT = 2**53  # of steps and of counts: beyond, a float no longer tells them apart
FLOAT = 4  # bytes


def misfit(frame: Frame, config: RunConfig | None = None) -> str | None:
    """What of a frame cannot be, or None.

    Args:
        frame: well-typed.
        config: the configuration of the lane that it tells of, where it tells of one.
    """
    if (fault := too_long(frame)) is not None:
        return fault
    match frame:
        case Lane():
            return None if frame.lane == frame.config.key else "a lane under another's name"
        case DataInfo():
            told = frame.vocabulary and all(map(math.isfinite, (frame.unigram, frame.bigram)))
            if not told:
                return "data without characters or losses"
            sizes = (frame.words, frame.train, frame.dev, frame.test, frame.repeats, frame.in_both)
            counted = all(map(_count, (*sizes, *(some.lines for some in frame.left_out))))
            return None if counted else "a number of words that cannot be"
        case Status():
            whole = all(_count(lane.step) and _count(lane.steps_per_epoch) for lane in frame.lanes)
            return None if whole and _count(frame.clock) else "a step that cannot be"
        case Snapshot() | Trace() | Evaluation() | Inspection() | Start() if config is not None:
            layers = len(config.hidden)
            match frame:
                case Snapshot():
                    return _snapshot(frame, config)
                case Trace():
                    steps, rest = divmod(len(frame.loss), FLOAT)
                    fits = not rest and len(frame.update_data) == steps * FLOAT * (layers + 2)
                    return None if fits and _count(frame.first_step) else "a trace whose numbers do not fit"
                case Evaluation():
                    return None if _count(frame.step) else "a step that cannot be"
                case Inspection():
                    return _inspection(frame, config)
                case Start():
                    return _start(frame, layers)
    return None


def _count(value: int) -> bool:
    return 0 <= value <= MAX_COUNT


def _snapshot(frame: Snapshot, config: RunConfig) -> str | None:
    if not all(map(_count, (frame.step, frame.parameters, frame.batch_size, frame.probe_rows))):
        return "a step or a count that cannot be"
    if not math.isfinite(frame.expected_initial_loss):
        return "an expected loss that is none"
    if tuple(a.width for a in frame.activations) != config.hidden or len(frame.weights) != len(config.hidden) + 2:
        return "layers that its configuration does not have"
    if any(len(w.shape) != 2 or not all(map(_count, w.shape)) for w in frame.weights):
        return "a weight that is no matrix"
    if any(len(v.shape) != 1 or not all(map(_count, v.shape)) for v in frame.vectors):
        return "a vector that is none"
    classes = frame.weights[-1].shape[1]
    if frame.batch_norms and _widths(frame.batch_norms) != (*config.hidden, classes):
        return "batch norms that its configuration does not have"
    if not all(_equally_long(bn) for bn in frame.batch_norms):
        return "a batch norm whose numbers do not fit"
    for a in frame.activations:
        told = a.saturation_rows * a.width
        if not _count(a.saturation_rows) or (a.saturation and len(a.saturation) != -(-told // 8)):
            return "a saturation whose rows do not fit"
        if not all(0 <= unit < a.width for unit in a.dead):
            return "dead units that are not there"
    histograms = chain(
        (frame.log10_probabilities,),
        *((a.histogram, a.grad_histogram) for a in frame.activations),
        *((w.histogram, w.grad_histogram) for w in frame.weights),
    )
    return None if all(map(_counts, histograms)) else "a histogram whose counts cannot be"


def _counts(histogram: Histogram) -> bool:
    return bool(histogram.counts) and all(map(_count, histogram.counts))


def _equally_long(norm: BatchNorm | Calibrated) -> bool:
    names = [name for name in norm.__struct_fields__ if isinstance(getattr(norm, name), bytes)]
    lengths = {len(getattr(norm, name)) for name in names}
    return len(lengths) == 1 and lengths.pop() % FLOAT == 0


def _widths(norms: tuple[BatchNorm, ...] | tuple[Calibrated, ...]) -> tuple[int, ...]:
    return tuple(len(norm.mean) // FLOAT for norm in norms)


def _inspection(frame: Inspection, config: RunConfig) -> str | None:
    layers = len(config.hidden)
    logits, rest = divmod(len(frame.jitter_logits), FLOAT * max(1, frame.jitter_batches))
    if not _count(frame.step) or frame.jitter_batches < 1 or rest or not logits:
        return "a closer look whose jitter does not fit"
    if len(frame.eval_logits) not in (0, logits * FLOAT):
        return "a closer look whose logits do not fit"
    if frame.folded is not None and not _count(frame.folded.rows):
        return "a closer look at examples that are not there"
    fits = not frame.calibrated or _widths(frame.calibrated) == (*config.hidden, logits)
    if not fits or not all(map(_equally_long, frame.calibrated)):
        return "a closer look whose statistics do not fit"
    if not (len(frame.dead) == len(frame.dead_grad) == len(frame.alive_grad) == layers) or not frame.through:
        return "a closer look at layers that its configuration does not have"
    return None if all(map(_count, frame.dead)) else "dead units that are not there"


def _start(frame: Start, layers: int) -> str | None:
    if not all(map(_count, (frame.examples, frame.contexts, frame.commonest, frame.redraws, frame.lost))):
        return "a start whose counts cannot be"
    if not (_expects(frame.redrawn, layers, 3) and _expects(frame.theory, layers, 1)):
        return "a start whose figures do not fit"
    ratio = frame.ratio_without_repeats
    return None if ratio is None or math.isfinite(ratio) else "a start whose figures do not fit"


def _expects(told: Expected, layers: int, numbers: int) -> bool:
    rows = (told.std, told.saturated, told.grad_std, told.grad_ratio)
    matrices, single = (told.weight_grad_std, told.update_data), (told.loss, told.logit_std)
    return all(
        len(part) == FLOAT * numbers * count
        for parts, count in ((rows, layers), (matrices, layers + 2), (single, 1))
        for part in parts
    )
