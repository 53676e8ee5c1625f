"""One lane's measures as the lecture's four tables, and as JSON."""

from __future__ import annotations

import math
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..config.run import RunConfig
from ..config.values import format_hidden, format_number, format_pair
from ..experiments.runs import Result
from ..host.visible import visible
from ..insight import folding, word_counts
from ..insight.expected import Expectation, Figure, expect, expected_loss
from ..insight.findings import Finding, findings, on_paper, pace_of
from ..insight.thresholds import UPDATE_RIGHT, power_of_ten
from ..plots.ink import SEVERITIES
from ..stream.protocol import Evaluation, Snapshot

MARKS = {severity: sign for severity, (sign, _) in SEVERITIES.items()}
BESIDE = ("theory", "redraws")
STYLES = {"bad": "bold red", "warn": "yellow", "note": "dim", "good": "green"}


def as_json(result: Result) -> bytes:
    """The run as one JSON object (UTF-8); numbers that do not exist are null."""
    snapshot = result.last
    evaluation = result.evaluations.get(snapshot.step)
    expected = expect(result.config, result.start)
    activations = []
    for i, act in enumerate(snapshot.activations):
        activations.append(
            {
                "layer": act.layer,
                "mean": act.mean,
                "std": act.std,
                "saturated": act.saturated,
                "dead": len(act.dead),
                "predicted_std": expected.std[i].theory,
                "predicted_saturated": expected.saturated[i].theory,
                "grad_mean": act.grad_mean,
                "grad_std": act.grad_std,
                "predicted_grad_ratio": expected.grad_ratio[i].theory,
                "redraw_std": expected.std[i].redraws,
                "redraw_saturated": expected.saturated[i].redraws,
                "redraw_grad_ratio": expected.grad_ratio[i].redraws,
            }
        )
    record: dict[str, Any] = {
        "config": msgspec.to_builtins(result.config),
        "data": word_counts.record(result.data) if result.data is not None else None,
        "device": result.device,
        "step": snapshot.step,
        "epoch": snapshot.epoch,
        "parameters": snapshot.parameters,
        "loss": snapshot.loss if result.diverged_at is None else None,
        "initial_loss": snapshot.initial_loss,
        "expected_initial_loss": snapshot.expected_initial_loss,
        "predicted_initial_loss": expected_loss(expected, classes(snapshot)),
        "redraw_initial_loss": expected.loss.redraws,
        "dev_loss": evaluation.dev if evaluation else None,
        "diverged_at": result.diverged_at,
        "activations": activations,
        "weights": weight_figures(snapshot, expected),
        "vectors": vector_figures(snapshot),
        "findings": [
            {"id": f.id, "severity": f.severity, "text": on_paper(f)} for f in _findings(result, evaluation, expected)
        ],
    }
    if (closer := result.inspections.get(snapshot.step)) is not None:
        record["fold"] = folding.as_figures(closer.folded)
    return msgspec.json.format(msgspec.json.encode(record), indent=1)


def classes(snapshot: Snapshot) -> int:
    """The size of the vocabulary; 1 where there is none."""
    return max(1, round(math.exp(snapshot.expected_initial_loss or 0.0)))


def weight_figures(snapshot: Snapshot, expected: Expectation) -> list[dict[str, Any]]:
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
            "predicted_grad_std": grad.theory,
            "predicted_update_data_log10": update.theory,
            "redraw_grad_std": grad.redraws,
            "redraw_update_data_log10": update.redraws,
        }
        for w, grad, update in zip(snapshot.weights, expected.weight_grad_std, expected.update_data, strict=True)
    ]


def vector_figures(snapshot: Snapshot) -> list[dict[str, Any]]:
    """The figures of each bias, gamma and beta by the names that JSON gives them."""
    return [msgspec.to_builtins(vector) for vector in snapshot.vectors]


