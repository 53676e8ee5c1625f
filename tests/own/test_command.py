"""`tuiinit check` and `tuiinit example` as a person types them."""

from __future__ import annotations

import importlib
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.faults.terminal import until
from tests.own import planted
from tests.own.conftest import Typed
from tuiinit.commands.example import examples
from tuiinit.engine.own import checking
from tuiinit.stream.checked import Check

command = importlib.import_module("tuiinit.commands.check")
PLANTED = planted.__file__
ROW = {
    "name", "kind", "call", "shape", "input_rms", "mean", "std", "predicted_std", "saturated", "dead", "grad_std",
    "weight_std", "gain", "advised_gain", "initialiser",
}  # fmt: skip
TOP = {"target", "settings", "device", "parameters", "loss", "expected_loss", "rows", "findings", "ok"}
pytestmark = pytest.mark.usefixtures("warm")


@pytest.mark.parametrize(("name", "code"), [("default_relu", 1), ("default_relu_mended", 0)])
def test_json_is_what_the_contract_says(typed: Typed, name: str, code: int) -> None:
    done, out, error = typed("check", f"{PLANTED}:{name}", "--json", "--device", "cpu")
    assert (done, error) == (code, "")
    found: dict[str, Any] = json.loads(out)
    assert set(found) == TOP
    assert found["ok"] == (code == 0)
    assert all(set(row) == ROW for row in found["rows"])
    assert found["rows"][0]["shape"] == [1024, 64]
    assert found["expected_loss"] == pytest.approx(2.302585)
    for finding in found["findings"]:
        assert set(finding) == {"id", "severity", "row", "text", "cure"}
    assert "NaN" not in out


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_table_fits_the_window(typed: Typed, width: int) -> None:
    _, out, _ = typed("check", f"{PLANTED}:saturated", "--device", "cpu", width=width)
    lines = out.splitlines()
    assert max(map(len, lines)) <= width
    head = next(line for line in lines if line.lstrip().startswith("row"))
    assert all(column in head for column in ("std", "gain", "advised", "gradient"))
    assert ("▇" in out) == (width >= 80)
    assert any(line.startswith("✗ 1 is saturated for") for line in lines)
    assert sum(bool(re.match(r". \d+ +(Linear|Tanh) ", line)) for line in lines) == 13


def test_two_settings_stand_side_by_side(typed: Typed, tmp_path: Path) -> None:
    net = tmp_path / "net.py"
    _, text, _ = typed("example", "mlp")
    net.write_text(text)
    code, out, _ = typed("check", str(net), "--set", "init=default", "--", "--set", "init=kaiming")
    assert code == 0  # what comes after is judged
    assert "init: default → kaiming" in out
    assert "The signal shrinks" in out.partition("after:")[2].partition("after:")[0]
    assert out.rstrip().endswith("Nothing is wrong with this start.")
    code, out, _ = typed("check", f"{PLANTED}:dead_mended", "--against", f"{PLANTED}:dead", "--json")
    assert code == 1
    both = json.loads(out)
    assert set(both) == {"before", "after"}
    assert both["before"]["ok"]
    assert not both["after"]["ok"]


def test_apply_prints_a_function_and_nothing_else(typed: Typed) -> None:
    code, out, _ = typed("check", f"{PLANTED}:missing_root_two", "--apply")
    assert code == 1
    written: dict[str, Any] = {}
    exec(out, written)
    model, _ = planted.missing_root_two()
    written["init"](model)
    assert float(model[0].weight.detach().std()) == pytest.approx((2 / 64) ** 0.5, rel=0.05)  # type: ignore[index, union-attr]


def test_lsuv_gives_every_layer_std_one(typed: Typed, tmp_path: Path) -> None:
    out_file = tmp_path / "weights.pt"
    code, out, _ = typed("check", f"{PLANTED}:missing_root_two", "--lsuv", str(out_file), "--json", "--seed", "3")
    assert code in (0, 1)
    factors = json.loads(out)["lsuv"]
    assert len(factors) == 13
    found = checking.check(Check(target=f"{PLANTED}:missing_root_two", device="cpu", seed=3), torch.device)
    state = torch.load(out_file, weights_only=True)
    model, inputs = planted.missing_root_two()
    model.load_state_dict(state)
    assert found.rows[4].std is not None
    assert found.rows[4].std < 0.98  # without it
    torch.manual_seed(3)
    planted.missing_root_two()
    for layer in model:  # type: ignore[attr-defined]
        inputs = layer(inputs)
        if isinstance(layer, torch.nn.Linear):
            assert float(inputs.detach().std()) == pytest.approx(1, abs=0.1)
    scaled = [row for row in json_rows(out) if row["kind"] == "Linear"]
    assert all(row["std"] == pytest.approx(1, abs=0.02) for row in scaled)


