"""Pictures of a report: densities by layer and update:data curves, by matplotlib or, without it, in characters."""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...insight.thresholds import UPDATE_RIGHT, power_of_ten
from ...plots import SERIES, Axis, Bars, Curve, curves, density, overlay
from ...stream.protocol import Histogram, Snapshot

TEXT_SIZE = (96, 18)  # columns and rows of a picture in characters
MOST_CURVES = 8  # of more layers some are shown, evenly spaced
SMOOTH = 20  # steps that a curve of update:data is averaged over
_DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))
_DPI = 120


@dataclass(frozen=True)
class Line:
    """One layer's or matrix's density."""

    name: str
    note: str  # its figures
    histogram: Histogram


@dataclass(frozen=True)
class Densities:
    """Densities overlaid by layer, in one panel or two."""

    file: str
    title: str
    x: str
    panels: tuple[tuple[str, tuple[Line, ...]], ...]  # title and lines of each
    log: bool = False  # densities in log: where one is far narrower than another


@dataclass(frozen=True)
class Ratios:
    """log10 update:data of each matrix over the steps, (steps, matrices)."""

    file: str
    title: str
    names: tuple[str, ...]
    values: npt.NDArray[Any]
    steps: npt.NDArray[Any] | None = None  # of the rows; 1, 2, 3, … if None


@dataclass(frozen=True)
class Losses:
    """The training loss over the steps, (points,) each, with the range behind each point."""

    file: str
    title: str
    steps: npt.NDArray[Any]
    loss: npt.NDArray[Any]
    low: npt.NDArray[Any]
    high: npt.NDArray[Any]
    expected: float | None  # ln of the vocabulary's size, where there is one


Picture = Densities | Ratios | Losses


def outputs(file: str, title: str, snapshot: Snapshot | None) -> Densities:
    """The nonlinearities' outputs by layer."""
    lines = () if snapshot is None else tuple(
        Line(a.layer, f"mean {a.mean:+.2f}, std {a.std:.2f}, saturated {100 * a.saturated:.1f} %", a.histogram)
        for a in snapshot.activations
    )  # fmt: skip
    return Densities(file, title, "output", (("", lines),))


def output_grads(file: str, title: str, snapshot: Snapshot | None) -> Densities:
    """The loss's gradient at the nonlinearities' outputs by layer."""
    lines = () if snapshot is None else tuple(
        Line(a.layer, f"mean {a.grad_mean:+.1e}, std {a.grad_std:.1e}", a.grad_histogram) for a in snapshot.activations
    )  # fmt: skip
    return Densities(file, title, "gradient of the output", (("", lines),))


def weight_grads(file: str, title: str, snapshots: Sequence[tuple[str, Snapshot | None]]) -> Densities:
    """The gradients of the weight matrices, one panel a snapshot."""
    panels = []
    for when, snapshot in snapshots:
        lines = tuple(
            Line(f"{w.name} {'×'.join(map(str, w.shape))}", _note(w.grad_std, w.grad_data_ratio), w.grad_histogram)
            for w in (snapshot.weights if snapshot is not None else ())
        )
        panels.append((when, lines))
    return Densities(file, title, "gradient of the weight", tuple(panels), log=True)


def _note(std: float, ratio: float | None) -> str:
    return f"std {std:.1e}, grad:data " + ("–" if ratio is None else f"{ratio:.1e}")


@cache
def available() -> bool:
    """Whether matplotlib is there."""
    try:
        importlib.import_module("matplotlib.figure")
    except ImportError:
        return False
    return True


def draw(picture: Picture, folder: Path) -> str:
    """Draw a picture and give back the Markdown that shows it."""
    if not available():
        return f"**{picture.title}**\n\n```text\n{as_text(picture)}\n```"
    from matplotlib import rc_context

    with rc_context(_STYLE):
        figure = _FIGURES[type(picture)](picture)
        figure.savefig(folder / picture.file, dpi=_DPI, metadata={"Software": "tuiinit"})
    return f"![{picture.title}]({picture.file})"


