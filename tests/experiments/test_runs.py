"""Training without a screen, over one real engine."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tuiinit.config.run import RunConfig
from tuiinit.config.schedule import Change
from tuiinit.config.values import ConfigError
from tuiinit.experiments.runs import Conversation, RunError, run
from tuiinit.stream import protocol as p
from tuiinit.stream import wire
from tuiinit.stream.link import Engine

TINY = RunConfig(hidden=(8, 8), embedding=2, device="cpu", batch_size=16)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine() as engine:
        yield engine


@pytest.fixture(scope="module")
def session(engine: Engine) -> Conversation:
    return Conversation(engine)


def test_lanes_side_by_side(session: Conversation) -> None:
    lanes = [TINY, TINY.replace(bn=True), TINY.replace(schedule=(Change(20, "lr", 0.01),))]
    session.restart(lanes)
    progress: list[tuple[int, int]] = []
    results = session.advance(p.Advance(steps=60), lambda done, total: progress.append((done, total)))
    assert [result.config for result in results] == lanes
    for result in results:
        assert result.loss.shape == (60,)
        assert result.update_data.shape == (60, 4)
        assert result.last.step == 60
        assert result.last.loss == pytest.approx(float(result.loss[-1]))
        assert {0, 1, 10, 50, 60} <= set(result.snapshots)
        assert (result.diverged_at, result.device) == (None, "cpu")
    plain, _, slower = results
    np.testing.assert_array_equal(plain.loss[:20], slower.loss[:20])
    assert (plain.update_data[20:].mean(axis=0) - slower.update_data[20:].mean(axis=0) > 0.5).all()
    assert progress[-1] == (180, 180)
    assert all(0 <= done <= total for done, total in progress)
    evaluated = session.evaluate()
    assert [60 in result.evaluations for result in evaluated] == [True] * 3
    inspected = session.inspect()
    assert [60 in result.inspections for result in inspected] == [True] * 3
    assert session.data is not None
    assert session.data.words == 32_469


def test_a_selected_lane_catches_up(session: Conversation) -> None:
    session.restart([TINY])
    session.advance(p.Advance(steps=30))
    other = TINY.replace(gain=3.0)
    (result,) = session.select([other])
    assert (result.config, result.last.step, len(result.loss)) == (other, 30, 30)


def test_a_bad_lane_is_a_configuration_error_and_the_session_goes_on(session: Conversation, tmp_path: Path) -> None:
    session.restart([TINY])
    with pytest.raises(ConfigError, match="No such file"):
        session.select([TINY.replace(data=str(tmp_path / "none.txt"))])
    (result,) = session.advance(p.Advance(steps=2))
    assert result.last.step == 2


def test_a_diverging_lane(session: Conversation) -> None:
    wild = TINY.replace(nonlinearity="linear", lr=1e4, output_scale=1.0)
    session.restart([wild, TINY])
    bad, good = session.advance(p.Advance(steps=40))
    assert bad.diverged_at is not None
    assert len(bad.loss) == bad.diverged_at - 1
    assert bad.last.step < bad.diverged_at
    assert (good.diverged_at, good.last.step) == (None, 40)


def test_a_run_of_its_own() -> None:
    config = TINY.replace(batch_size=30_000)
    (result,) = run([config], epochs=2, evaluate=True)
    assert result.last.epoch == 2
    assert set(result.evaluations) == {result.last.step // 2, result.last.step}


def test_an_engine_that_fails_is_a_run_error() -> None:
    fatal = wire.pack(p.Problem(text="the engine stopped: out of memory", fatal=True))
    for code, sentence in [
        ("sys.exit(7)", "ended with code 7"),
        (f"sys.stdout.buffer.write({fatal!r})", "the engine stopped: out of memory"),
    ]:
        with pytest.raises(RunError, match=sentence):
            run([TINY], steps=1, engine=[sys.executable, "-c", f"import sys\nsys.stdin.buffer.read(9)\n{code}"])
    with pytest.raises(RunError, match="cannot be started"):
        run([TINY], steps=1, engine=["/no/such/program"])
