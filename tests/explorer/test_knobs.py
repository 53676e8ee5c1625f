"""Every knob of a run is turned with the keyboard alone."""

from __future__ import annotations

from typing import Any

import pytest

from tests.explorer.driving import Driver, explorer
from tuiinit.config.knobs import BY_NAME
from tuiinit.config.run import RunConfig
from tuiinit.config.schedule import Change
from tuiinit.session.changed import Changed
from tuiinit.stream.protocol import Select


async def go_to(driver: Driver, name: str) -> None:
    """Into the config pane, to a setting."""
    await driver.press("down", "home")
    for _ in BY_NAME:
        if driver.screen.config.setting.name == name:
            return
        await driver.pilot.press("down")
    raise AssertionError(f"no setting {name}")


TURNS: list[tuple[str, str, list[Any]]] = [
    ("output_scale", "left", [0.01, 0.001, 0.0]),
    ("output_scale", "right", [0.3, 1.0, 2.0, 3.0, 5.0, 10.0]),
    ("fan_in_scaling", "right", [False, True]),
    ("embedding_scale", "left", [0.3, 0.1]),
    ("bias_scale", "right", [(0.01, 0.0), (0.1, 0.0), (1.0, 0.0), (1.0, 1.0)]),
    ("bias_before_bn", "right", [True]),
    ("bn_style", "right", ["torch", "lecture"]),
    ("bn_momentum", "left", [0.01, 0.001]),
    ("bn_eps", "right", [1e-3, 0.1]),
    ("beta1", "left", [0.8]),
    ("beta2", "right", [0.9999]),
    ("alpha", "left", [0.95]),
    ("momentum", "right", [0.95]),
    ("weight_decay", "right", [0.1]),
]


async def test_arrows_turn_every_knob() -> None:
    start = RunConfig(bn=True)
    async with explorer(start) as driver:
        for name, key, values in TURNS:
            driver.app.tell(driver.session.select(start))
            driver.screen.draw(Changed.ALL)
            await go_to(driver, name)
            for value in values:
                await driver.press(key)
                assert getattr(driver.session.config, name) == value
                assert driver.link.of(Select)[-1] == Select(lanes=(start.replace(**{name: value}),))


async def test_a_bias_scale_is_typed_and_what_is_none_is_told() -> None:
    async with explorer() as driver:
        await go_to(driver, "bias_scale")
        await driver.press("enter", *["backspace"] * 9, *"1/3,2", "enter")
        assert driver.session.config.bias_scale == (1 / 3, 2.0)
        await driver.press("enter", *["backspace"] * 9, *"1", "enter")
        await driver.shows("is not two numbers such as 1,0")
        assert driver.session.config.bias_scale == (1 / 3, 2.0)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_drop_of_the_learning_rate_is_typed(size: tuple[int, int]) -> None:
    async with explorer(size=size) as driver:
        await go_to(driver, "schedule")
        await driver.press("enter")
        await driver.press(*"60:lr=0.01,90:optimizer=adam", "enter")
        assert driver.session.config.schedule == (Change(60, "lr", 0.01), Change(90, "optimizer", "adam"))
        await driver.press("escape")
        await driver.train(100)
        now = driver.session.snapshot()
        assert now is not None
        assert (now.lr, now.optimizer) == (0.01, "adam")


async def test_a_wrong_schedule_says_what_is_wrong_and_changes_nothing() -> None:
    async with explorer() as driver:
        await go_to(driver, "schedule")
        await driver.press("enter")
        await driver.press(*"60:gain=3", "enter")
        await driver.shows("does not read STEP:NAME=VALUE")
        assert driver.session.config == RunConfig()
