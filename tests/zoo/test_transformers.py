"""A check of transformers' networks, as they are built today: nothing bad, and theory within a factor of two."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

pytest.importorskip("transformers", reason="transformers is not installed")

from tests.zoo.networks import NETWORKS
from tests.zoo.theory import out_of_line
from tuiinit.engine.own.checking import check
from tuiinit.insight.check.judging import judge
from tuiinit.stream.checked import Check

pytestmark = pytest.mark.long
HERE = Path(__file__).parent / "networks.py"
#: Rows out of theory's factor of two, and why.
OUT_OF_LINE = {"wav2vec2": ("pos_conv_embed",)}  # weight-normed over another dimension than the fan


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_is_bad_and_theory_holds(name: str) -> None:
    checked = check(Check(target=f"{HERE}:{name}", device="cpu"), torch.device)
    bad = [finding.text for finding in judge(checked) if finding.severity == "bad"]
    assert not bad
    known = OUT_OF_LINE.get(name, ())
    assert [r.name for r in out_of_line(checked.rows) if not any(k in r.name for k in known)] == []
