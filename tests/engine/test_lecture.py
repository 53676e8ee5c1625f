"""The lecture's figures, by the program's own command and its JSON."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

ROWS = [(True, 1.0, 1), (False, 5 / 3, 1), (True, 1.0, 1001), (True, 5 / 3, 1), (True, 5 / 3, 1001)]


@pytest.mark.parametrize(("bn", "gain", "steps"), ROWS)
def test_figures_of_the_lecture(
    tuiinit: Any, lecture_names: Path, lecture_figures: Path, bn: bool, gain: float, steps: int
) -> None:
    wanted = next(
        row
        for row in json.loads(lecture_figures.read_text())["rows"]
        if (row["bn"], row["gain"], row["steps"]) == (bn, gain, steps)
    )
    done = tuiinit(
        *("run", "--data", str(lecture_names), "--bn" if bn else "--no-bn", "--gain", "5/3" if gain > 1 else "1"),
        *("--steps", str(steps), "--json", "--device", "cpu"),
    )
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    rel = 1e-4 if steps == 1 else 1e-3

    assert record["step"] == steps
    assert record["parameters"] == (47_024 if bn else 46_497)
    assert record["initial_loss"] == pytest.approx(wanted["loss_first"], rel=rel)
    assert record["loss"] == pytest.approx(wanted["loss_last"], abs=1e-3 if steps > 1 else 1e-4)
    assert record["expected_initial_loss"] == pytest.approx(math.log(27))
    assert len(record["activations"]) == len(wanted["tanh"]) == 5
    for i, (mine, theirs) in enumerate(zip(record["activations"], wanted["tanh"], strict=True), 1):
        assert mine["layer"] == f"tanh {i}"
        assert mine["mean"] == pytest.approx(theirs["mean"], abs=1e-4)
        assert mine["std"] == pytest.approx(theirs["std"], rel=rel)
        assert 100 * mine["saturated"] == pytest.approx(theirs["sat"], abs=0.1 if steps > 1 else 1e-4)
        assert mine["grad_mean"] == pytest.approx(theirs["gmean"], abs=1e-3 * theirs["gstd"])
        assert mine["grad_std"] == pytest.approx(theirs["gstd"], rel=rel)
    assert len(record["weights"]) == len(wanted["weights"]) == 7
    for mine, theirs in zip(record["weights"], wanted["weights"], strict=True):
        assert mine["shape"] == theirs["shape"]
        assert mine["grad_mean"] == pytest.approx(theirs["gmean"], abs=1e-3 * theirs["gstd"])
        assert mine["grad_std"] == pytest.approx(theirs["gstd"], rel=rel)
        assert mine["grad_data_ratio"] == pytest.approx(theirs["ratio"], rel=rel)
        # A relative error r of the ratio is r / ln 10 of its log10.
        assert mine["update_data_log10"] == pytest.approx(theirs["ud"], abs=rel / math.log(10))


def test_the_lectures_first_network(tuiinit: Any, lecture_names: Path) -> None:
    """One layer of 200, plain N(0, 1) weights and biases, drawn C, W1, b1, W2, b2: the loss that it starts at."""
    first = ("--hidden", "200", "--no-fan-in-scaling", "--gain", "1", "--output-scale", "1", "--bias-scale", "1,1")
    done = tuiinit("run", "--data", str(lecture_names), *first, "--steps", "1", "--json", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["initial_loss"] == pytest.approx(27.8817, abs=5e-5)
    assert record["parameters"] == 11_897
    assert record["activations"][0]["saturated"] == pytest.approx(0.685, abs=5e-4)
    assert record["activations"][0]["predicted_saturated"] == pytest.approx(0.685, abs=0.04)
