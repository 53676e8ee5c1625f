"""The notes, regenerated: runs every network they speak of and writes what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from ... import __version__
from ...config.nonlinearities import LECTURE_GAINS
from ...config.run import RunConfig
from ...config.values import ConfigError, format_number
from ...experiments.pool import Job, Pool
from ...experiments.runs import Progress, Result, RunError
from ...experiments.sweep.measures import Cell, measures
from ...experiments.sweep.plan import Plan
from ...experiments.sweep.recommend import recommend
from ...insight import word_counts
from ...stream.protocol import Snapshot
from . import figures as fig
from . import pictures, prose
from .folder import writing

GAIN = 5 / 3  # the notes look closest at this one
SEEDS = 3  # of the networks that the conclusion compares
SCALES = (1.0, 10.0)  # output scales that show what extreme logits do
ADAM_LR = 0.001


def lane_name(gain: float, bn: bool = False) -> str:
    """How the report calls a network of the grid."""
    return f"{'batch norm, ' if bn else ''}gain {format_number(gain)}"


def lanes(base: RunConfig, steps: int) -> dict[str, tuple[RunConfig, int]]:
    """Every network that a section speaks of, with its steps, by name.

    Gain, batch norm, nonlinearity and fan_in scaling are the report's own; all else is the base's.

    Raises:
        ConfigError: the base cannot be varied so.
    """
    plain = base.replace(gain=GAIN, bn=False, nonlinearity="tanh", fan_in_scaling=True)
    unscaled = plain.replace(gain=1.0, bn=True, fan_in_scaling=False)
    wanted = {
        lane_name(gain, bn): (plain.replace(gain=gain, bn=bn), steps) for bn in (False, True) for gain in LECTURE_GAINS
    }
    wanted |= {f"output scale {scale:g}": (plain.replace(output_scale=scale), 1) for scale in SCALES}
    wanted |= {
        f"linear, gain {format_number(gain)}": (plain.replace(gain=gain, nonlinearity="linear"), 1)
        for gain in (1.0, GAIN)
    }
    wanted["Adam"] = (plain.replace(optimizer="adam", lr=ADAM_LR, schedule=()), steps)
    wanted["lr ÷ 100"] = (plain.replace(lr=base.lr / 100), steps)
    wanted["no fan_in scaling"] = (unscaled, steps)
    wanted["no fan_in scaling, lr × 10"] = (unscaled.replace(lr=base.lr * 10), steps)
    return wanted


def write(
    out: Path,
    base: RunConfig,
    *,
    steps: int = 1000,
    progress: Progress | None = None,
    force: bool = False,
    processes: int | None = None,
    engine: Sequence[str] | None = None,
) -> Path:
    """Run the notes' networks and write report.md, its pictures, report.json and CSV files into a folder.

    Args:
        out: the folder; see `folder.writing` for what is never overwritten.
        base: data, sizes, optimizer, seed and device of every network.
        steps: minibatches that each network trains.
        progress: told steps done and in all.
        force: write into a folder that the program did not write.
        processes, engine: as for pool.Pool.

    Returns:
        The path of report.md.

    Raises:
        ConfigError: the folder or the configuration cannot be.
        RunError: an engine failed twice, or the disk gave up.
    """
    if steps < 1:
        raise ConfigError("a report needs at least one step")
    wanted = lanes(base, steps)
    plan = Plan(base.replace(nonlinearity="tanh", fan_in_scaling=True), LECTURE_GAINS, steps, seeds=SEEDS)
    with writing(out, force) as folder:
        results = _run(wanted, plan, progress, processes, engine)
        figures = _figures(wanted, plan, results, base)
        named = {name: results[config.key, n] for name, (config, n) in wanted.items()}
        drawn = {picture.file: pictures.draw(picture, folder) for picture in _pictures(named, steps)}
        (folder / "report.md").write_text(prose.document(figures, drawn, pictures.available()), encoding="utf-8")
        (folder / "report.json").write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=1))
        fig.write_tables(folder, figures["lanes"])
        fig.write_histograms(folder / "histograms.csv", _snapshots(named))
        _write_ratios(folder / "update_data.csv", named)
    return out / "report.md"


def _run(
    wanted: dict[str, tuple[RunConfig, int]],
    plan: Plan,
    progress: Progress | None,
    processes: int | None,
    engine: Sequence[str] | None,
) -> dict[tuple[str, int], Result]:
    """Results by configuration and steps; a network that two sections speak of runs once."""
    swept = [config for point in plan.points for config in point.configs if isinstance(config, RunConfig)]
    runs = [(config, plan.steps) for config in swept] + list(wanted.values())
    redrawn = {(config.key, n) for config, n in wanted.values()}
    unique = {(config.key, n): (config, n) for config, n in runs}
    # Long ones first, so that no engine is left alone with one at the end.
    ordered = sorted(unique.values(), key=lambda run: (-run[1], not run[0].bn))
    jobs = [Job((config,), n, redraw=(config.key, n) in redrawn) for config, n in ordered]
    found: dict[tuple[str, int], Result] = {}
    for done in Pool(jobs, processes, progress, engine):
        if done.failure:
            raise RunError(done.failure)
        found[done.results[0].config.key, jobs[done.job].steps] = done.results[0]
    return found


def _figures(
    wanted: dict[str, tuple[RunConfig, int]], plan: Plan, results: dict[tuple[str, int], Result], base: RunConfig
) -> fig.Table:
    cells = [
        Cell(point, tuple(measures(results[config.key, plan.steps], plan.steps) for config in point.configs))
        for point in plan.points
    ]
    first = next(iter(wanted.values()))[0]
    start = fig.start_of(results[first.key, plan.steps])
    if start is None:
        raise RunError("not even the first minibatch of the first network could be measured")
    data = results[first.key, plan.steps].data
    return {
        "program": f"tuiinit {__version__}",
        "steps": plan.steps,
        "seeds": [config.seed for config in plan.points[0].configs],
        "device": results[first.key, plan.steps].device,
        "steps_per_epoch": start.epoch and round(1 / start.epoch),
        "expected_initial_loss": start.expected_initial_loss,
        "parameters": start.parameters,
        "probe_rows": start.probe_rows,
        "base": msgspec.to_builtins(base),
        "data": word_counts.record(data) if data is not None else None,
        "about_data": word_counts.sentences(data) if data is not None else "",
        "lanes": {name: fig.lane_table(results[config.key, n], n) for name, (config, n) in wanted.items()},
        "cells": [cell.table() for cell in cells],
        "recommendation": recommend(cells).table(),
    }


# ------------------------------------------------------------------------------------------------ pictures


def _pictures(named: dict[str, Result], steps: int) -> list[pictures.Picture]:
    """The notes' pictures under the notes' names."""
    first, after = "first minibatch", f"after {steps:,} steps"
    drawn: list[pictures.Picture] = []
    for bn, gains in ((False, LECTURE_GAINS), (True, (GAIN,))):
        for gain in gains:
            name = lane_name(gain, bn)
            start = fig.start_of(named[name])
            suffix = f"gain={gain:f}.png"
            drawn += [
                pictures.outputs(
                    f"hist_{'bn_' if bn else ''}tanh_outs_{suffix}", f"Outputs by layer: {name}, {first}", start
                ),
                pictures.output_grads(
                    f"hist_{'bn_' if bn else ''}tanh_outs_grad_{suffix}",
                    f"Gradients of the outputs by layer: {name}, {first}",
                    start,
                ),
            ]
        name = lane_name(GAIN, bn)
        result = named[name]
        start, end = fig.start_of(result), fig.end_of(result, steps)
        drawn += [
            pictures.weight_grads(
                f"hist_{'bn_' if bn else ''}weights_grad_gain={GAIN:f}.png",
                f"Gradients of the weights: {name}",
                [(first, start), (after, end)],
            ),
            pictures.Ratios(
                f"plot_{'bn_' if bn else ''}update_to_data_ratiogain={GAIN:f}.png",
                f"Update:data of each matrix: {name}",
                tuple(w.name for w in start.weights) if start is not None else (),
                result.update_data,
            ),
        ]
    return drawn


def _snapshots(named: dict[str, Result]) -> list[tuple[str, Snapshot]]:
    """First and last snapshots of the networks in the pictures."""
    snapshots = []
    for name in (*(lane_name(gain) for gain in LECTURE_GAINS), lane_name(GAIN, True)):
        result = named[name]
        start, end = fig.start_of(result), fig.end_of(result, max(result.snapshots, default=0))
        snapshots += [(name, start)] if start is not None else []
        snapshots += [(name, end)] if end is not None and end is not start else []
    return snapshots


def _write_ratios(path: Path, named: dict[str, Result]) -> None:
    """The curves of the two update:data pictures, a row a step, with the loss."""
    rows: list[list[Any]] = []
    start = fig.start_of(named[lane_name(GAIN)])
    names = [w.name for w in start.weights] if start is not None else []
    for name in (lane_name(GAIN), lane_name(GAIN, True)):
        result = named[name]
        for i, (loss, ratios) in enumerate(zip(result.loss.tolist(), result.update_data.tolist(), strict=True)):
            rows.append([name, i + 1, loss, *(fig.finite(ratio) for ratio in ratios)])
    fig.write_rows(path, ("lane", "step", "loss", *(f"log10 {name}" for name in names)), rows)
