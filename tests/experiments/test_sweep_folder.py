"""A sweep's folder: what was measured is in it at once, and the same command goes on."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from tuiinit.cli import cli
from tuiinit.config.run import RunConfig
from tuiinit.config.values import ConfigError
from tuiinit.experiments.runs import RunError
from tuiinit.experiments.sweep.folder import CELLS, RUNS, WHOLE, Folder
from tuiinit.experiments.sweep.measures import Measures
from tuiinit.experiments.sweep.plan import Axis, Plan
from tuiinit.experiments.sweep.sweep import Sweep, key_of

SMALL = RunConfig(hidden=(6,), device="cpu", seed=7)
PLAN = Plan(SMALL, (0.5, 1.0, 3.0), 3, (False,), (Axis("lr", (0.1, 0.01)),), seeds=1)
RUN = Measures(seed=7, device="cpu", initial_loss=3.3, loss=2.5, dev_loss=2.6)
KEYS = [key_of(point.configs[0], 3) for point in PLAN.points]


def test_what_was_measured_is_there_when_the_folder_is_opened_again(tmp_path: Path) -> None:
    with Folder(tmp_path / "out", PLAN) as folder:
        for key in KEYS[:2]:
            folder.kept[key] = RUN
    with Folder(tmp_path / "out", PLAN) as folder:
        assert dict(folder.kept) == dict.fromkeys(KEYS[:2], RUN)
        assert [cell.point for cell in Sweep(PLAN, kept=folder.kept, processes=1).cells] == list(PLAN.points[:2])


def test_a_line_that_was_cut_off_is_measured_again(tmp_path: Path) -> None:
    with Folder(tmp_path, PLAN) as folder:
        for key in KEYS:
            folder.kept[key] = RUN
    whole = (tmp_path / RUNS).read_bytes()
    lines = whole.splitlines(keepends=True)
    for cut in (1, len(lines[-1]) // 2, len(lines[-1]) - 1):
        (tmp_path / RUNS).write_bytes(b"".join(lines[:-1]) + lines[-1][:cut])
        with Folder(tmp_path, PLAN) as folder:
            assert list(folder.kept) == KEYS[:-1]
            folder.kept[KEYS[-1]] = RUN
        assert (tmp_path / RUNS).read_bytes() == whole


def test_two_commands_cannot_write_into_one_folder(tmp_path: Path) -> None:
    with Folder(tmp_path, PLAN), pytest.raises(ConfigError, match="another sweep"):
        Folder(tmp_path, PLAN)


@pytest.mark.parametrize("content", [b'{"tuiinit": "0.0.0"}\n', b"not json\n", b'{"tuiinit": 3}\n', b"\xff\n"])
def test_a_file_of_another_program_or_version_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / RUNS).write_bytes(content)
    with pytest.raises(ConfigError, match=RUNS.replace(".", r"\.")):
        Folder(tmp_path, PLAN)
    assert (tmp_path / RUNS).read_bytes() == content


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(ConfigError, match="other files"):
        Folder(tmp_path, PLAN)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="file"):
        Folder(tmp_path / "file", PLAN)


def test_a_full_disk_ends_the_sweep_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with Folder(tmp_path, PLAN) as folder:
        monkeypatch.setattr("tuiinit.experiments.sweep.folder.os.write", full)
        with pytest.raises(RunError, match="No space left"):
            folder.kept[KEYS[0]] = RUN


COMMAND = [
    "sweep", "--steps", "3", "--gains", "0.5,1,3", "--lrs", "0.1,0.01", "--axis", "depth=1,2", "--seeds", "1",
    "--hidden", "6", "--device", "cpu", "--processes", "1",
]  # fmt: skip


def test_a_sweep_that_is_interrupted_goes_on_and_ends_as_one_that_was_not(tmp_path: Path) -> None:
    whole = CliRunner().invoke(cli, [*COMMAND, "--out", str(tmp_path / "whole")])
    assert whole.exit_code == 0, whole.output
    process = subprocess.Popen(
        [sys.executable, "-m", "tuiinit", *COMMAND, "--out", str(tmp_path / "cut")],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    runs = tmp_path / "cut" / RUNS
    while process.poll() is None and not (runs.exists() and runs.read_bytes().count(b"\n") >= 4):
        time.sleep(0.01)
    process.kill()
    process.wait()
    done = runs.read_bytes().count(b"\n") - 1
    assert done >= 3
    again = CliRunner().invoke(cli, [*COMMAND, "--out", str(tmp_path / "cut")])
    assert again.exit_code == 0, again.output
    assert again.output == whole.output
    for name in (CELLS, WHOLE):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert len(runs.read_bytes().splitlines()) == 1 + 24
    with (tmp_path / "cut" / CELLS).open() as stream:
        rows = list(csv.DictReader(stream))
    record = json.loads((tmp_path / "cut" / WHOLE).read_bytes())
    assert len(rows) == 24 == len(record["cells"])
    assert (rows[0]["gain"], rows[0]["lr"], rows[0]["depth"]) == ("0.5", "0.1", "1")
    assert float(rows[0]["dev_loss"]) == pytest.approx(record["cells"][0]["dev_loss"]["mean"])
    assert msgspec.json.decode(runs.read_bytes().splitlines()[1])["run"]["seed"] == 2147483647
