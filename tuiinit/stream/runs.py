"""The folder of watched training runs, and the small files by which whoever looks tells the run so.

Beside `RUN.tuiinit` lie `RUN.seen`, which a viewer touches while it looks (its content is a wish: another content asks
for the next step to be measured), and `RUN.keep`, which keeps the run from being deleted to make room.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from ..host.files import private_folder
from ..host.paths import state_folder
from .bounded import BoundedFile
from .recording import RecordingError
from .sessions import SUFFIX, is_held, is_ours, sessions

SEEN, KEEP = ".seen", ".keep"
LOOKS_FOR = 5.0  # seconds after which a viewer that says nothing has gone
KEPT_RUNS, KEPT_BYTES = 100, 2**30


def runs_folder() -> Path:
    """Where runs are recorded, or pointed to."""
    return state_folder() / "runs"


def new_path(folder: Path, name: str) -> BoundedFile:
    """A new recording of this name, or of it with a number. Raises OSError."""
    private_folder(folder)
    for attempt in range(1, 10_000):
        path = folder / f"{name}{f'-{attempt}' if attempt > 1 else ''}{SUFFIX}"
        if not path.is_symlink():
            with contextlib.suppress(FileExistsError):
                return BoundedFile(path)
    raise FileExistsError(17, f"{name} is taken", str(folder))


def announce(path: Path) -> None:
    """Let a recording that lies elsewhere be found in the folder of runs, where that can be."""
    with contextlib.suppress(OSError):
        folder = private_folder(runs_folder())
        for attempt in range(1, 10_000):
            link = folder / f"{path.stem}{f'-{attempt}' if attempt > 1 else ''}{SUFFIX}"
            with contextlib.suppress(FileExistsError):
                link.symlink_to(path.absolute())
                return


def make_room(folder: Path) -> None:
    """Delete the oldest runs beyond a number of files and of bytes; none that is written to or to be kept."""
    size = KEPT_BYTES
    for count, (path, length) in enumerate(sessions(folder), 1):
        size -= length
        if (count >= KEPT_RUNS or size < 0) and not path.with_suffix(KEEP).exists() and not is_held(path):
            with contextlib.suppress(OSError):
                delete(path)
    for path in folder.glob(f"*{SUFFIX}"):  # pointers to what is gone
        if path.is_symlink() and not path.exists():
            with contextlib.suppress(OSError):
                path.unlink()


def delete(path: Path) -> None:
    """Delete a run with what lies beside it; of one that lies elsewhere the pointer alone. Raises OSError."""
    if not path.is_symlink() and not is_ours(path):
        raise OSError(0, "it is not a recording")
    path.unlink()
    for suffix in (SEEN, KEEP):
        path.with_suffix(suffix).unlink(missing_ok=True)


def keep(path: Path, kept: bool = True) -> None:
    """Keep a run from being deleted to make room, or no longer. Raises OSError."""
    if kept:
        path.with_suffix(KEEP).touch(mode=0o600)
    else:
        path.with_suffix(KEEP).unlink(missing_ok=True)


def found(folder: Path | None = None) -> list[Path]:
    """All runs, live ones first, then the one written to last."""
    paths = [path for path, _ in sessions(runs_folder() if folder is None else folder)]
    return sorted(paths, key=lambda path: not is_held(path.resolve()))


def find(name: str | None) -> Path:
    """The run of a path or a name; without one the newest.

    Raises:
        RecordingError: there is none.
    """
    if name is None:
        paths = found()
        if not paths:
            raise RecordingError(f"no run is recorded in {runs_folder()}")
        return paths[0].resolve()
    path = Path(name)
    inside = runs_folder() / f"{name}{SUFFIX}"
    if "/" not in name and inside.exists():
        return inside.resolve()
    if path.is_file():
        return path.resolve()
    raise RecordingError(f"there is no run {name}: tuiinit runs lists them")


# ----------------------------------------------------------------------------------------- who looks


def seen_by(path: Path, now: float) -> bool:
    """Whether somebody looks at a run just now (`now` as `time.time`)."""
    try:
        return abs(now - path.with_suffix(SEEN).stat().st_mtime) < LOOKS_FOR
    except OSError:
        return False


def look(path: Path) -> None:
    """Tell a run that somebody looks. On a folder that cannot be written to it goes on as if nobody did."""
    with contextlib.suppress(OSError):
        file = os.open(path.with_suffix(SEEN), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        os.close(file)
        os.utime(path.with_suffix(SEEN))


def wishes(path: Path) -> bytes:
    """What was wished last: any other content is a new wish."""
    with contextlib.suppress(OSError), path.with_suffix(SEEN).open("rb") as file:
        return file.read(64)
    return b""


def wish(path: Path) -> None:
    """Ask a run to measure its next step. Raises OSError."""
    file = os.open(path.with_suffix(SEEN), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.pwrite(file, b"%020d" % time.time_ns(), 0)
    finally:
        os.close(file)
