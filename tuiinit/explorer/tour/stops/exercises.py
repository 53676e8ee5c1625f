"""Stops beside the claims: the lecture's first network fixed step by step, and the lecture's two exercises."""

from __future__ import annotations

from ....config.presets import BY_NAME
from ..rules import FAR, Sight, Stop

FIRST, ZERO = BY_NAME["first"].settings, {"gain": 0.0, "output_scale": 0.0}


def _preset(name: str, what: str) -> Sight:
    config = BY_NAME[name].config()
    return Sight(what, "activations", {setting: getattr(config, setting) for setting in FIRST})


STOPS = (
    Stop(
        claim="L01",
        text="Plain N(0, 1) weights and biases start at a loss of 28, and saturated; smaller ones fix both.",
        title="The lecture's first network, fixed",
        press="ctrl+p, type preset: take the first network's other three in turn.",
        look="The loss falls from 28 to ln V, then saturation from 69 to 5 %.",
        view="activations",
        sights=(
            _preset("first", "as drawn"),
            _preset("first-output", "output"),
            _preset("first-hidden", "hidden"),
            _preset("first-gain", "rule"),
        ),
        settings=FIRST,
    ),
    Stop(
        claim="E01",
        text="With all weights 0 only the output's bias learns: a weight's gradient is what comes in times what comes "
        "back, and one of them is 0.",
        title="Exercise: start from zero",
        press="Press n, then f; then shift+tab (Loss) and space: it stops at step 300.",
        look="Only the output bias gets a gradient, and learns the letters' frequencies.",
        view="weight-gradients",
        sights=(
            Sight("what learns, in Findings", "findings", ZERO, (1, FAR)),
            Sight("300 steps in Loss", "loss", ZERO, (300, FAR)),
        ),
        settings=ZERO,
        until=300,
    ),
    Stop(
        claim="E02",
        text="Trained, batch norm can be folded into the linear layer before it: W·γ/σ and (b − mean)·γ/σ + β do both.",
        title="Exercise: fold batch norm away",
        press="Press n, then i to look closer.",
        look="Below the pictures: folded, without batch norm, all dev logits are the same but for rounding.",
        view="batch-norm",
        sights=(Sight("a closer look after n", "batch-norm", {"bn": True}, (501, FAR), inspected=True),),
        settings={"bn": True, "gain": 1.0},
        steps=500,
    ),
)
