"""What the program keeps is its owner's alone; what is written over stays whole; odd files in the logs' folder."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tuiinit.explorer.tour import Progress
from tuiinit.host import files, logs
from tuiinit.host.mishaps import mishap
from tuiinit.stream import link


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state folder that is not there yet, in the home of somebody whose files everybody may read and write."""
    monkeypatch.setenv("TUIINIT_STATE", str(tmp_path / "share" / "state"))
    before = os.umask(0)
    yield tmp_path / "share" / "state"
    os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    """What others may do with what lies there."""
    found = [folder, *folder.rglob("*")]
    return {path.name: f"{path.stat().st_mode & 0o077:o}" for path in found if path.stat().st_mode & 0o077}


def started() -> Path:
    with link.Engine(["true"]) as engine:
        return engine.log


def test_what_is_kept_is_for_nobody_else(tmp_path: Path, state: Path) -> None:
    assert started().parent == state / "logs"
    mishap("nothing was done", ValueError("of no matter"))
    progress = Progress(state / "tour", ("a", "b"))
    progress.tick("a")
    files.write(tmp_path / "mine.toml", "gain = 3.0\n", over=False)
    assert {path.suffix for path in state.rglob("*.*")} == {".log", ".json"}
    assert modes(tmp_path / "share") == {}
    assert modes(tmp_path / "mine.toml") == {}
    assert Progress(state / "tour", ("a", "b")).ticked == {"a"}


# --------------------------------------------------------------------------------------------------- logs


def test_a_folder_among_the_logs_is_left_alone_and_stops_nothing(state: Path) -> None:
    folder = files.private_folder(state / "logs")
    (folder / "engine-0.log").mkdir()
    (folder / "engine-1.log").symlink_to("nowhere")
    for i in range(30):
        (folder / f"engine-2024{i:02}.log").touch()
    log = started()
    assert log.parent == folder
    left = sorted(path.name for path in folder.iterdir())
    assert left[:2] == ["engine-0.log", "engine-1.log"]
    assert len(left) == 2 + logs.KEPT_LOGS + 1
    assert left[2] == "engine-202410.log"


def test_a_log_that_cannot_be_deleted_stops_nothing(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = files.private_folder(state / "logs")
    for i in range(30):
        (folder / f"engine-2024{i:02}.log").touch()
    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path.name == "engine-202400.log":
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    assert started().parent == folder
    assert len(list(folder.iterdir())) == 1 + logs.KEPT_LOGS + 1


def test_without_a_folder_of_logs_one_temporary_folder_serves_and_goes(
    tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(files.private_folder(tmp_path / "temporary")))
    logs._temporary.cache_clear()
    state.parent.mkdir()
    state.write_text("no folder")
    for _ in range(3):
        log = started()
    assert [path.name for path in (tmp_path / "temporary").iterdir()] == [log.parent.name]
    assert modes(tmp_path / "temporary") == {}
    log.write_text("said")
    logs._tidy(log.parent)
    assert log.read_text() == "said"
    log.write_text("")
    logs._tidy(log.parent)
    assert not list((tmp_path / "temporary").iterdir())
    assert started().exists(), "somebody tidied up"
    logs._tidy(logs._temporary())
    logs._temporary.cache_clear()


# ------------------------------------------------------------------------------------------------ saved files


def test_a_file_keeps_its_mode_when_it_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("lr = 1.0\n")
    path.chmod(0o644)
    files.write(path, "gain = 3.0\n", over=True)
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("gain = 3.0\n", 0o644)


@pytest.mark.parametrize("code", [errno.EBUSY, errno.EXDEV])
def test_a_file_that_cannot_be_replaced_is_written_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """As one that is a mount point: a file of the host's in a container."""
    path = tmp_path / "mine.toml"
    path.write_text("lr = 1.0 # and much else\n")

    def refuse(path: Path, target: Path) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "replace", refuse)
    files.write(path, "gain = 3.0\n", over=True)
    assert path.read_text() == "gain = 3.0\n"
    assert os.listdir(tmp_path) == ["mine.toml"]
    fill, calls = files._fill, []

    def full(file: int, content: bytes) -> None:
        calls.append(content)
        if len(calls) == 1:
            fill(file, content[:3])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fill(file, content)

    monkeypatch.setattr(files, "_fill", full)
    with pytest.raises(OSError, match="No space left"):
        files.write(path, "gain = 0.5\n", over=True)
    assert path.read_text() == "gain = 3.0\n"


def test_a_file_that_is_a_mount_point(tmp_path: Path) -> None:
    path, real = tmp_path / "mine.toml", tmp_path / "real"
    path.write_text("")
    real.write_text("lr = 1.0\n")
    done = subprocess.run(["mount", "--bind", str(real), str(path)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    try:
        files.write(path, "gain = 3.0\n", over=True)
    finally:
        subprocess.run(["umount", str(path)], check=True)
    assert real.read_text() == "gain = 3.0\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_file_in_a_folder_that_takes_no_other(tmp_path: Path) -> None:
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        path = folder / "mine.toml"
        path.write_text("lr = 1.0\n")
        path.chmod(0o666)
        folder.chmod(0o755)
        child = os.fork()
        if not child:
            os.setuid(65534)
            try:
                files.write(path, "gain = 3.0\n", over=True)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert path.read_text() == "gain = 3.0\n"
        assert os.listdir(folder) == ["mine.toml"]
    finally:
        path.unlink()
        folder.rmdir()
