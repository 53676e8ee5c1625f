"""One lane's measures as the lecture's four tables, and as JSON."""

from __future__ import annotations

import math
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from . import folding, word_counts
from .config import RunConfig, format_hidden, format_number, format_pair
from .findings import Finding, findings, on_paper, pace_of
from .protocol import Evaluation, Snapshot
from .runs import Result
from .theory import Prediction, predict
from .thresholds import UPDATE_RIGHT, power_of_ten
from .visible import visible

MARKS = {"bad": "✗", "warn": "!", "note": "·", "good": "✓"}
STYLES = {"bad": "bold red", "warn": "yellow", "note": "dim", "good": "green"}


def as_json(result: Result) -> bytes:
    """The run as one JSON object (UTF-8); numbers that do not exist are null."""
    snapshot = result.last
    evaluation = result.evaluations.get(snapshot.step)
    prediction = predict(result.config)
    activations = []
    for i, act in enumerate(snapshot.activations):
        layer = prediction.layers[i]
        activations.append(
            {
                "layer": act.layer,
                "mean": act.mean,
                "std": act.std,
                "saturated": act.saturated,
                "dead": len(act.dead),
                "predicted_std": _finite(layer.std),
                "predicted_saturated": _finite(layer.saturated),
                "grad_mean": act.grad_mean,
                "grad_std": act.grad_std,
            }
        )
    told: dict[str, Any] = {
        "config": msgspec.to_builtins(result.config),
        "data": word_counts.record(result.data) if result.data is not None else None,
        "device": result.device,
        "step": snapshot.step,
        "epoch": snapshot.epoch,
        "parameters": snapshot.parameters,
        "loss": snapshot.loss if result.diverged_at is None else None,
        "initial_loss": snapshot.initial_loss,
        "expected_initial_loss": snapshot.expected_initial_loss,
        "dev_loss": evaluation.dev if evaluation else None,
        "diverged_at": result.diverged_at,
        "activations": activations,
        "weights": weight_figures(snapshot),
        "vectors": vector_figures(snapshot),
        "findings": [
            {"id": f.id, "severity": f.severity, "text": on_paper(f)} for f in _findings(result, evaluation, prediction)
        ],
    }
    if (closer := result.inspections.get(snapshot.step)) is not None:
        told["fold"] = folding.as_figures(closer.folded)
    return msgspec.json.format(msgspec.json.encode(told), indent=1)


def weight_figures(snapshot: Snapshot) -> list[dict[str, Any]]:
    """The figures of each weight by the names that JSON gives them."""
    return [
        {
            "name": w.name,
            "shape": list(w.shape),
            "mean": w.mean,
            "std": w.std,
            "grad_mean": w.grad_mean,
            "grad_std": w.grad_std,
            "grad_data_ratio": w.grad_data_ratio,
            "update_data_log10": w.update_data_log10,
        }
        for w in snapshot.weights
    ]


def vector_figures(snapshot: Snapshot) -> list[dict[str, Any]]:
    """The figures of each bias, gamma and beta by the names that JSON gives them."""
    return [msgspec.to_builtins(vector) for vector in snapshot.vectors]


