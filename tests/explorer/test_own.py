"""The explorer on a person's own network, driven by keys over an engine without torch."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.explorer import own
from tests.explorer.driving import Driver, driven, explorer
from tests.explorer.own import OwnLink, target
from tuiinit.config.own import OwnConfig
from tuiinit.explorer.app import ExplorerApp
from tuiinit.explorer.dialogs.problem import ProblemDialog
from tuiinit.stream.own import OwnKnob
from tuiinit.stream.protocol import Adjust, Select

CONFIG = OwnConfig(target=own.TARGET)


@asynccontextmanager
async def opened(link: OwnLink | None = None, config: OwnConfig = CONFIG, **settings: Any) -> AsyncIterator[Driver]:
    async with explorer(config, link=link or OwnLink(), **settings) as driver:
        yield driver


def shown(driver: Driver) -> OwnConfig:
    config = driver.session.config
    assert isinstance(config, OwnConfig)
    return config


async def test_the_parameters_of_the_function_are_the_settings_of_the_pane() -> None:
    async with opened() as driver:
        await driver.shows("net.py", "depth", "norm", "act", "relu", "AdamW", "64 × 10, 64", "matrices with gain")
        assert "guided tour" not in driver.text
        await driver.press("down", "home", "enter", *"\b", "9", "enter")
        await driver.until(lambda: shown(driver).value("depth") == 9)
        await driver.settled()
        await driver.shows("grey: depth 6")
        await driver.press("down", "right")  # norm
        await driver.until(lambda: shown(driver).value("norm") is True)
        await driver.press("right")
        await driver.until(lambda: shown(driver).settings == (("depth", 9),))  # the default is no setting


@pytest.mark.parametrize(
    ("keys", "fields"),
    [
        ("g", {"gain": 0.5}), ("G", {"gain": 3.0}), ("gggggg", {"gain": None}), ("3", {"gain": 5 / 3}),
        ("b", {"settings": (("norm", True),)}), ("bb", {"settings": ()}), ("t", {"settings": (("act", "tanh"),)}),
        ("tt", {"settings": ()}), ("]", {"lr": 0.1}), ("[", {"lr": 0.01}),
    ],
)  # fmt: skip
async def test_keys_turn_what_the_function_has(keys: str, fields: dict[str, Any]) -> None:
    async with opened() as driver:
        for key in keys:
            await driver.press({"[": "left_square_bracket", "]": "right_square_bracket"}.get(key, key))
            await driver.settled()
        assert shown(driver) == CONFIG.replace(**fields)


@pytest.mark.parametrize(
    ("knobs", "key", "sentence"),
    [
        ((), "b", "b turns a bool named norm, bn or batch_norm, and net.py has none: add norm: bool = True"),
        ((), "t", "t turns a text named act, activation or nonlinearity, and net.py has none"),
        ((OwnKnob(name="act", kind="str", default="swishy"),), "t", 'act: Literal["relu", "tanh"]'),
        ((OwnKnob(name="norm", kind="str", default="batch"),), "b", "b turns a bool named norm"),
        ((), "o", "The optimizer (AdamW) belongs to net.py: change it there, then E builds it anew."),
        ((), "N", "The tour is for the lecture's network"),
    ],
)  # fmt: skip
async def test_where_there_is_nothing_to_turn_a_sentence_says_what_to_do(
    knobs: tuple[OwnKnob, ...], key: str, sentence: str
) -> None:
    async with opened(OwnLink(target(knobs)), size=(160, 40)) as driver:
        await driver.press(key)
        await driver.shows(sentence[:140])
        assert shown(driver) == CONFIG


async def test_a_parameter_named_gain_wins_and_an_lr_changes_while_it_trains() -> None:
    knobs = (OwnKnob(name="gain", kind="float", default=2.0),)
    async with opened(OwnLink(target(knobs))) as driver:
        await driver.press("g")
        await driver.settled()
        assert shown(driver) == CONFIG.replace(settings=(("gain", 3.0),))
        await driver.press("n")
        await driver.settled()
        await driver.press("right_square_bracket")
        await driver.settled()
        assert driver.link.of(Adjust) == [Adjust(name="lr", value=0.1)]
        assert shown(driver).at(1).lr == 0.1
        assert driver.session.clock == 1


async def test_words_that_the_function_does_not_take_are_left_out_from_then_on() -> None:
    knobs = (OwnKnob(name="act", kind="str", default="relu"),)
    link = OwnLink(target(knobs), refuses=lambda config: "KeyError: 'tanh'" * (config.value("act") == "tanh"))
    async with opened(link) as driver:
        await driver.press("t")
        await driver.shows("The function takes no 'tanh': KeyError: 'tanh'. t goes on without it.")
        assert shown(driver) == CONFIG
        assert not isinstance(driver.app.screen, ProblemDialog)
        await driver.press("t")
        await driver.settled()
        assert shown(driver).value("act") == "gelu"


async def test_a_setting_that_cannot_be_built_is_told_with_its_lines_and_e_builds_it_once_mended() -> None:
    broken = [True]

    def refuses(config: OwnConfig) -> str:
        return "build() failed: TypeError: no norm" if broken[0] and config.value("norm") else ""

    async with opened(OwnLink(refuses=refuses), restart=lambda: OwnLink(refuses=refuses)) as driver:
        await driver.press("b")
        await driver.until(lambda: isinstance(driver.app.screen, ProblemDialog))
        await driver.shows("net.py failed", "TypeError: no norm", "line 7, in build")
        assert shown(driver) == CONFIG  # the network that there is stays
        await driver.press("escape")
        await driver.shows("build() failed: TypeError: no norm — E builds it again once it is mended")
        broken[0] = False
        await driver.press("E")
        await driver.until(lambda: shown(driver).revision == 1 and driver.session.snapshot() is not None)
        assert shown(driver).value("norm") is True
        assert driver.session.clock == 0
        await driver.shows("grey: net.py as it was, norm off")


async def test_a_function_that_cannot_be_built_at_all_leaves_the_screen_standing() -> None:
    links: list[OwnLink] = []

    def again() -> OwnLink:
        links.append(OwnLink())
        return links[-1]

    link = OwnLink(refuses=lambda config: "net.py could not be imported: SyntaxError")

    app = ExplorerApp(link, CONFIG, restart=again)
    async with driven(app, link, (80, 24)) as driver:
        await driver.until(lambda: isinstance(app.screen, ProblemDialog))
        await driver.press("escape")
        await driver.press("tab")
        await driver.shows("net.py could not be imported: SyntaxError")  # as long as there is nothing else to see
        assert "space trains" not in driver.text
        await driver.press("E")
        await driver.until(lambda: driver.session.snapshot() is not None)
        assert links[0].of(Select) == [Select(lanes=(), own=(CONFIG.replace(revision=1),))]
        assert driver.session.previous is None  # nothing is known of what could not be built
        await driver.shows("net.py", "norm off")


async def test_a_failure_while_it_trains_and_a_changed_file_are_told() -> None:
    async with opened(OwnLink(fails_at=7)) as driver:
        await driver.press("space")
        await driver.shows("✗ failed at step 8", "at step 8 the loss failed: ValueError: mine")
        link = driver.link
        assert isinstance(link, OwnLink)
        link.changes()
        await driver.shows("net.py changed: E builds it anew.", "file changed: E builds it anew")


async def test_e_asks_first_where_nothing_is_wrong_and_much_was_trained() -> None:
    links: list[OwnLink] = []

    def again() -> OwnLink:
        links.append(OwnLink())
        return links[-1]

    async with opened(restart=again) as driver:
        await driver.train(300)
        await driver.press("E")
        await driver.shows("E again builds net.py anew, at step 0")
        assert not links
        before = driver.session.key
        await driver.press("E")
        await driver.until(lambda: shown(driver).revision == 1 and driver.session.snapshot() is not None)
        assert driver.session.clock == 0
        assert driver.session.lanes.before == before
        assert driver.session.previous is not None
        assert driver.session.previous.snapshots.newest is not None


async def test_networks_that_do_not_start_alike_are_told_apart_as_long_as_they_are_compared() -> None:
    async with opened() as driver:
        await driver.press("b")
        await driver.settled()
        link = driver.link
        assert isinstance(link, OwnLink)
        link.unlike(shown(driver), CONFIG, "body.0.weight")
        await driver.shows("These two networks do not start alike, from body.0.weight on the weights are others")
        await driver.press("y")
        await driver.shows("! grey: norm off, and other weights from body.0.weight on")
        await driver.press("g")
        await driver.settled()
        assert "other weights" not in driver.text


async def test_gains_and_norm_stand_side_by_side() -> None:
    async with opened() as driver:
        await driver.press("c")
        await driver.settled()
        await driver.shows("as built", "0.5", "5/3", "norm on", "norm off")
        assert {config.gain for config in driver.session.group} == {None, 0.5, 1.0, 2**0.5, 5 / 3, 3.0}
        await driver.press("right", "enter")
        await driver.settled()
        assert shown(driver) == CONFIG.replace(gain=0.5)


async def test_its_settings_are_on_one_line_at_80_columns() -> None:
    async with opened(size=(80, 24)) as driver:
        await driver.shows("net.py  gain as built  norm off  relu  lr 0.05  AdamW  depth 6  init kaiming")


async def test_the_footer_names_no_key_that_there_is_nothing_for() -> None:
    knobs = (OwnKnob(name="batch_norm", kind="bool", default=True),)
    async with opened(OwnLink(target(knobs)), size=(160, 40)) as driver:
        footer = driver.text.splitlines()[-1]
        assert "b batch norm" in footer
        assert not [word for word in ("tour", "nonlinearity") if word in footer]


async def test_what_is_compared_is_built_anew_side_by_side() -> None:
    async with opened(restart=OwnLink) as driver:
        await driver.press("c")
        await driver.settled()
        count = len(driver.session.group)
        link = driver.link
        assert isinstance(link, OwnLink)
        link.changes()
        await driver.shows("net.py changed: E builds it anew.")
        await driver.press("E")

        def anew() -> bool:
            group = driver.session.group
            measured = [driver.session.lanes[config.key].snapshots.newest for config in group]
            return {config.revision for config in group if isinstance(config, OwnConfig)} == {1} and all(measured)

        await driver.until(anew, "all lanes anew")
        assert len(driver.session.group) == count
        await driver.press("c")
        assert shown(driver) == CONFIG.replace(revision=1)


async def test_a_report_is_written_by_a_command_that_is_told() -> None:
    async with opened(size=(140, 40)) as driver:
        await driver.press("x", *["backspace"] * 40, "o", "u", "t", "enter")
        await driver.shows(f"A report trains it under several gains: tuiinit report {own.TARGET} --out out")


async def test_how_many_networks_are_still_built_is_told_on_the_compare_screen() -> None:
    async with opened(OwnLink(target(()))) as driver:
        link = driver.link
        assert isinstance(link, OwnLink)
        link.holds = True
        await driver.press("c")
        await driver.shows("building 5 networks …")
        link.lets_go()
        await driver.until(lambda: "building" not in driver.text)
