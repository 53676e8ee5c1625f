"""A configuration as TOML, read and written."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec

from .knobs import BY_NAME
from .run import DEFAULT, RunConfig
from .values import ConfigError


def load(path: Path) -> RunConfig:
    """Read a configuration from a TOML file: keys are the fields of RunConfig, numbers may be "5/3".

    Raises:
        ConfigError: the file is missing, no TOML, or has a key or value that cannot be.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # no UTF-8, no TOML, a number of thousands of digits, a deep nest
        raise ConfigError(f"{path} is not TOML: {error}") from None
    try:
        return from_table(table)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def from_table(table: dict[str, Any]) -> RunConfig:
    """A configuration from plain values; numbers may be text such as "5/3".

    Raises:
        ConfigError: an unknown key or a value of the wrong kind.
    """
    unknown = sorted(set(table) - set(RunConfig.__struct_fields__))
    if unknown:
        raise ConfigError(f"unknown setting {unknown[0]!r}")
    values = {name: BY_NAME[name].kind.from_toml(value) for name, value in table.items()}
    try:
        return msgspec.convert(values, RunConfig)
    except UnicodeError:
        raise ConfigError("a setting's text is not UTF-8") from None
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, ConfigError):
            raise error.__cause__ from None
        raise ConfigError(str(error)[:1].lower() + str(error)[1:]) from None


def to_toml(config: RunConfig) -> str:
    """The settings that differ from the defaults, as TOML that `load` reads back to an equal configuration."""
    lines: list[str] = []
    for name in RunConfig.__struct_fields__:
        value = getattr(config, name)
        if name == "schedule" or value == getattr(DEFAULT, name):
            continue
        if isinstance(value, bool):
            text = "true" if value else "false"
        elif isinstance(value, str):
            text = _toml_string(BY_NAME[name].kind.exact(value))
        elif isinstance(value, tuple):
            text = "[" + ", ".join(map(str, value)) + "]"
        else:
            text = repr(value)
        lines.append(f"{name} = {text}")
    for change in config.schedule:
        value = _toml_string(change.value) if isinstance(change.value, str) else repr(change.value)
        lines += ["", "[[schedule]]", f"step = {change.step}", f'name = "{change.name}"', f"value = {value}"]
    return "\n".join(lines) + "\n"


def _toml_string(text: str) -> str:
    # A JSON string is a TOML basic string but for DEL, which TOML wants escaped.
    return msgspec.json.encode(text).decode().replace("\x7f", "\\u007F")
