"""A lane gives the same numbers however it is stepped, and goes on under changed settings as if born with them."""

from __future__ import annotations

import math
import random
from typing import Any

import hypothesis
import hypothesis.strategies as st
import msgspec
import numpy as np
import pytest
import torch

from tests.engine.conftest import CPU, Make
from tuiinit.config.names import OPTIMIZERS
from tuiinit.config.run import RunConfig
from tuiinit.config.schedule import Change
from tuiinit.engine.minibatches import BLOCK, Minibatches
from tuiinit.engine.trainer import Trainer
from tuiinit.stream.protocol import Snapshot

COUNTED = (torch.arange(1_000)[:, None], -torch.arange(1_000))  # each example tells its index
SMALL = RunConfig(hidden=(20, 20), device="cpu")


def state(lane: Trainer) -> list[torch.Tensor]:
    return [lane.network.flat.clone(), *(b.clone() for b in lane.network.buffers())]


def same(one: Trainer, other: Trainer) -> bool:
    return one.step == other.step and all(torch.equal(a, b) for a, b in zip(state(one), state(other), strict=True))


def timeless(snapshot: Snapshot | None) -> Snapshot:
    """A snapshot without what is allowed to differ: what measuring cost, and the lane's name."""
    assert snapshot is not None
    return msgspec.structs.replace(snapshot, cost=0.0, lane="")


# ------------------------------------------------------------------------------------------ minibatches


@hypothesis.given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 300), st.booleans()), min_size=1, max_size=6))
def test_minibatches_are_those_drawn_step_by_step(runs: list[tuple[int, int, bool]]) -> None:
    """Runs of steps with a batch size each, looked at beforehand or not."""
    drawn = Minibatches(torch.Generator().manual_seed(5), *COUNTED)
    generator = torch.Generator().manual_seed(5)
    for size, steps, peek in runs:
        if peek:
            drawn.next(size, peek=True)
        for _ in range(steps):
            x, y = drawn.next(size)
            assert torch.equal(x, torch.randint(0, 1_000, (size,), generator=generator))
            assert torch.equal(y[:, 0], -x)


def test_peeking_at_another_size_keeps_the_order() -> None:
    drawn = Minibatches(torch.Generator().manual_seed(5), *COUNTED)
    generator = torch.Generator().manual_seed(5)
    for size in (3, 8, 8, 2):
        drawn.next(9, peek=True)
        x, y = drawn.next(size)
        assert torch.equal(x, torch.randint(0, 1_000, (size,), generator=generator))
        assert torch.equal(y[:, 0], -x)


def test_blocks_of_large_minibatches_stay_small() -> None:
    drawn = Minibatches(torch.Generator(), *COUNTED)
    drawn.next(65_536)
    assert sum(x.numel() + y.numel() for x, y in drawn._block) * 8 < 2**25  # bytes


# -------------------------------------------------------------------------------------------- stepping


@pytest.mark.parametrize("settings", [{}, {"bn": True}, {"optimizer": "adam", "lr": 0.01}], ids=str)
def test_measuring_and_reading_change_nothing(trainer: Make, settings: dict[str, Any]) -> None:
    plain, busy = trainer(SMALL, **settings), trainer(SMALL, **settings)
    coin = random.Random(0)
    busy.peek()
    losses: list[float] = []
    for step in range(BLOCK - 1):
        plain.train_step()
        busy.train_step(measure=coin.random() < 0.1)
        if coin.random() < 0.05:
            trace = busy.take_trace()
            assert trace is not None
            assert trace.first_step == len(losses) + 1
            losses += trace.loss.tolist()
        if step == 100:
            busy.evaluate()
        if coin.random() < 0.02:
            busy.peek()
    assert timeless(plain.train_step(measure=True)) == timeless(busy.train_step(measure=True))
    assert same(plain, busy)
    trace = busy.take_trace()
    whole = plain.take_trace()
    assert trace is not None
    assert whole is not None
    assert losses + trace.loss.tolist() == whole.loss.tolist()
    assert len(whole.loss) == BLOCK
    assert busy.take_trace() is None


