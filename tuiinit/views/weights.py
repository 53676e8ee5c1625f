"""The weight matrices, their gradients, and how large each update is beside the weights."""

from __future__ import annotations

from collections.abc import Sequence

from ..insight.blocks import Parts
from ..insight.counterparts import names_in
from ..insight.expected import NOTHING
from ..insight.look import Look, snapshot_of
from ..insight.thresholds import (
    GRADIENT_OUT_OF_LINE,
    beside_others,
)
from ..plots import Role
from ..plots.ink import Cell, Column, Ink, Table, number, signed, small
from ..session.pointer import Pointer
from ..stream.protocol import Histogram, Snapshot, Weight
from .base import redraws
from .by_line import Field, by_line, figure, of_before, said
from .histograms import HistogramView, Part, Quantity, plain
from .parameters import NAME, matrices_and_vectors, of_weights, parameter_pairs, shape_field
from .spreads import spread, wide_enough

NO_MATRIX = "This network has no weight matrix."


def weight_pairs(look: Look, other: Look | None, at: Sequence[int] | None = None) -> list[tuple[Weight, Weight | None]]:
    """Each matrix with the same of the other lane; all, or those at some places."""
    now, before = look.snapshot, snapshot_of(other)
    if now is None:
        return []
    old = {w.name: w for w in before.weights} if before else {}
    named = names_in(before, now) if before else {}
    places = range(len(now.weights)) if at is None else at
    return [(now.weights[i], old.get(named.get(now.weights[i].name, ""))) for i in places]


class OfMatrices(HistogramView):
    """A view whose rows are the matrices."""

    def parts(self, look: Look) -> Parts:
        return look.matrix_parts

    def out_of_place(self, look: Look) -> str:
        now = look.snapshot
        return NO_MATRIX if now is not None and not now.weights else ""

    def nothing(self, look: Look) -> str:
        return self.out_of_place(look) or super().nothing(look)


class Weights(OfMatrices):
    """Histograms of the weight matrices."""

    id = "weights"
    title = "Weights"
    scale = "log"
    help = (
        "Histograms of every weight matrix after the last step. At the start each is normal with std "
        "gain / √fan_in (without batch norm the output's with output scale / √fan_in); training slowly changes the "
        "shape.\n\n"
        "mean, std: of the numbers in the matrix. before: the std in the network shown before the last change. Biases, "
        "and the gammas and betas of batch norm, come last in the table."
    )

    def panels(self, look: Look, other: Look | None, at: Sequence[int]) -> Sequence[Part]:
        return [
            Part(w.name, w.histogram, b.histogram if b else None, f"std {number(w.std)}")
            for w, b in weight_pairs(look, other, at)
        ]

    def quantities(self, look: Look, other: Look | None, at: Sequence[int]) -> Sequence[Quantity]:
        pairs = weight_pairs(look, other, at)
        return [
            Quantity(
                "std",
                7,
                plain([number(w.std, 4) for w, _ in pairs]),
                before=[number(b.std, 4) if b else "" for _, b in pairs],
            ),
            Quantity(
                "mean",
                8,
                plain([signed(w.mean, 4) for w, _ in pairs]),
                before=[signed(b.mean, 4) if b else "" for _, b in pairs],
            ),
        ]

    def spanned(self, snapshot: Snapshot, at: Sequence[int]) -> Sequence[Histogram]:
        # The embedding is much wider than the other matrices and would squeeze them to a spike.
        rows = [snapshot.weights[i] for i in at if i < len(snapshot.weights)]
        return [w.histogram for w in rows if w.name != "embedding"]

    def table(self, look: Look, other: Look | None, pointer: Pointer, width: int) -> Table:
        pairs = parameter_pairs(look, other)
        now, earlier = [p for p, _ in pairs], [p for _, p in pairs]

        def std(i: int) -> Cell:
            return _fine(now[i].std) if isinstance(now[i], Weight) else small(now[i].std), Ink.STRONG

        def old(i: int) -> Cell:
            b = earlier[i]
            return (_fine(b.std) if isinstance(b, Weight) else small(b.std)) if b is not None else "", Ink.DIM

        figures = (
            shape_field(pairs),
            figure("mean", 8, lambda i: now[i].mean, _signed),
            Field("std", 8, std, lambda i: now[i].std, _fine),
            Field("before", 8, old, lambda i: b.std if (b := earlier[i]) else None, _fine, spare=True),
        )
        lines = matrices_and_vectors(look, pointer)
        return by_line(look, lines, pointer, width, Column("matrix", NAME, "<"), figures)


