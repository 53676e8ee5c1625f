"""The nonlinearities' outputs by layer, and the loss's gradients there."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..config.nonlinearities import SATURATED_AT, range_of
from ..insight.expected import Figure
from ..insight.look import Look, snapshot_of
from ..plots import Line, Role
from ..plots.ink import Cell, Column, Ink, Table, number, percent, signed, small, table
from ..session.pointer import Pointer
from ..stream.protocol import Activation, Histogram, Snapshot
from .base import bounds_of, redraws
from .histograms import HistogramView, Quantity, plain
from .spreads import spread, wide_enough


def _pairs(look: Look, other: Look | None) -> list[tuple[Activation, Activation | None]]:
    """Each layer now, and the layer at the same place in the lane before."""
    now, before = look.snapshot, snapshot_of(other)
    if now is None:
        return []
    old = before.activations if before else ()
    return [(a, old[i] if i < len(old) else None) for i, a in enumerate(now.activations)]


def _layers(look: Look) -> Sequence[Activation]:
    return look.snapshot.activations if look.snapshot is not None else ()


def _growth(look: Look) -> list[float | None]:
    """Theory's std of the gradient at each layer relative to the last."""
    return _theory(look.expected.grad_ratio, len(_layers(look)))


def _theory(figures: Sequence[Figure], layers: int) -> list[float | None]:
    """Theory's number for each layer, None where there is none."""
    theory = [figure.theory for figure in figures[:layers]]
    return [*theory, *[None] * (layers - len(theory))]


def _theory_lines(layers: Sequence[tuple[float | None, float | None]]) -> Sequence[Line]:
    """Theory's mean ± std of each layer, where it is known."""
    known = [(math.nan if mean is None else mean, math.nan if std is None else std) for mean, std in layers]
    if all(math.isnan(std) for _, std in known):
        return ()
    return (Line("theory ± std", [m - s for m, s in known], [m + s for m, s in known], Role.MARK, "┇"),)


def _share(share: float) -> str:
    return f"{100 * share:.1f}"


def _ratio(value: float) -> str:
    return number(value, 2)


class Activations(HistogramView):
    """Histograms of the nonlinearities' outputs, layer by layer."""

    id = "activations"
    title = "Activations"
    help = (
        "Histograms of each nonlinearity's outputs on the last minibatch, one band per layer, the first on top, each "
        "with a height of its own. From ten layers on each layer is a row of shades; v changes the form. In a healthy "
        "tanh network every layer has about the same shape: outputs neither pile up at 0 (the gain is too small, the "
        "signal shrinks layer by layer) nor at -1 and 1 (it is too large, the units saturate).\n\n"
        "std: the spread of the outputs. theory: infinitely wide layers at their start, with batch norm on this very "
        "minibatch. redraws: this network with other random weights at its start, 5 to 95 % of them, so one figure in "
        "ten lies outside by chance. Once trained, the network may leave both. saturated: the share of outputs so near "
        f"a bound (tanh: beyond ±{SATURATED_AT}), that the "
        "local gradient 1 − t² is nearly 0. dead: units saturated on every row of the probe batch; they learn "
        "nothing. before: the same std in the network that was shown before the last change, which is grey "
        "behind the bands, ▴ where it is higher than they are."
    )

    def panels(self, look: Look, other: Look | None) -> Sequence[tuple[str, Histogram, Histogram | None, str]]:
        return [
            (
                a.layer,
                a.histogram,
                b.histogram if b else None,
                f"{percent(a.saturated)} sat." if range_of(a.kind).saturates else "",
            )
            for a, b in _pairs(look, other)
        ]

    def quantities(self, look: Look, other: Look | None) -> Sequence[Quantity]:
        pairs, theory = _pairs(look, other), look.expected.prediction
        predicted = [theory.layer(a.layer) if theory else None for a, _ in pairs]
        expected = look.expected
        std, share = [spread(f) for f in expected.std], [f.span(_share, "") for f in expected.saturated]
        found = [
            Quantity(
                "std",
                wide_enough(5, std),
                plain([number(a.std) for a, _ in pairs]),
                [number(t) if t is not None else "" for t in _theory(expected.std, len(pairs))],
                [number(b.std) if b else "" for _, b in pairs],
                std[: len(pairs)],
            ),
            Quantity(
                "saturated",
                9,
                plain([percent(a.saturated) for a, _ in pairs]),
                [percent(t) if t is not None else "" for t in _theory(expected.saturated, len(pairs))],
                [percent(b.saturated) if b else "" for _, b in pairs],
                share[: len(pairs)],
            ),
        ]
        if any(a.dead for a, _ in pairs):
            dead = [(str(len(a.dead)), Role.EVENT if a.dead else Role.FIGURE) for a, _ in pairs]
            found.append(Quantity("dead", 4, dead))
        mean = Quantity(
            "mean",
            6,
            plain([signed(a.mean) for a, _ in pairs]),
            [signed(t.mean) if t else "" for t in predicted],
            [signed(b.mean) if b else "" for _, b in pairs],
        )
        return [*found, mean]

    def lines(self, look: Look) -> Sequence[Line]:
        theory = look.expected.prediction
        predicted = [theory.layer(a.layer) if theory else None for a in _layers(look)]
        stds = _theory(look.expected.std, len(predicted))
        return _theory_lines([(t.mean if t else None, std) for t, std in zip(predicted, stds, strict=True)])

    def spanned(self, snapshot: Snapshot) -> Sequence[Histogram]:
        return [a.histogram for a in snapshot.activations]

    def range(self, look: Look, other: Look | None, pointer: Pointer) -> tuple[float, float] | None:
        return bounds_of(a.kind for a in _layers(look)) or super().range(look, other, pointer)

    def table(self, look: Look, other: Look | None, pointer: Pointer, width: int) -> Table:
        columns = (
            Column("layer", 10, "<"),
            Column("std", 7),
            Column("theory", 7),
            Column("redraws", 11),
            Column("saturated", 9),
            Column("theory", 7),
            Column("redraws", 9),
            Column("dead", 4),
            Column("mean", 7),
            Column("std before", 10, spare=True),
            Column("sat. before", 11, spare=True),
        )
        expected = look.expected
        rows: list[list[Cell]] = []
        for (a, b), std, saturated in zip(_pairs(look, other), expected.std, expected.saturated, strict=False):
            rows.append(
                [
                    a.layer,
                    (number(a.std), Ink.STRONG),
                    (number(std.theory), Ink.THEORY),
                    redraws(std, number),
                    (percent(a.saturated), Ink.STRONG),
                    (percent(saturated.theory), Ink.THEORY),
                    redraws(saturated, _share),
                    (f"{len(a.dead)}", Ink.WARN if a.dead else Ink.DIM),
                    signed(a.mean),
                    (number(b.std) if b else "", Ink.DIM),
                    (percent(b.saturated) if b else "", Ink.DIM),
                ]
            )
        return table(columns, rows, width)


