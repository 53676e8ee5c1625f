"""Text from outside as it stands in a sentence: one line, cut, visible, in quotes."""

from __future__ import annotations

from .visible import visible

LONGEST = 60  # characters of a quotation
_LOOKED_AT = 4096  # bytes in which the line is looked for: nobody decodes megabytes to show a line


def quoted(data: bytes, *, last: bool = False) -> str:
    """The first line that is not blank, or the last, in quotes; empty if there is none.

    Bytes that are no UTF-8 are shown as `\\xff`.
    """
    part = data[-_LOOKED_AT:] if last else data[:_LOOKED_AT]
    lines = [line for line in map(str.strip, part.decode(errors="backslashreplace").splitlines()) if line]
    if not lines:
        return ""
    line = lines[-1 if last else 0]
    return f"'{visible(line[:LONGEST])}{'…' if len(line) > LONGEST else ''}'"
