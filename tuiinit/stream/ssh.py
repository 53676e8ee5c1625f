"""How another machine's recordings are read: the command line that ssh is given."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from ..host.visible import visible

HOST = re.compile(r"[\w.:@%\[\]/+~=-]+")  # a name, user@name, an address with its zone, ssh://user@name:port
NO_PROMPT = ("-o", "BatchMode=yes")  # fails where it would ask


@dataclass(frozen=True)
class Remote:
    """A machine that ssh gets to, and how tuiinit is called there.

    Raises:
        ValueError: it is no name of a machine, or no command.
    """

    host: str
    program: tuple[str, ...] = ("tuiinit",)

    def __post_init__(self) -> None:
        if not HOST.fullmatch(self.host) or any(part.startswith("-") for part in self.host.split("@")):
            raise ValueError(f"'{visible(self.host)}' is no name of a machine for ssh")
        if not self.program or not self.program[0]:
            raise ValueError("the remote command is empty")

    @classmethod
    def of(cls, host: str, command: str | None) -> Remote:
        """The same from what a person wrote; a command is split as a shell splits it. Raises ValueError."""
        if command is None:
            return cls(host)
        try:
            return cls(host, tuple(shlex.split(command)))
        except ValueError as error:
            raise ValueError(f"the remote command cannot be used: {error}" if "quot" in str(error) else error) from None

    def tail(self, run: str | None, after: int, *, asks: bool) -> list[str]:
        """The command that tells a run's frames.

        Args:
            run: its name or path there; None is the newest.
            after: the step up to which they are known here; -1: none is.
            asks: whether ssh may ask for a password, or whether the machine is the right one.
        """
        words = [*self.program, "tail", *(("--after", str(after)) if after >= 0 else ())]
        words += ["--", run] if run is not None else []
        line = " ".join(map(_quoted, words))
        return ["ssh", "-T", *(() if asks else NO_PROMPT), "--", self.host, line]


def _quoted(word: str) -> str:
    """A word for the shell there, which may still put the home folder in place of a ~ at its beginning."""
    return "~/" + shlex.quote(word[2:]) if word.startswith("~/") and word[2:] else shlex.quote(word)
