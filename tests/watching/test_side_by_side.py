"""Two runs in one stream and on one screen: nothing of one is taken for the other's, and both are at one step."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.explorer.driving import driven
from tests.watching.test_attaching import pulse, step, until
from tests.watching.writing import Written
from tuiinit.config.run import RunConfig
from tuiinit.explorer.app import ExplorerApp
from tuiinit.explorer.compare.runs import RunsScreen
from tuiinit.explorer.compare.screen import COMPARABLE
from tuiinit.explorer.visits import ONE_RUN
from tuiinit.insight.beside import beside
from tuiinit.stream import attaching
from tuiinit.stream.attaching import LiveLink
from tuiinit.stream.history import LaneHistory
from tuiinit.stream.link import LinkError
from tuiinit.stream.protocol import Lane, Pulse, Snapshot, Status
from tuiinit.stream.several import Several


def two(folder: Path) -> tuple[Written, Written]:
    """Two runs of one name, one further on than the other."""
    first, second = Written(folder / "gpt.tuiinit"), Written(folder / "gpt-2.tuiinit")
    first.step(9)
    second.step(4)
    return first, second


async def test_two_runs_of_one_name_are_told_apart(tmp_path: Path) -> None:
    runs = two(tmp_path)
    link = Several([LiveLink(run.path) for run in runs])
    pulses: dict[str, Pulse] = {}
    found = []
    async for frame in link.frames():
        found.append(frame)
        if isinstance(frame, Pulse):
            pulses[frame.name] = frame
        if len(pulses) == 2:
            break
    assert {name: one.lanes for name, one in pulses.items()} == {"gpt": ("run",), "gpt-2": ("run (2)",)}
    steps = {lane: [f.step for f in found if isinstance(f, Snapshot) and f.lane == lane] for lane in ("run", "run (2)")}
    assert steps == {"run": list(range(1, 10)), "run (2)": [1, 2, 3, 4]}
    assert {where.lane for f in found if isinstance(f, Status) for where in f.lanes} == {"run", "run (2)"}
    assert {f.lane for f in found if isinstance(f, Lane)} == {"run", "run (2)"}
    await link.close()
    for run in runs:
        run.die()


async def test_a_run_that_cannot_be_read_on_leaves_the_other(tmp_path: Path) -> None:
    runs = two(tmp_path)
    link = Several([LiveLink(run.path) for run in runs])
    frames = link.frames()
    with runs[1].path.open("ab") as file:
        file.write(b"\xff\xff\xff\xff")  # no message is so long
    lost = (await until(frames, pulse("lost")))[-1]
    assert isinstance(lost, Pulse)
    assert "cannot be read on" in lost.text
    runs[0].step()
    await until(frames, step(10))
    with runs[0].path.open("ab") as file:
        file.write(b"\xff\xff\xff\xff")
    with pytest.raises(LinkError, match="cannot be read on"):
        await until(frames, lambda _: False)
    for run in runs:
        run.die()


async def test_two_runs_stand_side_by_side_at_the_step_that_both_have_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attaching, "LOOK", 0.05)
    runs = two(tmp_path)
    link = Several([LiveLink(run.path) for run in runs])
    app = ExplorerApp(link, RunConfig(), attached=True)
    async with driven(app, link) as driver:  # type: ignore[arg-type]
        await driver.until(lambda: len(driver.session.lanes) == 2)
        await driver.press("c")
        await driver.until(lambda: isinstance(app.screen, RunsScreen))
        await driver.shows("all at step 4", "gpt-2", "std 0.51 → 0.07")
        assert "nan" not in driver.text
        await driver.press("comma")
        await driver.shows("all at step 3")
        await driver.press("escape")
        runs[1].step()
        await driver.shows("all at step 5")
        await driver.press("v", "J")
        await driver.shows("row 1")
        await driver.press("right", "enter")
        await driver.until(lambda: app.screen is driver.screen)
        assert driver.session.key == "run (2)"
        await driver.shows("gpt-2", "step       5")
    for run in runs:
        run.die()


async def test_one_run_alone_is_not_compared(tmp_path: Path) -> None:
    run = Written(tmp_path / "gpt.tuiinit")
    run.step()
    link = LiveLink(run.path)
    async with driven(ExplorerApp(link, RunConfig(), attached=True), link) as driver:  # type: ignore[arg-type]
        await driver.until(lambda: driver.session.snapshot() is not None)
        await driver.press("c")
        await driver.shows(ONE_RUN)
    run.die()


def history(*steps: int, rows: tuple[str, ...] = ("0", "1", "2")) -> LaneHistory:
    whole, lane = Written.kept(Snapshot), Written.kept(Lane)
    by_name = {a.layer: a for a in whole.activations}
    some = LaneHistory(lane.shape)
    activations = tuple(by_name.get(n) or msgspec.structs.replace(by_name["0"], layer=n) for n in rows)
    for number in steps:
        some.take(msgspec.structs.replace(whole, step=number, activations=activations), keep=True)
    return some


def test_networks_are_shown_at_one_step_or_where_they_were_measured_last_before_it() -> None:
    found = beside([history(1, 10, 30), history(2, 20)], None, aligned=True)
    assert {look.past for look in found.looks} == {None}  # curves go on to where each run is
    assert (found.step, [look.snapshot.step for look in found.looks if look.snapshot]) == (20, [10, 20])
    found = beside([history(1, 10, 30), history(2, 20)], 1, aligned=True)
    assert {look.past for look in found.looks} == {1}
    assert [look.snapshot and look.snapshot.step for look in found.looks] == [1, None]


def test_rows_are_paired_by_name_and_others_are_named() -> None:
    histories = [history(1, rows=("a", "0", "1")), history(1, rows=("1", "0", "b"))]
    found = beside(histories, None, aligned=True)
    rows = [[a.layer for a in look.snapshot.activations] for look in found.looks if look.snapshot]
    assert rows == [["0", "1"], ["0", "1"]]
    assert found.apart == ("a", "b")
    again = beside(histories, None, aligned=True, before=found)
    assert all(one.snapshot is other.snapshot for one, other in zip(found.looks, again.looks, strict=True))
    assert [
        len(look.snapshot.activations) for look in beside(histories, None, aligned=False).looks if look.snapshot
    ] == [3, 3]


async def test_networks_without_a_name_in_common_are_each_shown_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attaching, "LOOK", 0.05)
    one, other = Written(tmp_path / "one.tuiinit"), Written(tmp_path / "other.tuiinit")
    one.step(2)
    lane, snapshot = Written.kept(Lane), Written.kept(Snapshot)
    (row, *_), (matrix, *_) = lane.shape.rows, lane.shape.matrices
    shape = msgspec.structs.replace(
        lane.shape,
        rows=(msgspec.structs.replace(row, name="head"),),
        matrices=(msgspec.structs.replace(matrix, name="head.weight"),),
        vectors=(),
    )
    other.put(msgspec.structs.replace(lane, shape=shape))
    activation = msgspec.structs.replace(snapshot.activations[0], layer="head")
    weight = msgspec.structs.replace(snapshot.weights[0], name="head.weight")
    alone = msgspec.structs.replace(snapshot, step=2, activations=(activation,), weights=(weight,), vectors=())
    other.put(alone)
    link = Several([LiveLink(run.path) for run in (one, other)])
    async with driven(ExplorerApp(link, RunConfig(), attached=True), link) as driver:  # type: ignore[arg-type]
        await driver.until(lambda: len(driver.session.lanes) == 2)
        await driver.press("c")
        await driver.until(lambda: isinstance(driver.app.screen, RunsScreen))
        await driver.shows("no row has one name in all")
        for _ in COMPARABLE:
            assert "cannot be drawn" not in driver.text
            await driver.press("tab", "v")
    for run in (one, other):
        run.die()
