"""Files that the program keeps: whole or as they were, and their owner's alone."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

# What a folder says in which no file may be made, or a file that may be written to but not replaced (a mount point).
_IN_PLACE = {errno.EACCES, errno.EPERM, errno.EBUSY, errno.EXDEV}


def private_folder(folder: Path) -> Path:
    """Make a folder, and those above it that are not there, for their owner alone. Raises OSError."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except FileNotFoundError:
        private_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def private(path: str, flags: int) -> int:
    """An opener for `open`: a file that is made belongs to its owner alone."""
    return os.open(path, flags, 0o600)


def replace(path: Path, content: bytes) -> None:
    """Write a file of the program's own whole, for its owner alone, or leave what is there. Raises OSError."""
    private_folder(path.parent)
    with _beside(path) as new:
        new.write_bytes(content)
        new.replace(path)


@contextlib.contextmanager
def made(path: Path) -> Iterator[BinaryIO]:
    """A new file of the user's, to be written piece by piece; where that fails it goes again.

    Raises:
        FileExistsError: there is one.
        OSError: it cannot be written.
    """
    with open(path, "xb", opener=private) as file:
        try:
            yield file
            if not file.closed:  # a disk that is full shows at the latest now
                file.flush()
        except BaseException as error:
            path.unlink(missing_ok=True)
            if isinstance(error, OSError) and error.filename is None:
                error.filename = str(path)
            raise


def write(path: Path, text: str | bytes, *, over: bool) -> None:
    """Write a file of the user's whole, or leave what is there as it was; one that was there keeps its mode.

    Raises:
        FileExistsError: there is one, and it may not be written over.
        OSError, ValueError: it cannot be written.
    """
    path = Path(os.path.realpath(path))  # a link stays one
    content = text.encode() if isinstance(text, str) else text
    if not (over and path.exists()):
        # "x" refuses a file that is there, also one that came between asking and writing.
        with open(path, "xb", opener=private) as file:
            try:
                file.write(content)
                file.flush()
            except OSError:  # a full disk
                path.unlink()
                raise
        return
    if not path.is_file():
        raise OSError("it is not a file")
    try:
        with _beside(path) as new:
            new.write_bytes(content)
            shutil.copymode(path, new)
            new.replace(path)
    except OSError as error:
        if error.errno not in _IN_PLACE:
            raise
        _write_in_place(path, content)


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A new file in the same folder, which goes if it is not moved away."""
    file, name = tempfile.mkstemp(prefix=".tuiinit-", dir=path.parent)
    os.close(file)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _write_in_place(path: Path, content: bytes) -> None:
    with path.open("r+b", buffering=0) as file:
        old = file.read()
        try:
            _fill(file.fileno(), content)
        except OSError:
            _fill(file.fileno(), old)
            raise


def _fill(file: int, content: bytes) -> None:
    view, at = memoryview(content), 0
    while at < len(view):
        at += os.pwrite(file, view[at:], at)
    os.ftruncate(file, at)
