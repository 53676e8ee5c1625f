"""A library of the compile cache is code: what somebody else may have put there is not run, and that is said."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.conftest import Make
from tuiinit.config.run import RunConfig
from tuiinit.engine import library
from tuiinit.engine.clock import Clock
from tuiinit.engine.lanes import Lanes
from tuiinit.engine.quick import compiled
from tuiinit.engine.quick.compiled import Compiler
from tuiinit.engine.quick.recipe import Recipe

NOBODY = 65534
SMALL = RunConfig(hidden=(6, 5), embedding=3, device="cpu")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sound folder with a library in it for the step of SMALL; no compiler."""
    monkeypatch.setenv("TUIINIT_CACHE", str(tmp_path))
    monkeypatch.setattr(compiled, "possible", lambda: False)
    folder = tmp_path / "compiled"
    library.make_folder(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    return folder


@pytest.fixture
def planted(cache: Path, trainer: Make) -> Path:
    return named(cache, trainer)


def named(cache: Path, trainer: Make) -> Path:
    lane = trainer(SMALL)
    path = cache / Recipe.of(lane.network, SMALL.batch_size, updates=lane._stepper.plain_sgd).name
    path.write_bytes(b"\x7fELF, planted")
    path.chmod(0o600)
    return path


def folder_open_to_all(path: Path) -> None:
    path.parent.chmod(0o777)


def folder_open_to_the_group(path: Path) -> None:
    path.parent.chmod(0o770)


def file_open_to_all(path: Path) -> None:
    path.chmod(0o606)


def folder_of_another(path: Path) -> None:
    os.chown(path.parent, NOBODY, NOBODY)


def file_of_another(path: Path) -> None:
    os.chown(path, NOBODY, NOBODY)


def file_that_is_a_link(path: Path) -> None:
    path.rename(path.parent.parent / "real.so")
    path.symlink_to(path.parent.parent / "real.so")


def folder_that_is_a_link(path: Path) -> None:
    path.parent.rename(path.parent.parent / "real")
    path.parent.symlink_to("real")


def file_that_is_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


CASES = [
    (folder_open_to_all, "others may write to"),
    (folder_open_to_the_group, "others may write to"),
    (file_open_to_all, "others may write to"),
    pytest.param(folder_of_another, "another user's", marks=needs_root),
    pytest.param(file_of_another, "another user's", marks=needs_root),
    (file_that_is_a_link, "is a link"),
    (folder_that_is_a_link, "is a link"),
    (file_that_is_a_pipe, "is no file"),
]


@pytest.mark.parametrize(("spoil", "sentence"), CASES)
def test_what_others_may_have_put_there_is_not_run(
    planted: Path, spoil: Callable[[Path], None], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[object] = []
    monkeypatch.setattr(compiled.torch._C._aoti, "AOTIModelContainerRunnerCpu", lambda *given: loaded.append(given))
    spoil(planted)
    with pytest.raises(library.UntrustedError, match=sentence):
        library.find(planted)
    lanes = Lanes(Clock(), Compiler())
    (lane,) = lanes.select([SMALL])
    for _ in range(3):
        lane.train_step()
        lanes.quicken()
    assert loaded == []
    assert planted.exists(), "it is not ours to delete"
    assert lanes.quick.startswith("plain: ")
    assert sentence in lanes.quick
    assert str(planted.parent) in lanes.quick
    assert lane.step == 3


def test_what_is_ours_is_loaded_from_the_folder_that_was_checked(cache: Path, planted: Path) -> None:
    name = library.find(planted)
    assert name is not None
    cache.rename(cache.with_name("away"))
    cache.mkdir()
    planted.write_bytes(b"of somebody who may write to the folder above")
    assert Path(name).read_bytes() == b"\x7fELF, planted"
    planted.unlink()
    assert library.find(planted) is None
    cache.rmdir()
    assert library.find(planted) is None


def test_what_is_made_is_ours_whatever_the_umask(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "made").write_bytes(b"a library")
    before = os.umask(0)
    try:
        library.keep(str(tmp_path / "made"), cache / "x.so")
    finally:
        os.umask(before)
    found = library.find(cache / "x.so")
    assert found is not None
    assert Path(found).read_bytes() == b"a library"
    assert os.listdir(cache) == ["x.so"]


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler here")
def test_a_planted_library_is_not_executed(cache: Path, planted: Path, tmp_path: Path) -> None:
    source = '#include <stdio.h>\n__attribute__((constructor)) void f() { fclose(fopen("%s", "w")); }\n'
    (tmp_path / "planted.c").write_text(source % (tmp_path / "executed"))
    subprocess.run(["cc", "-shared", "-fPIC", "-o", planted, tmp_path / "planted.c"], check=True)
    cache.chmod(0o777)
    compiler = Compiler()
    lanes = Lanes(Clock(), compiler)
    (lane,) = lanes.select([SMALL])
    lane.train_step()
    lanes.quicken()
    assert not (tmp_path / "executed").exists()
    cache.chmod(0o700)  # the trial itself is sound: ours would be
    lanes = Lanes(Clock(), Compiler())
    (lane,) = lanes.select([SMALL])
    lane.train_step()
    lanes.quicken()
    assert (tmp_path / "executed").exists()
