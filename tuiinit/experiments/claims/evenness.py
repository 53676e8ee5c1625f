"""C20–C25: with batch norm, layers are alike, and the scale of the weights matters less."""

from __future__ import annotations

import numpy as np

from ...insight.thresholds import GRADIENT_OUT_OF_LINE, STD_GROWS, UPDATE_SLOW
from .gains import GAINS
from .model import Array, Bench, Claim, Figures, Net, Part, spread
from .networks import Wanted
from .updates import ALIKE, STEPS, largest_excess

SAME_STD = 1.1  # largest / smallest over layers
SAME_RATE = 0.5  # decades of update:data: a factor of 3
ONE_DECADE = 1.0
SAME_FORWARD = 0.01  # relative difference of stds
SLOPE, SLOPE_WITHIN = -2.0, 0.05  # of log10 update:data over log10 gain (van Laarhoven, arXiv 1706.05350)
UNSCALED_STD = 0.02
NEAR = 0.05  # nats of dev loss
HIGHER_LR = 1.0


def _with_bn(steps: int, *, evaluate: bool = False) -> dict[str, Wanted]:
    return {f"with {name}": Wanted({"gain": gain, "bn": True}, steps, evaluate) for name, gain in GAINS.items()}


def _without(steps: int, *, evaluate: bool = False) -> dict[str, Wanted]:
    return {f"without {name}": Wanted({"gain": gain}, steps, evaluate) for name, gain in GAINS.items()}


def _stds(bench: Bench) -> Figures:
    net = bench["net"]
    return {
        "at first": spread(net.std(1)),
        f"step {STEPS}": spread(net.std()),
        "mean std": float(net.std(1).mean()),
        "without": spread(bench["without"].std(1)),
    }


def _gradients(bench: Bench) -> Figures:
    return {name: spread(net.grad_std(1)) for name, net in bench.nets.items()}


def _weight_gradients(bench: Bench) -> Figures:
    with_, without = bench["with"], bench["without"]
    return {
        "with": largest_excess(with_.weight_grads(1)),
        "without": largest_excess(without.weight_grads(1)),
        f"with, step {STEPS}": largest_excess(with_.weight_grads()),
        f"without, step {STEPS}": largest_excess(without.weight_grads()),
        "with, gain 3": largest_excess(bench["gain 3"].weight_grads(1)),
    }


def _rates(bench: Bench) -> Figures:
    figures: Figures = {}
    for name, net in bench.nets.items():
        curves = net.mean_update_data()
        figures[f"{name}, hidden"] = float(np.ptp(curves[1:-1]))
        figures[f"{name}, all"] = float(np.ptp(curves))
        figures[f"{name}, embedding"] = float(curves[0])
        figures[f"{name}, median hidden"] = float(np.median(curves[1:-1]))
        figures[f"{name}, output"] = float(curves[-1])
    return figures


def _slope(curves: list[Array]) -> float:
    """Of log10 update:data over log10 gain, of the linear weight for which it is farthest from SLOPE."""
    gains = np.log10(list(GAINS.values()))
    slopes = np.polyfit(gains, np.array([curve[1:] for curve in curves]), 1)[0]
    return float(slopes[abs(slopes - SLOPE).argmax()])


def _gain_with_bn(bench: Bench) -> Figures:
    nets: list[Net] = [bench[f"with {name}"] for name in GAINS]
    stds = np.array([net.std(1) for net in nets])
    with_ = [net.dev for net in nets]
    without = [bench[f"without {name}"].dev for name in GAINS]
    return {
        "forward": float((np.ptp(stds, axis=0) / stds.mean(axis=0)).max()),
        "slope at first": _slope([net.update_data(1) for net in nets]),
        f"slope, step {STEPS}": _slope([net.mean_update_data() for net in nets]),
        "dev range with": float(np.ptp(with_)),
        "dev range without": float(np.ptp(without)),
    }


