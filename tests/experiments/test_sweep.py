"""Sweeps: cells are single runs, whatever runs them, and what is recommended follows from the rules."""

import io
import itertools
import json
import math
import os
import shlex
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from rich.console import Console

from tests.made import activation, made, snapshot
from tuiinit.config.own import OwnConfig
from tuiinit.config.run import RunConfig
from tuiinit.config.values import ConfigError
from tuiinit.experiments import runs
from tuiinit.experiments.pool import EngineLine
from tuiinit.experiments.sweep import recommend as recommending
from tuiinit.experiments.sweep.measures import Cell, Measures, log_slope, measures
from tuiinit.experiments.sweep.plan import Axis, Plan, Point, parse_axes, parse_gains
from tuiinit.experiments.sweep.recommend import choose, recommend
from tuiinit.experiments.sweep.sweep import Kept, Sweep, run
from tuiinit.paper import runs as tables
from tuiinit.paper import sweeps as sweep_tables
from tuiinit.stream.protocol import Trace

pytestmark = pytest.mark.usefixtures("warm")
SMALL = RunConfig(hidden=(12, 12), device="cpu", seed=7)
STEPS = 25


@pytest.fixture(scope="module", autouse=True)
def _state(tmp_path_factory: pytest.TempPathFactory) -> Any:
    before = os.environ.get("TUIINIT_STATE")
    os.environ["TUIINIT_STATE"] = str(tmp_path_factory.mktemp("state"))
    yield
    if before is None:
        del os.environ["TUIINIT_STATE"]
    else:
        os.environ["TUIINIT_STATE"] = before


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan(SMALL, (0.5, 5 / 3), STEPS, seeds=2)


@pytest.fixture(scope="module")
def cells(plan: Plan) -> tuple[Cell, ...]:
    return run(plan, processes=1)


# ------------------------------------------------------------------------------------------------ running


def test_a_cell_is_what_run_tells_of_its_configurations(plan: Plan, cells: tuple[Cell, ...]) -> None:
    assert [(c.point.gain, c.point.bn) for c in cells] == [(0.5, False), (5 / 3, False), (0.5, True), (5 / 3, True)]
    configs = [config for point in plan.points for config in point.configs]
    assert [config.seed for config in plan.points[0].configs] == [7, 8]
    singles = runs.run(configs, steps=STEPS, evaluate=True)
    swept = [run for cell in cells for run in cell.runs]
    assert len(singles) == len(swept) == 8
    for single, mine in zip(singles, swept, strict=True):
        single_json = json.loads(tables.as_json(single))
        stds = [a["std"] for a in single_json["activations"]]
        assert mine.seed == single_json["config"]["seed"]
        assert mine.dev_loss == single_json["dev_loss"]
        assert mine.initial_loss == single_json["initial_loss"]
        assert mine.std_first == stds[0]
        assert mine.std_last == stds[-1]
        assert mine.saturated == max(a["saturated"] for a in single_json["activations"])
        assert mine.loss == pytest.approx(single.loss[-5:].mean())  # min(100, 25 / 5) steps
        updates = sorted(w["update_data_log10"] for w in single_json["weights"])
        assert mine.update_data_log10 == (updates[1] + updates[2]) / 2
        assert mine.update_data_spread == updates[-1] - updates[0]


def test_two_processes_tell_the_same_bytes_as_one(plan: Plan, cells: tuple[Cell, ...]) -> None:
    assert sweep_tables.as_json(plan, run(plan, processes=2)) == sweep_tables.as_json(plan, cells)


def test_a_stopped_sweep_goes_on_where_it_was(plan: Plan, cells: tuple[Cell, ...]) -> None:
    kept: Kept = {}
    sweep = Sweep(plan, kept=kept, processes=1)
    seen = []
    for cell in sweep:
        seen.append(cell)
        threading.Thread(target=sweep.stop).start()  # as the explorer does it
    assert seen[0] == cells[0]
    assert len(seen) < len(cells)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("sweep")]
    progress: list[tuple[int, int]] = []
    done_before = len(kept)
    again = Sweep(plan, kept=kept, processes=1, progress=lambda done, total: progress.append((done, total)))
    list(again)
    assert again.cells == cells
    assert progress[-1][0] == progress[-1][1] == (8 - done_before) * STEPS
    assert list(Sweep(plan, kept=kept, engine=["no such engine"])) == list(cells)  # nothing left to run


