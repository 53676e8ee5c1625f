"""Stops on the first loss, and on units that learn nothing."""

from __future__ import annotations

import math

from ....config.run import DEFAULT
from ..rules import FAR, Sight, Stop

STOPS = (
    Stop(
        claim="C01",
        title="The first loss can be calculated",
        press="Press R for another seed.",
        look="Whatever the seed, the loss at step 0 is within a few hundredths of ln V: nothing is learnt yet.",
        view="initial-loss",
        sights=(
            Sight("the lecture's seed", "initial-loss", {"seed": DEFAULT.seed}, (0, 0)),
            Sight("another seed", "initial-loss", {"seed": lambda seed: seed != DEFAULT.seed}, (0, 0)),
        ),
    ),
    Stop(
        claim="C02",
        title="Large logits: confident and wrong",
        press="Press ↓ (to output scale), enter, 10, enter, esc.",
        look="The loss is far above ln V: the model is confident, mostly of wrong letters.",
        view="initial-loss",
        sights=(
            Sight("output scale 0.1", "initial-loss", {"output_scale": 0.1}),
            Sight("output scale 10", "initial-loss", {"output_scale": lambda scale: scale >= 5}, (0, 0)),
        ),
        setting="output_scale",
    ),
    Stop(
        claim="C03",
        title="A small output layer fixes the first loss",
        press="Press ↓ (to output scale), enter, 0.1, enter, esc.",
        look="The loss falls to ln V, and all probabilities gather around 1/V.",
        view="initial-loss",
        sights=(
            Sight("output scale 10", "initial-loss", {"output_scale": 10.0}),
            Sight("output scale 0.1", "initial-loss", {"output_scale": 0.1}, (0, 0)),
        ),
        settings={"output_scale": 10.0},
        setting="output_scale",
    ),
    Stop(
        claim="C04",
        title="But not exactly zero",
        press="Press n, then n again.",
        look="Zero weights pass no gradient back: only the output has one. After one step all layers get some.",
        view="weight-gradients",
        at_output=True,
        sights=(
            Sight("the first minibatch", "weight-gradients", {"output_scale": 0.0}, (0, 1)),
            Sight("the second", "weight-gradients", {"output_scale": 0.0}, (2, FAR)),
        ),
        settings={"output_scale": 0.0},
    ),
    Stop(
        claim="C05",
        title="Saturation stops the gradient",
        press="Press i to look closer, then 1 (gain 0.5) and i again.",
        look="Below the picture: nearly all of the gradient gets through near 0, hardly any near ±1.",
        view="saturation",
        sights=(
            Sight("a closer look at gain 3", "saturation", {"gain": 3.0}, inspected=True),
            Sight("the same at gain 0.5", "saturation", {"gain": 0.5}, inspected=True),
        ),
        settings={"gain": 3.0},
    ),
    Stop(
        claim="C06",
        title="A dead unit never learns",
        press="Press u to go from one dead unit (×) to the next.",
        look="They are 0 on every example: hardly any gradient reaches their weights (below).",
        view="saturation",
        sights=(
            Sight("a dead unit", "saturation", {"nonlinearity": "relu"}, (50, FAR), dead_unit=True),
            Sight("a closer look (i, or wait)", "saturation", {"nonlinearity": "relu"}, (50, FAR), inspected=True),
        ),
        settings={"nonlinearity": "relu", "gain": math.sqrt(2), "lr": 1.0},
        steps=50,
    ),
    Stop(
        claim="C07",
        title="Units die when the learning rate is too high",
        press="Press space: it stops after 300 steps.",
        look="At lr 10 the number of dead units grows while the network trains; at lr 0.1 it stays 0.",
        view="saturation",
        sights=(
            Sight("none dead at step 0", "saturation", {"lr": 10.0}, (0, 0)),
            Sight("300 steps", "saturation", {"lr": 10.0}, (300, FAR)),
        ),
        settings={"lr": 10.0},
        until=300,
    ),
)
