"""What a sitting makes of a person's own network, without a screen."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.explorer import own
from tests.explorer.own import KNOBS, OwnLink, target
from tuiinit.config.own import OwnConfig
from tuiinit.config.values import ConfigError
from tuiinit.session.knobs import OwnKnobs
from tuiinit.session.session import Session
from tuiinit.stream.checked import OwnProblem
from tuiinit.stream.own import OwnKnob, PutAside, Unlike
from tuiinit.stream.protocol import Advance, Credit, Redraw, Select

CONFIG = OwnConfig(target=own.TARGET)


def told(session: Session, config: OwnConfig) -> None:
    """The engine has a lane, and measured it."""
    link = OwnLink()
    session.take(target())
    session.take(link._lane(config, None))
    session.take(link._snapshot(config, 0))


def at_start(config: OwnConfig = CONFIG) -> Session:
    session = Session(config)
    session.start()
    told(session, config)
    return session


def knobs(*parameters: OwnKnob, config: OwnConfig = CONFIG, **fields: Any) -> OwnKnobs:
    return OwnKnobs(config, target(parameters, **fields))


def test_a_fresh_engine_is_asked_for_the_persons_lane() -> None:
    assert Session(CONFIG).start() == (Select(lanes=(), own=(CONFIG,)), Redraw(), Credit())


def test_parameters_that_are_called_like_settings_are_apart_from_them() -> None:
    named = [OwnKnob(name=name, kind="int", default=3) for name in ("seed", "lr", "device", "optimizer", "batch_size")]
    found = knobs(*named)
    assert len({setting.name for setting in found.settings}) == len(found.settings)
    assert found["set seed"].put(CONFIG, 4) == CONFIG.set("seed", 4)
    assert found["seed"].put(CONFIG, 4) == CONFIG.replace(seed=4)
    with pytest.raises(ConfigError, match="belongs to net"):
        found["batch_size"].put(CONFIG, 4)


@pytest.mark.parametrize(
    ("knob", "text", "value", "shown"),
    [
        (OwnKnob(name="depth", kind="int", default=6), "12", 12, "12"),
        (OwnKnob(name="scale", kind="float", default=1.0), "5/3", 5 / 3, "5/3"),
        (OwnKnob(name="norm", kind="bool", default=False), "yes", True, "on"),
        (OwnKnob(name="name", kind="str", default="x"), "12", "12", "12"),
        (OwnKnob(name="act", kind="str", default="relu", choices=("relu", "tanh")), "tanh", "tanh", "tanh"),
        (OwnKnob(name="heads", kind="int", default=2, choices=(1, 2, 4)), "4", 4, "4"),
        (OwnKnob(name="size", kind="any", default=None), "12", 12, "12"),
        (OwnKnob(name="size", kind="any", default=None), "", None, "as built"),
    ],
)
def test_a_parameter_reads_and_shows_what_a_person_types(knob: OwnKnob, text: str, value: object, shown: str) -> None:
    setting = knobs(knob)[f"set {knob.name}"]
    config = setting.put(CONFIG, setting.parse(text))
    assert setting.of(config) == value
    assert setting.text(config) == shown
    assert setting.put(config, knob.default).settings == ()


@pytest.mark.parametrize(
    ("knob", "value", "sentence"),
    [
        (
            OwnKnob(name="act", kind="str", default="relu", choices=("relu", "tanh")),
            "silu",
            "must be one of relu, tanh",
        ),
        (OwnKnob(name="depth", kind="int", default=6), 2**70, "depth must be a number from"),
        (OwnKnob(name="scale", kind="float", default=1.0), math.nan, "scale must be a number from"),
    ],
)
def test_what_a_parameter_cannot_be_is_refused(knob: OwnKnob, value: Any, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        knobs(knob)[f"set {knob.name}"].put(CONFIG, value)


def test_a_value_from_the_command_line_is_that_of_the_parameter() -> None:
    config = OwnConfig(target=own.TARGET, settings=(("norm", "true"), ("scale", 1), ("name", 7)))
    found = knobs(
        OwnKnob(name="norm", kind="bool", default=False),
        OwnKnob(name="scale", kind="float", default=2.0),
        OwnKnob(name="name", kind="str", default="x"),
        config=config,
    )
    assert [found[f"set {name}"].of(config) for name in ("norm", "scale", "name")] == [True, 1.0, "7"]
    assert found["set norm"].put(config, True) is config


def test_a_recording_may_tell_of_any_target() -> None:
    session = at_start(OwnConfig(target="no target at all"))
    assert session.knobs.title == "no target at all"


def test_an_lr_that_nobody_knows_cannot_be_turned() -> None:
    found = knobs(lr=None)
    assert found["lr"].text(CONFIG) == "–"
    with pytest.raises(ConfigError, match="no lr to change"):
        found["lr"].next(CONFIG, 1)
    assert found["lr"].put(CONFIG, 0.1).lr == 0.1


def test_a_lane_that_was_put_aside_is_kept_to_look_at() -> None:
    session = at_start()
    other = CONFIG.replace(gain=1.0)
    session.select(other)
    told(session, other)
    session.take(PutAside(lanes=(CONFIG.key,)))
    assert session.notice is not None
    assert session.notice.text.startswith("1 network was put aside for want of memory")
    assert session.lanes[CONFIG.key].snapshots.newest is not None
    assert session.select(CONFIG) == (Select(lanes=(), own=(CONFIG,)),)


def test_a_network_that_cannot_be_built_leaves_the_one_at_hand() -> None:
    session = at_start()
    commands = session.change("bn", True)
    assert commands == (Select(lanes=(), own=(CONFIG.set("norm", True),)),)
    session.take(OwnProblem(text="build() failed", lines="line 3"))
    assert session.config == CONFIG
    assert session.own.unseen is not None
    session.build_anew()
    assert session.config == CONFIG.set("norm", True).replace(revision=1)
    assert session.lanes.before == CONFIG.key
    assert not session.own.failure


def test_building_anew_begins_at_step_0_with_all_that_was_compared() -> None:
    session = at_start()
    lanes = [CONFIG.replace(gain=gain) for gain in (1.0, None, 3.0)]
    session.compare(lanes, lanes[1])
    for config in lanes:
        told(session, config)
    session.asked.resume_at = 40
    session.build_anew()
    anew = tuple(config.replace(revision=1) for config in lanes)
    assert session.group == anew
    assert session.config == anew[1]
    assert session.start()[0] == Select(lanes=(), own=anew)
    assert not any(isinstance(command, Advance) for command in session.start())
    assert all(config.key in session.lanes for config in lanes)


def test_only_the_two_that_do_not_start_alike_are_said_to() -> None:
    session = at_start()
    session.take(Unlike(lane="a", other=CONFIG.key, what="weights", name="0.weight"))
    assert session.own.unlike(CONFIG.key, "a") == "other weights from 0.weight on"
    assert session.own.unlike("a", CONFIG.key) == session.own.unlike(CONFIG.key, "a")
    assert session.own.unlike(CONFIG.key, "b") == session.own.unlike(CONFIG.key, None) == ""


def test_the_lecture_only_is_refused_in_a_sentence() -> None:
    with pytest.raises(ConfigError, match="The tour is for the lecture's network"):
        at_start().lecture("The tour is")


def test_the_knobs_of_the_examples_kind_are_all_there() -> None:
    session = at_start()
    labels = [setting.label for setting in session.knobs.settings]
    assert labels == [*(knob.name for knob in KNOBS), "gain", "seed", "lr", "optimizer", "batch", "device"]