DIES_ONCE = """
import pathlib, sys
marker = pathlib.Path(sys.argv[1])
if not marker.exists():
    marker.touch()
    sys.exit(3)
from tuiinit.engine.process import main
sys.exit(main())
"""


def test_a_dead_worker_is_replaced_once(tmp_path: Path, cells: tuple[Cell, ...]) -> None:
    plan = Plan(SMALL, (0.5,), STEPS, bn=(False,), seeds=2)
    engine = [sys.executable, "-c", DIES_ONCE, str(tmp_path / "marker")]
    (cell,) = run(plan, processes=1, engine=engine)
    assert not cell.failure
    assert cell == cells[0]


def test_engines_by_their_command_lines_give_the_same_cells(plan: Plan, cells: tuple[Cell, ...]) -> None:
    mine = shlex.join([sys.executable, "-m", "tuiinit", "engine"])
    said: list[str] = []
    lines = [EngineLine.of(f"{mine}*1"), EngineLine.of(mine)]
    assert run(plan, engines=lines, warn=said.append) == cells
    assert said == []


def test_an_engine_that_never_answers_is_given_up_and_others_do_its_jobs(plan: Plan, cells: tuple[Cell, ...]) -> None:
    said: list[str] = []
    lines = [EngineLine.of("false"), EngineLine.of(shlex.join([sys.executable, "-m", "tuiinit", "engine"]))]
    assert run(plan, engines=lines, warn=said.append) == cells
    (sentence,) = said
    assert sentence.startswith("false is given up: the engine ended with code 1")


def test_where_no_engine_answers_all_cells_fail_with_the_reason(plan: Plan) -> None:
    failed = run(plan, engines=[EngineLine.of("false*2"), EngineLine.of("/no/such/program")])
    assert [bool(cell.failure) for cell in failed] == [True] * 4


@pytest.mark.parametrize(("text", "line"), [
    ("ssh a tuiinit engine", EngineLine(("ssh", "a", "tuiinit", "engine"), 1)),
    ("ssh a 'b c'*4", EngineLine(("ssh", "a", "b c"), 4)),
    ("run *.py", EngineLine(("run", "*.py"), 1)),
])  # fmt: skip
def test_an_engines_line_may_end_with_a_count(text: str, line: EngineLine) -> None:
    assert EngineLine.of(text) == line


@pytest.mark.parametrize("text", ["", "*3", "a*0", "a*999", "a 'b"])
def test_an_engines_line_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="engine"):
        EngineLine.of(text)


def test_a_cell_whose_engine_dies_again_is_failed_with_a_sentence() -> None:
    plan = Plan(SMALL, (0.5, 1.0), STEPS, bn=(False,), seeds=1)
    failed = run(plan, processes=2, engine=[sys.executable, "-c", "raise SystemExit(3)"])
    assert [cell.sound for cell in failed] == [False, False]
    assert all("engine" in cell.failure for cell in failed)
    assert "2 of 2 cells failed" in recommend(failed).text
    record = json.loads(sweep_tables.as_json(plan, failed))
    assert record["cells"][0]["loss"] is None
    assert record["cells"][0]["failure"] == failed[0].failure


def test_a_diverged_cell_is_told_alike_each_time() -> None:
    plan = Plan(SMALL.replace(nonlinearity="linear", lr=1.0), (1.0, 3.0), 30, bn=(False,), seeds=2)
    one = run(plan, processes=1)
    assert run(plan, processes=1) == one
    assert one[1].diverged_at is not None
    assert not one[1].sound
    assert one[1].mean("dev_loss") is None
    assert one[1].mean("initial_loss") is not None
    assert b"NaN" not in sweep_tables.as_json(plan, one)


def test_what_the_engine_refuses_ends_the_sweep(tmp_path: Path) -> None:
    plan = Plan(SMALL.replace(data=str(tmp_path / "absent.txt")), (1.0, 2.0), STEPS)
    with pytest.raises(ValueError, match=r"absent\.txt"):
        run(plan, processes=1)


# --------------------------------------------------------------------------------------------------- plans


def test_gains_are_lists_or_ranges() -> None:
    assert parse_gains("0.5,1,5/3,3") == (0.5, 1.0, 5 / 3, 3.0)
    gains = parse_gains("0.5:3:7")
    assert (len(gains), gains[0], gains[-1]) == (7, 0.5, 3.0)
    ratios = [b / a for a, b in itertools.pairwise(gains)]
    assert ratios == pytest.approx([6 ** (1 / 6)] * 6, rel=1e-2)
    assert all(f"{gain:.3g}" == f"{gain:g}" for gain in gains)  # as they are written
    near = parse_gains("1:1.001:9")  # too near for three digits
    assert all(a < b for a, b in itertools.pairwise(near))


