"""Theory against published figures, against sampling, and at its edges."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from tuiinit.config import nonlinearities
from tuiinit.config.nonlinearities import LEAKY_SLOPE, NONLINEARITIES, RANGES, SELU_ALPHA, SELU_SCALE, NonlinearityName
from tuiinit.config.run import RunConfig
from tuiinit.insight import moments, theory

Array = npt.NDArray[np.float64]
SMOOTH: tuple[NonlinearityName, ...] = ("tanh", "sigmoid", "selu")

# φ and φ', written here anew: the module under test shares nothing with them.
FUNCTIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "tanh": (np.tanh, lambda x: 1 / np.cosh(np.clip(x, -300, 300)) ** 2),
    "linear": (lambda x: x, np.ones_like),
    "relu": (lambda x: np.maximum(x, 0), lambda x: (x > 0).astype(float)),
    "leaky_relu": (lambda x: np.where(x > 0, x, LEAKY_SLOPE * x), lambda x: np.where(x > 0, 1.0, LEAKY_SLOPE)),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), lambda x: 1 / (2 + np.exp(x) + np.exp(-x))),
    "selu": (
        lambda x: SELU_SCALE * np.where(x > 0, x, SELU_ALPHA * (np.exp(np.minimum(x, 0)) - 1)),
        lambda x: SELU_SCALE * np.where(x > 0, 1.0, SELU_ALPHA * np.exp(np.minimum(x, 0))),
    ),
}


def stds(prediction: theory.Prediction, digits: int) -> list[float]:
    return [round(layer.std, digits) for layer in prediction.layers if layer.std is not None]


def percents(prediction: theory.Prediction) -> list[float]:
    return [round(100 * layer.saturated, 1) for layer in prediction.layers]


# ------------------------------------------------------------------------------------- published figures


def test_five_thirds_keeps_the_spread() -> None:
    prediction = theory.predict(RunConfig(gain=5 / 3))
    assert stds(prediction, 3) == [0.759, 0.693, 0.669, 0.659, 0.654]
    assert percents(prediction) == [20.9, 9.8, 7.0, 6.0, 5.7]


def test_gain_three_saturates() -> None:
    prediction = theory.predict(RunConfig(gain=3.0))
    assert stds(prediction, 3) == [0.863, 0.842, 0.838, 0.837, 0.837]
    assert percents(prediction) == [48.6, 41.9, 40.7, 40.5, 40.5]


@pytest.mark.parametrize(("gain", "root"), [(0.5, 0.5), (1.0, 1.0), (5 / 3, 1.1), (3.0, 1.364)])
def test_gradient_growth_of_tanh_at_the_fixed_point(gain: float, root: float) -> None:
    q = theory.fixed_point("tanh", gain)
    assert q is not None
    assert math.sqrt(theory.chi("tanh", gain, q)) == pytest.approx(root, abs=5e-4)


def test_fixed_point_of_five_thirds_has_the_std_that_the_field_quotes() -> None:
    q = theory.fixed_point("tanh", 5 / 3)
    assert q is not None
    assert q > 0
    assert math.sqrt(moments.moments("tanh", q).second) == pytest.approx(0.651, abs=5e-4)


def test_batch_norm_on_tanh_is_the_same_at_every_layer_and_gain() -> None:
    for gain in (0.5, 1.0, 5 / 3, 3.0):
        prediction = theory.predict(RunConfig(gain=gain, bn=True))
        assert stds(prediction, 3) == [0.628] * 5
        assert [round(100 * layer.saturated, 2) for layer in prediction.layers] == [3.64] * 5
        grads = [layer.grad_std or 0.0 for layer in prediction.layers]
        assert [round(a / b, 3) for a, b in itertools.pairwise(grads)] == [1.085] * 4
    assert math.sqrt(theory.bn_jacobian("tanh")) == pytest.approx(1.085, abs=5e-4)


def test_batch_norm_on_relu_is_yangs_limit_and_on_linear_one() -> None:
    for gamma in (0.1, 1.0, -7.0):
        assert theory.bn_jacobian("relu", gamma) == pytest.approx(math.pi / (math.pi - 1), rel=1e-12)
        assert theory.bn_jacobian("linear", gamma) == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("nonlinearity", NONLINEARITIES)
def test_batch_norm_jacobian_is_continuous_at_gamma_zero(nonlinearity: NonlinearityName) -> None:
    assert theory.bn_jacobian(nonlinearity, 0) == pytest.approx(theory.bn_jacobian(nonlinearity, 1e-4), rel=1e-3)
    assert theory.bn_jacobian(nonlinearity, 1e300) > 0


def test_gains_of_the_table() -> None:
    # What torch.nn.init.calculate_gain returns.
    table = {
        "tanh": 5 / 3,
        "linear": 1,
        "relu": 1.4142135623730951,
        "leaky_relu": 1.4141428569978354,
        "sigmoid": 1,
        "selu": 0.75,
    }
    assert {name: nonlinearities.gain_of(name) for name in NONLINEARITIES} == pytest.approx(table, rel=1e-15)


def test_critical_gains() -> None:
    assert theory.critical_gain("tanh") == theory.critical_gain("linear") == 1
    assert theory.critical_gain("relu") == pytest.approx(math.sqrt(2))
    assert theory.critical_gain("leaky_relu") == pytest.approx(math.sqrt(2 / (1 + 0.01**2)))
    assert theory.critical_gain("selu") == pytest.approx(0.6905, abs=5e-5)
    assert theory.critical_gain("sigmoid") == pytest.approx(10.15, abs=5e-3)


@pytest.mark.parametrize("nonlinearity", NONLINEARITIES)
def test_gradients_fade_below_the_critical_gain_and_grow_above(nonlinearity: NonlinearityName) -> None:
    critical = theory.critical_gain(nonlinearity)
    for gain, sign in ((0.98 * critical, -1), (1.02 * critical, 1)):
        q = theory.fixed_point(nonlinearity, gain)
        assert math.copysign(1, theory.chi(nonlinearity, gain, 1.0 if q is None else q) - 1) == sign


def test_fixed_points() -> None:
    assert theory.fixed_point("tanh", 0.5) == theory.fixed_point("tanh", 1.0) == theory.fixed_point("tanh", 0) == 0
    assert theory.fixed_point("linear", 0.99) == 0
    assert theory.fixed_point("linear", 1.01) is None
    assert theory.fixed_point("relu", 1.4) == 0
    assert theory.fixed_point("relu", 1.5) is None
    assert theory.fixed_point("selu", 1.0) == pytest.approx(1, rel=1e-9)  # what selu was made for
    assert theory.fixed_point("selu", 1.35) is None  # g²λ²/2 > 1: grows for ever
    for name, gain in (("tanh", 1.001), ("tanh", 3.0), ("sigmoid", 1.0), ("sigmoid", 30.0), ("selu", 1.2)):
        q = theory.fixed_point(name, gain)  # type: ignore[arg-type]
        assert q is not None
        assert q > 0
        assert gain**2 * moments.moments(name, q).second == pytest.approx(q, rel=1e-9)  # type: ignore[arg-type]


def test_depth_scale() -> None:
    assert theory.depth_scale("tanh", 0.5) == pytest.approx(1 / math.log(4))
    assert theory.depth_scale("tanh", 1.0) is None
    assert theory.depth_scale("linear", 2.0) == pytest.approx(1 / math.log(4))
    assert theory.depth_scale("relu", math.sqrt(2)) is None
    assert theory.depth_scale("selu", 1.5) is None
    assert theory.depth_scale("tanh", 0.0) == 0


def test_linear_network_multiplies_by_the_gain_both_ways() -> None:
    prediction = theory.predict(RunConfig(gain=1.5, nonlinearity="linear"))
    assert stds(prediction, 9) == [round(1.5**n, 9) for n in range(1, 6)]
    assert [layer.grad_std for layer in prediction.layers] == pytest.approx([1.5**n for n in (4, 3, 2, 1, 0)])


# ------------------------------------------------------------------------------------------ by sampling


@pytest.mark.parametrize("nonlinearity", NONLINEARITIES)
@pytest.mark.parametrize("q", [1e-4, 0.3, 1.0, 7.0, 400.0])
def test_moments_against_sampling(nonlinearity: NonlinearityName, q: float) -> None:
    x = math.sqrt(q) * np.random.default_rng(1).standard_normal(400_000)
    function, derivative = FUNCTIONS[nonlinearity]
    y, limits = function(x), RANGES[nonlinearity]
    expected = moments.moments(nonlinearity, q)
    for samples, value in (
        (y, expected.mean),
        (y**2, expected.second),
        ((y - y.mean()) ** 2, expected.variance),
        (derivative(x) ** 2, expected.slope),
        (((y <= limits.below) | (y >= limits.above)).astype(float), moments.saturated(nonlinearity, q)),
    ):
        error = 5 * samples.std() / math.sqrt(samples.size)
        assert abs(samples.mean() - value) <= error + 1e-12 + 1e-5 * (error == 0)


@pytest.mark.parametrize("nonlinearity", SMOOTH)
@pytest.mark.parametrize("std", [1e-3, 0.5, 3.0, 100.0, 1e6])
def test_quadrature_against_a_fine_grid(nonlinearity: NonlinearityName, std: float) -> None:
    # Steps of 1e-3 where a nonlinearity bends, abs(x) < 40, and of 1e-5 standard deviations elsewhere.
    bend = min(40.0, 9 * std)
    pieces = [np.linspace(-bend, 0, 80_001), np.linspace(0, bend, 80_001)]
    if bend < 9 * std:
        pieces += [-np.geomspace(9 * std, bend, 400_001), np.geomspace(bend, 9 * std, 400_001)]
    function, derivative = FUNCTIONS[nonlinearity]

    def average(f: Callable[[Array], Array]) -> float:
        total = 0.0
        for x in pieces:
            inner = np.where(x == 0, np.copysign(1e-300, x.sum()), x)  # each side of a kink on its own
            with np.errstate(over="ignore"):
                y = f(inner) * np.exp(-((x / std) ** 2) / 2) / (std * math.sqrt(2 * math.pi))
            total += float((y[1:] + y[:-1]) @ np.diff(x) / 2)
        return total

    expected = moments.moments(nonlinearity, std**2)
    assert average(function) == pytest.approx(expected.mean, rel=1e-6, abs=1e-9 * std)
    assert average(lambda x: function(x) ** 2) == pytest.approx(expected.second, rel=1e-6)
    assert average(lambda x: derivative(x) ** 2) == pytest.approx(expected.slope, rel=1e-6)


def run_network(config: RunConfig, batch: int, seed: int) -> list[tuple[float, float, float, float]]:
    """Mean, second moment, saturated share of each layer's outputs and variance of the gradient there."""
    rng = np.random.default_rng(seed)
    function, derivative = FUNCTIONS[config.nonlinearity]
    limits = RANGES[config.nonlinearity]
    x = config.embedding_scale * rng.choice([-1.0, 1.0], size=(batch, config.context * config.embedding))
    tape, measured = [], []
    for width in config.hidden:
        w = rng.normal(size=(x.shape[1], width)) * config.gain
        if config.fan_in_scaling:
            w /= math.sqrt(x.shape[1])
        h = x @ w + rng.normal(size=width) * config.bias_scale[0]
        sigma = np.sqrt(h.var(axis=0) + config.bn_eps) if config.bn else np.ones(width)
        h = (h - h.mean(axis=0)) / sigma if config.bn else h
        x = function(h)
        tape.append((w, h, sigma))
        measured.append((x.mean(), (x**2).mean(), ((x <= limits.below) | (x >= limits.above)).mean()))
    grad = rng.normal(size=x.shape)
    last, variances = grad.var(), []
    for w, h, sigma in reversed(tape):
        variances.append(grad.var() / last)
        delta = derivative(h) * grad
        if config.bn:
            delta = (delta - delta.mean(axis=0) - h * (delta * h).mean(axis=0)) / sigma
        grad = delta @ w.T
    return [(*m, v) for m, v in zip(measured, reversed(variances), strict=True)]