class WeightGradients(OfMatrices):
    """Histograms of the gradients of the weight matrices."""

    id = "weight-gradients"
    title = "Weight gradients"
    scale = "log"
    help = (
        "Histograms of the gradient of every weight matrix. With plain SGD a matrix whose gradients are far "
        "larger than the others' also learns far faster; without batch norm the last layer does at first.\n\n"
        "theory: infinitely wide layers on the first minibatch. redraws: this network with other random weights there, "
        "5 to 95 % of them.\n\n"
        "grad:data is the gradient's std over the weights' std. vs median: that, relative to the median of the "
        f"other matrices; above {GRADIENT_OUT_OF_LINE:g} it is out of line."
    )

    def panels(self, look: Look, other: Look | None, at: Sequence[int]) -> Sequence[Part]:
        return [
            Part(w.name, w.grad_histogram, b.grad_histogram if b else None, f"std {small(w.grad_std)}")
            for w, b in weight_pairs(look, other, at)
        ]

    def quantities(self, look: Look, other: Look | None, at: Sequence[int]) -> Sequence[Quantity]:
        pairs = weight_pairs(look, other, at)
        everything = weight_pairs(look, other)
        all_beside = beside_others([w.grad_data_ratio for w, _ in everything])
        beside = [all_beside[i] for i in at]
        known = look.expected.weight_grad_std
        expected = [known[i] if i < len(known) else NOTHING for i in at]
        spreads = [spread(f) for f in expected]
        old = beside_others([b.grad_data_ratio if b else None for _, b in everything])
        beside_old = [old[i] for i in at] if any(b for _, b in pairs) else []
        return [
            Quantity(
                "grad std",
                wide_enough(8, spreads),
                plain([small(w.grad_std) for w, _ in pairs]),
                [small(f.theory) if f.theory is not None else "" for f in expected],
                [small(b.grad_std) if b else "" for _, b in pairs],
                spreads,
            ),
            Quantity(
                "× median",
                9,
                [
                    (f"{number(b, 1)} !", Role.EVENT)
                    if b is not None and b > GRADIENT_OUT_OF_LINE
                    else (f"{number(b, 1)}  ", Role.FIGURE)
                    for b in beside
                ],
                before=[f"{number(b, 1)}  " for b in beside_old],
            ),
            Quantity(
                "grad:data",
                9,
                plain([small(w.grad_data_ratio) for w, _ in pairs]),
                before=[small(b.grad_data_ratio) if b else "" for _, b in pairs],
            ),
        ]

    def spanned(self, snapshot: Snapshot, at: Sequence[int]) -> Sequence[Histogram]:
        return [snapshot.weights[i].grad_histogram for i in at if i < len(snapshot.weights)]

    def table(self, look: Look, other: Look | None, pointer: Pointer, width: int) -> Table:
        pairs = parameter_pairs(look, other)
        expected = look.expected.weight_grad_std
        weights = look.snapshot.weights if look.snapshot is not None else ()
        beside = beside_others([w.grad_data_ratio for w in weights])

        def theory(i: int) -> float | None:
            return expected[i].theory if i < min(len(expected), len(weights)) else None

        def spreads(_: Weight, i: int) -> Cell:
            return redraws(expected[i], small) if i < len(expected) else ""

        figures = (
            figure("grad std", 8, lambda i: pairs[i][0].grad_std, small, Ink.STRONG),
            Field("theory", 8, of_weights(pairs, lambda _, i: (small(theory(i)), Ink.THEORY)), theory, small),
            said("redraws", 15, of_weights(pairs, spreads)),
            Field(
                "grad:data",
                9,
                of_weights(pairs, lambda w, _: small(w.grad_data_ratio)),
                lambda i: weights[i].grad_data_ratio if i < len(weights) else None,
                small,
            ),
            Field(
                "vs median",
                9,
                of_weights(pairs, lambda _, i: _out_of_line(beside[i])),
                lambda i: beside[i] if i < len(weights) else None,
                _times,
            ),
            shape_field(pairs),
            said("grad mean", 9, of_weights(pairs, lambda w, _: small(w.grad_mean))),
            of_before("before", 8, lambda i: b.grad_std if (b := pairs[i][1]) else None, small),
        )
        lines = matrices_and_vectors(look, pointer)
        return by_line(look, lines, pointer, width, Column("matrix", NAME, "<"), figures)


def _signed(value: float | None) -> str:
    return signed(value, 4)


def _fine(value: float | None) -> str:
    return number(value, 4)


def _times(value: float) -> str:
    return number(value, 1)


def _out_of_line(beside: float | None) -> Cell:
    out = beside is not None and beside > GRADIENT_OUT_OF_LINE
    return number(beside, 1) + (" !" if out else "  "), Ink.WARN if out else Ink.PLAIN


def log(value: float) -> str:
    """A logarithm to two decimals."""
    return f"{value:z.2f}"
