"""The one table of settings: names, groups, bounds, words, and what else the program must know of each.

`RunConfig` checks itself by it; TOML, options, the config pane, the compare screen, presets and the compiled step's
shape iterate over it. A new setting is a field of `RunConfig`, a row here, and the place in the engine that obeys it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .kinds import (
    MAX_WIDTH,
    Column,
    Kind,
    LearningRate,
    Number,
    OneOf,
    Pair,
    Schedule,
    Seed,
    Switch,
    Whole,
    Widths,
    Words,
)
from .names import DEVICES, OPTIMIZERS, STYLES
from .nonlinearities import LECTURE_GAINS, NONLINEARITIES
from .values import MAX_LAYERS

NETWORK, INITIALISATION, BATCH_NORM, TRAINING, DATA = "Network", "Initialisation", "Batch norm", "Training", "Data"
NETWORK_GROUPS = (NETWORK, INITIALISATION, BATCH_NORM)  # what a network is and how it starts, not how it is trained

Config = Any  # a RunConfig, which stands on this table


def _always(config: Config) -> bool:
    return True


@dataclass(frozen=True)
class Setting:
    """One setting: its field in RunConfig and all that is known of it.

    Args:
        about: what its option's help says.
        metavar: what its option's help calls the value; "" goes by the kind.
        worth: values worth comparing; None takes the choices.
        shaping: it decides the shape of a training step, so that steps which differ in it are compiled apart.
        changeable: it can change while a network trains.
        later: sessions were recorded before there was such a setting: at its default it is no part of a lane's name.
        used: whether it matters as the others stand.
        keyed: values that its own key goes through, rising, around the corner; () goes by the kind.
    """

    name: str
    label: str
    group: str
    kind: Kind
    about: str = ""
    metavar: str = ""
    worth: Sequence[Any] | None = None
    shaping: bool = False
    changeable: bool = False
    later: bool = False
    used: Callable[[Config], bool] = _always
    keyed: Sequence[Any] = ()

    def of(self, config: Config) -> Any:
        """The value that a configuration has."""
        return getattr(config, self.name)

    def put(self, config: Config, value: Any) -> Config:
        """A configuration with another value, from its start on. Raises ConfigError."""
        return config.changed(0, self.name, value) if self.changeable else config.replace(**{self.name: value})

    @property
    def choices(self) -> Sequence[Any]:
        """The values that the arrows go through."""
        return self.kind.choices

    @property
    def turns(self) -> bool:
        """Whether there is a next value."""
        return bool(self.choices) or isinstance(self.kind, Seed)

    @property
    def comparable(self) -> bool:
        """Whether there are values worth comparing."""
        return self.turns if self.worth is None else bool(self.worth)

    def compared(self, config: Config) -> tuple[Any, ...]:
        """Values worth comparing around the present one."""
        worth = self.choices if self.worth is None else self.worth
        return self.kind.compared(worth, self.of(config))

    def parse(self, text: str) -> Any:
        """A value from what a person types. Raises ConfigError."""
        return self.kind.parse(text)

    def show(self, value: Any) -> str:
        """A value as a person reads it."""
        return self.kind.show(value)

    def text(self, config: Config) -> str:
        """The value as a person reads it."""
        return self.show(self.of(config))

    def typed(self, config: Config) -> str:
        """The value as a person would type it."""
        return self.kind.typed(self.of(config))

    def next(self, config: Config, direction: int) -> Any:
        """The sensible value after (1) or before (-1) the present one; the present one where there is none."""
        return self.kind.next(self.of(config), direction)

    def next_by_key(self, config: Config, direction: int) -> Any:
        """The value that the setting's key goes to from the present one."""
        now, values = self.of(config), self.keyed
        if not values:
            return self.next(config, direction)
        if now in values:
            return values[(values.index(now) + direction) % len(values)]
        beyond = [v for v in values if v is not None and (v > now if direction > 0 else v < now)] or values
        return beyond[0] if direction > 0 else beyond[-1]


def _optimized_by(*optimizers: str) -> Callable[[Config], bool]:
    return lambda config: config.optimizer in optimizers


def _normed(config: Config) -> bool:
    return bool(config.bn)


def _biased(config: Config) -> bool:
    return not config.bn or config.bias_before_bn


_GAINS = (0.1, 0.2, 0.5, 0.75, 1.0, 1.25, math.sqrt(2), 5 / 3, 2.0, 3.0, 5.0, 10.0)
_SCALES = (0.0, 0.001, 0.01, 0.1, 0.3, 1.0, 2.0, 3.0, 5.0, 10.0)
_BIASES = ((0.0, 0.0), (0.01, 0.0), (0.1, 0.0), (1.0, 0.0), (1.0, 1.0))
_NEAR_ONE = (0.0, 0.5, 0.8, 0.9, 0.95, 0.99, 0.999, 0.9999)
_DEPTHS = (1, 2, 3, 5, 8, 10, 20, 50, 100, MAX_LAYERS)
_SHARE = Number(_NEAR_ONE, 0, 1, below=1)
_CONSTANT_UNIT = "a unit that never varies would be divided by 0"

