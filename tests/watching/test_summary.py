"""What `tuiinit runs` says of a run without reading most of its recording."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from tests.watching.writing import Written
from tuiinit.cli import cli
from tuiinit.host.files import private_folder
from tuiinit.insight.watched import latest
from tuiinit.stream.following import summary
from tuiinit.stream.protocol import Ended, Snapshot
from tuiinit.stream.runs import runs_folder

NAN = float("nan")


class Counted(Sequence[Snapshot]):
    """Snapshots that count how many of them were looked at."""

    def __init__(self, snapshots: Sequence[Snapshot]) -> None:
        self._snapshots = snapshots
        self.looks = 0

    def __len__(self) -> int:
        return len(self._snapshots)

    def __getitem__(self, index: int) -> Snapshot:  # type: ignore[override]
        self.looks += 1
        return self._snapshots[index]


def changed(step: int, **changes: object) -> Snapshot:
    whole: Snapshot = Written.kept(Snapshot)
    weights = tuple(msgspec.structs.replace(weight, update_data_log10=-3.0) for weight in whole.weights)
    return msgspec.structs.replace(whole, **{"step": step, "weights": weights, **changes})


def with_nan(step: int, first: int) -> Snapshot:
    """All rows from the first one on have values that are no numbers."""
    rows = Written.kept(Snapshot).activations
    bad = tuple(msgspec.structs.replace(row, mean=NAN) if i >= first else row for i, row in enumerate(rows))
    return changed(step, activations=bad)


def test_the_first_row_with_nan_is_found_among_many_snapshots_and_few_are_looked_at() -> None:
    for begins in (0, 1, 200, 299):
        rows = [with_nan(step, 1 if step == begins else 0) if step >= begins else changed(step) for step in range(300)]
        snapshots = Counted(rows)
        found = latest(snapshots)
        assert [(one.id, one.row) for one in found] == [("first-nan", "1")]
        assert f"at step {begins:,} " in found[0].text
        assert snapshots.looks < 30


def test_what_lasts_is_found_and_what_passes_is_not() -> None:
    whole = Written.kept(Snapshot)
    slow = tuple(msgspec.structs.replace(weight, update_data_log10=-9.0) for weight in whole.weights)
    stuck = [changed(step, weights=slow) for step in range(100, 110)]
    assert {(one.id, one.row) for one in latest(stuck)} == {("update-data", w.name) for w in whole.weights}
    assert latest([*stuck, changed(110)]) == []
    assert latest(stuck[:2]) == []
    assert latest([]) == []


def test_a_summary_tells_the_newest_of_each_kind_up_to_the_last_whole_message(tmp_path: Path) -> None:
    run = Written(tmp_path / "run.tuiinit")
    run.step(5)
    found = summary(run.path)
    assert found.run is not None
    assert found.hello is not None
    assert found.status is not None
    assert (found.status.clock, found.ended) == (5, None)
    assert [snapshot.step for snapshot in found.snapshots] == [1, 2, 3, 4, 5]
    with run.path.open("ab") as file:
        file.write(b"\x00\x00\x10\x00half")
    assert [snapshot.step for snapshot in summary(run.path).snapshots] == [1, 2, 3, 4, 5]
    run.die()
    other = Written(tmp_path / "other.tuiinit")
    other.end("ValueError: x")
    assert summary(other.path).ended == Ended(text="ValueError: x")
    assert not summary(other.path).snapshots


@pytest.mark.parametrize("width", ["60", "80", "120"])
def test_the_list_of_runs_tells_whole_names_and_what_was_found(
    width: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUIINIT_STATE", str(tmp_path))
    monkeypatch.setenv("COLUMNS", width)
    folder = private_folder(runs_folder())
    live, over = Written(folder / "pretraining-large-2.tuiinit"), Written(folder / "gpt.tuiinit")
    live.step(3)
    over.step(2)
    over.end("ValueError: x")
    lines = CliRunner().invoke(cli, ["runs"]).output.splitlines()
    assert [line.split()[:3] for line in lines[1:]] == [["pretraining-large-2", "live", "3"], ["gpt", "failed", "2"]]
    assert "findings" not in lines[0]
    over = Written(folder / "bad.tuiinit")
    over.step(1, activations=with_nan(1, 0).activations)
    over.die()
    assert "first-nan" in CliRunner().invoke(cli, ["runs"]).output.replace("\n", "")
    live.die()
