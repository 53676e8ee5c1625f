"""A report of one lane as it stands: its tables, pictures and settings, without any training."""

from __future__ import annotations

from pathlib import Path

from ...config.knobs import describe as setting
from ...config.run import RunConfig
from ...config.toml import to_toml
from ...config.values import ConfigError
from ...experiments.runs import Result
from ...host.visible import visible
from ...insight.expected import expect
from ...insight.findings import findings, on_paper
from ...insight.word_counts import sentences
from ...stream.history import LaneHistory
from ...stream.protocol import DataInfo, Snapshot
from ..runs import MARKS, as_json, describe
from . import figures as fig
from . import pictures
from .folder import writing
from .markdown import between, number, percent, ratio_of, table

BESIDE = "(theory; redraws)"
POINTS = 2_000  # of a curve: longer series are told as means and ranges of so many buckets


def write_session(
    out: Path,
    history: LaneHistory,
    *,
    step: int | None = None,
    device: str = "cpu",
    diverged_at: int | None = None,
    data: DataInfo | None = None,
    force: bool = False,
) -> Path:
    """Write what is known of a lane into a folder: report.md, pictures, run.toml, JSON and CSV.

    Args:
        out: the folder; see `folder.writing` for what is never overwritten.
        history: of the lane.
        step: the snapshot to tell of, by default the newest; the one at or before it is taken.
        device: where it was trained.
        diverged_at: the step whose loss was not finite.
        data: the words that it trained on.
        force: write into a folder that the program did not write.

    Returns:
        The path of report.md.

    Raises:
        ConfigError: the folder cannot be, or nothing was measured yet.
        RunError: the disk gave up.
    """
    snapshots = history.snapshots
    snapshot = snapshots.newest if step is None else snapshots.at_or_before(step)
    if snapshot is None:
        raise ConfigError("nothing was measured of this network yet, so there is nothing to report")
    config = history.config
    if config is None:
        raise ConfigError("how this network was made is not told, so there is no report of it")
    result = Result(config, device, {snapshot.step: snapshot}, dict(history.evaluations))
    result.diverged_at, result.data, result.start = diverged_at, data, history.start
    with writing(out, force) as folder:
        drawn = [pictures.draw(picture, folder) for picture in _pictures(history, snapshot, config)]
        (folder / "report.md").write_text(_document(result, snapshot, drawn), encoding="utf-8")
        (folder / "run.toml").write_text(to_toml(config), encoding="utf-8")
        (folder / "report.json").write_bytes(as_json(result))
        _write_csv(folder, history, result, snapshot)
    return out / "report.md"


def _pictures(history: LaneHistory, snapshot: Snapshot, config: RunConfig) -> list[pictures.Picture]:
    name = config.nonlinearity
    # On a slide a picture stands alone: it says which network it is of.
    network = f"{setting('gain', config.gain)}, {setting('bn', config.bn)}"
    at = f"{network}, step {snapshot.step:,}"
    names = tuple(w.name for w in snapshot.weights)
    drawn: list[pictures.Picture] = [
        pictures.outputs(f"hist_{name}_outs.png", f"Outputs by layer, {at}", snapshot),
        pictures.output_grads(f"hist_{name}_outs_grad.png", f"Gradients of the outputs by layer, {at}", snapshot),
        pictures.weight_grads("hist_weights_grad.png", f"Gradients of the weights, {at}", [("", snapshot)]),
    ]
    steps, ratios, _, _ = history.update_data.read(1, snapshot.step, POINTS)
    if len(steps) and ratios.shape[1] == len(names):
        drawn.append(
            pictures.Ratios(
                "plot_update_to_data_ratio.png", f"Update:data of each matrix, {network}", names, ratios, steps
            )
        )
    steps, loss, low, high = history.loss.read(1, snapshot.step, POINTS)
    if len(steps):
        expected = snapshot.expected_initial_loss
        drawn.append(
            pictures.Losses(
                "plot_loss.png", f"Training loss, {network}", steps, loss[:, 0], low[:, 0], high[:, 0], expected
            )
        )
    return drawn