def _findings(result: Result, evaluation: Evaluation | None, prediction: Prediction) -> tuple[Finding, ...]:
    return findings(
        result.last, result.config, evaluation=evaluation, prediction=prediction, diverged_at=result.diverged_at
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def describe(config: RunConfig) -> str:
    """A configuration in one line."""
    parts = [
        f"gain {format_number(config.gain)}",
        "batch norm" if config.bn else "no batch norm",
        *([f"bias scale {format_pair(config.bias_scale)}"] if any(config.bias_scale) else []),
        config.nonlinearity,
        f"layers {format_hidden(config.hidden)}",
        f"{config.optimizer} lr {format_number(config.lr)}",
        f"batch {config.batch_size}",
        f"seed {config.seed}",
    ]
    return " · ".join(parts)


def print_tables(result: Result, console: Console) -> None:
    """The lecture's four tables, theory beside them, and the findings."""
    snapshot, config = result.last, result.config
    prediction = predict(config)
    loss = "not finite" if result.diverged_at is not None else _number(snapshot.loss, "{:.4f}")
    evaluation = result.evaluations.get(snapshot.step)
    about = f"{describe(config)} · {snapshot.parameters:,} parameters · {result.device}"
    console.print(Text(visible(about)), soft_wrap=True)
    head = (
        f"step {snapshot.step:,} (epoch {snapshot.epoch:.3f}) · loss {loss} · at the start "
        f"{_number(snapshot.initial_loss, '{:.4f}')}, ln {round(math.exp(snapshot.expected_initial_loss))} = "
        f"{snapshot.expected_initial_loss:.4f}"
    )
    if evaluation is not None and evaluation.dev is not None:
        head += f" · dev {evaluation.dev:.4f}"
    console.print(Text(head), soft_wrap=True)
    if result.data is not None:
        for sentence in filter(None, (word_counts.counts(result.data), word_counts.left_out(result.data))):
            console.print(Text(sentence), soft_wrap=True)

    table = _table("Activations", "layer", "mean", "std", "theory", "saturated", "theory", "dead")
    for act, layer in zip(snapshot.activations, prediction.layers, strict=True):
        table.add_row(
            act.layer,
            f"{act.mean:+.4f}",
            f"{act.std:.4f}",
            _number(_finite(layer.std), "{:.3f}"),
            f"{act.saturated:.2%}",
            _number(_finite(layer.saturated), "{:.2%}"),
            str(len(act.dead)),
        )
    console.print(table)

    table = _table("Gradients of the activations", "layer", "mean", "std", "÷ last layer's", "theory")
    last = snapshot.activations[-1].grad_std
    for act, layer in zip(snapshot.activations, prediction.layers, strict=True):
        table.add_row(
            act.layer,
            f"{act.grad_mean:+.2e}",
            f"{act.grad_std:.3e}",
            f"{act.grad_std / last:.3f}" if last > 0 else "–",
            _number(_finite(layer.grad_std), "{:.3f}"),
        )
    console.print(table)

    table = _table("Weight gradients", "weight", "shape", "mean", "std", "grad:data")
    for w in snapshot.weights:
        shape = " × ".join(map(str, w.shape))
        table.add_row(w.name, shape, f"{w.grad_mean:+.2e}", f"{w.grad_std:.3e}", _number(w.grad_data_ratio, "{:.2e}"))
    console.print(table)

    table = _table(
        "Update:data", "weight", "data std", "log10 update:data", f"{power_of_ten(UPDATE_RIGHT)} is about right"
    )
    for w in snapshot.weights:
        ratio = w.update_data_log10
        table.add_row(w.name, f"{w.std:.4f}", _number(ratio, "{:+z.3f}"), pace_of(config, w, snapshot.step) or "–")
    console.print(table)

    table = _table(
        "Biases, gammas and betas", "vector", "numbers", "mean", "std", "gradient's std", "log10 update:data"
    )
    for v in snapshot.vectors:
        figures = (str(math.prod(v.shape)), f"{v.mean:+.4f}", f"{v.std:.2e}", f"{v.grad_std:.3e}")
        table.add_row(v.name, *figures, _number(v.update_data_log10, "{:+z.3f}"))
    console.print(table)
    if snapshot.step > 0 and any(v.std == 0 for v in snapshot.vectors):
        console.print(Text("(std 0: all its numbers are the same, so there is nothing to compare an update with)"))

    for finding in _findings(result, evaluation, prediction):
        console.print(Text(f"{MARKS[finding.severity]} {on_paper(finding)}", style=STYLES[finding.severity]))
    if (closer := result.inspections.get(snapshot.step)) is not None and closer.folded is not None:
        console.print(Text(folding.sentence(closer.folded)))


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)
