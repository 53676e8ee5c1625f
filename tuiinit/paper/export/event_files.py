"""Event files for TensorBoard and the viewers that read its files, by TensorBoard's own records and messages.

Scalars are `simple_value`, histograms `HistogramProto`: what every reader of event files knows. Neither torch nor
tensorflow is loaded.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ...host.files import made
from ...host.visible import visible
from ...stream.protocol import Histogram, Snapshot
from .networks import Network, is_known, parameters

MARK = "tfevents"  # what TensorBoard knows an event file by


def available() -> bool:
    """Whether TensorBoard is installed."""
    try:
        import tensorboard.summary.writer.record_writer  # noqa: F401
    except ImportError:
        return False
    return True


def write(folder: Path, networks: Sequence[Network], began: float) -> list[Path]:
    """A folder for each network with an event file in it.

    Args:
        began: the time that events are stamped with, seconds since 1970: when each step was is not recorded.

    Raises:
        FileExistsError: a folder of a network holds event files already, which would be shown as one with these.
        OSError: a file cannot be written; what was begun is deleted.
    """
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    paths = [folder / network.name / f"events.out.{MARK}.{int(began):010d}.tuiinit" for network in networks]
    for path in paths:
        for other in sorted(path.parent.glob(f"*{MARK}*")):
            raise FileExistsError(17, "File exists", str(other))
    for path, network in zip(paths, networks, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        with made(path) as file:
            writer = RecordWriter(file)
            writer.write(Event(wall_time=began, file_version="brain.Event:2").SerializeToString())
            for step, values in _steps(network):
                event = Event(wall_time=began, step=step, summary={"value": values})
                writer.write(event.SerializeToString())
    return paths


def _steps(network: Network) -> Iterator[tuple[int, list[Any]]]:
    for step in sorted({*network.losses, *network.snapshots}):
        loss = network.losses.get(step)
        values = [] if loss is None else [_scalar("loss", loss)]
        if (snapshot := network.snapshots.get(step)) is not None:
            values += [_scalar(name, value) for name, value in _scalars(snapshot) if _is_number(value)]
            values += [_histogram(*one) for one in _histograms(snapshot) if is_known(one[1])]
        yield step, values


def _scalars(snapshot: Snapshot) -> Iterator[tuple[str, float | None]]:
    yield "lr", snapshot.lr
    for a in snapshot.activations:
        yield f"activation mean/{a.layer}", a.mean
        yield f"activation std/{a.layer}", a.std
        yield f"saturated/{a.layer}", a.saturated
        yield f"gradient std/{a.layer}", a.grad_std
    for w in parameters(snapshot):
        yield f"weight std/{w.name}", w.std
        yield f"weight gradient std/{w.name}", w.grad_std
        yield f"grad_data/{w.name}", w.grad_std / w.std if w.std > 0 else None
        yield f"update_data/{w.name}", w.update_data_log10


def _histograms(snapshot: Snapshot) -> Iterator[tuple[str, Histogram, float, float]]:
    for a in snapshot.activations:
        yield f"activations/{a.layer}", a.histogram, a.mean, a.std
        yield f"gradients/{a.layer}", a.grad_histogram, a.grad_mean, a.grad_std
    for w in snapshot.weights:
        yield f"weights/{w.name}", w.histogram, w.mean, w.std
        yield f"weight gradients/{w.name}", w.grad_histogram, w.grad_mean, w.grad_std


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _scalar(tag: str, value: float | None) -> dict[str, Any]:
    return {"tag": visible(tag), "simple_value": value}


def _histogram(tag: str, histogram: Histogram, mean: float, std: float) -> dict[str, Any]:
    """Edges of the bins as they are. Number, sum and sum of squares are of all values, also of those outside."""
    counts = histogram.counts
    width = (histogram.hi - histogram.lo) / len(counts)
    first = next(i for i, count in enumerate(counts) if count)
    last = max(i for i, count in enumerate(counts) if count)
    edges = [histogram.lo + width * i for i in range(first, last + 2)]
    number = sum(counts) / max(1e-9, 1 - histogram.outside)
    return {
        "tag": visible(tag),
        "histo": {
            "min": edges[0],  # readers take it for the left edge of the first bin that is not empty
            "max": edges[-1],
            "num": number,
            "sum": mean * number,
            "sum_squares": mean**2 * number + std**2 * (number - 1),
            "bucket_limit": edges,
            "bucket": [0, *counts[first : last + 1]],
        },
    }
