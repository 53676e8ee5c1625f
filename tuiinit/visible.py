"""Text from outside, made safe to print: control characters become visible."""

from __future__ import annotations

import unicodedata

_C0 = {code: chr(0x2400 + code) for code in range(32)} | {127: "␡"}


def visible(text: str) -> str:
    """The text with every control, format and surrogate character shown instead of obeyed."""
    return "".join(
        _C0.get(ord(c)) or (f"\\u{ord(c):04x}" if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c)
        for c in text
    )
