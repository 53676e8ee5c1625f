"""A lane of a person's network trains as their own script would, whatever is measured, and beside whatever else."""

from __future__ import annotations

import math
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.own.conftest import MakeLane, Write
from tuiinit.engine.own import lane as own_lane
from tuiinit.engine.own.lane import OwnLane
from tuiinit.engine.own.randomness import Generators, seed_all

#: Dropout, batch norm, shuffled batches, Adam: all that draws random numbers or keeps something from step to step.
NETWORK = """
def build(width: int = 8, act: str = "relu"):
    body = nn.Sequential(nn.Linear(6, width), nn.BatchNorm1d(width), {"relu": nn.ReLU, "tanh": nn.Tanh}[act](),
                         nn.Dropout(0.3), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 3))
    data = torch.utils.data.TensorDataset(torch.randn(40, 6), torch.randint(0, 3, (40,)))
    return tuiinit.Setup(body, torch.utils.data.DataLoader(data, batch_size=16, shuffle=True),
                         lambda model, batch: F.cross_entropy(model(batch[0]), batch[1]),
                         optimizer=lambda parameters: torch.optim.Adam(parameters, lr=0.01))
"""


def parameters(lane: OwnLane) -> list[torch.Tensor]:
    return [p.detach().clone() for p in lane._model.parameters()]


def equal(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def script(target: str, steps: int, seed: int = 0) -> tuple[Any, list[float]]:
    """The person's own loop."""
    Generators.leave()
    seed_all(seed)
    space: dict[str, Any] = {}
    exec(compile(Path(target).read_text(), target, "exec"), space)
    setup = space["build"]()
    optimizer = setup.optimizer(setup.model.parameters())
    losses = []
    epochs = (batch for _ in cycle([0]) for batch in setup.batches)
    for batch in islice(epochs, steps):
        optimizer.zero_grad()
        loss = setup.loss(setup.model, batch)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return setup.model, losses


def test_it_trains_as_a_script_does(write: Write, lane_of: MakeLane) -> None:
    target = write(NETWORK)
    model, losses = script(target, 7)
    lane = lane_of(target)
    for _ in range(7):
        lane.train_step()
    block = lane.take_trace()
    assert block is not None
    assert block.first_step == 1
    assert block.loss.tolist() == [np.float32(loss) for loss in losses]
    assert equal(parameters(lane), [p.detach() for p in model.parameters()])
    assert lane.epoch == pytest.approx(7 / 3)


def test_measuring_changes_no_bit(write: Write, lane_of: MakeLane) -> None:
    target = write(NETWORK)
    never, always = lane_of(target), lane_of(target)
    for _ in range(5):
        assert never.train_step() is None
        assert always.train_step(measure=True) is not None
    assert equal(parameters(never), parameters(always))
    one, other = never.take_trace(), always.take_trace()
    assert one is not None
    assert other is not None
    assert np.array_equal(one.loss, other.loss)
    assert np.array_equal(one.update_data, other.update_data)


def test_lanes_side_by_side_do_not_take_each_others_random_numbers(write: Write, lane_of: MakeLane) -> None:
    target = write(NETWORK)
    alone = [lane_of(target, seed=seed) for seed in (0, 1)]
    for lane in alone:
        for _ in range(4):
            lane.train_step()
    beside = [lane_of(target, seed=seed) for seed in (0, 1)]
    for _ in range(4):
        for lane in beside:
            lane.train_step()
            lane.evaluate()
    for one, other in zip(alone, beside, strict=True):
        assert equal(parameters(one), parameters(other))
    assert not equal(parameters(alone[0]), parameters(alone[1]))


def test_a_snapshot_tells_what_autograd_does(write: Write, lane_of: MakeLane) -> None:
    """The figures of step 3 against a network by hand, out of place."""
    target = write("""
        def build():
            model = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 4))
            batches = [(torch.randn(9, 5), torch.randint(0, 4, (9,))) for _ in range(2)]
            return tuiinit.Setup(model, batches, lambda model, batch: F.cross_entropy(model(batch[0]), batch[1]))
    """)
    lane = lane_of(target)
    seed_all(0)
    model: Any = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 4))
    batches = [(torch.randn(9, 5), torch.randint(0, 4, (9,))) for _ in range(2)]
    peeked, latest = lane.latest, None
    for step in range(3):
        x, y = batches[step % 2]
        first = model[0](x)
        second = torch.tanh(first)
        third = model[2](second)
        loss = functional.cross_entropy(third, y)
        tensors = [first, second, third]
        grads = torch.autograd.grad(loss, [*tensors, *model.parameters()])
        before = [p.detach().clone() for p in model.parameters()]
        if step == 0:
            assert peeked is not None
            assert (peeked.step, peeked.loss) == (0, pytest.approx(float(loss.detach())))
            assert [a.std for a in peeked.activations] == pytest.approx([float(t.detach().std()) for t in tensors])
            assert [w.grad_std for w in peeked.weights] == pytest.approx([float(g.std()) for g in grads[3::2]])
            assert peeked.expected_initial_loss == pytest.approx(math.log(4))
        with torch.no_grad():
            for p, g in zip(model.parameters(), grads[3:], strict=True):
                p -= 0.1 * g
        latest = lane.train_step(measure=step == 2)
    assert latest is not None
    assert latest.loss == pytest.approx(float(loss.detach()))
    assert [a.layer for a in latest.activations] == ["0", "1", "2"]
    for a, t, g in zip(latest.activations, tensors, grads, strict=False):
        assert a.mean == pytest.approx(float(t.detach().mean()), abs=1e-7)
        assert a.std == pytest.approx(float(t.detach().std()))
        assert a.grad_std == pytest.approx(float(g.std()))
    named = zip(latest.weights, list(model.parameters())[::2], before[::2], grads[3::2], strict=True)
    block = lane.take_trace()
    assert block is not None
    for i, (w, p, old, g) in enumerate(named):
        assert w.std == pytest.approx(float(p.detach().std()))
        assert w.grad_std == pytest.approx(float(g.std()))
        moved = math.log10(float((p.detach() - old).std() / p.detach().std()))
        assert w.update_data_log10 == pytest.approx(moved, abs=1e-4)
        assert block.update_data[2, i] == pytest.approx(moved, abs=1e-4)


