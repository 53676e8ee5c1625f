"""Who wrote a compiled step: a library is code, so only what nobody but the user can have put there is loaded.

What is checked is what is opened, not what a name leads to; and it is loaded through the opened folder, so that
nobody who may write to a folder above can put another in its place meanwhile.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from pathlib import Path

from ..host.files import private, private_folder

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_BY_NUMBER = Path("/proc/self/fd")  # opened files as paths, on Linux


class UntrustedError(RuntimeError):
    """Somebody else may have written what would be run: one sentence that names it."""


def make_folder(folder: Path) -> None:
    """Make the folder for its owner alone; one that is there must be. Raises OSError, UntrustedError."""
    private_folder(folder)
    os.close(_opened(folder, os.O_DIRECTORY))


def find(path: Path) -> str | None:
    """By which name to load a library; None if there is none.

    Raises:
        UntrustedError: it, or its folder, is a link, somebody else's, or may be written to by others.
        OSError: it cannot be looked at.
    """
    try:
        folder = _opened(path.parent, os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    by_number = _BY_NUMBER.is_dir()
    loaded = False
    try:
        os.close(_opened(path, 0, folder))
        loaded = by_number
    except FileNotFoundError:
        return None
    finally:
        if not loaded:  # else it stays open: its number is part of the library's name from now on
            os.close(folder)
    return str(_BY_NUMBER / str(folder) / path.name) if by_number else str(path)


def keep(made: str, path: Path) -> None:
    """Put a library that was made elsewhere into its place, whole. Raises OSError."""
    part = path.with_suffix(f".{os.getpid()}")
    with open(made, "rb") as source, open(part, "wb", opener=private) as target:
        shutil.copyfileobj(source, target)
    os.replace(part, path)


def _opened(path: Path, flags: int, folder: int | None = None) -> int:
    """Open what only the user can have written. Raises UntrustedError."""
    flags |= os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        file = os.open(path if folder is None else path.name, flags, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise UntrustedError(f"{path} is a link, or no folder") from None
        raise
    facts = os.fstat(file)
    kind = stat.S_ISDIR if flags & os.O_DIRECTORY else stat.S_ISREG
    if not kind(facts.st_mode):
        fault = f"{path} is no file"
    elif facts.st_uid != os.geteuid():
        fault = f"{path} is another user's"
    elif facts.st_mode & _OTHERS_WRITE:
        fault = f"others may write to {path}"
    else:
        return file
    os.close(file)
    raise UntrustedError(fault)
