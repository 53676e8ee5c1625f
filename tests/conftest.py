"""What all tests share: a state folder of their own, the lecture's data where it is, inputs tried by machine."""

from __future__ import annotations

import gc
import os
import shlex
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

# Before NumPy and PyTorch come: tests run side by side, and threads that spin for work take the cores from others.
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
# The programs that tests start by the hundred need not compile the package anew each.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

import hypothesis
import pytest

from tests import warm as warm_engines
from tuiinit.experiments import runs
from tuiinit.stream import link

hypothesis.settings.register_profile("suite", deadline=None, max_examples=50, print_blob=True)
hypothesis.settings.load_profile("suite")

LECTURE = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_collection_finish() -> None:
    """What is loaded by now stays: collecting garbage, which took a seventh of the time, need not look at it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _state_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Logs and recordings of the tests go where pytest cleans up, not into the user's state folder."""
    os.environ["TUIINIT_STATE"] = str(tmp_path_factory.mktemp("state"))


@pytest.fixture(autouse=True)
def _no_hook_is_left() -> Iterator[None]:
    """A hook on all modules that a test left behind would be the next test's trouble."""
    yield
    module = sys.modules.get("torch.nn.modules.module")
    assert module is None or not module._has_any_global_hook(), "a hook on all modules was left behind"


@pytest.fixture(scope="session")
def lecture_names() -> Path:
    """The word list that the lecture trains on; it is not part of the project."""
    path = LECTURE / "makemore-names.txt"
    if not path.exists():
        pytest.skip(f"the lecture's word list is not at {path}")
    return path


@pytest.fixture(scope="session")
def lecture_figures() -> Path:
    """The figures that the lecture's network gives on its list."""
    path = LECTURE / "lecture.json"
    if not path.exists():
        pytest.skip(f"the lecture's figures are not at {path}")
    return path


Tuiinit = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def tuiinit() -> Tuiinit:
    """The program as a process: arguments in, exit code and both outputs out."""

    def run(*arguments: str | bytes, **settings: object) -> subprocess.CompletedProcess[str]:
        given = {"capture_output": True, "text": True, "timeout": 100, "stdin": subprocess.DEVNULL, **settings}
        return subprocess.run([sys.executable, "-m", "tuiinit", *arguments], check=False, **given)  # type: ignore[call-overload,no-any-return]

    return run


@pytest.fixture(scope="session")
def warm_engine() -> Iterator[list[str]]:
    """The command of an engine that starts at once; see `tests.warm`."""
    with tempfile.TemporaryDirectory(prefix="warm-") as folder:  # not pytest's: an address has to be short
        address = str(Path(folder) / "socket")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(address)
            listener.listen()
            code = "import socket, sys; from tests.warm import serve; serve(socket.socket(fileno=int(sys.argv[1])))"
            command = [sys.executable, "-c", code, str(listener.fileno())]
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
            server = subprocess.Popen(command, pass_fds=[listener.fileno()], env=environment, stdin=subprocess.PIPE)
        yield [sys.executable, "-I", "-S", warm_engines.__file__, address]
        server.communicate(timeout=100)
        assert server.returncode == 0


@pytest.fixture(scope="module")
def warm(warm_engine: list[str]) -> Iterator[None]:
    """Engines of these tests, where no other is asked for, start at once and are asked often for news."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(link, "engine_command", lambda command, **_: shlex.split(command) if command else warm_engine)
        patch.setattr(runs, "PROGRESS_SECONDS", 0.05)
        yield
