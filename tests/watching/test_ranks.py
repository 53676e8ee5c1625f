"""Two ranks, one of which records: DistributedDataParallel as in the README, and FSDP2. A collective would hang."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.watching.test_callbacks import example
from tuiinit.stream.following import Follower, summary
from tuiinit.stream.protocol import Ended, Snapshot


@pytest.mark.skipif(not torch.distributed.is_available(), reason="this PyTorch has no torch.distributed")
def test_two_ranks_one_of_which_records(tmp_path: Path) -> None:
    (tmp_path / "example.py").write_text(example("torchrun"))
    environment = {**os.environ, "TUIINIT_STATE": str(tmp_path / "state")}
    command = [sys.executable, "-m", "tests.watching.ranks", str(tmp_path)]
    first, second = (
        subprocess.Popen([*command, rank, str(tmp_path / "example.py")], env=environment, stdout=subprocess.PIPE,
                         cwd=Path(__file__).parents[2])
        for rank in "01"
    )  # fmt: skip
    with first, second:
        out, _ = first.communicate(timeout=200)
        assert (first.returncode, second.wait(200)) == (0, 0)
    figures = json.loads(out)
    files = sorted((tmp_path / "state" / "runs").glob("*.tuiinit"))
    assert [path.stem for path in files] == ["ranks", "sharded"]
    for path in files:
        frames = list(Follower(path).read())
        assert isinstance(frames[-1], Ended)  # of the example written at the interpreter's exit
        found = [frame for frame in frames if isinstance(frame, Snapshot)]
        assert all([row.layer for row in one.activations] == ["0", "1", "2"] for one in found)
        assert all(row.grad_std > 0 for one in found for row in one.activations)
        run = summary(path).run
        assert run is not None
        assert (run.rank, run.ranks, run.sharded) == (0, 2, path.stem == "sharded")
    last = {weight.name: weight for weight in (*found[-1].weights, *found[-1].vectors)}
    names = ("0.weight", "0.bias", "2.weight", "2.bias")
    assert [last[name].std for name in names] == pytest.approx(figures["std"], rel=1e-4)  # of this rank's part
    assert [last[name].grad_std for name in names] == pytest.approx(figures["grad_std"], rel=1e-4)
    assert [one.step for one in found] == [1, 2, 3]
