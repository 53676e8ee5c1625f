"""Findings at, just under and just over each threshold, on snapshots made by hand."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from tests.made import activation, batch_norm, made, snapshot, weight
from tuiinit.config.nonlinearities import NONLINEARITIES
from tuiinit.config.run import RunConfig
from tuiinit.insight.expected import Expectation, Figure
from tuiinit.insight.findings import SEVERITIES, Finding, findings
from tuiinit.insight.theory import Prediction, initial_loss, predict
from tuiinit.insight.thresholds import BIAS_CANCELLED
from tuiinit.stream.protocol import Evaluation, Snapshot, Vector

TANH = RunConfig(gain=5 / 3)
BN = RunConfig(bn=True)
NOTHING = Expectation(Prediction((), None), (), (), (), (), (), (), Figure(), Figure())  # that knows none of the layers
OVER, UNDER = math.inf, -math.inf


def next_to(value: float, side: float) -> float:
    return math.nextafter(value, side)


@pytest.mark.parametrize(
    ("largest", "cancelled"),
    [(BIAS_CANCELLED, False), (next_to(BIAS_CANCELLED, UNDER), True), (1.5e-7, True), (0.5, False)],
)
def test_a_bias_before_batch_norm(largest: float, cancelled: bool) -> None:
    config = BN.replace(bias_before_bn=True)
    # The weights' gradients have std 1: the biases' are the ratios.
    now = snapshot(
        weights=tuple(weight(name, grad_std=1.0) for name in ("embedding", "hidden 1", "output")),
        batch_norms=(batch_norm("batch norm 1", 1e-8), batch_norm("batch norm 2", largest)),
    )
    finding = get("bias-before-bn", now, config)
    assert finding.layer == "output"
    assert finding.severity == "note"
    assert ("Batch norm takes them away" in finding.text) == cancelled
    assert f"{largest:.0e}" in finding.text
    assert "1e-06" in finding.text
    assert find(findings(now, BN), "bias-before-bn") is None


def test_biases_whose_gradient_is_not_told_are_passed_over() -> None:
    config = BN.replace(bias_before_bn=True)
    untold = snapshot(batch_norms=(batch_norm("batch norm 1", None),) * 3)
    dead = snapshot(weights=(weight(grad_std=0.0),) * 4, batch_norms=(batch_norm("batch norm 1", 0.0),) * 3)
    for now in (untold, dead, snapshot()):
        assert find(findings(now, config), "bias-before-bn") is None


def stds(*values: float, kind: str = "tanh") -> Snapshot:
    return snapshot(activations=tuple(activation(f"{kind} {n}", std=std) for n, std in enumerate(values, 1)))


def rows(*named: tuple[str, float]) -> Snapshot:
    return snapshot(
        activations=tuple(activation(f"row {n}", kind=kind, std=std) for n, (kind, std) in enumerate(named))
    )


def test_a_signal_is_followed_where_nothing_sets_its_spread_anew() -> None:
    chain = rows(("Linear", 1.0), ("relu", 0.6), ("Linear", 0.6), ("relu", 0.3), ("Linear", 0.01))
    shrinks = find(findings(rows(*[("Linear", 0.5**n) for n in range(6)]), None), "signal")
    assert shrinks is not None
    assert shrinks.text.startswith("The signal shrinks")
    kept = find(findings(chain, None), "signal")
    assert kept is not None
    assert kept.severity == "good"  # the last row gives small logits, as it should
    states = snapshot(
        activations=tuple(
            activation(name, kind=kind, std=std, grad_std=grad)
            for name, kind, std, grad in (
                ("lstm", "LSTM", 0.07, 7e-5), ("lstm[1][0]", "LSTM", 0.2, math.nan), ("lstm[1][1]", "LSTM", 0.4, 0.0),
                ("head", "Linear", 0.1, 2e-4),
            )
        )
    )  # fmt: skip
    assert find(findings(states, None), "signal") is None
    assert "million" not in (get("gradient-flow", states, None).text)
    for norm in ("LayerNorm", "BatchNorm2d", "RMSNorm", "T5LayerNorm"):
        normed = rows(("Linear", 1.0), (norm, 1.0), ("Linear", 0.2), (norm, 1.0), ("Linear", 0.05), ("Linear", 1.0))
        assert find(findings(normed, None), "signal") is None


def ratios(*values: float | None) -> Snapshot:
    return snapshot(weights=tuple(weight(f"hidden {n}", grad_data_ratio=r) for n, r in enumerate(values, 1)))


def updates(*values: float | None) -> Snapshot:
    return snapshot(weights=tuple(weight(f"hidden {n}", update_data_log10=v) for n, v in enumerate(values, 1)))


def find(found: tuple[Finding, ...], name: str) -> Finding | None:
    return next((finding for finding in found if finding.id == name), None)


def get(name: str, now: Snapshot, config: RunConfig | None = TANH, **more: Any) -> Finding:
    found = find(findings(now, config, **more), name)
    assert found is not None
    return found


def actions(found: Finding) -> list[str]:
    return [helps.action for helps in found.helps]


# ------------------------------------------------------------------------------------------- as a whole


def test_a_healthy_network_says_what_is_healthy() -> None:
    found = findings(snapshot(), BN, evaluation=Evaluation(lane="lane", step=1, dev=2.5, dev_calibrated=2.5))
    assert {finding.severity for finding in found} == {"good"}
    assert {finding.id for finding in found} == {
        "initial-loss",
        "signal",
        "saturation",
        "dead-units",
        "gradient-flow",
        "gradient-balance",
        "updates",
        "batch-norm-statistics",
    }


def test_most_severe_first_and_one_an_id() -> None:
    sick = snapshot(
        initial_loss=9.0,
        activations=(
            activation("tanh 1", std=0.8, saturated=0.22, dead=(1, 2)),
            activation("tanh 2", std=0.1, saturated=0.9, grad_mean_abs=1e-9, dead=(3,)),
        ),
        weights=(
            weight("a", update_data_log10=-1.0, grad_data_ratio=5.0),
            weight("b", update_data_log10=-5.0),
            weight("c"),
        ),
    )
    found = findings(sick, TANH)
    order = [SEVERITIES.index(finding.severity) for finding in found]
    assert order == sorted(order)
    assert order[0] == 0
    assert len({finding.id for finding in found}) == len(found)
    assert {finding.id for finding in found if finding.severity in ("warn", "bad")} == {
        "initial-loss",
        "signal",
        "saturation",
        "dead-units",
        "gradient-flow",
        "gradient-balance",
        "updates-fast",
        "updates-slow",
    }
    assert all(len(finding.text) <= 200 and "nan" not in finding.text for finding in found)


def test_a_finding_travels_as_json() -> None:
    assert msgspec.json.decode(msgspec.json.encode(Finding("signal", "good", "Fine.")))["severity"] == "good"


@pytest.mark.parametrize("nonlinearity", NONLINEARITIES)
@pytest.mark.parametrize("bn", [False, True])
@pytest.mark.parametrize("gain", [0.0, 1.0, 1e6])
@pytest.mark.parametrize("step", [0, 1, 500])
def test_zeros_and_nulls_never_raise(nonlinearity: Any, bn: bool, gain: float, step: int) -> None:
    config = RunConfig(nonlinearity=nonlinearity, bn=bn, gain=gain)
    nothing = {"std": 0.0, "saturated": 0.0, "grad_std": 0.0, "grad_mean_abs": 0.0}
    full = {"std": 1e30, "saturated": 1.0, "grad_std": 1e30, "grad_mean_abs": 1e30, "dead": tuple(range(100))}
    null = {"grad_data_ratio": None, "update_data_log10": None, "std": 0.0, "grad_std": 0.0}
    zero = {"grad_data_ratio": 0.0, "update_data_log10": -400.0}
    layers = [(), (nothing,), (nothing, nothing), (nothing, full), (full, nothing), ({"width": 0}, {})]
    matrices = [(), (null,), (null, zero, zero, zero), (zero, zero, {}, {"update_data_log10": 400.0})]
    for kinds in layers:
        for shapes in matrices:
            for rows in (0, 10, 1024):
                now = snapshot(
                    step=step,
                    probe_rows=rows,
                    activations=tuple(activation(f"{nonlinearity} {n}", **k) for n, k in enumerate(kinds, 1)),
                    weights=tuple(weight(f"hidden {n}", **k) for n, k in enumerate(shapes, 1)),
                )
                for evaluation in (None, Evaluation(lane="lane", step=1, dev=None, dev_calibrated=2.0)):
                    found = findings(now, config, evaluation=evaluation, previous=now)
                    assert len({finding.id for finding in found}) == len(found)
                    assert not any("nan" in finding.text for finding in found)


# ------------------------------------------------------------------------------------------------ loss


@pytest.mark.parametrize("loss", [None, math.nan, math.inf])
def test_a_lost_loss_is_the_only_thing_that_counts(loss: float | None) -> None:
    found = findings(snapshot(step=70, loss=loss, activations=(activation(saturated=1.0),)), TANH)
    assert [(finding.id, finding.severity) for finding in found] == [("loss", "bad"), ("initial-loss", "good")]
    assert "step 70" in found[0].text
    assert actions(found[0]) == ["lr-down", "restart"]


def test_a_lane_that_diverged_after_its_last_snapshot() -> None:
    found = findings(snapshot(step=12), TANH, diverged_at=13)
    assert (found[0].id, found[0].severity) == ("loss", "bad")
    assert "step 13" in found[0].text
    assert found[0].helps[0].words == "a smaller lr (0.1 now)"
    assert find(found, "signal") is not None  # of the snapshot, which was sound


def test_a_loss_lost_at_the_start_is_not_the_learning_rates_fault() -> None:
    found = findings(snapshot(loss=None, initial_loss=None), RunConfig(gain=1e30))
    assert [finding.id for finding in found] == ["loss"]
    assert actions(found[0]) == ["gain-3", "batch-norm"]


@pytest.mark.parametrize(
    ("excess", "severity"),
    [(0.0, "good"), (-1.0, "good"), (0.1, "good"), (next_to(0.1, UNDER), "good"), (next_to(0.1, OVER), "warn")],
)
def test_initial_loss(excess: float, severity: str) -> None:
    # Expected 0 (one class) keeps the difference exact.
    assert get("initial-loss", snapshot(initial_loss=excess, expected_initial_loss=0.0)).severity == severity


def test_initial_loss_tells_numbers_theory_and_the_setting() -> None:
    config = RunConfig(output_scale=5)
    found = get("initial-loss", snapshot(initial_loss=7.37), config)
    text = found.text
    assert "7.37" in text
    assert "ln 27 = 3.30" in text
    assert "over 0.1 is a fault" in text
    expected = initial_loss(27, predict(config).logit_std or 0)
    assert f"theory says {expected:.2f}" in text
    assert [helps.option for helps in found.helps] == ["a smaller --output-scale"]
    biased = get("initial-loss", snapshot(initial_loss=7.37), config.replace(bias_scale=(0.0, 1.0)))
    assert [helps.option for helps in biased.helps][1:] == ["a smaller --bias-scale of the output"]
    assert "theory" not in get("initial-loss", snapshot(initial_loss=7.37), config, expected=NOTHING).text


# ------------------------------------------------------------------------------------------ saturation


def saturated(*shares: float, width: int = 100) -> Snapshot:
    layers = (activation(f"tanh {n}", saturated=share, width=width) for n, share in enumerate(shares, 1))
    return snapshot(activations=tuple(layers))


@pytest.mark.parametrize(
    ("share", "severity"), [(0.05, "good"), (next_to(0.2, UNDER), "good"), (0.2, "good"), (next_to(0.2, OVER), "warn")]
)
def test_saturation_without_theory(share: float, severity: str) -> None:
    found = get("saturation", saturated(0.01, share), expected=NOTHING)
    assert found.severity == severity
    assert found.layer == "tanh 2"
    assert "20 %" in found.text


def test_saturation_that_theory_predicts_is_a_note() -> None:
    found = get("saturation", saturated(0.2025, 0.0838, 0.0662, 0.0547, 0.0613))
    assert (found.severity, found.layer) == ("note", "tanh 1")
    assert found.text == "tanh 1 is saturated to 20.2 % (over 20 % is high), as theory says (20.9 %) for gain 5/3."


def test_saturation_of_a_high_gain_names_the_gain_that_helps() -> None:
    found = get("saturation", saturated(0.477, 0.405, 0.424, 0.42, 0.424), RunConfig(gain=3.0))
    assert found.severity == "note"
    assert "48.6 %" in found.text
    assert "4 more layers" in found.text
    assert [helps.words for helps in found.helps] == ["gain 5/3", "batch norm"]


@pytest.mark.parametrize("width", [100, 400])
def test_saturation_beyond_theory(width: int) -> None:
    config = TANH.replace(hidden=(width,) * 5)
    share = predict(config).layers[0].saturated
    limit = share + 2 * math.sqrt(share * (1 - share) / width)
    assert get("saturation", saturated(limit, width=width), config).severity == "note"
    assert get("saturation", saturated(next_to(limit, OVER), width=width), config).severity == "warn"


def test_the_layer_beyond_theory_is_named_though_another_is_more_saturated() -> None:
    now = msgspec.structs.replace(saturated(0.25, 0.24, 0.05), step=500)
    found = get("saturation", now)
    assert (found.severity, found.layer) == ("warn", "tanh 2")
    assert "24.0 %" in found.text
    assert "theory says 9.8 % at the start" in found.text
    assert "lr-down" in actions(found)
    assert "more layer" not in found.text


def test_a_relu_that_rests_half_the_time_is_healthy() -> None:
    relu = RunConfig(nonlinearity="relu", gain=1.4)
    layers = (activation("relu 1", saturated=0.52), activation("relu 2", saturated=0.59))
    assert get("saturation", snapshot(activations=layers), relu).severity == "good"
    busy = snapshot(activations=(activation("relu 1", saturated=0.61),))
    assert get("saturation", busy, relu).severity == "warn"


def test_a_linear_network_has_no_saturation() -> None:
    found = findings(snapshot(activations=(activation("linear 1"),)), RunConfig(nonlinearity="linear"))
    assert find(found, "saturation") is None
    assert find(found, "dead-units") is None


# ------------------------------------------------------------------------------------------ dead units


def dead(*counts: int, rows: int = 1024, step: int = 500) -> Snapshot:
    layers = tuple(activation(f"tanh {n}", dead=tuple(range(count))) for n, count in enumerate(counts, 1))
    return snapshot(activations=layers, probe_rows=rows, step=step)


@pytest.mark.parametrize(
    ("counts", "rows", "severity"),
    [
        ((0, 0), 1024, "good"),
        ((0, 1), 1024, "warn"),
        ((0, 1), 1000, "warn"),
        ((0, 1), 999, "note"),
        ((0, 99), 1024, "warn"),
        ((0, 100), 1024, "bad"),
        ((0, 100), 32, "note"),
        ((0, 0), 32, "good"),
    ],
)
def test_dead_units(counts: tuple[int, ...], rows: int, severity: str) -> None:
    assert get("dead-units", dead(*counts, rows=rows)).severity == severity


def test_no_probe_no_word_about_dead_units() -> None:
    assert find(findings(dead(5, rows=0), TANH), "dead-units") is None


def test_dead_units_tell_the_worst_layer_and_what_is_new() -> None:
    found = get("dead-units", dead(1, 7, 2), previous=dead(1, 2, 0, step=100))
    assert found.layer == "tanh 2"
    for part in (
        "7 of 100 units",
        "tanh 2",
        "1,024 rows",
        "2 more layers",
        "10 in all, 3 at step 100",
    ):
        assert part in found.text
    assert "lr-down" in actions(found)
    assert "at step" not in get("dead-units", dead(1), previous=dead(1)).text


# ---------------------------------------------------------------------------------------------- signal


@pytest.mark.parametrize(
    ("values", "severity"),
    [
        ((1.0, 1.0), "good"),
        ((1.0, 0.5), "good"),
        ((1.0, next_to(0.5, OVER)), "good"),
        ((1.0, next_to(0.5, UNDER)), "warn"),
        ((1.0, 2.0), "good"),
        ((1.0, next_to(2.0, UNDER)), "good"),
        ((1.0, next_to(2.0, OVER)), "warn"),
        ((1.0, 1 / 3.16), "warn"),  # variances × 9.99
        ((1.0, 1 / 3.17), "bad"),  # variances × 10.05
        ((1.0, 3.16), "warn"),
        ((1.0, 3.17), "bad"),
        ((1.0, 3.17, 1.0), "bad"),
        ((1.0, 3.16, 1.0), "good"),
        ((0.0, 0.0), "bad"),
        ((0.0, 1.0), "bad"),
        ((1.0, 0.0), "bad"),
        ((1.0, 0.0, 1.0), "bad"),
    ],
)
def test_signal(values: tuple[float, ...], severity: str) -> None:
    assert get("signal", stds(*values)).severity == severity


def test_signal_tells_direction_theory_and_key() -> None:
    found = get("signal", stds(0.41, 0.2, 0.1, 0.05, 0.02), RunConfig(gain=0.5))
    assert found.text.startswith(
        "The signal shrinks: std 0.41 in tanh 1, 0.02 in tanh 5, × 0.049 (under × 0.5 is a fault)"
    )
    assert "theory says × 0.059" in found.text
    assert actions(found) == ["gain-3", "batch-norm"]
    grows = get("signal", stds(3, 9, kind="linear"), RunConfig(nonlinearity="linear", gain=3.0))
    assert "grows" in grows.text
    assert actions(grows) == ["previous-gain", "batch-norm"]


def test_one_layer_has_no_signal_to_follow() -> None:
    assert find(findings(stds(0.1), TANH), "signal") is None


# ------------------------------------------------------------------------------------------- gradients


@pytest.mark.parametrize(
    ("mean_abs", "severity"),
    [(1e-7, "good"), (next_to(1e-7, OVER), "good"), (next_to(1e-7, UNDER), "bad"), (0.0, "bad")],
)
def test_vanishing_gradient(mean_abs: float, severity: str) -> None:
    now = snapshot(activations=(activation("tanh 1", grad_mean_abs=mean_abs), activation("tanh 2")))
    found = get("gradient-flow", now)
    assert found.severity == severity
    assert (found.layer == "tanh 1") == (severity == "bad")


@pytest.mark.parametrize(
    ("growth", "severity"),
    [(0.5, "good"), (next_to(0.5, UNDER), "note"), (1.3, "good"), (2.0, "good"), (next_to(2.0, OVER), "note")],
)
def test_gradients_that_grow_or_fade_are_noted(growth: float, severity: str) -> None:
    now = snapshot(activations=(activation("tanh 1", grad_std=growth), activation("tanh 5", grad_std=1.0)))
    found = get("gradient-flow", now)
    assert found.severity == severity
    assert "theory says × 1.3" in found.text


def test_zero_output_weights_are_named_as_the_cause() -> None:
    now = snapshot(activations=(activation("tanh 1", grad_mean_abs=0.0), activation("tanh 2", grad_mean_abs=0.0)))
    text = get("gradient-flow", now, RunConfig(output_scale=0)).text
    assert "exactly 0" in text
    assert "1 more layer." in text
    assert "exactly 0" not in get("gradient-flow", now).text


@pytest.mark.parametrize(
    ("values", "severity"),
    [
        ((1.0, 1.0, 1.0, 10.0), "good"),
        ((1.0, 1.0, 1.0, next_to(10.0, OVER)), "warn"),
        ((1.0, 1.0, 1.0, next_to(10.0, UNDER)), "good"),
        ((1.0, 3.0, 21.0), "warn"),  # the others' median is 2, not 1 or 3
        ((1.0, 3.0, 20.0), "good"),
        ((0.0, 0.0, 1.0), "good"),  # a median of 0 tells nothing
        ((None, 1.0, 1.0, 10.5), "warn"),
    ],
)
def test_gradient_balance(values: tuple[float | None, ...], severity: str) -> None:
    assert get("gradient-balance", ratios(*values)).severity == severity


@pytest.mark.parametrize("values", [(), (1.0,), (1.0, 100.0), (None, 1.0, 100.0)])
def test_too_few_matrices_for_a_median(values: tuple[float | None, ...]) -> None:
    assert find(findings(ratios(*values), TANH), "gradient-balance") is None


def test_gradients_need_no_balance_where_the_optimizer_divides_by_their_size() -> None:
    for name, spoken in (("adam", False), ("AdamW", False), ("SGD", True), ("momentum", True)):
        now = msgspec.structs.replace(ratios(1.0, 3.0, 21.0), optimizer=name)
        assert (find(findings(now, TANH), "gradient-balance") is not None) == spoken


def test_gradient_balance_names_the_worst_and_a_key() -> None:
    now = ratios(1.0, 1.0, 1.0, 30.0, 1.0, 11.0)
    found = get("gradient-balance", now)
    assert found.layer == "hidden 4"
    assert "is 30 times too large for its weights" in found.text
    assert "1 more layer" in found.text
    assert actions(found) == ["batch-norm"]
    assert actions(get("gradient-balance", now, BN)) == ["optimizer"]


# --------------------------------------------------------------------------------------------- updates


@pytest.mark.parametrize(
    ("value", "name", "severity"),
    [
        (-3.0, "updates", "good"),
        (-4.0, "updates", "good"),
        (next_to(-4.0, UNDER), "updates-slow", "warn"),
        (-2.0, "updates", "good"),
        (next_to(-2.0, OVER), "updates-fast", "warn"),
    ],
)
def test_updates(value: float, name: str, severity: str) -> None:
    found = findings(updates(-3.0, value), TANH)
    assert [(f.id, f.severity) for f in found if f.id.startswith("updates")] == [(name, severity)]


def test_updates_name_the_worst_and_the_key() -> None:
    fast = get("updates-fast", updates(-1.0, -0.5, -2.4))
    assert fast.layer == "hidden 2"
    assert "changes it by 0.32 of its size (over 1e-2" in fast.text
    assert "1 more layer" in fast.text
    assert actions(fast) == ["lr-down"]
    slow = get("updates-slow", updates(-5.0, -4.5, -3.0))
    assert slow.layer == "hidden 1"
    assert actions(slow) == ["lr-up"]


def test_fast_and_slow_at_once_is_no_matter_of_the_learning_rate() -> None:
    both = findings(updates(-1.0, -5.0), TANH)
    for name in ("updates-fast", "updates-slow"):
        found = find(both, name)
        assert found is not None
        assert "no one lr" in found.text
        assert actions(found) == ["batch-norm"]
    assert actions(get("updates-fast", updates(-1.0, -5.0), BN)) == ["optimizer"]
    adam = msgspec.structs.replace(updates(-1.0, -5.0), optimizer="adam")
    assert actions(get("updates-slow", adam, BN)) == []


def test_before_a_step_there_are_no_updates() -> None:
    assert not [f for f in findings(updates(None, None), TANH) if f.id.startswith("updates")]


# ------------------------------------------------------------------------------------------ batch norm


@pytest.mark.parametrize(
    ("dev", "severity"), [(0.02, "good"), (next_to(0.02, UNDER), "good"), (next_to(0.02, OVER), "warn"), (-5.0, "good")]
)
def test_stale_statistics(dev: float, severity: str) -> None:
    # Calibrated loss 0 keeps the difference exact.
    evaluation = Evaluation(lane="lane", step=1000, dev=dev, dev_calibrated=0.0)
    assert get("batch-norm-statistics", snapshot(), BN, evaluation=evaluation).severity == severity


def test_stale_statistics_tell_both_losses_and_the_memory() -> None:
    evaluation = Evaluation(lane="lane", step=1000, dev=2.5, dev_calibrated=2.25)
    text = get("batch-norm-statistics", snapshot(), BN.replace(bn_momentum=0.001), evaluation=evaluation).text
    for part in ("step 1,000", "2.500", "2.250", "over 0.02 apart", "1,000 steps"):
        assert part in text
    frozen = BN.replace(bn_momentum=0)
    assert "never" in get("batch-norm-statistics", snapshot(), frozen, evaluation=evaluation).text


def test_without_batch_norm_or_evaluation_no_word_about_statistics() -> None:
    evaluation = Evaluation(lane="lane", step=1, dev=9.0, dev_calibrated=1.0)
    lost = Evaluation(lane="lane", step=1, dev=math.nan, dev_calibrated=1.0)
    for config, known in ((TANH, evaluation), (BN, None), (BN, Evaluation(lane="lane", step=1, dev=9.0)), (BN, lost)):
        assert find(findings(snapshot(), config, evaluation=known), "batch-norm-statistics") is None


@pytest.mark.parametrize(
    ("vectors", "gradient", "sentence"),
    [
        (1, 0.0, "Only the 0.bias learns: the gradient of every weight matrix is 0."),
        (3, 0.0, "Only the 0.bias, the 1.bias and the 2.bias learn: the gradient of every weight matrix is 0."),
        (
            6, 1e-12,
            "Only the 0.bias, the 1.bias, the 2.bias and 3 more vectors learn: the gradient of every weight matrix is "
            "under 1e-6 of theirs.",
        ),
    ],
)  # fmt: skip
def test_the_vectors_that_alone_learn_are_named_or_counted(vectors: int, gradient: float, sentence: str) -> None:
    seen = snapshot(
        step=1,
        weights=(weight("0.weight", grad_std=gradient),),
        vectors=tuple(made(Vector, name=f"{i}.bias", grad_std=1e-3) for i in range(vectors)),
    )
    (found,) = [finding for finding in findings(seen, None) if finding.id == "learning"]
    assert found.text == sentence