def check_network(config: RunConfig, batch: int = 160, seeds: int = 12) -> None:
    """Each measure within 5 standard errors over seeds, plus the known finite-size term.

    Finite width and batch shift a layer's averages by a relative O(depth/width + depth/batch) (Roberts,
    Yaida, Hanin 2021); the allowance is that with factor 1 for the layer's own depth, and for gradients
    the depth that they passed.
    """
    runs = np.array([run_network(config, batch, seed) for seed in range(seeds)])  # (seeds, layers, 4)
    prediction = theory.predict(config)
    errors = 5 * runs.std(axis=0, ddof=1) / math.sqrt(seeds)
    size = 1 / min(config.hidden) + (1 / batch if config.bn else 0)
    for number, (layer, mean, error) in enumerate(
        zip(prediction.layers, runs.mean(axis=0), errors, strict=True), start=1
    ):
        assert layer.mean is not None
        assert layer.std is not None
        assert layer.grad_std is not None
        scale = math.hypot(layer.mean, layer.std)
        forward, backward = number * size, 2 * (len(config.hidden) - number) * size
        assert abs(mean[0] - layer.mean) <= error[0] + forward * scale
        assert abs(mean[1] - scale**2) <= error[1] + forward * scale**2
        assert abs(mean[2] - layer.saturated) <= error[2] + forward * max(layer.saturated, 0.05)
        assert abs(mean[3] - layer.grad_std**2) <= error[3] + backward * layer.grad_std**2 + 1e-12