def _unscaled(bench: Bench) -> Figures:
    scaled, same, higher = bench["scaled"], bench["unscaled"], bench["unscaled, higher lr"]
    return {
        "std difference": float((abs(same.std(1) - scaled.std(1)) / scaled.std(1)).max()),
        "hidden rate": float(np.median(same.mean_update_data()[1:-1])),
        "hidden rate at first": float(np.median(same.update_data(1)[1:-1])),
        "dev, scaled": scaled.dev,
        "dev, unscaled": same.dev,
        "dev, unscaled, higher lr": higher.dev,
    }


CLAIMS = (
    Claim(
        id="C20",
        text="With batch norm the outputs have the same std in all layers.",
        lanes={"net": Wanted({"bn": True}, STEPS), "without": Wanted({}, 1)},
        measure=_stds,
        parts=(
            Part(f"largest / smallest is below {SAME_STD} at step 1", lambda f: f["at first"] < SAME_STD),
            Part(
                f"largest / smallest is below {SAME_STD} after {STEPS:,} steps, too",
                lambda f: f[f"step {STEPS}"] < SAME_STD,
            ),
        ),
        reason=f"Largest / smallest std over layers {{at first:.3f}} at step 1 (mean {{mean std:.2f}}) and "
        f"{{step {STEPS}:.3f}} after {STEPS:,} steps; without batch norm {{without:.2f}} at step 1",
    ),
    Claim(
        id="C21",
        text="With batch norm the gradients of the outputs are uniform across layers, compared to without.",
        lanes=_with_bn(1) | _without(1),
        measure=_gradients,
        parts=(
            Part(
                f"largest / smallest std is below {STD_GROWS:.0f} at every gain",
                lambda f: all(f[f"with {name}"] < STD_GROWS for name in GAINS),
            ),
            Part(
                "largest / smallest is smaller than without at gain 0.5 and 3",
                lambda f: all(f[f"with {name}"] < f[f"without {name}"] for name in ("1/2", "3")),
            ),
            Part("largest / smallest is smaller than without at gain 1", lambda f: f["with 1"] < f["without 1"]),
            Part("largest / smallest is smaller than without at gain 5/3", lambda f: f["with 5/3"] < f["without 5/3"]),
        ),
        reason="Largest / smallest std over layers at gain 0.5, 1, 5/3, 3: {with 1/2:.2f}, {with 1:.2f}, "
        "{with 5/3:.2f}, "
        "{with 3:.2f} with batch norm, {without 1/2:.2f}, {without 1:.2f}, {without 5/3:.2f}, {without 3:.2f} without: "
        "the same at every gain, for tanh with batch norm adds a factor of about 1.1 a layer at any",
    ),
    Claim(
        id="C22",
        text="With batch norm the weights' gradients are alike.",
        lanes={
            "with": Wanted({"bn": True}, STEPS),
            "without": Wanted({}, STEPS),
            "gain 3": Wanted({"bn": True, "gain": 3.0}, 1),
        },
        measure=_weight_gradients,
        parts=(
            Part(
                f"the largest std is at most {ALIKE:.0f} times the median of the others at step 1, without batch norm "
                f"above {GRADIENT_OUT_OF_LINE:.0f} times",
                lambda f: f["with"] <= ALIKE and f["without"] > GRADIENT_OUT_OF_LINE,
            ),
            Part(f"it is so after {STEPS:,} steps, too", lambda f: f[f"with, step {STEPS}"] <= ALIKE),
        ),
        reason="The largest is {with:.1f} times the median of the others at step 1 (without batch norm {without:.1f}) "
        "and "
        f"{{with, step {STEPS}:.1f}} times after {STEPS:,} steps (without {{without, step {STEPS}:.1f}}) at gain 5/3; "
        "at gain 3, {with, gain 3:.1f} times at step 1",
    ),
    Claim(
        id="C23",
        text="With batch norm all parameters learn at about the same rate.",
        lanes={"with": Wanted({"bn": True}, STEPS), "without": Wanted({}, STEPS)},
        measure=_rates,
        parts=(
            Part(
                f"after {STEPS:,} steps the hidden layers' update:data is within a factor of 3",
                lambda f: f["with, hidden"] < SAME_RATE,
            ),
            Part(
                "the curves of all weights are closer together than without batch norm",
                lambda f: f["with, all"] < f["without, all"],
            ),
            Part(
                "the curves of all weights, embedding and output too, are within a factor of 10",
                lambda f: f["with, all"] < ONE_DECADE,
            ),
        ),
        reason=f"log10 update:data after {STEPS:,} steps: hidden layers {{with, median hidden:.2f}}, "
        "{with, hidden:.2f} decades apart; embedding {with, embedding:.2f}, output {with, output:.2f}, all "
        "{with, all:.2f} decades apart (without batch norm {without, all:.2f}, hidden layers {without, hidden:.2f})",
    ),
    Claim(
        id="C24",
        text="With batch norm the gain hardly matters: not to the forward pass at all; update:data goes as 1/gain².",
        lanes=_with_bn(STEPS, evaluate=True) | _without(STEPS, evaluate=True),
        measure=_gain_with_bn,
        parts=(
            Part(
                f"at step 1 the std of every layer is the same at all four gains, to {SAME_FORWARD:.0%}",
                lambda f: f["forward"] < SAME_FORWARD,
            ),
            Part(
                f"at step 1 update:data of each linear weight goes as gain^{SLOPE:.0f}, ± {SLOPE_WITHIN} in the "
                "exponent",
                lambda f: abs(f["slope at first"] - SLOPE) < SLOPE_WITHIN,
            ),
            Part(
                f"dev losses after {STEPS:,} steps differ less over the gains than without batch norm",
                lambda f: f["dev range with"] < f["dev range without"],
            ),
            Part(
                f"update:data goes as gain^{SLOPE:.0f} after {STEPS:,} steps, too",
                lambda f: abs(f[f"slope, step {STEPS}"] - SLOPE) < SLOPE_WITHIN,
            ),
        ),
        reason="Over gain 0.5, 1, 5/3, 3 the stds of step 1 differ by {forward:.2%} at most; of the linear weights' "
        "update:data the farthest from that goes as gain^{slope at first:.2f} at step 1 and "
        f"gain^{{slope, step {STEPS}:.2f}} after {STEPS:,} steps (weights that began small grow); dev losses then "
        "differ by {dev range with:.3f} nats, without batch norm by {dev range without:.3f}",
    ),
    Claim(
        id="C25",
        text="With batch norm the weights need no division by √fan_in, but the learning rate may need adjusting.",
        lanes={
            "scaled": Wanted({"bn": True, "gain": 1.0}, STEPS, evaluate=True),
            "unscaled": Wanted({"bn": True, "gain": 1.0, "fan_in_scaling": False}, STEPS, evaluate=True),
            "unscaled, higher lr": Wanted(
                {"bn": True, "gain": 1.0, "fan_in_scaling": False, "lr": HIGHER_LR}, STEPS, evaluate=True
            ),
        },
        measure=_unscaled,
        parts=(
            Part(
                f"the stds of step 1 are the same without it, to {UNSCALED_STD:.0%}",
                lambda f: f["std difference"] < UNSCALED_STD,
            ),
            Part(
                f"without it and at lr {HIGHER_LR:g} the dev loss after {STEPS:,} steps is as good, to {NEAR} nats",
                lambda f: f["dev, unscaled, higher lr"] < f["dev, scaled"] + NEAR,
            ),
            Part(
                f"at the old lr of 0.1 it is worse by more than {NEAR} nats, and update:data began "
                f"below {UPDATE_SLOW:.0f}",
                lambda f: f["dev, unscaled"] > f["dev, scaled"] + NEAR and f["hidden rate at first"] < UPDATE_SLOW,
            ),
        ),
        reason="Stds of step 1 differ by {std difference:.2%} at most; dev loss after "
        f"{STEPS:,} steps {{dev, scaled:.3f}} with the division, without it {{dev, unscaled:.3f}} at lr 0.1 (log10 "
        f"update:data of the hidden layers {{hidden rate at first:.1f}} at step 1, {{hidden rate:.1f}} "
        f"at the end) and {{dev, unscaled, higher lr:.3f}} at lr {HIGHER_LR:g}",
    ),
)