# ---------------------------------------------------------------------------------------------- matplotlib

_STYLE: Any = {
    "font.size": 11, "axes.titlesize": 13, "axes.titleweight": "bold", "axes.titlelocation": "left",
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.25,
    "axes.axisbelow": True, "legend.frameon": False, "legend.fontsize": 9.5, "figure.facecolor": "white",
    "axes.edgecolor": "0.4", "lines.linewidth": 1.8, "savefig.bbox": None,
}  # fmt: skip


def _colours(count: int) -> list[Any]:
    """Colours from first to last layer: even in lightness and told apart by colour-blind eyes and on paper."""
    from matplotlib import colormaps

    return [colormaps["viridis"](0.88 * i / max(1, count - 1)) for i in range(count)]


def _densities(picture: Densities) -> Any:
    from matplotlib.figure import Figure

    count = len(picture.panels)
    figure = Figure(figsize=(9.5 if count == 1 else 13, 5.4), layout="constrained")
    axes = figure.subplots(1, count, squeeze=False, sharex=True, sharey=True)[0]
    for axis, (when, lines) in zip(axes, picture.panels, strict=True):
        shown = evenly(lines)
        for i, (line, colour) in enumerate(zip(shown, _colours(len(shown)), strict=True)):
            middles, heights = halved(line.histogram)
            heights = np.where(heights > 0, heights, np.nan) if picture.log else heights
            dashes = _DASHES[i % len(_DASHES)]
            axis.plot(middles, heights, color=colour, linestyle=dashes, label=f"{line.name}: {line.note}")
        axis.set_xlabel(picture.x)
        axis.tick_params(labelleft=True)
        if when:
            axis.set_title(when, fontsize=11, fontweight="normal")
        if not lines:
            axis.text(0.5, 0.5, NOTHING, transform=axis.transAxes, ha="center", va="center", color="0.4")
            continue
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=1 if count > 1 else 2)
    every = [line.histogram for _, lines in picture.panels for line in evenly(lines)]
    if every:
        axes[0].set_xlim(min(h.lo for h in every), max(h.hi for h in every))
        axes[0].ticklabel_format(axis="x", style="sci", scilimits=(-2, 3))
    axes[0].set_ylabel("density, log scale" if picture.log else "density")
    if picture.log:
        axes[0].set_yscale("log")
    else:
        axes[0].set_ylim(bottom=0)
    figure.suptitle(picture.title, fontweight="bold", fontsize=13, x=0.01, ha="left")
    return figure


def halved(histogram: Histogram) -> tuple[Any, Any]:
    """Middles and density with neighbouring bins joined, where that leaves enough: a minibatch is small."""
    edges, heights = density(histogram)
    if heights.size >= 64 and heights.size % 2 == 0:
        edges, heights = edges[::2], heights.reshape(-1, 2).mean(axis=1)
    return (edges[:-1] + edges[1:]) / 2, heights


NOTHING = "diverged: nothing was measured here"


def _ratios(picture: Ratios) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.5, 5.2), layout="constrained")
    axis = figure.subplots()
    shown = evenly(list(enumerate(picture.names)))
    for i, ((column, name), colour) in enumerate(zip(shown, _colours(len(shown)), strict=True)):
        every = np.arange(1, len(picture.values) + 1) if picture.steps is None else picture.steps
        axis.plot(every, picture.values[:, column], color=colour, alpha=0.15, linewidth=0.6)
        steps, values = smooth(picture, column)
        axis.plot(steps, values, color=colour, linestyle=_DASHES[i % len(_DASHES)], label=name, linewidth=1.6)
    axis.axhline(UPDATE_RIGHT, color="black", linewidth=1.2)
    axis.margins(x=0)
    axis.text(
        1.01,
        UPDATE_RIGHT,
        f"{power_of_ten(UPDATE_RIGHT)},\nabout right",
        transform=axis.get_yaxis_transform(),
        va="center",
        fontsize=9.5,
    )
    if not picture.values.size:
        axis.text(0.5, 0.5, NOTHING, transform=axis.transAxes, ha="center", va="center", color="0.4")
    axis.set_xlabel("step")
    axis.set_ylabel("log10 std(update) / std(data)")
    axis.set_title(picture.title)
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=4)
    return figure


