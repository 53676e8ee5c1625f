"""What the engine was asked, and when it counts as answered."""

from __future__ import annotations

from tuiinit.config.run import RunConfig
from tuiinit.session.asked import STALE_STATUSES, Asked
from tuiinit.stream.protocol import Status

CONFIG = RunConfig()


def status(*, running: bool = False, clock: int = 0) -> Status:
    return Status(
        running=running, catching_up=False, clock=clock, target=None, lanes=(), steps_per_second=0.0, measuring=0.0
    )


def test_running_is_as_asked_until_the_engine_does_it() -> None:
    asked = Asked()
    assert asked.running is None
    asked.run(True)
    asked.status(status(), greeted=True)
    assert asked.running is True, "that update may be older than the key"
    asked.status(status(running=True), greeted=True)
    assert asked.running is None


def test_an_engine_that_does_not_is_believed_in_the_end() -> None:
    asked = Asked()
    asked.run(False)
    for _ in range(STALE_STATUSES - 1):
        asked.status(status(running=True), greeted=True)
        assert asked.running is False
    asked.status(status(running=True), greeted=True)
    assert asked.running is None


def test_settings_are_in_force_until_the_lane_is_told() -> None:
    asked = Asked()
    asked.settings["lr"] = 0.5
    asked.settings["optimizer"] = "adam"
    assert asked.in_force(CONFIG) == CONFIG.replace(lr=0.5, optimizer="adam")
    asked.changed(CONFIG.replace(lr=0.5))
    assert asked.settings == {"optimizer": "adam"}


def test_a_closer_look_is_of_a_lane_and_a_step() -> None:
    asked = Asked()
    assert not asked.inspecting("a")
    asked.inspect("a", 3)
    assert asked.inspecting("a")
    assert asked.inspecting("a", 3)
    assert not asked.inspecting("a", 4)
    assert not asked.inspecting("b")
    asked.inspected()
    assert not asked.inspecting("a")


def test_a_fresh_engine_is_there_once_it_says_so_itself() -> None:
    asked = Asked()
    asked.resume_at = 20
    asked.status(status(clock=30), greeted=False)
    asked.status(status(clock=19), greeted=True)
    assert asked.resume_at == 20
    asked.status(status(clock=20), greeted=True)
    assert asked.resume_at == 0


def test_forgetting_leaves_where_to_train_to() -> None:
    asked = Asked()
    asked.run(True)
    asked.inspect("a", 3)
    asked.settings["lr"] = 0.5
    asked.resume_at = 20
    asked.forget()
    assert (asked.running, asked.inspecting("a"), asked.settings, asked.resume_at) == (None, False, {}, 20)
