"""C15–C19: gradients of the weights, and how large the updates are beside the data."""

from __future__ import annotations

import math

import numpy as np

from ...insight.thresholds import GRADIENT_OUT_OF_LINE, UPDATE_FAST, UPDATE_SLOW
from .model import Array, Bench, Claim, Figures, Part
from .networks import Wanted

STEPS = 1_000
ALIKE = 4.0  # the same once training has evened it out: 2–4 in the lecture
EVEN = 2.0  # as good as no difference
LOW_LR = 0.001


def excess(values: Array, index: int) -> float:
    """One value / the median of the others."""
    others = float(np.nanmedian(np.delete(values, index)))
    return float(values[index]) / others if others > 0 else math.nan


def largest_excess(values: Array) -> float:
    """The largest value / the median of the others."""
    return excess(values, int(values.argmax()))


def _output(bench: Bench) -> Figures:
    net = bench["net"]
    first, last = excess(net.weight_grads(1), -1), excess(net.weight_grads(), -1)
    return {"output / others, step 1": first, f"output / others, step {STEPS}": last}


def _first_output(bench: Bench) -> Figures:
    net = bench["net"]
    return {"output / others": excess(net.weight_grads(1), -1), "output std": float(net.weight_std(1)[-1])}


def _optimizers(bench: Bench) -> Figures:
    figures: Figures = {}
    for name in ("SGD", "Adam"):
        net = bench[name]
        ratio = 10 ** net.update_data(1)
        figures[f"{name} update, output / others"] = excess(ratio * net.weight_std(1), -1)
        figures[f"{name} ratio, output / others"] = excess(ratio, -1)
        figures[f"{name} output log10"] = float(net.update_data(1)[-1])
        figures[f"{name} loss"] = net.loss()
    return figures


def _low_lr(bench: Bench) -> Figures:
    usual, low = bench["usual"].mean_update_data(), bench["low"].mean_update_data()
    return {
        "median": float(np.median(usual)),
        "median, low lr": float(np.median(low)),
        "largest but the output, low lr": float(low[:-1].max()),
        "output, low lr": float(low[-1]),
        "loss": bench["usual"].loss(),
        "loss, low lr": bench["low"].loss(),
    }


def _slowest(bench: Bench) -> Figures:
    figures: Figures = {}
    for name, net in bench.nets.items():
        curves = net.mean_update_data()
        slowest = int(np.argmin(curves))
        figures[f"{name} slowest"] = float(curves[slowest])
        figures[f"{name} fastest"] = float(curves.max())
        figures[f"{name} decades"] = float(curves.max() - curves.min())
        figures[f"{name} times slower"] = float(10 ** (np.median(np.delete(curves, slowest)) - curves[slowest]))
        figures[f"{name} slowest is embedding"] = float(slowest == 0)
    return figures


