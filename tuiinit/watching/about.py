"""What is known of the program that trains: its command line, the commit of its folder."""

from __future__ import annotations

import re
import shlex
import sys
from contextlib import suppress
from pathlib import Path

from ..host.visible import cut

LONGEST_NAME = 60  # characters


def command_line() -> str:
    """The command line as a shell would take it."""
    return cut(shlex.join(getattr(sys, "orig_argv", None) or sys.argv), 4000)


def run_name(name: str | None) -> str:
    """A name that can be a file's: the given one, or the script's."""
    script = sys.argv[0] if sys.argv else ""
    stem = Path(script).stem if script not in ("", "-", "-c", "-m") else "python"
    if stem == "__main__":
        stem = Path(script).parent.name
    return re.sub(r"[^\w.+-]+", "-", name or stem).strip("-.")[:LONGEST_NAME] or "run"


def commit_of(folder: Path) -> str:
    """The commit that the git repository around a folder is at, or "". No program is started for it."""
    with suppress(OSError, ValueError):
        for above in (folder, *folder.parents):
            git = above / ".git"
            if git.is_file():  # a worktree's
                git = above / git.read_text(encoding="utf-8").partition("gitdir:")[2].strip()
            if git.is_dir():
                return _head(git)
    return ""


def _head(git: Path) -> str:
    head = (git / "HEAD").read_text(encoding="utf-8").strip()
    if not head.startswith("ref:"):
        return head[:40]
    name = head.partition(":")[2].strip()
    common = git / "commondir"
    places = [git] if not common.exists() else [git, git / common.read_text(encoding="utf-8").strip()]
    for place in places:
        if (place / name).exists():
            return (place / name).read_text(encoding="utf-8").strip()[:40]
        if (place / "packed-refs").exists():
            for line in (place / "packed-refs").read_text(encoding="utf-8").splitlines():
                if line.endswith(f" {name}"):
                    return line.partition(" ")[0][:40]
    return ""
