"""A recording as lines of JSON: of each network its losses, then its snapshots."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from ...insight.watched import Watchman
from ...stream.protocol import Histogram
from ..watched import number, snapshot_record
from .networks import Network, is_told


def lines(networks: Iterable[Network]) -> Iterator[bytes]:
    """A line of `steps` and `losses` a network, then one a snapshot: that of `tuiinit tail --json` with histograms."""
    for network in networks:
        yield _line(network=network.name, steps=list(network.losses), losses=list(network.losses.values()))
        watchman = Watchman()
        for snapshot in network.snapshots.values():
            findings = watchman.look(snapshot) if network.watched else []
            told = snapshot_record(snapshot, network.names, findings)
            for record, a in zip(told["rows"], snapshot.activations, strict=True):
                record.update(histogram=_histogram(a.histogram), grad_histogram=_histogram(a.grad_histogram))
            for record, w in zip(told["weights"], snapshot.weights, strict=False):  # vectors have none
                record.update(histogram=_histogram(w.histogram), grad_histogram=_histogram(w.grad_histogram))
            yield _line(network=network.name, **told, lr=number(snapshot.lr))


def _line(**told: Any) -> bytes:
    return msgspec.json.encode(told) + b"\n"


def _histogram(told: Histogram) -> dict[str, Any] | None:
    if not is_told(told):
        return None
    return {"low": told.lo, "high": told.hi, "outside": told.outside, "counts": told.counts}
