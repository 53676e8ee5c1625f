"""Text from outside, made safe to print: control characters become visible, and what no screen has room for goes."""

from __future__ import annotations

import sys
import unicodedata

LONGEST = 10_000  # characters that are looked at: as many as the widest window has columns
_C0 = {code: chr(0x2400 + code) for code in range(32)} | {127: "␡"}
_BLANK = set("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | set(map(chr, range(0xFE00, 0xFE10)))
_ABBREVIATIONS = {" ": "SP", "\u00a0": "NBSP", "\u200b": "ZWSP", "\u200c": "ZWNJ", "\u200d": "ZWJ", "\u00ad": "SHY"}


def visible(text: str) -> str:
    """The text with every control, format and surrogate character shown instead of obeyed; cut if it is very long."""
    return "".join(
        _C0.get(ord(c)) or (f"\\u{ord(c):04x}" if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c)
        for c in cut(text)
    )


def cut(text: str, longest: int = LONGEST) -> str:
    """The text, or its beginning and an ellipsis: nothing is done with all of a text that may be megabytes long."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def named(text: str) -> str:
    """A user's word as it can be quoted in a message: what one cannot see, or not print here, by code and name.

    Nothing else is put in a character's place: a sign that stands for another would not be in the user's file.
    """
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    shown = "".join(_name(c) if _invisible(c) else c for c in cut(text))
    return shown.encode(encoding, "backslashreplace").decode(encoding)


def symbol(character: str) -> str:
    """A character of a vocabulary in a few cells: itself, or a short name for what one cannot see alone."""
    if character in _ABBREVIATIONS:
        return _ABBREVIATIONS[character]
    if _invisible(character) or unicodedata.category(character)[0] == "M":
        return f"U+{ord(character):04X}"
    return character


def _invisible(c: str) -> bool:
    kind = unicodedata.category(c)
    return kind[0] == "C" or kind in ("Zl", "Zp") or (kind == "Zs" and c != " ") or c in _BLANK


def _name(c: str) -> str:
    if "\udc80" <= c <= "\udcff":  # a byte that is no UTF-8
        return f"\\x{ord(c) - 0xDC00:02x}"
    name = unicodedata.name(c, "")
    return f"<U+{ord(c):04X}{' ' if name else ''}{name}>"
