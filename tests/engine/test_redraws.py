"""The engine's redraws: the same numbers everywhere, a lane untouched, told once a lane and in pieces."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.engine.conftest import CPU, Make
from tests.engine.test_server import TINY, Screen, of
from tests.engine.test_server import screen as screen
from tests.engine.test_trainer import timeless
from tuiinit.config.run import RunConfig
from tuiinit.engine import redraws
from tuiinit.engine.clock import Clock
from tuiinit.engine.lanes import Lanes
from tuiinit.engine.network import Network
from tuiinit.engine.redraws import Starts, draws_of
from tuiinit.engine.trainer import Trainer
from tuiinit.stream import protocol as p
from tuiinit.stream.misfit import misfit
from tuiinit.stream.protocol import Start, floats

SMALL = RunConfig(hidden=(20, 20, 20), device="cpu")


def start_of(lane: Trainer) -> Start:
    assert lane.first is not None
    (frame,) = [frame for frame in redraws.start(lane.first) if frame is not None]
    return frame


def looked_at(make: Make, **settings: object) -> Trainer:
    lane = make(SMALL, **settings)
    lane.peek()
    return lane


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redraws, "MOST", 16)


@pytest.mark.parametrize(
    ("bn", "optimizer"), [(False, "sgd"), (True, "momentum"), (False, "adam"), (True, "adamw"), (False, "rmsprop")]
)
def test_theory_and_redraws_bracket_what_is_measured(trainer: Make, bn: bool, optimizer: str) -> None:
    lane = looked_at(trainer, bn=bn, optimizer=optimizer, hidden=(50, 50, 50), lr=0.01)
    frame = start_of(lane)
    assert misfit(frame, lane.network.shape) is None
    assert (frame.redraws, frame.lost, frame.examples) == (16, 0, 32)
    now = lane.train_step(measure=True)
    assert now is not None
    ratios = [a.grad_std / now.activations[-1].grad_std for a in now.activations]
    for name, measured, factor in (
        ("std", [a.std for a in now.activations], 1.1),
        ("grad_std", [a.grad_std for a in now.activations], 1.5),
        ("grad_ratio", ratios, 1.5),
        ("weight_grad_std", [w.grad_std for w in now.weights], 1.6),
        ("loss", [now.loss], 1.03),
        ("logit_std", [now.logit_std], 1.3),
    ):
        low, middle, high = floats(getattr(frame.redrawn, name), 3).T
        theory = floats(getattr(frame.theory, name))
        assert (low <= middle).all()
        assert (middle <= high).all()
        for value, one, center in zip(measured, theory, middle, strict=True):
            assert 1 / factor < value / center < factor, name
            assert 1 / factor < one / center < factor, name
    updates = np.array([w.update_data_log10 for w in now.weights])
    np.testing.assert_allclose(floats(frame.redrawn.update_data, 3)[:, 1], updates, atol=0.2)
    np.testing.assert_allclose(floats(frame.theory.update_data), updates, atol=0.2)
    shares = np.array([a.saturated for a in now.activations])
    np.testing.assert_allclose(floats(frame.redrawn.saturated, 3)[:, 1], shares, atol=0.04)


def test_a_redraw_is_measured_as_a_lane_is(trainer: Make) -> None:
    """A lane whose weights are those of the first redraw tells the figures of that redraw."""
    lane = looked_at(trainer, bn=True)
    assert lane.first is not None
    first = next(figures for figures in redraws._redraw(lane.first) if figures is not None)
    generator = torch.Generator().manual_seed(redraws.SEED)
    Network(lane.first.config, 27, generator, CPU)
    lane.network.flat.copy_(Network(lane.first.config, 27, generator, CPU).flat)
    lane.network.weights[0].copy_(lane.first.embedding)
    now = lane.train_step(measure=True)
    assert now is not None
    stds = [a.std for a in now.activations]
    grads = [a.grad_std for a in now.activations]
    expected = [
        *stds, *(a.saturated for a in now.activations), *grads, *(g / grads[-1] for g in grads),
        *(w.grad_std for w in now.weights), *(w.update_data_log10 for w in now.weights), now.loss, now.logit_std,
    ]  # fmt: skip
    np.testing.assert_allclose(first, expected, rtol=2e-5)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_the_lane_stays_as_it_is(trainer: Make, optimizer: str) -> None:
    alone, beside = (looked_at(trainer, bn=True, optimizer=optimizer) for _ in range(2))
    first = start_of(beside)
    for _ in range(3):
        alone.train_step()
        beside.train_step()
    assert start_of(beside) == first  # also after the lane went on
    a, b = alone.train_step(measure=True), beside.train_step(measure=True)
    assert a is not None
    assert b is not None
    assert timeless(a) == timeless(b)
    assert torch.equal(alone.network.flat, beside.network.flat)
    assert torch.equal(alone.network.memory.all_running, beside.network.memory.all_running)


def test_the_number_of_draws_follows_from_the_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert draws_of(RunConfig(), 27) == 64
    deep = draws_of(RunConfig(hidden=(100,) * 50), 27)
    assert 16 < deep < 64
    assert draws_of(RunConfig(hidden=(1000,) * 5), 27) == 16
    assert draws_of(RunConfig(hidden=(4000, 4000, 4000), batch_size=1024), 27) == 0


def test_a_network_too_large_for_redraws_has_theory(trainer: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redraws, "LONGEST", 0.0)
    frame = start_of(looked_at(trainer, bn=True))
    assert frame.redraws == 0
    assert np.isnan(floats(frame.redrawn.std)).all()
    assert np.isfinite(floats(frame.theory.std)).all()


def test_memory_that_is_not_there_leaves_theory(trainer: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*_: object) -> Network:
        raise MemoryError

    lane = looked_at(trainer)
    monkeypatch.setattr(redraws, "Network", no_room)
    frame = start_of(lane)
    assert frame.redraws == 0
    assert np.isfinite(floats(frame.theory.std)).all()


def test_draws_through_which_nothing_comes_are_left_out(trainer: Make) -> None:
    frame = start_of(looked_at(trainer, nonlinearity="relu", hidden=(2, 2, 2, 2)))
    assert 0 < frame.lost < frame.redraws == 16
    assert np.isfinite(floats(frame.redrawn.grad_ratio)).all()


@pytest.mark.parametrize(
    "settings",
    [
        {"output_scale": 0.0},
        {"gain": 0.0, "bn": True},
        {"gain": 1e30},
        {"gain": 1e30, "bn": True},
        {"batch_size": 1},
        {"batch_size": 2, "bn": True},
        {"hidden": (1,), "bn": True},
        {"hidden": (1,), "embedding": 1},
        {"lr": 0.0},
        {"lr": 1e30},
        {"bias_before_bn": True, "bn": True, "bn_style": "torch"},
        {"fan_in_scaling": False, "bn": True},
    ],
)
def test_odd_lanes_have_a_start(trainer: Make, settings: dict[str, object]) -> None:
    lane = looked_at(trainer, **settings)
    assert misfit(start_of(lane), lane.network.shape) is None


def test_repeats_are_counted_and_theory_without_them_told(trainer: Make) -> None:
    lane = looked_at(trainer, bn=True)
    assert lane.first is not None
    x = lane.first.x.view(32, 3).clone()
    x[:10] = x[0]
    (frame,) = [f for f in redraws.start(lane.first._replace(x=x.view(-1))) if f is not None]
    assert frame.commonest >= 10
    assert frame.contexts <= 23
    assert frame.ratio_without_repeats is not None
    assert frame.ratio_without_repeats < floats(frame.theory.grad_ratio)[0]


# ------------------------------------------------------------------------------------------- the command loop


def starts(screen: Screen, *lanes: RunConfig) -> list[Start]:
    """What is told of so many lanes' starts once they were asked for."""
    frames = screen.settled(p.Select(lanes=lanes), p.Redraw())
    while len(of(frames, Start)) < len(lanes):
        frames += screen.update()
    return of(frames, Start)


