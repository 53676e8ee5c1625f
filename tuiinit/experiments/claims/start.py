"""C01–C08: what a network's first loss tells, and how saturation stops it from learning."""

from __future__ import annotations

import math

import numpy as np

from ...config.nonlinearities import SATURATED_AT
from ...config.schedule import Change
from ...insight.thresholds import INITIAL_LOSS_EXCESS
from .model import Bench, Claim, Figures, Net, Part
from .networks import Wanted

CONFIDENT = 10**-0.25  # probability of the likeliest letter, 56 %: an edge of the snapshot's bins
SCALES = {"1/10": 0.1, "1": 1.0, "3": 3.0, "10": 10.0}
LET_THROUGH = 1 - SATURATED_AT**2  # the most that a saturated tanh lets through
FINAL_BIN = 1 - 0.95**2  # the most that a tanh lets through at abs(t) >= 0.95, the last of 20 bins
MANY_DEAD = 50  # of 500 units
STILL_DEAD = 0.95  # share of the dead units
DEEP, LESS_DEEP = 30, 20  # hidden layers
LEARNT = 0.1  # nats below what the letters' frequencies alone give
NOTHING = 0.02  # nats: better than the letters' frequencies by no more than this is nothing learnt
SPIKE = 50  # steps at a far too high lr
CALM = 1_000


def _first_loss(bench: Bench) -> Figures:
    snapshot = bench["net"].snapshot()
    loss = snapshot.loss if snapshot.loss is not None else math.nan
    return {"first loss": loss, "ln V": known(snapshot.expected_initial_loss)}


def known(value: float | None) -> float:
    """A figure that our own networks always have."""
    return math.nan if value is None else value


def confident(net: Net) -> float:
    """Share of examples, 0…1, whose likeliest letter gets more than CONFIDENT."""
    snapshot = net.snapshot()
    bins = snapshot.log10_probabilities
    if bins is None or snapshot.batch_size is None:
        return math.nan
    edges = np.linspace(bins.lo, bins.hi, len(bins.counts) + 1)[:-1]
    above = np.array(bins.counts)[edges >= math.log10(CONFIDENT) - 1e-9].sum()
    return float(above / snapshot.batch_size)  # two letters of one example cannot both have more than half


def _extreme(bench: Bench) -> Figures:
    figures = {f"loss at scale {name}": bench[name].dev for name in SCALES}
    snapshot = bench["10"].snapshot()
    return figures | {
        "ln V": known(snapshot.expected_initial_loss),
        "logit std at scale 10": known(snapshot.logit_std),
        "confident at scale 10": confident(bench["10"]),
    }


def _small_output(bench: Bench) -> Figures:
    return {
        "loss at scale 1/10": bench["1/10"].dev,
        "loss at scale 1": bench["1"].dev,
        "ln V": known(bench["1"].snapshot().expected_initial_loss),
    }


def _zero_output(bench: Bench) -> Figures:
    zero, small, nothing = bench["zero output"], bench["small output"], bench["all zero"]
    moved = nothing.weight_grads()[1:]
    return {
        "gradient below, output 0": float(zero.weight_grads(1)[:-1].max()),
        "gradient at output 0": float(zero.weight_grads(1)[-1]),
        "gradient below, output 1/10": float(small.weight_grads(1)[:-1].max()),
        "gradient below at step 2": float(zero.weight_grads(2)[:-1].max()),
        "all zero, step 100": float(moved.max()),
    }


def _through(bench: Bench) -> Figures:
    through = bench["net"].inspection.through
    edges = np.linspace(0, 1, len(through) + 1)
    worst = 0.0
    for share, low, high in zip(through, edges[:-1], edges[1:], strict=True):
        if share is not None:
            worst = max(worst, share - (1 - low**2), (1 - high**2) - share)
    first, last = through[0], through[-1]
    return {
        "through near 0": math.nan if first is None else first,
        "through above 19/20": math.nan if last is None else last,
        "off 1 − t²": worst,
    }


def _dead_share(net: Net) -> float:
    """Mean gradient of the weights into dead units / into the others, over layers by their dead units."""
    look = net.inspection
    total = weight = 0.0
    for count, dead, alive in zip(look.dead, look.dead_grad, look.alive_grad, strict=True):
        if count and dead is not None and alive:
            total += count * dead / alive
            weight += count
    return total / weight if weight else math.nan


def _still_dead(net: Net) -> float:
    """Share of the units dead after SPIKE steps that are dead at the end."""
    then, now = ([set(layer.dead) for layer in net.snapshot(step).activations] for step in (SPIKE, net.steps))
    count = sum(map(len, then))
    return sum(len(a & b) for a, b in zip(then, now, strict=True)) / count if count else math.nan


def _dead(bench: Bench) -> Figures:
    figures: Figures = {}
    for name in ("relu", "tanh"):
        early, late = bench[f"{name} after {SPIKE} steps"], bench[f"{name} after {CALM} steps"]
        figures[f"dead {name}"] = early.dead()
        figures[f"{name} gradient, dead / alive"] = _dead_share(early)
        figures[f"{name} still dead"] = _still_dead(late)
    return figures


