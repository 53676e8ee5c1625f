"""A person's own network under other gains, with and without its norm: trained, and written down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ... import __version__
from ...config.own import OwnConfig
from ...config.parameters import AS_BUILT, NORMS, OWN_GAINS, Gain
from ...config.values import ConfigError
from ...experiments.checks import OwnCodeError
from ...experiments.runs import Conversation, Progress, Result, RunError
from ...host.visible import visible
from ...insight.expected import expect
from ...insight.thresholds import UPDATE_RIGHT, power_of_ten
from ...stream.link import Engine, LinkError
from ...stream.protocol import Advance, OwnTarget, Snapshot
from ..own_runs import describe, findings, parameters
from ..runs import MARKS
from ..watched import number as known
from ..watched import row_names, snapshot_record
from . import figures as fig
from . import pictures
from .folder import writing
from .markdown import number, percent, table

GAINS = tuple(gain for gain in OWN_GAINS if gain is None or gain < 3)  # as built, 0.5, 1, √2, 5/3
ROWS = ("layer", "kind", "mean", "std", "predicted_std", "saturated", "dead", "grad_mean", "grad_std")
WEIGHTS = ("name", "shape", "mean", "std", "grad_std", "grad_data_ratio", "update_data_log10")
NETWORKS = ("initial_loss", "expected_initial_loss", "loss", "dev_loss", "diverged_at", "failed")


def write(
    out: Path,
    base: OwnConfig,
    *,
    steps: int = 1000,
    progress: Progress | None = None,
    force: bool = False,
    engine: Sequence[str] | None = None,
) -> Path:
    """Train a person's network as built and under other gains, and write down what was measured.

    Args:
        out: the folder; see `folder.writing` for what is never overwritten.
        base: the network; its gain, and its norm if it has one, are varied.
        steps: batches that each network trains.
        progress: told steps done and in all.
        force: write into a folder that the program did not write.
        engine: another engine's command line.

    Returns:
        The path of report.md, beside pictures, report.json and CSV files.

    Raises:
        ConfigError: the folder cannot be.
        OwnCodeError: the network as it was built cannot be trained.
        RunError: the engine failed, or the disk gave up.
    """
    if steps < 1:
        raise ConfigError("a report needs at least one step")
    with writing(out, force) as folder:
        results = _train(base, steps, progress, engine)
        if (built := next(iter(results.values()))).failed:
            raise OwnCodeError(built.failed, built.lines)
        drawn = {name: [pictures.draw(p, folder) for p in _pictures(i, name, r)]
                 for i, (name, r) in enumerate(results.items())}  # fmt: skip
        figures = {name: _figures(result, steps) for name, result in results.items()}
        (folder / "report.md").write_text(_document(results, figures, drawn, steps), encoding="utf-8")
        (folder / "report.json").write_bytes(_json(results, figures, steps))
        _write_csv(folder, results, figures, steps)
    return out / "report.md"


def varied(base: OwnConfig, target: OwnTarget | None) -> dict[str, OwnConfig]:
    """The networks of a report by name: under each gain, and with the norm as it is not."""
    show = Gain(OWN_GAINS).show
    named = {AS_BUILT if gain is None else f"gain {show(gain)}": base.replace(gain=gain) for gain in GAINS}
    norm = next((k for k in target.knobs if k.name in NORMS and k.kind == "bool"), None) if target is not None else None
    if norm is not None:
        now = base.value(norm.name)
        there = bool(norm.default if now is None else now)
        named[f"{norm.name}={'false' if there else 'true'}"] = base.replace(gain=None).set(norm.name, not there)
    return named


def _train(base: OwnConfig, steps: int, progress: Progress | None, engine: Sequence[str] | None) -> dict[str, Result]:
    try:
        process = Engine(list(engine) if engine is not None else None)
    except LinkError as error:
        raise RunError(str(error)) from None
    with process:
        talk = Conversation(process)
        talk.select([base.replace(gain=None)])
        wanted = varied(base, talk.target)
        for i, config in enumerate(wanted.values()):

            def done(now: int, of: int, before: int = i) -> None:
                if progress is not None:
                    progress(min(before * steps + now, steps * len(wanted)), steps * len(wanted))

            try:
                talk.select([config], done)
                talk.advance(Advance(to=steps), done)
                talk.evaluate()
            except OwnCodeError as error:
                failed = Result(config, target=talk.target, failed=str(error), lines=error.lines)
                talk.results[config.key] = failed
        return {name: talk.results[config.key] for name, config in wanted.items()}


# ------------------------------------------------------------------------------------------------- figures


def _figures(result: Result, steps: int) -> dict[str, Any]:
    """A network's figures as plain values: at its first step and its last."""
    first, last = fig.start_of(result), fig.end_of(result, steps)
    evaluation = result.evaluations.get(steps)
    return {
        "settings": parameters(result),
        "gain": result.configuration.gain,
        "initial_loss": known(first.initial_loss) if first is not None else None,
        "expected_initial_loss": known(first.expected_initial_loss) if first is not None else None,
        "loss": known(last.loss) if last is not None else None,
        "dev_loss": fig.evaluation_of(evaluation, "dev"),
        "diverged_at": result.diverged_at,
        "failed": result.failed or None,
        "unlike": result.unlike.name or result.unlike.what if result.unlike is not None else None,
        "first": _record(result, first),
        "last": _record(result, last),
    }


