"""A check of timm's and torchvision's networks, as they are built today: theory holds, and what is bad is known."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

if missing := [name for name in ("timm", "torchvision") if find_spec(name) is None]:
    pytest.skip(f"{missing[0]} is not installed", allow_module_level=True)

from tests.zoo.theory import out_of_line
from tests.zoo.vision import NETWORKS
from tuiinit.engine.own.checking import check
from tuiinit.insight.check.judging import judge
from tuiinit.stream.checked import Check

pytestmark = pytest.mark.long
HERE = Path(__file__).parent / "vision.py"
#: What is bad, and why that is so.
BAD = {
    "torchvision_alexnet": {"shrinks"},  # PyTorch's default in a deep ReLU network: the weights leave 3 %
    "timm_cait_xxs24_224": {"vanishing-gradient"},  # the class token sees the image through factors of 1e-5
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_bad_is_known_and_theory_holds(name: str) -> None:
    checked = check(Check(target=f"{HERE}:{name}", device="cpu"), torch.device)
    bad = {finding.id for finding in judge(checked) if finding.severity == "bad"}
    assert bad == BAD.get(name, set())
    few = len([row for row in checked.rows if row.fan_in is not None]) // 10 if name in BAD else 0
    assert len(out_of_line(checked.rows)) <= few
