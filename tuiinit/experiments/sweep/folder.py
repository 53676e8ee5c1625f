"""A sweep's folder: results as they come, so that an interrupted sweep goes on, and its tables at the end."""

from __future__ import annotations

import contextlib
import csv
import fcntl
import os
from collections.abc import Iterator, MutableMapping, Sequence
from pathlib import Path
from types import TracebackType

import msgspec

from ... import __version__
from ...config.values import ConfigError
from ..runs import RunError
from .measures import AVERAGED, Cell, Measures
from .plan import Plan

RUNS = "runs.jsonl"  # a line a run, in the order in which they came
CELLS, WHOLE = "cells.csv", "sweep.json"


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One run; `key` names its configuration and its steps."""

    key: str
    run: Measures


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line: which program wrote what follows."""

    tuiinit: str


class Folder:
    """A context manager that holds the folder; `kept` is what was measured, and what is added to it is written at once.

    Args:
        path: made if it is not there; one that holds other files is taken if it holds a sweep, too, or nothing.
        plan: what is swept; runs of other plans stay in the file, and serve when their turn comes.

    Raises:
        ConfigError: the folder is not one for a sweep, another command writes into it, or it was written by another
            version of the program.
    """

    def __init__(self, path: Path, plan: Plan) -> None:
        self.path = path
        self._plan = plan
        self.kept: _Written
        runs = path / RUNS
        try:
            path.mkdir(parents=True, exist_ok=True)
            if not runs.exists() and any(path.iterdir()):
                raise ConfigError(f"{path} holds other files: give an empty folder, or one that a sweep was written to")
            self._file = os.open(runs, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        except OSError as error:
            raise ConfigError(f"cannot write to {path}: {error.strerror}") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise ConfigError(f"another sweep writes to {path} now") from None
        try:
            self.kept = _Written(self._file, self._read(runs))
        except OSError as error:
            os.close(self._file)
            raise ConfigError(f"cannot read {runs}: {error.strerror}") from None
        except ConfigError:
            os.close(self._file)
            raise

    def __enter__(self) -> Folder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def _read(self, runs: Path) -> dict[str, Measures]:
        """The runs in the file; what a killed command left of a last line goes."""
        data = runs.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            os.ftruncate(self._file, len(whole))
        lines = whole.splitlines()
        if not lines:
            _write(self._file, msgspec.json.encode(_Head(__version__)) + b"\n")
            return {}
        try:
            head = msgspec.json.decode(lines[0], type=_Head)
            if head.tuiinit != __version__:
                raise ConfigError(
                    f"{runs} was written by tuiinit {head.tuiinit}, this is {__version__}: their numbers may differ; "
                    "give another folder"
                )
            decoder = msgspec.json.Decoder(_Line)
            return {line.key: line.run for line in map(decoder.decode, lines[1:])}
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise ConfigError(f"{runs} is not a file that a sweep wrote") from None

    def finish(self, cells: Sequence[Cell], whole: bytes) -> None:
        """Write the cells as CSV, and the sweep as JSON. Raises RunError."""
        try:
            _replace(self.path / WHOLE, whole)
            with _replaced(self.path / CELLS) as text:
                self._write_cells(cells, text)
        except OSError as error:
            raise RunError(f"cannot write to {self.path}: {error.strerror}") from None

    def _write_cells(self, cells: Sequence[Cell], file: Path) -> None:
        names = ["gain", "bn", *(axis.name for axis in self._plan.axes)]
        with file.open("w", newline="", encoding="utf-8") as stream:
            table = csv.writer(stream)
            table.writerow([*names, *(part for name in AVERAGED for part in (name, f"{name}_std")), "diverged_at",
                            "failure"])  # fmt: skip
            for cell in cells:
                place = cell.point.place
                row: list[object] = ["" if place[name] is None else place[name] for name in names]
                for name in AVERAGED:
                    spread = cell.spread(name)
                    row += ["", ""] if spread is None else [spread.mean, "" if spread.std is None else spread.std]
                table.writerow([*row, "" if cell.diverged_at is None else cell.diverged_at, cell.failure])


class _Written(MutableMapping[str, Measures]):
    """Runs by name; each that is added is in the file before anything else happens."""

    def __init__(self, file: int, runs: dict[str, Measures]) -> None:
        self._file = file
        self._runs = runs

    def __setitem__(self, key: str, run: Measures) -> None:
        try:
            _write(self._file, msgspec.json.encode(_Line(key, run)) + b"\n")
        except OSError as error:
            raise RunError(f"the results cannot be written: {error.strerror}") from None
        self._runs[key] = run

    def __getitem__(self, key: str) -> Measures:
        return self._runs[key]

    def __delitem__(self, key: str) -> None:
        raise TypeError("what was measured stays")

    def __iter__(self) -> Iterator[str]:
        return iter(self._runs)

    def __len__(self) -> int:
        return len(self._runs)


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def _replace(path: Path, data: bytes) -> None:
    with _replaced(path) as new:
        new.write_bytes(data)


@contextlib.contextmanager
def _replaced(path: Path) -> Iterator[Path]:
    """A file to write that takes the path's place once it is whole."""
    new = path.with_name(f".{path.name}.new")
    yield new
    os.replace(new, path)
