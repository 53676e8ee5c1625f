"""C09–C14 and C26: what the gain does to outputs and gradients, layer by layer."""

from __future__ import annotations

import itertools
import math

import numpy as np

from ...config.nonlinearities import NONLINEARITIES, gain_of
from ...insight.thresholds import SATURATED_HIGH, STD_GROWS, STD_SHRINKS
from .model import Array, Bench, Claim, Figures, Net, Part, growth, spread
from .networks import Wanted

GAINS = {"1/2": 0.5, "1": 1.0, "5/3": 5 / 3, "3": 3.0}
KEPT_STD, KEPT_WITHIN = 0.65, 0.05  # the lecture's std at gain 5/3
MILD = 0.10  # saturated share: the lecture calls 5 % fine
HEAVY, SAMPLING = 0.40, 0.02  # saturated share at gain 3, and what 3,200 outputs of one minibatch can miss
DEEP = 50
KEEPS = 0.1  # a factor per layer within 10 % of 1 keeps the signal
SIDE = 10  # hidden layers in which nonlinearities are compared
DERIVED = ("linear", "tanh", "relu", "leaky_relu")


def _by_layer(net: Net, figure: Array) -> Figures:
    return {f"{net.name} {layer}": float(value) for layer, value in enumerate(figure, 1)}


def _half(bench: Bench) -> Figures:
    return _by_layer(bench["std"], bench["std"].std())


def falls(f: Figures, name: str, layers: int = 5) -> bool:
    """Whether a figure by layer gets smaller from each layer to the next."""
    values = [f[f"{name} {layer}"] for layer in range(1, layers + 1)]
    return all(b < a for a, b in itertools.pairwise(values))


def _one(bench: Bench) -> Figures:
    std = bench["deep"].std()
    return _half(bench) | {
        "last / first": float(bench["std"].std()[-1] / bench["std"].std()[0]),
        f"deep std {DEEP}": float(std[-1]),
        "deep last / fifth": float(std[-1] / std[4]),
        "deep theory": 1 / math.sqrt(2 * DEEP),
    }


def _both(bench: Bench) -> Figures:
    net = bench["std"]
    return _by_layer(net, net.std()) | {f"saturated {i}": float(s) for i, s in enumerate(net.saturated(), 1)}


def _kept(bench: Bench) -> Figures:
    return _both(bench) | {"largest / smallest": spread(bench["std"].std())}


def _per_layer(net: Net) -> tuple[float, float]:
    """Factors per layer of the outputs' std going on, and of their gradients' going back."""
    std, grad = net.std(), net.grad_std()
    return growth(std[0], std[-1], len(std)), growth(grad[-1], grad[0], len(grad))


def _factors(bench: Bench) -> Figures:
    figures: Figures = {}
    for name, net in bench.nets.items():
        figures[f"outputs {name}"], figures[f"gradients {name}"] = _per_layer(net)
    return figures


def _near(value: float, wanted: float) -> bool:
    return abs(value / wanted - 1) < KEEPS


def _same_way(f: Figures, name: str) -> bool:
    """Whether outputs and gradients both shrink, both keep or both grow."""
    outputs, gradients = f[f"outputs {name}"], f[f"gradients {name}"]
    return any(
        all(low <= factor < high for factor in (outputs, gradients))
        for low, high in ((0, 1 - KEEPS), (1 - KEEPS, 1 + KEEPS), (1 + KEEPS, math.inf))
    )


def _rising(f: Figures, what: str) -> bool:
    values = [f[f"{what} {name}"] for name in GAINS]
    return all(b > a for a, b in itertools.pairwise(values))


def _root_mean_square(net: Net) -> float:
    moment = net.second_moment()
    return float(np.sqrt(moment[-1] / moment[0]))


def _by_nonlinearity(bench: Bench) -> Figures:
    figures = {name: _root_mean_square(net) for name, net in bench.nets.items()}
    for name in NONLINEARITIES:
        grad = bench[name].grad_std()
        figures[f"{name} gradients"] = float(grad[0] / grad[-1])
    return figures


