"""What all tests share: a state folder of their own, the lecture's data where it is, inputs tried by machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile("suite", deadline=None, max_examples=50, print_blob=True)
hypothesis.settings.load_profile("suite")

LECTURE = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def _state_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Logs and recordings of the tests go where pytest cleans up, not into the user's state folder."""
    os.environ["TUIINIT_STATE"] = str(tmp_path_factory.mktemp("state"))


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
