"""The sweep screen: started, stopped, gone on with and left by keys; its engines are not there."""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from typing import Any

import msgspec
import numpy as np
import pytest
from rich.console import Console

from tests.explorer.driving import Driver, explorer
from tests.explorer.own import TARGET, OwnLink, twin
from tuiinit.config.configuration import Configuration
from tuiinit.config.nonlinearities import LECTURE_GAINS
from tuiinit.config.own import OwnConfig
from tuiinit.config.run import RunConfig
from tuiinit.experiments.sweep.measures import Cell, Measures
from tuiinit.experiments.sweep.plan import Axis, Plan, parse_gains
from tuiinit.experiments.sweep.recommend import recommend
from tuiinit.experiments.sweep.sweep import Kept, Sweep
from tuiinit.explorer.sweep.plots import FIGURES, figures, maps, over_gain, turned, value
from tuiinit.explorer.sweep.screen import SweepScreen
from tuiinit.explorer.sweep.sweeping import AXES, GAINS, Sweeping
from tuiinit.paper.sweeps import print_sweep
from tuiinit.stream.protocol import Pause, Select

SIZES = [(120, 40), (80, 24)]


def measured(config: Configuration) -> Measures:
    """Best at gain 1 without batch norm, hardly a matter with it."""
    config = config if isinstance(config, RunConfig) else twin(config)
    dev = 2.4 + (0.02 if config.bn else 0.3) * abs(config.gain - 1) + 0.001 * (config.seed % 3)
    return Measures(
        seed=config.seed, device="cpu", initial_loss=3.3, loss=dev, dev_loss=dev, std_first=0.7, std_last=0.6,
        std_ratio=0.9, std_slope=-0.05 * config.gain, saturated=0.1, dead=0.0, grad_ratio=1.2,
        update_data_log10=-3.0, update_data_spread=0.5,
    )  # fmt: skip


class Fake:
    """Runs cells at once, up to `gate` in all, then waits until it is stopped or opened."""

    gate = 10**6
    started = 0

    def __init__(self, plan: Plan, *, kept: Kept, progress: Callable[[int, int], None]) -> None:
        self.plan, self.kept, self._progress = plan, kept, progress
        self._stopped = threading.Event()
        Fake.started += 1

    @property
    def cells(self) -> tuple[Cell, ...]:
        return Sweep(self.plan, kept=self.kept).cells

    def __iter__(self) -> Iterator[Cell]:
        for index, point in enumerate(self.plan.points):
            if index >= self.gate:
                self._stopped.wait(60)
            if self._stopped.is_set():
                return
            for config in point.configs:
                self.kept[f"{config.key}:{self.plan.steps}"] = measured(config)
            self._progress(index + 1, len(self.plan.points))
            yield Cell(point, tuple(map(measured, point.configs)))

    def stop(self) -> None:
        self._stopped.set()


@asynccontextmanager
async def sweeping(size: tuple[int, int] = (120, 40), gate: int = 10**6) -> Any:
    Fake.gate, Fake.started = gate, 0
    async with explorer(size=size) as driver:
        driver.screen.visits.sweeping.start_sweep = Fake
        await driver.press("s")
        await driver.until(lambda: isinstance(driver.app.screen, SweepScreen))
        yield driver


def state(driver: Driver) -> Sweeping:
    return driver.screen.visits.sweeping


@pytest.mark.parametrize("size", SIZES)
async def test_space_sweeps_and_the_recommendation_is_told(size: tuple[int, int]) -> None:
    async with sweeping(size) as driver:
        await driver.shows("gains", "steps", "seeds", "second axis", "0 of 18 cells", "space starts")
        await driver.press("space")
        await driver.shows("18 of 18 cells", "done", "Start with gain")
        assert all(len(line) == size[0] for line in driver.text.splitlines())
        for figure in FIGURES:
            await driver.shows("o no batch norm")
            assert "cannot be drawn" not in driver.text, figure
            await driver.press("tab")


async def test_a_sweep_is_stopped_kept_and_gone_on_with() -> None:
    async with sweeping(gate=5) as driver:
        await driver.press("space")
        await driver.shows("5 of 18 cells", "space stops", "So far: Start with")
        await driver.press("space")
        await driver.until(lambda: not state(driver).running)
        await driver.shows("space goes on")
        await driver.press("escape")
        await driver.until(lambda: driver.app.screen is driver.screen)
        Fake.gate = 10**6
        await driver.press("s")
        await driver.shows("5 of 18 cells")
        await driver.press("space")
        await driver.shows("18 of 18 cells")
        assert Fake.started == 2


