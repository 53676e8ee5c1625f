"""The view of the initial loss: predictions, shares of probabilities, and the words about them."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.explorer import fake
from tests.explorer.driving import explorer
from tests.session.test_session import at
from tuiinit.config.run import RunConfig
from tuiinit.insight.theory import initial_loss
from tuiinit.plots.ink import wrap
from tuiinit.session.session import Session
from tuiinit.stream.protocol import Histogram, Snapshot
from tuiinit.views import VIEWS
from tuiinit.views.base import Page
from tuiinit.views.initial import InitialLoss, probabilities, share, words
from tuiinit.views.loss import loss_plot

VIEW = next(i for i, view in enumerate(VIEWS) if view.id == "initial-loss")
V = 27


def log10_probabilities(logits: np.ndarray) -> tuple[Histogram, np.ndarray]:
    """What the engine tells of logits (examples, V): 64 bins from -8 to 0, and the values themselves."""
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    values = (log_p / math.log(10)).ravel()
    counts, _ = np.histogram(values, 64, (-8, 0))
    return Histogram(lo=-8, hi=0, counts=tuple(counts.tolist()), outside=float((values < -8).mean())), values


def of(std: float, **changes: Any) -> tuple[Snapshot, np.ndarray]:
    """The snapshot of step 0 of a network whose logits are independent normal numbers."""
    logits = np.random.default_rng(3).normal(0, 1, (32, V)) * std
    histogram, values = log10_probabilities(logits)
    loss = float(-(values.reshape(32, V)[:, 0] * math.log(10)).mean())
    now = fake.snapshot(RunConfig(), 0)
    fields = {"loss": loss, "initial_loss": loss, "logit_std": std, "log10_probabilities": histogram, **changes}
    return msgspec.structs.replace(now, **fields), values


def shown(start: Snapshot, step: int = 40) -> Session:
    session = at(step)
    session.take(fake.data_info())
    session.take(start)
    if step:
        session.take(msgspec.structs.replace(fake.snapshot(RunConfig(), step), initial_loss=start.initial_loss))
    return session


def text(session: Session, width: int = 120, height: int = 40) -> list[str]:
    return ["".join(span.text for span in row) for row in Page(InitialLoss(), *session.sight(), width, height).rows]


@pytest.mark.parametrize("std", [0.0, 0.06, 0.3, 1.0, 6.4])
def test_the_table_sets_the_measured_loss_against_the_predictions(std: float) -> None:
    start, _ = of(std)
    rows = text(shown(start))
    predicted = initial_loss(V, std)
    assert predicted is not None
    assert start.initial_loss is not None
    for label, value in (
        ("measured at step 0", start.initial_loss),
        ("even guess, ln 27", math.log(V)),
        ("predicted from the logits' std", predicted),
        ("guess by frequency (unigram)", fake.data_info().unigram),
        ("guess by the character before (bigram)", fake.data_info().bigram),
    ):
        line = next(line for line in rows if line.strip().startswith(label))
        nats, above, perplexity = line.split()[-3:]
        assert float(nats) == pytest.approx(value, abs=6e-5)
        assert float(above) == pytest.approx(value - math.log(V), abs=6e-4)
        assert float(perplexity) == pytest.approx(math.exp(value), rel=0.05)


@pytest.mark.parametrize("std", [0.3, 2.0, 6.4])
@pytest.mark.parametrize(("low", "high"), [(-math.inf, -3.0), (-3.0, -1.0), (-0.25, math.inf), (-math.inf, math.inf)])
def test_shares_are_those_of_the_probabilities(std: float, low: float, high: float) -> None:
    start, values = of(std)
    wanted = float(((values >= low) & (values < high)).mean())
    assert share(start.log10_probabilities, low, high) == pytest.approx(wanted, abs=2e-3)


def test_an_even_start_says_that_it_knows_nothing() -> None:
    start, values = of(0.06)
    said = words(start)
    assert "knows nothing and says so" in said
    low, high = (float(word) for word in (said.split("between ")[1].split()[0], said.split("and ")[1].split()[0]))
    assert low <= 10 ** values.min() * 1.01
    assert high >= 10 ** values.max() * 0.99
    assert high / low < 10


def test_large_logits_are_confidently_wrong() -> None:
    start, values = of(6.4)
    said = words(start)
    sure = (10 ** values.reshape(32, V).max(axis=1) > 0.5623).mean()
    faint = (values < -3).mean()
    assert said.startswith("Confidently wrong at step 0")
    assert f"{100 * sure:.1f} % of the examples" in said
    assert f"{100 * faint:.1f} % of all probabilities" in said
    assert f"loss {start.loss:.2f}, not 3.30" in said
    assert len(wrap(said, 77)) <= 3, "there are three rows for it at 80 columns"


def test_zero_output_weights_are_right_and_yet_bad() -> None:
    start, _ = of(0.0)
    assert "exactly 0 pass no gradient" in words(start)


def test_a_network_that_got_lost_is_told_as_it_is_now() -> None:
    session = shown(of(0.06)[0])
    lost, _ = of(6.4, step=41)
    session.take(lost)
    assert any("Confidently wrong at step 41" in line for line in text(session))


def test_the_histogram_tells_what_lies_below_it() -> None:
    start, values = of(6.4)
    plot = probabilities(start, None, 40, 14)
    below = 100 * (values < -8).mean()
    assert f"{below:.1f} % below 1e-8" in plot.text
    assert below > 5
    canvas = plot.canvases[0]
    assert canvas.x == (-8, 0)
    assert "log10 p, step 0" in plot.text


@pytest.mark.parametrize("step", [1, 1_000, 200_000])
@pytest.mark.parametrize("width", range(22, 45))
def test_the_step_of_a_histogram_is_told_in_full(step: int, width: int) -> None:
    plot = probabilities(msgspec.structs.replace(of(1.0)[0], step=step), None, width, 12)
    title = plot.text.split("\n")[0].strip(" ┌─┐")
    assert title in (f"step {step:,}", f"log10 p, step {step:,}")
    assert width < 35 or title.startswith("log10 p")


def test_a_spike_of_the_lane_before_does_not_flatten_the_histogram() -> None:
    now, before = of(6.4)[0], of(0.01)[0]
    alone = probabilities(now, None, 40, 14).canvases[0]
    beside = probabilities(now, before, 40, 14).canvases[0]
    assert beside.y[1] <= 2 * alone.y[1]


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("spread", [0.06, 1.0])
def test_step_0_is_marked_at_the_left_of_the_loss(spread: float, width: int) -> None:
    start, _ = of(spread)
    page = Page(InitialLoss(), *shown(start).sight(), width, 40)
    canvas = page.plot.canvases[0]
    lines = page.plot.text.split("\n")
    predicted = initial_loss(V, spread)
    assert predicted is not None
    assert start.initial_loss is not None
    step_1 = canvas.left + (canvas.column_of(0.0) or 0)
    for value, mark in ((start.initial_loss, "●"), (predicted, "◆")):  # both, though they stand in one row
        row = lines[canvas.top + (canvas.row_of(value) or 0)]
        assert canvas.left <= row.index(mark) < step_1
        assert abs(row.index(mark) - lines[canvas.top + canvas.rows + 1].index("0")) <= 2, "at the 0 of the axis"


@pytest.mark.parametrize("guess", ["unigram", "bigram"])
def test_guesses_are_guide_lines_of_the_loss(guess: str) -> None:
    session = shown(of(0.06)[0], 1000)
    plot = loss_plot(*session.sight(), 100, 30, guides=True)
    canvas = plot.canvases[0]
    row = canvas.row_of(getattr(fake.data_info(), guess))
    assert row is not None
    assert f" {guess} " in plot.text.split("\n")[canvas.top + row]
    assert guess not in loss_plot(*session.sight(), 100, 30).text


def test_without_step_0_it_says_so() -> None:
    session = Session(RunConfig())
    session.start()
    session.take(fake.lane(session.config))
    session.take(fake.snapshot(session.config, 40))
    rows = text(session)
    assert any("step 0 is not at hand" in line for line in rows)
    assert not any("measured at step 0   ◆" in line for line in rows)


@pytest.mark.parametrize("size", [(88, 22), (78, 17), (160, 40), (30, 10), (12, 3), (1, 1)])
def test_any_size_and_any_loss(size: tuple[int, int]) -> None:
    for changes in ({}, {"loss": None, "initial_loss": None}, {"loss": 1e30, "initial_loss": 1e30}):
        rows = text(shown(of(6.4, **changes)[0]), *size)
        assert len(rows) == size[1]
        assert {len(row) for row in rows} == {size[0]}


async def test_the_output_scale_is_compared_by_keys() -> None:
    async with explorer(size=(200, 60)) as driver:
        for _ in range(VIEW):
            await driver.press("tab")
        for size in ((200, 60), (120, 40), (80, 24)):
            await driver.pilot.resize_terminal(*size)
            await driver.shows("log10 p, step 0", "measured at step 0", "knows nothing")
        await driver.train(40)
        await driver.shows(f"log10 p, step {driver.session.step:,}")
        await driver.press("down")
        while driver.screen.config.setting.name != "output_scale":
            await driver.pilot.press("down")
        await driver.press("right")
        assert driver.session.config.output_scale == 0.3
        await driver.press("escape")
        await driver.shows("log10 p, step 0")