def test_advice_tells_how_long_and_at_which_rate() -> None:
    point = Point(1.0, False, (("lr", 0.01),), (SMALL.replace(lr=0.01, gain=1.0),), 1_500)
    (run,) = doctored(1.0, False, [2.4], update_data_log10=-3.2, update_data_spread=2.4).runs
    text = recommend([Cell(point, (run,))]).text
    assert "lr 0.01: dev loss 2.400 after 1,500 steps over one seed" in text  # the lr once, where it is an axis
    assert "about 6e-4 of the weights; the fastest and the slowest matrix differ 250-fold" in text
    other = recommend([doctored(1.0, False, [2.4])]).text
    assert "after 300 steps at lr 0.1" in other


@pytest.mark.parametrize("text", ["", "1,x", "1:2", "1:2:1", "2:1:3", "0:1:3", "1:2:9999", "1:2:x", "1/0"])
def test_gains_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_gains(text)


def test_the_further_axis_changes_its_setting_alone() -> None:
    assert [p.configs[0].hidden for p in Plan(SMALL, (1.0,), 1, (False,), (Axis("depth", (1, 4)),)).points] == [
        (12,),
        (12, 12, 12, 12),
    ]
    assert [p.configs[0].hidden for p in Plan(SMALL, (1.0,), 1, (False,), (Axis("width", (5,)),)).points] == [(5, 5)]
    assert [p.configs[0].lr for p in Plan(SMALL, (1.0,), 1, (False,), (Axis("lr", (0.5, 0.5, 1.0)),)).points] == [
        0.5,
        1.0,
    ]
    assert parse_axes({"depths": "3,5", "widths": None}, []) == (Axis("depth", (3, 5)),)
    assert parse_axes({"depths": None}, []) == ()


def test_several_axes_make_a_grid_of_all_their_values() -> None:
    axes = parse_axes({"lrs": "0.1,0.01"}, ["width=5,9", "depth=1,3", "bias-before-bn=on,off"])
    plan = Plan(SMALL, (1.0, 3.0), 4, axes=axes, seeds=2)
    assert len(plan.points) == 2 * 2 * 2 * 2 * 2 * 2
    configs = [config for point in plan.points for config in point.configs]
    assert len({config.key for config in configs}) == len(configs)
    last = plan.points[-1]
    assert last.place == {"gain": 3.0, "bn": True, "lr": 0.01, "width": 9, "depth": 3, "bias_before_bn": False}
    assert last.label == "gain 3, batch norm, lr 0.01, width 9, depth 3, bias_before_bn off"
    assert last.configs[0] == SMALL.replace(
        gain=3.0, bn=True, lr=0.01, hidden=(9, 9, 9), bias_before_bn=False, seed=SMALL.seed
    )
    assert [axis.name for axis in plan.dimensions] == ["gain", "lr", "width", "depth", "bias_before_bn"]


def test_a_persons_network_is_swept_over_gains_and_parameters_of_its_function() -> None:
    own = OwnConfig(target="net.py", settings=(("act", "relu"),), seed=3)
    plan = Plan(own, (None,), 5, axes=parse_axes({}, ["norm=true,false", "lr=0.1"], own=True), seeds=2)
    assert [point.label for point in plan.points] == ["norm true, lr 0.1", "norm false, lr 0.1"]
    assert plan.points[1].configs[1] == own.set("norm", "false").replace(lr=0.1, seed=4)
    assert Plan(own, (0.5,), 5).points[0].configs[0].gain == 0.5
    assert [point.label for point in Plan(own, (None, 1.0), 5).points] == ["gain as built", "gain 1"]


def test_of_a_persons_network_layers_of_one_kind_are_compared_and_zeros_of_a_relu_are_no_saturation() -> None:
    rows = (
        activation("Linear 1", kind="Linear", std=2.0, saturated=math.nan, grad_std=1e-3),
        activation("ReLU 1", kind="relu", std=1.0, saturated=0.5),
        activation("Linear 2", kind="Linear", std=1.0, saturated=math.nan, grad_std=2e-3),
    )
    sweeper = OwnConfig(target="net.py")
    result = runs.Result(sweeper, snapshots={3: snapshot(step=3, activations=rows)})
    result.take(made(Trace, loss=np.full(3, 2.0, "<f4").tobytes()))
    found = measures(result, 3)
    assert (found.layers, found.std_ratio, found.grad_ratio, found.saturated) == (2, 0.5, 0.5, None)
    cell = Cell(Point(None, None, (), (sweeper,), 3), (msgspec.structs.replace(found, loss=1.0),))
    assert (cell.judged_by, cell.sound) == ("loss", True)
    assert "saturated" not in recommend([cell]).text
    assert "training loss 1.000 after 3 steps" in recommend([cell]).text
    bounded = msgspec.structs.replace(rows[1], kind="tanh")
    result.snapshots[3] = snapshot(step=3, activations=(*rows, bounded))
    assert measures(result, 3).saturated == 0.5


