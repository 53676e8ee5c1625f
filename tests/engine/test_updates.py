"""When an update is measured and sent."""

from __future__ import annotations

from tuiinit.engine.updates import MEASURING_SHARE, SIGN_OF_LIFE, UPDATE_INTERVAL, Updates


def test_it_is_sent_once_it_is_wanted_and_something_changed() -> None:
    updates = Updates()
    updates.changed = True
    assert not updates.ready(10.0, still=True), "nobody wants it"
    updates.want(0.0, 0.0)
    updates.want(0.0, 0.0)
    assert updates.ready(10.0, still=True)
    updates.sent(10.0)
    updates.changed = True
    assert not updates.ready(10.0, still=True), "wishes do not add up"
    updates.want(0.0, 0.0)
    updates.changed = False
    assert not updates.ready(10.0, still=True), "there is nothing to say"


def test_one_goes_out_unmeasured_where_measuring_is_not_due_for_long() -> None:
    updates = Updates()
    updates.want(10.0, 0.0)
    updates.measured(10.0, 60.0)
    updates.changed = True
    updates.sent(10.0)
    updates.want(10.1, 0.0)
    updates.changed = True
    assert not updates.due(10.0 + SIGN_OF_LIFE)
    assert [updates.ready(10.0 + SIGN_OF_LIFE * share, still=False) for share in (0.99, 1.01)] == [False, True]
    updates.sent(11.0)
    assert not updates.ready(20.0, still=False), "nobody has taken it"


def test_lanes_that_move_are_measured_for_it() -> None:
    updates = Updates()
    updates.sent(9.9)
    updates.changed = True
    assert not updates.due(10.0)
    updates.want(10.0, 0.0)
    assert updates.due(10.0)
    assert not updates.ready(10.0, still=False)
    updates.measured(10.0, 0.0)
    assert updates.ready(10.0, still=False)
    updates.sent(10.0)
    updates.changed = True
    updates.want(10.0, 0.0)
    assert not updates.ready(10.0, still=False), "what was measured has gone out"


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
    assert updates.ready(10.0, still=True)
    updates.measured(7.0, 0.0)
    updates.want(7.0, 0.0)
    assert not updates.due(7.0), "a wish for now comes no sooner than the interval allows"
