"""A lane whose loss is not finite stops at that step, however it was stepped, and tells nothing that is not finite."""

from __future__ import annotations

from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from tests.engine.conftest import Make
from tests.engine.test_trainer import SMALL, finite
from tuiinit.config.names import OPTIMIZERS
from tuiinit.config.nonlinearities import NONLINEARITIES
from tuiinit.config.run import RunConfig
from tuiinit.engine.inspect import inspect

DIVERGES = [
    {"nonlinearity": "linear", "lr": 100.0, "output_scale": 1.0},
    {"nonlinearity": "relu", "lr": 100.0, "output_scale": 1.0},
    {"nonlinearity": "leaky_relu", "lr": 300.0, "output_scale": 3.0, "gain": 3.0},
]


@pytest.mark.parametrize("settings", DIVERGES, ids=str)
def test_the_step_does_not_depend_on_what_is_measured(trainer: Make, settings: dict[str, Any]) -> None:
    blind = trainer(SMALL, **settings)
    for _ in range(60):
        blind.train_step()
    trace = blind.take_trace()
    assert trace is not None
    step = blind.diverged_at
    assert step is not None
    assert 1 < step <= 60
    assert blind.step == step
    assert len(trace.loss) == step - 1
    assert np.isfinite(trace.loss).all()

    watched = trainer(SMALL, **settings)
    while watched.diverged_at is None:
        snapshot = watched.train_step(measure=True)
        if snapshot is not None:
            finite(snapshot)
    assert watched.diverged_at == step
    assert watched.latest is not None
    finite(watched.latest)
    assert watched.latest.step < step
    finite(watched.take_trace() and watched.latest)

    late = trainer(SMALL, **settings)  # the first measured step comes after the end
    for _ in range(step + 3):
        late.train_step()
    assert late.train_step(measure=True) is None
    trace = late.take_trace()
    assert trace is not None
    assert late.diverged_at == late.step == step
    assert len(trace.loss) == step - 1


def test_a_network_that_is_broken_from_the_start(trainer: Make) -> None:
    lane = trainer(SMALL, nonlinearity="linear", gain=1e30, hidden=(20,) * 4)
    assert lane.peek() is None
    assert lane.diverged_at == 1
    assert lane.latest is None
    assert lane.evaluate().dev is None


@hypothesis.settings(max_examples=30)
@hypothesis.given(
    settings=st.fixed_dictionaries(
        {
            "nonlinearity": st.sampled_from(NONLINEARITIES),
            "optimizer": st.sampled_from(OPTIMIZERS),
            "bn": st.booleans(),
            "hidden": st.sampled_from([(1,), (3, 3), (20,) * 6]),
            "batch_size": st.sampled_from([2, 32]),
        },
        optional={
            name: st.one_of(st.just(0.0), st.integers(-40, 30).map(lambda n: 10.0**n))
            for name in ("gain", "lr", "embedding_scale", "output_scale")
        },
    )
)
def test_no_extreme_breaks_a_lane(trainer: Make, settings: dict[str, Any]) -> None:
    lane = trainer(RunConfig(**settings))
    snapshots = [lane.peek()]
    for _ in range(4):
        if lane.diverged_at is not None:
            break
        snapshots.append(lane.train_step(measure=True))
    for snapshot in snapshots:
        if snapshot is not None:
            finite(snapshot)
    if lane.diverged_at is None:
        inspect(lane)
    blind = trainer(RunConfig(**settings))
    for _ in range(4):
        blind.train_step()
    blind.take_trace()
    assert blind.diverged_at == lane.diverged_at


def test_a_second_moment_beyond_float32(trainer: Make) -> None:
    one, huge = (finite(trainer(SMALL, embedding_scale=scale).peek()) for scale in (1.0, 1e25))
    assert one.input_second_moment == pytest.approx(1, rel=0.3)
    assert huge.input_second_moment == pytest.approx(one.input_second_moment * 1e50, rel=1e-5)