def _record(result: Result, snapshot: Snapshot | None) -> dict[str, Any] | None:
    if snapshot is None:
        return None
    names = row_names(result.shape) if result.shape is not None else {}
    record = snapshot_record(snapshot, names, findings(result, snapshot.step))
    theory = expect(None, result.start, result.shape).std
    for i, (row, act) in enumerate(zip(record["rows"], snapshot.activations, strict=True)):
        row |= {"layer": act.layer, "dead": len(act.dead), "predicted_std": theory[i].theory if theory else None}
    return record


def _json(results: dict[str, Result], figures: dict[str, Any], steps: int) -> bytes:
    built = next(iter(results.values()))
    told = {
        "program": f"tuiinit {__version__}",
        "target": built.target.target if built.target is not None else None,
        "steps": steps,
        "seed": built.configuration.seed,
        "device": built.device,
        "parameters": built.last.parameters,
        "optimizer": built.last.optimizer,
        "networks": figures,
    }
    return msgspec.json.format(msgspec.json.encode(told), indent=1)


def _write_csv(folder: Path, results: dict[str, Result], figures: dict[str, Any], steps: int) -> None:
    fig.write_rows(
        folder / "networks.csv",
        ("network", *NETWORKS),
        ([name, *(f[k] for k in NETWORKS)] for name, f in figures.items()),
    )
    for file, part, keys in (("rows.csv", "rows", ROWS), ("weights.csv", "weights", WEIGHTS)):
        rows = [
            [name, record["step"], *fig.cells(row, keys)]
            for name, network in figures.items()
            for record in _both(network)
            for row in record[part]
        ]
        fig.write_rows(folder / file, ("network", "step", *keys), rows)
    snapshots = [(name, s) for name, result in results.items() for s in _snapshots(result, steps)]
    fig.write_histograms(folder / "histograms.csv", [(name, s) for name, s in snapshots if _sound(s)])
    losses = [
        [name, step, fig.finite(loss)]
        for name, result in results.items()
        for step, loss in enumerate(result.loss.tolist(), 1)
    ]
    fig.write_rows(folder / "loss.csv", ("network", "step", "loss"), losses)


def _both(network: dict[str, Any]) -> list[dict[str, Any]]:
    first, last = network["first"], network["last"]
    return [record for record in ((first,) if first == last else (first, last)) if record is not None]


def _snapshots(result: Result, steps: int) -> list[Snapshot]:
    first, last = fig.start_of(result), fig.end_of(result, steps)
    return [s for s in ((first,) if first is last else (first, last)) if s is not None]


def _sound(snapshot: Snapshot) -> bool:
    """Whether all histograms have bins: of a tensor with no finite number there are none."""
    parts = [h for a in snapshot.activations for h in (a.histogram, a.grad_histogram)]
    parts += [h for w in snapshot.weights for h in (w.histogram, w.grad_histogram)]
    return all(len(h.counts) > 1 for h in parts)


# ------------------------------------------------------------------------------------------------ pictures


def _pictures(place: int, name: str, result: Result) -> Iterator[pictures.Picture]:
    first = fig.start_of(result)
    if first is None:
        return
    file = f"{place:02d}_{{}}.png"
    rows = [a for a in first.activations if known(a.saturated) is not None] or list(first.activations)
    lines = tuple(
        pictures.Line(a.layer, f"mean {a.mean:+.2f}, std {a.std:.2f}", a.histogram)
        for a in rows
        if len(a.histogram.counts) > 1
    )
    yield pictures.Densities(file.format("outputs"), f"Outputs at step {first.step}: {name}", "output", (("", lines),))
    grads = tuple(
        pictures.Line(a.layer, f"mean {a.grad_mean:+.1e}, std {a.grad_std:.1e}", a.grad_histogram)
        for a in rows
        if len(a.grad_histogram.counts) > 1
    )
    title = f"Gradients of the outputs at step {first.step}: {name}"
    yield pictures.Densities(file.format("output_gradients"), title, "gradient of the output", (("", grads),))
    names = tuple(w.name for w in first.weights)
    if result.update_data.shape[1:] == (len(names),) and bool(np.isfinite(result.update_data).any()):
        yield pictures.Ratios(
            file.format("update_data"), f"Update:data of each matrix: {name}", names, result.update_data
        )
    if len(loss := result.loss):
        expected, every = first.expected_initial_loss, np.arange(1, len(loss) + 1)
        yield pictures.Losses(file.format("loss"), f"Training loss: {name}", every, loss, loss, loss, expected)


