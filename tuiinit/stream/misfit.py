"""What a frame must hold beyond its types, for whoever reads it to rely on: lengths, texts, counts and steps."""

from __future__ import annotations

import math
from itertools import chain

from .protocol import (
    FLOAT,
    BatchNorm,
    Calibrated,
    DataInfo,
    Evaluation,
    Expected,
    Frame,
    Histogram,
    Inspection,
    Lane,
    Shape,
    Snapshot,
    Start,
    Status,
    Trace,
    Units,
)
from .texts import too_long

MAX_COUNT = 2**53  # of steps and of counts: beyond, a float no longer tells them apart


def misfit(frame: Frame, shape: Shape | None = None) -> str | None:
    """What of a frame cannot be, or None.

    Args:
        frame: well-typed.
        shape: of the lane that it tells of, where that was told; figures are checked against it.
    """
    if (fault := too_long(frame)) is not None:
        return fault
    match frame:
        case Lane():
            return _lane(frame)
        case DataInfo():
            complete = frame.vocabulary and all(map(math.isfinite, (frame.unigram, frame.bigram)))
            if not complete:
                return "data without characters or losses"
            sizes = (frame.words, frame.train, frame.dev, frame.test, frame.repeats, frame.in_both)
            counted = all(map(_count, (*sizes, *(some.lines for some in frame.left_out))))
            return None if counted else "a number of words that cannot be"
        case Status():
            whole = all(_count(lane.step) and _count(lane.steps_per_epoch) for lane in frame.lanes)
            return None if whole and _count(frame.clock) else "a step that cannot be"
        case Snapshot() | Trace() | Evaluation() | Inspection() | Start() if shape is not None:
            match frame:
                case Snapshot():
                    return _snapshot(frame, shape)
                case Trace():
                    steps, rest = divmod(len(frame.loss), FLOAT)
                    fits = not rest and len(frame.update_data) in (0, steps * FLOAT * len(shape.matrices))
                    return None if fits and _count(frame.first_step) else "a trace whose numbers do not fit"
                case Evaluation():
                    return None if _count(frame.step) else "a step that cannot be"
                case Inspection():
                    return _inspection(frame, shape)
                case Start():
                    return _start(frame, shape)
    return None


def _count(value: int) -> bool:
    return 0 <= value <= MAX_COUNT


def _lane(frame: Lane) -> str | None:
    shape, config = frame.shape, frame.config
    sizes = [size for row in shape.rows for size in (*row.shape, row.width, row.call)]
    sizes += [size for matrix in shape.matrices for size in matrix.shape]
    sizes += [units.width for units in chain(shape.norms, shape.vectors)]
    if not all(map(_count, sizes)) or not all(len(matrix.shape) > 1 for matrix in shape.matrices):
        return "a shape that cannot be"
    if len({row.label for row in shape.rows}) < len(shape.rows):
        return "two rows under one name"
    if config is not None and frame.own is not None:
        return "a network with two configurations"
    if frame.own is not None and frame.lane != frame.own.key:
        return "a network under another's name"
    if config is None:
        return None
    if frame.lane != config.key:
        return "a network under another's name"
    # What theory says, row by row, follows from the configuration.
    own = [(f"{config.nonlinearity} {i}", width) for i, width in enumerate(config.hidden, 1)]
    fits = [(row.label, row.width) for row in shape.rows] == own and len(shape.matrices) == len(own) + 2
    return None if fits else "layers that its configuration does not have"