SETTINGS: tuple[Setting, ...] = (
    Setting("nonlinearity", "nonlinearity", NETWORK, OneOf(NONLINEARITIES), shaping=True),
    Setting("hidden", "layers", NETWORK, Widths(_DEPTHS), "Widths of the hidden layers: 100,100,100 or 50x100.",
            worth=(1, 3, 5, 10), shaping=True),
    Setting("context", "context", NETWORK, Whole((1, 2, 3, 4, 5, 6, 8), 1, 64), "Characters that predict the next one.",
            worth=(2, 3, 4, 5), shaping=True),
    Setting("embedding", "embedding", NETWORK, Whole((2, 5, 10, 20, 50), 1, MAX_WIDTH), "Numbers per character.",
            shaping=True),
    Setting("gain", "gain", INITIALISATION, Number(_GAINS), "Factor on every linear weight (without batch norm, all "
            "but the output's); fractions such as 5/3 are fine.", worth=LECTURE_GAINS, keyed=LECTURE_GAINS),
    Setting("output_scale", "output scale", INITIALISATION, Number(_SCALES), "Factor on the output's weight, or on its "
            "gamma with batch norm.", worth=(0.0, 0.1, 1.0, 3.0)),
    Setting("fan_in_scaling", "÷ √fan_in", INITIALISATION, Switch(), "Divide weights by √fan_in."),
    Setting("embedding_scale", "embedding scale", INITIALISATION, Number(_SCALES), "Factor on the embedding."),
    Setting("bias_scale", "bias scale", INITIALISATION, Pair(_BIASES), "Std of the first biases, of the hidden layers "
            "and of the output: 1,1 as in the lecture's first network; 0 draws none.", metavar="HIDDEN,OUTPUT",
            later=True, used=_biased),
    Setting("bn", "batch norm", BATCH_NORM, Switch(), "Batch norm after every linear layer.", shaping=True),
    Setting("bn_style", "variance as in", BATCH_NORM, OneOf(STYLES), "Unbiased variance, or PyTorch's.",
            shaping=True, used=_normed),
    Setting("bn_momentum", "momentum of BN", BATCH_NORM, Number((0.001, 0.01, 0.1, 0.5, 1.0), 0, 1), "Weight of a "
            "batch in the running statistics.", worth=(0.001, 0.01, 0.1, 1.0), shaping=True, used=_normed),
    Setting("bn_eps", "eps", BATCH_NORM, Number((1e-8, 1e-5, 1e-3, 0.1), above_0=_CONSTANT_UNIT), "Added to batch "
            "norm's variance.", shaping=True, used=_normed),
    Setting("bias_before_bn", "bias before BN", BATCH_NORM, Switch(), "Keep the biases that batch norm cancels.",
            shaping=True, used=_normed),
    Setting("optimizer", "optimizer", TRAINING, OneOf(OPTIMIZERS), changeable=True),
    Setting("lr", "lr", TRAINING, LearningRate((0.1,)), "Learning rate.", worth=(0.01, 0.0316, 0.1, 0.316),
            changeable=True),
    Setting("batch_size", "batch size", TRAINING, Whole(tuple(2**k for k in range(13)), 1, 65_536), "Examples in a "
            "minibatch.", worth=(8, 32, 128, 512), changeable=True),
    Setting("schedule", "schedule", TRAINING, Schedule()),
    Setting("momentum", "momentum", TRAINING, _SHARE, "Of the optimizer momentum.", worth=(0.0, 0.5, 0.9, 0.99),
            used=_optimized_by("momentum")),
    Setting("beta1", "beta1", TRAINING, _SHARE, "Of Adam and AdamW.", used=_optimized_by("adam", "adamw")),
    Setting("beta2", "beta2", TRAINING, _SHARE, "Of Adam and AdamW.", used=_optimized_by("adam", "adamw")),
    Setting("alpha", "alpha", TRAINING, _SHARE, "Of RMSprop.", used=_optimized_by("rmsprop")),
    Setting("weight_decay", "weight decay", TRAINING, Number((0.0, 0.001, 0.01, 0.1, 1.0)), "Of AdamW.",
            used=_optimized_by("adamw")),
    Setting("data", "data", DATA, Words((), "a file's name", "names (built in)"), "Words to train on, one a line (a "
            "pipe will do; - is standard input); default: US first names of 2017.", metavar="FILE"),
    Setting("column", "column", DATA, Column((), "a column's name", "whole lines"), "The words are a column of a table "
            "(CSV, TSV): its name in the first row, which is then no word, or its number from 1, and every row counts.",
            metavar="NAME|N", later=True),
    Setting("seed", "seed", DATA, Seed((), 0, 2**63 - 1), "Of the initial weights and the minibatches."),
    Setting("device", "device", DATA, OneOf(DEVICES), worth=()),  # each gives the same numbers
)  # fmt: skip

GROUPS = tuple(dict.fromkeys(setting.group for setting in SETTINGS))
BY_NAME = {setting.name: setting for setting in SETTINGS}


def describe(name: str, value: object) -> str:
    """A setting and its value in a few words: gain 5/3, batch norm off."""
    if name in BY_NAME:
        setting = BY_NAME[name]
        return f"{setting.label} {setting.show(value)}"
    return f"{name} {value}"
