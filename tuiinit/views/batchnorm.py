"""What batch norm keeps of its batches, what its scale and shift learn, and how examples lean on each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..host.visible import symbol
from ..insight import folding
from ..insight.blocks import Parts
from ..insight.look import Look
from ..insight.thresholds import BIAS_CANCELLED
from ..plots import SERIES, Axis, Bars, Curve, Plot, Role, Row, curves, histograms, nice_limits
from ..plots.cells import clean_text
from ..plots.ink import Cell, Column, Ink, Piece, Table, number, percent, row, small
from ..session.actions import key_of
from ..session.changed import Changed
from ..session.pointer import Pointer
from ..stream.protocol import Inspection, floats
from .base import NOTHING_YET, View, pointed
from .by_line import built_here, by_line, figure, middle, said
from .histograms import NO_ROW
from .layout import abreast, sentence, shares, stacked
from .norms import Floats, Norm, Norms

LOOKS = key_of("inspect")
OFF = (
    f"Batch norm is off: {key_of('batch-norm')} turns it on. The outputs of every linear layer are then normalised "
    "over the minibatch."
)
NONE = "This network has no batch norm."
BINS = 24
LEAST_REACH = 0.05  # of the histograms of gamma and beta around where they started
BOTH = 25  # rows in which statistics and jitter fit under each other
PANEL = 18  # columns of a panel


class BatchNormView(View):
    """Statistics, gamma and beta, jitter, dev losses."""

    id = "batch-norm"
    title = "Batch norm"
    compares = False
    redraws_on = Changed.CLOSER
    inspects = True
    least_rows = 11
    table_part = 4
    help = (
        "Training normalises with the mean and variance of each minibatch; for a single example later there is no "
        "batch, so running averages are kept on the side, which remember about 1/momentum steps. A second pass over "
        "the training set gives the exact ones (calibrated).\n\n"
        "The first two panels compare them, one dot a unit of the layer pointed at (J, K): on the line means equal. "
        "A cross is the running mean or std, a small dot that of this minibatch, which scatters: 32 examples tell it "
        "only roughly. Running dots off the line are stale: the network changes faster than they follow, or training "
        "has only begun (they start at mean 0, std 1).\n\n"
        "γ and β, the learned scale and shift, start at 1 (output: its scale) and 0, marked │: with them the layer "
        "does not stay a unit Gaussian.\n\n"
        "Jitter (v, or below if there is room): the logits of one and the same dev example, 100 times in the company "
        "of other training examples, as differences from eval mode, where the company does not matter. Each bar "
        "spans what they were, the cross is their mean. This noise is why batch norm also regularises.\n\n"
        "Dev losses: with running statistics (eval mode), with calibrated ones, and with each batch's own, which is "
        "what a forgotten model.eval() gives. A bias before batch norm is taken away again with the mean: its "
        "gradient is 0 but for rounding (bias before BN in the config pane).\n\n"
        "Folded: with fixed statistics batch norm multiplies and adds, so it can be worked into the linear layer "
        "before it, which then does both: without batch norm the network gives the same logits for any example, but "
        "for rounding. That is how networks with batch norm are put to use.\n\n"
        "Table: mean: by how much the running and the batch mean differ from the calibrated one, mean of abs over "
        "units; std: the ratio to the calibrated one. Calibrated numbers and jitter come from a closer look, which "
        "takes about a second: made by itself when the network stands still, or with i."
    )

    def parts(self, look: Look) -> Parts:
        """The norms; where there are none, the rows."""
        now = look.snapshot
        if now is None or not now.batch_norms:
            return look.row_parts if built_here(look) else ()
        names = [bn.layer for bn in now.batch_norms]
        return tuple((i, (name, "batch norm")) for i, name in enumerate(names))

    def out_of_place(self, look: Look) -> str:
        now = look.snapshot
        return NONE if now is not None and not now.batch_norms and not built_here(look) else ""

    def plot(self, look: Look, other: Look | None, pointer: Pointer, width: int, height: int) -> Plot:
        if look.snapshot is None:
            return sentence(NOTHING_YET, width, height)
        norms = Norms.of(look)
        if norms is None:
            return sentence(OFF if built_here(look) else NONE, width, height)
        lines = self.lines(look, pointer)
        if not lines.parts:
            return sentence(NO_ROW, width, height)
        scale = look.settings.output_scale if look.settings is not None else 1.0
        norm = norms.one(pointed(lines, pointer), scale)
        if pointer.overlaid:
            return jitter(look, width, height)
        if height < BOTH:
            return statistics(norm, width, height)
        upper = height - height // 2
        return stacked([statistics(norm, width, upper), jitter(look, width, height - upper)])

    def caption(self, look: Look, other: Look | None, pointer: Pointer, width: int) -> Sequence[Row]:
        norms, lines = Norms.of(look), self.lines(look, pointer)
        if norms is None or not lines.parts:
            return ()
        at = pointed(lines, pointer)
        legend: list[Piece] = [
            (f"▸ norm {middle(norms.names[at], width // 3)}: ", Ink.STRONG),
            ("+ running", SERIES[0]),
            ("  · this minibatch" if norms.calibrated else "", SERIES[4]),
            (f"  ━ as {'calibrated' if norms.calibrated else 'this minibatch'}", Role.MARK),
            ("   v: jitter", Ink.KEY),
        ]
        if pointer.overlaid:
            legend = [("  ┃ in 100 batches", SERIES[1]), ("  + their mean", SERIES[0]), ("   v: statistics", Ink.KEY)]
        rows = [row(width, *legend)]
        ratio = norms.bias_ratio[at]
        closer = look.inspection
        folded = closer.folded if closer is not None else None
        about = (
            *((self._inspected(look), self._dev(look)) if look.config is not None else ()),  # else it trains elsewhere
            (folding.sentence(folded), folding.short(folded)) if folded is not None else (),
            _cancelled(ratio) if ratio is not None else (),
        )
        for texts in about:
            rows += [row(width, f"  {text}") for text in _fitting(texts, width - 3)]
        return rows

    @staticmethod
    def _inspected(look: Look) -> tuple[str, ...]:
        closer, now = look.inspection, look.snapshot
        if closer is None:
            asked = f"{LOOKS} looks closer: calibrated statistics and jitter."
            return ("Looking closer …" if look.inspecting else asked,)
        spread, span = jitter_spread(closer)
        again = (
            ", looking again …" if look.inspecting else f", {LOOKS}: again" if now and now.step != closer.step else ""
        )
        step = f"(step {closer.step:,}{again})"
        part = f", {percent(spread / span)} of their spread" if span > 0 else ""
        return (
            f"Jitter: in {closer.jitter_batches} batches one example's logits vary with std {number(spread)}{part}"
            f" {step}",
            f"Jitter of one example's logits: std {number(spread)}{part} {step}",
        )

    @staticmethod
    def _dev(look: Look) -> tuple[str, ...]:
        evaluation = look.evaluation
        if evaluation is None or evaluation.dev_batch is None:
            return ("i measures the dev loss with running, calibrated and batch statistics.",)
        running, exact, batch = number(evaluation.dev), number(evaluation.dev_calibrated), number(evaluation.dev_batch)
        return (
            f"Dev loss {running} with running statistics (eval mode), {exact} with calibrated ones, {batch} with each "
            f"batch's own (model.eval() forgotten) (step {evaluation.step:,})",
            f"Dev loss: running {running}, calibrated {exact}, batch's own {batch} (step {evaluation.step:,})",
        )

    def table(self, look: Look, other: Look | None, pointer: Pointer, width: int) -> Table:
        norms = Norms.of(look)
        if norms is None:
            return Table((), ())
        apart = {name: norms.apart(f"{name}_mean") for name in ("running", "batch")}
        times = {name: norms.times(f"{name}_std") for name in ("running", "batch")}
        gamma, beta = _about(norms, "gamma"), _about(norms, "beta")

        def of(values: dict[str, Floats], name: str) -> Callable[[int], float | None]:
            known = name == "running" or norms.calibrated
            return lambda i: float(values[name][i]) if known else None

        figures = (
            figure("mean: run", 9, of(apart, "running"), number, Ink.STRONG),
            figure("batch", 7, of(apart, "batch"), number, Ink.DIM),
            figure("std: run", 8, of(times, "running"), number, Ink.STRONG),
            figure("batch", 6, of(times, "batch"), number, Ink.DIM),
            said("γ ± std", 9, lambda i: gamma[i][0]),
            said("min … max", 11, lambda i: (gamma[i][1], Ink.DIM)),
            said("β ± std", 10, lambda i: beta[i][0]),
            said("min … max", 11, lambda i: (beta[i][1], Ink.DIM)),
            *(
                (figure("bias÷weight grad", 16, lambda i: norms.bias_ratio[i], small),)
                if any(ratio is not None for ratio in norms.bias_ratio)
                else ()
            ),
        )
        lines = self.lines(look, pointer)
        at = pointed(lines, pointer) if lines.parts else -1

        def mark(i: int) -> Cell:
            return "▸" if i == at else "", Ink.KEY

        return by_line(
            look, lines, pointer, width, Column("norm", 6, "<"), figures, mark=mark, gap=1, titles=norms.names
        )


def _about(norms: Norms, name: str) -> list[tuple[str, str]]:
    """Mean ± std, and minimum … maximum, of each norm's gamma or beta."""
    values = norms.arrays[name]
    mean, std = norms.mean(values), norms.std(name)
    low, high = np.minimum.reduceat(values, norms.starts), np.maximum.reduceat(values, norms.starts)
    return [(f"{_two(m)}±{s:.2f}", f"{_two(lo)}…{_two(hi)}") for m, s, lo, hi in zip(mean, std, low, high, strict=True)]


