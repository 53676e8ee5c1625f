"""A network that this program did not build: a shape and figures are enough for all that looks at it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.explorer import fake
from tuiinit.config.run import RunConfig
from tuiinit.insight.look import Look
from tuiinit.session.pointer import Pointer
from tuiinit.session.session import Session
from tuiinit.stream import recording
from tuiinit.stream.history import LaneHistory
from tuiinit.stream.misfit import misfit
from tuiinit.stream.protocol import (
    Activation,
    BatchNorm,
    Frame,
    Lane,
    MatrixShape,
    RowShape,
    Shape,
    Snapshot,
    Status,
    Trace,
    Units,
    Weight,
)
from tuiinit.stream.recording import RecordingError
from tuiinit.views import VIEWS, Page

KEY = "train.py, run 3"
MIXED = Shape(
    rows=(
        RowShape(name="conv", kind="Conv2d", shape=(4, 5, 5)),
        RowShape(name="act", kind="ReLU", shape=(4, 5, 5)),
        RowShape(name="act", kind="ReLU", shape=(6,), call=2),
        RowShape(name="gate", kind="Tanh", shape=(7,)),
        RowShape(name="gate", kind="Tanh", shape=(7,), call=2),
        RowShape(name="head", kind="Linear", shape=(3,)),
    ),
    matrices=(MatrixShape(name="conv.weight", shape=(4, 3, 3)), MatrixShape(name="head.weight", shape=(7, 3))),
)
NORMED = msgspec.structs.replace(MIXED, norms=(Units(name="bn1", width=4), Units(name="bn2", width=6)))
UNBOUNDED = Shape(rows=(RowShape(name="mlp", kind="GELU", shape=(9,)),), matrices=MIXED.matrices[1:])
BARE = Shape(rows=(), matrices=())
SHAPES = {"mixed": MIXED, "norms that follow no matrix": NORMED, "nothing saturates": UNBOUNDED, "nothing": BARE}


def snapshot(shape: Shape, step: int) -> Snapshot:
    """All that may be null is null."""
    return Snapshot(
        lane=KEY,
        step=step,
        epoch=0.0,
        loss=2.5,
        parameters=123,
        activations=tuple(
            Activation(
                layer=row.label,
                kind=row.kind,
                width=row.width,
                mean=0.1,
                std=0.5 + n,
                saturated=0.45 if row.kind in ("ReLU", "Tanh") else 0.0,
                histogram=fake.histogram(-1, 1, 0.0),
                grad_mean=0.0,
                grad_std=1e-3 / (n + 1),
                grad_mean_abs=1e-3,
                grad_histogram=fake.histogram(-1e-3, 1e-3, 0.0),
                dead=(1,) if row.kind == "Tanh" else (),
                saturation_rows=0,
                saturation=b"",
            )
            for n, row in enumerate(shape.rows)
        ),
        weights=tuple(
            Weight(
                name=matrix.name,
                shape=matrix.shape,
                mean=0.0,
                std=0.2,
                histogram=fake.histogram(-1, 1, 0.0),
                grad_mean=0.0,
                grad_std=1e-3,
                grad_histogram=fake.histogram(-1e-3, 1e-3, 0.0),
                grad_data_ratio=5e-3,
                update_data_log10=-1.5 if step else None,
            )
            for matrix in shape.matrices
        ),
        batch_norms=tuple(
            BatchNorm(layer=norm.name, **{part: fake.units(norm.width, n, 1.0, 0.1) for part in PARTS})
            for n, norm in enumerate(shape.norms)
        ),
        probe_rows=2_000,
        cost=0.0,
    )


PARTS = ("mean", "var", "running_mean", "running_var", "gamma", "beta")


def frames(shape: Shape) -> Iterator[Frame]:
    yield Lane(lane=KEY, shape=shape)
    yield snapshot(shape, 0)
    ratios = np.full((20, len(shape.matrices)), -2.0, "<f4")
    yield Trace(lane=KEY, first_step=1, loss=np.ones(20, "<f4").tobytes(), update_data=ratios.tobytes())
    yield snapshot(shape, 20)
    yield Status(running=False, catching_up=False, clock=20, target=None, lanes=(), steps_per_second=0.0, measuring=0.0)


@dataclass
class Sitting:
    session: Session
    recorded: recording.Recording


@pytest.fixture(params=SHAPES)
def sitting(request: pytest.FixtureRequest, tmp_path: Path) -> Sitting:
    """A recording of such a network that was opened again."""
    shape = SHAPES[request.param]
    path = tmp_path / "foreign.tuiinit"
    recording.write(path, list(frames(shape)))
    recorded = recording.load(path)
    session = Session(RunConfig())
    session.recall(recorded.before, recorded.clock, recorded=True)
    session.lanes.watch(recorded.lane.lane)
    for frame in recorded.frames:
        session.take(frame)
        assert session.notice is None, session.notice
    assert session.shown.shape == shape
    return Sitting(session, recorded)


def test_a_recording_keeps_it_and_only_replays_it(sitting: Sitting) -> None:
    recorded = sitting.recorded
    assert (recorded.damage, recorded.config, recorded.shown, recorded.lane.lane) == (None, None, (), KEY)
    with pytest.raises(RecordingError, match="did not build"):
        recorded.trainable()


def test_its_history_and_its_findings(sitting: Sitting) -> None:
    look = sitting.session.look()
    assert look.history.shape is not None
    assert look.snapshot is not None
    assert (look.step, look.config, look.history.update_data.columns) == (20, None, len(look.history.shape.matrices))
    assert not any(finding.helps for finding in look.findings)
    found = {finding.id: finding for finding in look.findings}
    if "Tanh" in look.kinds:
        assert found["saturation"].layer == "gate", "half of a ReLU is flat by nature"
        assert found["dead-units"].layer == "gate"
        assert found["signal"].layer == "act, call 2" or "act" in found["signal"].text
    else:
        assert "saturation" not in found
    assert "initial-loss" not in found


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.id)
def test_every_view_draws_it(sitting: Sitting, view: object) -> None:
    look, _, _ = sitting.session.sight()
    own = LaneHistory(fake.shape(RunConfig()), RunConfig())
    own.take(fake.snapshot(RunConfig(), 0))
    for overlaid in (False, True):
        pointer = Pointer(layer=3, overlaid=overlaid)
        for now, before in ((look, None), (look, Look.of(own)), (Look.of(own), look)):
            for width, height in ((160, 50), (78, 17)):
                page = Page(view, now, before, pointer, width, height)  # type: ignore[arg-type]
                assert page.rows


@pytest.mark.parametrize("name", SHAPES)
def test_figures_are_held_against_the_shape(name: str) -> None:
    shape = SHAPES[name]
    assert all(misfit(frame, shape) is None for frame in frames(shape))
    other = next(one for one in SHAPES.values() if one.rows != shape.rows)
    assert misfit(snapshot(other, 1), shape) == "layers that its network does not have"


@pytest.mark.parametrize(
    ("shape", "fault"),
    [
        (Shape(rows=(*MIXED.rows, MIXED.rows[1]), matrices=()), "two rows under one name"),
        (Shape(rows=(RowShape(name="a", kind="b", shape=(-1,)),), matrices=()), "a shape that cannot be"),
        (Shape(rows=(), matrices=(MatrixShape(name="a", shape=(3,)),)), "a shape that cannot be"),
    ],
)
def test_a_shape_that_cannot_be_is_refused(shape: Shape, fault: str) -> None:
    assert misfit(Lane(lane=KEY, shape=shape)) == fault


def test_the_shape_of_our_own_networks_is_that_of_their_configuration() -> None:
    config = RunConfig(hidden=(3, 4))
    sound = fake.lane(config)
    assert misfit(sound) is None
    assert misfit(msgspec.structs.replace(sound, shape=MIXED)) == "layers that its configuration does not have"
