"""A sweep on a cluster: two worker processes give the numbers of engines here, though one of them is killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tuiinit.config.run import RunConfig
from tuiinit.config.values import ConfigError
from tuiinit.experiments import worker
from tuiinit.experiments.cluster import Cluster, Host, Where, hosts
from tuiinit.experiments.pool import Job
from tuiinit.experiments.runs import RunError
from tuiinit.experiments.sweep.plan import Axis, Plan
from tuiinit.experiments.sweep.sweep import Sweep, run

SMALL = RunConfig(hidden=(12, 12), device="cpu", seed=7)
PLAN = Plan(SMALL, (0.5, 1.0, 3.0), 40, (False, True), (Axis("lr", (0.1, 0.01)),), seeds=1)
needs_dask = pytest.mark.skipif(find_spec("distributed") is None, reason="Dask distributed is not installed")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(Where.of("local:2")) as opened:
        yield opened


@needs_dask
def test_a_sweep_with_a_worker_killed_in_the_middle_gives_the_numbers_of_one_here(cluster: Cluster) -> None:
    killed: list[int] = []
    progress: list[tuple[int, int]] = []
    cluster._progress = lambda *steps: progress.append(steps)
    sweep = Sweep(PLAN, executor=cluster)
    for _ in sweep:
        if not killed:
            killed.append(next(iter(cluster._client.run(os.getpid).values())))
            os.kill(killed[0], signal.SIGKILL)
    assert sweep.cells == run(PLAN, processes=1)
    assert progress[-1] == (12 * 40, 12 * 40)
    assert [steps for steps, _ in progress] == sorted(steps for steps, _ in progress)


@needs_dask
def test_what_an_engine_refuses_ends_the_sweep(cluster: Cluster, tmp_path: Path) -> None:
    plan = Plan(SMALL.replace(data=str(tmp_path / "absent.txt")), (1.0, 2.0), 3, seeds=1)
    with pytest.raises(ConfigError, match=r"absent\.txt"):
        list(Sweep(plan, executor=cluster))


@needs_dask
def test_a_sweep_that_is_left_takes_its_jobs_back_and_the_next_one_runs(cluster: Cluster) -> None:
    long = Plan(SMALL, (1.0, 2.0, 3.0), 10**6, (False,), (Axis("lr", (0.1, 0.01)),), seeds=1)
    cluster.jobs = [Job(point.configs, 10 if not place else long.steps) for place, point in enumerate(long.points)]
    for done in cluster:  # the short one; the others would train for hours
        assert done.results
        break
    assert len(list(Sweep(Plan(SMALL, (1.0,), 3, seeds=1), executor=cluster))) == 2


def test_a_job_of_a_sweep_that_was_ended_does_not_begin() -> None:
    job = Job((SMALL,), 10**9)
    worker.end("left")
    try:
        with pytest.raises(RunError, match="ended"):
            worker.work("left", job, ())
        assert not worker._engines
    finally:
        worker._ended.clear()


@needs_dask
def test_workers_of_another_version_are_refused(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    here = worker.about()
    monkeypatch.setattr(worker, "about", lambda: here)  # as pickled: what workers tell is what is here
    cluster._compare()
    said: list[str] = []
    monkeypatch.setattr(cluster, "_warn", said.append)

    def there(**changes: str) -> None:
        monkeypatch.setattr(cluster._client, "run", lambda _: {"tcp://a": here._replace(**changes)})
        cluster._compare()

    with pytest.raises(RunError, match=r"workers run tuiinit 0\.0\.0"):
        there(program="0.0.0")
    there(torch="1.0")
    there(processor="old")
    assert "torch" in said[0]
    assert "processors" in said[1]


@needs_dask
def test_a_scheduler_that_is_not_there_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tuiinit.experiments.cluster.PATIENCE", 0.2)
    with pytest.raises(RunError, match="does not answer"):
        Cluster(Where.of("tcp://127.0.0.1:9"))


@pytest.mark.parametrize("text", ["tcp://127.0.0.1:8786", "tcp://localhost:8786", "tcp://[::1]:8786", "tls://box:8786"])
def test_a_scheduler_of_this_machine_or_an_encrypted_one_is_taken(text: str) -> None:
    assert Where.of(text) == Where("address", text)


@pytest.mark.parametrize("text", ["tcp://box:8786", "tcp://10.0.0.1:8786", "tcp://localhost.evil.org:8786"])
def test_another_machines_scheduler_without_encryption_is_refused_unless_told(text: str) -> None:
    with pytest.raises(ConfigError, match="without encryption"):
        Where.of(text)
    assert Where.of(text, insecure=True).rest == text


@pytest.mark.parametrize("text", ["", "local", "local:0", "local:x", "file:", "ssh:", "http://a", "tcp:a", "box:8786"])
def test_a_cluster_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="cluster"):
        Where.of(text)


def test_hosts_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "hosts.txt"
    path.write_text("# our boxes\n\nbox1 4\nbox2 2 /opt/py/bin/python  # another python\nbox3\n")
    assert hosts(path) == (Host("box1", 4, None), Host("box2", 2, "/opt/py/bin/python"), Host("box3", 1, None))


@pytest.mark.parametrize("content", ["", "-oProxyCommand=x 2\n", "box 0\n", "box two\n", "box 1 python more\n"])
def test_hosts_that_cannot_be_are_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "hosts.txt"
    path.write_text(content)
    with pytest.raises(ConfigError, match=r"hosts\.txt"):
        hosts(path)
