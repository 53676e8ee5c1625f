"""The options that make a RunConfig, as the explorer and most commands take them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ..config import presets
from ..config.kinds import Name, OneOf, Switch, Whole
from ..config.knobs import BY_NAME, SETTINGS, Setting
from ..config.run import RunConfig
from ..config.schedule import Change, parse_change
from ..config.toml import load
from ..config.values import ConfigError

F = TypeVar("F", bound=Callable[..., Any])


class Parsed(click.ParamType[Any]):
    """An option's value read by one of config's parsers."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The parsed value; the parser's sentence on failure."""
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except ConfigError as error:
            self.fail(str(error), param, ctx)


# What is changed most comes first in a command's help; the others follow in the order of the table.
FIRST = ("data", "column", "gain", "bn", "nonlinearity", "hidden", "lr", "optimizer", "batch_size", "output_scale",
         "bias_scale", "seed", "device")  # fmt: skip


def _option(setting: Setting) -> tuple[str, dict[str, Any]]:
    """The option of a setting: its name, and what click must know."""
    name = "--" + setting.name.replace("_", "-")
    about: dict[str, Any] = {"help": setting.about or None, "metavar": setting.metavar or None}
    if isinstance(kind := setting.kind, Switch):
        return f"{name}/--no-{name[2:]}", about | {"default": None}
    if isinstance(kind, OneOf):
        return name, about | {"type": click.Choice(tuple(kind.choices))}
    read = int if isinstance(kind, Whole) else Parsed(kind.word, kind.parse)
    return name, about | ({} if isinstance(kind, Name) else {"type": read})


DATA, COLUMN = (click.option(name, **about) for name, about in (_option(BY_NAME["data"]), _option(BY_NAME["column"])))

OPTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    *(_option(BY_NAME[name]) for name in FIRST),
    *(_option(setting) for setting in SETTINGS if setting.name not in (*FIRST, "schedule")),
    ("--change", {"type": Parsed("step:name=value", parse_change), "multiple": True, "help": "Change lr, optimizer or "
                  "batch_size at a step: 150000:lr=0.01. May be given several times."}),
    ("--config", {"metavar": "FILE.toml", "help": "Settings from a file; options come on top."}),
    ("--preset", {"type": click.Choice(tuple(presets.BY_NAME)), "help": "The lecture's first network, mended step by "
                  "step, or its deep one; options come on top."}),
)  # fmt: skip


COMPILE = click.option("--compile", "compile_steps", is_flag=True, help="Compile the training step in the background "
                       "(half a minute, once; needs a C++ compiler) and go on with that: on the CPU 1.6 to 2.5 times "
                       "as fast, equal to 1e-4 and no longer to the bit.")  # fmt: skip


def shared_options(function: F) -> F:
    """The options that make a RunConfig."""
    for name, settings in reversed(OPTIONS):
        function = click.option(name, **settings)(function)
    return function


def config_from(options: dict[str, Any]) -> RunConfig:
    """Take the shared options out of `options` and make the configuration. Raises ConfigError."""
    names = set(RunConfig.__struct_fields__) - {"schedule"}
    given = {name: options.pop(name) for name in names if name in options}
    path = options.pop("config", None)
    changes: tuple[Change, ...] = options.pop("change", ())
    preset = options.pop("preset", None)
    if path and preset:
        raise click.UsageError("give either --preset or --config: both decide what the options come on top of")
    base = load(Path(path)) if path else presets.BY_NAME[preset].config() if preset else RunConfig()
    values: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if changes:
        values["schedule"] = tuple(sorted(changes, key=lambda c: c.step))
    return base.replace(**values)
