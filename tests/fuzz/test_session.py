"""Whatever an engine says, in whatever order: the session takes it and the screen's parts can be drawn."""

from __future__ import annotations

import gc
import random
import tracemalloc
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from rich.cells import cell_len

from tests.explorer import fake
from tests.fuzz import strange
from tests.fuzz.strange import modes
from tests.insight.starts import start
from tuiinit.config.run import RunConfig
from tuiinit.config.values import ConfigError
from tuiinit.explorer.panes.config import strip_row
from tuiinit.explorer.panes.findings import findings_rows
from tuiinit.explorer.panes.header import header_row
from tuiinit.explorer.panes.training import training_rows
from tuiinit.plots import Row
from tuiinit.session.session import Session
from tuiinit.stream import protocol, wire
from tuiinit.views import VIEWS, Page

SIZES = ((1, 1), (2, 3), (9, 2), (20, 8), (40, 5), (58, 13), (79, 17), (88, 26), (200, 60))
pytestmark = pytest.mark.filterwarnings("ignore")  # of numbers: NumPy's about NaN and overflow


def inspection(config: RunConfig, step: int) -> protocol.Inspection:
    """A sound closer look."""
    layers, classes = len(config.hidden), 27
    return protocol.Inspection(
        lane=config.key,
        step=step,
        calibrated=tuple(protocol.Calibrated(layer=bn.layer, mean=bn.mean, var=bn.var) for bn in batch_norms(config)),
        jitter_batches=4,
        jitter_logits=np.zeros(4 * classes, "<f4").tobytes(),
        eval_logits=np.zeros(classes, "<f4").tobytes(),
        through=(0.5, None, 0.25),
        dead=(0,) * layers,
        dead_grad=(None,) * layers,
        alive_grad=(1e-3,) * layers,
        folded=protocol.Folded(rows=3, difference=0.0, logit_std=None, dev=3.3, dev_folded=None),
    )


def batch_norms(config: RunConfig) -> tuple[protocol.BatchNorm, ...]:
    norms = []
    for i, width in enumerate((*config.hidden, 27), 1):
        unit = np.ones(width, "<f4").tobytes()
        norms.append(
            protocol.BatchNorm(
                layer=f"batch norm {i}", mean=unit, var=unit, running_mean=unit, running_var=unit, gamma=unit, beta=unit
            )
        )
    return tuple(norms)


def trace(config: RunConfig, first: int, last: int) -> protocol.Trace:
    """A sound trace of steps first … last."""
    rng, steps = np.random.default_rng(first), last + 1 - first
    return protocol.Trace(
        lane=config.key,
        first_step=first,
        loss=rng.normal(2.3, 0.1, steps).astype("<f4").tobytes(),
        update_data=rng.normal(-3, 0.1, (steps, len(config.hidden) + 2)).astype("<f4").tobytes(),
    )


def sound(rng: random.Random, config: RunConfig) -> Any:
    """A frame that an engine might send."""
    step = rng.choice((0, 1, 2, 10, 100, 5707))
    kind = rng.randrange(10)
    if kind == 9:
        return fake.lane(config)
    if kind < 3:
        snapshot = fake.snapshot(config, step)
        if config.bn:
            snapshot = msgspec.structs.replace(snapshot, batch_norms=batch_norms(config))
        return snapshot
    if kind == 3:
        return trace(config, step, step + rng.randrange(30))
    if kind == 4:
        return protocol.Evaluation(lane=config.key, step=step, dev=2.3, dev_calibrated=2.2, dev_batch=2.4)
    if kind == 5:
        return inspection(config, step)
    if kind == 6:
        return fake.data_info()
    if kind == 7:
        return start(config)
    lane = protocol.LaneStatus(
        lane=config.key, step=step, epoch=step / 5707, steps_per_epoch=5707, diverged_at=rng.choice((None, None, step))
    )
    return protocol.Status(
        running=rng.random() < 0.5,
        catching_up=rng.random() < 0.3,
        clock=step + rng.randrange(3),
        target=None,
        lanes=(lane,),
        steps_per_second=400.0,
        measuring=0.03,
    )


