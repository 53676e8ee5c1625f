"""The nonlinearities' outputs by layer, and the loss's gradients there."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..config.nonlinearities import SATURATED_AT, range_of
from ..insight.expected import NOTHING, Figure
from ..insight.look import Look
from ..plots import Line, Role
from ..plots.ink import Column, Ink, Table, number, percent, signed, small
from ..session.pointer import Pointer
from ..stream.protocol import Activation, Histogram, Snapshot
from .base import bounds_of, redraws
from .by_line import built_here, by_line, dead_units, figure, of_before, rows_before, said
from .histograms import HistogramView, Part, Quantity, plain
from .spreads import spread, wide_enough


def _pairs(
    look: Look, other: Look | None, at: Sequence[int] | None = None
) -> list[tuple[Activation, Activation | None]]:
    """Each layer now, and the same of the lane before; all, or those at some places."""
    now = look.snapshot
    if now is None:
        return []
    old = rows_before(look, other)
    places = range(len(now.activations)) if at is None else at
    return [(now.activations[i], old[i]) for i in places]


def _layers(look: Look) -> Sequence[Activation]:
    return look.snapshot.activations if look.snapshot is not None else ()


def _at(figures: Sequence[Figure], places: Sequence[int]) -> Sequence[Figure]:
    """Those at some places; where none is, nothing is known."""
    return [figures[i] if i < len(figures) else NOTHING for i in places]


def _theory_lines(layers: Sequence[tuple[float | None, float | None]]) -> Sequence[Line]:
    """Theory's mean ± std of each layer, where it is known."""
    known = [(math.nan if mean is None else mean, math.nan if std is None else std) for mean, std in layers]
    if all(math.isnan(std) for _, std in known):
        return ()
    return (Line("theory ± std", [m - s for m, s in known], [m + s for m, s in known], Role.MARK, "┇"),)


def _share(share: float) -> str:
    return f"{100 * share:.1f}"


def _ratio(value: float | None) -> str:
    return number(value, 2)


def _times(factor: float | None, value: float) -> float | None:
    return factor * value if factor is not None else None


def _old(row: Activation | None, name: str) -> float | None:
    """A figure of the lane before, if that has such a row."""
    return getattr(row, name) if row is not None else None


