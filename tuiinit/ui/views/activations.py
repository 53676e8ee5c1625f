"""The nonlinearities' outputs by layer, and the loss's gradients there."""

from __future__ import annotations

from collections.abc import Sequence

from ...config import RANGES
from ...protocol import Activation, Histogram
from ...thresholds import SATURATED_AT
from ..ink import Cell, Column, Ink, Table, number, percent, signed, small, table
from ..model import Session
from .base import HistogramView, symmetric


def _pairs(session: Session) -> list[tuple[Activation, Activation | None]]:
    """Each layer now, and the layer at the same place in the lane before."""
    now, before = session.snapshot(), session.snapshot_before()
    if now is None:
        return []
    old = before.activations if before else ()
    return [(a, old[i] if i < len(old) else None) for i, a in enumerate(now.activations)]


class Activations(HistogramView):
    """Histograms of the nonlinearities' outputs, layer by layer."""

    id = "activations"
    title = "Activations"
    help = (
        "Histograms of each nonlinearity's outputs on the last minibatch, one panel per layer. In a healthy tanh "
        "network every panel has about the same shape: outputs neither pile up at 0 (the gain is too small, the "
        "signal shrinks layer by layer) nor at -1 and 1 (it is too large, the units saturate).\n\n"
        "std: the spread of the outputs. theory: what mean-field theory predicts for a wide network at its "
        "start; once trained, the network may leave it. saturated: the share of outputs so near a bound (tanh: "
        f"beyond ±{SATURATED_AT}), that the "
        "local gradient 1 − t² is nearly 0. dead: units saturated on every row of the probe batch; they learn "
        "nothing. before: the same std in the lane that was shown before the last change, whose outline is "
        "drawn behind."
    )

    def panels(self, session: Session) -> Sequence[tuple[str, Histogram, Histogram | None, str]]:
        saturates = RANGES[session.settings.nonlinearity].saturates
        return [
            (a.layer, a.histogram, b.histogram if b else None, f"{percent(a.saturated)} sat." if saturates else "")
            for a, b in _pairs(session)
        ]

    def range(self, session: Session) -> tuple[float, float] | None:
        limits = RANGES[session.settings.nonlinearity]
        if limits.bounded:
            return (limits.low, limits.high)
        return symmetric([h for _, now, before, _ in self.panels(session) for h in (now, before) if h])

    def table(self, session: Session, width: int) -> Table:
        columns = (
            Column("layer", 10, "<"),
            Column("mean", 7),
            Column("std", 7),
            Column("theory", 7),
            Column("before", 7),
            Column("saturated", 9),
            Column("theory", 7),
            Column("before", 7),
            Column("dead", 4),
        )
        theory = session.prediction()
        rows: list[list[Cell]] = []
        for a, b in _pairs(session):
            told = theory.layer(a.layer) if theory else None
            rows.append(
                [
                    a.layer,
                    signed(a.mean),
                    (number(a.std), Ink.STRONG),
                    (number(told.std if told else None), Ink.THEORY),
                    (number(b.std) if b else "", Ink.DIM),
                    (percent(a.saturated), Ink.STRONG),
                    (percent(told.saturated if told else None), Ink.THEORY),
                    (percent(b.saturated) if b else "", Ink.DIM),
                    (f"{len(a.dead)}", Ink.WARN if a.dead else Ink.DIM),
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
        "grad std: the spread. theory: the spread that mean-field theory predicts from that of the last layer: "
        "it grows by √χ with each layer going back. to last: grad std relative to the last layer's."
    )

    def panels(self, session: Session) -> Sequence[tuple[str, Histogram, Histogram | None, str]]:
        return [
            (a.layer, a.grad_histogram, b.grad_histogram if b else None, f"std {small(a.grad_std)}")
            for a, b in _pairs(session)
        ]

    def range(self, session: Session) -> tuple[float, float] | None:
        return symmetric([h for _, now, before, _ in self.panels(session) for h in (now, before) if h])

    def table(self, session: Session, width: int) -> Table:
        columns = (
            Column("layer", 10, "<"),
            Column("grad mean", 9),
            Column("grad std", 8),
            Column("theory", 8),
            Column("before", 8),
            Column("to last", 7),
            Column("theory", 7),
        )
        theory = session.prediction()
        pairs = _pairs(session)
        last = pairs[-1][0].grad_std if pairs else 0.0
        rows: list[list[Cell]] = []
        for a, b in pairs:
            told = theory.layer(a.layer) if theory else None
            growth = told.grad_std if told else None
            rows.append(
                [
                    a.layer,
                    small(a.grad_mean),
                    (small(a.grad_std), Ink.STRONG),
                    (small(growth * last) if growth is not None else "–", Ink.THEORY),
                    (small(b.grad_std) if b else "", Ink.DIM),
                    number(a.grad_std / last, 2) if last else "–",
                    (number(growth, 2), Ink.THEORY),
                ]
            )
        return table(columns, rows, width)
