"""A live run as the explorer's stream: its past, what comes, how it stands, and that the run hears of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

import tuiinit
from tests.watching.writing import Written
from tuiinit.stream import attaching, runs
from tuiinit.stream.attaching import LiveLink
from tuiinit.stream.following import Follower
from tuiinit.stream.protocol import Frame, Lane, Measure, Problem, Pulse, Snapshot, Status


async def test_an_attached_run_tells_its_past_and_goes_on(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Tanh())
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    handle: Any = tuiinit.watch(model, optimizer, every=1, record=tmp_path / "run")  # type: ignore[operator]

    def step() -> None:
        optimizer.zero_grad()
        handle.loss(model(torch.ones(3, 4)).square().mean()).backward()
        optimizer.step()

    step()
    link = LiveLink(handle.path)
    steps: list[int] = []
    lanes = 0
    async for frame in link.frames():
        lanes += isinstance(frame, Lane)
        if isinstance(frame, Snapshot):
            steps.append(frame.step)
        if isinstance(frame, Status):
            assert not frame.running
            if len(steps) < 3:
                step()
            else:
                await link.close()
    assert steps == [1, 2, 3]
    assert lanes == 1
    assert handle.path.with_suffix(runs.SEEN).exists()
    handle.close()


async def until(frames: AsyncIterator[Frame], true: Callable[[Frame], object]) -> list[Frame]:
    """The frames up to the first that is so."""
    found = []
    async with asyncio.timeout(60):
        async for frame in frames:
            found.append(frame)
            if true(frame):
                return found
    raise AssertionError(found)


def steps_of(found: list[Frame]) -> list[int]:
    return [frame.step for frame in found if isinstance(frame, Snapshot)]


def pulse(state: str) -> Callable[[Frame], bool]:
    return lambda frame: isinstance(frame, Pulse) and frame.state == state


def step(number: int) -> Callable[[Frame], bool]:
    return lambda frame: isinstance(frame, Status) and frame.clock == number


async def test_a_run_without_a_measured_step_is_waited_for(tmp_path: Path) -> None:
    run = Written(tmp_path / "early.tuiinit")
    link = LiveLink(run.path)
    frames = link.frames()
    first = (await until(frames, pulse("live")))[-1]
    assert isinstance(first, Pulse)
    assert (first.name, first.lanes) == ("early", ())
    assert first.run is not None
    run.step()
    assert steps_of(await until(frames, step(1))) == [1]
    run.end("ValueError: no data")
    last = (await until(frames, pulse("ended")))[-1]
    assert isinstance(last, Pulse)
    assert (last.text, last.lanes) == ("ValueError: no data", ("run",))
    await link.close()


async def test_who_detached_and_attaches_again_sees_the_same_and_what_came_meanwhile(tmp_path: Path) -> None:
    run = Written(tmp_path / "run.tuiinit")
    for last in (3, 5):
        run.step(last)
        link = LiveLink(run.path)
        assert steps_of(await until(link.frames(), step(last))) == list(range(1, last + 1))
        await link.close()
    run.die()
    link = LiveLink(run.path)
    found = await until(link.frames(), pulse("gone"))
    assert steps_of(found) == [1, 2, 3, 4, 5]
    await link.close()


async def test_how_it_stands_with_a_run_is_told_before_all_of_a_long_past_is(tmp_path: Path) -> None:
    run = Written(tmp_path / "run.tuiinit")
    run.step(100)
    link = LiveLink(run.path)
    found = await until(link.frames(), pulse("live"))
    assert isinstance(found[-1], Pulse)
    assert found[-1].lanes == ("run",)
    assert 1 < len(steps_of(found)) < 100
    await link.close()
    run.die()


async def test_two_viewers_see_the_same(tmp_path: Path) -> None:
    run = Written(tmp_path / "run.tuiinit")
    links = [LiveLink(run.path), LiveLink(run.path)]
    streams = [link.frames() for link in links]
    for last in (1, 2):
        run.step()
        assert [steps_of(await until(frames, step(last))) for frames in streams] == [[last]] * 2
    await links[0].close()  # one leaves
    run.step()
    assert steps_of(await until(streams[1], step(3))) == [3]
    await links[1].close()
    run.end()


async def test_another_run_in_its_place_is_not_taken_for_it(tmp_path: Path) -> None:
    run = Written(tmp_path / "run.tuiinit")
    run.step(4)
    link = LiveLink(run.path)
    frames = link.frames()
    await until(frames, step(4))
    run.path.unlink()
    other = Written(run.path, began=5.0)
    other.step(9)
    found = await until(frames, pulse("gone"))
    assert steps_of(found) == []
    assert isinstance(found[-1], Pulse)
    assert "another run" in found[-1].text
    await link.close()
    run.die()
    other.die()


def test_a_recording_that_was_deleted_is_read_on_while_it_is_written(tmp_path: Path) -> None:
    run = Written(tmp_path / "run.tuiinit")
    run.step(2)
    follower = Follower(run.path)
    assert steps_of(list(follower.read())) == [1, 2]
    run.path.unlink()
    run.step()
    assert not follower.over
    assert steps_of(list(follower.read())) == [3]
    run.die()
    assert follower.over
    follower.close()


async def test_a_wish_that_cannot_be_told_is_a_sentence(tmp_path: Path) -> None:
    run = Written(tmp_path / "run.tuiinit")
    run.path.with_suffix(runs.SEEN).mkdir()  # as on a folder that takes no file, and root may not be stopped by modes
    link = LiveLink(run.path)
    link.send(Measure())
    found = await until(link.frames(), lambda frame: isinstance(frame, Problem))
    assert isinstance(found[-1], Problem)
    assert found[-1].text.startswith("the run cannot be asked to measure a step: ")
    await link.close()
    run.die()


def test_ages_are_no_less_than_nothing_when_the_clock_is_set_back(tmp_path: Path, monkeypatch: Any) -> None:
    run = Written(tmp_path / "run.tuiinit")
    monkeypatch.setattr("tuiinit.stream.following.time.time", lambda: 1.0)
    follower = Follower(run.path)
    assert follower.pulse(False).age == 0.0
    follower.close()
    run.die()


def test_a_viewer_looks_often_enough_to_be_seen() -> None:
    assert attaching.LOOK < runs.LOOKS_FOR