CLAIMS = (
    Claim(
        id="C15",
        text="At gain 5/3 without batch norm the last layer's weight gradient is far larger than the others at first.",
        lanes={"net": Wanted({}, 1)},
        measure=_first_output,
        parts=(
            Part(
                f"its std is more than {GRADIENT_OUT_OF_LINE:.0f} times the median of the others",
                lambda f: f["output / others"] > GRADIENT_OUT_OF_LINE,
            ),
        ),
        reason="At step 1 its std is {output / others:.1f} times the median of the others (its weights are small, "
        "std {output std:.3f}, so little of its gradient gets down)",
    ),
    Claim(
        id="C16",
        text="That difference goes away with training.",
        lanes={"net": Wanted({}, STEPS)},
        measure=_output,
        parts=(
            Part(
                f"after {STEPS:,} steps it is at most half of that of step 1",
                lambda f: f[f"output / others, step {STEPS}"] <= f["output / others, step 1"] / 2,
            ),
            Part(
                f"after {STEPS:,} steps it is at most {ALIKE:.0f} times the median of the others",
                lambda f: f[f"output / others, step {STEPS}"] <= ALIKE,
            ),
        ),
        reason=f"From {{output / others, step 1:.1f}} times the median of the others at step 1 to "
        f"{{output / others, step {STEPS}:.1f}} times after {STEPS:,} steps",
    ),
    Claim(
        id="C17",
        text="Such a difference between layers is troubling with plain SGD, but not with Adam.",
        lanes={"SGD": Wanted({}, STEPS), "Adam": Wanted({"optimizer": "adam", "lr": 0.001}, STEPS)},
        measure=_optimizers,
        parts=(
            Part(
                f"at step 1 SGD moves the output by more than {GRADIENT_OUT_OF_LINE:.0f} times what it moves the "
                f"others by, Adam by less than {EVEN:.0f} times",
                lambda f: (
                    f["SGD update, output / others"] > GRADIENT_OUT_OF_LINE and f["Adam update, output / others"] < EVEN
                ),
            ),
            Part(
                f"with Adam the output's update:data is within {GRADIENT_OUT_OF_LINE:.0f} times the others'",
                lambda f: f["Adam ratio, output / others"] < GRADIENT_OUT_OF_LINE,
            ),
            Part(
                f"SGD (lr 0.1) is behind Adam (lr 0.001) after {STEPS:,} steps by 0.1 nats",
                lambda f: f["SGD loss"] - f["Adam loss"] > 0.1,
            ),
        ),
        reason="The output's first update is {SGD update, output / others:.0f} times the others' with SGD, "
        "{Adam update, output / others:.1f} times with Adam, which divides by the gradient's size; beside its small "
        "weights it is still {Adam ratio, output / others:.0f} times (SGD "
        "{SGD ratio, output / others:.0f}), log10 {Adam output log10:.1f} (SGD {SGD output log10:.1f}). "
        f"Training loss after {STEPS:,} steps {{SGD loss:.2f}}, Adam {{Adam loss:.2f}}",
    ),
    Claim(
        id="C18",
        text="Updates should be about 1e-3 of the data; with a much lower learning rate all curves lie well below.",
        lanes={"usual": Wanted({}, STEPS), "low": Wanted({"lr": LOW_LR}, STEPS)},
        measure=_low_lr,
        parts=(
            Part(
                f"at lr {LOW_LR} every curve but the output's is below {UPDATE_SLOW:.0f}",
                lambda f: f["largest but the output, low lr"] < UPDATE_SLOW,
            ),
            Part(
                f"at lr 0.1 the median curve is between {UPDATE_SLOW:.0f} and {UPDATE_FAST:.0f}, and the network "
                "learns more",
                lambda f: UPDATE_SLOW < f["median"] < UPDATE_FAST and f["loss"] < f["loss, low lr"],
            ),
            Part(
                f"at lr {LOW_LR} the output's is below {UPDATE_SLOW:.0f} too",
                lambda f: f["output, low lr"] < UPDATE_SLOW,
            ),
        ),
        reason=f"log10 update:data after {STEPS:,} steps, median {{median:.1f}} at lr 0.1 and {{median, low lr:.1f}} "
        f"at lr {LOW_LR}, where the highest but the output's is {{largest but the output, low lr:.1f}} and the "
        "output's, whose weights began small, {output, low lr:.1f}; training loss {loss:.2f} and {loss, low lr:.2f}",
    ),
    Claim(
        id="C19",
        text="Without batch norm some parameter learns much more slowly than the others.",
        lanes={"without": Wanted({}, STEPS), "with": Wanted({"bn": True}, STEPS)},
        measure=_slowest,
        parts=(
            Part(
                f"after {STEPS:,} steps the curves of update:data are more than a decade apart",
                lambda f: f["without decades"] > 1,
            ),
            Part("they are closer together with batch norm", lambda f: f["with decades"] < f["without decades"]),
            Part(
                f"the slowest is {GRADIENT_OUT_OF_LINE:.0f} times slower than the median of the others",
                lambda f: f["without times slower"] > GRADIENT_OUT_OF_LINE,
            ),
        ),
        reason="log10 update:data from {without slowest:.1f} to {without fastest:.1f}, {without decades:.1f} decades "
        "({with decades:.1f} with batch norm); the slowest is {without times slower:.1f} times slower than "
        "the median of the others, with batch norm {with times slower:.1f} times",
    ),
)
