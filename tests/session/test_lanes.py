"""Which lanes are seen, shown and compared, and what the engine makes of them."""

from __future__ import annotations

from tests.explorer import fake
from tuiinit.config.run import RunConfig
from tuiinit.session.lanes import Lanes
from tuiinit.stream.protocol import LaneStatus

A, B, C = (RunConfig(gain=gain) for gain in (0.5, 1.0, 3.0))


def with_lanes(lanes: Lanes, *configs: RunConfig) -> Lanes:
    """The engine has these lanes."""
    for config in configs:
        lanes.take(fake.lane(config))
    return lanes


def status(config: RunConfig, step: int) -> LaneStatus:
    return LaneStatus(lane=config.key, step=step, epoch=0.0, steps_per_epoch=100, diverged_at=None)


def test_the_one_shown_is_always_known() -> None:
    lanes = Lanes(A)
    assert (list(lanes), lanes.shown.config, lanes.previous, lanes.selected) == ([A.key], A, None, (A,))
    lanes.select(B)
    assert (set(lanes), lanes.shown.config, lanes.selected) == ({A.key, B.key}, B, (B,))
    assert lanes.previous is lanes[A.key]


def test_a_lane_that_the_engine_refuses_gives_way_to_the_one_before() -> None:
    lanes = with_lanes(Lanes(A), A)
    assert not lanes.refused(), "it is not the lane that was refused"
    lanes.select(B)
    assert lanes.refused()
    assert (lanes.config, lanes.before, set(lanes)) == (A, None, {A.key})


def test_nothing_is_left_of_compared_lanes_that_are_refused() -> None:
    lanes = with_lanes(Lanes(A), A)
    lanes.compare((A, B, C), B, new=True)
    assert (lanes.config, lanes.place, lanes.selected) == (B, 1, (A, B, C))
    with_lanes(lanes, B)
    assert lanes.refused()
    assert (lanes.config, lanes.group, set(lanes)) == (A, (), {A.key, B.key})


def test_comparing_points_at_a_lane_that_something_is_known_of() -> None:
    lanes = Lanes(A)
    lanes.select(B)
    lanes.compare((A, B, C), C, new=False)
    assert lanes.config == B, "a recording holds nothing of C"
    lanes.compare((A, C), C, new=False)
    assert (lanes.config, set(lanes)) == (A, {A.key, B.key})
    lanes.look_alone(shown=False)
    assert (lanes.config, lanes.group) == (B, ()), "the one before they were compared"


def test_the_lane_before_is_then_the_one_before_they_were_compared() -> None:
    lanes = Lanes(A)
    lanes.compare((A, B), B, new=True)
    lanes.look_alone(shown=True)
    assert (lanes.config, lanes.before) == (B, A.key)


def test_a_lane_goes_on_under_its_new_name_alone() -> None:
    lanes = with_lanes(Lanes(A), A)
    lanes.compare((A, B), A, new=True)
    lanes.stand((status(A, 10),), still=True)
    lanes.shown.take(fake.snapshot(A, 10), keep=True)
    new = A.changed(10, "lr", 0.01)
    lanes.take(fake.lane(new, A.key))
    assert (lanes.config, lanes.group, set(lanes)) == (new, (new, B), {new.key, B.key})
    assert lanes.shown.snapshots.steps() == (10,)
    assert set(lanes.where) == {new.key}


def test_what_was_on_its_way_at_a_restart_is_late_until_the_lane_is_told_again() -> None:
    lanes = with_lanes(Lanes(A), A)
    lanes.shown.take(fake.snapshot(A, 10), keep=True)
    lanes.start_over((A, B), 1, compared=True)
    assert (lanes.config, lanes.group, lanes.place, lanes.before) == (B, (A, B), 1, None)
    assert not lanes[A.key].snapshots.newest
    assert lanes.late(A.key)
    with_lanes(lanes, A)
    assert not lanes.late(A.key)
    assert lanes.late(B.key)
    lanes.new_engine()
    assert not lanes.late(B.key)


def test_where_a_lane_stands_still_its_snapshot_is_kept() -> None:
    for still, steps in ((True, (12, 13)), (False, (13,))):
        lanes = Lanes(A)
        lanes.shown.take(fake.snapshot(A, 12))
        lanes.stand((status(A, 12), status(B, 1)), still=still)
        lanes.shown.take(fake.snapshot(A, 13))
        assert lanes.shown.snapshots.steps() == steps
        assert lanes.where[A.key].step == 12
