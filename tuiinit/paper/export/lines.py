"""A recording as lines of JSON: of each network its losses, then its snapshots."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from ...insight.watched import Watchman
from ...stream.protocol import Histogram
from ..watched import number, snapshot_record
from .networks import Network, is_known


def lines(networks: Iterable[Network]) -> Iterator[bytes]:
    """A line of `steps` and `losses` a network, then one a snapshot: that of `tuiinit tail --json` with histograms."""
    for network in networks:
        yield _line(network=network.name, steps=list(network.losses), losses=list(network.losses.values()))
        watchman = Watchman()
        for snapshot in network.snapshots.values():
            findings = watchman.look(snapshot) if network.watched else []
            figures = snapshot_record(snapshot, network.names, findings)
            for record, a in zip(figures["rows"], snapshot.activations, strict=True):
                record.update(histogram=_histogram(a.histogram), grad_histogram=_histogram(a.grad_histogram))
            for record, w in zip(figures["weights"], snapshot.weights, strict=False):  # vectors have none
                record.update(histogram=_histogram(w.histogram), grad_histogram=_histogram(w.grad_histogram))
            yield _line(network=network.name, **figures, lr=number(snapshot.lr))


def _line(**record: Any) -> bytes:
    return msgspec.json.encode(record) + b"\n"


def _histogram(histogram: Histogram) -> dict[str, Any] | None:
    if not is_known(histogram):
        return None
    return {"low": histogram.lo, "high": histogram.hi, "outside": histogram.outside, "counts": histogram.counts}
