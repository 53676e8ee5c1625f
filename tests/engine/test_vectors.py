"""Biases, gammas and betas as a snapshot tells of them, against the network's own tensors."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from tests.engine.conftest import Make
from tuiinit.config.run import RunConfig
from tuiinit.engine.trainer import Trainer
from tuiinit.insight.findings import findings, on_paper
from tuiinit.stream.misfit import misfit
from tuiinit.stream.protocol import Snapshot

SMALL = {"hidden": (7, 7, 4)}


def std(values: torch.Tensor) -> float:
    return float(values.double().std()) if values.numel() > 1 else 0.0


def stepped(trainer: Trainer, steps: int) -> tuple[Snapshot, list[torch.Tensor]]:
    """The last step's snapshot, and the vectors as they were before that step."""
    for _ in range(steps - 1):
        trainer.train_step()
    before = [vector.clone() for vector in trainer.network.vectors]
    snapshot = trainer.train_step(measure=True)
    assert snapshot is not None
    return snapshot, before


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("kind", [{}, {"bn": True}, {"bn": True, "bias_before_bn": True}, {"bias_scale": (0.5, 1.0)}])
def test_vectors_are_told_as_they_are(trainer: Make, kind: dict[str, Any], optimizer: str) -> None:
    lane = trainer(**SMALL, optimizer=optimizer, lr=0.01, **kind)
    snapshot, before = stepped(lane, 5)
    network = lane.network
    assert misfit(snapshot, lane.network.shape) is None
    assert [v.name for v in snapshot.vectors] == list(network.vector_names)
    for record, vector, grad, old in zip(snapshot.vectors, network.vectors, network.vector_grads, before, strict=True):
        assert record.shape == tuple(vector.shape)
        assert record.mean == pytest.approx(float(vector.mean()), rel=1e-5, abs=1e-9)
        assert record.std == pytest.approx(std(vector), rel=1e-5, abs=1e-9)
        assert record.grad_std == pytest.approx(std(grad), rel=1e-5)
        moved = std(vector.double() - old.double())
        assert record.update_data_log10 is not None
        # What is left of a change after it was added to a gamma of 1 is rounded.
        assert record.update_data_log10 == pytest.approx(math.log10(moved / std(vector)), abs=0.01)


@pytest.mark.parametrize(
    ("kind", "called"),
    [
        ({}, ["hidden 1 bias", "hidden 2 bias", "output bias"]),
        (
            {"bn": True},
            ["hidden 1 gamma", "hidden 1 beta", "hidden 2 gamma", "hidden 2 beta", "output gamma", "output beta"],
        ),
    ],
)
def test_names_tell_the_layer(trainer: Make, kind: dict[str, Any], called: list[str]) -> None:
    lane = trainer(hidden=(4, 5), **kind)
    assert list(lane.network.vector_names) == called
    parts = dict(lane.network.named_parameters())
    linear, norm = parts.get("layers.1.linear.bias"), parts.get("layers.1.norm.gamma")
    own = lane.network.vectors[called.index("hidden 2 gamma" if kind else "hidden 2 bias")]
    wanted = norm if kind else linear
    assert wanted is not None
    assert wanted.data_ptr() == own.data_ptr()


def test_before_a_step_and_where_all_numbers_are_the_same_there_is_no_ratio(trainer: Make) -> None:
    for settings in ({}, {"bn": True, "output_scale": 0.3}):
        now = trainer(**SMALL, **settings).peek()  # type: ignore[arg-type]
        assert now is not None
        assert [(v.std, v.update_data_log10) for v in now.vectors] == [(0.0, None)] * len(now.vectors)


def test_what_began_as_one_number_has_a_ratio_of_1_at_the_first_step(trainer: Make) -> None:
    snapshot, _ = stepped(trainer(**SMALL), 1)
    assert [v.update_data_log10 for v in snapshot.vectors] == pytest.approx([0.0] * 4, abs=1e-5)


def test_a_single_number_has_no_spread(trainer: Make) -> None:
    snapshot, _ = stepped(trainer(hidden=(1, 2)), 3)
    assert (snapshot.vectors[0].std, snapshot.vectors[0].update_data_log10) == (0.0, None)


@pytest.mark.parametrize(("bn", "learns"), [(False, "output bias"), (True, "output beta")])
@pytest.mark.parametrize("steps", [1, 60])
def test_with_all_weights_0_only_the_output_bias_learns(trainer: Make, bn: bool, learns: str, steps: int) -> None:
    lane = trainer(**SMALL, gain=0.0, output_scale=0.0, embedding_scale=0.0, bn=bn)
    snapshot, _ = stepped(lane, steps)
    assert [v.name for v in snapshot.vectors if v.std > 0] == [learns]
    assert all(w.update_data_log10 is None for w in snapshot.weights)
    (found,) = [finding for finding in findings(snapshot, lane.config) if finding.id == "learning"]
    assert found.severity == "bad"
    assert f"Only the {learns} learns" in found.text
    assert "--gain 5/3 --embedding-scale 1 --output-scale 0.1" in on_paper(found)


def test_a_network_that_learns_has_no_word_on_it(trainer: Make) -> None:
    for settings in ({}, {"bn": True}, {"gain": 0.5}, {"output_scale": 0.0}):
        config = RunConfig(**SMALL).replace(**settings)
        snapshot, _ = stepped(trainer(config), 1)
        assert "learning" not in [finding.id for finding in findings(snapshot, config)]
