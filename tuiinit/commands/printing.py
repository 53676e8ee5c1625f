"""What commands print where a program reads it."""

from __future__ import annotations

import sys


def print_json(text: bytes) -> None:
    """Print JSON, in UTF-8 whatever the terminal's encoding."""
    sys.stdout.buffer.write(text + b"\n")
