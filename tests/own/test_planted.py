"""Planted faults are found, where they are; nothing bad is said of the same network without them."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from tests.own import healthy, planted
from tests.own.planted import Network
from tuiinit.engine.own.building import build
from tuiinit.engine.own.checking import looked_at, uninitialised_filled
from tuiinit.insight.check.finding import CheckFinding
from tuiinit.insight.check.judging import is_ok, judge
from tuiinit.paper.mending import mending
from tuiinit.stream.checked import Checked


def checked(make: Callable[[], Any], init: Callable[[nn.Module], None] | None = None, seed: int = 0) -> Checked:
    torch.manual_seed(seed)
    with uninitialised_filled():
        built = build(make, {})
    if init is not None:
        init(built.model)
    (batch,) = built.setup.batches  # type: ignore[misc]
    return looked_at(built, batch, target="", settings={}, device="cpu", lsuv={}, started=0.0)


@functools.cache
def findings_of(name: str) -> tuple[CheckFinding, ...]:
    return judge(checked(getattr(planted, name)))


@pytest.mark.parametrize("name", planted.FAULTS)
def test_a_planted_fault_is_found_where_it_is(name: str) -> None:
    expected = planted.FAULTS[name]
    assert expected in [(f.id, f.severity, f.row) for f in findings_of(name)]


@pytest.mark.parametrize("name", planted.FAULTS)
@pytest.mark.parametrize("seed", [0, 1])
def test_nothing_bad_is_said_of_the_repaired_twin(name: str, seed: int) -> None:
    found = judge(checked(planted.TWINS[name], seed=seed))
    assert is_ok(found), found
    assert planted.FAULTS[name][0] not in [f.id for f in found]


@pytest.mark.parametrize("make", healthy.NETWORKS)
def test_no_fault_is_read_into_a_healthy_network_of_a_kind_that_is_easily_misread(make: Callable[[], Any]) -> None:
    found = judge(checked(make))
    assert is_ok(found), found
    assert not {"shrinks", "grows", "bias-before-norm"} & {f.id for f in found}, found


@pytest.mark.parametrize("name", planted.MENDED_BY_INIT)
def test_what_apply_prints_runs_and_mends(name: str) -> None:
    written: dict[str, Any] = {}
    exec(mending(findings_of(name)), written)
    mended = judge(checked(getattr(planted, name), init=written["init"]))
    assert is_ok(mended), mended


def test_a_sigmoid_stack_is_told_that_no_gain_mends_it() -> None:
    finding = next(f for f in findings_of("sigmoids") if f.id == "vanishing-gradient")
    assert "slope is at most 1/4" in finding.text
    assert "nn.Tanh" in finding.cure
    assert not finding.modules


def test_dead_units_of_many_rows_are_one_sentence() -> None:
    found = [f for f in findings_of("residual") if f.id == "dead"]
    assert len(found) <= 1  # 48 rows of the kind


def test_findings_come_the_worst_first_and_each_has_a_number() -> None:
    found = [finding for name in planted.FAULTS for finding in findings_of(name)]
    assert all(finding.text.endswith(".") for finding in found)
    order = [f.severity for f in findings_of("default_relu")]
    assert order == sorted(order, key=["bad", "warn", "note"].index)


def test_gates_of_zeros_are_a_note() -> None:
    found = judge(checked(planted.gated))
    assert is_ok(found), found
    assert {f.id for f in found if f.severity == "note"} == {"zero-weights"}


@pytest.mark.long  # the compiler takes seconds to load
def test_a_compiled_network_is_seen_layer_by_layer() -> None:
    found = checked(planted.compiled)
    assert [row.name for row in found.rows] == [str(i) for i in range(13)]


def summed() -> Any:
    model, inputs = planted.dead_mended()
    return _setup(
        model, inputs, lambda m, x: nn.functional.cross_entropy(m(x), torch.zeros(1024).long(), reduction="sum")
    )


def two_losses() -> Any:
    model, inputs = planted.dead_mended()
    labels = torch.arange(1024) % 10

    def loss(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(m(x), labels) + nn.functional.cross_entropy(m(x), labels.flip(0))

    return _setup(model, inputs, loss)


def binary() -> Any:
    model = nn.Sequential(nn.Linear(8, 1))
    nn.init.normal_(model[0].weight, std=0.01)
    inputs, labels = torch.randn(256, 8), torch.arange(256.0) % 2
    return _setup(model, inputs, lambda m, x: nn.functional.binary_cross_entropy_with_logits(m(x)[:, 0], labels))


def _setup(model: nn.Module, inputs: torch.Tensor, loss: Any) -> Any:
    from tuiinit import Setup

    return Setup(model, [inputs], loss)


@pytest.mark.parametrize(("make", "expected"), [(summed, None), (two_losses, None), (binary, 0.6931)])
def test_a_loss_is_expected_only_where_one_is_known(make: Callable[[], Any], expected: float | None) -> None:
    found = checked(make)
    assert found.expected_loss == (None if expected is None else pytest.approx(expected, abs=1e-4))
    assert "loss-at-start" not in [f.id for f in judge(found)]


def of_gains(first: float, others: float) -> Network:
    model, inputs = planted.missing_root_two()
    layers = [layer for layer in model if isinstance(layer, nn.Linear)]  # type: ignore[attr-defined]
    for layer in layers[:-1]:
        nn.init.normal_(layer.weight, std=(first if layer is layers[0] else others) / math.sqrt(planted.WIDTH))
    return model, inputs


def test_where_layers_have_several_gains_the_sentence_has_their_range() -> None:
    found = [f for f in judge(checked(lambda: of_gains(13.0, 0.125))) if f.id in ("shrinks", "vanishing-gradient")]
    assert {f.id for f in found} == {"shrinks", "vanishing-gradient"}
    for finding in found:
        low, high = re.search(r"gains are (\S+) to (\S+); 1.41 keeps it", finding.text).groups()  # type: ignore[union-attr]
        assert 0.11 < float(low) < 0.13
        assert 12 < float(high) < 14
    (one,) = [f for f in findings_of("missing_root_two") if f.id == "shrinks"]
    assert "gain is 1" in one.text or "gain is 0.9" in one.text


@pytest.mark.parametrize("passing", [nn.Identity, nn.Dropout, lambda: nn.Sequential(nn.Identity(), nn.Identity())])
def test_the_advised_gain_is_for_what_follows_behind_a_module_that_only_passes_on(passing: Any) -> None:
    def make() -> Network:
        return nn.Sequential(nn.Linear(64, 64), passing(), nn.ReLU(), nn.Linear(64, 5)), torch.randn(200, 64)

    gains = [row.advised_gain for row in checked(make).rows if row.kind == "Linear"]
    assert gains == pytest.approx([math.sqrt(2), 1.0])


def test_behind_pooling_too_and_before_a_norm_none_is_advised() -> None:
    def make() -> Network:
        pooled = [nn.Conv2d(3, 8, 3), nn.MaxPool2d(2), nn.ReLU()]
        normed = [nn.Conv2d(8, 8, 3), nn.Identity(), nn.BatchNorm2d(8), nn.ReLU()]
        return nn.Sequential(*pooled, *normed), torch.randn(8, 3, 16, 16)

    gains = [row.advised_gain for row in checked(make).rows if row.kind == "Conv2d"]
    assert gains == [pytest.approx(math.sqrt(2)), None]