def json_rows(out: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(out)["rows"]
    return rows


def test_made_up_inputs_for_a_bare_model(typed: Typed, tmp_path: Path) -> None:
    net = tmp_path / "bare.py"
    net.write_text("from torch import nn\ndef image(): return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())\n"
                   "def text(): return nn.Sequential(nn.Embedding(50, 8), nn.Linear(8, 50))\n")  # fmt: skip
    code, out, _ = typed("check", f"{net}:image", "--input", "8,3,12,12", "--json")
    assert (code, json_rows(out)[0]["shape"]) == (0, [8, 4, 10, 10])
    code, out, _ = typed("check", f"{net}:text", "--tokens", "4,7,50", "--json")
    assert json.loads(out)["expected_loss"] == pytest.approx(3.912, abs=1e-3)
    assert [row["shape"] for row in json_rows(out)] == [[4, 7, 8], [4, 7, 50]]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--set", "depth"), "--set takes NAME=VALUE, not 'depth'"),
        (("--input", "8,x"), "--input takes positive whole numbers"),
        (("--tokens", "8"), "--tokens takes positive whole numbers"),
        (("--input", "8", "--tokens", "8,9"), "two ways to make up one input"),
        (("--json", "--apply"), "take one of them"),
        (("--apply", "--against", "other.py"), "--apply is for one network"),
        (("--", "--lsuv", "x.pt"), "'--lsuv' is one thing too many"),
        (("second.py",), "'second.py' is one thing too many"),
        (("--seed", "-1"), "Invalid value for '--seed'"),
        (("--input", "8"), "--input and --tokens are for a bare model"),
    ],
)
def test_wrong_use_is_one_sentence(typed: Typed, words: tuple[str, ...], sentence: str) -> None:
    code, out, error = typed("check", str(examples()["mlp"]), *words)
    assert (code, out) == (2, "")
    assert sentence in error
    assert error.count("\n") == 1


def test_their_failure_is_a_sentence_and_their_lines(typed: Typed, tmp_path: Path) -> None:
    net = tmp_path / "net.py"
    net.write_text("def build():\n    raise ValueError('bell \\x07')\n")
    code, out, error = typed("check", str(net))
    assert (code, out) == (2, "")
    assert error.splitlines()[0] == "tuiinit: build() failed: ValueError: bell ␇"
    assert f'File "{net}", line 2, in build' in error
    assert "\x07" not in error


def test_a_process_that_their_code_ends_is_one_sentence(typed: Typed, tmp_path: Path) -> None:
    net = tmp_path / "net.py"
    net.write_text("import os\ndef build():\n    os._exit(9)\n")
    code, out, error = typed("check", str(net))
    assert (code, out) == (2, "")
    assert error.startswith("tuiinit: the engine ")
    assert error.count("\n") == 1


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_takes_long_shows_a_bar_and_clears_it(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setattr(command, "PATIENCE", 0.0)
    with command.working("building"):
        until(lambda: "building" in screen.getvalue(), "a bar")
    monkeypatch.setattr(command, "PATIENCE", 1000.0)
    screen.truncate(0)
    with command.working("building"):
        pass
    assert "building" not in screen.getvalue()


def test_examples_are_listed_and_printed(typed: Typed) -> None:
    code, out, _ = typed("example")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[:4]] == ["gpt", "lstm", "mlp", "resnet"]
    for name, path in examples().items():
        assert typed("example", name)[1] == path.read_text()
        assert len(path.read_text().splitlines()) <= 60
    assert "there is no example 'vgg'; there are gpt, lstm, mlp, resnet" in typed("example", "vgg")[2]


@pytest.mark.parametrize("name", examples())
def test_nothing_is_wrong_with_the_examples(typed: Typed, name: str) -> None:
    code, out, error = typed("check", str(examples()[name]))
    assert (code, error) == (0, "")
    assert "Nothing is wrong with this start." in out


def test_a_large_network_is_folded_by_block(typed: Typed) -> None:
    _, out, _ = typed("check", f"{PLANTED}:residual_mended", "--device", "cpu")
    assert "… 46 alike" in out
    assert "Blocks that are alike are folded: --all shows every row." in out
    _, every, _ = typed("check", f"{PLANTED}:residual_mended", "--device", "cpu", "--all")
    assert every.count("\n") > 140
