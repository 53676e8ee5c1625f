"""Signs of the program where the output's encoding lacks them: each has a stand-in, and nothing turns into `?`."""

from __future__ import annotations

import codecs

STAND_INS = {
    "✓": "OK", "✗": "X", "·": "-", "…": "...", "–": "-", "—": "--", "−": "-", "×": "x", "÷": "/", "√": "sqrt ",
    "²": "^2", "±": "+-", "≤": "<=", "≥": ">=", "≈": "~", "∞": "inf", "→": "->", "←": "<-", "↑": "up", "↓": "down",
    "’": "'", "‘": "'", "“": '"', "”": '"', "│": "|", "─": "-", "█": "#", "●": "*", "γ": "gamma", "β": "beta",
}  # fmt: skip
STAND_INS |= {chr(0x2400 + code): f"\\x{code:02x}" for code in range(32)}  # of control characters made visible
HANDLER = "tuiinit.stand_ins"


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(STAND_INS.get(c) or c.encode("ascii", "backslashreplace").decode() for c in missing), error.end


codecs.register_error(HANDLER, _replace)
