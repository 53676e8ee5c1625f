"""Stacked networks compute, to the bit, what each of them computes alone."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch

from tests.engine.conftest import CPU, Make
from tuiinit.config.nonlinearities import NONLINEARITIES
from tuiinit.config.run import RunConfig
from tuiinit.config.schedule import Change
from tuiinit.engine.minibatches import Dataset
from tuiinit.engine.stack import HIGHEST, Stack, Stacks, places
from tuiinit.engine.trainer import Trainer

STEPS = 40
UNLIKE = [{"gain": 0.5, "seed": 1}, {"gain": 5 / 3, "lr": 0.3}, {"gain": 3.0, "output_scale": 1.0}, {"seed": 9}]


def configs(**settings: Any) -> list[RunConfig]:
    base = RunConfig(device="cpu", **{"hidden": (30, 17), **settings})
    return [base.replace(**unlike) for unlike in UNLIKE]


def lanes_of(configs: list[RunConfig], dataset: Dataset) -> list[Trainer]:
    """Lanes that were laid out together, at step 0."""
    found = places([(config, 27) for config in configs], CPU)
    lanes = [Trainer(config, dataset, CPU, found.get(config.key)) for config in configs]
    for lane in lanes:
        lane.peek()
    return lanes


def step(lanes: list[Trainer]) -> list[Stack]:
    """One unmeasured step of each as the server takes it; gives back the stacks that took it."""
    taken = []
    for members, stack in Stacks().of(lanes):
        if stack is not None:
            stack.train_step()
            taken.append(stack)
        else:
            for lane in members:
                lane.train_step()
    return taken


def assert_same(mine: Trainer, alone: Trainer) -> None:
    assert mine.step == alone.step
    assert torch.equal(mine.network.flat, alone.network.flat)
    for one, other in zip(mine.network.buffers(), alone.network.buffers(), strict=True):
        assert torch.equal(one, other)
    traces = mine.take_trace(), alone.take_trace()
    assert traces[0] is not None
    assert traces[1] is not None
    np.testing.assert_array_equal(traces[0].loss, traces[1].loss)
    np.testing.assert_array_equal(traces[0].update_data, traces[1].update_data)


@pytest.mark.parametrize(
    "settings",
    [
        *({"nonlinearity": name, "bn": bn} for name, bn in itertools.product(NONLINEARITIES, (False, True))),
        *({"optimizer": name, "lr": 0.01} for name in ("momentum", "adam", "adamw", "rmsprop")),
        {"bn": True, "bias_before_bn": True, "bn_style": "torch", "batch_size": 8},
        {"hidden": (7,), "batch_size": 24, "bias_scale": (1.0, 1.0)},
    ],
    ids=str,
)
def test_a_stack_steps_as_its_networks_do_alone(trainer: Make, dataset: Dataset, settings: dict[str, Any]) -> None:
    lanes = lanes_of(configs(**settings), dataset)
    alone = [trainer(lane.config) for lane in lanes]
    for number in range(STEPS):
        if number % 15 == 7:
            for lane, other in zip(lanes, alone, strict=True):
                measured, expected = lane.train_step(measure=True), other.train_step(measure=True)
                assert measured is not None
                assert expected is not None
                assert measured.weights == expected.weights
        else:
            assert [len(stack.lanes) for stack in step(lanes)] == [len(UNLIKE)]
            for other in alone:
                other.train_step()
    for lane, other in zip(lanes, alone, strict=True):
        assert_same(lane, other)


@pytest.mark.parametrize("batch_size", [1, 5, 20])
def test_where_examples_do_not_fill_the_processors_vectors_each_steps_alone(
    trainer: Make, dataset: Dataset, batch_size: int
) -> None:
    lanes = lanes_of(configs(batch_size=batch_size), dataset)
    for _ in range(3):
        assert step(lanes) == []
    alone = trainer(lanes[0].config)
    for _ in range(3):
        alone.train_step()
    assert_same(lanes[0], alone)


def test_a_lane_that_changes_or_stands_elsewhere_steps_alone_and_the_others_together(
    trainer: Make, dataset: Dataset
) -> None:
    wanted = configs(nonlinearity="relu")
    wanted[1] = wanted[1].replace(schedule=(Change(3, "batch_size", 16), Change(5, "optimizer", "adam")))
    lanes = lanes_of(wanted, dataset)
    sizes = [[len(stack.lanes) for stack in step(lanes)] for _ in range(8)]
    assert sizes[:3] == [[4]] * 3
    assert sizes[4:] == [[2]] * 4  # the third and fourth; the first has no neighbour left
    lanes[3].train_step()
    assert step(lanes) == []
    for lane in lanes:
        alone = trainer(lane.config)
        for _ in range(lane.step):
            alone.train_step()
        assert_same(lane, alone)


def test_networks_that_cannot_gain_have_memory_of_their_own() -> None:
    small = RunConfig(device="cpu")
    assert places([(small, 27)], CPU) == {}
    large = [small.replace(hidden=(1000, 1000), gain=gain) for gain in (1.0, 2.0)]
    assert places([(config, 27) for config in large], CPU) == {}
    unlike = [small, small.replace(bn=True), small.replace(hidden=(100,)), small.replace(batch_size=64)]
    assert places([(config, 27) for config in unlike], CPU) == {}
    many = [small.replace(seed=seed) for seed in range(HIGHEST + 3)]
    assert sorted(memory.lanes for memory, _ in places([(config, 27) for config in many], CPU).values()) == (
        [3] * 3 + [HIGHEST] * HIGHEST
    )
