"""The folder of a report: written beside, then moved, and never over files that are somebody else's."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..config import ConfigError
from ..runs import RunError

MARKER = ".tuiinit-report"  # names the files that the program wrote


@contextlib.contextmanager
def writing(out: Path, force: bool = False) -> Iterator[Path]:
    """A temporary folder to write into; when the context ends well its files are moved to `out`.

    A folder that the program wrote is written again: its old files go, others stay. `force` also writes
    into a folder of the user's, over files of the same names and no others.

    Raises:
        ConfigError: `out` is a file, is not writable, or holds files that the program did not write.
        RunError: the disk gave up meanwhile.
    """
    out = Path(os.path.abspath(out))
    old = _check(out, force)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise ConfigError(f"--out {out} cannot be written: {error.strerror}") from None
    try:
        yield new
        names = sorted(path.name for path in new.iterdir())
        (new / MARKER).write_text(json.dumps(names), encoding="utf-8")
        _move(new, out, [*names, MARKER], old)
    except OSError as error:
        raise RunError(f"the report cannot be written to {out}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _check(out: Path, force: bool) -> list[str]:
    """Names of the files that an earlier report left in `out`."""
    try:
        if not out.exists():
            return []
        if not out.is_dir():
            raise ConfigError(f"--out {out} is a file, not a folder")
        if not os.access(out, os.W_OK | os.X_OK):
            raise ConfigError(f"--out {out} cannot be written: Permission denied")
        marker = out / MARKER
        if marker.is_file():
            return _names(marker)
        if any(out.iterdir()) and not force:
            raise ConfigError(
                f"--out {out} holds files that tuiinit did not write; choose another folder or use --force"
            )
    except OSError as error:
        raise ConfigError(f"--out {out} cannot be read: {error.strerror}") from None
    return []


def _names(marker: Path) -> list[str]:
    try:
        told = json.loads(marker.read_text(encoding="utf-8"))
    except ValueError:
        return []
    names = told if isinstance(told, list) else []
    return [name for name in names if isinstance(name, str) and name == Path(name).name]


def _move(new: Path, out: Path, names: list[str], old: list[str]) -> None:
    if not out.exists():
        umask = os.umask(0)
        os.umask(umask)
        new.chmod(0o777 & ~umask)  # a temporary folder is its owner's alone
        new.rename(out)
        return
    for name in names:
        os.replace(new / name, out / name)
    for name in set(old) - set(names):
        if (out / name).is_file():
            (out / name).unlink()