async def test_leaving_and_quitting_stop_it_for_certain() -> None:
    async with sweeping(gate=3) as driver:
        await driver.press("space")
        await driver.shows("3 of 18 cells")
        await driver.press("escape")
        await driver.until(lambda: not state(driver).running)
        await driver.press("s", "space")
        await driver.until(lambda: state(driver).running)
        await driver.press("q")
        await driver.until(lambda: driver.app.return_value == 0)
        assert not state(driver).running


async def test_the_explorers_engine_pauses_meanwhile() -> None:
    async with explorer() as driver:
        driver.screen.visits.sweeping.start_sweep = Fake
        Fake.gate = 2
        await driver.press("space")
        await driver.until(lambda: driver.session.step > 40)
        await driver.press("s")
        assert not driver.link.of(Pause)
        await driver.press("space")
        assert driver.link.of(Pause)
        await driver.until(lambda: not driver.session.running)
        await driver.press("escape")


async def test_what_is_swept_is_chosen_with_the_arrows() -> None:
    async with sweeping() as driver:
        await driver.press("up")  # gains
        await driver.shows("0.1 … 10, 13 values", "0 of 26 cells")
        await driver.press("right", "down")  # steps
        await driver.shows("‹ 200 ›")
        await driver.press("right", "right", "up")  # second axis
        await driver.shows("depth, 4 values", "0 of 104 cells")
        await driver.press("space")
        await driver.shows("104 of 104 cells", "depth, no batch norm", "depth, batch norm")
        plan = state(driver).plan
        assert plan is not None
        assert plan.axes == AXES[1]
        assert plan.steps == 200


async def test_settings_stand_while_it_runs() -> None:
    async with sweeping(gate=1) as driver:
        await driver.press("space")
        await driver.shows("1 of 18 cells")
        await driver.press("up")
        await driver.shows("the sweep runs: space stops it")
        assert state(driver).choices[0].at == 1


async def test_enter_opens_the_recommended_network() -> None:
    async with sweeping() as driver:
        await driver.press("enter")
        await driver.shows("nothing to recommend yet")
        await driver.press("space")
        await driver.shows("18 of 18 cells")
        best = recommend(state(driver).cells).overall
        assert best is not None
        await driver.press("enter")
        await driver.until(lambda: driver.app.screen is driver.screen)
        assert driver.session.config == best.cell.point.configs[0]
        assert Select(lanes=(driver.session.config,)) in driver.link.sent


async def test_what_an_engine_refuses_is_told() -> None:
    class Refusing(Fake):
        def __iter__(self) -> Iterator[Cell]:
            raise RuntimeError("there is no file of words at /nowhere")

    async with sweeping() as driver:
        driver.screen.visits.sweeping.start_sweep = Refusing
        await driver.press("space")
        await driver.shows("there is no file of words")


@cache
def plan_and_cells(axis: int = 1) -> tuple[Plan, list[Cell]]:
    plan = Plan(RunConfig(), (0.5, 1.0, 3.0), 100, axes=AXES[axis], seeds=2)
    return plan, [Cell(point, tuple(map(measured, point.configs))) for point in plan.points]


@pytest.mark.parametrize("width", [0, 3, 20, 80, 119])
@pytest.mark.parametrize("height", [0, 1, 4, 12])
def test_pictures_have_exactly_the_size_asked_for(width: int, height: int) -> None:
    plan, cells = plan_and_cells()
    for figure in FIGURES:
        for some in (cells, cells[:1], []):
            for picture in (
                over_gain(plan, some, figure, width, height),
                maps(plan, some, figure, width, max(1, height)),
            ):
                assert all(sum(len(span.text) for span in line) == width for line in picture.rows)


def test_the_curves_are_the_cells_means_with_the_seeds_range() -> None:
    plan, cells = plan_and_cells(0)
    shown = over_gain(plan, cells, FIGURES[0], 80, 20).canvases[0].shown
    for bn in (False, True):
        (curve,) = [s for s in shown if s.name == ("batch norm" if bn else "no batch norm") and s.low is not None]
        line = [cell for cell in cells if cell.point.bn is bn]
        assert list(curve.y) == [cell.mean("dev_loss") for cell in line]
        assert list(curve.low) == [min(cell.values("dev_loss")) for cell in line]