@pytest.mark.parametrize("bn", [False, True])
@pytest.mark.parametrize("nonlinearity", NONLINEARITIES)
def test_wide_networks_do_what_is_predicted(nonlinearity: NonlinearityName, bn: bool) -> None:
    gain = {"sigmoid": 4.0, "selu": 1.0}.get(nonlinearity, 1.3)
    check_network(RunConfig(nonlinearity=nonlinearity, gain=gain, bn=bn, embedding=70, hidden=(200,) * 4))


@pytest.mark.parametrize("bn", [False, True])
@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_widths_that_differ(nonlinearity: NonlinearityName, bn: bool) -> None:
    check_network(RunConfig(nonlinearity=nonlinearity, gain=1.2, bn=bn, embedding=70, hidden=(150, 400, 200, 300)))


@pytest.mark.parametrize("bn", [False, True])
def test_without_fan_in_scaling_and_with_a_small_embedding(bn: bool) -> None:
    check_network(
        RunConfig(gain=0.06, fan_in_scaling=False, embedding_scale=0.4, bn=bn, embedding=70, hidden=(200, 300, 200))
    )


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu", "sigmoid"])
def test_biases_add_their_variance(nonlinearity: NonlinearityName) -> None:
    check_network(RunConfig(nonlinearity=nonlinearity, gain=1.2, bias_scale=(0.8, 0), embedding=70, hidden=(200,) * 4))


