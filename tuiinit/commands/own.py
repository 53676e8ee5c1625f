"""The options of commands that take a person's own network, as a configuration of it."""

from __future__ import annotations

from typing import Any

import click

from ..config.own import OWN_SEED, OwnConfig, value_of
from .explore import found
from .pair import settings

GOES_WITH_TARGET = ("seed", "device", "gain", "lr")


def own_config(target: str, pairs: tuple[str, ...], engine: str | None, **options: Any) -> OwnConfig:
    """What a TARGET, `--set` and the shared options make; the others are refused.

    Raises:
        ConfigError: the target's file is not there, or a number is out of bounds.
        click.UsageError: an option is of no use for a person's own network.
    """
    for name, value in options.items():
        if name not in GOES_WITH_TARGET and value not in (None, False, ()):
            option = name.replace("_", "-").replace("compile-steps", "compile")
            raise click.UsageError(
                f"--{option} is for the networks that tuiinit builds; parameters of your own function: --set NAME=VALUE"
            )
    given = {name: options.get(name) for name in GOES_WITH_TARGET}
    return OwnConfig(
        target=target if engine is not None else found(target),
        settings=tuple((name, value_of(text)) for name, text in settings(pairs).items()),
        seed=OWN_SEED if given["seed"] is None else given["seed"],
        device=given["device"] or "auto",
        gain=given["gain"],
        lr=given["lr"],
    )