def frame(rng: random.Random, configs: Sequence[RunConfig]) -> Any:
    """A frame, sound, doctored or strange, mostly of a lane that the session knows."""
    config = rng.choice(configs)
    kind = rng.randrange(4)
    if kind == 0:
        made = strange.message(rng, rng.choice(strange.FRAMES))
        if hasattr(made, "lane") and rng.random() < 0.8:
            made = msgspec.structs.replace(made, lane=config.key)
        if isinstance(made, protocol.Lane) and rng.random() < 0.5:
            made = msgspec.structs.replace(made, continues=rng.choice(configs).key)
        return made
    made = sound(rng, config)
    if kind == 1:
        return made
    made = strange.doctored(rng, made, rng.choice((0.02, 0.1, 0.5)))
    if hasattr(made, "lane") and rng.random() < 0.9:
        made = msgspec.structs.replace(made, lane=config.key)
    return made


def turn(session: Session, name: str, direction: int) -> object:
    """What a key for the next value does."""
    return session.change(name, session.next_value(name, direction))


def act(rng: random.Random, session: Session, configs: list[RunConfig]) -> None:
    """Something that a person does."""
    actions: tuple[Callable[[], object], ...] = (
        session.run_or_pause,
        lambda: session.advance(steps=1),
        lambda: session.advance(epochs=1),
        session.pause,
        session.evaluate,
        session.restart,
        lambda: session.restart(lambda: 5),
        lambda: turn(session, "gain", rng.choice((-1, 1))),
        lambda: session.change("bn", not session.settings.bn),
        lambda: turn(session, "nonlinearity", 1),
        lambda: turn(session, "optimizer", 1),
        lambda: turn(session, "lr", rng.choice((-1, 1))),
        lambda: session.move_time(rng.choice((-1, -1, 1))),
        lambda: session.died("it is gone"),
        session.start,
        session.hush,
        lambda: session.look().findings,
        lambda: session.look().expected,
    )
    try:
        rng.choice(actions)()
    except ConfigError:
        return
    if session.config not in configs:
        configs.append(session.config)


def check(rows: Sequence[Row], width: int, height: int, exact: bool = True) -> None:
    """Rows of the size asked for."""
    assert len(rows) == height if exact else len(rows) <= height
    for row in rows:
        assert sum(cell_len(span.text) for span in row) == width, row


def draw(rng: random.Random, session: Session) -> int:
    """Draw every part at some size; how many."""
    width, height = rng.choice(SIZES)
    check([header_row(session, width)], width, 1)
    strip_row(session.settings, width)
    check(training_rows(session, width, height), width, height)
    check(findings_rows(session, width, height), width, height, exact=False)
    session.pointer.overlaid = rng.random() < 0.3
    for view in VIEWS:
        page = Page(view, *session.sight(), width, height, rng.choice((0, 0, 3, 10**6)))
        check(page.rows, width, height, exact=False)
        session.pointer.text = rng.choice(("", "", "", "tanh", "1", "nowhere"))
        session.walk(view.lines(session.look(), session.pointer), rng.randint(-9, 9))
        view.units(session.look(), session.pointer)
    return len(VIEWS) + 4


@modes(60, 2_500)
def test_any_frames_in_any_order(cases: int) -> None:
    taken = drawn = 0
    for case in range(cases):
        rng = random.Random(case)
        configs = [RunConfig(), RunConfig(bn=True), RunConfig(gain=3.0), RunConfig(hidden=(3,))]
        session = Session(configs[0])
        session.start()
        for _ in range(rng.randint(5, 60)):
            given = frame(rng, configs)
            try:
                if rng.random() < 0.2:
                    act(rng, session, configs)
                session.take(given)
                taken += 1
                if rng.random() < 0.1:
                    drawn += draw(rng, session)
            except Exception as error:
                raise AssertionError(f"case {case}: {str(given)[:2000]}") from error
    print(cases, "sessions,", taken, "frames,", drawn, "parts drawn")
    assert taken > cases * 5
    assert drawn > cases


