"""What a frame of a watched run holds beside means and stds, and that a large network's is not too large."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from torch import Tensor, nn

import tuiinit
from tuiinit.stream import wire
from tuiinit.stream.fitting import LARGEST, fitted
from tuiinit.stream.following import Follower
from tuiinit.stream.misfit import misfit
from tuiinit.stream.protocol import Activation, Lane, Snapshot
from tuiinit.views.saturation import saturated


def first(path: Path, model: nn.Module, inputs: Tensor) -> tuple[Lane, Snapshot]:
    """The frames of one step."""
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    with tuiinit.watch(model, optimizer, every=1, record=path) as watch:  # type: ignore[operator]
        watch.loss(model(inputs).square().mean()).backward()
        optimizer.step()
    with closing(Follower(watch.path)) as follower:
        frames = list(follower.read())
    (lane,) = (frame for frame in frames if isinstance(frame, Lane))
    (snapshot,) = (frame for frame in frames if isinstance(frame, Snapshot))
    assert misfit(snapshot, lane.shape) is None
    return lane, snapshot


def bits(a: Activation) -> list[list[bool]]:
    return saturated(a).tolist()  # type: ignore[no-any-return]


def test_units_that_are_flat_are_shown_example_by_example_and_dead_ones_named(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(inplace=True), nn.Linear(8, 5), nn.Tanh())
    model[0].bias.data[3] = -100.0
    model[2].weight.data.mul_(20)
    x = torch.randn(64, 6)
    relu = model[0](x).relu().detach()
    tanh = model(x).detach()
    _, snapshot = first(tmp_path / "run", model, x)
    _, a, _, b = snapshot.activations
    assert 3 in a.dead
    assert a.dead == tuple((relu <= 0).all(0).nonzero().flatten().tolist())
    assert bits(a) == (relu <= 0)[:32].tolist()
    assert bits(b) == (tanh.abs() >= 0.97)[:32].tolist()
    assert snapshot.probe_rows == 64


def test_a_channel_is_flat_where_it_is_at_all_places(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(80, 2))
    model[0].bias.data[2] = -100.0
    x = torch.randn(4, 3, 6, 6)
    flat = (model[1](model[0](x)) <= 0).flatten(2).all(2)
    _, snapshot = first(tmp_path / "run", model, x)
    assert bits(snapshot.activations[1]) == flat.tolist()
    assert (snapshot.activations[1].dead, snapshot.probe_rows) == ((2,), 64)


def test_of_few_values_no_unit_is_called_dead(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU())
    _, snapshot = first(tmp_path / "run", model, torch.randn(5, 6))
    assert (snapshot.activations[1].dead, snapshot.activations[1].saturation, snapshot.probe_rows) == ((), b"", 0)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for _ in range(256):
        layers += [nn.Linear(24, 24), nn.BatchNorm1d(24), nn.ReLU()]
    return first(tmp_path_factory.mktemp("large") / "run", nn.Sequential(*layers), torch.randn(48, 24))[1]


def test_a_frame_of_512_rows_is_at_most_400_kilobytes(large: Snapshot) -> None:
    assert len(large.activations) == 512
    assert sum(bool(a.saturation) for a in large.activations) == 128
    assert len(wire.pack(large)) <= 400_000
    assert all(sum(a.histogram.counts) + round(a.histogram.outside * 48 * 24) == 48 * 24 for a in large.activations)


@pytest.mark.parametrize("largest", [LARGEST, 360_000, 340_000, 320_000, 1])
def test_what_does_not_fit_gets_coarser_bit_by_bit(large: Snapshot, largest: int) -> None:
    small: Any = fitted(large, largest)
    assert largest == 1 or len(msgspec.msgpack.encode(small)) <= largest
    assert [(a.layer, a.std) for a in small.activations] == [(a.layer, a.std) for a in large.activations]
    assert fitted(small, LARGEST) is small