def _losses(picture: Losses) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.5, 4.6), layout="constrained")
    axis = figure.subplots()
    colour = _colours(2)[0]
    axis.fill_between(picture.steps, picture.low, picture.high, color=colour, alpha=0.2, linewidth=0)
    axis.plot(picture.steps, picture.loss, color=colour, linewidth=1.4, label="training loss")
    if picture.expected is not None:
        axis.axhline(picture.expected, color="black", linewidth=1.2, label=f"even guess, {picture.expected:.3f}")
    axis.set_xlabel("step")
    axis.set_ylabel("loss, nats")
    axis.set_title(picture.title)
    axis.legend()
    return figure


_FIGURES: dict[type[Any], Any] = {Densities: _densities, Ratios: _ratios, Losses: _losses}


def evenly(items: Sequence[Any]) -> list[Any]:
    """At most MOST_CURVES of the items, evenly spaced, the first and the last among them."""
    if len(items) <= MOST_CURVES:
        return list(items)
    return [items[round(i * (len(items) - 1) / (MOST_CURVES - 1))] for i in range(MOST_CURVES)]


def smooth(picture: Ratios, column: int) -> tuple[Any, Any]:
    """One curve, steps and values, averaged over SMOOTH rows where there are many times more."""
    values = np.asarray(picture.values[:, column], np.float64)
    values = np.where(np.isfinite(values), values, np.nan)
    steps = np.arange(1, len(values) + 1) if picture.steps is None else picture.steps
    if len(values) >= 10 * SMOOTH:
        size = SMOOTH
        known = np.isfinite(values)
        total = np.convolve(np.where(known, values, 0), np.ones(size), mode="valid")
        number = np.convolve(known, np.ones(size), mode="valid")
        with np.errstate(invalid="ignore"):
            values = np.where(number > 0, total / number, np.nan)
        steps = steps[size - 1 :]
    return steps, values


# ---------------------------------------------------------------------------------------------- characters


def as_text(picture: Picture) -> str:
    """The picture in characters, with the legend's figures under it."""
    width, height = TEXT_SIZE
    match picture:
        case Densities():
            parts = []
            for when, lines in picture.panels:
                shown = evenly(lines)
                bars = [Bars(line.name, *density(line.histogram), SERIES[i]) for i, line in enumerate(shown)]
                parts += [when] if when else []
                parts.append(overlay(bars, width, height, empty=NOTHING).text)
                parts += [f"{line.name}: {line.note}" for line in shown]
            return "\n".join(parts)
        case Ratios():
            drawn = []
            for i, (column, name) in enumerate(evenly(list(enumerate(picture.names)))):
                steps, values = smooth(picture, column)
                drawn.append(Curve(name, steps, values, SERIES[i], mark=str(i + 1)))
            plot = curves(drawn, width, height, lines=[(UPDATE_RIGHT, power_of_ten(UPDATE_RIGHT))], empty=NOTHING)
            return "\n".join([plot.text, "  ".join(f"{curve.mark} {curve.name}" for curve in drawn)])
        case Losses():
            loss = Curve("loss", picture.steps, picture.loss, SERIES[0], picture.low, picture.high)
            guess = picture.expected
            guesses = [(guess, f"even guess {guess:.3f}")] if guess is not None else []
            x = Axis(0, math.ceil(max([1, *picture.steps.tolist()])))
            return curves([loss], width, height, x=x, lines=guesses, empty=NOTHING).text
