"""Reports: what is written is what was measured, into folders that are ours to write."""

import csv
import fcntl
import json
import math
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import tuiinit
from tests.explorer import fake
from tuiinit.config.run import RunConfig
from tuiinit.config.toml import load
from tuiinit.config.values import ConfigError
from tuiinit.experiments.runs import Conversation
from tuiinit.paper.report import notes, pictures, prose, write, write_session
from tuiinit.paper.report.folder import MARKER, writing
from tuiinit.stream.history import LaneHistory
from tuiinit.stream.link import Engine
from tuiinit.stream.milestones import is_milestone
from tuiinit.stream.protocol import Advance, Evaluation, Snapshot, Trace

pytestmark = pytest.mark.usefixtures("warm")
STEPS = 12
WORDS = Path(tuiinit.__file__).parent / "data" / "names.txt"
NAMES = {
    *(f"hist_tanh_outs_{grad}gain={gain}.png" for grad in ("", "grad_")
      for gain in ("0.500000", "1.000000", "1.666667", "3.000000")),
    "hist_weights_grad_gain=1.666667.png", "plot_update_to_data_ratiogain=1.666667.png",
    "hist_bn_tanh_outs_gain=1.666667.png", "hist_bn_tanh_outs_grad_gain=1.666667.png",
    "hist_bn_weights_grad_gain=1.666667.png", "plot_bn_update_to_data_ratiogain=1.666667.png",
}  # fmt: skip
FIGURES = {"report.md", "report.json", "lanes.csv", "activations.csv", "weights.csv", "histograms.csv",
           "update_data.csv", MARKER}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUIINIT_STATE", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for all processes that run these tests, with some of the words."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "report"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "words.txt").exists():
            some = "\n".join(WORDS.read_text(encoding="utf-8").split()[::20])
            (folder / "words.txt").write_text(some, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def small(shared: Path) -> RunConfig:
    """A small network on a part of the words: evaluating on all of them takes longer than training."""
    return RunConfig(hidden=(12, 10), device="cpu", seed=7, data=str(shared / "words.txt"))


@pytest.fixture(scope="module")
def measured(small: RunConfig, shared: Path) -> tuple[Path, Any]:
    """A report's folder, and the results that it was made from; made by the process that first asks for it."""
    out, kept = shared / "new" / "folder", shared / "results"
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            make_report(small, out, kept)
    return out, pickle.loads(kept.read_bytes())


def make_report(small: RunConfig, out: Path, kept: Path) -> None:
    results: list[Any] = []
    run = notes._run

    def keep(*args: Any) -> Any:
        results.append(run(*args))
        return results[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(notes, "_run", keep)
        assert write(out, small, steps=STEPS) == out / "report.md"
    kept.write_bytes(pickle.dumps(results[0]))


@pytest.fixture(scope="module")
def figures(measured: tuple[Path, Any]) -> Any:
    return json.loads((measured[0] / "report.json").read_bytes())


@pytest.fixture(scope="module")
def text(measured: tuple[Path, Any]) -> str:
    return (measured[0] / "report.md").read_text(encoding="utf-8")


def table_of(text: str, head: str) -> list[list[str]]:
    """The body of the Markdown table whose first line contains `head`."""
    lines = text.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("|") and head in line)
    body = []
    for line in lines[at + 2 :]:
        if not line.startswith("|"):
            break
        body.append([cell.strip() for cell in line.strip("|").split("|")])
    return body


# -------------------------------------------------------------------------------------------- the notes


def test_the_notes_pictures_have_the_notes_names(measured: tuple[Path, Any], text: str) -> None:
    pytest.importorskip("matplotlib")
    out, _ = measured
    assert len(NAMES) == 14
    assert {path.name for path in out.iterdir()} == NAMES | FIGURES
    assert set(re.findall(r"\]\((.*?)\)", text)) == NAMES
    for name in NAMES:
        assert (out / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert not [path for path in out.parent.iterdir() if path != out]  # nothing is left beside it


def test_the_words_are_counted(text: str, figures: Any) -> None:
    data = figures["data"]
    assert data["train"] > data["dev"] > 0
    assert f"{data['words']:,} words ({data['repeats']:,} repeats, {data['in_train_and_dev']:,} in both" in text
    assert f"{data['symbols']} symbols ('.' ends a word), examples: {data['train']:,} train" in text


def test_the_markdowns_numbers_are_the_jsons(text: str, figures: Any) -> None:
    gains = ("gain 0.5", "gain 1", "gain 5/3", "gain 3")
    stds, grads = table_of(text, "| layer | gain 0.5"), text[text.index("## 4.") :]
    saturated, stds = stds, table_of(text[text.index("## 3.") :], "| layer |")
    for i, row in enumerate(stds):
        acts = [figures["lanes"][gain]["first"]["activations"][i] for gain in gains]
        assert row[1:] == [f"{a['std']:.3f} ({a['predicted_std']:.3f})" for a in acts]
        shares = [f"{100 * a['saturated']:.1f} % ({100 * a['predicted_saturated']:.1f} %)" for a in acts]
        assert saturated[i][1:] == shares
        assert table_of(grads, "| layer |")[i][1:] == [f"{a['grad_std']:.2e}" for a in acts]
    lane = figures["lanes"]["gain 5/3"]
    for row, first, last in zip(
        table_of(text, "| matrix | shape |"), lane["first"]["weights"], lane["last"]["weights"], strict=True
    ):
        assert row[0] == first["name"]
        assert row[2::2] == [f"{w['grad_std']:.2e}" for w in (first, last)]
    for row, cell in zip(table_of(text, "| start | dev loss"), figures["cells"], strict=True):
        assert row[1] == f"{cell['dev_loss']['mean']:.3f} ± {cell['dev_loss']['std']:.3f}"
    assert figures["recommendation"]["text"] in text
    assert (
        f"costs ln {round(math.exp(figures['expected_initial_loss']))} = {figures['expected_initial_loss']:.4f}" in text
    )
    assert "NaN" not in json.dumps(figures)


def test_the_figures_are_those_of_single_runs(measured: tuple[Path, Any], figures: Any, small: RunConfig) -> None:
    with Engine() as engine:
        session = Conversation(engine)
        session.select([small.replace(bn=True, gain=3.0)])
        session.advance(Advance(steps=STEPS))
        (result,) = session.evaluate()
    lane = figures["lanes"]["batch norm, gain 3"]
    assert [a["std"] for a in lane["last"]["activations"]] == [a.std for a in result.last.activations]
    assert lane["dev_loss"] == result.evaluations[STEPS].dev
    assert lane["initial_loss"] == result.last.initial_loss
    with (measured[0] / "activations.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["lane"] == "batch norm, gain 3"]
    assert [float(row["std"]) for row in rows if row["step"] == str(STEPS)] == [a.std for a in result.last.activations]


def test_every_network_of_the_figures_can_be_run_again(figures: Any, small: RunConfig, tmp_path: Path) -> None:
    wanted = notes.lanes(small, STEPS)
    assert set(figures["lanes"]) == set(wanted)
    for name, (config, _) in wanted.items():
        (tmp_path / "run.toml").write_text(figures["lanes"][name]["toml"], encoding="utf-8")
        assert load(tmp_path / "run.toml") == config


def render(figures: Any) -> str:
    return prose.document(figures, {name: f"({name})" for name in NAMES}, True)


def test_sentences_follow_what_was_measured(figures: Any) -> None:
    doctored = json.loads(json.dumps(figures))
    assert render(doctored) == render(figures)
    acts = doctored["lanes"]["gain 3"]["first"]["activations"]
    acts[0]["std"], acts[-1]["std"] = 0.8, 0.2
    assert "**gain 3**: the outputs shrink to little, × 0.25, from std 0.800" in render(doctored)
    acts[-1]["std"] = 0.8
    assert "**gain 3**: the outputs keep their spread, × 1.00" in render(doctored)
    acts[-1]["std"] = 4.0
    assert "**gain 3**: the outputs grow much, × 5.00" in render(doctored)
    assert "None is, so here saturation slows units down" in render(doctored)
    doctored["lanes"]["gain 3"]["last"]["activations"][0]["dead"] = 4
    assert "None is" not in render(doctored)
    assert "| gain 3 | 0 | 4 |" in render(doctored)
    weights = doctored["lanes"]["gain 5/3"]["last"]["weights"]
    weights[-1]["grad_std"] = 1e3
    assert "training does not even it out" in render(doctored)
    for lane in doctored["lanes"].values():
        lane["dev_loss_calibrated"] = lane["dev_loss"] and lane["dev_loss"] - 0.5
    assert "they do not agree" in render(doctored)


@pytest.mark.parametrize("name", [*notes.lanes(RunConfig(), STEPS), "all"])
def test_networks_that_diverged_are_said_to_have(figures: Any, name: str) -> None:
    doctored = json.loads(json.dumps(figures))
    losses = ("loss", "dev_loss", "initial_loss", "dev_loss_calibrated", "dev_loss_batch")
    gone: dict[str, Any] = {"diverged_at": 1, "first": None, "last": None, "update_data": []} | dict.fromkeys(losses)
    for lane, record in doctored["lanes"].items():
        if name in (lane, "all"):
            record.update(gone)
    if name == "all":
        for cell in doctored["cells"]:
            cell.update({key: None for key in cell if isinstance(cell[key], dict)}, diverged_at=1)
    text = render(doctored)
    assert "nan" not in text
    assert "None" not in text.replace("None is, so", "")
    if name in ("gain 5/3", "batch norm, gain 5/3"):
        assert f"The network with {name} diverged at step 1" in text


def test_a_report_on_diverging_networks_is_whole(small: RunConfig, tmp_path: Path) -> None:
    base = small.replace(lr=1e28, output_scale=1e29, hidden=(4,))
    out = tmp_path / "out"
    write(out, base, steps=3)
    record = json.loads((out / "report.json").read_bytes())
    assert record["lanes"]["gain 5/3"]["diverged_at"] is not None
    assert record["recommendation"]["overall"] is None
    assert "Nothing to recommend" in (out / "report.md").read_text(encoding="utf-8")
    assert pictures.available() is (len(list(out.glob("*.png"))) == 14)


WITHOUT = """
import pickle, sys
from pathlib import Path
sys.modules["matplotlib"] = None
from tuiinit.paper.report import notes
out, source = map(Path, sys.argv[1:])
config, steps, results = pickle.loads(source.read_bytes())
notes._run = lambda *args: results
notes.write(out, config, steps=steps)
"""


def test_without_matplotlib_the_pictures_are_text(tmp_path: Path, measured: tuple[Path, Any], small: RunConfig) -> None:
    source, out = tmp_path / "results", tmp_path / "out"
    source.write_bytes(pickle.dumps((small, STEPS, measured[1])))
    subprocess.run([sys.executable, "-c", WITHOUT, str(out), str(source)], check=True, timeout=60)
    assert {path.name for path in out.iterdir()} == FIGURES
    text = (out / "report.md").read_text(encoding="utf-8")
    assert "matplotlib is not installed" in text
    assert text.count("```text") == 14
    assert "saturated" in text[text.index("```text") :].split("```")[1]
    assert (out / "report.json").read_bytes() == (measured[0] / "report.json").read_bytes()


def test_the_report_command_refuses_what_it_varies_itself(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tuiinit", "report", "--out"]
    (tmp_path / "file").write_text("")
    for arguments, word in (([str(tmp_path / "x"), "--gain", "2"], "gain"), ([str(tmp_path / "file")], "is a file")):
        done = subprocess.run([*command, *arguments], check=False, capture_output=True, text=True, timeout=60)
        assert done.returncode == 2
        assert word in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


# ------------------------------------------------------------------------------------------- the folder


def fill(out: Path, names: list[str], force: bool = False) -> None:
    with writing(out, force) as folder:
        for name in names:
            (folder / name).write_text(f"new {name}")


def listing(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_an_own_folder_is_written_again_and_strangers_files_stay(tmp_path: Path) -> None:
    out = tmp_path / "out"
    fill(out, ["a", "b"])
    (out / "mine").write_text("mine")
    fill(out, ["b", "c"])
    assert listing(out) == {"b", "c", "mine", MARKER}
    assert (out / "mine").read_text() == "mine"
    assert listing(tmp_path) == {"out"}


def test_a_strangers_folder_is_refused_and_force_deletes_nothing(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "a").write_text("old")
    with pytest.raises(ConfigError, match="--force"):
        fill(tmp_path, ["a"])
    assert (tmp_path / "a").read_text() == "old"
    fill(tmp_path, ["a"], force=True)
    assert listing(tmp_path) == {"mine", "a", MARKER}
    assert (tmp_path / "a").read_text() == "new a"
    assert (tmp_path / "mine").read_text() == "mine"


def test_an_empty_folder_is_fine(tmp_path: Path) -> None:
    fill(tmp_path, ["a"])
    assert listing(tmp_path) == {"a", MARKER}


def test_a_marker_cannot_make_us_delete_elsewhere(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (tmp_path / "mine").write_text("mine")
    fill(out, ["a"])
    (out / MARKER).write_text(json.dumps(["../mine", str(tmp_path / "mine"), 3, ".."]))
    fill(out, ["b"])
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_report_that_fails_leaves_nothing_and_spoils_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    fill(out, ["a"])

    def interrupted() -> None:
        with writing(out) as folder:
            (folder / "a").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (out / "a").read_text() == "new a"
    assert listing(tmp_path) == {"out"}


@pytest.mark.parametrize("out", ["file", "file/below", "/proc/nowhere/out"])
def test_a_folder_that_cannot_be_is_one_sentence(tmp_path: Path, out: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="--out") as caught:
        fill(tmp_path / out, ["a"])
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_that_is_not_writable_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="cannot be written"):
        fill(tmp_path / "out", ["a"])


# ------------------------------------------------------------------------------------------- one session


@pytest.fixture(scope="module")
def history(measured: tuple[Path, Any], small: RunConfig) -> LaneHistory:
    """What a screen would have of the network with batch norm and gain 3."""
    config = small.replace(bn=True, gain=3.0)
    result = measured[1][config.key, STEPS]
    kept = LaneHistory(fake.shape(config), config)
    kept.take(
        Trace(lane=config.key, first_step=1, loss=result.loss.tobytes(), update_data=result.update_data.tobytes())
    )
    for frame in (*result.snapshots.values(), *result.evaluations.values()):
        assert isinstance(frame, Snapshot | Evaluation)
        if is_milestone(frame.step) or frame.step == STEPS:  # others depend on how fast the machine is
            kept.take(frame, keep=True)
    return kept


def test_a_session_is_told_as_it_stands(tmp_path: Path, history: LaneHistory) -> None:
    out = tmp_path / "out"
    assert write_session(out, history, device="a machine") == out / "report.md"
    text = (out / "report.md").read_text(encoding="utf-8")
    snapshot = history.snapshots.newest
    assert snapshot is not None
    assert f"Step {STEPS}, " in text
    assert f"{snapshot.activations[1].std:.4f} (" in table_of(text, "| layer |")[1][2]
    assert f"dev loss {history.evaluations[STEPS].dev:.4f}" in text
    assert load(out / "run.toml") == history.config
    record = json.loads((out / "report.json").read_bytes())
    assert record["step"] == STEPS
    assert record["activations"][1]["std"] == snapshot.activations[1].std
    if pictures.available():
        assert {"hist_tanh_outs.png", "plot_loss.png", "plot_update_to_data_ratio.png"} <= listing(out)
        assert len(list(out.glob("*.png"))) == text.count("![") == 5
    with (out / "loss.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == STEPS
    assert float(rows[-1]["loss"]) == pytest.approx(snapshot.loss)


def test_a_session_can_be_told_at_an_earlier_step(tmp_path: Path, history: LaneHistory) -> None:
    write_session(tmp_path / "out", history, step=4)  # the snapshot before is that of step 2
    assert json.loads((tmp_path / "out" / "report.json").read_bytes())["step"] == 2
    with (tmp_path / "out" / "update_data.csv").open() as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["1.0", "2.0"]


def test_a_session_without_a_trace_or_that_diverged_is_told_too(tmp_path: Path, history: LaneHistory) -> None:
    bare = LaneHistory(history.shape, history.config)
    with pytest.raises(ConfigError, match="nothing was measured"):
        write_session(tmp_path / "out", bare)
    snapshot = history.snapshots.get(0)
    assert snapshot is not None
    bare.take(msgspec.structs.replace(snapshot, loss=None))
    write_session(tmp_path / "out", bare, diverged_at=1)
    assert "not finite at step 1" in (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
