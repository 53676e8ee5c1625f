"""A snapshot of a large network, made to fit into a frame that is not too large to be sent often."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from .protocol import Activation, Histogram, Snapshot, Weight

LARGEST = 400_000  # bytes of a snapshot
NOTHING = Histogram(lo=0.0, hi=0.0, counts=(0,), outside=0.0)


def fitted(snapshot: Snapshot, largest: int = LARGEST) -> Snapshot:
    """The snapshot, or one with coarser histograms; if that is not enough, without those of matrices and saturation."""
    steps: list[Callable[[Snapshot], Snapshot]] = [
        lambda s: _with_histograms(s, _halved),
        lambda s: _with_histograms(s, _halved),
        lambda s: _with_histograms(s, _halved),
        _without_saturation,
        _without_matrices,
        lambda s: _with_histograms(s, lambda _: NOTHING),
    ]
    for smaller in steps:
        if len(msgspec.msgpack.encode(snapshot)) <= largest:
            break
        snapshot = smaller(snapshot)
    return snapshot


def _halved(histogram: Histogram) -> Histogram:
    counts = histogram.counts
    if len(counts) % 2:
        return histogram
    joined = tuple(a + b for a, b in zip(counts[::2], counts[1::2], strict=True))
    return msgspec.structs.replace(histogram, counts=joined)


def _with_histograms(snapshot: Snapshot, change: Callable[[Histogram], Histogram]) -> Snapshot:
    def changed(part: Activation | Weight) -> Activation | Weight:
        histograms = {"histogram": change(part.histogram), "grad_histogram": change(part.grad_histogram)}
        return msgspec.structs.replace(part, **histograms)

    return msgspec.structs.replace(
        snapshot,
        activations=tuple(map(changed, snapshot.activations)),
        weights=tuple(map(changed, snapshot.weights)),
    )


def _without_saturation(snapshot: Snapshot) -> Snapshot:
    plain = tuple(msgspec.structs.replace(a, dead=(), saturation=b"", saturation_rows=0) for a in snapshot.activations)
    return msgspec.structs.replace(snapshot, activations=plain, probe_rows=0)


def _without_matrices(snapshot: Snapshot) -> Snapshot:
    plain = tuple(msgspec.structs.replace(w, histogram=NOTHING, grad_histogram=NOTHING) for w in snapshot.weights)
    return msgspec.structs.replace(snapshot, weights=plain)