def test_step_zero_tells_what_the_first_minibatch_finds(trainer: Make) -> None:
    lane = trainer(bn=True)
    before = state(lane)
    start = lane.peek()
    assert start is not None
    assert all(torch.equal(a, b) for a, b in zip(before, state(lane), strict=True))
    first = lane.train_step(measure=True)
    assert first is not None
    assert (start.step, first.step) == (0, 1)
    assert start.activations == first.activations
    assert start.loss == first.loss == start.initial_loss == first.initial_loss
    assert [w.grad_std for w in start.weights] == [w.grad_std for w in first.weights]
    assert [w.std for w in start.weights] != [w.std for w in first.weights]
    assert {w.update_data_log10 for w in start.weights} == {None}


def test_initial_loss_is_the_first_minibatchs_even_if_measured_late(trainer: Make) -> None:
    early, late = trainer(SMALL), trainer(SMALL)
    first = early.train_step(measure=True)
    for _ in range(4):
        late.train_step()
    assert first is not None
    assert timeless(late.train_step(measure=True)).initial_loss == first.loss


CHANGES = [("lr", 0.01), ("lr", 0.0), ("batch_size", 7), ("batch_size", 64), *(("optimizer", o) for o in OPTIMIZERS)]


@pytest.mark.parametrize("bn", [False, True])
@pytest.mark.parametrize(("name", "value"), CHANGES)
def test_adjusting_is_the_schedule_from_the_start(trainer: Make, name: Any, value: Any, bn: bool) -> None:
    config = SMALL.replace(bn=bn, lr=0.05)
    lane = trainer(config)
    for _ in range(9):
        lane.train_step()
    lane.adjust(name, value)
    born = trainer(config.replace(schedule=(Change(9, name, value),)))
    if getattr(config, name) != value:
        assert lane.config == born.config
    for _ in range(10):
        lane.train_step()
    for _ in range(19):
        born.train_step()
    assert same(lane, born)
    assert timeless(lane.train_step(measure=True)) == timeless(born.train_step(measure=True))
    assert lane.epoch == born.epoch


def test_several_changes_replay(trainer: Make) -> None:
    lane = trainer(SMALL.replace(optimizer="momentum"))
    coin = random.Random(3)
    for name, value in [("lr", 0.01), ("batch_size", 50), ("lr", 0.2), ("optimizer", "adam"), ("lr", 0.001)] * 2:
        for _ in range(coin.randrange(1, 5)):
            lane.train_step(measure=coin.random() < 0.3)
        lane.adjust(name, value)
    for _ in range(7):
        lane.train_step()
    again = trainer(lane.config)
    while again.step < lane.step:
        again.train_step()
    assert same(lane, again)


# -------------------------------------------------------------------------------------------- epochs


def test_epochs(trainer: Make) -> None:
    lane = trainer(SMALL.replace(hidden=(1,), batch_size=4_096))
    examples = len(lane.dataset.text.train)
    per_epoch = round(examples / 4_096)
    assert lane.steps_per_epoch == per_epoch
    assert (lane.epoch, lane.steps_to_epoch_end, lane.at_epoch_end) == (0.0, per_epoch, False)
    ends = []
    for step in range(1, 2 * per_epoch + 1):
        wanted = per_epoch - (step - 1) % per_epoch
        assert lane.steps_to_epoch_end == wanted
        lane.train_step()
        assert lane.epoch == pytest.approx(step / per_epoch)
        ends += [step] if lane.at_epoch_end else []
    assert ends == [per_epoch, 2 * per_epoch]