class ActivationGradients(HistogramView):
    """Histograms of the gradients at those outputs."""

    id = "activation-gradients"
    title = "Act. gradients"
    help = (
        "Histograms of the loss's gradient at each nonlinearity's outputs. Their spread should be about the same "
        "in every layer: if it shrinks or grows on the way back from the last layer to the first, the first "
        "layers learn at another speed than the last.\n\n"
        "grad std: the spread. theory: the spread that theory predicts from that of the last layer: it grows by √χ "
        "with each layer going back, with batch norm by what this very minibatch makes of it. to last: grad std "
        "relative to the last layer's. redraws: the same of this network with other random weights at its start, 5 to "
        "95 % of them."
    )

    def panels(self, look: Look, other: Look | None) -> Sequence[tuple[str, Histogram, Histogram | None, str]]:
        return [
            (a.layer, a.grad_histogram, b.grad_histogram if b else None, f"std {small(a.grad_std)}")
            for a, b in _pairs(look, other)
        ]

    def quantities(self, look: Look, other: Look | None) -> Sequence[Quantity]:
        pairs, growth = _pairs(look, other), _growth(look)
        last = pairs[-1][0].grad_std if pairs else 0.0
        ratios = [spread(f) for f in look.expected.grad_ratio]
        return [
            Quantity(
                "grad std",
                8,
                plain([small(a.grad_std) for a, _ in pairs]),
                [small(g * last) if g is not None else "" for g in growth],
                [small(b.grad_std) if b else "" for _, b in pairs],
            ),
            Quantity(
                "to last",
                wide_enough(7, ratios),
                plain([number(a.grad_std / last, 2) if last else "–" for a, _ in pairs]),
                [number(g, 2) if g is not None else "" for g in growth],
                redraws=ratios[: len(pairs)],
            ),
        ]

    def lines(self, look: Look) -> Sequence[Line]:
        layers = _layers(look)
        last = layers[-1].grad_std if layers else 0.0
        return _theory_lines([(0.0, g * last if g is not None else None) for g in _growth(look)])

    def spanned(self, snapshot: Snapshot) -> Sequence[Histogram]:
        return [a.grad_histogram for a in snapshot.activations]

    def table(self, look: Look, other: Look | None, pointer: Pointer, width: int) -> Table:
        columns = (
            Column("layer", 10, "<"),
            Column("grad mean", 9),
            Column("grad std", 8),
            Column("theory", 8),
            Column("to last", 7),
            Column("theory", 7),
            Column("redraws", 11),
            Column("before", 8, spare=True),
        )
        expected = look.expected
        pairs = _pairs(look, other)
        last = pairs[-1][0].grad_std if pairs else 0.0
        rows: list[list[Cell]] = []
        for (a, b), ratio in zip(pairs, expected.grad_ratio, strict=False):
            growth = ratio.theory
            rows.append(
                [
                    a.layer,
                    small(a.grad_mean),
                    (small(a.grad_std), Ink.STRONG),
                    (small(growth * last) if growth is not None else "–", Ink.THEORY),
                    number(a.grad_std / last, 2) if last else "–",
                    (number(growth, 2), Ink.THEORY),
                    redraws(ratio, _ratio),
                    (small(b.grad_std) if b else "", Ink.DIM),
                ]
            )
        return table(columns, rows, width)
