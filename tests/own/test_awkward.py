"""Networks and setups of every awkward kind are trained, and measured without a difference to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import tuiinit
from tests.measure import awkward
from tuiinit.commands.example import examples
from tuiinit.config.own import OwnConfig
from tuiinit.config.setup import Setup
from tuiinit.engine.own.lane import OwnLane
from tuiinit.engine.own.source import Builder, Sources
from tuiinit.engine.own.target import knobs
from tuiinit.stream.checked import OwnProblem
from tuiinit.stream.misfit import misfit
from tuiinit.stream.protocol import Snapshot

CPU = torch.device("cpu")
Build = Callable[[], Any]


def first_tensor(output: Any) -> Tensor:
    if isinstance(output, Tensor):
        return output
    return first_tensor(next(iter(output.values())) if isinstance(output, dict) else output[0])


def squares(model: nn.Module, batch: Any) -> Tensor:
    output = model(**batch) if isinstance(batch, dict) else model(batch)
    return first_tensor(output).float().square().mean()


def popping(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    labels = batch.pop("labels")
    batch["x"].mul_(1.5)
    return functional.cross_entropy(model(batch["x"]), labels)


def noisy(*inputs: Any, **more: Any) -> Build:
    """A function whose network is `make()`, on batches."""
    make, *batches = inputs
    return lambda: Setup(make(), batches, more.pop("loss", squares) if "loss" in more else squares, **more)


def images() -> Tensor:
    return torch.linspace(-1, 1, 4 * 3 * 6 * 6).sin().view(4, 3, 6, 6)


def vectors() -> Tensor:
    return torch.linspace(-2, 2, 48).cos().view(8, 6)


def tokens() -> Tensor:
    return torch.arange(12).view(3, 4) % 11


def lazy() -> nn.Module:
    return nn.Sequential(nn.LazyLinear(7), nn.LazyBatchNorm1d(), nn.ReLU(), nn.LazyLinear(3))


def frozen() -> nn.Module:
    model = awkward.mlp()
    for parameter in model[0].parameters():  # type: ignore[index]
        parameter.requires_grad = False
    return model


class Growing(nn.Module):
    """Takes another path at each call."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(6, 6) for _ in range(3))
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        for layer in self.layers[: 1 + int(self.calls) % 3]:
            x = torch.tanh(layer(x))
        return x


class Spoken(nn.Module):
    """One layer of everything that has no weights of the usual kind, and no batch dimension in its output."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.table = nn.Parameter(torch.randn(6, 2))

    def forward(self, x: Tensor) -> Tensor:
        return (x @ self.table).sum() * self.scale


def bare() -> tuple[nn.Module, Tensor]:
    return awkward.mlp(), vectors()


def setups() -> dict[str, Build]:
    adam: Any = torch.optim.Adam
    return {
        "in place, twice called": noisy(awkward.resnet, images()),
        "functions, dict, tied": noisy(awkward.Functional, {"tokens": tokens()}),
        "sparse, cells, tuple": noisy(awkward.Recurrent, tokens()),
        "checkpoint": noisy(lambda: awkward.Checkpointed(False), vectors()),
        "reentrant": noisy(lambda: awkward.Checkpointed(True), vectors()),
        "lazy": noisy(lazy, vectors(), optimizer=adam),
        "frozen": noisy(frozen, vectors()),
        "bfloat16": noisy(lambda: awkward.mlp().bfloat16(), vectors().bfloat16()),
        "double": noisy(lambda: awkward.mlp().double(), vectors().double()),
        "compiled": noisy(lambda: torch.compile(awkward.mlp(), backend="eager"), vectors()),
        "weight norm": noisy(
            lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(6, 6)), nn.Tanh()), vectors()
        ),
        "spectral norm": noisy(lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(6, 6)), vectors()),
        "closure": noisy(awkward.mlp, vectors(), optimizer=lambda p: torch.optim.LBFGS(p, lr=0.1, max_iter=3)),
        "another path each time": noisy(Growing, vectors()),
        "no usual layer": noisy(Spoken, vectors(), loss=lambda model, x: model(x)),
        "batch that is changed": lambda: Setup(
            nn.Linear(6, 3), [{"x": vectors(), "labels": torch.arange(8) % 3} for _ in range(5)], popping
        ),
        "loss of one element": noisy(awkward.mlp, vectors(), loss=lambda model, x: model(x).mean().view(1, 1)),
        "two groups": noisy(
            awkward.mlp,
            vectors(),
            optimizer=lambda p: torch.optim.SGD([{"params": p[:2], "lr": 1.0}, {"params": p[2:]}], 0.1, momentum=0.9),
        ),
        "transformer": noisy(lambda: nn.TransformerEncoderLayer(6, 2, 12, batch_first=True), vectors().view(2, 4, 6)),
        "unbatched": noisy(awkward.mlp, vectors()[0]),
        "a model and its inputs": bare,
    }


@pytest.mark.parametrize("name", setups())
def test_awkward_networks_are_trained_and_measured(name: str) -> None:
    lanes = []
    for _ in range(2):
        function = setups()[name]
        config = OwnConfig(target="net.py", device="cpu")
        lanes.append(OwnLane(config, Builder(function, knobs(function)), CPU))
    always, never = lanes
    told: list[Any] = [always.about(), always.frame(), *always.notices()]
    told += [always.latest, *(always.train_step(measure=True) for _ in range(3)), *always.notices()]
    for _ in range(3):
        never.train_step()
    block = always.take_trace()
    assert not [frame for frame in told if isinstance(frame, OwnProblem)]
    assert [misfit(frame, always.shape) for frame in told] == [None] * len(told)
    snapshots = [frame for frame in told if isinstance(frame, Snapshot)]
    assert [snapshot.step for snapshot in snapshots] == [0, 1, 2, 3]
    assert snapshots[0].loss == snapshots[1].loss  # the peek at the first batch left nothing behind
    assert snapshots[-1].activations or name == "no usual layer"
    assert block is not None
    other = never.take_trace()
    assert other is not None
    assert np.array_equal(block.loss, other.loss)
    assert np.array_equal(block.update_data, other.update_data, equal_nan=True)
    for one, two in zip(always._model.state_dict().values(), never._model.state_dict().values(), strict=True):
        assert torch.equal(one, two)
    assert always.evaluate().dev is None


@pytest.mark.parametrize("name", examples())
def test_examples_train(name: str) -> None:
    target = str(Path(tuiinit.__file__).parent / "data" / "examples" / f"{name}.py")
    lane = OwnLane(OwnConfig(target=target, device="cpu"), Sources().get(target, 0), CPU)
    for _ in range(2):
        lane.train_step()
    snapshot = lane.train_step(measure=True)
    assert snapshot is not None
    assert snapshot.loss is not None
    assert misfit(snapshot, lane.shape) is None
    assert len(snapshot.activations) == len(lane.shape.rows) > 4
    (start,) = lane.notices()
    assert misfit(start, lane.shape) is None
    lane.close()
