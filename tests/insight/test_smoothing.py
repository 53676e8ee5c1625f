"""Exponential smoothing over uneven steps."""

from __future__ import annotations

import numpy as np
import pytest

from tuiinit.insight.smoothing import smoothed


def test_steps_one_apart_are_means_weighted_by_their_age() -> None:
    rng = np.random.default_rng(3)
    steps, values = np.arange(50.0), rng.normal(2, 1, 50)
    out = smoothed(steps, values, 7)
    # Beside the first value, which stands for itself, each has the share of one step.
    share = 1 - np.exp(-1 / 7)
    weights = share * np.exp((steps - steps[-1]) / 7)
    weights[0] /= share
    assert out[-1] == pytest.approx((weights * values).sum() / weights.sum())
    assert out[0] == values[0]
    assert np.std(out[10:]) < np.std(values[10:])


def test_a_constant_stays_and_nothing_is_smoothed_over_no_steps() -> None:
    steps = np.array([1.0, 2, 10, 500])
    assert smoothed(steps, np.full(4, 3.3), 30) == pytest.approx([3.3] * 4)
    values = np.array([1.0, 5, 2, 4])
    assert smoothed(steps, values, 0).tolist() == values.tolist()


def test_what_is_not_finite_stays_and_counts_nothing() -> None:
    out = smoothed(np.arange(4.0), np.array([1.0, np.nan, np.inf, 1.0]), 5)
    assert np.isnan(out[1])
    assert np.isinf(out[2])
    assert out[3] == pytest.approx(1.0)


def test_far_apart_points_stand_for_themselves() -> None:
    out = smoothed(np.array([0.0, 1e6]), np.array([9.0, 2.0]), 30)
    assert out[1] == pytest.approx(2.0)
