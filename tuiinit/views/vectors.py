"""Biases, gammas and betas in the views of the weights: rows for their tables, curves of their update:data."""

from __future__ import annotations

import numpy as np

from ..insight.look import Look
from ..plots import SERIES, Curve, Role, choose
from ..stream.protocol import Vector

MARKS = {"bias": "b", "gamma": "γ", "beta": "β"}


def vector_roles(look: Look) -> dict[str, Role]:
    """The roles of those that have a curve."""
    return {vector.name: role for vector, role in _chosen(look)}


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
