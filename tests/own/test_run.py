"""`tuiinit run TARGET`: a person's network trained without a screen."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from tests.own.conftest import Typed, Write

pytestmark = pytest.mark.usefixtures("warm")
NETWORK = """
def build(width: int = 8, act: str = "tanh", lr: float = 0.5, batches: int = 4, fail_at: int = 0, inf: bool = False):
    print("noise on standard output")
    model = nn.Sequential(nn.Linear(6, width), {"tanh": nn.Tanh, "relu": nn.ReLU}[act](), nn.Linear(width, 3))
    data = [(torch.randn(16, 6), torch.randint(0, 3, (16,))) for _ in range(batches)]
    steps = []

    def loss(model, batch):
        steps.append(len(steps))
        if fail_at and len(steps) > fail_at:  # the first call is the look at the first batch
            return model(batch[0].T)
        factor = float("inf") if inf and len(steps) > 5 else 1.0
        return F.cross_entropy(model(batch[0]), batch[1]) * factor

    return tuiinit.Setup(model, data, loss, optimizer=lambda p: torch.optim.SGD(p, lr=lr), dev=data[:1])
"""
TAIL = {"step", "loss", "micro_batches", "rows", "weights", "findings"}
ROW = {"name", "kind", "call", "mean", "std", "saturated", "grad_mean", "grad_std"}
WEIGHT = {"name", "shape", "mean", "std", "grad_std", "grad_data_ratio", "update_data_log10"}


def test_json_is_what_tail_says_of_the_last_step_and_more(typed: Typed, write: Write) -> None:
    target = write(NETWORK)
    done, out, error = typed("run", target, "--steps", "6", "--set", "width=12", "--json", "--device", "cpu")
    assert (done, error) == (0, "")
    found: dict[str, Any] = json.loads(out)
    assert set(found) >= TAIL | {"settings", "device", "dev_loss"}
    assert found["step"] == 6
    assert found["device"] == "cpu"
    assert found["settings"] == {"width": 12, "act": "tanh", "lr": 0.5, "batches": 4, "fail_at": 0, "inf": False}
    assert [row["name"] for row in found["rows"]] == ["0", "1", "2"]
    assert all(set(row) == ROW for row in found["rows"])
    assert [w["name"] for w in found["weights"]] == ["0.weight", "2.weight", "0.bias", "2.bias"]
    assert all(set(weight) == WEIGHT for weight in found["weights"])
    assert found["rows"][0]["saturated"] is None
    assert 0 <= found["rows"][1]["saturated"] < 1
    assert 0 < found["dev_loss"] < 3
    assert found["expected_initial_loss"] == pytest.approx(math.log(3))
    assert "NaN" not in out


def test_epochs_gain_lr_and_seed(typed: Typed, write: Write) -> None:
    target = write(NETWORK)
    common = ("run", target, "--epochs", "2", "--json", "--device", "cpu")
    one, other, again = (
        json.loads(typed(*common, *options)[1])
        for options in (("--lr", "0.125"), ("--lr", "0.125", "--gain", "3"), ("--lr", "0.125", "--seed", "1"))
    )
    assert (one["step"], one["lr"]) == (8, 0.125)
    assert other["rows"][0]["std"] > 2 * one["rows"][0]["std"]
    assert again["loss"] != one["loss"]


def test_tables(typed: Typed, write: Write) -> None:
    done, out, error = typed("run", write(NETWORK), "--steps", "3", "--device", "cpu")
    assert (done, error) == (0, "")
    assert "width=8" in out
    assert "step 3" in out
    assert "expected 1.0986" in out
    for title in ("Rows", "Weights", "Biases"):
        assert title in out
    assert "noise" not in out
    assert max(map(len, out.splitlines()[2:])) <= 80


def test_their_code_that_fails_at_a_later_step_is_told_with_their_lines(typed: Typed, write: Write) -> None:
    done, out, error = typed(
        "run", write(NETWORK), "--steps", "9", "--set", "fail_at=7", "--set", "batches=100", "--device", "cpu"
    )
    assert (done, out) == (2, "")
    assert "at step 7 the loss failed: RuntimeError: mat1 and mat2 shapes" in error
    assert "return model(batch[0].T)" in error
    assert "/tuiinit/engine" not in error


def test_a_loss_that_is_not_finite(typed: Typed, write: Write) -> None:
    done, out, error = typed(
        "run", write(NETWORK), "--steps", "9", "--set", "inf=true", "--set", "batches=100", "--json", "--device", "cpu"
    )
    assert done == 1
    assert "the loss was not finite at step 5" in error
    found = json.loads(out)
    assert (found["loss"], found["diverged_at"]) == (None, 5)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--steps", "1", "--hidden", "10,10"), "--hidden is for the networks that tuiinit builds"),
        (("--steps", "1", "--fold"), "--fold is for the networks that tuiinit builds"),
        (("--steps", "1", "--set", "depth=3"), "there is no parameter 'depth' to set: the function has width, act"),
        (("--steps", "1", "--set", "width=many"), "width must be a whole number, not 'many'"),
        (("--steps", "1", "--lr", "-1"), "lr"),
        ((), "either --steps N or --epochs N"),
    ],
)
def test_wrong_use_is_one_sentence(typed: Typed, write: Write, words: tuple[str, ...], sentence: str) -> None:
    done, out, error = typed("run", write(NETWORK), *words, "--device", "cpu")
    assert (done, out) == (2, "")
    assert sentence in error


def test_a_parameter_without_a_target(typed: Typed) -> None:
    done, _, error = typed("run", "--set", "depth=3", "--steps", "1")
    assert done == 2
    assert "name its file" in error


def test_no_length_means_no_epochs(typed: Typed, write: Write) -> None:
    target = write("""
        def forever():
            while True:
                yield torch.ones(4, 3)

        def build():
            return setup(batches=forever)
    """)
    done, _, error = typed("run", target, "--epochs", "1", "--device", "cpu")
    assert done == 2
    assert "no length" in error
    done, out, _ = typed("run", target, "--steps", "2", "--json", "--device", "cpu")
    assert done == 0
    assert json.loads(out)["dev_loss"] is None


def test_threads_that_their_code_leaves_behind_keep_nobody(typed: Typed, write: Write) -> None:
    target = write("""
        import threading

        def build():
            threading.Thread(target=threading.Event().wait).start()
            return setup()
    """)
    done, out, error = typed("run", target, "--steps", "2", "--json", "--device", "cpu")
    assert (done, error) == (0, "")
    assert json.loads(out)["step"] == 2


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [("fail_at=3,0", "the loss failed: RuntimeError"), ("act=gelu,tanh", "build() failed: KeyError: 'gelu'")],
)
def test_a_sweep_tells_which_cell_failed_and_why(typed: Typed, write: Write, broken: str, sentence: str) -> None:
    words = ("--steps", "6", "--axis", broken, "--seeds", "1", "--device", "cpu", "--processes", "1")
    done, out, error = typed("sweep", write(NETWORK), *words, width=200)
    assert (done, error) == (0, "")
    assert sentence in out
    assert "failed" in out
    assert "the only cell that came through of 2 cells" in " ".join(out.split())
