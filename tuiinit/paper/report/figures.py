"""The figures of a report: what was measured as plain values, for JSON, CSV and the sentences."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...config.run import RunConfig
from ...config.toml import to_toml
from ...experiments.runs import Result
from ...experiments.sweep.measures import LOSS_SHARE, LOSS_STEPS
from ...insight.expected import expect
from ...plots import density
from ...stream.protocol import Evaluation, Snapshot, Start
from ..runs import describe, vector_figures, weight_figures

Table = dict[str, Any]  # plain values, as in JSON


def finite(value: float | None) -> float | None:
    """The value, or None where there is none."""
    return value if value is not None and math.isfinite(value) else None


def snapshot_table(snapshot: Snapshot, config: RunConfig, start: Start | None) -> Table:
    """A snapshot's figures, what theory says of the start beside them."""
    expected = expect(config, start)
    return {
        "step": snapshot.step,
        "loss": snapshot.loss,
        "logit_std": snapshot.logit_std,
        "activations": [
            {
                "layer": a.layer,
                "mean": a.mean,
                "std": a.std,
                "predicted_std": expected.std[i].theory,
                "redraw_std": expected.std[i].redraws,
                "saturated": a.saturated,
                "predicted_saturated": expected.saturated[i].theory,
                "redraw_saturated": expected.saturated[i].redraws,
                "dead": len(a.dead),
                "grad_mean": a.grad_mean,
                "grad_std": a.grad_std,
                "predicted_grad_ratio": expected.grad_ratio[i].theory,
                "redraw_grad_ratio": expected.grad_ratio[i].redraws,
            }
            for i, a in enumerate(snapshot.activations)
        ],
        "weights": weight_figures(snapshot, expected),
        "vectors": vector_figures(snapshot),
    }


def lane_table(result: Result, steps: int) -> Table:
    """A lane's figures: at its first step and after `steps`, where it got that far."""
    first, last = start_of(result), end_of(result, steps)
    evaluation = result.evaluations.get(steps)
    loss, ratios = result.loss, result.update_data
    tail = max(1, min(LOSS_STEPS, steps // LOSS_SHARE))
    names = [w.name for w in first.weights] if first is not None else []
    complete = last is not None and len(loss) >= steps
    return {
        "settings": describe(result.config),
        "toml": to_toml(result.config),
        "gain": result.config.gain,
        "bn": result.config.bn,
        "lr": result.config.lr,
        "output_scale": result.config.output_scale,
        "steps": steps,
        "diverged_at": result.diverged_at,
        "initial_loss": first.initial_loss if first is not None else None,
        "loss": finite(float(loss[-tail:].astype(np.float64).mean())) if complete else None,
        "dev_loss": evaluation_of(evaluation, "dev"),
        "dev_loss_calibrated": evaluation_of(evaluation, "dev_calibrated"),
        "dev_loss_batch": evaluation_of(evaluation, "dev_batch"),
        "update_data": [
            {"name": name, "median_log10": _median(ratios[-tail:, i])} for i, name in enumerate(names)
        ] if complete and ratios.shape[1:] == (len(names),) else [],
        "first": snapshot_table(first, result.config, result.start) if first is not None else None,
        "last": snapshot_table(last, result.config, result.start) if last is not None else None,
    }  # fmt: skip


def start_of(result: Result) -> Snapshot | None:
    """The snapshot of the first step; of step 0 where the first update was already too much."""
    return result.snapshots.get(1) or result.snapshots.get(0)


def end_of(result: Result, steps: int) -> Snapshot | None:
    """The snapshot after `steps` steps, if the lane got there."""
    return result.snapshots.get(steps) if result.diverged_at is None else None


def evaluation_of(evaluation: Evaluation | None, name: str) -> float | None:
    """One of an evaluation's losses."""
    return finite(getattr(evaluation, name)) if evaluation is not None else None


def _median(values: Any) -> float | None:
    values = values[np.isfinite(values)]
    return float(np.median(values)) if values.size else None


# ---------------------------------------------------------------------------------------------------- CSV


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A CSV file; what does not exist is an empty field."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


ACTIVATIONS = ("layer", "mean", "std", "predicted_std", "saturated", "predicted_saturated", "dead", "grad_mean",
               "grad_std", "predicted_grad_ratio", "redraw_std", "redraw_saturated", "redraw_grad_ratio")  # fmt: skip
WEIGHTS = ("name", "shape", "mean", "std", "grad_mean", "grad_std", "grad_data_ratio", "update_data_log10",
           "predicted_grad_std", "predicted_update_data_log10", "redraw_grad_std",
           "redraw_update_data_log10")  # fmt: skip
REDRAWS = (5, 50, 95)  # percent of the redraws that lie below
LANES = ("gain", "bn", "lr", "output_scale", "steps", "diverged_at", "initial_loss", "loss", "dev_loss",
         "dev_loss_calibrated", "dev_loss_batch", "settings")  # fmt: skip


def write_tables(folder: Path, lanes: dict[str, Table]) -> None:
    """lanes.csv, activations.csv and weights.csv of lanes by name."""
    write_rows(folder / "lanes.csv", ("lane", *LANES), ([name, *(t[k] for k in LANES)] for name, t in lanes.items()))
    for file, part, keys in (("activations.csv", "activations", ACTIVATIONS), ("weights.csv", "weights", WEIGHTS)):
        rows = [
            [name, snapshot["step"], *cells(row, keys)]
            for name, lane in lanes.items()
            for snapshot in _snapshots(lane)
            for row in snapshot[part]
        ]
        write_rows(folder / file, ("lane", "step", *header(keys)), rows)


def header(keys: Sequence[str]) -> list[str]:
    """Names of CSV columns: what redraws tell takes three."""
    return [name for k in keys for name in ([f"{k}_{p}" for p in REDRAWS] if k.startswith("redraw_") else [k])]


def cells(row: Table, keys: Sequence[str]) -> list[Any]:
    """The cells of those columns."""
    found: list[Any] = []
    for key in keys:
        value = row[key]
        if key.startswith("redraw_"):
            found += value if value is not None else [None] * len(REDRAWS)
        else:
            found.append(" × ".join(map(str, value)) if key == "shape" else value)
    return found


def _snapshots(lane: Table) -> list[Table]:
    first, last = lane["first"], lane["last"]
    same = first is not None and last is not None and first["step"] == last["step"]
    return [snapshot for snapshot in ((first,) if same else (first, last)) if snapshot is not None]


def write_histograms(path: Path, snapshots: Iterable[tuple[str, Snapshot]]) -> None:
    """Every histogram of snapshots by lane, a row a bin."""
    rows: list[list[Any]] = []
    for lane, snapshot in snapshots:
        parts = [("output", a.layer, a.histogram) for a in snapshot.activations]
        parts += [("output gradient", a.layer, a.grad_histogram) for a in snapshot.activations]
        parts += [("weight", w.name, w.histogram) for w in snapshot.weights]
        parts += [("weight gradient", w.name, w.grad_histogram) for w in snapshot.weights]
        for what, name, histogram in parts:
            edges, heights = density(histogram)
            for lo, hi, count, height in zip(
                edges[:-1].tolist(), edges[1:].tolist(), histogram.counts, heights.tolist(), strict=True
            ):
                rows.append([lane, snapshot.step, what, name, lo, hi, count, height])
    write_rows(path, ("lane", "step", "what", "layer", "from", "to", "count", "density"), rows)
