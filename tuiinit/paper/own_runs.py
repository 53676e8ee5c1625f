"""A run of a person's own network as tables, and as JSON."""

from __future__ import annotations

from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from ..config.own import OwnConfig
from ..config.values import format_number
from ..experiments.runs import Result
from ..host.visible import visible
from ..insight.check.finding import CheckFinding
from ..insight.expected import expect
from ..insight.watched import Watchman
from ..stream.protocol import Activation, Weight
from .runs import MARKS, STYLES, table
from .watched import number, row_names, snapshot_record


def own_of(result: Result) -> OwnConfig:
    """The configuration of a person's network."""
    assert isinstance(result.configuration, OwnConfig)
    return result.configuration


def parameters(result: Result) -> dict[str, Any]:
    """All parameters of the function, as they were."""
    set_ = dict(own_of(result).settings)
    return {knob.name: set_.get(knob.name, knob.default) for knob in result.target.knobs} if result.target else set_


def findings(result: Result, until: int | None = None) -> list[CheckFinding]:
    """What is to be said of the last snapshot, or of that of a step, after the ones before it."""
    watchman, found = Watchman(), []
    for step in sorted(step for step in result.snapshots if until is None or step <= until):
        found = watchman.look(result.snapshots[step])
    return found


def as_json(result: Result) -> bytes:
    """The run as one JSON object (UTF-8): what `tuiinit tail --json` says of its last step, and what it was made of."""
    snapshot, config = result.last, own_of(result)
    names = row_names(result.shape) if result.shape is not None else {}
    evaluation = result.evaluations.get(snapshot.step)
    record = snapshot_record(snapshot, names, findings(result)) | {
        "target": config.target,
        "settings": parameters(result),
        "seed": config.seed,
        "gain": config.gain,
        "lr": number(snapshot.lr),
        "optimizer": snapshot.optimizer,
        "device": result.device,
        "parameters": snapshot.parameters,
        "epoch": snapshot.epoch,
        "initial_loss": number(snapshot.initial_loss),
        "expected_initial_loss": number(snapshot.expected_initial_loss),
        "dev_loss": number(evaluation.dev) if evaluation is not None else None,
        "diverged_at": result.diverged_at,
    }
    if result.diverged_at is not None:
        record["loss"] = None
    return msgspec.json.format(msgspec.json.encode(record), indent=1)


def describe(result: Result) -> str:
    """What was trained, in one line."""
    config = own_of(result)
    parts = [
        config.target,
        *(f"{name}={value}" for name, value in parameters(result).items()),
        *([f"gain {format_number(config.gain)}"] if config.gain is not None else []),
        f"seed {config.seed}",
        result.device,
    ]
    return " · ".join(parts)


def print_tables(result: Result, console: Console) -> None:
    """Rows, matrices and vectors of the last step, and the findings."""
    snapshot = result.last
    console.print(Text(visible(describe(result))), soft_wrap=True)
    console.print(Text(headline(result)), soft_wrap=True)
    at = "" if snapshot.step <= 1 else " (theory: of the start)"
    theory = [figure.theory for figure in expect(None, result.start, result.shape).std] if result.start else []
    kinds = {label: kind for label, (_, _, kind) in row_names(result.shape).items()} if result.shape else {}
    rows = table(f"Rows{at}", "row", "kind", "mean", "std", "theory", "saturated", "dead", "gradient's std")
    for i, act in enumerate(snapshot.activations):
        rows.add_row(*map(visible, _row(act, kinds.get(act.layer, act.kind), theory[i] if i < len(theory) else None)))
    console.print(rows)
    matrices = table("Weights", "weight", "shape", "mean", "std", "gradient's std", "grad:data", "log10 update:data")
    for w in snapshot.weights:
        matrices.add_row(*map(visible, _weight(w)))
    console.print(matrices)
    if snapshot.vectors:
        columns = ("vector", "numbers", "mean", "std", "gradient's std", "log10 update:data")
        vectors = table("Biases and other vectors", *columns)
        for v in snapshot.vectors:
            figures = (_figure(v.mean, "{:+.4f}"), _figure(v.std, "{:.2e}"), _figure(v.grad_std, "{:.3e}"))
            vectors.add_row(visible(v.name), str(v.shape[0]), *figures, _figure(v.update_data_log10, "{:+z.3f}"))
        console.print(vectors)
    for finding in findings(result):
        text = visible(f"{MARKS[finding.severity]} {finding.text}")
        console.print(Text(text, style=STYLES[finding.severity]), soft_wrap=True)


def headline(result: Result) -> str:
    """Where it stands, in one line."""
    snapshot = result.last
    loss = "not finite" if result.diverged_at is not None else _figure(snapshot.loss, "{:.4f}")
    parts = [f"step {snapshot.step:,}" + (f" (epoch {snapshot.epoch:.3f})" if snapshot.epoch else "")]
    parts.append(f"loss {loss}")
    start = f"at the start {_figure(snapshot.initial_loss, '{:.4f}')}"
    if snapshot.expected_initial_loss is not None:
        start += f", expected {snapshot.expected_initial_loss:.4f}"
    parts.append(start)
    evaluation = result.evaluations.get(snapshot.step)
    if evaluation is not None and evaluation.dev is not None:
        parts.append(f"dev {evaluation.dev:.4f}")
    parts.append(f"{snapshot.optimizer} lr {_figure(snapshot.lr, '{:g}')}")
    parts.append(f"{snapshot.parameters:,} parameters")
    return " · ".join(parts)


def _row(act: Activation, kind: str, theory: float | None) -> tuple[str, ...]:
    return (
        act.layer,
        kind,
        _figure(act.mean, "{:+.4f}"),
        _figure(act.std, "{:.4f}"),
        _figure(theory, "{:.4f}"),
        _figure(act.saturated, "{:.2%}"),
        str(len(act.dead)) if number(act.saturated) is not None else "–",
        _figure(act.grad_std, "{:.3e}"),
    )


def _weight(w: Weight) -> tuple[str, ...]:
    return (
        w.name,
        " × ".join(map(str, w.shape)),
        _figure(w.mean, "{:+.4f}"),
        _figure(w.std, "{:.4f}"),
        _figure(w.grad_std, "{:.3e}"),
        _figure(w.grad_data_ratio, "{:.2e}"),
        _figure(w.update_data_log10, "{:+z.3f}"),
    )


def _figure(value: float | None, form: str) -> str:
    known = number(value)
    return "–" if known is None else form.format(known)
