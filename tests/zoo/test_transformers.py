"""A check of transformers' networks, as they are built today: nothing bad, and theory within a factor of two."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

pytest.importorskip("transformers", reason="transformers is not installed")

from tests.zoo.networks import NETWORKS
from tuiinit.engine.own.checking import check
from tuiinit.insight.check.judging import judge
from tuiinit.stream.checked import Check, CheckedRow

pytestmark = pytest.mark.long
HERE = Path(__file__).parent / "networks.py"
#: Rows out of theory's factor of two, and why.
OUT_OF_LINE = {"wav2vec2": ("pos_conv_embed",)}  # weight-normed over another dimension than the fan


def out_of_line(rows: tuple[CheckedRow, ...]) -> list[CheckedRow]:
    of_layers = [row for row in rows if row.fan_in is not None and row.std and row.predicted_std]
    return [row for row in of_layers if not 0.5 < (row.std or 0) / (row.predicted_std or 1) < 2]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_is_bad_and_theory_holds(name: str) -> None:
    checked = check(Check(target=f"{HERE}:{name}", device="cpu"), torch.device)
    bad = [finding.text for finding in judge(checked) if finding.severity == "bad"]
    assert not bad
    known = OUT_OF_LINE.get(name, ())
    assert [r.name for r in out_of_line(checked.rows) if not any(k in r.name for k in known)] == []