def test_a_bias_before_batch_norm_changes_nothing() -> None:
    biased = RunConfig(bn=True, bias_before_bn=True, bias_scale=(0.8, 0.8), embedding=70, hidden=(200,) * 3)
    check_network(biased)
    assert theory.predict(biased) == theory.predict(biased.replace(bias_scale=(0, 0)))


def test_where_signals_with_biases_settle() -> None:
    for name, gain, bias in (("tanh", 0.5, 0.3), ("tanh", 3.0, 1.0), ("relu", 1.0, 0.5), ("selu", 0.5, 2.0)):
        q = theory.fixed_point(name, gain, bias)  # type: ignore[arg-type]
        assert q is not None
        assert gain**2 * moments.moments(name, q).second + bias**2 == pytest.approx(q, rel=1e-9)  # type: ignore[arg-type]
        deep = theory.predict(RunConfig(nonlinearity=name, gain=gain, bias_scale=(bias, 0), hidden=(100,) * 150))  # type: ignore[arg-type]
        assert deep.layers[-1].q == pytest.approx(q, rel=1e-6)
    assert theory.fixed_point("relu", 1.5, 0.5) is None


def test_batch_norm_eps_tells_where_signals_are_tiny() -> None:
    check_network(RunConfig(gain=0.003, bn=True, embedding=70, hidden=(200,) * 3))


