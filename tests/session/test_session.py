"""The session: what frames and keys make of it, without a screen."""

from __future__ import annotations

import msgspec
import pytest

from tests.explorer import fake
from tests.insight.starts import start
from tuiinit.config.names import OPTIMIZERS
from tuiinit.config.nonlinearities import NONLINEARITIES
from tuiinit.config.run import RunConfig, differences
from tuiinit.config.values import ConfigError
from tuiinit.explorer.panes.header import header_row
from tuiinit.insight.look import snapshot_of
from tuiinit.session.changed import Changed, Commands
from tuiinit.session.session import Session
from tuiinit.stream.protocol import (
    Adjust,
    Advance,
    Credit,
    Evaluation,
    Hello,
    LaneStatus,
    Pause,
    Problem,
    Redraw,
    Restart,
    Select,
    Status,
)


def turn(session: Session, name: str, direction: int) -> Commands:
    """What a key for the next value does."""
    return session.change(name, session.next_value(name, direction))


def status(
    config: RunConfig,
    step: int,
    *,
    clock: int | None = None,
    running: bool = False,
    catching_up: bool = False,
    diverged_at: int | None = None,
) -> Status:
    lane = LaneStatus(lane=config.key, step=step, epoch=step / 5707, steps_per_epoch=5707, diverged_at=diverged_at)
    return Status(
        running=running,
        catching_up=catching_up,
        clock=step if clock is None else clock,
        target=None,
        lanes=(lane,),
        steps_per_second=400.0,
        measuring=0.03,
    )


def at(step: int, config: RunConfig | None = None) -> Session:
    """A session whose lane stands at a step."""
    config = config or RunConfig()
    session = Session(config)
    session.start()
    feed(session, config, step)
    return session


def feed(session: Session, config: RunConfig, step: int) -> None:
    session.take(fake.lane(config))
    session.take(fake.snapshot(config, 0))
    if step:
        session.take(fake.trace(config, 1, step))
        session.take(fake.snapshot(config, step))
    session.take(status(config, step))


def test_advances_add_up_while_a_fresh_engine_catches_up() -> None:
    session = at(100)
    session.died("gone")
    session.start()
    feed(session, session.config, 40)
    assert session.advance(steps=1) == (Advance(to=101),)
    assert session.advance(steps=1) == (Advance(to=102),)
    assert session.advance(epochs=1) == (Advance(to=5707),)
    assert session.advance(epochs=1) == (Advance(to=2 * 5707),)


def test_starting_selects_the_lane_and_grants_one_update() -> None:
    config = RunConfig(gain=3)
    assert Session(config).start() == (Select(lanes=(config,)), Redraw(), Credit())


def test_frames_tell_which_panes_changed() -> None:
    config = RunConfig()
    session = Session(config)
    session.start()
    hello = Hello(version=1, program="0", torch="2", device="cpu", threads=1, pid=1)
    assert session.take(hello) == Changed.HEADER
    assert Changed.HEADER in session.take(fake.data_info())
    session.take(fake.lane(config))
    assert Changed.VIEW | Changed.FINDINGS in session.take(fake.snapshot(config, 0))
    assert Changed.TRAINING in session.take(fake.trace(config, 1, 10))
    assert Changed.VIEW not in session.take(fake.trace(config, 11, 20))
    evaluated = session.take(Evaluation(lane=config.key, step=20, dev=2.3))
    assert Changed.FINDINGS in evaluated
    assert Changed.VIEW not in evaluated
    session.take(status(config, 20))
    assert session.take(status(config, 20)) == Changed.NOTHING


def test_frames_of_unknown_lanes_change_nothing() -> None:
    session = at(10)
    other = RunConfig(gain=1)
    assert session.take(fake.snapshot(other, 5)) == Changed.NOTHING
    assert session.take(fake.trace(other, 1, 5)) == Changed.NOTHING


def test_toggling_shows_kept_numbers_at_once() -> None:
    config, other = RunConfig(), RunConfig(gain=3.0)
    session = at(100, config)
    assert session.change("gain", 3.0) == (Select(lanes=(other,)),)
    assert session.snapshot() is None
    assert snapshot_of(session.look_before()) is not None
    feed(session, other, 100)
    session.change("gain", 5 / 3)
    now, before = session.snapshot(), snapshot_of(session.look_before())
    assert now is not None
    assert before is not None
    assert (now.lane, before.lane) == (config.key, other.key)
    assert now.step == 100


