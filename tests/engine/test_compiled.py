"""Quicker steps: compiled ones and CUDA graphs give the plain step's numbers, or are not taken."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from torch import Tensor

from tests.engine.conftest import Make
from tuiinit.config.names import OPTIMIZERS
from tuiinit.config.nonlinearities import NONLINEARITIES
from tuiinit.config.run import RunConfig
from tuiinit.engine.quick import compiled, functional
from tuiinit.engine.quick.compiled import Compiler
from tuiinit.engine.quick.functional import FunctionalStep
from tuiinit.engine.quick.recipe import Recipe
from tuiinit.engine.trainer import Trainer

SMALL = RunConfig(hidden=(6, 5), embedding=3)
TINY = RunConfig(hidden=(3,), embedding=2, bn=True)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUIINIT_CACHE", str(tmp_path))
    return tmp_path / "compiled"


def recipe_of(lane: Trainer, **changes: Any) -> Recipe:
    made = Recipe.of(lane.network, lane.config.batch_size, updates=lane._stepper.plain_sgd)
    return msgspec.structs.replace(made, **changes)


class Interpreted(Compiler):
    """Runs the formulas as they are, without a compiler."""

    def __init__(self, spoil: float = 0.0) -> None:
        super().__init__()
        self.calls = 0
        self.spoil = spoil

    def _runner(self, recipe: Recipe) -> Callable[[list[Tensor]], list[Tensor]]:
        step = FunctionalStep(recipe)

        def run(inputs: list[Tensor]) -> list[Tensor]:
            self.calls += 1
            loss = step(*inputs)
            inputs[0].add_(self.spoil)
            return [loss]

        return run


def values(lane: Trainer) -> list[Tensor]:
    optimizer = lane._optimizer
    state = [] if optimizer is None else [t for s in optimizer.state.values() for t in s.values()]
    return [t.clone() for t in (lane.network.flat, lane.network.memory.all_running, *state) if isinstance(t, Tensor)]


CASES = [
    *({"nonlinearity": name, "bn": bn} for name in NONLINEARITIES for bn in (False, True)),
    {"bn": True, "bn_style": "torch", "bias_before_bn": True, "bn_momentum": 0.3},
    {"bn": True, "batch_size": 2},
    {"batch_size": 1},
    *({"optimizer": name, "lr": 0.01, "bn": True} for name in OPTIMIZERS[1:]),
]


@pytest.mark.parametrize("settings", CASES, ids=str)
def test_the_formulas_are_the_plain_steps(trainer: Make, settings: dict[str, Any]) -> None:
    plain, quick = trainer(SMALL, **settings), trainer(SMALL, **settings)
    compiler = Interpreted()
    for _ in range(2):
        plain.train_step()
        quick.train_step()
    quick.quicken(compiler)
    assert quick.quick == "compiled"
    assert compiler.calls == 1, "it was compared"
    for a, b in zip(values(plain), values(quick), strict=True):
        assert torch.equal(a, b), "to compare leaves everything as it was"
    for step in range(20):
        plain.train_step(measure=step == 10)
        quick.train_step(measure=step == 10)
    assert compiler.calls == 20, "only what is measured is plain"
    one, other = plain.take_trace(), quick.take_trace()
    assert one is not None
    assert other is not None
    torch.testing.assert_close(torch.from_numpy(other.loss), torch.from_numpy(one.loss), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(
        torch.from_numpy(other.update_data), torch.from_numpy(one.update_data), rtol=1e-3, atol=1e-3
    )
    for a, b in zip(values(plain), values(quick), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)


def test_tanh_in_formulas() -> None:
    sizes = torch.cat([torch.logspace(-35, 2, 100_001), torch.linspace(0, 12, 100_001)])
    x = torch.cat([sizes, -sizes])
    torch.testing.assert_close(functional.tanh(x).double(), torch.tanh(x.double()), rtol=3e-7, atol=0)
    ends = torch.tensor([0.0, float("inf"), -float("inf"), 1e30, -1e30, float("nan")])
    torch.testing.assert_close(functional.tanh(ends), torch.tanh(ends), rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_step_that_gives_other_numbers_is_not_taken(trainer: Make, optimizer: Any) -> None:
    lane, same = trainer(SMALL, optimizer=optimizer, bn=True), trainer(SMALL, optimizer=optimizer, bn=True)
    compiler = Interpreted(spoil=1e-3)
    for _ in range(3):
        lane.train_step()
        same.train_step()
    lane.quicken(compiler)
    assert lane.quick == ""
    lane.quicken(compiler)
    assert compiler.calls == 1, "it is not tried again"
    lane.train_step()
    same.train_step()
    for a, b in zip(values(lane), values(same), strict=True):
        assert torch.equal(a, b)


def test_what_changes_the_step_needs_another(trainer: Make) -> None:
    lane = trainer(SMALL)
    compiler = Interpreted()
    lane.train_step()
    lane.quicken(compiler)
    assert lane.quick
    for name, value in (("batch_size", 7), ("lr", 0.01), ("optimizer", "adam")):
        lane.adjust(name, value)
        assert not lane.quick
        lane.quicken(compiler)  # Adam has no state yet
        assert bool(lane.quick) == (name != "optimizer")
        lane.train_step()
    lane.quicken(compiler)
    assert lane.quick


def test_one_library_serves_all_that_differs_in_scale_alone(trainer: Make) -> None:
    name = recipe_of(trainer(SMALL)).name
    same_shape = ({"gain": 3.0}, {"seed": 1}, {"lr": 0.5}, {"output_scale": 1.0}, {"fan_in_scaling": False})
    for same in (*same_shape, {"bias_scale": (1, 1)}):
        assert recipe_of(trainer(SMALL, **same)).name == name
    for other in ({"hidden": (6,)}, {"bn": True}, {"batch_size": 8}, {"nonlinearity": "relu"}, {"optimizer": "adam"}):
        assert recipe_of(trainer(SMALL, **other)).name != name


# ------------------------------------------------------------------------------------- the compiler itself


def wait_for(condition: Callable[[], bool], seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.skipif(not compiled.possible(), reason="there is no C++ compiler here")
@pytest.mark.long
def test_compiled_for_real_and_kept(trainer: Make, cache: Path) -> None:
    lane, plain = trainer(TINY), trainer(TINY)
    compiler = Compiler()
    lane.train_step()
    lane.quicken(compiler)
    assert compiler.working
    assert lane.quick == "", "training goes on by the plain step"

    def there() -> bool:
        lane.quicken(compiler)
        return bool(lane.quick) or not compiler.working

    wait_for(there)
    assert lane.quick == "compiled"
    plain.train_step()
    for _ in range(10):
        lane.train_step()
        plain.train_step()
    torch.testing.assert_close(lane.network.flat, plain.network.flat, rtol=1e-4, atol=1e-4)
    assert [path.suffix for path in cache.iterdir()] == [".so"], "nothing else is left"
    again = trainer(TINY, gain=1.0)
    again.train_step()
    again.quicken(Compiler())
    assert again.quick == "compiled", "the next start finds it"


def test_without_a_compiler_nothing_is_said(trainer: Make, monkeypatch: Any, capfd: Any) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    lane = trainer(SMALL)
    compiler = Compiler()
    lane.train_step()
    for _ in range(2):
        lane.quicken(compiler)
        assert not compiler.working
        assert not lane.quick
    lane.train_step()
    assert capfd.readouterr() == ("", "")


def test_a_broken_library_is_thrown_away(trainer: Make, cache: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(compiled, "possible", lambda: False)
    lane = trainer(SMALL)
    cache.mkdir()
    path = cache / recipe_of(lane).name
    path.write_bytes(b"\x7fELF, cut off")
    lane.train_step()
    lane.quicken(Compiler())
    assert not lane.quick
    assert not path.exists()


@pytest.mark.skipif(not compiled.possible(), reason="there is no C++ compiler here")
def test_a_compiler_that_is_done_is_not_said_to_work(trainer: Make, cache: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(compiled, "possible", lambda: True)
    monkeypatch.setattr(compiled.sys, "executable", "/bin/true")
    lane = trainer(SMALL)
    compiler = Compiler()
    lane.quicken(compiler)
    cache.mkdir()
    (cache / recipe_of(lane).name).write_bytes(b"made, and not wanted any more")
    wait_for(lambda: not compiler.working)


def test_a_step_that_cannot_be_compiled_is_given_up(trainer: Make, monkeypatch: Any) -> None:
    monkeypatch.setenv("CXX", "false")
    lane = trainer(SMALL)
    compiler = Compiler()
    lane.train_step()
    monkeypatch.setattr(compiled.sys, "executable", "/bin/false")
    lane.quicken(compiler)

    def ended() -> bool:
        lane.quicken(compiler)
        return not compiler.working

    wait_for(ended, 20)
    lane.quicken(compiler)
    assert not compiler.working, "not tried again"
    assert not lane.quick


@pytest.mark.skipif(not compiled.possible(), reason="there is no C++ compiler here")
@pytest.mark.parametrize(
    "ended", [False, pytest.param(True, marks=pytest.mark.long)], ids=["engine gone", "terminated"]
)
def test_a_compiler_whose_engine_is_gone_ends(trainer: Make, cache: Path, tmp_path: Path, ended: bool) -> None:
    (tmp_path / "scratch").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "tuiinit.engine.quick.compiling"],
        stdin=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "TMPDIR": str(tmp_path / "scratch")},
    )
    assert process.stdin is not None
    process.stdin.write(msgspec.json.encode(recipe_of(trainer())) + b"\n")
    process.stdin.flush()
    wait_for(lambda: any(cache.glob("*.lock")) or process.poll() is not None, 60)
    assert process.poll() is None
    if ended:
        process.terminate()
    else:
        process.stdin.close()
    process.wait(20)
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    assert not any(cache.glob("*.so"))
    assert not any((tmp_path / "scratch").iterdir())


# ----------------------------------------------------------------------------------------- CUDA graphs


class FakeGraph:
    """Keeps the step that was captured and takes it again, with what its memory holds then."""

    def __init__(self) -> None:
        self.replayed = 0
        self.step: Callable[[], object] = lambda: None

    def replay(self) -> None:
        self.replayed += 1
        self.step()


class FakeStream:
    def wait_stream(self, other: FakeStream) -> None:
        pass


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> list[FakeGraph]:
    """CUDA's part of a capture, played on the CPU: what cannot be tried without a device is CUDA itself."""
    made: list[FakeGraph] = []

    def begin() -> FakeGraph:
        made.append(FakeGraph())
        return made[-1]

    @contextlib.contextmanager
    def record(graph: FakeGraph) -> Iterator[None]:
        from tuiinit.engine.steps import Step

        plain = Step.plain

        def seen(step: Step, x: Tensor, y: Tensor, **given: Any) -> None:
            graph.step = lambda: plain(step, x, y, **given)

        with monkeypatch.context() as patch:
            patch.setattr(Step, "plain", seen)
            yield

    monkeypatch.setattr(torch.cuda, "Stream", FakeStream)
    monkeypatch.setattr(torch.cuda, "current_stream", FakeStream)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: contextlib.nullcontext())
    monkeypatch.setattr(torch.cuda, "CUDAGraph", begin)
    monkeypatch.setattr(torch.cuda, "graph", record)
    return made


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_graph_takes_the_plain_steps(trainer: Make, graphs: list[FakeGraph], optimizer: Any) -> None:
    settings = SMALL.replace(bn=True, optimizer=optimizer)
    lane, plain = trainer(settings), trainer(settings)
    lane.device = torch.device("cuda")
    for _ in range(2):
        lane.train_step()
        plain.train_step()
    lane.quicken(None)
    assert lane.quick == "CUDA graph"
    for step in range(10):
        lane.train_step(measure=step == 5)
        plain.train_step(measure=step == 5)
    assert [graph.replayed for graph in graphs] == [1 + 9]
    for a, b in zip(values(lane), values(plain), strict=True):
        assert torch.equal(a, b)
    lane.adjust("lr", 0.05)
    assert not lane.quick
    lane.train_step()
    lane.quicken(None)
    assert lane.quick
    assert len(graphs) == 2, "lr is part of a graph"


def test_what_cannot_be_captured_stays_plain(trainer: Make, graphs: Any, monkeypatch: Any, capfd: Any) -> None:
    def refuse(graph: FakeGraph) -> None:
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(torch.cuda, "graph", refuse)
    lane, plain = trainer(SMALL), trainer(SMALL)
    lane.device = torch.device("cuda")
    lane.train_step()
    plain.train_step()
    lane.quicken(None)
    lane.quicken(None)
    assert not lane.quick
    assert capfd.readouterr().err.count("not captured as a CUDA graph") == 1
    lane.train_step()
    plain.train_step()
    assert torch.equal(lane.network.flat, plain.network.flat)