def test_over_fifty_layers_five_thirds_holds_and_gain_one_fades() -> None:
    deep = (100,) * 50
    kept, faded = (theory.predict(RunConfig(gain=gain, hidden=deep)).layers[-1].std or 0 for gain in (5 / 3, 1.0))
    assert kept == pytest.approx(0.651, abs=5e-4)
    assert faded == pytest.approx(1 / math.sqrt(2 * 50), rel=0.1)  # 1/√(2l), Roberts, Yaida, Hanin 2021


# ------------------------------------------------------------------------------------------------ loss


def test_initial_loss_of_flat_logits_is_ln_v() -> None:
    assert theory.initial_loss(27, 0.0) == pytest.approx(3.2958, abs=5e-5)
    assert theory.initial_loss(1, 0.0) == 0


@pytest.mark.parametrize(("classes", "logit_std"), [(27, 0.049), (27, 0.051), (27, 0.3), (200, 1.0), (5, 0.2)])
def test_initial_loss_near_the_delta_method(classes: int, logit_std: float) -> None:
    s2 = logit_std**2
    rule = math.log(classes) + s2 / 2 - (math.exp(s2) - 1) / (2 * classes)
    # The next terms of the expansion in the spread of the mean of exp(s·z): third moment, squared second.
    w = math.exp(s2)
    spread = (w - 1) / classes
    allowed = (w - 1) ** 2 * (w + 2) / (3 * classes**2) + spread**2
    assert abs((theory.initial_loss(classes, logit_std) or 0) - rule) <= allowed + 1e-12


@pytest.mark.parametrize("classes", [1, 2, 27])
@pytest.mark.parametrize("logit_std", [0.1, 1.0, 3.0, 20.0])
def test_initial_loss_against_sampling(classes: int, logit_std: float) -> None:
    logits = logit_std * np.random.default_rng(2).standard_normal((100_000, classes))
    top = logits.max(axis=1)
    # Class 0 stands for the target: its mean is 0, so it adds only noise and is left out.
    losses = top + np.log(np.exp(logits - top[:, None]).sum(axis=1))
    error = 5 * losses.std() / math.sqrt(len(losses))
    assert abs(losses.mean() - (theory.initial_loss(classes, logit_std) or 0)) <= error


@pytest.mark.parametrize("logit_std", [0.06, 1.0, 3.0, 20.0, 90.0])
def test_initial_loss_of_two_classes_is_one_integral(logit_std: float) -> None:
    # ln(exp(a) + exp(b)) = b + softplus(a − b), and a − b is N(0, 2s²).
    x, step = np.linspace(-9, 9, 200_001, retstep=True)
    softplus = np.logaddexp(0, math.sqrt(2) * logit_std * x)
    exact = float(softplus @ np.exp(-(x**2) / 2)) * step / math.sqrt(2 * math.pi)
    assert theory.initial_loss(2, logit_std) == pytest.approx(exact, rel=1e-8)


def test_initial_loss_has_an_end() -> None:
    assert theory.initial_loss(27, 100.0) == pytest.approx(100 * math.sqrt(1 + math.pi**2 / 6e4) * 1.9983, rel=1e-3)
    assert theory.initial_loss(27, 100.1) is None
    assert theory.initial_loss(27, math.nan) is None