def test_of_large_tensors_some_values_are_taken(
    write: Write, lane_of: MakeLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = write("""
        def build():
            model = nn.Sequential(nn.Linear(90, 110), nn.Tanh(), nn.Linear(110, 50))
            return setup(model=model, batches=[torch.randn(64, 90)])
    """)
    exact = lane_of(target).latest
    monkeypatch.setattr(own_lane, "SAMPLES", 1000)
    sampled = lane_of(target).latest
    assert exact is not None
    assert sampled is not None
    for one, other in zip(exact.activations, sampled.activations, strict=True):
        assert one.std != other.std
        assert other.std == pytest.approx(one.std, rel=4 / (2 * 900) ** 0.5)
        assert other.grad_std == pytest.approx(one.grad_std, rel=4 / (2 * 900) ** 0.5 * 1.5)
    for weight, some in zip(exact.weights, sampled.weights, strict=True):
        assert some.std == pytest.approx(weight.std, rel=4 / (2 * 900) ** 0.5)


@pytest.mark.parametrize(
    ("batches", "dev", "due"),
    [
        ("[torch.ones(4, 3)]", None, []),
        ("[torch.ones(4, 3)]", 1, [50, 100]),
        ("[torch.ones(4, 3)] * 30", 7, [60, 120]),
        ("[torch.ones(4, 3)] * 60", 200, []),
        ("[torch.ones(4, 3)] * 60", 60, [60, 120]),
    ],
)
def test_dev_losses_come_after_epochs_and_cost_no_more_than_those(
    write: Write, lane_of: MakeLane, batches: str, dev: int | None, due: list[int]
) -> None:
    given = "" if dev is None else f", dev=[torch.ones(2, 3)] * {dev}"
    one = lane_of(write(f"def build():\n    return setup(batches={batches}{given})\n"))
    found = []
    for step in range(1, 121):
        one.step = step
        found += [step] if one.at_epoch_end else []
    assert found == due
