"""Values over depth: measured points and theory where their numbers say, on linear and logarithmic axes."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from tests.explorer import fake
from tests.explorer.driving import explorer
from tests.plots.reading import cross_at
from tests.session.test_session import at, status
from tuiinit.config.nonlinearities import NONLINEARITIES, NonlinearityName
from tuiinit.config.run import RunConfig
from tuiinit.config.values import parse_hidden
from tuiinit.insight.theory import critical_gain, predict
from tuiinit.plots import Canvas, Plot, Role
from tuiinit.session.session import Session
from tuiinit.stream.protocol import Snapshot
from tuiinit.views import VIEWS
from tuiinit.views.base import Page
from tuiinit.views.depth import Depth, words
from tuiinit.views.layer_curves import SMALLEST, panel

VIEW = next(i for i, view in enumerate(VIEWS) if view.id == "depth")
BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


def measured(config: RunConfig, stds: list[float], grads: list[float]) -> Session:
    """A session at step 0 with these stds, layer by layer."""
    session = at(0, config)
    now = fake.snapshot(config, 0)
    layers = tuple(
        msgspec.structs.replace(a, std=std, grad_std=grad)
        for a, std, grad in zip(now.activations, stds, grads, strict=True)
    )
    session.take(msgspec.structs.replace(now, activations=layers))
    return session


def dots(plot: Plot, role: Role, index: int = 0) -> list[tuple[float, float]]:
    """The values (x, y) of the braille dots of a role."""
    canvas = plot.canvases[index]
    found = []
    for row in range(canvas.rows):
        at_cell = 0
        for span in plot.rows[canvas.top + row]:
            for character in span.text:
                column = at_cell - canvas.left
                at_cell += 1
                if span.role != role or not (0 <= column < canvas.columns and 0x2800 < ord(character) < 0x2900):
                    continue
                for i, pair in enumerate(BITS):
                    for j, bit in enumerate(pair):
                        if (ord(character) - 0x2800) & bit:
                            found.append(value(canvas, 2 * column + j, 4 * row + i))
    return found


def value(canvas: Canvas, dot_column: int, dot_row: int) -> tuple[float, float]:
    (x0, x1), (y0, y1) = canvas.x, canvas.y
    x = x0 + (x1 - x0) * (dot_column + 0.5) / (2 * canvas.columns)
    return x, y1 - (y1 - y0) * (dot_row + 0.5) / (4 * canvas.rows)


@pytest.mark.parametrize("layers", [1, 2, 5, 12])
def test_points_are_in_the_rows_of_their_values(layers: int) -> None:
    stds = [0.9 / (i + 1) for i in range(layers)]
    plot = panel("std", stds, [None] * layers, [], 60, 20)
    assert all(cross_at(plot, i + 1, std, Role.SERIES_0) for i, std in enumerate(stds))
    assert len(dots(plot, Role.SERIES_0)) <= 5 * layers


@pytest.mark.parametrize("factor", [0.5, 0.1, 3.0])
def test_over_two_decades_the_axis_is_logarithmic(factor: float) -> None:
    values = [1e-3 * factor**i for i in range(10)]
    plot = panel("std", values, [None] * 10, [], 60, 20)
    canvas = plot.canvases[0]
    assert canvas.title == "std, log"
    assert all(cross_at(plot, i + 1, math.log10(v), Role.SERIES_0) for i, v in enumerate(values))
    even = panel("std", [1.0, 0.5, 0.011], [None] * 3, [], 60, 20)
    assert even.canvases[0].title == "std"
    assert even.canvases[0].y[0] == 0


def test_theory_is_a_line_through_its_values() -> None:
    theory = [0.76, 0.69, 0.67, 0.66, 0.65]
    plot = panel("std", [None] * 5, theory, [], 60, 20)
    drawn = dots(plot, Role.MARK)
    canvas = plot.canvases[0]
    cell = (canvas.y[1] - canvas.y[0]) / canvas.rows / 4
    for x, y in drawn:
        assert abs(y - np.interp(x, range(1, 6), theory)) < 2 * cell + 0.01
    assert {round(x) for x, _ in drawn} == {1, 2, 3, 4, 5}


def test_with_many_layers_every_one_has_a_dot() -> None:
    values = [0.3 + 0.2 * math.sin(i / 9) for i in range(200)]
    plot = panel("std", values, [None] * 200, [], 110, 25)
    canvas = plot.canvases[0]
    points = dots(plot, Role.SERIES_0)
    assert len(points) > 150
    for x, y in points:
        assert abs(y - np.interp(x, range(1, 201), values)) < (canvas.y[1] - canvas.y[0]) / canvas.rows


def test_zeros_and_what_float32_cannot_hold_are_told_at_the_edge() -> None:
    values = [0.5**i for i in range(40)] + [0.0] * 40
    theory = [0.5**i for i in range(80)]
    plot = panel("std", values, theory, [], 100, 20)
    canvas = plot.canvases[0]
    lines = plot.text.split("\n")
    last = lines[canvas.top + canvas.rows - 1]
    assert last.count("▾") > 20
    assert panel("std", [0.0] * 5, [None] * 5, [], 60, 20).canvases[0].y[0] == 0


@pytest.mark.parametrize("gain", [0.5, 1.0, 5 / 3, 3.0])
@pytest.mark.parametrize("depth", [5, 50, 200])
@pytest.mark.parametrize("size", [(78, 17), (88, 22), (158, 40)])
def test_what_theory_predicts_lies_on_its_line(gain: float, depth: int, size: tuple[int, int]) -> None:
    """A network that does exactly what theory says: every point that is shown stands on the line."""
    config = RunConfig(gain=gain, hidden=parse_hidden(f"{depth}x100"))
    predicted = predict(config)
    last = 1e-4
    grads = [(layer.grad_std or 0.0) * last for layer in predicted.layers]
    session = measured(config, [layer.std or 0.0 for layer in predicted.layers], grads)
    session.pointer.layer = depth - 1
    page = Page(Depth(), *session.sight(), *size, top=depth - 1)
    shown = page.plot
    assert len(shown.canvases) == 3
    for index, values in ((0, [layer.std for layer in predicted.layers]), (1, grads)):
        canvas = shown.canvases[index]
        log = canvas.y[0] != 0
        gradients = canvas.title.startswith("gradient")  # exponential in depth
        assert log == (gradients or max(values) > 100 * max(SMALLEST, min(v for v in values if v >= SMALLEST)))
        found = dots(shown, Role.SERIES_0, index)
        assert found
        heights = [math.log10(max(v, SMALLEST)) if log else v for v in values]
        dot = (canvas.y[1] - canvas.y[0]) / (4 * canvas.rows)
        column = (canvas.x[1] - canvas.x[0]) / (2 * canvas.columns)
        for x, y in found:
            # A dot is that of a layer in its column, or of the cross there, which is one dot larger.
            near = [heights[i] for i in range(depth) if abs(i + 1 - x) <= 1.6 * column]
            assert min(near) - 1.6 * dot <= y <= max(near) + 1.6 * dot
    text = ["".join(span.text for span in line) for line in page.rows]
    assert any(line.startswith(f" ▸  tanh {depth}") for line in text)


def test_the_gradients_theory_is_scaled_to_the_last_layer() -> None:
    config = RunConfig()
    predicted = predict(config)
    grads = [(layer.grad_std or 0.0) * 3e-5 for layer in predicted.layers]
    session = measured(config, [0.65] * 5, grads)
    row = next(
        "".join(span.text for span in line)
        for line in Page(Depth(), *session.sight(), 120, 40).rows
        if "".join(span.text for span in line).startswith("    tanh 2")
    )
    cells = row.split()
    # layer, std, theory, gradient ÷ the last, theory, gradient, × back, theory
    assert cells[4] == cells[5] == f"{predicted.layers[1].grad_std:.2f}"
    assert cells[6] == f"{grads[1]:.1e}"
    back = math.sqrt(predicted.layers[2].chi)
    assert cells[7] == cells[8] == f"{back:.2f}"


def test_the_lane_before_is_dotted_behind() -> None:
    config = RunConfig()
    session = measured(config, [0.6] * 5, [1e-4] * 5)
    session.select(RunConfig(gain=1.0))
    other = fake.snapshot(RunConfig(gain=1.0), 0)
    session.take(fake.lane(RunConfig(gain=1.0)))
    session.take(other)
    session.take(status(RunConfig(gain=1.0), 0))
    page = Page(Depth(), *session.sight(), 120, 40)
    behind = dots(page.plot, Role.PREVIOUS)
    assert behind
    assert all(abs(y - 0.6) < 0.05 for _, y in behind)
    assert "the network before" in "".join(span.text for line in page.rows for span in line)


def test_what_does_not_saturate_has_two_panels() -> None:
    session = at(0, RunConfig(nonlinearity="linear"))
    page = Page(Depth(), *session.sight(), 100, 30)
    assert [canvas.title for canvas in page.plot.canvases] == ["output std", "gradient std, log"]
    assert "saturated" not in "".join(span.text for line in page.rows for span in line)


# ---------------------------------------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("config", "parts"),
    [
        # FIELD: χ = g² below and at the critical gain, where q* = 0; √χ at q* 1.100 and 1.364 above.
        (RunConfig(gain=0.5), ["below", "q* = 0", "χ = 0.250", "by 0.500 a layer, by 0.062 in 4", "0.72 layers"]),
        (
            RunConfig(gain=1.0),
            ["at tanh's critical gain (1)", "1/√(2 × layer)", "fade about as slowly", "any depth"],
        ),
        (RunConfig(gain=5 / 3), ["above", "std 0.65", "χ = 1.210", "by 1.100 a layer", "5.2 layers"]),
        (RunConfig(gain=3.0), ["above", "std 0.84", "by 1.364 a layer"]),
        (RunConfig(gain=3.0, bn=True), ["std 0.63 in every layer", "J = 1.178", "by 1.085 a layer", "6.1 layers"]),
        (RunConfig(gain=3.0, bn=True, nonlinearity="linear"), ["J = 1.00", "keep their size", "any depth"]),
        (RunConfig(gain=2.0, nonlinearity="linear"), ["grows without end", "χ = 4.000", "by 16 in 4"]),
        (RunConfig(gain=math.sqrt(2), nonlinearity="relu"), ["at relu's critical gain (1.414)", "keeps its size"]),
        (RunConfig(gain=5 / 3, nonlinearity="sigmoid"), ["below sigmoid's critical gain (10.15)", "std 0.19"]),
        (RunConfig(gain=0.5, hidden=parse_hidden("200x100")), ["by 1e-60 in 199"]),
        (RunConfig(gain=0.1, fan_in_scaling=False), ["0.1 × √100 is at tanh's critical gain"]),
    ],
)
def test_words(config: RunConfig, parts: list[str]) -> None:
    for part in parts:
        assert part in words(config), words(config)


@pytest.mark.parametrize("nonlinearity", NONLINEARITIES)
def test_words_at_the_critical_gain_say_what_theory_draws_of_gradients(nonlinearity: NonlinearityName) -> None:
    critical = critical_gain(nonlinearity)
    config = RunConfig(nonlinearity=nonlinearity, gain=critical, hidden=(100,) * 50)
    first = predict(config).layers[0].grad_std  # of the last layer's
    assert first is not None
    assert f"at {nonlinearity}'s critical gain" in words(config)
    assert ("keep their size" in words(config)) == (first > 0.5)
    assert ("fade about as slowly" in words(config)) == (first < 0.2)


@pytest.mark.parametrize("nonlinearity", NONLINEARITIES)
@pytest.mark.parametrize("gain", [0.0, 1e-6, 0.3, 1.0, 10.15, 1e6])
def test_words_for_any_network(nonlinearity: str, gain: float) -> None:
    for bn in (False, True):
        for hidden in ((1,), (100,) * 200):
            text = words(RunConfig(nonlinearity=nonlinearity, gain=gain, bn=bn, hidden=hidden))  # type: ignore[arg-type]
            assert 40 < len(text) < 300
            assert "nan" not in text


# ------------------------------------------------------------------------------------------------ by keys


async def test_gains_are_compared_by_keys() -> None:
    async with explorer(RunConfig(hidden=(100,) * 12), size=(200, 60)) as driver:
        for _ in range(VIEW):
            await driver.press("tab")
        for size in ((200, 60), (120, 40), (80, 24)):
            await driver.pilot.resize_terminal(*size)
            await driver.shows("output std", "Gain 5/3 is above", "▸  tanh 1 ")
        await driver.press("1")
        await driver.shows("Gain 0.5 is below", "the network before")
        await driver.settled()
        await driver.press(*["J"] * 20)
        await driver.shows("▸  tanh 12")
        now: Snapshot | None = driver.session.snapshot()
        assert now is not None
        line = next(line for line in driver.text.splitlines() if "▸  tanh 12" in line)
        assert f" {now.activations[11].std:.3f} " in line
        await driver.press("b")
        await driver.shows("Batch norm: outputs have std 0.63")


def test_the_axis_is_as_a_person_chose() -> None:
    session = at(0, RunConfig())
    titles = []
    for _ in range(3):
        session.pointer.turn_scale()
        page = Page(Depth(), *session.sight(), 100, 30)
        titles.append([canvas.title for canvas in page.plot.canvases])
    assert titles[0] == ["output std, log", "gradient std, log", "saturated, %"]
    assert titles[1] == ["output std", "gradient std", "saturated, %"]
    assert titles[2] == ["output std", "gradient std, log", "saturated, %"]
