"""The folder of a report: written in a hidden one, then moved, and never over files that are somebody else's."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from ...config.values import ConfigError
from ...experiments.runs import RunError

MARKER = ".tuiinit-report"  # names the files that the program wrote
_HIDDEN = f"{MARKER}-"  # begins the name of a folder in which a report is being written
_ALWAYS = ("report.md", "report.json", MARKER)  # what every report holds
_unfinished: set[Path] = set()  # hidden folders that this process writes into


@contextlib.contextmanager
def writing(out: Path, force: bool = False) -> Iterator[Path]:
    """A temporary folder to write into; when the context ends well its files are moved to `out`.

    A folder that the program wrote is written again: its old files go, others stay. `force` also writes
    into a folder of the user's, over files of the same names and no others. What can be known of `out` is
    checked before the context begins: to move its files is then to rename them in one file system.

    Raises:
        ConfigError: `out` is a file, is not writable, or holds files that the program did not write.
        RunError: the disk gave up meanwhile; or the files cannot be moved: then it tells where they are.
    """
    out = Path(os.path.abspath(out))
    old = _check(out, force)
    within = out.is_dir()  # perhaps a mount point, or in a folder where nothing can be made
    hidden = (out if within else out.parent) / f"{_HIDDEN}{secrets.token_hex(8)}"
    new = hidden / "report"
    with _unfinished_until_end(hidden):
        try:
            hidden.parent.mkdir(parents=True, exist_ok=True)
            hidden.mkdir(mode=0o700)
            new.mkdir()  # as open to others as their folders usually are
        except OSError as error:
            raise ConfigError(f"--out {out} cannot be written: {error.strerror}") from None
        try:
            yield new
            names = sorted(path.name for path in new.iterdir())
            (new / MARKER).write_text(json.dumps(names), encoding="utf-8")
        except OSError as error:
            raise RunError(f"the report cannot be written to {out}: {error.strerror or error}") from None
        try:
            _move(new, out, [*names, MARKER], old)
        except OSError as error:
            _unfinished.discard(hidden)  # it took long to measure
            raise RunError(
                f"the report cannot be moved to {out}: {error.strerror or error}; what is not there is in {new}"
            ) from None


@contextlib.contextmanager
def _unfinished_until_end(hidden: Path) -> Iterator[None]:
    _unfinished.add(hidden)
    try:
        yield
    finally:
        if hidden in _unfinished:
            shutil.rmtree(hidden, ignore_errors=True)
            _unfinished.discard(hidden)


@atexit.register
def _clear_away() -> None:
    """Leave no hidden folder of a report that another thread still writes when the program ends."""
    for hidden in list(_unfinished):
        aside = hidden.with_name(f"{hidden.name}-left")
        with contextlib.suppress(OSError):
            hidden.rename(aside)  # so that nothing more is written into it
        shutil.rmtree(aside, ignore_errors=True)


def _check(out: Path, force: bool) -> list[str]:
    """Names of the files that an earlier report left in `out`."""
    try:
        if not out.exists():
            for place in (out, *out.parents):
                if os.path.lexists(place) and not place.exists():
                    through = "" if place == out else f"leads through {place}, which "
                    raise ConfigError(f"--out {out} {through}is a link that leads nowhere")
            return []
        if not out.is_dir():
            raise ConfigError(f"--out {out} is a file, not a folder")
        if not os.access(out, os.W_OK | os.X_OK):
            raise ConfigError(f"--out {out} cannot be written: Permission denied")
        for name in _ALWAYS:
            if (out / name).is_dir():
                raise ConfigError(f"--out {out} holds a folder with the name of a file of the report: {name}")
        marker = out / MARKER
        if marker.is_file():
            return _names(marker)
        if not force and any(not _is_hidden(path) for path in out.iterdir()):
            raise ConfigError(
                f"--out {out} holds files that tuiinit did not write; choose another folder or use --force"
            )
    except OSError as error:
        raise ConfigError(f"--out {out} cannot be read: {error.strerror}") from None
    return []


def _is_hidden(path: Path) -> bool:
    """Whether another report is being written there, or one was broken off."""
    return path.name.startswith(_HIDDEN) and path.is_dir()


def _names(marker: Path) -> list[str]:
    try:
        content = json.loads(marker.read_text(encoding="utf-8"))
    except ValueError:
        return []
    names = content if isinstance(content, list) else []
    return [name for name in names if isinstance(name, str) and name == Path(name).name]


def _move(new: Path, out: Path, names: list[str], old: list[str]) -> None:
    if not out.exists():
        try:
            new.rename(out)
            return
        except OSError:
            if not out.is_dir():  # another report was there first just now
                raise
    for name in names:
        os.replace(new / name, out / name)
    for name in set(old) - set(names):
        if (out / name).is_file():
            (out / name).unlink()
