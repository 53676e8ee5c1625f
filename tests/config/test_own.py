"""A person's network by name: equal configurations are one lane, and only the lr changes while it trains."""

import pytest

from tuiinit.config.command import own_command_line
from tuiinit.config.own import OwnConfig, value_of
from tuiinit.config.target import Target
from tuiinit.config.values import ConfigError

CONFIG = OwnConfig(target="net.py", settings=(("depth", 3), ("act", "relu")))


def test_the_order_of_settings_makes_no_other_lane() -> None:
    assert CONFIG.key == OwnConfig(target="net.py", settings=(("act", "relu"), ("depth", 3))).key
    assert CONFIG.set("depth", 4).key != CONFIG.key
    assert CONFIG.set("depth", 4).set("depth", 3) == CONFIG
    assert CONFIG.set("act", None).settings == (("depth", 3),)
    assert CONFIG.value("norm") is None


@pytest.mark.parametrize("field", [{"seed": 1}, {"gain": 1.0}, {"lr": 0.1}, {"revision": 1}, {"device": "cpu"}])
def test_each_field_makes_another_lane(field: dict[str, object]) -> None:
    assert CONFIG.replace(**field).key != CONFIG.key


def test_a_whole_number_is_the_same_gain() -> None:
    assert CONFIG.replace(gain=1).key == CONFIG.replace(gain=1.0).key


def test_the_lr_changes_from_a_step_on() -> None:
    later = CONFIG.changed(10, "lr", 0.1).changed(20, "lr", 0.01)
    assert [later.at(step).lr for step in (9, 10, 19, 20)] == [None, 0.1, 0.1, 0.01]
    assert later.changed(20, "lr", 0.1) == CONFIG.changed(10, "lr", 0.1)
    assert later.changed(0, "lr", 0.5) == CONFIG.replace(lr=0.5)


@pytest.mark.parametrize(("name", "value"), [("optimizer", "adam"), ("batch_size", 4)])
def test_what_belongs_to_the_persons_code_cannot_change(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=name):
        CONFIG.changed(3, name, value)  # type: ignore[arg-type]


@pytest.mark.parametrize("field", [{"gain": float("nan")}, {"gain": -1.0}, {"lr": float("inf")}, {"seed": -1}])
def test_what_cannot_be_is_refused(field: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(field))):
        CONFIG.replace(**field)


@pytest.mark.parametrize(
    ("text", "value"),
    [("30", 30), ("-3", -3), ("0.5", 0.5), ("True", True), (" false ", False), ("relu", "relu"), ("010", "010"),
     ("1_000", "1_000"), ("nan", "nan"), ("inf", "inf"), (str(2**70), str(2**70)), ("", ""), ("a b", "a b")],
)  # fmt: skip
def test_a_value_is_a_number_only_where_it_reads_back_as_it_was_written(text: str, value: object) -> None:
    read = value_of(text)
    assert (read, type(read)) == (value, type(value))
    assert CONFIG.set("depth", read).key  # every value has a place in a lane's name


@pytest.mark.parametrize(
    ("text", "place", "name", "short"),
    [("net.py", "net.py", "build", "net.py"), ("/a/b/net.py:small", "/a/b/net.py", "small", "net.py:small"),
     ("package.nets", "package.nets", "build", "package.nets"), ("nets:big", "nets", "big", "nets:big"),
     ("a:b/net.py", "a:b/net.py", "build", "net.py")],
)  # fmt: skip
def test_a_target_names_a_file_or_module_and_a_function(text: str, place: str, name: str, short: str) -> None:
    target = Target.of(text)
    assert (target.place, target.name, target.short) == (place, name, short)


@pytest.mark.parametrize("text", ["", ":build", "net.py:", "net.py:a-b", "my-net", "a..b", "net.py:a:b c", "--set"])
def test_what_names_no_function_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="does not read"):
        Target.of(text)


def test_the_command_that_gives_a_network_again() -> None:
    config = OwnConfig(target="/a b/net.py", settings=(("depth", 3), ("norm", True)), seed=4, device="cpu")
    rest = "--set depth=3 --set norm=True --seed 4 --device cpu"
    assert own_command_line(config) == f"tuiinit explore '/a b/net.py' {rest}"
    changed = config.replace(gain=5 / 3).changed(20, "lr", 0.1)
    begins = "tuiinit run '/a b/net.py' --steps 30 --gain 5/3 --lr 0.1"
    assert own_command_line(changed.at(30), 30) == f"{begins} {rest}"
