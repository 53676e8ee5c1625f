"""C27–C32: what batch norm does beyond evening out: it learns, couples examples, and asks for care."""

from __future__ import annotations

import math

import numpy as np

from ...config.run import RunConfig
from ...config.schedule import Change
from ...config.values import ConfigError
from ...insight.thresholds import BIAS_CANCELLED, STALE_STATISTICS
from ...stream import protocol
from .model import Array, Bench, Claim, Figures, Net, Part, number
from .networks import Wanted
from .updates import STEPS

LONG = 5_000  # steps
MANY = 2_048  # examples of a last minibatch that shows distributions without sampling noise
MOVED = 0.01  # std over units of gamma or beta
FARTHER = 1.5  # times the distance from a Gaussian at the start
JITTER, NO_JITTER = 0.01, 1e-5  # std of logits: what is one, and what is rounding
OVERFIT = 4_000  # steps over a short list
STATISTICS_WITHIN = 0.05  # of a std
SAME_LOSS = 1e-3  # nats
LITTLE = 0.05  # nats


def gaussian_distance(layer: protocol.Activation) -> float:
    """Total variation distance, 0…1, of what enters a tanh from N(0, 1).

    Measured on the outputs' histogram: tanh is one-to-one, so the distance is the same there.
    """
    bins = layer.histogram
    edges = np.linspace(bins.lo, bins.hi, len(bins.counts) + 1)
    below = np.array([0.0, *(0.5 * (1 + math.erf(math.atanh(edge) / math.sqrt(2))) for edge in edges[1:-1]), 1.0])
    shares = np.array(bins.counts) / sum(bins.counts)
    return float(abs(np.diff(below) - shares).sum() / 2)


def _distance(net: Net) -> float:
    return float(np.mean([gaussian_distance(layer) for layer in net.snapshot().activations]))


def _trained(bench: Bench) -> Figures:
    norms = bench["trained"].snapshot().batch_norms
    gammas = [protocol.floats(norm.gamma) for norm in norms]
    betas = [protocol.floats(norm.beta) for norm in norms]
    return {
        "gamma std": float(np.mean([gamma.std() for gamma in gammas[:-1]])),
        "beta std": float(np.mean([beta.std() for beta in betas[:-1]])),
        "output gamma": float(gammas[-1].mean()),
        "output beta std": float(betas[-1].std()),
        "distance at first": _distance(bench["fresh"]),
        "distance": _distance(bench["trained"]),
    }


def _jitter(net: Net) -> float:
    """Std of one example's logits over its companies, averaged over the logits."""
    look = net.inspection
    logits: Array = protocol.floats(look.jitter_logits).reshape(look.jitter_batches, -1).astype(np.float64)
    return float(logits.std(axis=0).mean())


def _company(bench: Bench) -> Figures:
    figures = {f"jitter, batch {size}": _jitter(bench[f"batch {size}"]) for size in (8, 32, 128)}
    look = bench["batch 32"].inspection
    figures["jitter without"] = _jitter(bench["without"])
    figures["spread of logits"] = float(protocol.floats(look.eval_logits).std())
    for name in ("with", "without"):
        net = bench[f"short list, {name}"]
        figures[f"dev {name}"] = net.dev
        figures[f"gap {name}"] = net.dev - net.loss()
        figures[f"best dev {name}"] = net.best_dev
    return figures


def _statistics(bench: Bench) -> Figures:
    net = bench["net"]
    means, stds = [], []
    for running, exact in zip(net.snapshot().batch_norms, net.inspection.calibrated, strict=True):
        std = np.sqrt(protocol.floats(exact.var))
        means.append(abs(protocol.floats(running.running_mean) - protocol.floats(exact.mean)) / std)
        stds.append(abs(np.sqrt(protocol.floats(running.running_var)) / std - 1))
    return {
        "mean off": float(np.concatenate(means).mean()),
        "std off": float(np.concatenate(stds).mean()),
        "largest std off": float(np.concatenate(stds).max()),
        "dev tracked": net.dev,
        "dev second pass": number(net.evaluation.dev_calibrated),
    }


def _bias(bench: Bench) -> Figures:
    snapshot = bench["bias"].snapshot()
    shares = [
        number(norm.bias_grad_std) / grad
        for norm, grad in zip(snapshot.batch_norms, bench["bias"].weight_grads()[1:], strict=True)
    ]
    return {
        "bias / weight gradient": float(max(shares)),
        "dev with": bench["bias"].dev,
        "dev without": bench["none"].dev,
        "difference": abs(bench["bias"].dev - bench["none"].dev),
    }


def _simple(bench: Bench) -> Figures:
    figures: Figures = {}
    for steps in (STEPS, LONG):
        with_, without = bench[f"with, {steps}"].dev, bench[f"without, {steps}"].dev
        figures |= {f"dev with, {steps}": with_, f"dev without, {steps}": without, f"gained, {steps}": without - with_}
    figures["gained, lr lowered"] = bench["without, lr lowered"].dev - bench["with, lr lowered"].dev
    return figures | {"gained, deep": bench["deep, without"].dev - bench["deep, with"].dev}