def _document(result: Result, snapshot: Snapshot, drawn: list[str]) -> str:
    config = result.config
    figures = fig.snapshot_table(snapshot, config, result.start)
    evaluation = result.evaluations.get(snapshot.step)
    dev = fig.evaluation_of(evaluation, "dev")
    head = (
        f"{describe(config)} · {snapshot.parameters:,} parameters · {result.device}. Step {snapshot.step:,}, epoch "
        f"{snapshot.epoch:.3f}: loss {number(snapshot.loss, '{:.4f}')}, at the start "
        f"{number(snapshot.initial_loss, '{:.4f}')} (an even guess: {snapshot.expected_initial_loss:.4f})"
        + (f", dev loss {dev:.4f}." if dev is not None else ".")
    )
    if result.diverged_at is not None:
        head += f" The loss was not finite at step {result.diverged_at:,}."
    expected = expect(config, result.start, input_second_moment=snapshot.input_second_moment)
    found = findings(snapshot, config, evaluation=evaluation, expected=expected, diverged_at=result.diverged_at)
    missing = "" if pictures.available() else "matplotlib is not installed, so the pictures are drawn in characters."
    blocks = [
        "# One network, as it stands",
        visible(head),
        sentences(result.data) if result.data is not None else "",
        "`tuiinit --config run.toml` starts it again; its numbers are in `report.json` and the CSV files.",
        "## Findings",
        "\n".join(f"- {MARKS[finding.severity]} {visible(on_paper(finding))}" for finding in found),
        "## Layers",
        "Theory and redraws (5 to 95 % of this network with other random weights) are those of the first minibatch.",
        _activations(figures),
        "## Matrices and vectors",
        _weights(figures),
        "## Pictures",
        missing,
        *drawn,
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _activations(figures: fig.Table) -> str:
    last = figures["activations"][-1]["grad_std"] if figures["activations"] else 0.0
    rows = [
        [
            a["layer"],
            f"{a['mean']:+.4f}",
            f"{a['std']:.4f} ({number(a['predicted_std'])}; {between(a['redraw_std'])})",
            f"{percent(a['saturated'])} ({percent(a['predicted_saturated'])}; "
            f"{between(a['redraw_saturated'], '{:.1%}')})",
            str(a["dead"]),
            f"{a['grad_mean']:+.2e}",
            f"{a['grad_std']:.3e}",
            f"{number(ratio_of(a['grad_std'], last))} ({number(a['predicted_grad_ratio'])}; "
            f"{between(a['redraw_grad_ratio'])})",
        ]
        for a in figures["activations"]
    ]
    head = ["layer", "mean", f"std {BESIDE}", f"saturated {BESIDE}", "dead", "gradient's mean", "gradient's std"]
    return table([*head, f"÷ last layer's {BESIDE}"], rows)


def _weights(figures: fig.Table) -> str:
    rows = [
        [
            w["name"],
            " × ".join(map(str, w["shape"])),
            f"{w['std']:.4f}",
            f"{w['grad_std']:.3e} ({number(w['predicted_grad_std'], '{:.2e}')}; "
            f"{between(w['redraw_grad_std'], '{:.2e}')})",
            number(w["grad_data_ratio"], "{:.2e}"),
            f"{number(w['update_data_log10'], '{:+.3f}')} ({number(w['predicted_update_data_log10'], '{:+.2f}')}; "
            f"{between(w['redraw_update_data_log10'], '{:+.2f}')})",
        ]
        for w in figures["weights"]
    ]
    rows += [
        [
            v["name"],
            str(v["shape"][0]),
            f"{v['std']:.2e}",
            f"{v['grad_std']:.3e}",
            "",
            number(v["update_data_log10"], "{:+.3f}"),
        ]
        for v in figures["vectors"]
    ]
    head = ["name", "shape", "std", f"gradient's std {BESIDE}", "grad:data", f"log10 update:data {BESIDE}"]
    return table(head, rows)


def _write_csv(folder: Path, history: LaneHistory, result: Result, snapshot: Snapshot) -> None:
    figures = fig.snapshot_table(snapshot, result.config, result.start)
    for file, part, keys in (
        ("activations.csv", "activations", fig.ACTIVATIONS),
        ("weights.csv", "weights", fig.WEIGHTS),
    ):
        fig.write_rows(folder / file, fig.header(keys), [fig.cells(row, keys) for row in figures[part]])
    fig.write_histograms(folder / "histograms.csv", [(describe(result.config), snapshot)])
    steps, loss, low, high = history.loss.read(1, snapshot.step, POINTS)
    rows = [
        [*map(fig.finite, row)]
        for row in zip(steps.tolist(), *(a[:, 0].tolist() for a in (loss, low, high)), strict=True)
    ]
    fig.write_rows(folder / "loss.csv", ("step", "loss", "lowest", "highest"), rows)
    steps, ratios, _, _ = history.update_data.read(1, snapshot.step, POINTS)
    names = [w.name for w in snapshot.weights]
    if ratios.shape[1] == len(names):
        rows = [[step, *map(fig.finite, row)] for step, row in zip(steps.tolist(), ratios.tolist(), strict=True)]
        fig.write_rows(folder / "update_data.csv", ("step", *(f"log10 {name}" for name in names)), rows)
