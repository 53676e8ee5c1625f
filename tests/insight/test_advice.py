"""What findings say of networks out of the ordinary, measured by the engine: no nonsense, no contradiction."""

from __future__ import annotations

import math
import random
import re
from functools import cache
from typing import Any, get_args

import msgspec
import pytest
import torch

from tests.insight.test_findings import TANH, actions, find
from tests.made import snapshot
from tuiinit.config.names import OPTIMIZERS
from tuiinit.config.nonlinearities import LECTURE_GAINS, NONLINEARITIES
from tuiinit.config.run import RunConfig
from tuiinit.config.values import ConfigError
from tuiinit.data import words
from tuiinit.engine.minibatches import Dataset
from tuiinit.engine.trainer import Trainer
from tuiinit.insight.findings import Finding, findings, on_paper
from tuiinit.insight.findings.model import ActionId
from tuiinit.insight.findings.words import nats, power, times
from tuiinit.insight.thresholds import FROM_ZERO, LOSS_ABOVE_START, pace
from tuiinit.session.actions import BY_ID
from tuiinit.stream.protocol import Snapshot
from tuiinit.views.findings import with_keys

CPU = torch.device("cpu")
SMALL = (12, 12, 12)
WIDE_OF_REASON = re.compile(r"\b(inf|nan)\b|\d{7}|\d,\d{3},\d{3},\d{3}")


@cache
def dataset() -> Dataset:
    return Dataset.of(words.load(None, 3), CPU)


def measured(config: RunConfig, steps: int) -> tuple[Snapshot, int | None]:
    """The last snapshot that could be made by a step, and where the lane diverged."""
    trainer = Trainer(config.replace(device="cpu"), dataset(), CPU)
    trainer.peek()
    for step in range(1, steps + 1):
        trainer.train_step(measure=step in (1, steps))
        if trainer.trace_full:
            trainer.take_trace()
        if trainer.diverged_at is not None:
            break
    trainer.take_trace()
    assert trainer.latest is not None
    return trainer.latest, trainer.diverged_at


@cache
def about(steps: int, **settings: Any) -> tuple[Finding, ...]:
    config = RunConfig(hidden=SMALL).replace(**settings)
    now, diverged_at = measured(config, steps)
    return findings(now, config, diverged_at=diverged_at)


def by_id(advice: tuple[Finding, ...], name: str) -> Finding:
    found = find(advice, name)
    assert found is not None, [finding.id for finding in advice]
    return found


def helps(advice: tuple[Finding, ...]) -> set[str]:
    return {action for finding in advice for action in actions(finding)}


def sound(advice: tuple[Finding, ...]) -> None:
    """No finding tells absurd figures, and no two ask for opposites."""
    for finding in advice:
        assert not WIDE_OF_REASON.search(on_paper(finding)), finding.text
    ways = {(help_.knob, help_.way) for finding in advice for help_ in finding.helps if help_.knob}
    assert len(ways) == len({knob for knob, _ in ways}), advice
    assert not {"lr-down", "lr-up"} <= helps(advice)


def strange(rng: random.Random) -> RunConfig:
    while True:
        try:
            return RunConfig(
                seed=rng.randrange(100),
                embedding=rng.choice((1, 4)),
                hidden=(rng.choice((1, 2, 9)),) * rng.choice((1, 2, 3, 9)),
                nonlinearity=rng.choice(NONLINEARITIES),
                gain=rng.choice((0.0, 0.0, 1e-6, 0.1, 1.0, 5 / 3, 30.0, 1e6)),
                output_scale=rng.choice((0.0, 0.1, 1.0, 100.0, 1e6)),
                embedding_scale=rng.choice((0.0, 0.01, 1.0, 1000.0)),
                fan_in_scaling=rng.random() < 0.8,
                bn=rng.random() < 0.5,
                bn_style=rng.choice(("lecture", "torch")),
                bn_eps=rng.choice((1e-5, 1e-12, 0.1)),
                bias_before_bn=rng.random() < 0.3,
                optimizer=rng.choice(OPTIMIZERS),
                lr=rng.choice((0.0, 1e-6, 0.1, 0.1, 10.0, 1e6)),
                batch_size=rng.choice((1, 2, 2, 3, 32)),
            )
        except ConfigError:
            continue


@pytest.mark.parametrize("cases", [60, pytest.param(3000, marks=pytest.mark.long, id="long")])
def test_whatever_the_network_findings_are_sound(cases: int) -> None:
    rng = random.Random(cases)
    for _ in range(cases):
        config = strange(rng)
        try:
            now, diverged_at = measured(config, rng.choice((1, 2, 12)))
        except AssertionError:  # not one snapshot: all numbers were beyond float32 at once
            continue
        sound(findings(now, config, diverged_at=diverged_at))