def test_a_start_is_told_once_a_lane_and_after_its_snapshot(screen: Screen) -> None:
    frames = screen.settled(p.Select(lanes=(TINY,)), p.Redraw())
    assert of(frames, p.Snapshot)
    while not of(frames, Start):
        frames += screen.update()
    kinds = [type(frame) for frame in frames]
    assert kinds.index(p.Snapshot) < kinds.index(Start)
    assert [frame.lane for frame in of(frames, Start)] == [TINY.key]
    again = screen.settled(p.Advance(steps=20))
    again += screen.settled(p.Evaluate())
    assert not of(again, Start)


def test_it_is_not_told_unasked(screen: Screen) -> None:
    frames = screen.settled(p.Select(lanes=(TINY,)), p.Advance(steps=20))
    assert not of(frames, Start)
    assert screen.server._starts is None


def test_lanes_side_by_side_each_have_theirs(screen: Screen) -> None:
    pair = (TINY, TINY.replace(bn=True))
    found = starts(screen, *pair)
    assert [frame.lane for frame in found] == [config.key for config in pair]
    assert found[0].theory != found[1].theory


def test_the_same_lane_has_the_same_start_in_every_engine(screen: Screen, trainer: Make) -> None:
    (frame,) = starts(screen, TINY)
    lane = trainer(TINY)
    lane.peek()
    assert frame == start_of(lane)


def test_after_a_restart_it_is_told_again(screen: Screen) -> None:
    (before,) = starts(screen, TINY)
    frames = screen.settled(p.Restart(), p.Select(lanes=(TINY,)))
    while not of(frames, Start):
        frames += screen.update()
    assert of(frames, Start) == [before]


def test_a_lane_that_goes_on_under_another_name_takes_it_along(screen: Screen) -> None:
    screen.settled(p.Select(lanes=(TINY,)), p.Advance(steps=5))
    frames = screen.settled(p.Adjust(name="lr", value=0.01), p.Redraw())
    (lane,) = of(frames, p.Lane)
    while not of(frames, Start):
        frames += screen.update()
    (frame,) = of(frames, Start)
    assert frame.lane == lane.lane != TINY.key


def test_while_it_trains_a_start_comes_between_updates(screen: Screen) -> None:
    frames = screen.update(p.Select(lanes=(TINY,)), p.Redraw(), p.Advance())
    while not of(frames, Start):
        frames += screen.update()
    screen.settled(p.Pause())


def test_keys_are_heard_while_a_start_is_worked_out() -> None:
    """A start is made of pieces, each about as long as a draw."""
    config = RunConfig(device="cpu", bn=True)
    pending = Starts()
    lanes = Lanes(Clock())
    lanes.select([config])
    pieces = 0
    while pending.work(lanes.selected, 0.0) is None:
        pieces += 1
    assert pieces > 2 * 16
    assert pending.wanted(lanes.selected) is None
