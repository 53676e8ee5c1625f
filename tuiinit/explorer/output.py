"""What goes to the terminal, without what need not be said again.

Textual says the whole style of every piece of a row, its background too, and a reset behind it, which is more than
half of the bytes of a coloured picture. Here a style is said as the difference from the one before.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from textual.driver import Driver

_STYLE = re.compile(r"(\x1b\[[0-9;]*m)")
_PLACE = re.compile(r"\x1b\[\d+;\d+H|\r\n")  # moves the cursor, whatever the style
_LENGTH = {"2": 5, "5": 3}  # numbers that say a colour, 38 or 48 among them: red, green and blue, or one of 256
_SEEN_ON_BLANKS = frozenset("479")  # underlined, reversed, struck


class Style(NamedTuple):
    """A style as the numbers that say it."""

    fore: str = ""
    back: str = ""
    others: frozenset[str] = frozenset()


PLAIN = Style()


@lru_cache(maxsize=8192)
def after(now: Style, sequence: str) -> Style | None:
    """The style after a sequence; None where it says what is not known here."""
    (fore, back), others, at = now[:2], set(now.others), 0
    numbers = sequence[2:-1].split(";")
    while at < len(numbers):
        number, length = numbers[at] or "0", 1
        if number in ("38", "48"):
            length = _LENGTH.get(numbers[at + 1] if at + 1 < len(numbers) else "", 0)
            if not length or at + length > len(numbers):
                return None
            colour = ";".join(numbers[at : at + length])
            fore, back = (colour, back) if number == "38" else (fore, colour)
        elif number == "0":
            fore, back, others = "", "", set()
        elif number in ("39", "49"):  # the terminal's own
            fore, back = ("", back) if number == "39" else (fore, "")
        elif 30 <= int(number) <= 37 or 90 <= int(number) <= 97:
            fore = number
        elif 40 <= int(number) <= 47 or 100 <= int(number) <= 107:
            back = number
        elif int(number) <= 9:
            others.add(number)
        else:
            return None
        at += length
    return Style(fore, back, frozenset(others))


@lru_cache(maxsize=8192)
def change(now: Style, then: Style) -> str:
    """A short sequence that leads from one style to another."""
    if now == then:
        return ""
    if then == PLAIN:
        return "\x1b[0m"
    start, parts = (PLAIN, ["0"]) if now.others - then.others else (now, [])
    parts += sorted(then.others - start.others)
    parts += [then.fore or "39"] * (then.fore != start.fore) + [then.back or "49"] * (then.back != start.back)
    return f"\x1b[{';'.join(parts)}m"


def lean(text: str) -> str:
    """The same for a terminal in fewer bytes; it must begin and end in the plain style."""
    out: list[str] = []
    now = wanted = PLAIN
    for piece in _STYLE.split(text):
        if piece.startswith("\x1b[") and piece.endswith("m") and _STYLE.fullmatch(piece):
            style = after(wanted, piece)
            if style is None:
                return text
            wanted = style
        elif piece:
            seen = _PLACE.sub("", piece)
            if seen:
                then = wanted
                if not seen.strip(" ") and not (now.others | wanted.others) & _SEEN_ON_BLANKS:
                    then = Style(now.fore, wanted.back, now.others)  # blanks have a background alone
                out.append(change(now, then))
                now = then
            out.append(piece)
    return "".join([*out, change(now, wanted)])


@lru_cache(maxsize=4)
def lean_driver(driver: type[Driver]) -> type[Driver]:
    """A driver that writes no more than it must."""

    class Lean(driver):  # type: ignore[misc,valid-type]
        def write(self, data: str) -> None:
            super().write(lean(data))

    return Lean
