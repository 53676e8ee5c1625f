"""The explorer on runs that go on elsewhere: what stands where, what keys do, and what it is told to wait for."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.explorer.driving import Driver, driven
from tests.watching.writing import Written
from tuiinit.config.run import RunConfig
from tuiinit.explorer.app import ExplorerApp
from tuiinit.explorer.panes.header import header_row
from tuiinit.explorer.saving import copy_command_line, save_configuration
from tuiinit.session.actions import ACTIONS
from tuiinit.session.attached import NOT_ATTACHED, READ_ONLY
from tuiinit.session.session import Session
from tuiinit.stream import attaching, runs
from tuiinit.stream.attaching import LiveLink
from tuiinit.stream.protocol import Lane, Pulse, Run


@asynccontextmanager
async def attached(path: Path, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Driver]:
    link = LiveLink(path)
    app = ExplorerApp(link, RunConfig(), attached=True, restart=lambda: LiveLink(path))
    async with driven(app, link, size) as driver:  # type: ignore[arg-type]
        yield driver


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attaching, "LOOK", 0.05)
    monkeypatch.setattr(attaching, "PAUSE", 0.01)


async def test_a_live_run_is_told_as_one_from_before_its_first_step_to_after_its_last(tmp_path: Path) -> None:
    run = Written(tmp_path / "gpt.tuiinit")
    async with attached(run.path) as driver:
        await driver.shows("gpt is live and has measured no step yet", "parameters", "53", "command", "git commit")
        assert "recording" not in driver.text
        run.step(3)
        await driver.shows("live   7.0 steps/s", "▶ step       3", "gpt is live. m measures its next step")
        await driver.press("comma")
        await driver.shows("◀ step       2")
        await driver.press("full_stop")
        run.step(4)
        await driver.shows("▶ step       4")
        run.end("RuntimeError: CUDA out of memory")
        await driver.shows("failed", "‖ step       4", "gpt was ended by RuntimeError: CUDA out of memory")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_measure_now_reaches_the_run_and_says_when_it_is_there(size: tuple[int, int], tmp_path: Path) -> None:
    run = Written(tmp_path / "gpt.tuiinit")
    run.step(2)
    async with attached(run.path, size) as driver:
        await driver.shows("gpt is live")
        await driver.press("m")
        await driver.shows("gpt is asked to measure its next step.")
        assert runs.wishes(run.path)
        run.step()
        await driver.shows("Measured as asked: step 3.")
        run.die()
        await driver.shows("process gone", "no more is written")
        await driver.press("m")
        await driver.shows("gpt is over: nothing more is measured")


async def test_keys_that_need_an_engine_say_in_a_sentence_why_they_do_nothing(tmp_path: Path) -> None:
    run = Written(tmp_path / "gpt.tuiinit")
    run.step(2)
    trains = {"run", "step", "epoch", "evaluate", "restart", "reseed", "inspect", "sweep", "notes"}
    async with attached(run.path) as driver:
        await driver.shows("gpt is live")
        for action in ACTIONS:
            if action.id in trains or (action.group == "Network" and action.id != "config"):
                await driver.press(action.keys[0])
                assert driver.session.notice is not None, action.id
                assert driver.session.notice.text == READ_ONLY, action.id
                await driver.press("escape")
                assert driver.session.notice is None, action.id
    run.die()


async def test_what_is_found_stands_in_its_pane_at_the_step_where_it_was_found(tmp_path: Path) -> None:
    run = Written(tmp_path / "gpt.tuiinit")
    run.step(2)
    good = run.kept_snapshot()
    bad = msgspec.structs.replace(good.activations[0], mean=float("nan"))
    run.step(3, activations=(bad, *good.activations[1:]))
    async with attached(run.path) as driver:
        await driver.until(lambda: driver.session.step == 3)
        await driver.shows("at step 3 0 is the first")
        await driver.press("comma")
        await driver.shows("Nothing was found")
        await driver.press("escape")
        await driver.shows("at step 3 0 is the first")
    run.die()


async def test_a_stream_that_broke_is_begun_anew_and_shows_the_same(tmp_path: Path) -> None:
    run = Written(tmp_path / "gpt.tuiinit")
    run.step(3)
    async with attached(run.path) as driver:
        await driver.shows("gpt is live", "▶ step       3")
        with run.path.open("ab") as file:
            file.write(b"\xff\xff\xff\xff")  # no message is so long
        await driver.shows("cannot be read on", "E connects again", "no connection")
        await driver.press("m")
        assert not runs.wishes(run.path)
        os.truncate(run.path, run.file.size)
        await driver.press("E")
        await driver.until(lambda: driver.session.dead is None)
        run.step()
        await driver.shows("▶ step       4")
        assert driver.session.shown.snapshots.steps() == (1, 2, 3, 4)
    run.die()


async def test_the_palette_takes_away_what_there_is_of_a_run(tmp_path: Path) -> None:
    run = Written(tmp_path / "gpt.tuiinit")
    run.step()
    async with attached(run.path) as driver:
        await driver.shows("gpt is live")
        copy_command_line(driver.app)
        assert driver.app.clipboard == run.kept(Run).text
        save_configuration(driver.app)
        await driver.shows(READ_ONLY)
    run.die()


def test_rows_that_change_and_come_back_lose_nothing() -> None:
    session = Session(RunConfig())
    session.attach()
    first, snapshot = Written.kept(Lane), Written.kept_snapshot()
    other = msgspec.structs.replace(
        first, lane="run 2", continues="run", shape=msgspec.structs.replace(first.shape, rows=first.shape.rows[:2])
    )
    fewer = msgspec.structs.replace(snapshot, lane="run 2", activations=snapshot.activations[:2])
    session.take(first)
    session.take(msgspec.structs.replace(snapshot, step=1))
    session.take(other)
    assert session.key == "run 2"
    for step, kind in ((2, fewer), (3, snapshot), (4, fewer), (5, snapshot)):
        session.take(msgspec.structs.replace(kind, step=step))
    assert session.lanes["run"].snapshots.steps() == (1, 3, 5)
    assert session.lanes["run 2"].snapshots.steps() == (2, 4)
    assert session.key == "run 2"


def test_without_a_run_m_says_what_it_is_for() -> None:
    session = Session(RunConfig())
    with pytest.raises(ValueError, match="tuiinit attach") as caught:
        session.measure()
    assert str(caught.value) == NOT_ATTACHED


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("state", ["live", "ended", "gone", "lost"])
def test_the_header_names_run_state_and_step_at_any_width(width: int, state: Any) -> None:
    word = {"live": "live", "ended": "failed", "gone": "process gone", "lost": "lost, try 3 of 10 in 4 s"}[state]
    for name in ("gpt", "a name\x1b of a run that goes on and on and on on some cluster"):
        session = Session(RunConfig())
        session.attach()
        session.take(Written.kept(Lane))
        session.take(msgspec.structs.replace(Written.kept_snapshot(), step=1_234_567))
        text = "no connection; try 3 of 10 in 4 s" if state == "lost" else "ValueError"
        session.take(Pulse(name=name, lanes=("run",), state=state, text=text, age=300.0, speed=1234.5, measuring=0.02))
        header = "".join(span.text for span in header_row(session, width))
        assert len(header) == width
        for wanted in (name[:3], word, "step 1,234,567"):
            assert wanted in header
