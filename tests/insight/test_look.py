"""A lane as looked at: what is taken from its history at a step, and that a view needs no more than that."""

from __future__ import annotations

import pytest

from tests.explorer import fake
from tuiinit.config.run import RunConfig
from tuiinit.insight.expected import expect
from tuiinit.insight.findings import findings
from tuiinit.insight.look import Look, snapshot_of
from tuiinit.session.pointer import Pointer
from tuiinit.stream.history import LaneHistory
from tuiinit.views import VIEWS, Page

CONFIG = RunConfig(hidden=(20, 20), gain=1.0)


def history(config: RunConfig = CONFIG, steps: tuple[int, ...] = (0, 10, 20)) -> LaneHistory:
    """A lane with a snapshot at each step, and an evaluation and a closer look at the second and the last."""
    lane = LaneHistory(fake.shape(config), config)
    lane.take(fake.trace(config, 1, steps[-1]))
    for step in steps:
        lane.take(fake.snapshot(config, step), keep=True)
    for step in (steps[1], steps[-1]):
        lane.take(fake.evaluation(config, step))
        lane.take(fake.inspection(config, step))
    return lane


def steps_of(look: Look) -> tuple[int | None, int | None, int | None]:
    parts = (look.snapshot, look.evaluation, look.inspection)
    snapshot, evaluation, inspection = (part.step if part is not None else None for part in parts)
    return snapshot, evaluation, inspection


@pytest.mark.parametrize(
    ("past", "step", "until", "seen"),
    [(None, 20, 20, (20, 20, 20)), (15, 15, 15, (10, 10, 10)), (10, 10, 10, (10, 10, 10)), (9, 9, 9, (0, None, None))],
)
def test_nothing_is_of_a_later_step(
    past: int | None, step: int, until: int, seen: tuple[int | None, int | None, int | None]
) -> None:
    look = Look.of(history(), past)
    assert (look.step, look.until, steps_of(look)) == (step, until, seen)


def test_the_snapshot_alone_can_be_no_later_than_another() -> None:
    look = Look.of(history(), no_later=12)
    assert steps_of(look) == (10, 20, 20)
    assert snapshot_of(look) is look.snapshot
    assert snapshot_of(None) is None


def test_a_lane_may_be_past_its_newest_snapshot() -> None:
    assert Look.of(history(), step=23).step == 23
    assert Look.of(history(), step=3).step == 20, "a status that is older than the snapshot"
    assert Look.of(LaneHistory(fake.shape(CONFIG), CONFIG)).step == 0


def test_the_settings_are_those_of_the_step() -> None:
    lane = history(CONFIG.changed(15, "lr", 0.01))
    assert Look.of(lane).settings.lr == 0.01
    assert Look.of(lane, 10).settings.lr == CONFIG.lr
    assert not Look.of(lane).settings.schedule
    assert Look.of(lane).config.schedule


def test_it_tells_what_to_expect_and_what_is_found() -> None:
    look = Look.of(history())
    assert look.expected == expect(CONFIG, None)
    assert look.snapshot is not None
    assert look.findings == findings(look.snapshot, CONFIG, evaluation=look.evaluation, expected=look.expected)
    assert look.findings is look.findings, "worked out once"
    assert Look.of(LaneHistory(fake.shape(CONFIG), CONFIG)).findings == ()


def test_it_is_the_same_until_something_is_measured() -> None:
    lane = history()
    look = Look.of(lane)
    assert Look.of(lane).same(look)
    assert not look.same(None)
    assert not Look.of(lane, 10).same(look)
    assert not Look.of(history()).same(look)
    lane.take(fake.snapshot(CONFIG, 21))
    assert not Look.of(lane).same(look)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.id)
def test_a_view_needs_no_session(view: object) -> None:
    other = Look.of(history(RunConfig(hidden=(20, 20), gain=3.0)))
    now = Look.of(history(), data=fake.data_info())
    shown = Page(view, now, other, Pointer(), 100, 40)  # type: ignore[arg-type]
    alone = Page(view, now, None, Pointer(), 100, 40)  # type: ignore[arg-type]
    for page in (shown, alone):
        assert {sum(len(span.text) for span in line) for line in page.rows} == {100}
    if view.id not in ("batch-norm", "findings", "saturation"):  # type: ignore[attr-defined]
        assert shown.rows != alone.rows, "the lane before is seen"


def test_what_was_worked_out_is_kept_with_the_look() -> None:
    history = LaneHistory(None)
    history.take(fake.snapshot(RunConfig(), 1), keep=True)
    look, calls = Look.of(history), []

    def work() -> int:
        calls.append(1)
        return len(calls)

    assert [look.kept("a", work), look.kept("a", work), look.kept("b", work)] == [1, 1, 2]
    assert Look.of(history).kept("a", work) == 3