# ------------------------------------------------------------------------------------------------ Markdown


def _document(results: dict[str, Result], figures: dict[str, Any], drawn: dict[str, list[str]], steps: int) -> str:
    built = next(iter(results.values()))
    target, last = built.target, built.last
    about = [f"{last.parameters:,} parameters", f"{last.optimizer}, lr {number(last.lr, '{:g}')}"]
    if target is not None:
        about += [f"batches of {target.inputs}"]
        about += [f"{target.batches:,} batches a pass"] if target.batches is not None else []
        about += [f"loss against {target.labels}"] if target.labels else []
    missing = "" if pictures.available() else "matplotlib is not installed, so the pictures are drawn in characters."
    blocks = [
        "# A network under other gains",
        f"{visible(describe(built))}. {', '.join(map(visible, about))}.",
        f"Each network trained {steps:,} steps from the same seed. A gain g scales the matrices of linear, convolution "
        "and recurrent layers to a std of g / √fan_in; embeddings, norms, tied, zero and last matrices stay as built.",
        "## Side by side",
        _side_by_side(figures),
        *_unlike(figures),
        missing,
    ]
    for name, result in results.items():
        blocks += _section(name, result, figures[name], drawn[name])
    return "\n\n".join(block for block in blocks if block) + "\n"


def _side_by_side(figures: dict[str, Any]) -> str:
    rows = []
    for name, network in figures.items():
        first = network["first"]
        spread = [row["std"] for row in first["rows"] if row["std"] is not None] if first is not None else []
        matrices = [w for w in first["weights"] if len(w["shape"]) > 1] if first is not None else []
        grads = [w["grad_std"] for w in matrices if w["grad_std"]]
        end = (network["failed"] and "failed") or (
            f"not finite at step {network['diverged_at']:,}" if network["diverged_at"] is not None
            else number(network["loss"], "{:.4f}")
        )  # fmt: skip
        rows.append(
            [
                visible(name),
                number(network["initial_loss"], "{:.4f}"),
                f"{number(min(spread, default=None))} … {number(max(spread, default=None))}",
                number(grads[0] / grads[-1] if len(grads) > 1 else None, "{:.3g}"),
                end,
                number(network["dev_loss"], "{:.4f}"),
            ]
        )
    head = ["network", "loss at the start", "std of the rows", "first ÷ last matrix's gradient", "loss", "dev loss"]
    return table(head, rows)


def _unlike(figures: dict[str, Any]) -> Iterator[str]:
    for name, network in figures.items():
        if network["unlike"] is not None:
            what = "the batches on" if network["unlike"] == "batches" else f"{network['unlike']} on"
            yield (
                f"{visible(name)} does not begin alike: its function draws other random numbers from {visible(what)}, "
                "so part of the difference is chance."
            )


def _section(name: str, result: Result, network: dict[str, Any], drawn: list[str]) -> Iterator[str]:
    yield f"## {visible(name)}"
    if result.failed:
        yield f"It failed: {visible(result.failed)}."
    record = network["last"] or network["first"]
    if network["first"] is None or record is None:
        return
    if record["findings"]:
        yield "\n".join(f"- {MARKS[f['severity']]} {visible(f['text'])}" for f in record["findings"])
    rows = [
        [
            visible(row["layer"]),
            visible(row["kind"]),
            number(row["mean"], "{:+.4f}"),
            f"{number(row['std'], '{:.4f}')} ({number(row['predicted_std'], '{:.4f}')})",
            percent(row["saturated"]),
            number(row["grad_std"], "{:.3e}"),
        ]
        for row in network["first"]["rows"]
    ]
    yield f"Step {network['first']['step']:,}:"
    yield table(["row", "kind", "mean", "std (theory)", "saturated", "gradient's std"], rows)
    yield f"Step {record['step']:,}; an update of {power_of_ten(UPDATE_RIGHT)} of the data is about right:"
    rows = [
        [
            visible(w["name"]),
            " × ".join(map(str, w["shape"])),
            number(w["std"], "{:.4f}"),
            number(w["grad_std"], "{:.3e}"),
            number(w["update_data_log10"], "{:+.3f}"),
        ]
        for w in record["weights"]
    ]
    yield table(["weight", "shape", "std", "gradient's std", "log10 update:data"], rows)
    yield from drawn