class Activations(HistogramView):
    """Histograms of the nonlinearities' outputs, layer by layer."""

    id = "activations"
    title = "Activations"
    help = (
        "Histograms of each nonlinearity's outputs on the last minibatch, one band per layer, the first on top, each "
        "with a height of its own. √density in the title: a bar is as high as the root of the share of outputs "
        "there, so that what is rare is seen, too; y makes heights logarithmic or linear. "
        "From ten layers on each layer is a row of shades; v changes the form. In a healthy "
        "tanh network every layer has about the same shape: outputs neither pile up at 0 (the gain is too small, the "
        "signal shrinks layer by layer) nor at -1 and 1 (it is too large, the units saturate).\n\n"
        "std: the spread of the outputs. theory: infinitely wide layers at their start, with batch norm on this very "
        "minibatch. redraws: this network with other random weights at its start, 5 to 95 % of them, so one figure in "
        "ten lies outside by chance. Once trained, the network may leave both. saturated: the share of outputs so near "
        f"a bound (tanh: beyond ±{SATURATED_AT}), that the "
        "local gradient 1 − t² is nearly 0. dead: units saturated on every row of the probe batch; they learn "
        "nothing. before: the same std in the network that was shown before the last change, which is grey "
        "behind the bands, ▴ where it is higher than they are.\n\n"
        "Of a network of many rows blocks that are alike are one line, h.0 … h.11 (12 alike), with the smallest and "
        "the largest of their figures; enter opens it into the rows of a block, and these into the blocks. / shows "
        "only rows with some words in their name or kind. J and K walk what is shown; the picture of a row that many "
        "blocks have is of all of them, and where rows are more than lines, neighbours share one."
    )

    def panels(self, look: Look, other: Look | None, at: Sequence[int]) -> Sequence[Part]:
        return [
            Part(
                a.layer,
                a.histogram,
                b.histogram if b else None,
                f"{percent(a.saturated)} sat." if range_of(a.kind).saturates else "",
            )
            for a, b in _pairs(look, other, at)
        ]

    def quantities(self, look: Look, other: Look | None, at: Sequence[int]) -> Sequence[Quantity]:
        pairs, theory = _pairs(look, other, at), look.expected.prediction
        predicted = [theory.layer(a.layer) if theory else None for a, _ in pairs]
        stds, shares = _at(look.expected.std, at), _at(look.expected.saturated, at)
        std, share = [spread(f) for f in stds], [f.span(_share, "") for f in shares]
        now, before = [number(a.std) for a, _ in pairs], [number(b.std) if b else "" for _, b in pairs]
        said_by_theory = [number(f.theory) if f.theory is not None else "" for f in stds]
        found = [
            Quantity(
                "std", wide_enough(5, [*now, *said_by_theory, *before, *std]), plain(now), said_by_theory, before, std
            ),
            Quantity(
                "saturated",
                9,
                plain([percent(a.saturated) for a, _ in pairs]),
                [percent(f.theory) if f.theory is not None else "" for f in shares],
                [percent(b.saturated) if b else "" for _, b in pairs],
                share,
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

    def theory(self, look: Look, at: Sequence[int]) -> Sequence[Line]:
        theory, rows = look.expected.prediction, _layers(look)
        predicted = [theory.layer(rows[i].layer) if theory else None for i in at]
        stds = _at(look.expected.std, at)
        return _theory_lines([(t.mean if t else None, std.theory) for t, std in zip(predicted, stds, strict=True)])

    def spanned(self, snapshot: Snapshot, at: Sequence[int]) -> Sequence[Histogram]:
        return [snapshot.activations[i].histogram for i in at if i < len(snapshot.activations)]

    def range(
        self, look: Look, other: Look | None, pointer: Pointer, at: Sequence[int], key: str
    ) -> tuple[float, float] | None:
        rows = _layers(look)
        return bounds_of(rows[i].kind for i in at) or super().range(look, other, pointer, at, key)

    def table(self, look: Look, other: Look | None, pointer: Pointer, width: int) -> Table:
        pairs, expected = _pairs(look, other), look.expected
        now = [a for a, _ in pairs]
        std, share = (_at(figures, range(len(pairs))) for figures in (expected.std, expected.saturated))
        probed = look.snapshot is not None and bool(look.snapshot.probe_rows or built_here(look))
        figures = (
            figure("std", 7, lambda i: now[i].std, number, Ink.STRONG),
            figure("theory", 7, lambda i: std[i].theory, number, Ink.THEORY),
            said("redraws", 11, lambda i: redraws(std[i], number)),
            figure("saturated", 9, lambda i: now[i].saturated, percent, Ink.STRONG),
            figure("theory", 7, lambda i: share[i].theory, percent, Ink.THEORY),
            said("redraws", 9, lambda i: redraws(share[i], _share)),
            *((dead_units(now),) if probed else ()),
            figure("mean", 7, lambda i: now[i].mean, signed),
            of_before("std before", 10, lambda i: _old(pairs[i][1], "std"), number),
            of_before("sat. before", 11, lambda i: _old(pairs[i][1], "saturated"), percent),
        )
        return by_line(look, self.lines(look, pointer), pointer, width, Column("layer", 10, "<"), figures)


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

    def panels(self, look: Look, other: Look | None, at: Sequence[int]) -> Sequence[Part]:
        return [
            Part(a.layer, a.grad_histogram, b.grad_histogram if b else None, f"std {small(a.grad_std)}")
            for a, b in _pairs(look, other, at)
        ]

    def quantities(self, look: Look, other: Look | None, at: Sequence[int]) -> Sequence[Quantity]:
        pairs, expected = _pairs(look, other, at), _at(look.expected.grad_ratio, at)
        growth = [figure.theory for figure in expected]
        layers = _layers(look)
        last = layers[-1].grad_std if layers else 0.0
        ratios = [spread(f) for f in expected]
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
                redraws=ratios,
            ),
        ]

    def theory(self, look: Look, at: Sequence[int]) -> Sequence[Line]:
        layers = _layers(look)
        last = layers[-1].grad_std if layers else 0.0
        return _theory_lines([(0.0, _times(f.theory, last)) for f in _at(look.expected.grad_ratio, at)])

    def spanned(self, snapshot: Snapshot, at: Sequence[int]) -> Sequence[Histogram]:
        return [snapshot.activations[i].grad_histogram for i in at if i < len(snapshot.activations)]

    def table(self, look: Look, other: Look | None, pointer: Pointer, width: int) -> Table:
        pairs = _pairs(look, other)
        now, growth = [a for a, _ in pairs], _at(look.expected.grad_ratio, range(len(pairs)))
        last = now[-1].grad_std if now else 0.0
        figures = (
            figure("grad mean", 9, lambda i: now[i].grad_mean, small),
            figure("grad std", 8, lambda i: now[i].grad_std, small, Ink.STRONG),
            figure("theory", 8, lambda i: _times(growth[i].theory, last), small, Ink.THEORY),
            figure("to last", 7, lambda i: now[i].grad_std / last if last else None, _ratio),
            figure("theory", 7, lambda i: growth[i].theory, _ratio, Ink.THEORY),
            said("redraws", 11, lambda i: redraws(growth[i], _ratio)),
            of_before("before", 8, lambda i: _old(pairs[i][1], "grad_std"), small),
        )
        return by_line(look, self.lines(look, pointer), pointer, width, Column("layer", 10, "<"), figures)
