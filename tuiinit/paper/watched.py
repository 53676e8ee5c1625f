"""A watched run's snapshots and its place in the list of runs, as JSON and as words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec

from ..insight.check.finding import CheckFinding
from ..stream.protocol import Shape, Snapshot, Vector, Weight

Names = dict[str, tuple[str, int, str]]  # name, call and kind of a row, by its label


def row_names(shape: Shape) -> Names:
    """Name, call and kind of each row by its label; the kind of a module is its class."""
    return {row.label: (row.name, row.call, row.module or row.kind) for row in shape.rows}


def snapshot_json(snapshot: Snapshot, names: Names, findings: Sequence[CheckFinding]) -> bytes:
    """One line without its end: `tuiinit tail --json`."""
    return msgspec.json.encode(snapshot_record(snapshot, names, findings))


def snapshot_record(snapshot: Snapshot, names: Names, findings: Sequence[CheckFinding]) -> dict[str, Any]:
    """What such a line tells."""
    rows = []
    for a in snapshot.activations:
        name, call, kind = names.get(a.layer, (a.layer, 1, a.kind))
        rows.append(
            {
                "name": name,
                "kind": kind,
                "call": call,
                "mean": number(a.mean),
                "std": number(a.std),
                "saturated": number(a.saturated),
                "grad_mean": number(a.grad_mean),
                "grad_std": number(a.grad_std),
            }
        )
    return {
        "step": snapshot.step,
        "loss": number(snapshot.loss),
        "micro_batches": snapshot.micro_batches,
        "rows": rows,
        "weights": [*map(_weight, snapshot.weights), *map(_weight, snapshot.vectors)],
        "findings": [finding_json(finding) for finding in findings],
    }


def finding_json(finding: CheckFinding) -> dict[str, str]:
    """A finding's keys."""
    return {"id": finding.id, "severity": finding.severity, "row": finding.row, "text": finding.text}


def _weight(weight: Weight | Vector) -> dict[str, Any]:
    ratio = weight.grad_std / weight.std if weight.std > 0 else math.nan
    return {
        "name": weight.name,
        "shape": weight.shape,
        "mean": number(weight.mean),
        "std": number(weight.std),
        "grad_std": number(weight.grad_std),
        "grad_data_ratio": number(ratio),
        "update_data_log10": number(weight.update_data_log10),
    }


def number(value: float | None) -> float | None:
    """A number as JSON knows it: null for what is none."""
    return value if value is not None and math.isfinite(value) else None


def ago(seconds: float) -> str:
    """How long ago, in the largest unit that fits."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"
