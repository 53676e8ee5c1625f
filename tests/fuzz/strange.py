"""Strange values, by seeded chance: well-typed messages that no engine would send, and bytes that are none."""

from __future__ import annotations

import math
import random
import types
import typing
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin

import msgspec
import pytest

from tuiinit.config.names import OPTIMIZERS
from tuiinit.config.nonlinearities import NONLINEARITIES
from tuiinit.config.own import OwnConfig
from tuiinit.config.run import RunConfig
from tuiinit.config.schedule import Change
from tuiinit.config.values import ConfigError
from tuiinit.stream import protocol

FRAMES: tuple[type[msgspec.Struct], ...] = get_args(protocol.Frame)
COMMANDS: tuple[type[msgspec.Struct], ...] = get_args(protocol.Command)

FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-12, 5e-324, 1e308, -1e308, 1e30, math.nan, math.inf, -math.inf, 3.3, 2.3e-4)
INTS = (0, 1, -1, 2, 3, 10, 100, 1000, 5707, 2**31, 2**53, 2**63 - 1, -(2**63), 2**64 - 1)
TEXTS = (
    "",
    "a",
    "tanh 1",
    "\x1b[2J\x1b[31mred",
    "\x07\x08\x00\x7f",
    "\x9b31m",
    "two\nlines\r",
    "\t",
    "\u202eright to left",
    "\u200b\u2028\ufeff",
    "名前",
    "e\u0301\u0301",
    "[bold]markup[/bold] [/]",
    "x" * 3000,
    "😀" * 50,
)


def modes(short: int, long: int) -> pytest.MarkDecorator:
    """How many cases: few in the suite, many in the long mode."""
    return pytest.mark.parametrize("cases", [short, pytest.param(long, marks=pytest.mark.long, id=f"long-{long}")])


def config(rng: random.Random) -> RunConfig:
    """A configuration that can be, small enough to train at once."""
    while True:
        schedule: list[Change] = []
        if rng.random() < 0.2:
            schedule.append(Change(rng.randint(1, 50), "lr", rng.choice((0.0, 0.01, 1e9))))
        try:
            return RunConfig(
                seed=rng.choice((0, 1, 2**63 - 1)),
                device="cpu",
                context=rng.choice((1, 3)),
                embedding=rng.choice((1, 2)),
                hidden=tuple(rng.choice((1, 3, 8)) for _ in range(rng.choice((1, 1, 2, 3)))),
                nonlinearity=rng.choice(NONLINEARITIES),
                gain=rng.choice((0.0, 1.0, 5 / 3, 1e30)),
                bias_scale=rng.choice(((0.0, 0.0), (1.0, 0.0), (0.0, 1e30))),
                bn=rng.random() < 0.5,
                bn_style=rng.choice(("lecture", "torch")),
                bias_before_bn=rng.random() < 0.3,
                optimizer=rng.choice(OPTIMIZERS),
                lr=rng.choice((0.0, 0.1, 1e30)),
                batch_size=rng.choice((1, 2, 32)),
                schedule=tuple(schedule),
            )
        except ConfigError:
            continue


def own_config(rng: random.Random) -> OwnConfig:
    """A configuration of a person's network that can be."""
    return OwnConfig(
        target=rng.choice(TEXTS),
        settings=tuple({name: rng.choice((True, 3, 0.5, "relu")) for name in rng.sample(TEXTS, 2)}.items()),
        seed=rng.choice((0, 1, 2**63 - 1)),
        gain=rng.choice((None, 0.0, 5 / 3, 1e30)),
        lr=rng.choice((None, 0.0, 0.1)),
        schedule=rng.choice(((), (Change(3, "lr", 0.01),))),
        revision=rng.choice((0, 1)),
    )


def of_type(rng: random.Random, kind: Any) -> Any:
    """A value of a type that the protocol uses, as strange as the type allows."""
    if kind is RunConfig:
        return config(rng)
    if kind is OwnConfig:
        return own_config(rng)
    if kind is bool:
        return rng.random() < 0.5
    if kind is int:
        return rng.choice(INTS) if rng.random() < 0.5 else rng.randint(0, 300)
    if kind is float:
        return rng.choice(FLOATS) if rng.random() < 0.5 else rng.gauss(0, 1)
    if kind is str:
        return rng.choice(TEXTS)
    if kind is bytes:
        return rng.randbytes(rng.choice((0, 0, 1, 4, 7, 8, 32, 400)))
    if kind is type(None):
        return None
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is tuple and arguments[-1] is not Ellipsis:
        return tuple(of_type(rng, argument) for argument in arguments)
    if origin is tuple:
        return tuple(of_type(rng, arguments[0]) for _ in range(rng.choice((0, 0, 1, 1, 2, 3, 8))))
    if origin is dict:
        return {of_type(rng, arguments[0]): of_type(rng, arguments[1]) for _ in range(rng.choice((0, 0, 1, 3)))}
    if origin in (Union, types.UnionType):
        return of_type(rng, rng.choice(arguments))
    if origin is Literal:
        return rng.choice(arguments)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return message(rng, kind)
    raise TypeError(f"no strange value of {kind}")


@cache
def hints_of(kind: Any) -> dict[str, Any]:
    """The types of a struct's fields."""
    return typing.get_type_hints(kind)


def message(rng: random.Random, kind: Any) -> Any:
    """A struct with all its fields strange."""
    hints = hints_of(kind)
    return kind(**{name: of_type(rng, hints[name]) for name in kind.__struct_fields__})


def doctored(rng: random.Random, sound: Any, rate: float = 0.1) -> Any:
    """A sound message with some of its fields, at any depth, made strange."""
    kind: Any = type(sound)
    hints = hints_of(kind)

    def of(value: Any, kind: Any) -> Any:
        if isinstance(value, msgspec.Struct):
            return value if isinstance(value, RunConfig | OwnConfig) else doctored(rng, value, rate)
        if rng.random() < rate:
            return of_type(rng, kind)
        if isinstance(value, tuple) and value and isinstance(value[0], msgspec.Struct):
            return tuple(doctored(rng, part, rate) for part in value)
        return value

    return type(sound)(**{name: of(getattr(sound, name), hints[name]) for name in type(sound).__struct_fields__})


def plain(rng: random.Random, depth: int = 3) -> Any:
    """Plain data of any shape."""
    kind = rng.randrange(9 if depth else 6)
    if kind < 6:
        return of_type(rng, (int, float, str, bytes, bool, type(None))[kind])
    if kind == 6:
        return [plain(rng, depth - 1) for _ in range(rng.randrange(4))]
    names = ("type", "lane", "step", "Snapshot", "Select", "lanes", "config", "", "hidden", "\x1b")
    return {rng.choice(names): plain(rng, depth - 1) for _ in range(rng.randrange(5))}
