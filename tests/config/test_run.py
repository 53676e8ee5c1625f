"""Settings: validated with one sentence each, read from text and TOML, changed while a network trains."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Any, get_args

import hypothesis
import hypothesis.strategies as st
import msgspec
import pytest

from tuiinit.config.command import command_line
from tuiinit.config.names import DEVICES, OPTIMIZERS, BatchNormStyle
from tuiinit.config.nonlinearities import NONLINEARITIES, RANGES
from tuiinit.config.run import DEFAULT, RunConfig
from tuiinit.config.schedule import Change, parse_change
from tuiinit.config.toml import from_table, load, to_toml
from tuiinit.config.values import (
    ConfigError,
    format_hidden,
    format_number,
    format_pair,
    parse_hidden,
    parse_number,
    parse_pair,
)

numbers = st.floats(0, 1e30, allow_subnormal=False)
shares = st.floats(0, 1, exclude_max=True)
names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
changes = st.one_of(
    st.builds(Change, st.integers(1, 10**9), st.just("lr"), numbers),
    st.builds(Change, st.integers(1, 10**9), st.just("batch_size"), st.integers(2, 1_000)),
    st.builds(Change, st.integers(1, 10**9), st.just("optimizer"), st.sampled_from(OPTIMIZERS)),
)
configs = st.builds(
    RunConfig,
    data=st.none() | names,
    seed=st.integers(0, 2**63 - 1),
    device=st.sampled_from(DEVICES),
    context=st.integers(1, 16),
    embedding=st.integers(1, 64),
    hidden=st.lists(st.integers(1, 200), min_size=1, max_size=8).map(tuple),
    nonlinearity=st.sampled_from(NONLINEARITIES),
    gain=numbers,
    fan_in_scaling=st.booleans(),
    embedding_scale=numbers,
    output_scale=numbers,
    bias_scale=st.tuples(numbers, numbers),
    bn=st.booleans(),
    bn_style=st.sampled_from(get_args(BatchNormStyle)),
    bn_momentum=st.floats(0, 1),
    bn_eps=st.floats(1e-30, 1e30),
    bias_before_bn=st.booleans(),
    optimizer=st.sampled_from(OPTIMIZERS),
    lr=numbers,
    momentum=shares,
    beta1=shares,
    beta2=shares,
    alpha=shares,
    weight_decay=numbers,
    batch_size=st.integers(2, 65_536),
    schedule=st.lists(changes, max_size=4).map(lambda found: tuple(sorted(found, key=lambda c: c.step))),
)


@hypothesis.given(configs)
def test_toml_round_trip(config: RunConfig) -> None:
    import tomllib

    assert from_table(tomllib.loads(to_toml(config))) == config


@hypothesis.given(configs)
def test_a_key_is_the_configurations(config: RunConfig) -> None:
    same = msgspec.msgpack.decode(msgspec.msgpack.encode(config), type=RunConfig)
    assert same == config
    assert same.key == config.key
    other = config.replace(seed=(config.seed + 1) % 2**63)
    assert other.key != config.key


def test_whole_numbers_and_fractions_are_one_key() -> None:
    assert RunConfig(gain=3).key == RunConfig(gain=3.0).key
    assert RunConfig(gain=5 / 3).key == DEFAULT.key
    assert RunConfig(hidden=[100] * 5).key == DEFAULT.key  # type: ignore[arg-type]
    assert RunConfig(bias_scale=[0, 0]).key == DEFAULT.key  # type: ignore[arg-type]
    assert RunConfig(bias_scale=(1, 0)).key == RunConfig(bias_scale=(1.0, 0.0)).key != DEFAULT.key


def test_sessions_recorded_before_there_were_biases_keep_their_lanes_names() -> None:
    assert (DEFAULT.key, RunConfig(gain=1.0, bn=True).key) == ("1318192e1f4f", "167dd2547461")


def test_file(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    config = RunConfig(
        gain=3, bn=True, hidden=(5, 6), schedule=(Change(10, "lr", 0.01), Change(20, "optimizer", "adam"))
    )
    file.write_text(to_toml(config))
    assert load(file) == config
    file.write_text('gain = "5/3"\nlr = "1/10"\nhidden = "3x7"\nbias_scale = "1, 0"\n')
    assert load(file) == RunConfig(hidden=(7, 7, 7), bias_scale=(1, 0))
    file.write_text("bias_scale = [0.5, 2]\n")
    assert load(file) == RunConfig(bias_scale=(0.5, 2))
    file.write_text("")
    assert load(file) == DEFAULT


BAD_FILES = {
    "gian = 1": "unknown setting 'gian'",
    "gain = ": "is not TOML",
    "gain = true": "gain",
    'gain = "fast"': "'fast' is not a number",
    "gain = nan": "gain must be a number from 0 to 1e+30, not nan",
    "lr = -1": "lr must be",
    "hidden = []": "hidden needs at least one layer",
    "hidden = [0]": "a hidden layer's width must be from 1 to 4096, not 0",
    "hidden = [1.5]": "hidden",
    "hidden = [4096, 4096, 4096, 4096, 4096]": "50,000,000 is the most",
    f"hidden = {[1] * 201}": "201 layers; 200 is the most",
    'nonlinearity = "gelu"': "nonlinearity",
    "seed = 9223372036854775808": "seed must be",
    f"seed = {'9' * 400}": "seed",
    f"seed = {'9' * 5000}": "is not TOML",
    f"x = {'[' * 5000}": "is not TOML",
    "bn = true\nbatch_size = 1": "batch norm needs a batch_size of at least 2",
    "bn_eps = 0": "bn_eps must be above 0",
    "bias_scale = [1]": "bias_scale",
    "bias_scale = [1, -1]": "bias_scale must be two numbers from 0 to 1e+30, not [1.0, -1.0]",
    "bias_scale = [nan, 1]": "bias_scale must be two numbers",
    'bias_scale = "1"': "'1' is not two numbers such as 1,0",
    "beta1 = 1": "beta1 must be below 1",
    "batch_size = 2.0": "batch_size",
    "[[schedule]]\nstep = 0\nname = 'lr'\nvalue = 1": "must come at a step from 1",
    "[[schedule]]\nstep = 1\nname = 'gain'\nvalue = 1": "schedule",
    "[[schedule]]\nstep = 1\nname = 'lr'\nvalue = 'x'": "lr must be a number",
    "[[schedule]]\nstep = 1\nname = 'optimizer'\nvalue = 'x'": "optimizer must be one of",
    "[[schedule]]\nstep = 1\nname = 'batch_size'\nvalue = 1.5": "batch_size must be a whole number",
    "[schedule]\nstep = 1": "schedule",
}


@pytest.mark.parametrize("content", BAD_FILES, ids=lambda content: content[:30])
def test_a_bad_file_is_one_sentence(tmp_path: Path, content: str) -> None:
    file = tmp_path / "run.toml"
    file.write_text(content)
    with pytest.raises(ConfigError) as caught:
        load(file)
    sentence = str(caught.value)
    assert BAD_FILES[content] in sentence
    assert sentence.startswith(str(file))
    assert len(sentence) < 300


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*none.toml: No such file"):
        load(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="Is a directory"):
        load(tmp_path)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\0")
    with pytest.raises(ConfigError, match="is not TOML"):
        load(tmp_path / "binary")


anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.lists(st.integers(), max_size=3)
)


@hypothesis.given(st.dictionaries(st.sampled_from(RunConfig.__struct_fields__), anything))
def test_any_table_is_a_configuration_or_a_sentence(table: dict[str, Any]) -> None:
    try:
        config = from_table(table)
    except ConfigError as error:
        text = str(error)
    else:
        text = config.key
    assert "\n" not in text


# ------------------------------------------------------------------------------------------------- text


@pytest.mark.parametrize(
    ("text", "value"), [("5/3", 5 / 3), (" 5 / 3 ", 5 / 3), ("1e-3", 1e-3), ("-2", -2.0), ("3", 3.0), (".5", 0.5)]
)
def test_numbers(text: str, value: float) -> None:
    assert parse_number(text) == value


@pytest.mark.parametrize(
    "text", ["", "abc", "1/0", "5/3/2", "nan", "inf", "1e400", "1e999999999", "1/nan", "0x10", "5/"]
)
def test_no_numbers(text: str) -> None:
    with pytest.raises(ConfigError, match="number"):
        parse_number(text)


@hypothesis.given(st.one_of(st.sampled_from([5 / 3, 0.5, 1 / 7, 2 / 9, 3.0, 0.1]), st.floats(1e-5, 1e5)))
def test_a_number_shown_is_the_number_read(value: float) -> None:
    assert parse_number(format_number(value)) == pytest.approx(value, rel=1e-5)


def test_numbers_as_a_person_writes_them() -> None:
    assert [format_number(x) for x in (5 / 3, 0.5, 1.0, 3.0, 0.1, 0.0316227766)] == [
        "5/3", "0.5", "1", "3", "0.1", "0.0316228",
    ]  # fmt: skip


def test_pairs() -> None:
    assert parse_pair("1/2, 0") == (0.5, 0.0)
    for text in ("", "1", "1,2,3", "a,b", "1,"):
        with pytest.raises(ConfigError, match="number"):
            parse_pair(text)
    assert parse_pair(format_pair((5 / 3, 0.0))) == (5 / 3, 0.0)


def test_widths() -> None:
    assert parse_hidden("100,100") == (100, 100)
    assert parse_hidden("3x10, 5") == (10, 10, 10, 5)
    assert parse_hidden("2 × 7") == (7, 7)
    for text in ("", ",", "a", "1.5", "0x5", "201x5", "-1x5", "5x", "1e3"):
        with pytest.raises(ConfigError, match="hidden"):
            parse_hidden(text)
    assert (format_hidden((100,) * 5), format_hidden((7,)), format_hidden((2, 3))) == ("5 × 100", "7", "2, 3")


@hypothesis.given(st.lists(st.integers(1, 100), min_size=1, max_size=10).map(tuple))
def test_widths_shown_are_the_widths_read(widths: tuple[int, ...]) -> None:
    assert parse_hidden(format_hidden(widths)) == widths


def test_changes() -> None:
    assert parse_change("150000:lr=0.01") == Change(150_000, "lr", 0.01)
    assert parse_change("5:optimizer=adam") == Change(5, "optimizer", "adam")
    assert parse_change(" 5 : batch_size = 64 ") == Change(5, "batch_size", 64)
    for text in ("", "lr=0.1", "5:gain=1", "x:lr=1", "-5:lr=1", "5:lr", "5:lr=x", "5:batch_size=1.5"):
        with pytest.raises(ConfigError):
            parse_change(text)


# --------------------------------------------------------------------------------------------- schedule


def test_schedule() -> None:
    config = RunConfig(lr=0.1, schedule=(Change(10, "lr", 0.01), Change(20, "optimizer", "adam")))
    assert [(config.at(s).lr, config.at(s).optimizer) for s in (0, 9, 10, 20)] == [
        (0.1, "sgd"), (0.1, "sgd"), (0.01, "sgd"), (0.01, "adam"),
    ]  # fmt: skip
    assert config.at(15).schedule == ()


def test_changing() -> None:
    base = RunConfig(lr=0.1)
    assert base.changed(0, "lr", 0.2) == RunConfig(lr=0.2)
    once = base.changed(10, "lr", 0.2)
    assert once.schedule == (Change(10, "lr", 0.2),)
    assert once.changed(10, "lr", 0.1) == base  # taken back where it was made
    assert once.changed(15, "lr", 0.2) == once
    assert once.changed(5, "lr", 0.3).schedule == (Change(5, "lr", 0.3),)  # later changes of the same are dropped
    both = once.changed(12, "batch_size", 64).changed(12, "optimizer", "adam")
    assert [c.step for c in both.schedule] == [10, 12, 12]
    with pytest.raises(ConfigError, match="gain cannot change"):
        base.changed(5, "gain", 1.0)
    with pytest.raises(ConfigError, match="at least 2"):
        RunConfig(bn=True).changed(5, "batch_size", 1)


@hypothesis.given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from([0.1, 0.2, 0.3])), max_size=6))
def test_a_change_holds_from_its_step_on_and_leaves_the_past(made: list[tuple[int, float]]) -> None:
    config = RunConfig(lr=0.1)
    for step, value in sorted(made):
        before = [config.at(s).lr for s in range(step)]
        config = config.changed(step, "lr", value)
        assert [config.at(s).lr for s in range(step)] == before if step else True
        assert {config.at(s).lr for s in range(step, 40)} == {value}


def test_ranges() -> None:
    for name in NONLINEARITIES:
        limits = RANGES[name]
        assert limits.low < limits.high
        assert limits.bounded == (name in ("tanh", "sigmoid"))
        assert limits.saturates == (name not in ("linear", "leaky_relu"))
    tanh, sigmoid = RANGES["tanh"], RANGES["sigmoid"]
    assert sigmoid.above == pytest.approx((1 + tanh.above) / 2)
    assert math.isinf(RANGES["relu"].above)


def test_a_column_is_a_name_or_a_number_and_a_pipe_is_given_anew(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    for text, column in (("column = 2", "2"), ('column = "name"', "name")):
        file.write_text(text)
        assert load(file).column == column
        assert from_table(tomllib.loads(to_toml(load(file)))) == load(file)
    piped = RunConfig(data="piped:0123456789ab", column="name")
    assert tomllib.loads(to_toml(piped)) == {"data": "-", "column": "name"}
    assert command_line(piped) == "tuiinit --data - --column name"
