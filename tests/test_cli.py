"""The command line: JSON as promised, exit codes, and one sentence for whatever is wrong."""

from __future__ import annotations

import csv
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from tuiinit.cli import cli, main
from tuiinit.config.presets import BY_NAME
from tuiinit.config.run import RunConfig
from tuiinit.config.schedule import Change
from tuiinit.config.toml import to_toml
from tuiinit.engine.devices import device_of
from tuiinit.host import stand_ins

SMALL = ("run", "--hidden", "5,4", "--device", "cpu")
KEYS = {
    "config", "data", "device", "step", "epoch", "parameters", "loss", "initial_loss", "expected_initial_loss",
    "dev_loss", "diverged_at", "activations", "weights", "vectors", "findings",
    "predicted_initial_loss", "redraw_initial_loss",
}  # fmt: skip
ACTIVATION = {
    "layer", "mean", "std", "saturated", "dead", "predicted_std", "predicted_saturated", "grad_mean", "grad_std",
    "predicted_grad_ratio", "redraw_std", "redraw_saturated", "redraw_grad_ratio",
}  # fmt: skip
WEIGHT = {
    "name", "shape", "mean", "std", "grad_mean", "grad_std", "grad_data_ratio", "update_data_log10",
    "predicted_grad_std", "predicted_update_data_log10", "redraw_grad_std", "redraw_update_data_log10",
}  # fmt: skip


