"""A person's code fails in every way that code does: one sentence, their own lines, and the engine stands."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.conftest import Tuiinit
from tuiinit.engine.devices import device_of
from tuiinit.engine.own.answering import answer
from tuiinit.engine.own.script import as_in_a_script, flushes_tiny_numbers
from tuiinit.stream.checked import Check, Checked, OwnProblem

#: A file's text, what its sentence has to say, and the line of theirs that is shown (empty: none).
FAILURES: dict[str, tuple[str, str, str]] = {
    "syntax": ("def build(:\n", "could not be imported: SyntaxError", "def build(:"),
    "import": ("import no_such_module_of_theirs\n", "No module named 'no_such_module_of_theirs'", "import no_such"),
    "raises": ("def build():\n    raise ValueError('my mistake')\n", "build() failed: ValueError: my mistake", "raise"),
    "deep": (
        "def build():\n    return nn.Sequential(nn.Linear(3, 'x'))\n",
        "build() failed: TypeError",
        "nn.Linear(3, 'x')",
    ),
    "exits": ("def build():\n    sys.exit('no data')\n", "it called sys.exit(no data)", "sys.exit"),
    "exits on import": ("sys.exit(3)\n", "it called sys.exit(3)", "sys.exit(3)"),
    "argparse": (
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('data')\np.parse_args()\n",
        "its argparse refuses an empty command line",
        "p.parse_args()",
    ),
    "input": ("def build():\n    return input('which? ')\n", "it asked for input", "input('which? ')"),
    "nothing": ("def build():\n    pass\n", "build() gave a NoneType", ""),
    "no function": ("def make():\n    pass\n", "has no function build; it has ", ""),
    "a class alone": (
        "del setup\nclass Net(nn.Linear):\n    pass\n",
        "has no function build; it has Net: name one, as in ",
        "",
    ),
    "nothing at all": ("del setup\n", "has no function build; tuiinit example shows some", ""),
    "no default": ("def build(depth):\n    pass\n", "build needs a default for 'depth'", ""),
    "bare": ("def build():\n    return nn.Linear(3, 2)\n", "add --input 8,3,224,224 or --tokens", ""),
    "bare iterator": (
        "def build():\n    return setup(batches=iter([1]))\n",
        "once (a bare iterator)",
        "return setup",
    ),
    "no batch": ("def build():\n    return setup(batches=[])\n", "the batches are empty", ""),
    "batches raise": (
        "def gen():\n    yield from open('no-such-file')\n\ndef build():\n    return setup(batches=gen)\n",
        "the batches failed: FileNotFoundError",
        "open('no-such-file')",
    ),
    "shape": (
        "def build():\n    return setup(lambda model, x: model(x.T).sum())\n",
        "the loss failed: RuntimeError: mat1 and mat2",
        "model(x.T)",
    ),
    "no scalar": ("def build():\n    return setup(lambda model, x: model(x))\n", "not a tensor of shape (4, 2)", ""),
    "no tensor": ("def build():\n    return setup(lambda model, x: 1.0)\n", "not a float", ""),
    "detached": ("def build():\n    return setup(lambda m, x: m(x).sum().detach())\n", "does not depend on any", ""),
    "backward": (
        "class Own(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n        return x * 1\n"
        "    @staticmethod\n    def backward(ctx, grad):\n        raise KeyError('back')\n\n"
        "def build():\n    return setup(lambda model, x: Own.apply(model(x)).sum())\n",
        "the backward pass failed: KeyError",
        "raise KeyError('back')",
    ),
}


def problem(target: str, **settings: object) -> OwnProblem:
    found = answer(Check(target=target, device="cpu", **settings), torch.device)  # type: ignore[arg-type]
    assert isinstance(found, OwnProblem)
    return found


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_one_sentence_and_their_lines(name: str, write: Callable[[str], str]) -> None:
    text, sentence, line = FAILURES[name]
    found = problem(write(text))
    assert sentence in found.text
    assert "\n" not in found.text
    assert (line in found.lines) if line else not found.lines
    assert "site-packages" not in found.lines
    assert "/tuiinit/" not in found.lines


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("no_such_file.py", "there is no file no_such_file.py"),
        ("no_such_package.module:build", "there is no module no_such_package.module"),
        ("net.py:not a name", "does not read FILE.py"),
        (":build", "does not read FILE.py"),
    ],
)
def test_a_target_that_is_none_is_named(target: str, sentence: str) -> None:
    assert sentence in problem(target).text


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_one_sentence(write: Callable[[str], str]) -> None:
    found = answer(Check(target=write("def build():\n    return setup()\n"), device="cuda"), device_of)
    assert isinstance(found, OwnProblem)
    assert "finds no CUDA device" in found.text


def test_settings_are_the_functions_own(write: Callable[[str], str]) -> None:
    target = write("def build(depth: int = 2, norm=True, rate=0.5, kind='x', other=None):\n    return setup()\n")
    for given, sentence in (
        ({"width": "3"}, "there is no parameter 'width' to set: the function has depth, norm, rate, kind, other"),
        ({"depth": "2.5"}, "depth must be a whole number, not '2.5'"),
        ({"norm": "maybe"}, "norm must be true or false, not 'maybe'"),
        ({"rate": "fast"}, "rate must be a number, not 'fast'"),
    ):
        assert sentence in problem(target, settings=given).text
    found = answer(Check(target=target, device="cpu", settings={"norm": "off", "other": "7"}), torch.device)
    assert isinstance(found, Checked)
    assert found.settings == {"depth": 2, "norm": False, "rate": 0.5, "kind": "x", "other": 7}


def test_the_file_is_alone_in_argv_and_its_folder_is_importable(write: Callable[[str], str], tmp_path: Path) -> None:
    (tmp_path / "beside_it.py").write_text("WIDTH = 2\n")
    target = write("import beside_it\nassert len(sys.argv) == 1 and sys.argv[0] == __file__\ndef build():\n"
                   "    return setup(model=nn.Linear(3, beside_it.WIDTH))\n")  # fmt: skip
    assert isinstance(answer(Check(target=target, device="cpu"), torch.device), Checked)


def test_their_code_runs_as_in_a_script_and_ours_after_it_as_before(write: Callable[[str], str]) -> None:
    threads = torch.get_num_threads()
    torch.set_flush_denormal(True)
    try:
        tiny = "float(torch.tensor(1e-39).mul(1.0)) > 0"
        target = write(f"def build():\n    assert {tiny}\n    torch.set_num_threads(3)\n    return setup()\n")
        assert isinstance(answer(Check(target=target, device="cpu"), torch.device), Checked)
        assert torch.get_num_threads() == threads
        assert not torch.are_deterministic_algorithms_enabled()
        assert float(torch.tensor(1e-39).mul(1.0)) == 0
    finally:
        torch.set_flush_denormal(False)


def test_one_seed_gives_one_network(write: Callable[[str], str]) -> None:
    target = write("import random, numpy as np\ndef build():\n    m = nn.Linear(3, 2)\n"
                   "    m.weight.data *= random.random() + np.random.rand()\n    return setup(model=m)\n")  # fmt: skip

    def std(seed: int) -> float | None:
        found = answer(Check(target=target, device="cpu", seed=seed), torch.device)
        assert isinstance(found, Checked)
        return found.rows[0].std

    assert std(0) == std(0)
    assert std(0) != std(1)


def test_prints_and_threads_left_behind_do_no_harm(tuiinit: Tuiinit, write: Callable[[str], str]) -> None:
    """In a process as users have it: what is printed, in C too, is no frame, and a thread that never ends ends."""
    target = write("""
        import os, threading, time
        print("on import")
        threading.Thread(target=lambda: [time.sleep(0.01) for _ in iter(int, 1)]).start()
        def build():
            print("in build", flush=True)
            os.write(1, bytes(100))
            return setup()
    """)
    done = tuiinit("check", target, "--json", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('{"target"')
    assert done.stdout.count("\n") == 1
    assert threading.active_count() < 10


@pytest.mark.parametrize("before", [True, False])
def test_how_tiny_numbers_are_taken_is_as_before(before: bool) -> None:
    torch.set_flush_denormal(before)
    try:
        with as_in_a_script():
            assert not flushes_tiny_numbers()
        assert flushes_tiny_numbers() is before
    finally:
        torch.set_flush_denormal(False)
