"""The lecture's network written as a person's setup gives the figures of the program's own, toggles included."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from tests.own import lecture
from tests.own.conftest import MakeLane
from tuiinit.config.run import RunConfig
from tuiinit.engine.minibatches import Dataset
from tuiinit.engine.own.lane import OwnLane
from tuiinit.engine.trainer import Trainer
from tuiinit.stream.protocol import Snapshot

FILE = str(Path(lecture.__file__))
#: Keys as they are pressed: settings of the program's own network, and of the person's function.
TOGGLES = [
    ({}, {}, None),
    ({"gain": 1.0}, {}, 1.0),
    ({"bn": True}, {"bn": True}, None),
    ({"nonlinearity": "relu", "gain": 0.5}, {"act": "relu"}, 0.5),
]


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return Dataset.of(lecture.TEXT, torch.device("cpu"))


def pair(dataset: Dataset, lane_of: MakeLane, toggle: int) -> tuple[Trainer, OwnLane]:
    ours, own, gain = TOGGLES[toggle]
    config = RunConfig(device="cpu", bn_style="lecture").replace(**{"bn": False, **ours})
    trainer = Trainer(config, dataset, torch.device("cpu"))
    trainer.peek()
    return trainer, lane_of(FILE, settings=own, gain=gain)


def same(mine: Snapshot | None, theirs: Snapshot | None, rel: float) -> None:
    assert mine is not None
    assert theirs is not None
    assert mine.step == theirs.step
    assert mine.loss == pytest.approx(theirs.loss, rel=rel)
    assert mine.expected_initial_loss == pytest.approx(theirs.expected_initial_loss)
    assert mine.parameters == theirs.parameters
    rows = [a for a in mine.activations if a.kind in ("tanh", "relu")]
    assert len(rows) == len(theirs.activations)
    for a, b in zip(rows, theirs.activations, strict=True):
        assert a.std == pytest.approx(b.std, rel=rel)
        assert a.mean == pytest.approx(b.mean, abs=rel * b.std)
        assert a.saturated == pytest.approx(b.saturated, abs=max(rel, 0.5 / 3200))
        assert a.grad_std == pytest.approx(b.grad_std, rel=2 * rel)
        assert a.grad_mean == pytest.approx(b.grad_mean, abs=2 * rel * b.grad_std)
    for w, v in zip(mine.weights, theirs.weights, strict=True):
        assert w.shape == v.shape
        assert w.std == pytest.approx(v.std, rel=rel)
        assert w.grad_std == pytest.approx(v.grad_std, rel=2 * rel)
        assert (w.update_data_log10 is None) == (v.update_data_log10 is None)
        if w.update_data_log10 is not None:
            assert w.update_data_log10 == pytest.approx(v.update_data_log10, abs=2 * rel / math.log(10))


def follow(trainer: Trainer, lane: OwnLane, steps: int) -> tuple[Snapshot | None, Snapshot | None]:
    mine = theirs = None
    for step in range(1, steps + 1):
        measure = step in (1, steps)
        mine, theirs = lane.train_step(measure=measure), trainer.train_step(measure=measure)
        if step == 1:
            same(mine, theirs, 1e-6)
        for one in (trainer, lane):
            if one.trace_full:
                one.take_trace()
    return mine, theirs


@pytest.mark.parametrize("toggle", range(len(TOGGLES)))
def test_figures_at_the_first_steps(dataset: Dataset, lane_of: MakeLane, toggle: int) -> None:
    trainer, lane = pair(dataset, lane_of, toggle)
    same(lane.latest, trainer.latest, 1e-6)
    same(*follow(trainer, lane, 20), 1e-4)
    one, other = lane.take_trace(), trainer.take_trace()
    assert one is not None
    assert other is not None
    assert one.loss == pytest.approx(other.loss, rel=1e-4)
    assert one.update_data == pytest.approx(other.update_data, abs=1e-3)


@pytest.mark.long
@pytest.mark.parametrize("toggle", range(len(TOGGLES)))
def test_figures_after_a_thousand_steps(dataset: Dataset, lane_of: MakeLane, toggle: int) -> None:
    trainer, lane = pair(dataset, lane_of, toggle)
    same(*follow(trainer, lane, 1001), 5e-3)
    mine, theirs = lane.evaluate(), trainer.evaluate()
    assert mine.dev == pytest.approx(theirs.dev, rel=5e-3)