def _refusal(config: RunConfig) -> str:
    """What a configuration with a minibatch of one example is answered; empty if it is accepted."""
    try:
        config.replace(bn=True, batch_size=1)
    except ConfigError as error:
        return str(error)
    return ""


def _bugs(bench: Bench) -> Figures:
    figures: Figures = {"one example refused": float(bool(_refusal(RunConfig())))}
    for size in (2, 4, 32):
        evaluation = bench[f"batch {size}"].evaluation
        figures[f"dev, eval mode, {size}"] = number(evaluation.dev)
        figures[f"dev, forgotten, {size}"] = number(evaluation.dev_batch)
        figures[f"cost, {size}"] = number(evaluation.dev_batch) - number(evaluation.dev)
    figures["jitter, 32"] = _jitter(bench["batch 32"])
    return figures


def _smaller_batch(size: int, *, evaluate: bool = False, inspect: bool = False) -> Wanted:
    """The network with batch norm, and one step more with another batch size: all that differs is the batch."""
    changes = {"bn": True, "schedule": (Change(STEPS, "batch_size", size),)}
    return Wanted(changes, STEPS + 1, evaluate=evaluate, inspect=inspect)


_SIMPLE = {"hidden": (200,)}
_LOWERED = (Change(LONG - STEPS, "lr", 0.01),)  # at the end, as the lecture does

