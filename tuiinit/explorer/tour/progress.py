"""The claims that were ticked off, kept in a file between sessions."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from ...host.files import replace

FILE = "notes.json"


class Progress:
    """What was seen of the tour so far.

    A file that cannot be read or written costs the progress alone; `trouble` then tells of it in a sentence.

    Args:
        folder: gives the folder of the file, which is made when needed; may raise OSError.
        claims: the ids in the tour's order.
    """

    def __init__(self, folder: Path | None, claims: Iterable[str]) -> None:
        self._file = folder / FILE if folder is not None else None
        self._claims = tuple(claims)
        self.trouble = ""
        self.ticked: set[str] = set()
        if self._file is None:
            self.trouble = "The tour's progress cannot be kept: there is no home folder."
            return
        try:
            stored = msgspec.json.decode(self._file.read_bytes(), type=dict[str, list[str]])
            self.ticked = set(stored.get("ticked", [])) & set(self._claims)
        except FileNotFoundError:
            pass
        except (OSError, ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
            self.trouble = f"The tour's progress cannot be read ({self._file}: {_why(error)}): it starts anew."

    def tick(self, claim: str) -> None:
        """Tick a claim off, for good."""
        self.ticked.add(claim)
        self._write()

    def forget(self) -> None:
        """Start the tour anew."""
        self.ticked.clear()
        self._write()

    def _write(self) -> None:
        if self._file is None:
            return
        try:
            replace(self._file, msgspec.json.encode({"ticked": sorted(self.ticked)}))
            self.trouble = ""
        except OSError as error:
            self.trouble = f"The tour's progress cannot be kept ({self._file}: {_why(error)})."

    def next(self, after: str | None = None) -> str:
        """The first claim after this one that is not ticked off, around the corner; the last if all are."""
        start = self._claims.index(after) + 1 if after in self._claims else 0
        order = (*self._claims[start:], *self._claims[:start])
        return next((claim for claim in order if claim not in self.ticked), self._claims[-1])


def _why(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
