"""Histograms of many rows pooled into a few: the mean of their shades, each on its own scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .axes import limits
from .bands import DECADES, Height, scaled
from .cells import Floats

BINS = 240  # of a pooled histogram, finer than any screen's columns


def pooled(
    histograms: Sequence[Any], starts: Sequence[int], x: tuple[float, float], scale: Height
) -> list[tuple[Floats, Floats]]:
    """Edges and density of each group of neighbours, as a `Band` takes them.

    What lies beyond the limits is in a bin of its own at either side, so that the picture can say so.

    Args:
        histograms: counts over equal bins from lo to hi (`stream.protocol.Histogram`).
        starts: the first histogram of each group, rising from 0.
        x: the limits of the picture.
        scale: how a density becomes a shade: the shades are what is averaged.
    """
    width = (x[1] - x[0]) / BINS
    edges = np.linspace(x[0] - width, x[1] + width, BINS + 3)
    shares = np.zeros((len(histograms), BINS + 2))
    by_bins: dict[int, list[int]] = {}
    for i, histogram in enumerate(histograms):
        by_bins.setdefault(len(histogram.counts), []).append(i)
    for bins, rows in by_bins.items():
        if bins:
            shares[rows] = _shares([histograms[i] for i in rows], edges, scale)
    groups = np.asarray(starts, np.intp)
    number = np.diff(np.append(groups, len(histograms)))[:, None]
    mean = np.add.reduceat(shares, groups, axis=0) / number
    return [(edges, density) for density in _density(mean, scale)]


def _shares(histograms: Sequence[Any], edges: Floats, scale: Height) -> Floats:
    """Shades (rows, bins) of histograms that have equally many bins."""
    counts = np.array([histogram.counts for histogram in histograms], np.float64)
    low, high = (ends[:, None] for ends in np.array([limits(h.lo, h.hi) for h in histograms], np.float64).T)
    total = counts.sum(axis=1, keepdims=True)
    known = (total > 0) & np.isfinite(low) & np.isfinite(high) & (high > low)
    bins = counts.shape[1]
    with np.errstate(all="ignore"):
        at = np.where(known, np.clip((edges - low) / (high - low), 0, 1) * bins, 0.0)
        below = np.concatenate([np.zeros((len(counts), 1)), np.cumsum(counts, axis=1)], axis=1) / total
        # What lies further out than the outermost edges counts into the outermost bins.
        at[:, 0], at[:, -1] = 0, bins
        left = np.minimum(at.astype(np.intp), bins - 1)
        part = np.take_along_axis(below, left, 1)
        mass = np.diff(part + (at - left) * (np.take_along_axis(below, left + 1, 1) - part), axis=1)
    mass = np.where(known & (mass > 1e-12), mass, 0.0)
    top = mass[:, 1:-1].max(axis=1, keepdims=True)
    return np.minimum(scaled(mass, np.where(top > 0, top, 1.0), scale), 1.0)


def _density(shares: Floats, scale: Height) -> Floats:
    """Densities whose shades these are."""
    if scale == "root":
        return shares**2
    if scale == "linear":
        return shares
    return np.where(shares > 0, 10 ** (DECADES * (shares - 1)), 0.0)