def _dying(bench: Bench) -> Figures:
    high = bench["lr 10"]
    return {
        "dead at the start": high.dead(0),
        "dead at step 10": high.dead(10),
        "dead at step 100": high.dead(100),
        "dead at step 500": high.dead(),
        "dead at lr 1/10": bench["lr 1/10"].dead(),
        "dead at lr 1": bench["lr 1"].dead(),
        "saturated at lr 1": float(bench["lr 1"].saturated().mean()),
    }


def _deep(bench: Bench) -> Figures:
    figures = {f"dev at gain {name}": bench[f"gain {name}"].dev for name in ("1/2", "1", "5/3", "3")}
    figures[f"dev at gain 3, {LESS_DEEP} layers"] = bench["gain 3, less deep"].dev
    return figures | {"letters' frequencies": bench.data.unigram}


def _spiked(nonlinearity: str, gain: float, lr: float) -> dict[str, object]:
    """Settings of a network that gets a far too high lr at first."""
    return {"nonlinearity": nonlinearity, "gain": gain, "lr": lr, "schedule": (Change(SPIKE, "lr", 0.1),)}


_RELU, _TANH = _spiked("relu", math.sqrt(2), 0.7), _spiked("tanh", 5 / 3, 5.0)

CLAIMS = (
    Claim(
        id="C01",
        text="The loss before training is known beforehand: with V equally likely characters it is ln V.",
        lanes={"net": Wanted()},
        measure=_first_loss,
        parts=(
            Part(
                f"the first loss is within {INITIAL_LOSS_EXCESS} of ln V",
                lambda f: abs(f["first loss"] - f["ln V"]) < INITIAL_LOSS_EXCESS,
            ),
        ),
        reason="First loss {first loss:.3f}, ln V {ln V:.4f}",
    ),
    Claim(
        id="C02",
        text="Large logits make the untrained model confident and wrong, and its first loss high.",
        lanes={name: Wanted({"output_scale": scale}, evaluate=True) for name, scale in SCALES.items()},
        measure=_extreme,
        parts=(
            Part(
                "the loss rises with the output scale",
                lambda f: f["loss at scale 1/10"] < f["loss at scale 1"] < f["loss at scale 3"] < f["loss at scale 10"],
            ),
            Part(
                "at scale 10 most examples have a letter with more than 56 %, and the loss is above ln V by more than "
                "1",
                lambda f: f["confident at scale 10"] > 0.5 and f["loss at scale 10"] - f["ln V"] > 1,
            ),
        ),
        reason="Dev loss before training {loss at scale 1/10:.2f}, {loss at scale 1:.2f}, {loss at scale 3:.2f}, "
        "{loss at scale 10:.2f} at output scale 0.1, 1, 3, 10 (ln V {ln V:.2f}); at 10 the logits' std is "
        "{logit std at scale 10:.1f} and {confident at scale 10:.0%} of the examples have a letter with more than 56 %",
    ),
    Claim(
        id="C03",
        text="Small output weights and zero biases bring the first loss down to ln V.",
        lanes={name: Wanted({"output_scale": SCALES[name]}, evaluate=True) for name in ("1/10", "1")},
        measure=_small_output,
        parts=(
            Part(
                f"at output scale 0.1 the loss is within {INITIAL_LOSS_EXCESS} of ln V",
                lambda f: abs(f["loss at scale 1/10"] - f["ln V"]) < INITIAL_LOSS_EXCESS,
            ),
            Part(
                "it is closer to ln V than at output scale 1",
                lambda f: abs(f["loss at scale 1/10"] - f["ln V"]) < abs(f["loss at scale 1"] - f["ln V"]),
            ),
        ),
        reason="Dev loss before training {loss at scale 1/10:.3f} at output scale 0.1, {loss at scale 1:.3f} at 1, "
        "ln V {ln V:.3f}",
    ),
    Claim(
        id="C04",
        text="Weights must not be exactly zero: nothing then tells the layers below what to do.",
        lanes={
            "zero output": Wanted({"output_scale": 0.0}, 2),
            "small output": Wanted({"output_scale": 0.1}, 2),
            "all zero": Wanted({"output_scale": 0.0, "gain": 0.0}, 100),
        },
        measure=_zero_output,
        parts=(
            Part(
                "with output weights of 0 no gradient reaches the layers below at the first step, only the output's "
                "own",
                lambda f: f["gradient below, output 0"] == 0 < f["gradient at output 0"],
            ),
            Part("with small ones it does", lambda f: f["gradient below, output 1/10"] > 0),
            Part(
                "with all weights 0 no weight has a gradient even after 100 steps",
                lambda f: f["all zero, step 100"] == 0,
            ),
        ),
        reason="Largest gradient std below the output at step 1: {gradient below, output 0:.1e} with output weights "
        "of 0, {gradient below, output 1/10:.1e} at scale 0.1; at step 2 the output has moved and "
        "{gradient below at step 2:.1e} gets down, but with all weights 0 it is {all zero, step 100:.1e} "
        "after 100 steps",
    ),
    Claim(
        id="C05",
        text="Near ±1 tanh has a slope 1 − t² near 0, so a saturated output stops the gradient.",
        lanes={"net": Wanted({"gain": 3.0}, 1, inspect=True)},
        measure=_through,
        parts=(
            Part(
                f"less than {FINAL_BIN:.4f} gets through where abs(t) is above 0.95",
                lambda f: f["through above 19/20"] < FINAL_BIN,
            ),
            Part("nearly all gets through where abs(t) is below 0.05", lambda f: f["through near 0"] > 1 - 0.05**2),
            Part("every bin of abs(t) lets 1 − t² through, to 0.001", lambda f: f["off 1 − t²"] < 1e-3),
        ),
        reason="{through near 0:.1%} of the gradient gets through where abs(t) < 0.05, {through above 19/20:.1%} "
        "where abs(t) > 0.95 (gain 3)",
    ),
    Claim(
        id="C06",
        text="A unit that is saturated on every example is dead: it gets no gradient and never learns.",
        lanes={
            f"{name} after {steps} steps": Wanted(changes, steps, inspect=True)
            for name, changes in (("relu", _RELU), ("tanh", _TANH))
            for steps in (SPIKE, CALM)
        },
        measure=_dead,
        parts=(
            Part(
                f"dead relu units exist, and their weights get less than {LET_THROUGH:.1%} of the others' gradient",
                lambda f: f["dead relu"] > 0 and f["relu gradient, dead / alive"] < LET_THROUGH,
            ),
            Part(
                f"dead tanh units exist, and their weights get less than {LET_THROUGH:.1%} of the others' gradient",
                lambda f: f["dead tanh"] > 0 and f["tanh gradient, dead / alive"] < LET_THROUGH,
            ),
            Part(
                f"{STILL_DEAD:.0%} of both are still dead after {CALM - SPIKE} steps at lr 0.1",
                lambda f: min(f["relu still dead"], f["tanh still dead"]) >= STILL_DEAD,
            ),
        ),
        reason=f"After {SPIKE} steps at a far too high lr {{dead relu:.0f}} of 500 relu units are dead and get "
        "{relu gradient, dead / alive:.1%} of the others' gradient; of {dead tanh:.0f} dead tanh units "
        f"(abs(t) > {SATURATED_AT}) it is {{tanh gradient, dead / alive:.0%}}, for the slope is small there but not 0; "
        f"after {CALM - SPIKE} steps at lr 0.1, in which the layers below moved, {{relu still dead:.0%}} and "
        "{tanh still dead:.0%} of them are dead still",
    ),
    Claim(
        id="C07",
        text="Units can also die while training, when the learning rate is too high.",
        lanes={name: Wanted({"lr": lr}, 500) for name, lr in (("lr 1/10", 0.1), ("lr 1", 1.0), ("lr 10", 10.0))},
        measure=_dying,
        parts=(
            Part(
                f"at lr 10 the dead units grow in number, from none to more than {MANY_DEAD} of 500",
                lambda f: (
                    f["dead at the start"] == 0
                    and 0 < f["dead at step 10"] < f["dead at step 500"]
                    and f["dead at step 500"] > MANY_DEAD
                ),
            ),
            Part("at lr 0.1 none dies", lambda f: f["dead at lr 1/10"] == 0),
        ),
        reason="At lr 10 {dead at the start:.0f}, {dead at step 10:.0f}, {dead at step 100:.0f}, "
        "{dead at step 500:.0f} of 500 units are dead at step 0, 10, 100, 500; at lr 0.1 {dead at lr 1/10:.0f}; "
        "at lr 1 {dead at lr 1:.0f}, though {saturated at lr 1:.0%} of the outputs are saturated",
    ),
    Claim(
        id="C08",
        text="Started badly enough, a deep network does not learn at all.",
        lanes={
            f"gain {name}": Wanted({"hidden": (100,) * DEEP, "gain": gain}, 500, evaluate=True)
            for name, gain in (("1/2", 0.5), ("1", 1.0), ("5/3", 5 / 3), ("3", 3.0))
        }
        | {"gain 3, less deep": Wanted({"hidden": (100,) * LESS_DEEP, "gain": 3.0}, 500, evaluate=True)},
        measure=_deep,
        parts=(
            Part(
                "at gain 0.5 and 3 it learns nothing but the letters' frequencies in 500 steps",
                lambda f: min(f["dev at gain 1/2"], f["dev at gain 3"]) > f["letters' frequencies"] - NOTHING,
            ),
            Part(
                "at gain 1 and 5/3 it does",
                lambda f: max(f["dev at gain 1"], f["dev at gain 5/3"]) < f["letters' frequencies"] - LEARNT,
            ),
        ),
        reason=f"{DEEP} layers, 500 steps: dev loss {{dev at gain 1/2:.3f}} at gain 0.5 and {{dev at gain 3:.3f}} at "
        "3, where guessing by the letters' frequencies alone gives {letters' frequencies:.3f} (which the output bias "
        "learns); {dev at gain 1:.3f} at gain 1, {dev at gain 5/3:.3f} at 5/3; "
        f"{LESS_DEEP} layers at gain 3: {{dev at gain 3, {LESS_DEEP} layers:.3f}}",
    ),
)
