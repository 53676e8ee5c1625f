"""`tuiinit export`: what a recording holds, read back by the programs that it is for."""

from __future__ import annotations

import csv
import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import tuiinit as program
from tests.explorer import fake
from tuiinit.config.run import RunConfig
from tuiinit.paper.export import event_files
from tuiinit.stream import recording
from tuiinit.stream.following import Follower
from tuiinit.stream.protocol import Select, Snapshot

Tuiinit = Callable[..., "subprocess.CompletedProcess[str]"]
STEPS = 6


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A watched run whose name is not a file's, with a row that no gradient reaches."""
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 4))
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    path = tmp_path_factory.mktemp("runs") / "mine.tuiinit"
    with program.watch(model, optimizer, name="a/b c", every=1, record=path) as watch:  # type: ignore[operator]
        for _ in range(STEPS):
            optimizer.zero_grad()
            watch.loss(model(torch.randn(32, 6) + 1).square().mean()).backward()
            optimizer.step()
    return path


@pytest.fixture(scope="module")
def snapshots(run: Path) -> list[Snapshot]:
    return [frame for frame in Follower(run).read() if isinstance(frame, Snapshot)]


def accumulated(folder: Path) -> Any:
    """The events of a folder as TensorBoard reads them."""
    if not event_files.available():
        pytest.skip("the extra tuiinit[tensorboard] is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "histograms": 0})
    events.Reload()
    return events


def test_tensorboard_reads_what_was_measured(
    run: Path, snapshots: list[Snapshot], tmp_path: Path, tuiinit: Tuiinit
) -> None:
    done = tuiinit("export", str(run), "--tensorboard", str(tmp_path / "out"))
    if not event_files.available():
        assert (done.returncode, "pip install 'tuiinit[tensorboard]'" in done.stderr) == (2, True)
    events = accumulated(tmp_path / "out" / "a-b-c")
    assert (done.returncode, done.stderr) == (0, "")
    tags = events.Tags()
    rows, matrices = ["0", "1", "2"], ["0.weight", "2.weight"]
    vectors = ["0.bias", "2.bias"]
    assert set(tags["histograms"]) == {
        *(f"{what}/{row}" for what in ("activations", "gradients") for row in rows),
        *(f"{what}/{name}" for what in ("weights", "weight gradients") for name in matrices),
    }
    assert set(tags["scalars"]) == {
        "loss", "lr", "saturated/1",
        *(f"{what}/{row}" for what in ("activation mean", "activation std", "gradient std") for row in rows),
        *(f"{what}/{name}" for what in ("weight std", "weight gradient std", "grad_data", "update_data")
          for name in (*matrices, *vectors)),
    }  # fmt: skip
    assert [(e.step, e.value) for e in events.Scalars("loss")] == [
        (s.step, pytest.approx(s.loss, rel=1e-6)) for s in snapshots
    ]
    ratios = [e.value for e in events.Scalars("update_data/2.weight")]
    assert ratios == pytest.approx([s.weights[1].update_data_log10 for s in snapshots], rel=1e-6)
    for event, snapshot in zip(events.Histograms("activations/1"), snapshots, strict=True):
        mine, seen = snapshot.activations[1].histogram, event.histogram_value
        width = (mine.hi - mine.lo) / len(mine.counts)
        lefts = [seen.min, *seen.bucket_limit[:-1]]
        wanted = [(mine.lo + i * width, count) for i, count in enumerate(mine.counts) if count]
        filled = [(left, count) for left, count in zip(lefts, seen.bucket, strict=True) if count]
        assert [left for left, _ in filled] == pytest.approx([left for left, _ in wanted])
        assert [count for _, count in filled] == [count for _, count in wanted]
        last = max(i for i, count in enumerate(mine.counts) if count)
        assert seen.max == pytest.approx(mine.lo + (last + 1) * width)
        assert seen.num == pytest.approx(32 * 8)
        assert seen.sum / seen.num == pytest.approx(snapshot.activations[1].mean, rel=1e-5)


def test_event_files_load_neither_torch_nor_tensorflow(run: Path, tmp_path: Path) -> None:
    if not event_files.available():
        pytest.skip("the extra tuiinit[tensorboard] is not installed")
    code = """
import sys
from tuiinit.cli import cli
cli.main(sys.argv[1:], standalone_mode=False)
assert not {"torch", "tensorflow", "tensorboard.compat.tf"} & set(sys.modules)
"""
    command = [sys.executable, "-c", code, "export", str(run), "--tensorboard", str(tmp_path / "out")]
    subprocess.run(command, check=True, capture_output=True, timeout=100)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_tables_hold_every_figure(run: Path, snapshots: list[Snapshot], tmp_path: Path, tuiinit: Tuiinit) -> None:
    out = tmp_path / "deep" / "out"
    done = tuiinit("export", str(run), "--csv", str(out))
    assert (done.returncode, done.stderr) == (0, "")
    assert [float(line["loss"]) for line in table(out / "steps.csv")] == pytest.approx([s.loss for s in snapshots])
    assert {line["lr"] for line in table(out / "steps.csv")} == {"0.01"}
    rows = table(out / "rows.csv")
    assert [(r["step"], r["row"], r["kind"]) for r in rows[:3]] == [
        ("1", "0", "Linear"), ("1", "1", "Tanh"), ("1", "2", "Linear")
    ]  # fmt: skip
    assert [float(r["std"]) for r in rows] == [a.std for s in snapshots for a in s.activations]
    assert [bool(r["saturated"]) for r in rows] == [False, True, False] * STEPS
    weights = table(out / "weights.csv")
    assert [float(w["grad_std"]) for w in weights] == [w.grad_std for s in snapshots for w in (*s.weights, *s.vectors)]
    assert weights[0]["shape"] == "8x6"
    histograms = table(out / "histograms.csv")
    assert len(histograms) == STEPS * (3 * 2 + 2 * 2)
    assert tuple(map(int, histograms[0]["counts"].split())) == snapshots[0].activations[0].histogram.counts


def test_lines_of_json_are_those_of_tail_with_histograms(
    run: Path, snapshots: list[Snapshot], tuiinit: Tuiinit
) -> None:
    first, *rest = map(json.loads, tuiinit("export", str(run), "--json").stdout.splitlines())
    assert first["steps"] == list(range(1, STEPS + 1))
    assert first["losses"] == pytest.approx([s.loss for s in snapshots])
    lines = [json.loads(line) for line in tuiinit("tail", str(run), "--json").stdout.splitlines()]
    assert rest[2]["rows"][0]["histogram"]["counts"] == list(snapshots[2].activations[0].histogram.counts)
    for line in rest:
        assert (line.pop("network"), line.pop("lr")) == ("a-b-c", 0.01)
        for part in (*line["rows"], *line["weights"]):
            part.pop("histogram", None)
            part.pop("grad_histogram", None)
    assert rest == lines


def test_a_session_of_the_explorer_is_exported_network_by_network(tmp_path: Path, tuiinit: Tuiinit) -> None:
    tanh = RunConfig(hidden=(8, 8))
    slower, normed = tanh.changed(5, "lr", 0.01), tanh.replace(bn=True)
    path = tmp_path / "session.tuiinit"
    recording.write(
        path,
        [
            Select(lanes=(tanh,)), fake.lane(tanh), fake.snapshot(tanh, 0), fake.trace(tanh, 1, 5),
            fake.snapshot(tanh, 5), fake.lane(slower, tanh.key), fake.trace(slower, 6, 9), fake.snapshot(slower, 9),
            Select(lanes=(normed,)), fake.lane(normed), fake.trace(normed, 1, 3), fake.snapshot(normed, 3),
        ],
    )  # fmt: skip
    done = tuiinit("export", str(path), "--csv", str(tmp_path / "out"))
    assert (done.returncode, done.stderr) == (0, "")
    steps: dict[str, list[int]] = {}
    for line in table(tmp_path / "out" / "steps.csv"):
        steps.setdefault(line["network"], []).append(int(line["step"]))
    assert list(steps.values()) == [list(range(10)), [1, 2, 3]]
    assert ["bn" in name for name in steps] == [False, True]


def test_nothing_is_written_over_and_nothing_half_written_stays(run: Path, tmp_path: Path, tuiinit: Tuiinit) -> None:
    def result_of(*words: str, **settings: Any) -> tuple[int, str]:
        done = tuiinit("export", str(run), *words, **settings)
        assert done.stderr.count("\n") == 1
        return done.returncode, done.stderr

    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "rows.csv").write_text("my own")
    code, text = result_of("--csv", str(tmp_path / "mine"))
    assert (code, "rows.csv is there already" in text) == (2, True)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["rows.csv"]
    assert result_of("--csv", str(tmp_path / "mine" / "rows.csv"))[0] == 2
    assert result_of("--csv", str(tmp_path / "mine" / "rows.csv" / "below"))[0] == 2
    full = tmp_path / "full"
    code, text = result_of(
        "--csv", str(full), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2500, 2500))
    )
    assert (code, "weights.csv" in text) == (1, True)
    assert {path.name for path in full.iterdir()} == {"steps.csv", "rows.csv"}
    if event_files.available():
        events = tmp_path / "events" / "a-b-c"
        events.mkdir(parents=True)
        (events / "events.out.tfevents.1.mine").touch()
        code, text = result_of("--tensorboard", str(tmp_path / "events"))
        assert (code, "tfevents.1.mine is there already" in text) == (2, True)
        code, text = result_of(
            "--tensorboard", str(full), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2500, 2500))
        )
        assert (code, list((full / "a-b-c").iterdir())) == (1, [])


@pytest.mark.parametrize("words", [[], ["--json", "--csv", "x"], ["--csv", "x", "--tensorboard", "y"]])
def test_exactly_one_form_is_asked_for(words: list[str], tuiinit: Tuiinit) -> None:
    done = tuiinit("export", "anything", *words)
    assert (done.returncode, "take one of" in done.stderr) == (2, True)