def test_every_grid_of_the_screen_holds_the_lectures_gains() -> None:
    for text in GAINS:
        assert set(LECTURE_GAINS) <= set(parse_gains(text))


@pytest.mark.parametrize("size", SIZES)
async def test_advice_says_what_may_change_it_and_where_it_is_cut(size: tuple[int, int]) -> None:
    async with sweeping(size) as driver:
        await driver.press("space")
        await driver.until(lambda: state(driver).finished and not state(driver).running)
        await driver.shows("may tell otherwise", "Start with gain 1", "5/3")
        whole = " ".join(recommend(state(driver).cells).text.split())
        shown = " ".join(driver.text.split())
        assert "after 300 steps at lr 0.1" in shown
        assert whole in shown or " … More steps" in shown


async def test_a_persons_network_is_swept_over_gains_and_a_parameter() -> None:
    Fake.gate, Fake.started = 10**6, 0
    config = OwnConfig(target=TARGET)
    async with explorer(config, link=OwnLink(), size=(140, 40)) as driver:
        driver.screen.visits.sweeping.start_sweep = Fake
        await driver.press("s")
        await driver.shows("net.py, norm off, relu, lr 0.05, AdamW, depth 6, init kaiming", "0.5 … 3, 5 values")
        axes = state(driver).choices[3].values
        assert [axis.name for several in axes for axis in several] == ["depth", "norm", "act", "lr"]
        await driver.press("left", "up", "up")  # the second axis: norm
        plan = state(driver).plan
        assert plan is not None
        assert plan.axes == (Axis("norm", (False, True)),)
        await driver.press("space")
        await driver.until(lambda: state(driver).finished and not state(driver).running)
        await driver.press("enter")
        await driver.until(lambda: not isinstance(driver.app.screen, SweepScreen))
        await driver.settled()
        assert driver.session.config == config.replace(gain=1.0).set("norm", False)


def test_figures_are_log_or_linear_as_a_person_chose() -> None:
    plan, cells = plan_and_cells(0)
    for figure in FIGURES:
        values = [v for cell in cells if math.isfinite(v := value(cell, figure))]
        for log in (None, True, False):
            shown = turned(figure, cells, log)
            assert shown.log == (figure.log if log is None else log and min(values) > 0)
            plot = over_gain(plan, cells, shown, 80, 20)
            (canvas,) = plot.canvases
            told = [v for curve in canvas.shown for v in curve.y if math.isfinite(v)]
            assert told
            assert sorted(set(np.round([10**v if shown.log else v for v in told], 9))) == sorted(
                set(np.round(values, 9))
            )
            assert all(canvas.y[0] <= v <= canvas.y[1] for v in told)


async def test_y_changes_the_scale_of_a_sweeps_figures() -> None:
    async with explorer() as driver:
        await driver.press("s")
        await driver.shows("space starts the sweep")
        for said in ("logarithmic", "linear", "as fits each figure"):
            await driver.press("y")
            await driver.shows(f"Scales: {said}")


def without_dev_batches(cell: Cell) -> Cell:
    own = OwnConfig(target=TARGET)
    configs = tuple(own.replace(gain=cell.point.gain, seed=seed) for seed in range(len(cell.runs)))
    runs = tuple(msgspec.structs.replace(run, dev_loss=None) for run in cell.runs)
    return replace(cell, point=replace(cell.point, configs=configs), runs=runs)


def test_without_dev_batches_the_training_loss_is_drawn() -> None:
    plan, cells = plan_and_cells(0)
    assert figures(cells) == FIGURES
    cells = [without_dev_batches(cell) for cell in cells]
    shown = figures(cells)[0]
    assert (shown.title, shown.name) == ("Training loss", "loss")
    assert all(math.isfinite(value(cell, shown)) for cell in cells)
    assert over_gain(plan, cells, shown, 80, 20).canvases[0].shown
    out = io.StringIO()
    print_sweep(plan, cells, Console(width=80, file=out))
    head, first = out.getvalue().splitlines()[2:4]
    assert "train loss" in head
    assert "dev loss" not in head
    assert f"{cells[0].mean('loss'):.3f} ±" in first
