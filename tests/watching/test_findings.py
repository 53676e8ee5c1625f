"""Findings while a run trains: each with a planted fault, none where all is well."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import tuiinit
from tuiinit.insight.check.finding import CheckFinding
from tuiinit.insight.watched import Watchman
from tuiinit.stream.following import Follower
from tuiinit.stream.protocol import Snapshot


def deep(std: float) -> nn.Module:
    layers: list[nn.Module] = []
    for _ in range(10):
        layers += [nn.Linear(16, 16), nn.Tanh()]
        nn.init.normal_(layers[-2].weight, std=std / 4)  # type: ignore[arg-type]
    return nn.Sequential(*layers, nn.Linear(16, 4))


def healthy() -> nn.Module:
    return nn.Sequential(
        nn.Linear(16, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 4)
    )


def dying() -> nn.Module:
    model = healthy()
    model[3].bias.data.fill_(-100.0)  # type: ignore[index, union-attr]
    return model


def stale() -> nn.Module:
    return nn.Sequential(nn.Linear(16, 32), nn.BatchNorm1d(32, momentum=0.0), nn.ReLU(), nn.Linear(32, 4))


def overflowing(model: nn.Module, step: int) -> None:
    if step == 30:
        model[3].weight.data[0, 0] = float("inf")  # type: ignore[index, union-attr]


def found(
    path: Path, make: Callable[[], nn.Module], lr: float = 1e-3, disturb: Callable[[nn.Module, int], None] | None = None
) -> list[CheckFinding]:
    """What is said at the end of 140 steps, or as soon as a value is no finite number."""
    torch.manual_seed(0)
    model = make()
    x, y = torch.randn(64, 16) * 3 + 8, torch.randint(4, (64,))
    optimizer = torch.optim.AdamW(model.parameters(), lr)
    handle: Any = tuiinit.watch(model, optimizer, every=10, record=path)  # type: ignore[operator]
    for step in range(1, 141):
        if disturb is not None:
            disturb(model, step)
        optimizer.zero_grad()
        loss: Tensor = nn.functional.cross_entropy(model(x), y)
        handle.loss(loss).backward()
        optimizer.step()
    handle.close()
    watchman, said = Watchman(), []
    for frame in Follower(handle.path).read():
        if isinstance(frame, Snapshot):
            said = watchman.look(frame)
    return said


def test_a_healthy_run_is_quiet(tmp_path: Path) -> None:
    assert found(tmp_path / "run", healthy) == []


@pytest.mark.parametrize(
    ("make", "settings", "kind", "row"),
    [
        (healthy, {"disturb": overflowing}, "first-nan", "3"),
        (dying, {}, "layer-died", "4"),
        (healthy, {"lr": 1e-9}, "update-data", "0.weight"),
        (lambda: deep(0.05), {"lr": 1e-6}, "vanishing-gradient", "0.weight"),
        (stale, {}, "stale-norm", "1"),
    ],
)
def test_a_planted_fault_is_found(
    make: Callable[[], nn.Module], settings: dict[str, Any], kind: str, row: str, tmp_path: Path
) -> None:
    assert (kind, row) in [(one.id, one.row) for one in found(tmp_path / "run", make, **settings)]
