"""A disk that is really full: a small file system in memory, under recordings, reports and files."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.explorer import fake
from tests.explorer.driving import explorer
from tests.faults.terminal import EXPLORER, FAKE_ENGINE, ROOT, Terminal
from tuiinit.config.run import RunConfig
from tuiinit.explorer.saving import save_configuration
from tuiinit.host import files
from tuiinit.stream import protocol, recording, wire
from tuiinit.stream.bounded import BoundedFile, Kind

FULL = "No space left on device"
Disk = Callable[[int], Path]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """Makes a file system of so many KiB."""
    made: list[Path] = []

    def make(size: int) -> Path:
        folder = tmp_path / f"disk{len(made)}"
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(folder)]
        try:
            done = subprocess.run(mount, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            pytest.skip("there is no command to mount a file system with")
        if done.returncode:
            pytest.skip(f"no file system can be mounted here, `unshare -rm pytest …` may do: {done.stderr.strip()}")
        made.append(folder)
        return folder

    yield make
    for folder in made:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> None:
    """Leave no byte of it."""
    with (folder / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1024))


def tuiinit(*line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*EXPLORER, *line], cwd=ROOT, capture_output=True, text=True, timeout=100, stdin=subprocess.DEVNULL, check=False
    )


def leaves(terminal: Terminal) -> None:
    terminal.press("q")
    assert terminal.ends() == 0
    terminal.check_restored()
    assert "Traceback" not in terminal.last_words


def test_a_disk_that_fills_up_under_the_recording(disk: Disk) -> None:
    state = disk(64)
    with Terminal(*EXPLORER, "--engine", FAKE_ENGINE, environment={"TUIINIT_STATE": str(state)}) as terminal:
        terminal.reaches(0)
        terminal.press(" ")
        terminal.says(f"this session is recorded no further: {FULL}")
        terminal.reaches(terminal.step + 100)
        leaves(terminal)
    (path,) = (state / "sessions").iterdir()
    recorded = recording.load(path)
    assert recorded.damage is None, "the last message is whole"
    assert recorded.clock > 0


@pytest.mark.long
def test_a_disk_that_is_full_from_the_start(disk: Disk) -> None:
    state = disk(64)
    (state / "sessions").mkdir()
    (state / "logs").mkdir()
    fill(state)
    with Terminal(*EXPLORER, "--engine", FAKE_ENGINE, environment={"TUIINIT_STATE": str(state)}) as terminal:
        terminal.reaches(0)
        terminal.says(f"this session is not recorded in {state}/sessions: {FULL}")
        terminal.press(" ")
        terminal.reaches(100)
        leaves(terminal)
    assert not list((state / "sessions").iterdir()), "an empty file would count as a session, and push one out"


def test_a_recording_that_cannot_be_begun_leaves_no_file(disk: Disk) -> None:
    folder = disk(64)
    fill(folder)
    with pytest.raises(OSError, match=FULL):
        BoundedFile(folder / "new.tuiinit")
    assert not (folder / "new.tuiinit").exists()


def test_a_recording_that_has_no_room_to_be_thinned_stays_as_it_is(disk: Disk) -> None:
    folder = disk(64)
    path = folder / "session.tuiinit"
    file = BoundedFile(path, limit=40_000)
    config = RunConfig()
    file.append(Kind.BASE, "-", wire.pack(fake.lane(config)))
    step = 0

    def trace() -> None:
        nonlocal step
        step += 100
        message = protocol.Trace(lane=config.key, first_step=step - 99, loss=bytes(400), update_data=bytes(2_800))
        file.append(Kind.TRACE, config.key, wire.pack(message))

    while file.size + 3_300 <= 40_000:  # as long as another trace fits
        trace()
    fill(folder)
    os.truncate(folder / "filler", (folder / "filler").stat().st_size - 8192)  # enough for one more
    with pytest.raises(OSError, match=FULL):
        trace()
    file.close()
    assert sorted(folder.iterdir()) == [folder / "filler", path]
    recorded = recording.load(path)
    assert recorded.damage is None
    assert sum(isinstance(frame, protocol.Trace) for frame in recorded.frames) == step // 100


def test_a_report_of_the_lane_at_hand(disk: Disk) -> None:
    folder = disk(64)
    with Terminal(*EXPLORER, "--engine", FAKE_ENGINE) as terminal:
        terminal.reaches(0)
        terminal.press("x")
        terminal.shows("Write a report of this network, or a picture")
        terminal.press("\x15")
        terminal.shows_not("tuiinit-report-")
        terminal.press(f"{folder}/report")
        terminal.says("disk0/report")
        terminal.press("\r")
        terminal.says(f"the report cannot be written to {folder}/report: {FULL}")
        terminal.press(" ")
        terminal.reaches(100)
        leaves(terminal)
    assert not list(folder.iterdir())


@pytest.mark.long
def test_a_report(disk: Disk) -> None:
    folder = disk(64)
    done = tuiinit("report", "--out", str(folder / "report"), "--steps", "1", "--hidden", "5x8")
    assert done.returncode == 1
    assert done.stderr == f"tuiinit: the report cannot be written to {folder}/report: {FULL}\n"
    assert not list(folder.iterdir())


def into(file: str, line: str) -> subprocess.CompletedProcess[str]:
    """Run the program by a shell that sends its output to a file."""
    return subprocess.run(
        ["sh", "-c", f"{shlex.join(EXPLORER)} {line} > {file}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.long
def test_figures_that_go_to_a_file(disk: Disk) -> None:
    folder = disk(64)
    fill(folder)
    for line in ("run --steps 1 --json", "run --steps 1"):
        done = into(f"{folder}/figures", line)
        assert done.returncode == 1
        assert done.stderr == f"tuiinit: cannot go on: {FULL}\n"


@pytest.mark.long
def test_figures_that_go_to_a_broken_disk() -> None:
    """Linux gives EIO to whoever writes where a process has no memory."""
    if not os.access("/proc/self/mem", os.W_OK):
        pytest.skip("there is no /proc/self/mem to write to")
    done = into("/proc/self/mem", "run --steps 1 --json")
    assert done.returncode == 1
    assert done.stderr == "tuiinit: cannot go on: Input/output error\n"


@pytest.mark.parametrize("over", [True, False])
def test_a_configuration_is_saved_whole_or_not_at_all(disk: Disk, over: bool) -> None:
    folder = disk(64)
    path = folder / "mine.toml"
    if over:
        path.write_text("lr = 1.0\n")
    fill(folder)
    before = sorted(folder.iterdir())
    with pytest.raises(OSError, match=FULL):
        files.write(path, "gain = 3.0\n", over=over)
    assert sorted(folder.iterdir()) == before
    assert not over or path.read_text() == "lr = 1.0\n"


def test_a_configuration_replaces_what_a_link_points_to(tmp_path: Path) -> None:
    (tmp_path / "real.toml").write_text("lr = 1.0\n")
    (tmp_path / "real.toml").chmod(0o640)
    (tmp_path / "link.toml").symlink_to("real.toml")
    with pytest.raises(FileExistsError):
        files.write(tmp_path / "link.toml", "gain = 3.0\n", over=False)
    files.write(tmp_path / "link.toml", "gain = 3.0\n", over=True)
    assert (tmp_path / "link.toml").is_symlink()
    assert (tmp_path / "real.toml").read_text() == "gain = 3.0\n"
    assert (tmp_path / "real.toml").stat().st_mode & 0o777 == 0o640
    with pytest.raises(OSError, match="not a file"):
        files.write(Path(os.devnull), "", over=True)


@pytest.mark.long
async def test_a_configuration_in_the_home_of_nobody() -> None:
    async with explorer() as driver:
        save_configuration(driver.app)
        await driver.until(lambda: driver.app.screen.query("#saving-name"), "the dialog")
        driver.app.screen.query_one("#saving-name").value = "~nobody-of-this-name/x"
        await driver.press("enter")
        await driver.shows("cannot write ~nobody-of-this-name/x: No such file or directory")