def test_whatever_the_numbers_findings_are_sound() -> None:
    rng = random.Random(7)
    figures = (0.0, 1e-30, 1e-9, 1e-4, 0.3, 1.0, 40.0, 1e9, 1e30)
    for _ in range(400):
        plain = snapshot()
        now = msgspec.structs.replace(
            plain,
            step=rng.choice((0, 1, 7, 1000)),
            loss=rng.choice(figures),
            initial_loss=rng.choice(figures),
            activations=tuple(
                msgspec.structs.replace(
                    a,
                    **{name: rng.choice(figures) for name in ("std", "grad_std", "grad_mean_abs")},
                    saturated=rng.random(),
                    dead=rng.choice(((), (1, 2))),
                )
                for a in plain.activations
            ),
            weights=tuple(
                msgspec.structs.replace(
                    w,
                    grad_data_ratio=rng.choice((None, *figures)),
                    update_data_log10=rng.choice((None, -300.0, -5.0, -3.0, -1.0, 0.0, 300.0)),
                )
                for w in plain.weights
            ),
        )
        config = RunConfig(
            gain=rng.choice((0.0, *LECTURE_GAINS)), bn=rng.random() < 0.5, output_scale=rng.choice((0.0, 0.1))
        )
        sound(findings(now, config, diverged_at=rng.choice((None, 9))))


# ------------------------------------------------------------------------------------------ no signal


@pytest.mark.parametrize("steps", [1, 300])
@pytest.mark.parametrize("bn", [False, True])
def test_gain_0_is_no_signal_and_batch_norm_does_not_help(bn: bool, steps: int) -> None:
    advice = about(steps, gain=0.0, bn=bn)
    signal = by_id(advice, "signal")
    assert signal.severity == "bad"
    assert signal.text.startswith("No signal")
    assert "gain 0" in signal.text
    assert actions(signal) == ["gain-3"]
    assert not {"batch-norm", "lr-down", "lr-up"} & helps(advice)
    sound(advice)


@pytest.mark.parametrize(("gain", "std"), [(0.0, 7.9e-6), (5 / 3, 7.9e-6), (5 / 3, 0.0)])
def test_rounding_is_called_rounding(gain: float, std: float) -> None:
    layers = snapshot().activations
    quiet = tuple(msgspec.structs.replace(a, std=value) for a, value in zip(layers, (0.0, 0.0, std), strict=True))
    signal = by_id(findings(snapshot(step=1000, activations=quiet), RunConfig(bn=True, gain=gain)), "signal")
    assert ("which is rounding" in signal.text) is (std > 0)
    assert "grows" not in signal.text


def test_an_embedding_of_0_is_named_as_the_cause() -> None:
    advice = about(1, embedding_scale=0.0)
    assert "embedding" in by_id(advice, "signal").text
    assert [help_.option for help_ in by_id(advice, "signal").helps] == ["--embedding-scale 1"]


# -------------------------------------------------------------------------------- what began at 0


@pytest.mark.parametrize("lr", [1e-4, 0.1, 1.0])
@pytest.mark.parametrize("steps", [1, 2, 5, 30])
def test_a_matrix_that_began_at_0_is_not_too_fast_at_first(steps: int, lr: float) -> None:
    advice = about(steps, output_scale=0.0, lr=lr)
    fast = find(advice, "updates-fast")
    assert fast is None or fast.layer != "output"
    balance = find(advice, "gradient-balance")
    assert balance is None or balance.layer != "output"
    assert lr == 1.0 or "lr-down" not in helps(advice)


def test_what_began_at_0_has_grown_one_day() -> None:
    assert pace(0.0, since_zero=1) == "from 0"
    assert pace(-1.0, since_zero=100) == "from 0"
    assert pace(-1.0, since_zero=10_000) == "fast"
    assert pace(math.log10(FROM_ZERO), since_zero=1) == "from 0"
    assert pace(math.nextafter(math.log10(FROM_ZERO), math.inf), since_zero=1) == "fast"
    assert [pace(value, since_zero=3) for value in (-5.0, -3.0, None, math.nan)] == ["slow", "fine", None, None]
    assert pace(0.0) == "fast"


# ---------------------------------------------------------------------------------- two rows, high loss


@pytest.mark.parametrize(("style", "value"), [("lecture", math.tanh(math.sqrt(0.5))), ("torch", math.tanh(1))])
def test_batch_norm_over_two_rows_names_the_batch_size_and_nothing_else(style: str, value: float) -> None:
    now, _ = measured(RunConfig(hidden=SMALL, bn=True, bn_style=style, batch_size=2), 1)  # type: ignore[arg-type]
    assert now.activations[0].std == pytest.approx(value * math.sqrt(24 / 23), rel=1e-3)
    advice = about(1, bn=True, bn_style=style, batch_size=2)
    assert [finding.id for finding in advice] == ["batch-size", "initial-loss"]
    assert f"±{value:.3f}" in advice[0].text
    assert [help_.option for help_ in advice[0].helps] == ["--batch-size 32"]
    assert find(about(1, bn=True, bn_style=style, batch_size=3), "batch-size") is None
    assert find(about(1, batch_size=2), "batch-size") is None


