"""The table of settings: a row a field, and whatever a row offers can be."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tuiinit.config.knobs import SETTINGS, Setting
from tuiinit.config.run import DEFAULT, RunConfig
from tuiinit.config.schedule import CHANGEABLE
from tuiinit.config.toml import from_table
from tuiinit.config.values import ConfigError

TURNED = RunConfig(
    bn=True, optimizer="adamw", context=4, hidden=(7, 7), bias_scale=(1 / 3, 0.1), data="a b", column="2"
)


def ids(setting: Setting) -> str:
    return setting.name


def test_a_row_for_every_field() -> None:
    assert {setting.name for setting in SETTINGS} == set(RunConfig.__struct_fields__)
    assert len(SETTINGS) == len(RunConfig.__struct_fields__)


def test_what_changes_while_a_network_trains() -> None:
    assert {setting.name for setting in SETTINGS if setting.changeable} == set(CHANGEABLE)


@pytest.mark.parametrize("setting", SETTINGS, ids=ids)
def test_whatever_a_row_offers_can_be(setting: Setting) -> None:
    nexts = [setting.next(config, way) for config in (DEFAULT, TURNED) for way in (1, -1)]
    compared = setting.compared(TURNED) if setting.comparable else ()
    choices = () if setting.name == "hidden" else setting.choices  # its choices are depths
    for value in (*nexts, *compared, *choices):
        assert getattr(RunConfig(**{setting.name: value}), setting.name) == value
    assert len(set(compared)) == len(compared)


@pytest.mark.parametrize("setting", SETTINGS, ids=ids)
def test_what_is_typed_reads_back(setting: Setting) -> None:
    for config in (DEFAULT, TURNED):
        value = getattr(config, setting.name)
        read = setting.parse(setting.typed(config))
        if isinstance(value, float):
            assert read == pytest.approx(value, rel=1e-5)
        elif setting.name not in ("bias_scale", "data"):  # shown to six digits; a path becomes the user's
            assert read == value


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [("gain", "5/3", 5 / 3), ("weight_decay", "1/8", 0.125), ("hidden", "2x3", (3, 3)), ("bias_scale", "1,0", (1, 0)),
     ("column", 2, "2")],
)  # fmt: skip
def test_toml_takes_text_where_a_person_would_write_it(name: str, text: Any, value: object) -> None:
    assert getattr(from_table({name: text}), name) == value


def test_the_first_fault_is_a_settings_own() -> None:
    with pytest.raises(ConfigError, match="context must be a number"):
        RunConfig(context=0, hidden=(4096,) * 5)


def test_a_name_of_a_lane_leaves_out_later_settings_at_their_default() -> None:
    later = [setting.name for setting in SETTINGS if setting.later]
    assert later
    for name in later:
        value = getattr(TURNED, name)
        assert RunConfig(**{name: value}).key != DEFAULT.key
    plain = {k: v for k, v in msgspec.structs.asdict(DEFAULT).items() if k not in later}
    assert RunConfig(**plain).key == DEFAULT.key