@pytest.mark.parametrize("named", [{"depths": "0"}, {"depths": "1.5"}, {"widths": "a"}, {"lrs": ""}])
def test_an_axis_that_cannot_be_is_refused(named: dict[str, str | None]) -> None:
    with pytest.raises(ConfigError):
        parse_axes(named, [])


@pytest.mark.parametrize(
    ("pair", "named"),
    [("lr", "lr"), ("=1", "=1"), ("lr=", "lr="), ("gain=1", "--gains"), ("bn=on", "--bn"), ("seed=1", "--seeds"),
     ("hidden=3", "depth"), ("device=cpu", "device"), ("data=a", "data"), ("foo=1", "foo"), ("lr=x", "x")],
)  # fmt: skip
def test_an_axis_that_is_none_is_named(pair: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        parse_axes({}, [pair])


@pytest.mark.parametrize(
    "settings",
    [
        {"axes": (Axis("nonlinearity", ("foo",)),)},
        {"axes": (Axis("width", (10**6,)),)},
        {"axes": (Axis("lr", (-1.0,)),)},
        {"axes": (Axis("lr", ()),)},
        {"axes": (Axis("lr", (0.1,)), Axis("lr", (0.2,)))},
        {"gains": ()},
        {"steps": 0},
        {"seeds": 0},
        {"seeds": 10**6},
    ],
)
def test_a_plan_that_cannot_be_is_refused_at_once(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Plan(**({"base": SMALL, "gains": (1.0,), "steps": 5} | settings))  # type: ignore[arg-type]


def test_the_slope_of_a_geometric_fall_is_its_logarithm() -> None:
    assert log_slope([1.0, 0.5, 0.25, 0.125]) == pytest.approx(math.log(0.5))
    assert log_slope([1.0]) is None
    assert log_slope([1.0, 0.0]) is None


# ---------------------------------------------------------------------------------------- recommendations

HEALTHY = Measures(
    seed=0, device="cpu", initial_loss=3.3, loss=2.3, std_first=0.7, std_last=0.65, std_ratio=0.93, std_slope=-0.02,
    saturated=0.05, dead=0.0, grad_ratio=1.2, update_data_log10=-2.8, update_data_spread=0.5,
)  # fmt: skip


def doctored(gain: float, bn: bool, losses: list[float | None], **settings: Any) -> Cell:
    """A cell with one run for each dev loss; None stands for a seed that diverged at step 9."""
    configs = tuple(SMALL.replace(gain=gain, bn=bn, seed=i) for i in range(len(losses)))
    measures = tuple(
        Measures(seed=i, device="cpu", initial_loss=3.3, diverged_at=9)
        if loss is None
        else msgspec.structs.replace(HEALTHY, seed=i, dev_loss=loss, **settings)
        for i, loss in enumerate(losses)
    )
    return Cell(Point(gain, bn, (), configs, 300), measures)


def test_a_clear_winner_is_taken_for_its_dev_loss() -> None:
    cells = [
        doctored(0.5, False, [2.80, 2.81, 2.79]),
        doctored(5 / 3, False, [2.40, 2.41, 2.39], saturated=0.25),  # not the healthiest, but far ahead
        doctored(5 / 3, True, [2.50, 2.51, 2.49]),
    ]
    found = recommend(cells)
    assert found.overall is not None
    assert found.on is not None
    assert found.overall.cell is cells[1]
    assert found.overall.runner_up is cells[2]
    assert found.overall.margin == pytest.approx(0.1)
    assert found.overall.within_spread is False
    assert found.on.cell is cells[2]
    assert found.on.margin is None
    assert "gain 5/3, no batch norm: dev loss 2.400 ± 0.010 after 300 steps at lr 0.1 over 3 seeds" in found.text
    assert "0.100 below the next, gain 5/3, batch norm, more than the seeds' spread" in found.text
    assert "over these gains the dev loss varies by 0.400" in found.text
    assert found.text.count(". ") == 3  # four sentences


def test_among_tied_cells_the_healthiest_is_taken() -> None:
    cells = [
        doctored(3.0, False, [2.40, 2.42, 2.38], saturated=0.45, grad_ratio=3.0),
        doctored(1.0, False, [2.41, 2.43, 2.39]),
        doctored(0.5, False, [2.50, 2.52, 2.48]),
    ]
    choice = choose(cells)
    assert choice is not None
    assert choice.lowest is cells[0]
    assert choice.tied == (cells[0], cells[1])
    assert choice.cell is cells[1]
    assert choice.within_spread is True
    text = recommend(cells).text
    assert "2 cells lie within the seeds' spread" in text
    assert "5 of 5 checks passed" in text
    assert recommending.health(cells[0]) == (3, 5)


def test_equal_health_is_decided_by_the_spread_of_updates() -> None:
    cells = [
        doctored(1.0, False, [2.40, 2.42], update_data_spread=1.5),
        doctored(1.0, True, [2.41, 2.43], update_data_spread=0.3),
    ]
    choice = choose(cells)
    assert choice is not None
    assert choice.cell is cells[1]


def test_one_seed_has_no_spread_so_nothing_ties() -> None:
    choice = choose([doctored(1.0, False, [2.4], saturated=0.5), doctored(2.0, False, [2.4001])])
    assert choice is not None
    assert choice.cell.point.gain == 1.0
    assert choice.within_spread is None
    assert "one seed tells no spread" in choice.table()["reason"]


def test_a_cell_with_a_diverged_seed_is_no_candidate() -> None:
    cells = [doctored(3.0, False, [2.0, None]), doctored(1.0, False, [2.4, 2.5])]
    found = recommend(cells)
    assert found.overall is not None
    assert found.overall.cell is cells[1]
    assert "the only cell that came through of 2 cells" in found.text
    assert "1 of 2 gains not coming through" in found.text


def test_when_all_diverged_nothing_is_recommended() -> None:
    found = recommend([doctored(3.0, False, [None, None]), doctored(1.0, True, [None, 2.4])])
    assert found.overall is None
    assert "in each of the 2 cells a seed diverged, the first at step 9" in found.text
    assert found.table()["overall"] is None


def test_relu_is_not_blamed_for_its_flat_half() -> None:
    cell = doctored(1.0, False, [2.4], saturated=0.5)
    relu = Cell(
        Point(1.0, False, (), tuple(c.replace(nonlinearity="relu") for c in cell.point.configs), 300), cell.runs
    )
    assert recommending.health(cell) == (4, 5)
    assert recommending.health(relu) == (4, 4)


# ------------------------------------------------------------------------------------------------- paper


def printed(plan: Plan, cells: tuple[Cell, ...], width: int) -> str:
    out = io.StringIO()
    sweep_tables.print_sweep(plan, cells, Console(width=width, file=out))
    return out.getvalue()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_table_tells_the_cells_at_any_width(plan: Plan, cells: tuple[Cell, ...], width: int) -> None:
    text = printed(plan, cells, width)
    assert all(len(line) <= width for line in text.splitlines())
    for cell in cells:
        assert recommending.with_spread(cell, "dev_loss") in text
    assert "o no batch norm" in text
    assert "Start with" in text


def test_a_second_axis_gives_a_map_with_diverged_cells_in_it() -> None:
    plan = Plan(SMALL, (1.0, 3.0), 5, (False,), (Axis("lr", (0.1, 1e6)),), seeds=1)
    runs = [HEALTHY, HEALTHY, HEALTHY, Measures(seed=7, device="cpu", initial_loss=3.3, diverged_at=2)]
    losses = (2.5, 2.25, 9e9, None)
    cells = tuple(
        Cell(point, (msgspec.structs.replace(run, dev_loss=loss),))
        for point, run, loss in zip(plan.points, runs, losses, strict=True)
    )
    text = printed(plan, cells, 80)
    assert "Dev loss by lr and gain, no batch norm" in text
    assert "2.250" in text
    assert "9.0e+09" in text
    assert " diverged " in text
    assert "gain 3, no batch norm, lr 1e+06: 1 of 1 seeds diverged, the first at step 2" in text
    assert "Start with gain 3, no batch norm, lr 0.1" in text
    rows = sweep_tables.loss_map(plan, cells, False, plan.axes[0], 60, 7).text.splitlines()
    assert "█" in rows[4]  # the far value is the darkest
    assert "█" in rows[1]  # and does not wash out the others