def test_an_epoch_goes_on_when_the_batch_size_changes(trainer: Make) -> None:
    lane = trainer(SMALL.replace(hidden=(1,), batch_size=8_192))
    for _ in range(lane.steps_per_epoch // 2):
        lane.train_step()
    part = lane.epoch
    lane.adjust("batch_size", 16_384)
    assert lane.epoch == part
    left = lane.steps_to_epoch_end
    assert left == round((1 - part) * lane.steps_per_epoch)
    for _ in range(left):
        assert not lane.at_epoch_end
        lane.train_step()
    assert lane.at_epoch_end
    assert lane.epoch == pytest.approx(1, abs=0.5 / lane.steps_per_epoch)


# ------------------------------------------------------------------------------------------ edge cases


def finite(snapshot: Snapshot | None) -> Snapshot:
    """Every number of the snapshot is finite."""
    assert snapshot is not None

    def walk(value: Any) -> None:
        if isinstance(value, float):
            assert math.isfinite(value)
        elif isinstance(value, bytes):
            pass
        elif isinstance(value, tuple | list):
            for one in value:
                walk(one)
        elif isinstance(value, msgspec.Struct):
            for name in value.__struct_fields__:
                walk(getattr(value, name))

    walk(snapshot)
    return snapshot


EDGES = [
    {"gain": 0.0},
    {"gain": 0.0, "bn": True},
    {"lr": 0.0},
    {"output_scale": 0.0},
    {"output_scale": 0.0, "bn": True},
    {"embedding_scale": 0.0},
    {"embedding_scale": 0.0, "bn": True},
    {"hidden": (1,), "embedding": 1},
    {"hidden": (1, 1, 1), "bn": True},
    {"hidden": (20,) * 50, "bn": True},
    {"hidden": (20,) * 50, "gain": 1.0},
    {"batch_size": 1},
    {"bn": True, "batch_size": 2},
]


@pytest.mark.parametrize("settings", EDGES, ids=str)
def test_edges_measure_finite_numbers(trainer: Make, settings: dict[str, Any]) -> None:
    lane = trainer(SMALL.replace(**settings))
    start = finite(lane.peek())
    assert start.step == 0
    for _ in range(3):
        snapshot = lane.train_step(measure=True)
        finite(snapshot)
    assert lane.diverged_at is None


def test_gain_zero_says_nothing_and_lr_zero_moves_nothing(trainer: Make) -> None:
    lane = trainer(SMALL, gain=0.0)
    snapshot = finite(lane.train_step(measure=True))
    assert all(act.std == 0 for act in snapshot.activations)
    assert snapshot.loss == pytest.approx(math.log(27))
    assert snapshot.weights[1].grad_data_ratio is None  # 0 / 0

    still = trainer(SMALL, lr=0.0)
    before = state(still)
    snapshot = finite(still.train_step(measure=True))
    assert all(torch.equal(a, b) for a, b in zip(before, state(still), strict=True))
    assert {w.update_data_log10 for w in snapshot.weights} == {None}


def test_output_scale_zero_lets_no_gradient_below_at_the_first_step(trainer: Make) -> None:
    lane = trainer(SMALL, output_scale=0.0)
    first = finite(lane.train_step(measure=True))
    assert [w.grad_std > 0 for w in first.weights] == [False, False, False, True]
    second = finite(lane.train_step(measure=True))
    assert all(w.grad_std > 0 for w in second.weights)


def test_a_batch_larger_than_the_data(trainer: Make, tmp_path: Any) -> None:
    from tuiinit.data import words as text
    from tuiinit.engine.minibatches import Dataset

    file = tmp_path / "few.txt"
    file.write_text("\n".join(["anna", "otto", "eva", "ada", "emma", "lea", "leo", "mia", "noa", "ida", "ina"]))
    data = Dataset.of(text.load(str(file), 3), CPU)
    for bn in (False, True):
        lane = trainer(SMALL, data=data, batch_size=500, bn=bn)
        assert lane.steps_per_epoch == 1
        finite(lane.peek())
        for step in range(1, 4):
            snapshot = finite(lane.train_step(measure=True))
            assert lane.at_epoch_end
            assert lane.epoch == step
        assert snapshot.probe_rows == len(data.text.train)
        assert lane.evaluate().dev is not None


def test_update_data_of_a_measured_step_is_the_traces(trainer: Make) -> None:
    lane = trainer(SMALL, bn=True)
    snapshots = [timeless(lane.train_step(measure=True)) for _ in range(5)]
    trace = lane.take_trace()
    assert trace is not None
    wanted = np.array([[w.update_data_log10 for w in snapshot.weights] for snapshot in snapshots])
    np.testing.assert_allclose(trace.update_data, wanted, rtol=1e-6)
    np.testing.assert_array_equal(trace.loss, np.array([s.loss for s in snapshots], np.float32))