def _stable(ratio: float) -> bool:
    return STD_SHRINKS <= ratio <= STD_GROWS


def _net(gain: float, **changes: object) -> Wanted:
    return Wanted({"gain": gain, **changes}, 1)


_LAYERS = "{std 1:.2f}, {std 2:.2f}, {std 3:.2f}, {std 4:.2f}, {std 5:.2f}"
_SATURATED = "{saturated 1:.1%}, {saturated 2:.1%}, {saturated 3:.1%}, {saturated 4:.1%}, {saturated 5:.1%}"
_MISFITS = {"relu at 1": ("relu", 1.0), "relu at 5/3": ("relu", 5 / 3), "linear at 5/3": ("linear", 5 / 3),
            "tanh at 1": ("tanh", 1.0)}  # fmt: skip

CLAIMS = (
    Claim(
        id="C09",
        text="At gain 0.5 the outputs shrink from layer to layer to nearly nothing.",
        lanes={"std": _net(0.5)},
        measure=_half,
        parts=(
            Part("the std falls with every layer", lambda f: falls(f, "std")),
            Part(
                f"the last layer's is below {STD_SHRINKS} of the first's",
                lambda f: f["std 5"] / f["std 1"] < STD_SHRINKS,
            ),
        ),
        reason=f"Std of tanh 1–5: {_LAYERS}",
    ),
    Claim(
        id="C10",
        text="At gain 1 the outputs of the tanh network still shrink with depth.",
        lanes={"std": _net(1.0), "deep": _net(1.0, hidden=(100,) * DEEP)},
        measure=_one,
        parts=(
            Part("the std falls with every one of five layers", lambda f: falls(f, "std")),
            Part(
                f"over {DEEP} layers it goes on, below half of the fifth layer's",
                lambda f: f["deep last / fifth"] < STD_SHRINKS,
            ),
        ),
        reason=f"Std of tanh 1–5: {_LAYERS}; the last is {{last / first:.2f}} of the first, and in a "
        f"network of {DEEP} layers the last has {{deep std {DEEP}:.3f}} (1/√(2·{DEEP}) = {{deep theory:.3f}}; "
        "theory: a power of depth, where gain 0.5 falls exponentially)",
    ),
    Claim(
        id="C11",
        text="At gain 5/3 the outputs keep a std of about 0.65 in every layer, with mild saturation.",
        lanes={"std": _net(5 / 3)},
        measure=_kept,
        parts=(
            Part(
                f"from layer 2 on the std is {KEPT_STD} ± {KEPT_WITHIN}",
                lambda f: all(abs(f[f"std {layer}"] - KEPT_STD) < KEPT_WITHIN for layer in range(2, 6)),
            ),
            Part(
                f"from layer 2 on less than {MILD:.0%} is saturated",
                lambda f: all(f[f"saturated {layer}"] < MILD for layer in range(2, 6)),
            ),
            Part(
                f"in layer 1 less than {SATURATED_HIGH:.0%} is saturated", lambda f: f["saturated 1"] < SATURATED_HIGH
            ),
        ),
        reason=f"Std of tanh 1–5: {_LAYERS}; saturated {_SATURATED} (theory says 20.9 % for layer 1, whose input has "
        "a variance of 1)",
    ),
    Claim(
        id="C12",
        text="At gain 3 every layer is heavily saturated.",
        lanes={"std": _net(3.0)},
        measure=_both,
        parts=(
            Part(
                f"about {HEAVY:.0%} or more is saturated in every layer, to the {SAMPLING:.0%} that a minibatch can "
                f"miss",
                lambda f: all(f[f"saturated {layer}"] > HEAVY - SAMPLING for layer in range(1, 6)),
            ),
        ),
        reason=f"Saturated share of tanh 1–5: {_SATURATED}",
    ),
    Claim(
        id="C13",
        text="Without tanh, gain 5/3 makes outputs and gradients grow from layer to layer, and gain 1 keeps both.",
        lanes={name: _net(GAINS[name], nonlinearity="linear") for name in ("1", "5/3")},
        measure=_factors,
        parts=(
            Part(
                "at gain 5/3 the std grows by 5/3 a layer, to 10 %, going on and going back",
                lambda f: _near(f["outputs 5/3"], 5 / 3) and _near(f["gradients 5/3"], 5 / 3),
            ),
            Part(
                "at gain 1 it keeps, to 10 % a layer, going on and going back",
                lambda f: _near(f["outputs 1"], 1) and _near(f["gradients 1"], 1),
            ),
        ),
        reason="Factor per layer at gain 5/3: outputs {outputs 5/3:.2f} going on, gradients {gradients 5/3:.2f} going "
        "back; at gain 1 {outputs 1:.2f} and {gradients 1:.2f}",
    ),
    Claim(
        id="C14",
        text="The gradients of the outputs vary with the gain in the same way as the outputs do.",
        lanes={name: _net(gain) for name, gain in GAINS.items()},
        measure=_factors,
        parts=(
            Part(
                "the factor per layer rises with the gain, for outputs going on and for gradients going back",
                lambda f: _rising(f, "outputs") and _rising(f, "gradients"),
            ),
            Part(
                "at gain 0.5, 1 and 5/3 both shrink or both keep, to 10 % a layer",
                lambda f: all(_same_way(f, name) for name in ("1/2", "1", "5/3")),
            ),
            Part(
                "outputs and gradients go the same way at gain 3, too",
                lambda f: _same_way(f, "3"),
            ),
        ),
        reason="Factor per layer at gain 0.5, 1, 5/3, 3: outputs {outputs 1/2:.2f}, {outputs 1:.2f}, "
        "{outputs 5/3:.2f}, {outputs 3:.2f} going on; gradients {gradients 1/2:.2f}, {gradients 1:.2f}, "
        "{gradients 5/3:.2f}, {gradients 3:.2f} going back; at gain 3 tanh bounds the outputs, nothing the gradients",
    ),
    Claim(
        id="C26",
        text="Each nonlinearity has a gain of its own that keeps the signal from layer to layer.",
        lanes={name: _net(gain_of(name), nonlinearity=name, hidden=(100,) * SIDE) for name in NONLINEARITIES}
        | {
            name: _net(gain, nonlinearity=nonlinearity, hidden=(100,) * SIDE)
            for name, (nonlinearity, gain) in _MISFITS.items()
        },
        measure=_by_nonlinearity,
        parts=(
            Part(
                "linear, tanh, relu and leaky_relu at PyTorch's gain keep the outputs' rms within a factor of 2 over "
                f"{SIDE} layers",
                lambda f: all(_stable(f[name]) for name in DERIVED),
            ),
            Part(
                "with another's gain it does not keep: relu at 1 and 5/3, linear at 5/3, tanh at 1",
                lambda f: not any(_stable(f[name]) for name in _MISFITS) and not any(map(math.isnan, f.values())),
            ),
            Part(
                "selu at 3/4 and sigmoid at 1 keep it as well", lambda f: _stable(f["selu"]) and _stable(f["sigmoid"])
            ),
            Part(
                "no table gain lets the gradients shrink below half on the way back",
                lambda f: all(f[f"{name} gradients"] >= STD_SHRINKS for name in NONLINEARITIES),
            ),
        ),
        reason=f"Rms of the outputs of layer {SIDE} / layer 1 at PyTorch's gain: linear {{linear:.2f}}, tanh "
        f"{{tanh:.2f}}, "
        "relu {relu:.2f}, leaky_relu {leaky_relu:.2f}, sigmoid {sigmoid:.2f}, selu {selu:.2f}; at another's: relu "
        "{relu at 1:.2f} at 1, {relu at 5/3:.1f} at 5/3, linear {linear at 5/3:.0f} at 5/3, tanh {tanh at 1:.2f} at 1; "
        "going back the gradients become {tanh gradients:.2f} (tanh), {selu gradients:.2f} (selu), "
        "{sigmoid gradients:.0e} (sigmoid)",
    ),
)
