"""The settings of a run as a person sees them: names, groups, how a value reads, and which come next."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from ..data import given
from ..host.paths import typed
from ..host.visible import visible
from .nonlinearities import NONLINEARITIES
from .run import DEVICES, OPTIMIZERS, BatchNormStyle, Change, RunConfig, format_pair, parse_change, parse_pair
from .values import MAX_LAYERS, ConfigError, format_hidden, format_number, parse_hidden, parse_number

DEPTHS = (1, 2, 3, 5, 8, 10, 20, 50, 100, MAX_LAYERS)


def step_lr(lr: float, direction: int) -> float:
    """The next rung of 1, 0.316, 0.1, 0.0316, …: a factor √10 up or down."""
    if lr <= 0:
        return 1e-6
    rung = round(2 * math.log10(lr)) + direction
    return float(f"{10 ** (max(-14, min(6, rung)) / 2):.3g}")


def _number(value: Any) -> str:
    return format_number(float(value))


def _whole(text: str) -> int:
    value = parse_number(text)
    if value != int(value):
        raise ConfigError(f"{text!r} is not a whole number")
    return int(value)


def _switch(text: str) -> bool:
    word = text.strip().lower()
    if word in ("on", "yes", "true", "1"):
        return True
    if word in ("off", "no", "false", "0"):
        return False
    raise ConfigError(f"{text!r} is neither on nor off")


def _path(text: str) -> str | None:
    return str(typed(text.strip())) if text.strip() else None


@dataclass(frozen=True)
class Setting:
    """One setting: its field in RunConfig, what it is called, and how it is read, written and stepped."""

    name: str
    label: str
    group: str
    choices: Sequence[Any] = ()
    parse: Callable[[str], Any] = str.strip
    show: Callable[[Any], str] = str
    used: Callable[[RunConfig], bool] = lambda config: True  # whether it matters as things stand

    def text(self, config: RunConfig) -> str:
        """The value as a person reads it."""
        return self.show(getattr(config, self.name))

    def typed(self, config: RunConfig) -> str:
        """The value as a person would type it."""
        return self.text(config)

    def next(self, config: RunConfig, direction: int) -> Any:
        """The sensible value after (1) or before (-1) the present one; the present one where there is none."""
        value = getattr(config, self.name)
        if not self.choices:
            return value
        if isinstance(value, bool | str):
            at = self.choices.index(value) if value in self.choices else 0
            return self.choices[(at + direction) % len(self.choices)]
        beyond = [c for c in self.choices if (c > value if direction > 0 else c < value)]
        return (min(beyond) if direction > 0 else max(beyond)) if beyond else value


class _Layers(Setting):
    def next(self, config: RunConfig, direction: int) -> tuple[int, ...]:
        depth, width = len(config.hidden), config.hidden[0]
        beyond = [d for d in DEPTHS if (d > depth if direction > 0 else d < depth)]
        return (width,) * ((min(beyond) if direction > 0 else max(beyond)) if beyond else depth)

    def typed(self, config: RunConfig) -> str:
        return self.text(config).replace(" ", "").replace("×", "x")


class _Pair(Setting):
    def typed(self, config: RunConfig) -> str:
        return self.text(config).replace(" ", "")


class _LearningRate(Setting):
    def next(self, config: RunConfig, direction: int) -> float:
        return step_lr(config.lr, direction)


def parse_schedule(text: str) -> tuple[Change, ...]:
    """Changes in the order of their steps, from text such as `150000:lr=0.01, 180000:optimizer=adam`.

    Raises:
        ConfigError: a part is no change.
    """
    parts = [part for part in text.split(",") if part.strip()]
    return tuple(sorted(map(parse_change, parts), key=lambda change: change.step))


def format_schedule(schedule: Sequence[Change]) -> str:
    """Changes as a person would type them."""
    return ", ".join(
        f"{c.step}:{c.name}={c.value if isinstance(c.value, str) else format_number(c.value)}" for c in schedule
    )


class _Schedule(Setting):
    def typed(self, config: RunConfig) -> str:
        return format_schedule(config.schedule)


class _Data(Setting):
    def typed(self, config: RunConfig) -> str:
        return config.data or ""


class _Column(Setting):
    def typed(self, config: RunConfig) -> str:
        return config.column or ""


class _Seed(Setting):
    def next(self, config: RunConfig, direction: int) -> int:
        return max(0, config.seed + direction)


def _data_name(path: Any) -> str:
    if given.is_name(path):
        return "piped words"
    return visible(Path(path).name) if path else "names (built in)"


def _on(value: Any) -> str:
    return "on" if value else "off"


def _uses(*optimizers: str) -> Callable[[RunConfig], bool]:
    return lambda config: config.optimizer in optimizers


def _bn(config: RunConfig) -> bool:
    return config.bn


def _biased(config: RunConfig) -> bool:
    return not config.bn or config.bias_before_bn


_SWITCH = (False, True)
_BIASES = ((0.0, 0.0), (0.01, 0.0), (0.1, 0.0), (1.0, 0.0), (1.0, 1.0))
_SCALES = (0.0, 0.001, 0.01, 0.1, 0.3, 1.0, 2.0, 3.0, 5.0, 10.0)
_NEAR_ONE = (0.0, 0.5, 0.8, 0.9, 0.95, 0.99, 0.999, 0.9999)

SETTINGS: tuple[Setting, ...] = (
    Setting("nonlinearity", "nonlinearity", "Network", NONLINEARITIES),
    _Layers("hidden", "layers", "Network", DEPTHS, parse_hidden, format_hidden),
    Setting("context", "context", "Network", (1, 2, 3, 4, 5, 6, 8), _whole),
    Setting("embedding", "embedding", "Network", (2, 5, 10, 20, 50), _whole),
    Setting(
        "gain",
        "gain",
        "Initialisation",
        (0.1, 0.2, 0.5, 0.75, 1.0, 1.25, math.sqrt(2), 5 / 3, 2.0, 3.0, 5.0, 10.0),
        parse_number,
        _number,
    ),
    Setting("output_scale", "output scale", "Initialisation", _SCALES, parse_number, _number),
    Setting("fan_in_scaling", "÷ √fan_in", "Initialisation", _SWITCH, _switch, _on),
    Setting("embedding_scale", "embedding scale", "Initialisation", _SCALES, parse_number, _number),
    _Pair("bias_scale", "bias scale", "Initialisation", _BIASES, parse_pair, format_pair, used=_biased),
    Setting("bn", "batch norm", "Batch norm", _SWITCH, _switch, _on),
    Setting("bn_style", "variance as in", "Batch norm", get_args(BatchNormStyle), used=_bn),
    Setting(
        "bn_momentum", "momentum of BN", "Batch norm", (0.001, 0.01, 0.1, 0.5, 1.0), parse_number, _number, used=_bn
    ),
    Setting("bn_eps", "eps", "Batch norm", (1e-8, 1e-5, 1e-3, 0.1), parse_number, _number, used=_bn),
    Setting("bias_before_bn", "bias before BN", "Batch norm", _SWITCH, _switch, _on, used=_bn),
    Setting("optimizer", "optimizer", "Training", OPTIMIZERS),
    _LearningRate("lr", "lr", "Training", (0.1,), parse_number, _number),
    Setting("batch_size", "batch size", "Training", tuple(2**k for k in range(13)), _whole),
    _Schedule("schedule", "schedule", "Training", (), parse_schedule, lambda told: format_schedule(told) or "none"),
    Setting("momentum", "momentum", "Training", _NEAR_ONE, parse_number, _number, used=_uses("momentum")),
    Setting("beta1", "beta1", "Training", _NEAR_ONE, parse_number, _number, used=_uses("adam", "adamw")),
    Setting("beta2", "beta2", "Training", _NEAR_ONE, parse_number, _number, used=_uses("adam", "adamw")),
    Setting("alpha", "alpha", "Training", _NEAR_ONE, parse_number, _number, used=_uses("rmsprop")),
    Setting(
        "weight_decay",
        "weight decay",
        "Training",
        (0.0, 0.001, 0.01, 0.1, 1.0),
        parse_number,
        _number,
        used=_uses("adamw"),
    ),
    _Data("data", "data", "Data", (), _path, _data_name),
    _Column("column", "column", "Data", (), lambda text: text.strip() or None, lambda name: name or "whole lines"),
    _Seed("seed", "seed", "Data", (), _whole),
    Setting("device", "device", "Data", DEVICES),
)

GROUPS = tuple(dict.fromkeys(setting.group for setting in SETTINGS))
BY_NAME = {setting.name: setting for setting in SETTINGS}


def describe(name: str, value: object) -> str:
    """A setting and its value in a few words: gain 5/3, batch norm off."""
    if name in BY_NAME:
        setting = BY_NAME[name]
        return f"{setting.label} {setting.show(value)}"
    return f"{name} {value}"
