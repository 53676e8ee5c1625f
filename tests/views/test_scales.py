"""Scales over a series of snapshots: they follow what is in front, grow as it trains, stay while one looks back."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest

from tests.explorer import fake
from tuiinit.config.run import RunConfig
from tuiinit.insight.look import Look
from tuiinit.plots import Plot
from tuiinit.session.pointer import Pointer
from tuiinit.session.scales import LEAP, Scales
from tuiinit.stream.history import SNAPSHOTS, LaneHistory
from tuiinit.stream.protocol import Histogram, Snapshot, Trace
from tuiinit.views import VIEWS
from tuiinit.views.small import Choice

BY_ID = {view.id: view for view in VIEWS}
LANE = RunConfig(hidden=(20, 20), nonlinearity="linear")
REACHES = (1.0, 3.0, 0.4, 7.0, 0.5, 2.0)
SCALED = ("activations", "activation-gradients", "weights", "weight-gradients", "depth", "update-data", "loss")


def wide(histogram: Histogram, reach: float) -> Histogram:
    return msgspec.structs.replace(histogram, lo=-reach, hi=reach)


def snapshot(step: int, reach: float, lane: RunConfig = LANE) -> Snapshot:
    """What a step finds where all that is measured goes as far as `reach`."""
    now = fake.snapshot(lane, step)
    return msgspec.structs.replace(
        now,
        activations=tuple(
            msgspec.structs.replace(
                a, histogram=wide(a.histogram, reach), grad_histogram=wide(a.grad_histogram, reach / 10), std=reach / 3,
                grad_std=reach / 30,
            )
            for a in now.activations
        ),
        weights=tuple(
            msgspec.structs.replace(
                w, histogram=wide(w.histogram, reach), grad_histogram=wide(w.grad_histogram, reach / 100)
            )
            for w in now.weights
        ),
    )  # fmt: skip


def trace(first: int, count: int, size: float, matrices: int) -> Trace:
    return Trace(
        lane=LANE.key,
        first_step=first,
        loss=np.full(count, size, np.float32).tobytes(),
        update_data=np.full((count, matrices), math.log10(size) - 3, np.float32).tobytes(),
    )


def trained(reaches: Sequence[float] = REACHES) -> LaneHistory:
    history = LaneHistory(None, LANE)
    for step, reach in enumerate(reaches):
        extend(history, step, reach)
    return history


def extend(history: LaneHistory, step: int, reach: float) -> None:
    now = snapshot(step, reach)
    history.take(now, keep=True)
    if step:
        history.take(trace(step, 1, reach, len(now.weights)))


def drawn(view: str, history: LaneHistory, pointer: Pointer, past: int | None = None, back: Look | None = None) -> Plot:
    return BY_ID[view].plot(Look.of(history, past), back, pointer, 100, 30)


def frames(plot: Plot) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """The limits of each drawing area; a band's height is its own, so it has none."""
    bands = "own scale" in plot.text
    return [(canvas.x, (0, 0) if bands else canvas.y) for canvas in plot.canvases]


@pytest.mark.parametrize("view", SCALED)
def test_looking_back_moves_what_is_drawn_not_the_axes(view: str) -> None:
    history, pointer = trained(), Pointer()
    newest = drawn(view, history, pointer)
    for past in range(len(REACHES) - 1, 0, -1):
        looked_at = drawn(view, history, pointer, past)
        assert frames(looked_at) == frames(newest)
    assert any(drawn(view, history, pointer, past).rows != newest.rows for past in range(len(REACHES)))


@pytest.mark.parametrize("view", SCALED)
def test_while_it_trains_axes_only_grow(view: str) -> None:
    history, pointer = LaneHistory(None, LANE), Pointer()
    before: list[tuple[tuple[float, float], tuple[float, float]]] = []
    grew = 0
    extend(history, 0, 1.0)
    for step, reach in enumerate(REACHES * 20, 1):  # more than are kept
        extend(history, step, reach)
        now = frames(drawn(view, history, pointer))
        for (x, y), (x_before, y_before) in zip(now, before, strict=False):
            assert x[0] <= x_before[0]
            assert x[1] >= x_before[1]
            assert y[0] <= y_before[0]
            assert y[1] >= y_before[1]
        grew += now != before
        before = now
    assert len(history.snapshots) == SNAPSHOTS
    assert grew > 1


def test_what_diverged_does_not_flatten_what_it_came_from() -> None:
    history, pointer = trained([*REACHES, 1e9]), Pointer()
    (now, *_), (before, *_) = (frames(drawn("weights", history, pointer, past)) for past in (None, 5))
    assert now[0][1] >= 1e9
    assert before == frames(drawn("weights", trained(), Pointer()))[0]


def test_the_network_before_is_shown_as_far_as_what_is_in_front_is_seen() -> None:
    pointer = Pointer()
    alone = frames(drawn("weights", trained(), pointer))[0][0][1]
    for reach, most in ((0.01, alone), (2 * alone, 2 * alone), (1000.0, 3 * alone)):
        behind = Look.of(trained([reach] * 6))
        now = frames(drawn("weights", trained(), pointer, back=behind))[0][0][1]
        assert alone <= now <= 1.2 * most  # rounded up


@pytest.mark.parametrize("view", [name for name in SCALED if BY_ID[name].small is not None])
def test_pictures_side_by_side_keep_their_axes_too(view: str) -> None:
    small, scales, histories = BY_ID[view].small, Scales(), [trained(), trained([r / 2 for r in REACHES])]
    assert small is not None
    newest = small.axes([Look.of(history) for history in histories], Choice(scales=scales))
    for past in range(len(REACHES) - 1, 0, -1):
        assert small.axes([Look.of(history, past) for history in histories], Choice(scales=scales)) == newest


def test_a_scale_reaches_over_snapshots_that_are_no_longer_kept() -> None:
    history, scales = LaneHistory(None, LANE), Scales()

    def measure(snapshot: Snapshot) -> float:
        return snapshot.activations[0].std

    for step, std in ((3, 5.0), (4, 1.0), (6, 2.0)):
        history.take(snapshot(step, 3 * std))
        assert scales.reach(history, "std", measure, std) == 5.0
    assert history.snapshots.steps() == (6,)
    assert scales.reach(history, "std", measure, 5.1) == 5.1
    assert scales.reach(history, "std", measure, 4.0 / LEAP) == 2.0, "5 is too far from what is in front"
    assert scales.reach(history, "std", measure, 0.0) == 0.0
