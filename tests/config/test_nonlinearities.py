"""Every nonlinearity stands in all three tables, and its facts are those of its formula."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tuiinit.config.nonlinearities import FACTS, LECTURE_GAINS, NONLINEARITIES, NonlinearityName
from tuiinit.insight.moments import FORMULAS, moments
from tuiinit.measure.nonlinearities import ELEMENTWISE

TABLES = {"config/nonlinearities.py FACTS": FACTS, "measure/nonlinearities.py ELEMENTWISE": ELEMENTWISE,
          "insight/moments.py FORMULAS": FORMULAS}  # fmt: skip
X = torch.linspace(-6, 6, 241, dtype=torch.float64)


@pytest.mark.parametrize("table", TABLES)
def test_no_table_lacks_a_nonlinearity(table: str) -> None:
    missing = set(NONLINEARITIES) - set(TABLES[table])
    assert not missing, f"{table} lacks {', '.join(sorted(missing))}"
    unknown = set(TABLES[table]) - set(NONLINEARITIES)
    assert not unknown, f"NonlinearityName lacks {', '.join(sorted(unknown))}, which {table} has"


@pytest.mark.parametrize("name", NONLINEARITIES)
def test_the_formula_is_pytorchs_function(name: NonlinearityName) -> None:
    formula, module = FORMULAS[name], ELEMENTWISE[name].module()
    x = X.clone().requires_grad_()
    y = module(x) + 0
    y.sum().backward()
    ours, slope = formula.function(X.numpy())
    np.testing.assert_allclose(ours + formula.at_zero, y.detach().numpy(), rtol=1e-12, atol=1e-15)
    away = X.numpy() != 0  # at a kink any slope between will do
    assert x.grad is not None
    np.testing.assert_allclose(slope[away], x.grad.numpy()[away], rtol=1e-12, atol=1e-15)
    assert formula.output(0.5) == pytest.approx(float(module(torch.tensor(0.5, dtype=torch.float64))))


@pytest.mark.parametrize("name", NONLINEARITIES)
def test_forward_and_backward_in_place_are_the_modules(name: NonlinearityName) -> None:
    curve = ELEMENTWISE[name]
    x = X.clone().requires_grad_()
    y = curve.module()(x) + 0
    y.backward(torch.ones_like(y))
    out = curve.forward_(X.clone())
    torch.testing.assert_close(out, y.detach())
    torch.testing.assert_close(curve.backward_(torch.ones_like(out), out), x.grad)


@pytest.mark.parametrize("name", NONLINEARITIES)
def test_facts_are_those_of_the_formula(name: NonlinearityName) -> None:
    facts, formula = FACTS[name], FORMULAS[name]
    y, slope = (a + b for a, b in zip(formula.function(X.numpy()), (formula.at_zero, 0), strict=True))
    assert facts.range.low <= y.min() <= y.max() <= facts.range.high
    assert facts.flat_half == bool((slope[X.numpy() < 0] == 0).all())
    assert formula.odd == bool(np.allclose(y, -y[::-1], atol=1e-12))
    straight = len(set(slope[X.numpy() > 0])) == len(set(slope[X.numpy() < 0])) == 1
    assert (formula.slope_below is not None) == straight
    assert (formula.critical_gain is None) == (formula.at_zero != 0)
    if formula.critical_gain is not None:
        assert formula.critical_gain == pytest.approx(moments(name, 0.0).slope ** -0.5, rel=1e-12)
    assert facts.gain in LECTURE_GAINS if facts.key_for_gain else True
    for limit in (facts.range.below, facts.range.above):
        if math.isfinite(limit):
            assert formula.output(formula.inverse(limit)) == pytest.approx(limit, abs=1e-12)
