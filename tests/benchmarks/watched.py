"""What it costs to be watched: copies of a network that train in turn, one watched and one not.

The run keeps to its budget by its thread's time on a core, which on a quiet machine is the wall clock's: so that what
others do on the machine changes neither what it does nor the figures.
"""

from __future__ import annotations

import itertools
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

import tuiinit
from tests.benchmarks.soak import resident
from tests.benchmarks.table import Row
from tuiinit.stream import runs

BLOCK = 2.0  # seconds that one of the two trains before it is the other's turn
SECONDS = 60.0  # that each trains in all
SEEN, UNSEEN = 0.02, 0.003  # of the time, at most


class Block(nn.Module):
    """Of a GPT: attention and a feed-forward part on a residual stream."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (p.unflatten(2, (4, -1)).transpose(1, 2) for p in self.qkv(self.norm1(x)).chunk(3, 2))
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        return x + self.down(functional.gelu(self.up(self.norm2(x))))


class Residual(nn.Module):
    """Of a ResNet: two convolutions with batch norm beside a shortcut, nonlinearities in place."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(2))
        self.bn1, self.bn2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        y += x
        return self.relu(y)  # type: ignore[no-any-return]


class Head(nn.Module):
    """Token and place embeddings, what is inside, and a head over the vocabulary."""

    def __init__(self, *inside: nn.Module, width: int, words: int, length: int) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(words, width), nn.Embedding(length, width)
        self.inside = nn.Sequential(*inside, nn.LayerNorm(width))
        self.head = nn.Linear(width, words)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.words(tokens) + self.places.weight[: tokens.shape[1]]
        return self.head(self.inside(x))  # type: ignore[no-any-return]


def mlp() -> tuple[nn.Module, Tensor, Tensor]:
    layers: list[nn.Module] = [nn.Linear(64, 256), nn.ReLU()]
    for _ in range(6):
        layers += [nn.Linear(256, 256), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(256, 10)), torch.randn(256, 64), torch.randint(10, (256,))


def gpt() -> tuple[nn.Module, Tensor, Tensor]:
    model = Head(*(Block(128) for _ in range(4)), width=128, words=65, length=64)
    return model, torch.randint(65, (16, 64)), torch.randint(65, (16, 64))


def resnet() -> tuple[nn.Module, Tensor, Tensor]:
    model = nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(inplace=True),
        *(Residual(32) for _ in range(4)), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10),
    )  # fmt: skip
    return model, torch.randn(32, 3, 32, 32), torch.randint(10, (32,))


NETWORKS: dict[str, Callable[[], tuple[nn.Module, Tensor, Tensor]]] = {"MLP": mlp, "GPT": gpt, "ResNet": resnet}


class Training:
    """One copy of a network, and how long its steps took."""

    def __init__(self, make: Callable[[], tuple[nn.Module, Tensor, Tensor]], record: Path | None) -> None:
        torch.manual_seed(0)
        self._model, self._x, self._y = make()
        self._optimizer = torch.optim.AdamW(self._model.parameters(), 1e-3)
        self.away = 0.0  # seconds in which it was the other's turn
        self.watch: Any = None
        if record is not None:
            self.watch = tuiinit.watch(self._model, self._optimizer, record=record)  # type: ignore[operator]
            control = self.watch._control
            control.clock = lambda: time.thread_time() - self.away
            control._began = control._last = control.clock()
        self.wall = 0.0
        self._took: list[tuple[bool, float]] = []  # of each step: whether it, or the one before, is measured; seconds
        self._after = False

    def step(self) -> None:
        self._optimizer.zero_grad()
        loss = functional.cross_entropy(self._model(self._x).flatten(0, -2), self._y.flatten())
        (loss if self.watch is None else self.watch.loss(loss)).backward()
        self._optimizer.step()

    @property
    def share(self) -> float:
        """Of this thread's time on a core, what measured steps and those after them took more, and the writer."""
        usual = statistics.median(took for measured, took in self._took if not measured)
        more = sum(took - usual for measured, took in self._took if measured)
        writer = time.clock_gettime(time.pthread_getcpuclockid(self.watch._writer._thread.ident))
        return (more + writer) / sum(took for _, took in self._took)

    def train(self, seconds: float) -> float:
        """Train so long; seconds a step."""
        wall, steps = time.perf_counter(), 0
        while time.perf_counter() - wall < seconds:
            measured = self.watch is not None and self.watch._step is not None
            began = time.thread_time()
            self.step()
            self._took.append((measured or self._after, time.thread_time() - began))
            self._after = measured
            steps += 1
        took = time.perf_counter() - wall
        self.wall += took
        return took / steps


@dataclass(frozen=True)
class Cost:
    """What being watched takes of the time."""

    steps: float  # by the time on a core of single steps: what measured ones take more, and the writer
    wall: float  # by the wall clock of blocks, the median of pairs
    claim: float  # as the run itself says it
    noise: float  # what two blocks of the unwatched copy differ by: a pair tells nothing finer

    def __str__(self) -> str:
        return f"{self.steps:.2%} of a core; {self.wall:+.1%} by the clock (± {self.noise:.1%}); says {self.claim:.2%}"


def cost(make: Callable[[], tuple[nn.Module, Tensor, Tensor]], seen: bool, seconds: float = SECONDS) -> Cost:
    """Train a watched copy and one that is not in turn, so long each."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        watched, plain = Training(make, Path(folder) / "run"), Training(make, None)
        pairs: list[tuple[float, float]] = []
        start = time.thread_time()
        over = threading.Event()
        looking = threading.Thread(target=_look, args=(watched.watch.path, over))
        if seen:
            looking.start()
        while time.thread_time() - watched.away < seconds + start:
            one = watched.train(BLOCK)
            began = time.thread_time()
            pairs.append((one, plain.train(BLOCK)))
            watched.away += time.thread_time() - began
        share, claim = watched.share, watched.watch._control.share
        over.set()
        watched.watch.close()
    wall = statistics.median(a / b for a, b in pairs) - 1
    noise = statistics.median(abs(a / b - 1) for (_, a), (_, b) in itertools.pairwise(pairs))
    return Cost(share, wall, claim, noise)


def _look(path: Path, over: threading.Event) -> None:
    while not over.wait(1.0):
        runs.look(path)


def growth(steps: int = 100_000) -> tuple[float, float]:
    """Resident memory in MiB while a small network is watched and looked at: at a tenth of the steps, and at the end
    the median of what was more from there on."""
    model = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2))
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    x, sizes = torch.randn(16, 8), []
    with tempfile.TemporaryDirectory() as folder, tuiinit.watch(model, optimizer, record=Path(folder) / "run") as watch:  # type: ignore[operator]
        for step in range(1, steps + 1):
            optimizer.zero_grad()
            watch.loss(model(x).square().mean()).backward()
            optimizer.step()
            if step % (steps // 50) == 0:
                runs.look(watch.path)
                sizes.append(resident(os.getpid()))
    late = sizes[len(sizes) // 10 :]
    return late[0], statistics.median(late[-5:]) - late[0]


def watched() -> Iterator[Row]:
    """A minute each of three networks, with a viewer and without; and memory over 100,000 steps."""
    for name, make in NETWORKS.items():
        for seen, most in ((True, SEEN), (False, UNSEEN)):
            found = cost(make, seen)
            what = f"{name} watched, {'with' if seen else 'without'} a viewer"
            yield Row(what, str(found), f"≤ {most:.1%}", found.steps <= most)
    at, more = growth()
    yield Row("100,000 watched steps: memory", f"{more:+.1f} MiB from step 10,000 on, of {at:.0f}", "flat", more < 4)
