"""Networks worth starting from, by name: the lecture's first one mended step by step, and its deep one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .knobs import NETWORK_GROUPS, SETTINGS
from .run import DEFAULT, RunConfig

#: Settings that a preset decides: what differs from the defaults it names, the others take theirs.
DECIDED = tuple(setting.name for setting in SETTINGS if setting.group in NETWORK_GROUPS)


@dataclass(frozen=True)
class Preset:
    """A network and how it starts; `about` says in a line what is to be seen."""

    name: str
    title: str
    about: str
    settings: Mapping[str, Any]

    def config(self, base: RunConfig = DEFAULT) -> RunConfig:
        """This network with the data, the seed and the training of `base`. Raises ConfigError if that cannot be."""
        return base.replace(**{name: self.settings.get(name, getattr(DEFAULT, name)) for name in DECIDED})


_FIRST: dict[str, Any] = {
    "hidden": (200,),
    "gain": 1.0,
    "fan_in_scaling": False,
    "output_scale": 1.0,
    "bias_scale": (1.0, 1.0),
}

PRESETS = (
    Preset("first", "First network", "Plain N(0, 1) weights and biases: confident and wrong, and saturated", _FIRST),
    Preset(
        "first-output",
        "First network, output mended",
        "Output weights × 0.01, no output bias: the loss starts at ln V",
        _FIRST | {"output_scale": 0.01, "bias_scale": (1.0, 0.0)},
    ),
    Preset(
        "first-hidden",
        "First network, hidden layer mended",
        "Hidden weights × 0.2, biases × 0.01 too: hardly any output is saturated",
        _FIRST | {"output_scale": 0.01, "gain": 0.2, "bias_scale": (0.01, 0.0)},
    ),
    Preset(
        "first-gain",
        "First network, by a rule",
        "Gain 5/3 over √fan_in in place of numbers that were found by trying",
        {"hidden": (200,), "bias_scale": (0.01, 0.0)},
    ),
    Preset("deep", "Deep network", "Five hidden layers of 100 at gain 5/3, as this program starts", {}),
    Preset(
        "deep-bn", "Deep network with batch norm", "The same with batch norm after every linear layer", {"bn": True}
    ),
)
BY_NAME = {preset.name: preset for preset in PRESETS}
