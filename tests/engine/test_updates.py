"""When an update is measured and sent."""

from __future__ import annotations

from tuiinit.engine.updates import MEASURING_SHARE, UPDATE_INTERVAL, Updates


def test_it_is_sent_once_it_is_wanted_and_something_changed() -> None:
    updates = Updates()
    updates.changed = True
    assert not updates.ready(still=True), "nobody wants it"
    updates.want(0.0, 0.0)
    updates.want(0.0, 0.0)
    assert updates.ready(still=True)
    updates.sent()
    updates.changed = True
    assert not updates.ready(still=True), "wishes do not add up"
    updates.want(0.0, 0.0)
    updates.changed = False
    assert not updates.ready(still=True), "there is nothing to say"


def test_lanes_that_move_are_measured_for_it() -> None:
    updates = Updates()
    updates.changed = True
    assert not updates.due(10.0)
    updates.want(10.0, 0.0)
    assert updates.due(10.0)
    assert not updates.ready(still=False)
    updates.measured(10.0, 0.0)
    assert updates.ready(still=False)
    updates.sent()
    updates.changed = True
    updates.want(10.0, 0.0)
    assert not updates.ready(still=False), "what was measured has gone out"


def test_measuring_takes_a_small_share_of_the_time() -> None:
    updates = Updates()
    for cost in (0.0, 1.0):
        updates.want(0.0, 0.0)
        updates.measured(0.0, cost)
        pause = max(UPDATE_INTERVAL, cost / MEASURING_SHARE)
        assert [updates.due(pause * share) for share in (0.99, 1.01)] == [False, True]


def test_a_wish_for_later_waits_only_while_lanes_move() -> None:
    updates = Updates()
    updates.changed = True
    updates.want(5.0, 2.0)
    assert not updates.due(6.9)
    assert updates.due(7.0)
    assert updates.ready(still=True)
    updates.measured(7.0, 0.0)
    updates.want(7.0, 0.0)
    assert not updates.due(7.0), "a wish for now comes no sooner than the interval allows"
