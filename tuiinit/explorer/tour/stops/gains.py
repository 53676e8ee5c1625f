"""Stops on the gain: signals that die out, keep their spread, or saturate."""

from __future__ import annotations

import math

from ....stream.protocol import Snapshot
from ..rules import FAR, Sight, Stop


def _last_std(snapshot: Snapshot) -> float:
    return snapshot.activations[-1].std


def _least_saturated(snapshot: Snapshot) -> float:
    return min(layer.saturated for layer in snapshot.activations)


STOPS = (
    Stop(
        claim="C09",
        title="Gain 0.5: the signal dies out",
        press="Press 1 (gain 0.5).",
        look="The histograms shrink towards 0 from layer to layer; the last std is about 0.02.",
        view="activations",
        sights=(
            Sight("gain 5/3", "activations", {"gain": 5 / 3}),
            Sight("gain 0.5", "activations", {"gain": 0.5}, shows=lambda s: _last_std(s) < 0.1),
        ),
    ),
    Stop(
        claim="C10",
        title="Gain 1: it still shrinks, slowly",
        press="Press 2 (gain 1), then tab until Depth.",
        look="The std falls from layer to layer, but slowly, like 1/√depth: five layers keep half of it.",
        view="activations",
        sights=(
            Sight("gain 1", "activations", {"gain": 1.0}),
            Sight("gain 1 in Depth", "depth", {"gain": 1.0}),
        ),
    ),
    Stop(
        claim="C11",
        title="Gain 5/3: the spread is kept",
        press="Press 3 (gain 5/3).",
        look="The std stays: 0.76, then about 0.67 in every layer. Saturated: 20 % in the first, then 5 to 10 %.",
        view="activations",
        sights=(
            Sight("gain 1", "activations", {"gain": 1.0}),
            Sight("gain 5/3", "activations", {"gain": 5 / 3}, shows=lambda s: 0.5 < _last_std(s) < 0.8),
        ),
        settings={"gain": 1.0},
    ),
    Stop(
        claim="C12",
        title="Gain 3: heavy saturation",
        press="Press 4 (gain 3).",
        look="Two spikes at ±1 in every layer: around 40 % of the outputs or more are saturated.",
        view="activations",
        sights=(
            Sight("gain 5/3", "activations", {"gain": 5 / 3}),
            Sight("gain 3", "activations", {"gain": 3.0}, shows=lambda s: _least_saturated(s) > 0.3),
        ),
    ),
    Stop(
        claim="C14",
        title="The gradients vary with the gain, too",
        press="Press 1, 2, 3 and 4.",
        look="At 0.5 the gradients shrink towards the first layer, at 3 they grow; at 1 and 5/3 they change little.",
        view="activation-gradients",
        sights=tuple(
            Sight(f"gain {name}", "activation-gradients", {"gain": gain})
            for name, gain in (("0.5", 0.5), ("1", 1.0), ("5/3", 5 / 3), ("3", 3.0))
        ),
    ),
    Stop(
        claim="C13",
        title="Without tanh the right gain is 1",
        press="Press 3 (gain 5/3), then tab until Depth.",
        look="A linear network at gain 1 keeps outputs and gradients; at 5/3 each layer multiplies both by 5/3.",
        view="activations",
        sights=(
            Sight("gain 1", "activations", {"gain": 1.0, "nonlinearity": "linear"}),
            Sight("gain 5/3 in Depth", "depth", {"gain": 5 / 3, "nonlinearity": "linear"}),
        ),
        settings={"nonlinearity": "linear", "gain": 1.0},
    ),
    Stop(
        claim="C26",
        title="Each nonlinearity has its own gain",
        press="Press ↓ (to gain), → twice (√2), esc.",
        look="relu at gain 1 loses half of its variance in each layer; at √2 it keeps it.",
        view="depth",
        sights=(
            Sight("relu at gain 1", "depth", {"nonlinearity": "relu", "gain": 1.0}),
            Sight("relu at gain √2", "depth", {"nonlinearity": "relu", "gain": math.sqrt(2)}),
        ),
        settings={"nonlinearity": "relu", "gain": 1.0},
    ),
    Stop(
        claim="C08",
        title="Started badly, a deep network learns nothing",
        press="Press space (it stops after 300 steps), then 3 (gain 5/3).",
        look="15 layers at gain 0.5 learn no more than the letters' frequencies (unigram).",
        view="loss",
        sights=(
            Sight("gain 0.5 after 300 steps", "loss", {"gain": 0.5}, (300, FAR)),
            Sight("gain 5/3 after 300 steps", "loss", {"gain": 5 / 3}, (300, FAR)),
        ),
        settings={"hidden": (100,) * 15, "gain": 0.5},
        until=300,
    ),
)
