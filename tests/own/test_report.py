"""`tuiinit report TARGET`: a person's network as built, under other gains, and with its norm switched."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.own.conftest import Typed, Write
from tuiinit.paper.report import pictures

pytestmark = pytest.mark.usefixtures("warm")
NETWORK = """
def build(width: int = 6, norm: bool = False, break_norm: bool = False):
    if norm and break_norm:
        raise ValueError("no norm today")
    model = nn.Sequential(nn.Linear(6, width), nn.BatchNorm1d(width) if norm else nn.Identity(), nn.Tanh(),
                          nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 3))
    data = [(torch.randn(16, 6), torch.randint(0, 3, (16,))) for _ in range(5)]
    return tuiinit.Setup(model, data, lambda model, batch: F.cross_entropy(model(batch[0]), batch[1]), dev=data[:1])
"""
NETWORKS = ["as built", "gain 0.5", "gain 1", "gain √2", "gain 5/3", "norm=true"]


@pytest.fixture(autouse=True)
def _in_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "available", lambda: False)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_what_is_written(typed: Typed, write: Write, tmp_path: Path) -> None:
    out = tmp_path / "report"
    done, said, error = typed("report", write(NETWORK), "--out", str(out), "--steps", "8", "--device", "cpu")
    assert (done, error) == (0, "")
    assert said == f"wrote {out / 'report.md'}\n"
    found = json.loads((out / "report.json").read_text())
    assert list(found["networks"]) == NETWORKS
    by_gain = {}
    for name, network in found["networks"].items():
        assert (network["first"]["step"], network["last"]["step"]) == (1, 8)
        assert (network["failed"], network["diverged_at"], network["unlike"]) == (None, None, None)
        assert network["dev_loss"] > 0
        rows = network["first"]["rows"]
        assert all(row["predicted_std"] == pytest.approx(row["std"], rel=0.5) for row in rows if row["predicted_std"])
        by_gain[name] = network["first"]["weights"][0]["std"]
    assert by_gain["gain 1"] == pytest.approx(2 * by_gain["gain 0.5"], rel=0.2)  # after one step
    assert found["networks"]["norm=true"]["settings"]["norm"] is True
    assert [row["network"] for row in table(out / "networks.csv")] == NETWORKS
    assert len(table(out / "loss.csv")) == 8 * len(NETWORKS)
    assert {row["step"] for row in table(out / "rows.csv")} == {"1", "8"}
    assert len(table(out / "weights.csv")) == 2 * len(NETWORKS) * (6 + 0) + 2 * 2  # the norm brings two vectors
    assert table(out / "histograms.csv")
    text = (out / "report.md").read_text()
    assert all(f"## {name}\n" in text for name in NETWORKS)
    assert "Training loss: gain √2" in text
    assert "nan" not in text


def test_a_network_that_fails_is_told_and_the_others_are_there(typed: Typed, write: Write, tmp_path: Path) -> None:
    out = tmp_path / "report"
    words = ("--out", str(out), "--steps", "2", "--set", "break_norm=true", "--device", "cpu")
    done, _, error = typed("report", write(NETWORK), *words)
    assert (done, error) == (0, "")
    found = json.loads((out / "report.json").read_text())["networks"]
    assert found["norm=true"]["failed"] == "build() failed: ValueError: no norm today"
    assert found["norm=true"]["first"] is None
    assert found["gain 5/3"]["last"]["step"] == 2
    assert "It failed: build() failed: ValueError: no norm today." in (out / "report.md").read_text()


def test_one_that_cannot_be_built_at_all(typed: Typed, write: Write, tmp_path: Path) -> None:
    target = write("def build():\n    raise KeyError('nothing')\n")
    done, out, error = typed("report", target, "--out", str(tmp_path / "report"), "--device", "cpu")
    assert (done, out) == (2, "")
    assert "build() failed: KeyError: 'nothing'" in error
    assert "raise KeyError('nothing')" in error
    assert not (tmp_path / "report").exists()
    done, _, error = typed("report", target, "--out", str(tmp_path / "report"), "--gain", "1")
    assert done == 2
    assert "varies the gain itself" in error
