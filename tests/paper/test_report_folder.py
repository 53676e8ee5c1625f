"""Where a report goes: what can be known is known before anything is measured, and nothing measured is lost."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.paper.test_report import fill, listing
from tuiinit.config.values import ConfigError
from tuiinit.experiments.runs import RunError
from tuiinit.paper.report import folder as folders
from tuiinit.paper.report.folder import MARKER, writing

NOBODY = 65534


def refused_at_once(out: Path, sentence: str, *, force: bool = False) -> None:
    measured = False
    with pytest.raises(ConfigError, match=sentence), writing(out, force):
        measured = True
    assert not measured


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own on a folder."""
    out = tmp_path / "mount"
    out.mkdir()
    try:
        done = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(out)], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no command to mount a file system with")
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    yield out
    subprocess.run(["umount", "--lazy", str(out)], check=True)


def test_a_mount_point_takes_a_report(mounted: Path) -> None:
    fill(mounted, ["a", "b"])
    assert listing(mounted) == {"a", "b", MARKER}
    fill(mounted, ["b"])
    assert listing(mounted) == {"b", MARKER}


def test_a_folder_on_another_file_system_than_its_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same where nothing can be mounted."""
    out, rename = tmp_path / "out", os.replace
    out.mkdir()

    def across(source: Path, target: Path) -> None:
        if Path(source).is_relative_to(out) != Path(target).is_relative_to(out):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        rename(source, target)

    monkeypatch.setattr(os, "replace", across)
    monkeypatch.setattr(os, "rename", across)
    fill(out, ["a"])
    assert listing(out) == {"a", MARKER}


def as_nobody(what: Callable[[], object]) -> str:
    """What somebody without rights meets when doing something."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            what()
        except BaseException as error:
            os.write(write, f"{type(error).__name__}: {error}".encode())
        os._exit(0)
    os.close(write)
    with open(read, encoding="utf-8") as file:
        sentence = file.read()
    os.waitpid(child, 0)
    return sentence


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_folder_of_ones_own_in_a_folder_of_anothers() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        parent, out = Path(name), Path(name) / "out"
        parent.chmod(0o755)
        out.mkdir()
        os.chown(out, NOBODY, NOBODY)
        assert as_nobody(lambda: fill(out, ["a"])) == ""
        assert listing(out) == {"a", MARKER}
        sentence = as_nobody(lambda: refused_at_once(parent / "other", "x^"))  # it tells the sentence that it met
        assert f"--out {parent}/other cannot be written: Permission denied" in sentence
        assert listing(parent) == {"out"}


def test_a_link_that_leads_nowhere_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    for name in ("link", "loop"):
        refused_at_once(tmp_path / name, "a link that leads nowhere")
        refused_at_once(
            tmp_path / name / "below" / "it", f"leads through .*/{name}, which is a link that leads nowhere"
        )
    done = subprocess.run(
        [sys.executable, "-m", "tuiinit", "report", "--out", str(tmp_path / "link"), "--steps", "1"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert listing(tmp_path) == {"link", "loop"}


def test_a_link_to_a_folder_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    fill(tmp_path / "link", ["a"])
    assert (tmp_path / "link").is_symlink()
    assert listing(tmp_path / "real") == {"a", MARKER}


def test_a_folder_in_the_place_of_a_file_of_the_report_is_refused(tmp_path: Path) -> None:
    (tmp_path / "report.md").mkdir()
    refused_at_once(tmp_path, "holds a folder with the name of a file of the report: report.md", force=True)


def test_two_reports_at_once_leave_one_whole(tmp_path: Path) -> None:
    for out in (tmp_path / "new", tmp_path / "there"):
        if out.name == "there":
            out.mkdir()
        with writing(out) as one:
            fill(out, ["a", "b"])
            for name in ("a", "b"):
                (one / name).write_text(f"first {name}")
        assert listing(out) == {"a", "b", MARKER}
        assert {(out / name).read_text() for name in ("a", "b")} == {"first a", "first b"}


def test_what_cannot_be_moved_is_kept_and_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    fill(out, ["a"])

    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(
        RunError, match=r"cannot be moved to .*: Input/output error; what is not there is in "
    ) as caught:
        fill(out, ["a", "b"])
    kept = Path(str(caught.value).rpartition(" is in ")[2])
    assert listing(kept) == {"a", "b", MARKER}
    folders._clear_away()
    assert kept.exists()


def test_a_report_is_as_open_to_others_as_the_users_files(tmp_path: Path) -> None:
    out, modes = tmp_path / "out", []
    before = os.umask(0o027)
    try:
        with writing(out) as folder:
            (folder / "a").touch()
            modes.append(folder.parent.stat().st_mode & 0o777)
    finally:
        os.umask(before)
    modes += [path.stat().st_mode & 0o777 for path in (out, out / "a")]
    assert modes == [0o700, 0o750, 0o640]


def test_a_report_that_another_thread_writes_at_the_end_leaves_no_hidden_folder(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for out in (tmp_path / "new", tmp_path / "there"):
        with pytest.raises(RunError, match="cannot be written"), writing(out) as folder:  # noqa: PT012
            (folder / "a").touch()
            folders._clear_away()
            assert listing(tmp_path) == {"there"}
            (folder / "b").touch()
        assert listing(tmp_path) == {"there"}
        assert not listing(tmp_path / "there")
