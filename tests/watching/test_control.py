"""The budget by a clock that tests turn."""

from __future__ import annotations

import random

import pytest

from tuiinit.watching.control import Control


class Clock:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


def run(control: Control, clock: Clock, seconds: float, *, step: float, more: float, after: float = 0.0) -> list[int]:
    """Train; which steps were measured."""
    measured, until = [], clock.time + seconds
    noise = random.Random(0)
    armed, before = control.first(), False
    while clock.time < until:
        if armed:
            measured.append(control.step + 1)
        clock.time += step * noise.uniform(0.97, 1.03) + (more if armed else 0.0) + (after if before else 0.0)
        before, armed = armed, control.ended()
    return measured


@pytest.mark.parametrize("step", [0.0005, 0.01, 1.0])
@pytest.mark.parametrize(("seen", "share"), [(True, 0.02), (False, 0.002)])
def test_measuring_keeps_to_its_share_with_the_step_after_it(step: float, seen: bool, share: float) -> None:
    clock = Clock()
    control = Control(clock)
    control.seen = seen
    more, after = step * 2, step * 0.5
    seconds = 20_000 * step
    measured = run(control, clock, seconds, step=step, more=more, after=after)
    truly = len(measured) * (more + after)
    milestones = 14 * (more + after)
    assert truly <= share * seconds + milestones
    if step > 0.001:  # of shorter steps fewer are measured: nobody sees more than 20 a second
        assert truly >= share * seconds * 0.8
    assert control.spent == pytest.approx(truly, rel=0.15)
    assert {1, 2, 5, 10} <= set(measured)
    if not seen and step < 0.01:
        assert {20, 50, 100, 200, 500} <= set(measured)


@pytest.mark.parametrize(("step", "more"), [(0.005, 0.012), (0.06, 0.035), (0.25, 0.04)])
def test_a_minute_unseen_costs_at_most_three_thousandths_with_its_milestones(step: float, more: float) -> None:
    clock = Clock()
    measured = run(Control(clock), clock, 60, step=step, more=more, after=more / 10)
    assert len(measured) * more * 1.1 <= 0.003 * 60
    assert measured[:4] == [1, 2, 5, 10]


def test_a_pause_is_no_reason_for_a_burst() -> None:
    clock = Clock()
    control = Control(clock)
    control.seen = True
    run(control, clock, 20, step=0.01, more=0.02)
    clock.time += 600  # evaluation
    measured = run(control, clock, 1, step=0.01, more=0.02)
    assert len(measured) <= 4


def test_every_overrides_the_budget() -> None:
    clock = Clock()
    measured = run(Control(clock, every=7), clock, 5, step=0.1, more=5.0)
    assert measured == [1]
    clock = Clock()
    measured = run(Control(clock, every=7), clock, 3, step=0.1, more=0.0)
    assert measured[:4] == [1, 7, 14, 21]


def test_who_comes_to_look_need_not_wait_for_debts() -> None:
    clock = Clock()
    control = Control(clock)
    run(control, clock, 10, step=0.005, more=0.1)  # milestones alone cost more than a hundredth
    control.seen = True
    assert len(run(control, clock, 60, step=0.005, more=0.1)) >= 9


def test_a_wish_is_the_next_step() -> None:
    clock = Clock()
    control = Control(clock, budget=0.0)
    run(control, clock, 3, step=0.1, more=0.1)
    assert not control.ended()
    control.wish()
    assert control.ended()
    assert not control.ended()


def test_a_clock_that_is_set_back_stops_nothing() -> None:
    clock = Clock()
    control = Control(clock)
    control.seen = True
    run(control, clock, 5, step=0.01, more=0.01)
    clock.time -= 1e6
    assert len(run(control, clock, 20, step=0.01, more=0.01)) > 5


def test_viewers_that_come_and_go_do_not_spend_more() -> None:
    clock = Clock()
    control = Control(clock)
    armed, measured, steps = control.first(), 0, 0
    while clock.time < 220:
        measured += armed
        clock.time += 0.1 + (0.05 if armed else 0.0)
        steps += 1
        control.seen = steps % 20 < 10
        armed = control.ended()
    assert measured * 0.05 <= 0.02 * 120 + 10 * 0.05
