"""The explorer on a person's own file over the real engine: keys, a failure that is mended, a recording, a resume."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.explorer.driving import Driver, driven
from tests.explorer.fake import FakeLink
from tuiinit.config.own import OwnConfig
from tuiinit.explorer.app import ExplorerApp
from tuiinit.explorer.dialogs.problem import ProblemDialog
from tuiinit.stream.link import Link
from tuiinit.stream.protocol import LaneStatus
from tuiinit.stream.recorder import Recorder
from tuiinit.stream.recording import load
from tuiinit.stream.replay import FileLink, ResumedLink, Source

pytestmark = pytest.mark.usefixtures("warm")

NET = """
import torch
from torch import nn
from typing import Literal
import tuiinit

ACTS = {"relu": nn.ReLU, "tanh": nn.Tanh}

def build(norm: bool = False, act: Literal["relu", "tanh"] = "relu"):
    middle = nn.BatchNorm1d(8) if norm else nn.Identity()
    model = nn.Sequential(nn.Linear(4, 8), middle, ACTS[act](), nn.Linear(8, 3))
    x, y = torch.randn(64, 4), torch.randint(3, (64,))
    batches = [(x[i : i + 8], y[i : i + 8]) for i in range(0, 64, 8)]
    loss = lambda model, batch: nn.functional.cross_entropy(model(batch[0]), batch[1])
    return tuiinit.Setup(model, batches, loss)
"""


@asynccontextmanager
async def over(
    link: Source, config: OwnConfig, recorder: Recorder | None = None, **more: object
) -> AsyncIterator[Driver]:
    app = ExplorerApp(link, config, restart=Link.child, recorder=recorder, **more)  # type: ignore[arg-type]
    async with driven(app, FakeLink()) as driver:
        yield driver


def loss_at(driver: Driver, step: int) -> float:
    snapshot = driver.session.shown.snapshots.get(step)
    assert snapshot is not None
    return float(snapshot.loss or "nan")


async def measured(driver: Driver, step: int) -> OwnConfig:
    """The configuration of the shown lane, once it is measured at a step and stands there."""

    def there() -> bool:
        here: LaneStatus | None = driver.session.lane_status
        snapshot = driver.session.snapshot()
        return here is not None and here.step == step and snapshot is not None and snapshot.step == step

    await driver.until(there, f"step {step}")
    config = driver.session.config
    assert isinstance(config, OwnConfig)
    return config


async def test_a_persons_file_is_toggled_mended_recorded_and_resumed(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(NET)
    recorder = Recorder(tmp_path / "sessions")
    config = OwnConfig(target=str(file), device="cpu")
    async with over(Link.child(), config, recorder) as driver:
        assert await measured(driver, 0) == config
        await driver.press("n")
        await measured(driver, 1)
        for key, wanted in (
            ("2", config.replace(gain=1.0)),
            ("b", config.replace(gain=1.0).set("norm", True)),
            ("t", config.replace(gain=1.0).set("norm", True).set("act", "tanh")),
        ):
            await driver.press(key)
            assert await measured(driver, 1) == wanted
        await driver.shows("tanh", "norm", "on", "SGD", "8 × 4, 8")
        shape = driver.session.shown.shape
        assert shape is not None
        assert [row.kind for row in shape.rows] == ["Linear", "BatchNorm1d", "tanh", "Linear"]

        file.write_text(NET.replace("ACTS[act]()", "ACTS[act](8, missing=1)"))
        await driver.shows("net.py changed: E builds it anew")
        await driver.press("E")
        await driver.until(lambda: isinstance(driver.app.screen, ProblemDialog), "the dialog")
        await driver.shows("net.py failed", "build() failed: TypeError", "ACTS[act](8, missing=1)")
        file.write_text(NET.replace("nn.Linear(8, 3)", "nn.Linear(8, 5)"))
        await driver.press("E")
        last = await measured(driver, 0)
        assert last == wanted.replace(revision=2)
        assert driver.session.previous is not None  # as it was, before it failed
        await driver.shows("net.py as it was")
        await driver.press("n")
        await measured(driver, 1)
        await driver.press("n")
        await measured(driver, 2)
        loss = loss_at(driver, 2)
        assert recorder.wait()
        path = recorder.path
    assert path is not None

    recording = load(path)
    assert (recording.config, recording.clock, recording.damage) == (last, 2, None)
    async with over(FileLink(recording), last, recalled=recording) as driver:
        await measured(driver, 2)
        await driver.shows("A recording", "act", "SGD")  # the settings are known without an engine
        assert loss_at(driver, 2) == loss
        await driver.press("n")
        await driver.shows("this is a recording, nothing trains here")
        await driver.press("b")
        await driver.shows("the recording holds no such network")

    resumed = ResumedLink(recording, Link.child())
    async with over(resumed, last, Recorder(tmp_path / "resumed"), recalled=recording) as driver:
        await driver.until(lambda: driver.session.hello and not driver.session.resuming, "caught up")
        await driver.press("n")
        await measured(driver, 3)
        assert loss_at(driver, 2) == loss