@modes(60, 2_500)
def test_views_of_doctored_snapshots(cases: int) -> None:
    drawn = 0
    for case in range(cases):
        rng = random.Random(case)
        config = rng.choice(
            (RunConfig(), RunConfig(bn=True), RunConfig(hidden=(8,) * 200), RunConfig(nonlinearity="relu"))
        )
        session = Session(config)
        for _ in range(rng.randint(1, 3)):
            snapshot = fake.snapshot(config, rng.choice((0, 1, 50)))
            if config.bn:
                snapshot = msgspec.structs.replace(snapshot, batch_norms=batch_norms(config))
            made = strange.doctored(rng, snapshot, rng.choice((0.005, 0.05, 0.3)))
            session.take(msgspec.structs.replace(made, lane=config.key))
            if rng.random() < 0.3:
                session.take(trace(config, 1, 60))
            if rng.random() < 0.3:
                closer = strange.doctored(rng, inspection(config, made.step), 0.1)
                session.take(msgspec.structs.replace(closer, lane=config.key))
        try:
            drawn += draw(rng, session)
        except Exception as error:
            raise AssertionError(f"case {case}: {str(session.snapshot())[:3000]}") from error
    print(cases, "snapshots,", drawn, "parts drawn")
    assert drawn >= cases


# ------------------------------------------------------------------------------------------------- memory


@pytest.mark.long
def test_memory_is_flat_over_200_000_steps() -> None:
    config = RunConfig()
    session = Session(config)
    session.start()
    body = wire.pack(fake.snapshot(config, 1))[4:]
    block = 1000

    def train(first: int, last: int) -> None:
        for step in range(first, last, block):
            session.take(trace(config, step + 1, step + block))
            for at in range(step + block // 4, step + block + 1, block // 4):
                snapshot = wire.frame_from(body)
                assert isinstance(snapshot, protocol.Snapshot)
                session.take(msgspec.structs.replace(snapshot, lane=config.key, step=at))
                if at % 5_000 == 0:  # about once an epoch
                    session.take(protocol.Evaluation(lane=config.key, step=at, dev=2.3))
                here = protocol.LaneStatus(
                    lane=config.key, step=at, epoch=at / 5707, steps_per_epoch=5707, diverged_at=None
                )
                session.take(
                    protocol.Status(
                        running=True,
                        catching_up=False,
                        clock=at,
                        target=None,
                        lanes=(here,),
                        steps_per_second=400.0,
                        measuring=0.03,
                    )
                )
            if step % 20_000 == 0:
                draw(random.Random(0), session)

    def held() -> int:
        # Rich remembers the width of the last 4,096 texts, whatever they are.
        filters = [tracemalloc.Filter(False, "*/rich/cells.py"), tracemalloc.Filter(False, tracemalloc.__file__)]
        gc.collect()
        return sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces(filters).traces)

    draw(random.Random(0), session)  # what that imports is not counted
    tracemalloc.start()
    try:
        train(0, 100_000)
        half = held()
        train(100_000, 200_000 - block)  # step 200,000 is one more milestone
        whole = held()
    finally:
        tracemalloc.stop()
    print(f"{half / 2**20:.2f} MiB after 100,000 steps, {whole / 2**20:.2f} after 200,000")
    assert whole < 1.1 * half  # one number a step would make it three times as much


def test_the_newest_of_many_snapshots_is_shown() -> None:
    """The test above would hold for a session that takes nothing."""
    session = Session(RunConfig())
    session.take(fake.lane(session.config))
    session.take(trace(session.config, 1, 500))
    session.take(fake.snapshot(session.config, 500))
    assert session.step == 500
    assert len(session.shown.loss) == 500


def controls(text: str) -> list[str]:
    return [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c != "\n"]
