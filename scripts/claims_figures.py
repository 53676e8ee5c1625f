"""Measure the claims anew and write their figures into tests/experiments/claims_figures.py.

    python scripts/claims_figures.py [FILE.json]

FILE.json is what `tuiinit claims --json` printed; without it the claims are measured now, which takes minutes. Only the
measured figures are rewritten; look at the difference, then at what the tests say of the repaired and doctored ones.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

FIGURES = Path(__file__).parent.parent / "tests" / "experiments" / "claims_figures.py"
BEGINS, ENDS = "# fmt: off\n", "# fmt: on\n"
COUNTS = ("seeds", "seeds that agree")


def table(claims: list[dict[str, Any]]) -> str:
    """The figures as Python, to five digits; those that could not be measured are left out."""
    lines = ["MEASURED: dict[str, dict[str, float]] = {"]
    for claim in claims:
        lines.append(f'    "{claim["id"]}": {{')
        for name, value in claim["figures"].items():
            if value is not None and name not in COUNTS:
                lines.append(f'        "{name}": {float(f"{value:.5g}")!r},')
        lines.append("    },")
    return "\n".join([*lines, "}\n"])


def rewritten(text: str, claims: list[dict[str, Any]]) -> str:
    """The file with other figures."""
    head, rest = text.split(BEGINS)
    return head + BEGINS + table(claims) + ENDS + rest.split(ENDS)[1]


def main() -> None:
    """Read or measure, and write."""
    if len(sys.argv) > 1:
        figures = Path(sys.argv[1]).read_text(encoding="utf-8")
    else:
        command = [sys.executable, "-m", "tuiinit", "claims", "--json"]
        figures = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, check=False
        ).stdout  # 1 where a claim fails
    FIGURES.write_text(rewritten(FIGURES.read_text(encoding="utf-8"), json.loads(figures)), encoding="utf-8")


if __name__ == "__main__":
    main()