def test_the_lane_before_is_shown_no_later_than_the_lane_now() -> None:
    config, other = RunConfig(), RunConfig(gain=3.0)
    session = at(100, config)
    session.change("gain", 3.0)
    feed(session, other, 10)
    before = snapshot_of(session.look_before())
    assert before is not None
    assert before.step == 0


def test_space_runs_and_pauses_even_before_the_engine_answers() -> None:
    session = at(0)
    assert session.run_or_pause() == (Advance(),)
    assert session.running
    assert session.run_or_pause() == (Pause(),)
    assert not session.running


def test_the_engine_has_the_last_word_on_running() -> None:
    session = at(0)
    session.run_or_pause()
    session.take(status(session.config, 5, running=True))
    assert session.running
    session.take(status(session.config, 9, running=False))
    assert not session.running


def test_a_late_status_does_not_undo_a_key() -> None:
    session = at(0)
    session.run_or_pause()
    session.take(status(session.config, 0, running=False))
    assert session.running


def test_lr_before_step_0_makes_another_lane() -> None:
    session = at(0)
    assert turn(session, "lr", -1) == (Select(lanes=(RunConfig(lr=0.0316),)),)
    assert session.settings.lr == 0.0316


def test_lr_after_step_0_adjusts_the_lane_and_shows_at_once() -> None:
    session = at(50)
    old = session.config
    assert turn(session, "lr", 1) == (Adjust(name="lr", value=0.316),)
    assert session.settings.lr == 0.316
    assert turn(session, "lr", 1) == (Adjust(name="lr", value=1.0),)
    new = old.changed(53, "lr", 1.0)
    session.take(fake.lane(new, old.key))
    assert session.key == new.key
    assert session.shown.loss.last_step == 50
    assert session.lanes.before is None
    assert old.key not in session.lanes
    session.take(status(new, 53))
    assert session.settings.lr == 1.0


def test_the_lane_before_stays_when_the_lr_changes() -> None:
    session = at(50)
    first = session.key
    session.change("gain", 3.0)
    feed(session, RunConfig(gain=3.0), 50)
    turn(session, "lr", 1)
    new = session.config.changed(50, "lr", 0.316)
    session.take(fake.lane(new, session.key))
    assert session.lanes.before == first


def test_a_refused_setting_changes_nothing() -> None:
    session = at(50)
    config = session.config
    with pytest.raises(ConfigError, match="gain"):
        session.change("gain", -1.0)
    with pytest.raises(ConfigError, match="batch_size"):
        session.change("batch_size", 0)
    assert session.config == config
    assert session.settings == config


def test_a_lane_that_the_engine_refuses_gives_way_to_the_one_before() -> None:
    session = at(5)
    first = session.key
    session.change("data", "/nowhere")
    session.take(Problem(text="there is no file /nowhere"))
    assert session.key == first
    assert session.notice is not None
    assert session.notice.text == "there is no file /nowhere"


def test_gain_goes_around_the_lecture_s_values() -> None:
    session = at(0, RunConfig(gain=3.0))
    seen = []
    for _ in range(4):
        turn(session, "gain", 1)
        seen.append(session.config.gain)
    assert seen == [0.5, 1.0, 5 / 3, 3.0]
    turn(session, "gain", -1)
    assert session.config.gain == 5 / 3


def test_gain_from_a_value_between_goes_to_its_neighbours() -> None:
    session = at(0, RunConfig(gain=1.2))
    turn(session, "gain", 1)
    assert session.config.gain == 5 / 3
    session = at(0, RunConfig(gain=1.2))
    turn(session, "gain", -1)
    assert session.config.gain == 1.0


def test_restart_goes_to_step_0_with_the_settings_of_now() -> None:
    session = at(50)
    old = session.config
    turn(session, "lr", 1)
    new = old.changed(50, "lr", 0.316)
    session.take(fake.lane(new, old.key))
    fresh = RunConfig(lr=0.316)
    assert session.restart() == (Restart(), Select(lanes=(fresh,)))
    assert session.step == 0
    assert session.clock == 0
    assert session.lanes.before is None


def test_frames_from_before_a_restart_are_late() -> None:
    session = at(50)
    config = session.config
    session.restart()
    session.take(fake.snapshot(config, 60))
    session.take(fake.trace(config, 51, 60))
    session.take(status(config, 60))
    assert session.snapshot() is None
    assert session.step == 0
    feed(session, config, 0)
    assert session.snapshot() is not None


def test_a_new_seed_is_another_lane_at_step_0() -> None:
    session = at(50)
    commands = session.restart(lambda: 7)
    assert commands == (Restart(), Select(lanes=(RunConfig(seed=7),)))


