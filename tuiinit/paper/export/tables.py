"""Tables of a recording: CSV files that a spreadsheet or pandas reads."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ...host.files import made
from ...host.visible import visible
from ...stream.protocol import Histogram
from .networks import Network, is_known, parameters

Line = Sequence[Any]


def write(folder: Path, networks: Sequence[Network]) -> list[Path]:
    """`steps.csv`, `rows.csv`, `weights.csv` and `histograms.csv`; a number that does not exist is an empty cell.

    Raises:
        FileExistsError: one of them is there.
        OSError: one cannot be written; what was begun of it is deleted.
    """
    paths = [folder / f"{name}.csv" for name in TABLES]
    for path in paths:
        if path.exists() or path.is_symlink():
            raise FileExistsError(17, "File exists", str(path))
    folder.mkdir(parents=True, exist_ok=True)
    for path, (head, lines) in zip(paths, TABLES.values(), strict=True):
        with made(path) as file, io.TextIOWrapper(file, encoding="utf-8", newline="") as text:
            table = csv.writer(text)
            table.writerow(head)
            table.writerows([_cell(value) for value in line] for line in lines(networks))
    return paths


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return visible(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _steps(networks: Iterable[Network]) -> Iterator[Line]:
    for network in networks:
        for step in sorted({*network.losses, *network.snapshots}):
            snapshot = network.snapshots.get(step)
            yield network.name, step, network.losses.get(step), None if snapshot is None else snapshot.lr


def _rows(networks: Iterable[Network]) -> Iterator[Line]:
    for network in networks:
        for step, snapshot in network.snapshots.items():
            for a in snapshot.activations:
                name, call, kind = network.names.get(a.layer, (a.layer, 1, a.kind))
                yield network.name, step, name, call, kind, a.mean, a.std, a.saturated, a.grad_mean, a.grad_std


def _weights(networks: Iterable[Network]) -> Iterator[Line]:
    for network in networks:
        for step, snapshot in network.snapshots.items():
            for w in parameters(snapshot):
                ratio = w.grad_std / w.std if w.std > 0 else None
                size = "x".join(map(str, w.shape))
                yield network.name, step, w.name, size, w.mean, w.std, w.grad_std, ratio, w.update_data_log10


def _histograms(networks: Iterable[Network]) -> Iterator[Line]:
    def line(network: Network, step: int, what: str, name: str, histogram: Histogram) -> Line:
        counts = " ".join(map(str, histogram.counts))
        return network.name, step, what, name, histogram.lo, histogram.hi, histogram.outside, counts

    for network in networks:
        for step, snapshot in network.snapshots.items():
            for a in snapshot.activations:
                if is_known(a.histogram):
                    yield line(network, step, "activations", a.layer, a.histogram)
                if is_known(a.grad_histogram):
                    yield line(network, step, "gradients", a.layer, a.grad_histogram)
            for w in snapshot.weights:
                if is_known(w.histogram):
                    yield line(network, step, "weights", w.name, w.histogram)
                if is_known(w.grad_histogram):
                    yield line(network, step, "weight gradients", w.name, w.grad_histogram)


TABLES: dict[str, tuple[Line, Callable[[Iterable[Network]], Iterator[Line]]]] = {
    "steps": (("network", "step", "loss", "lr"), _steps),
    "rows": (
        ("network", "step", "row", "call", "kind", "mean", "std", "saturated", "grad_mean", "grad_std"),
        _rows,
    ),
    "weights": (
        ("network", "step", "weight", "shape", "mean", "std", "grad_std", "grad_data_ratio", "update_data_log10"),
        _weights,
    ),
    "histograms": (("network", "step", "of", "name", "low", "high", "outside", "counts"), _histograms),
}