CLAIMS = (
    Claim(
        id="C27",
        text="Batch norm's scale and shift are trained, so a layer need not stay Gaussian.",
        lanes={
            "fresh": Wanted({"bn": True, "batch_size": MANY}, 0),
            "trained": Wanted({"bn": True, "schedule": (Change(LONG, "batch_size", MANY),)}, LONG + 1),
        },
        measure=_trained,
        parts=(
            Part(
                f"gamma and beta of the hidden layers get a std above {MOVED} over the units",
                lambda f: f["gamma std"] > MOVED and f["beta std"] > MOVED,
            ),
            Part(
                f"what enters tanh is at least {FARTHER} times as far from N(0, 1) as at first",
                lambda f: f["distance"] >= FARTHER * f["distance at first"],
            ),
        ),
        reason=f"After {LONG:,} steps gamma of the hidden layers is 1 ± {{gamma std:.3f}}, beta 0 ± {{beta std:.3f}}; "
        "the output's gamma went from 0.1 to {output gamma:.2f}, its beta to ± {output beta std:.2f}; what enters tanh "
        f"is {{distance:.3f}} from N(0, 1) in total variation, {{distance at first:.3f}} at first ({MANY:,} examples)",
    ),
    Claim(
        id="C28",
        text="With batch norm an example's output depends on the rest of its batch, a jitter that regularises.",
        lanes={
            "batch 8": _smaller_batch(8, inspect=True),
            "batch 32": Wanted({"bn": True}, STEPS, inspect=True),
            "batch 128": _smaller_batch(128, inspect=True),
            "without": Wanted({}, STEPS, inspect=True),
            "short list, with": Wanted({"bn": True}, OVERFIT, evaluate=True, few_words=True),
            "short list, without": Wanted({}, OVERFIT, evaluate=True, few_words=True),
        },
        measure=_company,
        parts=(
            Part(
                f"an example's logits vary by more than {JITTER} with batch norm, by less than {NO_JITTER} without",
                lambda f: f["jitter, batch 32"] > JITTER and f["jitter without"] < NO_JITTER,
            ),
            Part(
                "they vary the more, the smaller the batch",
                lambda f: f["jitter, batch 8"] > f["jitter, batch 32"] > f["jitter, batch 128"],
            ),
            Part(
                f"after {OVERFIT:,} steps on a short list, the dev loss and its distance from the training loss are "
                "smaller with batch norm",
                lambda f: f["dev with"] < f["dev without"] and f["gap with"] < f["gap without"],
            ),
            Part(
                "the best dev loss of any epoch on the short list is lower with batch norm",
                lambda f: f["best dev with"] < f["best dev without"],
            ),
        ),
        reason="Over 100 batches one example's logits have a std of {jitter, batch 8:.3f}, {jitter, batch 32:.3f}, "
        "{jitter, batch 128:.3f} at batch 8, 32, 128 (logits differ by {spread of logits:.2f}), and "
        "{jitter without:.0e} "
        f"without batch norm. Overfitting a short list for {OVERFIT:,} steps, dev loss is {{dev with:.3f}} with and "
        "{dev without:.3f} without batch norm, {gap with:.2f} and {gap without:.2f} above the training loss; the best "
        "of "
        "all epochs {best dev with:.3f} and {best dev without:.3f}",
    ),
    Claim(
        id="C29",
        text="For inference, mean and std can come from a second pass or be tracked while training: both agree.",
        lanes={"net": Wanted({"bn": True}, STEPS, evaluate=True, inspect=True)},
        measure=_statistics,
        parts=(
            Part(
                f"the two dev losses are within {STALE_STATISTICS} nats",
                lambda f: abs(f["dev tracked"] - f["dev second pass"]) < STALE_STATISTICS,
            ),
            Part(
                f"means and stds are within {STATISTICS_WITHIN:.0%} of a std on average",
                lambda f: f["mean off"] < STATISTICS_WITHIN and f["std off"] < STATISTICS_WITHIN,
            ),
        ),
        reason=f"After {STEPS:,} steps the tracked means are off by {{mean off:.1%}} of a std on average, the stds by "
        "{std off:.1%} (the worst by {largest std off:.0%}); dev loss {dev tracked:.4f} with tracked statistics, "
        "{dev second pass:.4f} with those of a second pass",
    ),
    Claim(
        id="C30",
        text="Batch norm cancels a bias before it: the bias gets no gradient, and the loss is the same without it.",
        lanes={
            "bias": Wanted({"bn": True, "bias_before_bn": True}, STEPS, evaluate=True),
            "none": Wanted({"bn": True}, STEPS, evaluate=True),
        },
        measure=_bias,
        parts=(
            Part(
                f"the bias's gradient is below {BIAS_CANCELLED:g} of the weights' in every layer",
                lambda f: f["bias / weight gradient"] < BIAS_CANCELLED,
            ),
            Part(f"dev losses are the same, to {SAME_LOSS} nats", lambda f: f["difference"] < SAME_LOSS),
        ),
        reason=f"After {STEPS:,} steps the largest bias gradient is {{bias / weight gradient:.0e}} of the weights' "
        "(rounding); dev loss {dev with:.5f} with biases, {dev without:.5f} without",
    ),
    Claim(
        id="C31",
        text="In a simple, well initialised network batch norm changes little.",
        lanes={
            f"{name}, {steps}": Wanted(_SIMPLE | {"bn": bn}, steps, evaluate=True)
            for name, bn in (("with", True), ("without", False))
            for steps in (STEPS, LONG)
        }
        | {
            f"{name}, lr lowered": Wanted(_SIMPLE | {"bn": bn, "schedule": _LOWERED}, LONG, evaluate=True)
            for name, bn in (("with", True), ("without", False))
        }
        | {
            f"deep, {name}": Wanted({"bn": bn, "gain": 0.5}, STEPS, evaluate=True)
            for name, bn in (("with", True), ("without", False))
        },
        measure=_simple,
        parts=(
            Part(
                f"with one hidden layer of 200 the dev losses after {LONG:,} steps are within {LITTLE} nats",
                lambda f: abs(f[f"gained, {LONG}"]) < LITTLE,
            ),
            Part(
                "batch norm gains less than in five layers at gain 0.5",
                lambda f: f[f"gained, {STEPS}"] < f["gained, deep"],
            ),
            Part(
                f"they are within {LITTLE} nats after {STEPS:,} steps, too",
                lambda f: abs(f[f"gained, {STEPS}"]) < LITTLE,
            ),
            Part(
                f"they are within {LITTLE} nats with the lr lowered to 0.01 for the last {STEPS:,} of {LONG:,} steps",
                lambda f: abs(f["gained, lr lowered"]) < LITTLE,
            ),
        ),
        reason=f"One hidden layer of 200, gain 5/3: dev loss {{dev with, {STEPS}:.3f}} with and "
        f"{{dev without, {STEPS}:.3f}} "
        f"without batch norm after {STEPS:,} steps, {{dev with, {LONG}:.3f}} and {{dev without, {LONG}:.3f}} after "
        f"{LONG:,}; "
        f"with the lr lowered for the last {STEPS:,} batch norm gains {{gained, lr lowered:+.3f}}; "
        f"five layers at gain 0.5 gain {{gained, deep:+.3f}} by it in {STEPS:,} steps",
    ),
    Claim(
        id="C32",
        text="Batch norm invites bugs: eval mode forgotten, batches of one.",
        lanes={
            "batch 2": _smaller_batch(2, evaluate=True),
            "batch 4": _smaller_batch(4, evaluate=True),
            "batch 32": Wanted({"bn": True}, STEPS, evaluate=True, inspect=True),
        },
        measure=_bugs,
        parts=(
            Part(
                f"forgetting eval mode costs more than {STALE_STATISTICS} nats of dev loss in batches of 2 and 4, most "
                f"in those of 2",
                lambda f: f["cost, 2"] > f["cost, 4"] > STALE_STATISTICS,
            ),
            Part(
                "in batches of 32 the loss hides it, though each output still depends on its batch",
                lambda f: abs(f["cost, 32"]) < STALE_STATISTICS and f["jitter, 32"] > JITTER,
            ),
            Part("a minibatch of one example is refused with a sentence", lambda f: f["one example refused"] == 1),
        ),
        reason="Dev loss in eval mode and with it forgotten: {dev, eval mode, 2:.3f} and {dev, forgotten, 2:.3f} in "
        "batches of 2, {dev, eval mode, 4:.3f} and {dev, forgotten, 4:.3f} of 4, {dev, eval mode, 32:.3f} and "
        "{dev, forgotten, 32:.3f} of 32, where one example's logits vary by {jitter, 32:.2f}; "
        f"a batch of one is refused: “{_refusal(RunConfig())}”",
    ),
)