def test_time_goes_back_over_kept_snapshots_and_forward_to_the_newest() -> None:
    session = at(2)
    session.take(fake.snapshot(session.config, 1))
    assert session.move_time(-1) == Changed.ALL
    assert session.step == 1
    session.move_time(-1)
    assert session.step == 0
    assert session.move_time(-1) == Changed.NOTHING
    session.move_time(1)
    assert session.step == 1
    session.move_time(1)
    assert session.pointer.past is None
    assert session.move_time(1) == Changed.NOTHING


def test_news_does_not_move_a_look_at_the_past() -> None:
    session = at(2)
    session.move_time(-1)
    assert session.take(fake.snapshot(session.config, 5)) == Changed.NOTHING
    assert session.step == 0


def test_a_lane_that_catches_up_is_behind() -> None:
    session = at(100)
    session.change("gain", 3.0)
    other = session.config
    session.take(fake.lane(other))
    session.take(status(other, 40, clock=100, catching_up=True))
    assert session.behind is not None
    assert session.behind.step == 40
    assert session.pause() == (Pause(),)


def test_a_diverged_lane_is_not_behind() -> None:
    session = at(100)
    session.take(status(session.config, 40, clock=100, diverged_at=40))
    assert session.behind is None
    assert session.diverged_at == 40


def test_death_keeps_all_and_a_new_engine_catches_up() -> None:
    session = at(100)
    assert Changed.BAR in session.died("the engine was killed by signal 9")
    assert session.snapshot() is not None
    commands = session.start()
    assert commands == (Select(lanes=(session.config,)), Redraw(), Advance(to=100), Credit())
    config = session.config
    session.take(fake.lane(config))
    session.take(fake.trace(config, 1, 120))
    assert session.shown.loss.last_step == 120
    assert len(session.shown.loss) == 120


def test_pauses_are_kept_for_looking_back() -> None:
    session = at(73)
    session.run_or_pause()
    for step in (91, 97):
        session.take(fake.snapshot(session.config, step))
    assert 73 in session.shown.snapshots.steps()
    assert 91 not in session.shown.snapshots.steps()


def test_differences_leave_the_schedule_out() -> None:
    a = RunConfig(gain=3.0)
    b = RunConfig().changed(5, "lr", 1.0)
    assert differences(a, b) == [("gain", 3.0, 5 / 3)]


def test_notices_go_with_the_next_key_but_fatal_ones_stay() -> None:
    session = at(0)
    session.say("no")
    assert session.hush() == Changed.BAR
    assert session.notice is None
    session.take(Problem(text="out of memory", fatal=True))
    assert session.hush() == Changed.NOTHING


def test_why_steps_are_plain_is_said_once() -> None:
    session = Session(RunConfig())
    frame = status(session.config, 10)
    reason = "others may write to /cache/compiled, so what lies there is not run"
    frame = msgspec.structs.replace(frame, quick=f"plain: {reason}")
    assert Changed.BAR in session.take(frame)
    assert session.notice is not None
    assert session.notice.text == f"Steps are plain: {reason}."
    session.hush()
    assert Changed.BAR not in session.take(frame)
    session.take(Hello(version=1, program="0", torch="2", device="cpu", threads=1, pid=1))
    header = "".join(span.text for span in header_row(session, 130))
    assert "on cpu, plain " in header
    assert "others" not in header


def test_the_next_value_goes_around_the_corner_where_there_are_few() -> None:
    session = Session(RunConfig(gain=1.0))
    assert [session.next_value("gain", by) for by in (1, -1)] == [5 / 3, 0.5]
    assert Session(RunConfig(gain=3.0)).next_value("gain", 1) == 0.5
    assert Session(RunConfig(gain=0.5)).next_value("gain", -1) == 3.0
    assert Session(RunConfig(gain=1.1)).next_value("gain", -1) == 1.0
    assert session.next_value("bn", 1) is True
    assert Session(RunConfig(bn=True)).next_value("bn", 1) is False
    assert session.next_value("lr", -1) == 0.0316
    for name, values in (("nonlinearity", NONLINEARITIES), ("optimizer", OPTIMIZERS)):
        last = Session(RunConfig(**{name: values[-1]}))  # type: ignore[arg-type]
        assert last.next_value(name, 1) == values[0]


def test_what_the_start_should_find_changes_the_findings_when_it_comes() -> None:
    config = RunConfig(bn=True)
    session = at(0, config)
    assert not any("redraws" in finding.text for finding in session.look().findings)
    changed = session.take(start(config))
    assert Changed.FINDINGS in changed
    assert any("redraws" in finding.text for finding in session.look().findings)
