"""Scripts that write files of the project: given what the file holds, they write it again."""

from __future__ import annotations

import runpy
from pathlib import Path

from tests.experiments.claims_figures import MEASURED

SCRIPTS = Path(__file__).parent.parent / "scripts"


def test_the_claims_figures_are_as_the_script_writes_them() -> None:
    script = runpy.run_path(str(SCRIPTS / "claims_figures.py"))
    counts = dict.fromkeys(script["COUNTS"], 3.0)
    claims = [{"id": name, "figures": {**figures, **counts, "lost": None}} for name, figures in MEASURED.items()]
    text = script["FIGURES"].read_text(encoding="utf-8")
    assert script["rewritten"](text, claims) == text
    claims[0]["figures"] = {"first loss": 1.234567}
    other = script["rewritten"](text, claims)
    assert '    "C01": {\n        "first loss": 1.2346,\n    },\n    "C02": {' in other
    assert other.endswith(text.split("# fmt: on\n")[1])