def strict(text: str) -> Any:
    """JSON without NaN or infinity, and nothing around it."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


@pytest.fixture
def inside(warm: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """The console script in this process: arguments in, exit code and both outputs out."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", ["tuiinit", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        assert isinstance(left.value.code, int)
        return subprocess.CompletedProcess(arguments, left.value.code, *capsys.readouterr())

    return run


def record_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    found: dict[str, Any] = strict(done.stdout)
    return found


def test_json(inside: Any) -> None:
    run = record_of(inside(*SMALL, "--steps", "3", "--json", "--gain", "1", "--bn"))
    assert set(run) == KEYS
    assert all(set(act) == ACTIVATION for act in run["activations"])
    assert all(set(weight) == WEIGHT for weight in run["weights"])
    assert all(set(finding) == {"id", "severity", "text"} for finding in run["findings"])
    assert run["findings"]
    vector = {"name", "shape", "mean", "std", "grad_std", "update_data_log10"}
    assert [(v["name"], v["shape"]) for v in run["vectors"]] == [
        (f"{layer} {kind}", [size])
        for layer, size in (("hidden 1", 5), ("hidden 2", 4), ("output", 27))
        for kind in ("gamma", "beta")
    ]
    assert all(set(v) == vector and v["update_data_log10"] < 0 for v in run["vectors"])
    assert msgspec.convert(run["config"], RunConfig) == RunConfig(hidden=(5, 4), gain=1, bn=True, device="cpu")
    assert (run["step"], run["device"], run["diverged_at"]) == (3, "cpu", None)
    assert run["parameters"] == 27 * 10 + 30 * 5 + 5 * 4 + 4 * 27 + 2 * (5 + 4 + 27)
    assert run["expected_initial_loss"] == pytest.approx(math.log(27))
    assert [act["layer"] for act in run["activations"]] == ["tanh 1", "tanh 2"]
    assert [weight["name"] for weight in run["weights"]] == ["embedding", "hidden 1", "hidden 2", "output"]
    assert [weight["shape"] for weight in run["weights"]] == [[27, 10], [30, 5], [5, 4], [4, 27]]
    assert all(0 <= act["saturated"] <= 1 for act in run["activations"])


def test_step_zero_and_numbers_that_do_not_exist(inside: Any) -> None:
    run = record_of(inside(*SMALL, "--steps", "0", "--json", "--gain", "0"))
    assert (run["step"], run["epoch"]) == (0, 0.0)
    assert {weight["update_data_log10"] for weight in run["weights"]} == {None}
    assert run["weights"][1]["grad_data_ratio"] is None
    assert {(v["std"], v["update_data_log10"]) for v in run["vectors"]} == {(0.0, None)}
    assert run["loss"] == run["initial_loss"]


def test_a_file_with_options_on_top(inside: Any, tmp_path: Path) -> None:
    config = RunConfig(hidden=(3,), gain=3, bn=True, batch_size=8, schedule=(Change(1, "lr", 0.5),), device="cpu")
    file = tmp_path / "run.toml"
    file.write_text(to_toml(config))
    options = ("--epochs", "2", "--batch-size", "30000", "--gain", "5/3", "--no-bn")
    run = record_of(inside("run", "--config", str(file), *options, "--json"))
    assert msgspec.convert(run["config"], RunConfig) == config.replace(gain=5 / 3, bn=False, batch_size=30_000)
    assert run["epoch"] == 2
    assert run["dev_loss"] > 2


def test_a_diverged_run_tells_what_it_measured_and_fails(inside: Any) -> None:
    settings = ("--nonlinearity", "linear", "--lr", "10000", "--output-scale", "1")
    done = inside(*SMALL, *settings, "--steps", "60", "--json")
    assert done.returncode == 1
    run = strict(done.stdout)
    assert run["loss"] is None
    assert 1 < run["diverged_at"] <= 60
    assert run["step"] < run["diverged_at"]
    assert any("not finite" in finding["text"] for finding in run["findings"])
    assert done.stderr == f"tuiinit: the loss was not finite at step {run['diverged_at']}\n"

    done = inside(*SMALL, "--nonlinearity", "linear", "--gain", "1e30", "--steps", "3", "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "tuiinit: the numbers leave float32's range at the very start: there is nothing to show\n"


def test_a_loss_far_above_its_start_is_said_first_and_is_no_failure(inside: Any) -> None:
    run = record_of(inside("run", "--hidden", "20,20", "--device", "cpu", "--lr", "10", "--steps", "30", "--json"))
    assert run["loss"] > run["initial_loss"] + 3
    assert (run["findings"][0]["id"], run["findings"][0]["severity"]) == ("loss", "bad")
    assert "a smaller --lr" in run["findings"][0]["text"]


def test_with_all_weights_0_the_tables_show_that_only_the_output_bias_learns(inside: Any) -> None:
    zero = ("--gain", "0", "--output-scale", "0", "--embedding-scale", "0")
    done = inside(*SMALL, *zero, "--steps", "2")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line for line in done.stdout.splitlines() if line.startswith(("hidden", "output")) and " bias " in line]
    rows = {line[:13].strip(): line.split()[-1] for line in lines}
    assert (rows.pop("output bias") == "–", set(rows.values())) == (False, {"–"})
    assert "Only the output bias learns" in done.stdout


def test_tables_in_an_encoding_without_signs(tuiinit: Any) -> None:
    poor = {**os.environ, "PYTHONIOENCODING": "ascii"}
    assert set(strict(tuiinit(*SMALL, "--steps", "1", "--json", env=poor, encoding="utf-8").stdout)) == KEYS
    done = tuiinit(*SMALL, "--steps", "1", env=poor)
    assert (done.returncode, done.stderr) == (0, "")
    for word in ("Activations", "Weight gradients", "Update:data", "tanh 2", "output", "saturated", "theory", "ln 27"):
        assert word in done.stdout
    assert done.stdout.isascii()
    assert "\x1b" not in done.stdout


def test_output_that_nobody_takes(tuiinit: Any, light: dict[str, str]) -> None:
    with open("/dev/full", "w") as full:
        done = tuiinit("run", "--help", env=light, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr == "tuiinit: cannot go on: No space left on device\n"

    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as closed:
        done = tuiinit("run", "--help", env=light, capture_output=False, stdout=closed, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (1, "")


# ------------------------------------------------------------------------- wrong use, told before torch is loaded


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """The one line on standard error of wrong use."""
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert done.stderr.startswith("tuiinit: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert all(c.isprintable() for c in done.stderr[:-1])
    return done.stderr[len("tuiinit: ") : -1]


WRONG = [
    (("sweep", "--steps", "1", "--processes", "257"), "257 is not in the range"),
    (("run",), "needs either --steps N or --epochs N"),
    (("run", "--steps", "1", "--epochs", "1"), "needs either --steps N or --epochs N"),
    (("run", "--steps", "-1"), "--steps"),
    (("run", "--steps", "9" * 30), "--steps"),
    (("run", "--epochs", "9" * 30), "--epochs"),
    (("run", "--epochs", "0"), "--epochs"),
    (("run", "--steps", "x"), "'x' is not a valid integer"),
    (("run", "--steps", "1", "--gain", "abc"), "'abc' is not a number"),
    (("run", "--steps", "1", "--gain", "1/0"), "'1/0' is not a number"),
    (("run", "--steps", "1", "--gain", "nan"), "'nan' is not a finite number"),
    (("run", "--steps", "1", "--gain", "1e999999999"), "is not a finite number"),
    (("run", "--steps", "1", "--gain", "-1"), "gain must be a number from 0"),
    (("run", "--steps", "1", "--hidden", "0"), "width must be from 1 to 4096, not 0"),
    (("run", "--steps", "1", "--hidden", "a"), "'a' is not a list of widths"),
    (("run", "--steps", "1", "--seed", "9" * 400), "seed must be a number"),
    (("run", "--steps", "1", "--batch-size", "0"), "batch_size must be"),
    (("run", "--steps", "1", "--bn", "--batch-size", "1"), "batch_size of at least 2"),
    (("run", "--steps", "1", "--nonlinearity", "gelu"), "'gelu' is not one of"),
    (("run", "--steps", "1", "--optimizer", "x"), "'x' is not one of"),
    (("run", "--steps", "1", "--change", "5"), "does not read STEP:NAME=VALUE"),
    (("run", "--steps", "1", "--change", "9" * 30 + ":lr=1"), "must come at a step from 1"),
    (("run", "--steps", "1", "--config", "/none.toml"), "cannot read /none.toml: No such file"),
    (("run", "--steps", "1", "--data", "/none.txt"), "cannot read /none.txt: No such file"),
    (("run", "--steps", "1", "--data", "/"), "Is a directory"),
    (("run", "--steps", "1", "--magic"), "No such option"),
    (("run", "--steps"), "requires an argument"),
    (("dance",), "No such command 'dance'"),
    (("--gain", "3", "run", "--steps", "1"), "give --gain after the command: tuiinit run --gain"),
    ((), "the explorer needs a terminal"),
    (("--gain", "abc"), "'abc' is not a number"),
    (("--data", "/none.txt"), "cannot read /none.txt"),
]


@pytest.fixture(scope="session")
def light(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which torch cannot be loaded: wrong use is told without it."""
    folder = tmp_path_factory.mktemp("no-torch")
    (folder / "torch.py").write_text("raise AssertionError('torch was loaded')")
    return {**os.environ, "PYTHONPATH": str(folder)}


@pytest.mark.parametrize(("arguments", "part"), WRONG, ids=lambda value: " ".join(value)[:40])
def test_wrong_use_is_one_sentence(
    inside: Any, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], part: str
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert part in sentence(inside(*arguments))


def test_wrong_use_of_the_program_itself(tuiinit: Any, light: dict[str, str]) -> None:
    for arguments, part in (WRONG[0], WRONG[-3]):  # of a command, and of none
        assert part in sentence(tuiinit(*arguments, env=light))


LIST = ["anna", "o'neil", "eva maria", "jean-luc", "st. john", "nidoran♂", "la\u00a0paz", "می\u200cخواهم", "美咲"]
LIST += ["👩\u200d🚀", "नमस्ते", "agent 007", "and/or", "iron (ii)", 'the "rock"', "smith, john", "anna", "anna"]


def piped(content: bytes) -> str:
    """A pipe that holds this, as `<(…)` gives one."""
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    return f"/dev/fd/{reading}"


def test_words_of_a_pipe_a_file_and_a_column_are_the_same(inside: Any, tmp_path: Path) -> None:
    words, table = tmp_path / "words.txt", tmp_path / "words.csv"
    words.write_text("\n".join(LIST), encoding="utf-8")
    with table.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["id", "word"], *enumerate(LIST)])
    ways: list[tuple[str, ...]] = [(str(words),), (piped(words.read_bytes()),)]
    ways += [(str(table), "--column=word"), (piped(table.read_bytes()), "--column=word")]
    runs = [record_of(inside(*SMALL, "--steps", "1", "--json", "--data", *way)) for way in ways]
    configs = [run.pop("config") for run in runs]
    assert runs[1:] == runs[:1] * 3
    assert [config["data"] for config in configs[::2]] == [str(words), str(table)]
    data = runs[0]["data"]
    assert (data["words"], data["repeats"], data["symbols"]) == (18, 2, len(set("".join(LIST))) + 1)
    assert data["end_mark"] == "|"
    assert data["train"] + data["dev"] + data["test"] == len("".join(LIST)) + 18
    assert data["left_out"] == {}


def test_every_engine_of_a_sweep_has_the_words_of_a_pipe(inside: Any) -> None:
    options = ("--hidden", "4", "--steps", "1", "--gains", "1,2", "--seeds", "2", "--processes", "2", "--device", "cpu")
    swept = record_of(inside("sweep", *options, "--json", "--data", piped("\n".join(LIST).encode())))
    assert all(cell["dev_loss"] is not None for cell in swept["cells"])


def test_what_is_left_out_is_told(inside: Any, tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_bytes("\n".join(LIST).encode() + b"\n\nzo\xeb\nan\0na\n")
    shown = inside(*SMALL, "--steps", "0", "--data", str(words))
    assert (
        f"18 words (2 repeats, 1 in both train and dev), {len(set(''.join(LIST))) + 1} symbols ('|' ends a word), "
        in shown.stdout
    )
    assert "3 lines are left out: 1 empty, 1 not UTF-8, 1 with a control character" in shown.stdout
    assert r"line 20, not UTF-8: 'zo\xeb'; line 21, with a control character: 'an<U+0000>na'" in shown.stdout


def test_a_pipe_larger_than_is_sent_is_refused(inside: Any) -> None:
    assert "/dev/zero gives more than 16 MiB: save it as a file first" in sentence(
        inside(*SMALL, "--steps", "1", "--data", "/dev/zero")
    )


def test_signs_have_stand_ins_and_no_character_is_made_up(tuiinit: Any, light: dict[str, str], tmp_path: Path) -> None:
    ascii_only = {**light, "PYTHONIOENCODING": "ascii"}
    words = tmp_path / "words.txt"
    words.write_text("a×b♂\0\n" * 20)
    shown = sentence(tuiinit("run", "--steps", "1", "--data", str(words), env=ascii_only))
    assert r"'a\xd7b\u2642<U+0000>'" in shown
    for sign, stand_in in (
        ("✓", "OK"),
        ("!", "!"),
        ("✗", "X"),
        ("·", "-"),
        ("×", "x"),
        ("♂", r"\u2642"),
        ("␛", r"\x1b"),
    ):
        assert sign.encode("ascii", stand_ins.HANDLER).decode() == stand_in


def test_bad_files_are_one_sentence(tuiinit: Any, light: dict[str, str], tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    settings = tmp_path / "run.toml"
    for content, part in [("", "holds no words"), ("an\0na", "'an<U+0000>na'"), ("anna", "holds 1 word")]:
        words.write_text(content)
        assert part in sentence(tuiinit("run", "--steps", "1", "--data", str(words), env=light))
    for content, part in [("gian = 1", "unknown setting 'gian'"), ("=", "is not TOML"), ("lr = -1", "lr must be")]:
        settings.write_text(content)
        assert part in sentence(tuiinit("run", "--steps", "1", "--config", str(settings), env=light))


def test_names_with_control_characters_are_shown_not_obeyed(tuiinit: Any, light: dict[str, str]) -> None:
    name = "/none\x1b[31m\n\u202e.txt"
    shown = sentence(tuiinit("run", "--steps", "1", "--data", name, env=light))
    assert "/none␛[31m␊\\u202e.txt" in shown
    assert "UTF-8" in sentence(tuiinit("run", "--steps", "1", "--data", b"/none\xff.txt", env=light))


@pytest.mark.skipif(device_of("auto").type == "cuda", reason="there is a CUDA device")
def test_a_device_that_is_not_there(tuiinit: Any) -> None:
    shown = sentence(tuiinit("run", "--steps", "1", "--device", "cuda"))
    assert shown == "device cuda: PyTorch finds no CUDA device here; use --device cpu"


def test_help_and_version(tuiinit: Any, light: dict[str, str]) -> None:
    for arguments in (("--help",), ("-h",), ("run", "-h")):
        done = tuiinit(*arguments, env=light)
        assert (done.returncode, done.stderr) == (0, "")
        assert "--gain" in done.stdout
    assert tuiinit("--version", env=light).stdout.startswith("tuiinit 0.")


def test_every_setting_has_an_option() -> None:
    options = {param.name for param in cli.commands["run"].params}
    assert set(RunConfig.__struct_fields__) - {"schedule"} <= options
    assert {"change", "config", "steps", "epochs", "as_json"} <= options


def test_an_engine_that_dies_is_exit_code_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from tuiinit.experiments import runs
    from tuiinit.stream import link

    monkeypatch.setattr(link, "engine_command", lambda command, **_: [sys.executable, "-c", ""])
    result = CliRunner().invoke(cli, ["run", "--steps", "1"], standalone_mode=False)
    assert isinstance(result.exception, runs.RunError)
    assert "the engine ended with code 0; its log is" in str(result.exception)
    assert result.output == ""


def test_folding_batch_norm_is_told_in_text_and_json(inside: Any) -> None:
    small = (*SMALL, "--steps", "20", "--bn")
    run = record_of(inside(*small, "--fold", "--json"))
    assert set(run) == {*KEYS, "fold"}
    fold = run["fold"]
    assert set(fold) == {"examples", "max_difference", "logit_std", "dev_loss", "dev_loss_folded"}
    assert 0 < fold["max_difference"] < 1e-5 * fold["logit_std"] * 10
    assert fold["dev_loss"] == pytest.approx(run["dev_loss"], rel=1e-6)
    assert fold["dev_loss_folded"] == pytest.approx(run["dev_loss"], rel=1e-6)
    text = " ".join(inside(*small, "--fold").stdout.split())
    assert f"the logits of {fold['examples']:,} dev examples differ by at most {fold['max_difference']:.1e}" in text
    assert f"dev loss {fold['dev_loss_folded']:.6f} folded, {fold['dev_loss']:.6f} with batch norm." in text
    assert "folded" not in inside(*small).stdout
    done = inside(*SMALL, "--steps", "1", "--fold")
    assert (done.returncode, done.stderr) == (2, "tuiinit: --fold needs a network with batch norm: give --bn, too\n")


def test_a_preset_with_options_on_top(inside: Any, tmp_path: Path) -> None:
    for name in BY_NAME:
        run = record_of(inside("run", "--steps", "0", "--json", "--device", "cpu", "--preset", name, "--hidden", "4"))
        assert msgspec.convert(run["config"], RunConfig) == BY_NAME[name].config().replace(hidden=(4,), device="cpu")
    done = inside("run", "--steps", "0", "--preset", "first", "--config", str(tmp_path / "run.toml"))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "either --preset or --config" in done.stderr
    done = inside("run", "--steps", "0", "--preset", "frist")
    assert done.returncode == 2
    assert "'frist'" in done.stderr