def _findings(result: Result, evaluation: Evaluation | None, expected: Expectation) -> tuple[Finding, ...]:
    return findings(
        result.last, result.config, evaluation=evaluation, expected=expected, diverged_at=result.diverged_at
    )


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
    expected = expect(config, result.start)
    loss = "not finite" if result.diverged_at is not None else _number(snapshot.loss, "{:.4f}")
    evaluation = result.evaluations.get(snapshot.step)
    about = f"{describe(config)} · {snapshot.parameters:,} parameters · {result.device}"
    console.print(Text(visible(about)), soft_wrap=True)
    head = (
        f"step {snapshot.step:,} (epoch {snapshot.epoch:.3f}) · loss {loss} · at the start "
        f"{_number(snapshot.initial_loss, '{:.4f}')}, ln {classes(snapshot)} = "
        f"{_number(snapshot.expected_initial_loss, '{:.4f}')}"
    )
    if words := expected.loss.words("{:.4f}".format):
        head += f", {words}"
    if evaluation is not None and evaluation.dev is not None:
        head += f" · dev {evaluation.dev:.4f}"
    console.print(Text(head), soft_wrap=True)
    if result.data is not None:
        for sentence in filter(None, (word_counts.counts(result.data), word_counts.left_out(result.data))):
            console.print(Text(sentence), soft_wrap=True)

    at = "" if snapshot.step <= 1 else " (theory and redraws: of the start)"
    shown = table(f"Activations{at}", "layer", "mean", "std", *BESIDE, "saturated", *BESIDE, "dead")
    for i, act in enumerate(snapshot.activations):
        std = _beside(expected.std[i], "{:.3f}")
        saturated = _beside(expected.saturated[i], "{:.2%}", "{:.1%}")
        shown.add_row(
            act.layer,
            f"{act.mean:+.4f}",
            f"{act.std:.4f}",
            *std,
            f"{act.saturated:.2%}",
            *saturated,
            str(len(act.dead)),
        )
    console.print(shown)

    shown = table(f"Gradients of the activations{at}", "layer", "mean", "std", "÷ last layer's", *BESIDE)
    last = snapshot.activations[-1].grad_std
    for i, act in enumerate(snapshot.activations):
        ratio = f"{act.grad_std / last:.3f}" if last > 0 else "–"
        beside = _beside(expected.grad_ratio[i], "{:.3f}", "{:#.3g}")
        shown.add_row(act.layer, f"{act.grad_mean:+.2e}", f"{act.grad_std:.3e}", ratio, *beside)
    console.print(shown)

    shown = table(f"Weight gradients{at}", "weight", "shape", "mean", "std", *BESIDE, "grad:data")
    for w, figure in zip(snapshot.weights, expected.weight_grad_std, strict=True):
        shape, data = " × ".join(map(str, w.shape)), _number(w.grad_data_ratio, "{:.2e}")
        beside = _beside(figure, "{:.3e}", "{:.2e}")
        shown.add_row(w.name, shape, f"{w.grad_mean:+.2e}", f"{w.grad_std:.3e}", *beside, data)
    console.print(shown)

    shown = table(
        f"Update:data{at}",
        "weight",
        "data std",
        "log10 update:data",
        *BESIDE,
        f"{power_of_ten(UPDATE_RIGHT)} is about right",
    )
    for w, figure in zip(snapshot.weights, expected.update_data, strict=True):
        ratio, beside = _number(w.update_data_log10, "{:+z.3f}"), _beside(figure, "{:+z.3f}", "{:+z.2f}")
        shown.add_row(w.name, f"{w.std:.4f}", ratio, *beside, pace_of(config, w, snapshot.step) or "–")
    console.print(shown)

    shown = table("Biases, gammas and betas", "vector", "numbers", "mean", "std", "gradient's std", "log10 update:data")
    for v in snapshot.vectors:
        figures = (str(math.prod(v.shape)), f"{v.mean:+.4f}", f"{v.std:.2e}", f"{v.grad_std:.3e}")
        shown.add_row(v.name, *figures, _number(v.update_data_log10, "{:+z.3f}"))
    console.print(shown)
    if snapshot.step > 0 and any(v.std == 0 for v in snapshot.vectors):
        console.print(Text("(std 0: all its numbers are the same, so there is nothing to compare an update with)"))

    for finding in _findings(result, evaluation, expected):
        console.print(Text(f"{MARKS[finding.severity]} {on_paper(finding)}", style=STYLES[finding.severity]))
    if (closer := result.inspections.get(snapshot.step)) is not None and closer.folded is not None:
        console.print(Text(folding.sentence(closer.folded)))


def table(title: str, first: str, *others: str) -> Table:
    """A table whose first column is text and the others figures."""
    made = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    made.add_column(first)
    for name in others:
        made.add_column(name, justify="right")
    return made


def _beside(figure: Figure, form: str, short: str = "") -> tuple[str, str]:
    """Theory's figure and the redraws' 5 to 95 %, in one word so that no line breaks inside."""
    if figure.redraws is None:
        return _number(figure.theory, form), "–"
    low, _, high = (_number(value, short or form).removesuffix(".") for value in figure.redraws)
    ten, alike = high.partition("e"), low.partition("e")
    if ten[1:] == alike[1:]:  # one power of ten serves both
        low = alike[0]
    return _number(figure.theory, form), f"{low.removesuffix('%')}{'…' if low.startswith('-') else '–'}{high}"


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)