@pytest.mark.parametrize(
    ("rise", "batch_size", "high"),
    [
        (LOSS_ABOVE_START + 0.01, 64, True),
        (LOSS_ABOVE_START - 0.01, 64, False),
        (3.0, 1, False),  # one example in a minibatch may well be a surprise
        (7.0, 1, True),
    ],
)
def test_a_loss_far_above_its_start_is_said_first(rise: float, batch_size: int, high: bool) -> None:
    now = snapshot(step=50, loss=math.log(27) + rise, initial_loss=3.0, batch_size=batch_size)
    advice = findings(now, TANH)
    assert (advice[0].id == "loss") is high
    assert (find(advice, "loss") is not None) is high
    assert not high or (advice[0].severity, actions(advice[0])) == ("bad", ["lr-down", "restart"])
    assert find(findings(msgspec.structs.replace(now, step=1), TANH), "loss") is None


def test_a_loss_that_began_high_may_stay_there() -> None:
    assert find(findings(snapshot(step=50, loss=20.0, initial_loss=27.9), TANH), "loss") is None


def test_a_far_too_high_lr_is_the_first_thing_said() -> None:
    advice = about(30, lr=10.0)
    assert (advice[0].id, advice[0].severity) == ("loss", "bad")
    assert "lr-up" not in helps(advice)
    sound(advice)


# ------------------------------------------------------------------------------------------ numbers, help


@pytest.mark.parametrize(
    ("factor", "alone", "of"),
    [
        (1.74, "× 1.7", "1.7 × it"),
        (0.0123, "× 0.012", "0.012 × it"),
        (0.0, "× 0", "0 × it"),
        (37.2, "× 37", "37 × it"),
        (1234.5, "× 1,200", "1,200 × it"),
        (999_999.0, "× 1,000,000", "1,000,000 × it"),
        (3603075696349.0, "over a million times", "over a million times it"),
        (math.inf, "over a million times", "over a million times it"),
        (1e-9, "less than a millionth", "less than a millionth of it"),
    ],
)
def test_factors_as_a_person_writes_them(factor: float, alone: str, of: str) -> None:
    assert times(factor) == alone
    assert times(factor, "it") == of


def test_losses_and_ratios_as_a_person_writes_them() -> None:
    assert [nats(value) for value in (3.2958, 188.25, 12345.6, 2e13)] == ["3.30", "188.25", "12,000", "over a million"]
    powers = {-3.0: "1e-3", -3.06: "8.7e-4", -2.001: "0.01", -0.5: "0.32", 0.2: "1.6", 2.0: "100", 5.9: "790,000"}
    assert {value: power(value) for value in powers} == powers
    assert (power(-300.0), power(300.0)) == ("less than 1e-12", "over a million")


def test_every_action_that_helps_is_in_the_explorers_table() -> None:
    assert set(get_args(ActionId)) <= set(BY_ID)


@pytest.mark.parametrize("gain", [0.1, *LECTURE_GAINS, 9.0])
@pytest.mark.parametrize("nonlinearity", ["tanh", "linear", "relu"])
def test_a_key_for_another_gain_leads_the_way_it_says(gain: float, nonlinearity: Any) -> None:
    config = RunConfig(gain=gain, nonlinearity=nonlinearity)
    weak = snapshot(activations=tuple(msgspec.structs.replace(a, grad_mean_abs=1e-9) for a in snapshot().activations))
    strong = snapshot(loss=None)
    for now, way in ((weak, 1), (strong, -1)):
        advice = findings(now, config)
        (help_,) = [h for finding in advice if finding.severity == "bad" for h in finding.helps if h.knob == "gain"]
        assert help_.way == way
        leads = {
            "next-gain": min((g for g in LECTURE_GAINS if g > gain), default=min(LECTURE_GAINS)),
            "previous-gain": max((g for g in LECTURE_GAINS if g < gain), default=max(LECTURE_GAINS)),
            "gain-3": 5 / 3,
        }
        assert help_.action == "config" or (leads[help_.action] > gain) is (way > 0)


def test_in_the_explorer_help_is_a_key_of_the_table() -> None:
    sentences = [with_keys(finding) for finding in about(1, gain=0.3, hidden=(12,) * 5)]
    assert any(sentence.endswith(" Press 3: gain 5/3; or b: batch norm.") for sentence in sentences)
    assert not any("--" in sentence for sentence in sentences)


def test_on_paper_help_is_an_option_and_never_a_key() -> None:
    sentences = [on_paper(finding) for finding in about(1, gain=0.3, hidden=(12,) * 5)]
    assert any("Try --gain 5/3 or --bn." in sentence for sentence in sentences)
    assert not any("3: gain" in sentence for sentence in sentences)
