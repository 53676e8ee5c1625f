"""The weight matrices, their gradients, and how large each update is beside the weights."""

from __future__ import annotations

from collections.abc import Sequence

from ..insight.look import Look, snapshot_of
from ..insight.thresholds import (
    GRADIENT_OUT_OF_LINE,
    beside_others,
)
from ..plots import Role
from ..plots.ink import Cell, Column, Ink, Table, number, signed, small, table
from ..session.pointer import Pointer
from ..stream.protocol import Histogram, Snapshot, Weight
from .base import redraws
from .histograms import HistogramView, Quantity, plain
from .spreads import spread, wide_enough
from .vectors import data_rows, gradient_rows

NAME = 14  # cells of a matrix's or a vector's name


def weight_pairs(look: Look, other: Look | None) -> list[tuple[Weight, Weight | None]]:
    """Each matrix with the same of the other lane."""
    now, before = look.snapshot, snapshot_of(other)
    if now is None:
        return []
    old = {w.name: w for w in before.weights} if before else {}
    return [(w, old.get(w.name)) for w in now.weights]


def weight_shape(weight: Weight) -> str:
    """Its shape in words: 100 × 27."""
    return " × ".join(map(str, weight.shape))


class Weights(HistogramView):
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

    def panels(self, look: Look, other: Look | None) -> Sequence[tuple[str, Histogram, Histogram | None, str]]:
        return [
            (w.name, w.histogram, b.histogram if b else None, f"std {number(w.std)}")
            for w, b in weight_pairs(look, other)
        ]

    def quantities(self, look: Look, other: Look | None) -> Sequence[Quantity]:
        pairs = weight_pairs(look, other)
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

    def spanned(self, snapshot: Snapshot) -> Sequence[Histogram]:
        # The embedding is much wider than the other matrices and would squeeze them to a spike.
        return [w.histogram for w in snapshot.weights if w.name != "embedding"]

    def table(self, look: Look, other: Look | None, pointer: Pointer, width: int) -> Table:
        columns = (
            Column("matrix", NAME, "<"),
            Column("shape", 11),
            Column("mean", 8),
            Column("std", 8),
            Column("before", 8, spare=True),
        )
        rows: list[list[Cell]] = [
            [
                w.name,
                (weight_shape(w), Ink.DIM),
                signed(w.mean, 4),
                (number(w.std, 4), Ink.STRONG),
                (number(b.std, 4) if b else "", Ink.DIM),
            ]
            for w, b in weight_pairs(look, other)
        ]
        return table(columns, [*rows, *data_rows(look, other)], width)


class WeightGradients(HistogramView):
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

    def panels(self, look: Look, other: Look | None) -> Sequence[tuple[str, Histogram, Histogram | None, str]]:
        return [
            (w.name, w.grad_histogram, b.grad_histogram if b else None, f"std {small(w.grad_std)}")
            for w, b in weight_pairs(look, other)
        ]

    def quantities(self, look: Look, other: Look | None) -> Sequence[Quantity]:
        pairs = weight_pairs(look, other)
        ratios = [w.grad_data_ratio for w, _ in pairs]
        beside = [beside_others(ratios, i) for i in range(len(pairs))]
        expected = look.expected.weight_grad_std[: len(pairs)]
        spreads = [spread(f) for f in expected]
        old = [b.grad_data_ratio if b else None for _, b in pairs]
        beside_old = [beside_others(old, i) for i in range(len(pairs))] if any(b for _, b in pairs) else []
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

    def spanned(self, snapshot: Snapshot) -> Sequence[Histogram]:
        return [w.grad_histogram for w in snapshot.weights]

    def table(self, look: Look, other: Look | None, pointer: Pointer, width: int) -> Table:
        columns = (
            Column("matrix", NAME, "<"),
            Column("grad std", 8),
            Column("theory", 8),
            Column("redraws", 15),
            Column("grad:data", 9),
            Column("vs median", 9),
            Column("shape", 11),
            Column("grad mean", 9),
            Column("before", 8, spare=True),
        )
        pairs = weight_pairs(look, other)
        expected = look.expected.weight_grad_std
        ratios = [w.grad_data_ratio for w, _ in pairs]
        rows: list[list[Cell]] = []
        for index, (w, b) in enumerate(pairs):
            beside = beside_others(ratios, index)
            out = beside is not None and beside > GRADIENT_OUT_OF_LINE
            rows.append(
                [
                    w.name,
                    (small(w.grad_std), Ink.STRONG),
                    (small(expected[index].theory if index < len(expected) else None), Ink.THEORY),
                    redraws(expected[index], small) if index < len(expected) else "",
                    small(w.grad_data_ratio),
                    (number(beside, 1) + (" !" if out else "  "), Ink.WARN if out else Ink.PLAIN),
                    (weight_shape(w), Ink.DIM),
                    small(w.grad_mean),
                    (small(b.grad_std) if b else "", Ink.DIM),
                ]
            )
        return table(columns, [*rows, *gradient_rows(look, other)], width)


def log(value: float) -> str:
    """A logarithm to two decimals."""
    return f"{value:z.2f}"