def _snapshot(frame: Snapshot, shape: Shape) -> str | None:
    if not all(map(_count, (frame.step, frame.parameters, frame.batch_size or 0, frame.probe_rows))):
        return "a step or a count that cannot be"
    if frame.expected_initial_loss is not None and not math.isfinite(frame.expected_initial_loss):
        return "an expected loss that is none"
    if [(a.layer, a.kind, a.width) for a in frame.activations] != [(r.label, r.kind, r.width) for r in shape.rows]:
        return "layers that its network does not have"
    if [(w.name, w.shape) for w in frame.weights] != [(m.name, m.shape) for m in shape.matrices]:
        return "matrices that its network does not have"
    if frame.vectors and [(v.name, v.shape) for v in frame.vectors] != [(v.name, (v.width,)) for v in shape.vectors]:
        return "vectors that its network does not have"
    if frame.batch_norms and _named(frame.batch_norms) != _units(shape.norms):
        return "batch norms that its network does not have"
    if not all(_equally_long(bn) for bn in frame.batch_norms):
        return "a batch norm whose numbers do not fit"
    for a in frame.activations:
        bits = a.saturation_rows * a.width
        if not _count(a.saturation_rows) or (a.saturation and len(a.saturation) != -(-bits // 8)):
            return "a saturation whose rows do not fit"
        if not all(0 <= unit < a.width for unit in a.dead):
            return "dead units that are not there"
    histograms = chain(
        (frame.log10_probabilities,) if frame.log10_probabilities is not None else (),
        *((a.histogram, a.grad_histogram) for a in frame.activations),
        *((w.histogram, w.grad_histogram) for w in frame.weights),
    )
    return None if all(map(_counts, histograms)) else "a histogram whose counts cannot be"


def _counts(histogram: Histogram) -> bool:
    counts = histogram.counts  # many: a recording of a large network holds millions of them
    return bool(counts) and _count(min(counts)) and _count(max(counts))


def _equally_long(norm: BatchNorm | Calibrated) -> bool:
    names = [name for name in norm.__struct_fields__ if isinstance(getattr(norm, name), bytes)]
    lengths = {len(getattr(norm, name)) for name in names}
    return len(lengths) == 1 and lengths.pop() % FLOAT == 0


def _named(norms: tuple[BatchNorm, ...] | tuple[Calibrated, ...]) -> list[tuple[str, int]]:
    return [(norm.layer, len(norm.mean) // FLOAT) for norm in norms]


def _units(norms: tuple[Units, ...]) -> list[tuple[str, int]]:
    return [(norm.name, norm.width) for norm in norms]


def _inspection(frame: Inspection, shape: Shape) -> str | None:
    layers = len(shape.rows)
    logits, rest = divmod(len(frame.jitter_logits), FLOAT * max(1, frame.jitter_batches))
    if not _count(frame.step) or frame.jitter_batches < 1 or rest or not logits:
        return "a closer look whose jitter does not fit"
    if len(frame.eval_logits) not in (0, logits * FLOAT):
        return "a closer look whose logits do not fit"
    if frame.folded is not None and not _count(frame.folded.rows):
        return "a closer look at examples that are not there"
    fits = not frame.calibrated or _named(frame.calibrated) == _units(shape.norms)
    if not fits or not all(map(_equally_long, frame.calibrated)):
        return "a closer look whose statistics do not fit"
    if not (len(frame.dead) == len(frame.dead_grad) == len(frame.alive_grad) == layers) or not frame.through:
        return "a closer look at layers that its network does not have"
    return None if all(map(_count, frame.dead)) else "dead units that are not there"


def _start(frame: Start, shape: Shape) -> str | None:
    if not all(map(_count, (frame.examples, frame.contexts, frame.commonest, frame.redraws, frame.lost))):
        return "a start whose counts cannot be"
    if not (_expects(frame.redrawn, shape, 3) and _expects(frame.theory, shape, 1)):
        return "a start whose figures do not fit"
    ratio = frame.ratio_without_repeats
    return None if ratio is None or math.isfinite(ratio) else "a start whose figures do not fit"


def _expects(expected: Expected, shape: Shape, numbers: int) -> bool:
    rows = (expected.std, expected.saturated, expected.grad_std, expected.grad_ratio)
    matrices, single = (expected.weight_grad_std, expected.update_data), (expected.loss, expected.logit_std)
    return all(
        len(part) == FLOAT * numbers * count
        for parts, count in ((rows, len(shape.rows)), (matrices, len(shape.matrices)), (single, 1))
        for part in parts
    )