def test_logit_std() -> None:
    assert theory.predict(RunConfig(bn=True)).logit_std == pytest.approx(0.1, rel=1e-3)
    assert theory.predict(RunConfig(output_scale=0)).logit_std == 0
    # With batch norm the gain acts on the output's weight, too, and shows where the variance is beside eps.
    small, plain = (theory.predict(RunConfig(bn=True, gain=gain, bn_eps=0.01)) for gain in (0.1, 1.0))
    for found, gain in ((small, 0.1), (plain, 1.0)):
        before = (gain * (found.layers[-1].std or 0)) ** 2
        assert found.logit_std == pytest.approx(0.1 * math.sqrt(before / (before + 0.01)))
    plain = theory.predict(RunConfig(output_scale=1))
    assert plain.logit_std == plain.layers[-1].std
    biased = theory.predict(RunConfig(output_scale=1, bias_scale=(0, 2)))
    assert biased.logit_std == pytest.approx(math.hypot(plain_std := plain.layers[-1].std or 0, 2)) != plain_std
    wide = theory.predict(RunConfig(output_scale=1, fan_in_scaling=False, gain=0.1))
    assert wide.logit_std == pytest.approx(10 * (wide.layers[-1].std or 0))
    rng = np.random.default_rng(3)
    relu = RunConfig(nonlinearity="relu", hidden=(4096,), output_scale=0.5, gain=1.0)
    h = FUNCTIONS["relu"][0](rng.normal(size=4096))
    logits = rng.normal(size=(2000, 4096)) @ h * 0.5 / 64
    assert theory.predict(relu).logit_std == pytest.approx(logits.std(), rel=5 / math.sqrt(2 * 2000) + 5 / 64)


# ----------------------------------------------------------------------------------------------- edges


def test_gain_zero_says_nothing_moves() -> None:
    for bn in (False, True):
        layers = theory.predict(RunConfig(gain=0, bn=bn)).layers
        assert [(layer.q, layer.std, layer.saturated) for layer in layers] == [(0, 0, 0)] * 5
        assert [layer.grad_std for layer in layers] == [0, 0, 0, 0, 1]
    assert theory.predict(RunConfig(gain=0, nonlinearity="sigmoid")).layers[2].mean == 0.5
    assert theory.predict(RunConfig(gain=0, nonlinearity="relu")).layers[2].saturated == 1  # 0 is its flat part


@pytest.mark.parametrize("nonlinearity", NONLINEARITIES)
@pytest.mark.parametrize("bn", [False, True])
@pytest.mark.parametrize("scaling", [False, True])
@pytest.mark.parametrize("gain", [0, 1e-300, 1e-3, 1.0, 1e6, 1e30])
def test_two_hundred_layers_never_give_nan_or_infinity(
    nonlinearity: NonlinearityName, bn: bool, scaling: bool, gain: float
) -> None:
    config = RunConfig(nonlinearity=nonlinearity, bn=bn, fan_in_scaling=scaling, gain=gain, hidden=(100,) * 200)
    for eps in (1e-5, 1e-300):
        prediction = theory.predict(config.replace(bn_eps=eps))
        assert len(prediction.layers) == 200
        for layer in prediction.layers:
            for value in (layer.q, layer.mean, layer.std, layer.saturated, layer.chi, layer.grad_std):
                assert value is None or math.isfinite(value)
            assert 0 <= layer.saturated <= 1


def test_what_float32_cannot_hold_is_none() -> None:
    layers = theory.predict(RunConfig(nonlinearity="linear", gain=1e6, hidden=(100,) * 200)).layers
    assert layers[5].std == pytest.approx(1e36)
    assert layers[6].std is layers[6].q is layers[6].mean is layers[0].grad_std is None
    assert layers[-2].grad_std == pytest.approx(1e6)


def test_measured_input_takes_the_place_of_the_expected() -> None:
    config = RunConfig(embedding_scale=2)
    assert theory.predict(config).layers[0].q == pytest.approx(25 / 9 * 4)
    assert theory.predict(config, input_second_moment=1.5).layers[0].q == pytest.approx(25 / 9 * 1.5)
    assert theory.predict(config, input_second_moment=math.nan) == theory.predict(config)
    assert theory.predict(config, input_second_moment=math.inf).layers[0].q is None


def test_layers_are_found_by_name() -> None:
    prediction = theory.predict(RunConfig())
    assert prediction.layer("tanh 2") is prediction.layers[1]
    assert prediction.layer("tanh 9") is None


def test_a_negative_variance_is_refused() -> None:
    with pytest.raises(ValueError, match="variance"):
        moments.moments("tanh", -1.0)


def test_neither_torch_nor_a_screen_is_loaded() -> None:
    modules = "tuiinit.insight.theory, tuiinit.insight.findings"
    code = f"import sys, {modules}; print({{'torch', 'textual', 'plotext'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
