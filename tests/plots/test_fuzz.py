"""No number, text or size breaks a plot."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plots.reading import check_size, curve, panel
from tuiinit import plots
from tuiinit.plots import Axis, Bars, Curve, Plot, Role

SIZES = ((0, 0), (1, 1), (3, 2), (8, 4), (12, 5), (13, 6), (18, 40), (40, 9), (79, 7), (100, 20))
ODD = (np.nan, np.inf, -np.inf, 1e308, -1e308, 1e300, 5e-324, 0.0, -0.0, 1.0, 1 + 1e-15, -3.0, 1e6, 1e-12)


def odd_array(rng: random.Random) -> Any:
    size = rng.choice((0, 1, 2, 3, 10, 300))
    kind = rng.randrange(4)
    if kind == 0:
        return np.array([rng.choice(ODD) for _ in range(size)])
    if kind == 1:
        return np.full(size, rng.choice(ODD))
    values = np.array([rng.gauss(0, 10.0 ** rng.randint(-9, 9)) for _ in range(size)])
    if kind == 2 and size:
        values[rng.randrange(size)] = rng.choice(ODD)
    return np.sort(values) if rng.random() < 0.5 else values


def odd_plots(rng: random.Random, width: int, height: int) -> Iterator[Callable[[], Plot]]:
    """One of each kind of plot, of numbers that a diverging run, or a bug, may hand over."""

    def odd() -> float:
        return rng.choice(ODD)

    def maybe(value: Any) -> Any:
        return value if rng.random() < 0.5 else None

    lines = [
        Curve(
            "c",
            odd_array(rng),
            odd_array(rng),
            Role.SERIES_0,
            maybe(odd_array(rng)),
            maybe(odd_array(rng)),
            mark="c",
            points=rng.choice(("", "", "dots", "marks")),
        )
        for _ in range(rng.randrange(4))
    ]
    axes = [maybe(Axis(odd(), odd(), maybe(((odd(), "tick"), (odd(), ""), (odd(), "x" * 200))))) for _ in range(2)]
    marks = [(odd(), "mark"), (odd(), "another")]
    bars = [
        Bars("tanh", odd_array(rng), odd_array(rng), Role.SERIES_1, maybe((odd_array(rng), odd_array(rng))), "note")
        for _ in range(rng.randrange(8))
    ]
    bars.append(Bars("h", np.sort(odd_array(rng)), np.abs(odd_array(rng)), Role.SERIES_1))
    matrix = np.array([[odd() for _ in range(rng.randrange(9))]] * rng.randrange(9))
    x = maybe((odd(), odd()))
    yield lambda: plots.curves(
        lines, width, height, x=axes[0], y=axes[1], lines=marks, events=marks, cursor=odd(), empty="nothing yet"
    )
    yield lambda: plots.histograms(bars, width, height, x=x, cursor=maybe(odd()))
    yield lambda: plots.overlay(bars, width, height, x=x, cursor=maybe(odd()))
    bands = [plots.Band(b.title, b.edges, b.heights, b.previous) for b in bars] * rng.choice((1, 1, 5))
    look: dict[str, Any] = {"x": x, "scale": rng.choice(("root", "log")), "colours": rng.random() < 0.5}
    yield lambda: plots.ridges(bands, width, height, **look)
    line = plots.Line("line", odd_array(rng), odd_array(rng), Role.MARK, "┆")
    yield lambda: plots.depth(bands, width, height, lines=[line], **look)
    yield lambda: plots.image(matrix, width, height, highlight=(0, 999, -1), cursor=maybe(rng.randrange(-2, 12)))
    yield lambda: plots.heat(
        matrix, width, height, span=maybe((odd(), odd())), x_labels=["label"] * 9, y_labels=["label"] * 9,
        cursor=maybe((rng.randrange(9), 0)),
    )  # fmt: skip


def fuzz(first: int, count: int) -> None:
    for seed in range(first, first + count):
        rng = random.Random(seed)
        width, height = rng.choice(SIZES) if seed % 2 else (rng.randrange(130), rng.randrange(45))
        for draw in odd_plots(rng, width, height):
            check_size(draw(), width, height)
            print(seed)


def run_fuzz(first: int, count: int) -> None:
    # In a process of its own: what plotext cannot take ends the process, and no test could catch it.
    command = [sys.executable, "-W", "error", "-m", "tests.plots.test_fuzz", str(first), str(count)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    last = run.stdout.split()[-1:]
    assert run.returncode == 0, f"case {last}: {run.stderr}"
    assert run.stderr == ""


def test_no_numbers_and_no_size_break_a_plot() -> None:
    run_fuzz(0, 200)


@pytest.mark.long
def test_no_numbers_and_no_size_break_a_plot_long() -> None:
    run_fuzz(1000, 10_000)


@pytest.mark.parametrize("height", range(12))
def test_every_small_size_is_exact(height: int) -> None:
    x = np.arange(9.0)
    for width in (*range(28), *range(28, 60, 3)):  # below 28 each column counts, and what fits changes
        check_size(plots.curves([curve(x, x)], width, height, lines=[(3, "three")], empty="none"), width, height)
        check_size(plots.histograms([panel([1, 2, 3], note="a\nb")] * 3, width, height), width, height)
        check_size(plots.image(np.ones((9, 9)), width, height), width, height)
        check_size(plots.heat(np.ones((9, 9)), width, height, x_labels="abc", y_labels="abc"), width, height)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(width=32), max_size=40), st.integers(0, 90), st.integers(0, 25))
def test_any_curve_has_its_size(values: list[float], width: int, height: int) -> None:
    check_size(plots.curves([curve(range(len(values)), values)], width, height), width, height)


def test_plots_load_neither_torch_nor_textual_and_plotext_only_to_draw() -> None:
    code = """
import sys, tuiinit.plots
assert not {"torch", "textual", "plotext"} & set(sys.modules)
tuiinit.plots.curves([], 40, 9)
assert "plotext" in sys.modules and not {"torch", "textual"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


if __name__ == "__main__":
    fuzz(int(sys.argv[1]), int(sys.argv[2]))