def _two(value: float) -> str:
    """Two decimals, without a minus before zero."""
    return f"{round(float(value), 2) + 0.0:.2f}"


def _fitting(texts: Sequence[str], width: int) -> list[str]:
    """The first text that fits into one row; else the last one."""
    return [next((text for text in texts if len(text) <= width), texts[-1])] if texts else []


def _cancelled(ratio: float) -> tuple[str, ...]:
    verdict = "batch norm takes it away again" if ratio < BIAS_CANCELLED else "not cancelled"
    return (f"Bias before it: gradient std {small(ratio)} of the weights': {verdict}",)


def statistics(norm: Norm, width: int, height: int) -> Plot:
    """Mean and std, running and batch against the reference, and what gamma and beta have become."""
    panels = min(4, max(1, width // PANEL))
    parts = shares(width, panels)
    drawn = [
        scatter("mean", norm.reference_mean, norm.running_mean, norm.batch_mean, norm.calibrated, parts[0], height)
    ]
    if panels > 1:
        drawn.append(
            scatter("std", norm.reference_std, norm.running_std, norm.batch_std, norm.calibrated, parts[1], height)
        )
    for (title, values, start), part in zip(
        (("γ", norm.gamma, norm.gamma_start), ("β", norm.beta, 0.0)), parts[2:], strict=False
    ):
        drawn.append(learned(title, values, start, part, height))
    return abreast(drawn)


def scatter(
    title: str, reference: Floats, running: Floats, batch: Floats, calibrated: bool, width: int, height: int
) -> Plot:
    """Running and batch statistics over the reference: one dot a unit, on the diagonal where they are equal."""
    known = np.concatenate([reference, running, batch])
    known = known[np.isfinite(known)]
    low, high = nice_limits(float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    drawn = [Curve("equal", [low, high], [low, high], Role.MARK)]
    if calibrated:
        drawn.append(Curve("batch", reference, batch, SERIES[4], points="dots"))
    drawn.append(Curve("running", reference, running, SERIES[0], points="crosses"))
    return curves(drawn, width, height, x=Axis(low, high), y=Axis(low, high, label=title))


def learned(title: str, values: Floats, start: float, width: int, height: int) -> Plot:
    """A histogram of gamma or beta around where it started, which is marked."""
    finite = values[np.isfinite(values)]
    furthest = float(np.abs(finite - start).max()) if finite.size else 0.0
    reach = nice_limits(0, max(furthest, LEAST_REACH))[1]
    counts, edges = np.histogram(finite, BINS, (start - reach, start + reach))
    bars = Bars(f"{title} from {start:g}", edges, counts, SERIES[2])
    return histograms([bars], width, height, x=(start - reach, start + reach), cursor=start)


def jitter_spread(closer: Inspection) -> tuple[float, float]:
    """Std of the logits over batches, averaged over characters, and their std over characters in eval mode."""
    logits = floats(closer.jitter_logits).reshape(closer.jitter_batches, -1)
    return float(logits.std(axis=0).mean()), float(floats(closer.eval_logits).std())


def _tick(letter: str) -> str:
    """A character as a label of cells: by its code where it takes two or cannot be seen."""
    label = symbol(letter)
    return label if clean_text(label) == label else f"U+{ord(letter):04X}"


def jitter(look: Look, width: int, height: int) -> Plot:
    """What random batches make of each character's logit, as the difference from eval mode."""
    closer = look.inspection
    if closer is None or not closer.jitter_batches or not closer.eval_logits:
        waiting = "looking closer …" if look.inspecting else "i looks closer: one example in 100 random batches"
        return sentence(waiting, width, height)
    logits = floats(closer.jitter_logits).reshape(closer.jitter_batches, -1).astype(np.float64)
    away = logits - floats(closer.eval_logits)
    at = np.arange(away.shape[1], dtype=np.float64)
    low, high = away.min(axis=0), away.max(axis=0)
    bars = np.stack([low, high, np.full(at.size, np.nan)], axis=1).ravel()
    letters = look.data.vocabulary if look.data else ""
    ticks = tuple((float(i), _tick(letter)) for i, letter in enumerate(letters[: at.size]))
    finite = away[np.isfinite(away)]
    reach = float(np.abs(finite).max()) if finite.size else 1.0
    title = f"logits of one example in {closer.jitter_batches} batches − eval mode, step {closer.step:,}"
    return curves(
        [
            Curve("in batches", at.repeat(3), bars, SERIES[1]),
            Curve("mean", at, away.mean(axis=0), SERIES[0], points="crosses"),
        ],
        width,
        height,
        x=Axis(-0.5, at.size - 0.5, ticks or None),
        y=Axis(*nice_limits(-reach, reach), label=title),
        lines=((0.0, "eval mode"),),
    )
