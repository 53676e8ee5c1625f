"""The clock: what it is asked to run to, and when it stops."""

from __future__ import annotations

import pytest

from tuiinit.engine import clock as module
from tuiinit.engine.clock import STRIDE, Clock


def at(now: int) -> Clock:
    clock = Clock()
    clock.follow([now])
    return clock


def ran(clock: Clock) -> int:
    """Where it stops."""
    while clock.running:
        clock.tick()
        clock.stop_at_target()
    return clock.now


def test_steps_add_up_while_they_are_run() -> None:
    clock = at(7)
    for _ in range(5):
        clock.run_for(1)
    assert (clock.target, clock.running, clock.catching_up) == (12, True, True)
    assert ran(clock) == 12
    clock.run_for(1)
    assert clock.target == 13


@pytest.mark.parametrize("stop", [Clock.run_on, Clock.pause])
def test_what_has_no_end_or_was_paused_is_not_counted_from(stop: object) -> None:
    clock = at(7)
    clock.run_for(100)
    stop(clock)  # type: ignore[operator]
    clock.run_for(2)
    assert clock.target == 9


def test_epochs_add_up_to_their_ends() -> None:
    clock = at(30)
    clock.run_for_epochs(1, end=100, per_epoch=100)
    assert clock.target == 100
    clock.run_for_epochs(1, end=100, per_epoch=100)
    assert clock.target == 200
    clock.run_for(1)
    clock.run_for_epochs(2, end=100, per_epoch=100)
    assert clock.target == 400, "201 is in the third epoch"


def test_it_never_runs_back() -> None:
    clock = at(50)
    clock.run_to(20)
    assert (clock.now, clock.target, clock.running) == (50, 50, False)
    assert clock.catching_up, "lanes that are behind may move"
    clock.run_for(-3)
    assert clock.target == 50
    clock.follow([10, 49])
    assert clock.now == 50


def test_a_stride_ends_at_the_target_and_is_measured_there() -> None:
    clock = at(0)
    clock.run_for(11)
    clock.took(0.0)
    assert clock.stride == STRIDE
    assert (clock.tick(), clock.now) == (STRIDE, STRIDE)
    assert not clock.is_last(STRIDE), "the clock goes on"
    assert (clock.tick(), clock.now) == (3, 11)
    assert [step for step in range(9, 12) if clock.is_last(step)] == [11]
    clock.stop_at_target()
    assert not clock.running


def test_slow_steps_make_short_strides() -> None:
    clock = at(0)
    clock.took(module.STRIDE_SECONDS / 3)
    assert clock.stride == 3
    clock.took(10.0)
    assert clock.stride == 1


def test_it_stops_where_the_last_lane_diverged() -> None:
    clock = at(100)
    clock.run_on()
    clock.tick()
    clock.stop_with([40, 97])
    assert (clock.now, clock.running) == (97, False)


def test_restart() -> None:
    clock = at(100)
    clock.run_for(5)
    clock.restart()
    assert (clock.now, clock.running, clock.catching_up) == (0, False, False)
