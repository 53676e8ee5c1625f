"""What tests of people's own networks share: their files, and that importing those leaves nothing behind."""

from __future__ import annotations

import io
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from tuiinit.cli import main
from tuiinit.config.own import OwnConfig
from tuiinit.engine.own import script
from tuiinit.engine.own.lane import OwnLane
from tuiinit.engine.own.randomness import Generators
from tuiinit.engine.own.source import Sources

HEAD = """
import sys
import torch
from torch import nn
from torch.nn import functional as F
import tuiinit

def setup(loss=lambda model, x: model(x).square().mean(), batches=None, model=None, **more):
    return tuiinit.Setup(model or nn.Linear(3, 2), [torch.ones(4, 3)] if batches is None else batches, loss, **more)

"""

Write = Callable[[str], str]
Typed = Callable[..., tuple[int, str, str]]
MakeLane = Callable[..., OwnLane]


@pytest.fixture(autouse=True)
def _own_process_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """What importing a person's file changes is put back: here it runs in the tests' own process."""
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    yield
    Generators.leave()
    script.leave()
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a person's file and give its target."""

    def written(text: str) -> str:
        path = tmp_path / "net.py"
        path.write_text(HEAD + textwrap.dedent(text))
        return str(path)

    return written


@pytest.fixture
def lane_of() -> Iterator[MakeLane]:
    """Begin a lane of a target with settings of its function."""
    sources, made = Sources(), []

    def make(target: str, *, settings: dict[str, bool | int | float | str] | None = None, **config: object) -> OwnLane:
        own = OwnConfig(target=target, settings=tuple((settings or {}).items()), device="cpu", **config)  # type: ignore[arg-type]
        made.append(OwnLane(own, sources.get(target, own.revision), torch.device("cpu")))
        return made[-1]

    yield make
    for lane in made:
        lane.close()


@pytest.fixture
def typed(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Typed:
    """The command line in this process, its engines warm: exit code, standard output and error."""

    def run(*words: str, width: int = 80) -> tuple[int, str, str]:
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setattr("sys.argv", ["tuiinit", *words])
        with pytest.raises(SystemExit) as left:
            main()
        out, error = capfd.readouterr()
        return int(left.value.code or 0), out, error

    return run
