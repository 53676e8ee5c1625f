"""Biases, gammas and betas in the views of the weights: rows for their tables, curves of their update:data."""

from __future__ import annotations

import numpy as np

from ..insight.look import Look, snapshot_of
from ..plots import SERIES, Curve, Role, choose
from ..plots.ink import Cell, Ink, signed, small
from ..session.pointer import Pointer
from ..stream.protocol import Vector

MARKS = {"bias": "b", "gamma": "γ", "beta": "β"}


def vector_pairs(look: Look, other: Look | None) -> list[tuple[Vector, Vector | None]]:
    """Each vector of the shown snapshot with the same one of the lane before."""
    now, before = look.snapshot, snapshot_of(other)
    old = {v.name: v for v in before.vectors} if before else {}
    return [(v, old.get(v.name)) for v in now.vectors] if now else []


def size(vector: Vector) -> Cell:
    """How many numbers it has, as a matrix's shape is shown."""
    return " × ".join(map(str, vector.shape)), Ink.DIM


def data_rows(look: Look, other: Look | None) -> list[list[Cell]]:
    """Name, shape, mean, std, std before."""
    return [
        [v.name, size(v), signed(v.mean, 4), (small(v.std), Ink.STRONG), (small(b.std) if b else "", Ink.DIM)]
        for v, b in vector_pairs(look, other)
    ]


def gradient_rows(look: Look, other: Look | None) -> list[list[Cell]]:
    """Name, the gradient's std, – (theory and redraws, gradient beside data), shape, –, the gradient's std before."""
    return [
        [
            v.name,
            (small(v.grad_std), Ink.STRONG),
            *[""] * 4,
            size(v),
            "",
            (small(b.grad_std) if b else "", Ink.DIM),
        ]
        for v, b in vector_pairs(look, other)
    ]


def update_rows(look: Look, other: Look | None, pointer: Pointer) -> list[list[Cell]]:
    """Mark, name, log10 update:data, – (theory, redraws), update:data, –, shape, log10 before."""
    roles = {v.name: role for v, role in _chosen(look)} if pointer.overlaid else {}
    rows: list[list[Cell]] = []
    for v, b in vector_pairs(look, other):
        value = v.update_data_log10
        before = b.update_data_log10 if b else None
        rows.append(
            [
                (mark(v), roles[v.name]) if v.name in roles else "",
                v.name,
                (f"{value:z.2f}" if value is not None else "–", Ink.STRONG),
                "",
                "",
                small(10**value) if value is not None and value < 30 else "–",
                "",
                size(v),
                (f"{before:.2f}" if before is not None else "", Ink.DIM),
            ]
        )
    return rows


def update_curves(look: Look) -> list[Curve]:
    """log10 update:data of some vectors at the kept snapshots up to the one shown, dotted."""
    kept = [
        snapshot
        for step in look.history.snapshots.steps()
        if 0 < step <= look.step and (snapshot := look.history.snapshots.get(step)) is not None
    ]
    ratios_at = [(s.step, {v.name: v.update_data_log10 for v in s.vectors}) for s in kept]
    drawn = []
    for vector, role in _chosen(look):
        points = [(step, ratio) for step, ratios in ratios_at if (ratio := ratios.get(vector.name)) is not None]
        if points:
            steps, values = (np.array(part, dtype=np.float64) for part in zip(*points, strict=True))
            drawn.append(Curve(vector.name, steps, values, role, dotted=True, mark=mark(vector)))
    return drawn


def _chosen(look: Look) -> list[tuple[Vector, Role]]:
    vectors = look.snapshot.vectors if look.snapshot is not None else ()
    return [(vectors[i], SERIES[n]) for n, i in enumerate(choose(len(vectors), len(SERIES)))]


def mark(vector: Vector) -> str:
    """One character that tells what a vector is."""
    return MARKS.get(vector.name.rsplit(" ", 1)[-1], "v")
