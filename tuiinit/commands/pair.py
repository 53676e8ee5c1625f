"""NAME=VALUE pairs of the command line, and lists of whole numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click


def settings(pairs: Iterable[str]) -> dict[str, str]:
    """`NAME=VALUE` each, the last of a name counts. Raises click.UsageError."""
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip().isidentifier():
            raise click.UsageError(f"--set takes NAME=VALUE, not {pair!r}")
        found[name.strip()] = value
    return found


def after_the_dashes(rest: Sequence[str]) -> dict[str, str] | None:
    """The second group of `--set NAME=VALUE` behind `--`, or None where there is none. Raises click.UsageError."""
    pairs = []
    words = list(rest)
    while words:
        word = words.pop(0)
        if word == "--set" and words:
            pairs.append(words.pop(0))
        elif word.startswith("--set="):
            pairs.append(word.removeprefix("--set="))
        else:
            raise click.UsageError(f"{word!r} is one thing too many: one TARGET, and after -- only --set NAME=VALUE")
    return settings(pairs) if rest else None


def sizes(option: str, text: str, least: int) -> tuple[int, ...]:
    """Positive whole numbers with commas between. Raises click.UsageError."""
    try:
        found = tuple(int(part) for part in text.split(","))
    except ValueError:
        found = ()
    if len(found) < least or any(size < 1 for size in found):
        example = "8,3,224,224" if option == "--input" else "8,128,50257 (rows, length, vocabulary)"
        raise click.UsageError(f"{option} takes positive whole numbers such as {example}, not {text!r}")
    return found
