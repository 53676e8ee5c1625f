"""A live run as the explorer's stream: its past, what comes, and that the run hears of it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import torch
from torch import nn

import tuiinit
from tuiinit.stream import runs
from tuiinit.stream.attaching import LiveLink
from tuiinit.stream.protocol import Lane, Snapshot, Status
from tuiinit.stream.recording import load


async def test_an_attached_run_tells_its_past_and_goes_on(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Tanh())
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    handle: Any = tuiinit.watch(model, optimizer, every=1, record=tmp_path / "run")  # type: ignore[operator]

    def step() -> None:
        optimizer.zero_grad()
        handle.loss(model(torch.ones(3, 4)).square().mean()).backward()
        optimizer.step()

    step()
    while handle.path.stat().st_size < 2000:  # the first step is written
        await asyncio.sleep(0.01)
    link = LiveLink(load(handle.path))
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
