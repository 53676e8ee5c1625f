"""Jobs on other machines' processors, by Dask distributed, which is loaded here alone.

Tasks go one by one to whichever worker is free; a job whose worker dies is sent to another. Workers keep an engine
child each, so that a job that is cancelled is a killed child. Numbers are equal to those of engines here where
processors and versions are.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple

from ..config.values import ConfigError
from ..data import given
from . import worker
from .pool import Done, Job
from .runs import Progress, RunError
from .worker import TOPIC

PATIENCE = 60.0  # seconds, for a scheduler to answer and its first worker to come
RETRIES = 1  # of a job whose engine died; a job whose worker died is another matter, and the scheduler's
KINDS = "tcp://HOST:PORT, tls://HOST:PORT, file:SCHEDULER.json, ssh:HOSTS.txt or local:N"


class Host(NamedTuple):
    """A machine to start workers on."""

    name: str
    workers: int
    python: str | None  # its interpreter; None is the one that runs here


class Where(NamedTuple):
    """Which cluster: its kind, and what that needs."""

    kind: str  # "address", "file", "ssh" or "local"
    rest: str

    @classmethod
    def of(cls, text: str, *, insecure: bool = False) -> Where:
        """Read `tcp://host:8786`, `file:scheduler.json`, `ssh:hosts.txt` or `local:2`.

        Args:
            text: what a person gave.
            insecure: a scheduler of another machine may be talked to without encryption.

        Raises:
            ConfigError: it is none of these, or would talk to another machine unprotected.
        """
        kind, _, rest = text.partition(":")
        if kind == "local":
            if not rest.isdecimal() or not 1 <= int(rest) <= 512:
                raise ConfigError(f"--cluster {text}: local:N takes a number of workers from 1 to 512")
            return cls(kind, rest)
        if kind in ("file", "ssh") and rest:
            return cls(kind, rest)
        if kind in ("tcp", "tls") and rest.startswith("//"):
            _guard(text, insecure)
            return cls("address", text)
        raise ConfigError(f"--cluster {text!r} is none of {KINDS}")


def _guard(address: str, insecure: bool) -> None:
    """Raise ConfigError for an unencrypted scheduler of another machine: whoever reaches it runs what they like."""
    host = address.partition("://")[2].rpartition(":")[0].strip("[]")
    loopback = host == "localhost"
    with suppress(ValueError):
        loopback = loopback or ipaddress.ip_address(host).is_loopback
    if not loopback and not address.startswith("tls://") and not insecure:
        raise ConfigError(
            f"{address} is another machine's scheduler without encryption, and whoever reaches it can run anything "
            "there: use tls://, a tunnel to localhost, or say --insecure"
        )


def hosts(path: Path) -> tuple[Host, ...]:
    """Machines from a file: a line each with a name, a number of workers and, if it is another, an interpreter.

    Raises:
        ConfigError: it cannot be read, or a line is none.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from None
    found = []
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        name, count = words[0], words[1] if len(words) > 1 else "1"
        if name.startswith("-") or len(words) > 3 or not count.isdecimal() or int(count) < 1:
            raise ConfigError(f"{path}, line {number}: a line is a host, a number of workers and, if need be, a python")
        found.append(Host(name, int(count), words[2] if len(words) > 2 else None))
    if not found:
        raise ConfigError(f"{path} names no host")
    return tuple(found)


class Cluster:
    """Runs jobs on a cluster; iterate once to get each as it is done, in no particular order. A context manager.

    Args:
        where: which one.
        progress: told steps done and steps in all, by the thread that iterates.
        warn: told in a sentence what a person should know.

    Raises:
        ConfigError: Dask is not installed, or the hosts' file cannot be.
        RunError: there is no such scheduler, no worker comes, or theirs is another version of this program.
    """

    def __init__(
        self, where: Where, *, progress: Progress | None = None, warn: Callable[[str], None] | None = None
    ) -> None:
        self.jobs: Sequence[Job] = ()
        self._progress = progress
        self._warn = warn or (lambda sentence: None)
        self._stopped = False
        self._sweep = ""  # a name of what runs, for its workers
        self._futures: dict[Any, int] = {}  # of jobs that are not done, and their places
        self._open = ExitStack()
        try:
            import distributed
        except ImportError:
            raise ConfigError("--cluster needs Dask: pip install 'tuiinit[cluster]'") from None
        self._dask: Any = distributed
        try:
            self._client: Any = self._open.enter_context(self._connect(where))
            self._client.wait_for_workers(1, timeout=PATIENCE)
            self._compare()
        except (OSError, TimeoutError, ValueError) as error:
            self._open.close()
            reason = " ".join(str(error).split()) or type(error).__name__
            raise RunError(f"the cluster {where.rest} does not answer: {reason}") from None
        except BaseException:
            self._open.close()
            raise

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()
        self._open.close()

    def _connect(self, where: Where) -> Any:
        dask = self._dask
        if where.kind == "address":
            return dask.Client(where.rest, timeout=PATIENCE, set_as_default=False)
        if where.kind == "file":
            if not Path(where.rest).is_file():
                raise ConfigError(f"there is no scheduler file {where.rest}")
            return dask.Client(scheduler_file=where.rest, timeout=PATIENCE, set_as_default=False)
        quiet = {"dashboard_address": None}
        if where.kind == "local":
            cluster = dask.LocalCluster(
                n_workers=int(where.rest), threads_per_worker=1, memory_limit=0, silence_logs=50, **quiet
            )
        else:
            machines = hosts(Path(where.rest))
            each = [machine for machine in machines for _ in range(machine.workers)]
            cluster = dask.SSHCluster(
                [machines[0].name, *(machine.name for machine in each)],  # the first runs the scheduler
                worker_options={"nthreads": 1, "memory_limit": "0"},
                scheduler_options={"dashboard": False},
                remote_python=[machines[0].python, *(machine.python for machine in each)],
            )
        self._open.enter_context(cluster)
        return dask.Client(cluster, timeout=PATIENCE, set_as_default=False)

    def _compare(self) -> None:
        """Refuse workers of another version; say where numbers may not be equal to those of this machine."""
        here, there = worker.about(), {worker.About(*found) for found in self._client.run(worker.about).values()}
        if others := {found.program for found in there} - {here.program}:
            raise RunError(f"workers run tuiinit {', '.join(sorted(others))}, this is {here.program}: use one version")
        torches, processors = {found.torch for found in there}, {found.processor for found in there}
        if torches - {here.torch}:
            versions = ", ".join(sorted(torches | {here.torch}))
            self._warn(f"torch is not the same everywhere ({versions}): numbers may differ in their last digits")
        elif processors - {here.processor}:
            self._warn("processors are not alike everywhere: numbers may differ in their last digits")

    def width(self, device: str) -> int:
        """How many jobs run at once: one a thread of the workers."""
        threads: dict[str, int] = self._client.nthreads()
        return max(1, sum(threads.values()))

    def __iter__(self) -> Iterator[Done]:
        """Jobs as they are done, with Measures in place of results.

        Raises:
            ConfigError: an engine refuses a configuration, its data or its device.
            RunError: the cluster is gone.
        """
        words = [(one.title, one.content) for one in given.everything()]
        self._sweep = secrets.token_hex(8)
        done = _Progress([job.steps * len(job.configs) for job in self.jobs], self._progress)
        self._client.subscribe_topic(TOPIC, done.event)
        futures = self._futures = {
            self._client.submit(_work, self._sweep, place, job, words, pure=False, retries=RETRIES): place
            for place, job in enumerate(self.jobs)
        }
        finished = self._dask.as_completed(futures, loop=self._client.loop, with_results=True, raise_errors=False)
        try:
            for future, result in finished:
                if self._stopped:
                    return
                place = futures.pop(future)
                done.at(place)
                if future.status == "finished":
                    yield Done(place, tuple(result))
                else:
                    yield Done(place, failure=self._why(result))
        except (OSError, self._dask.CancelledError) as error:
            if not self._stopped:
                raise RunError(f"the cluster is gone: {error}") from None
        finally:
            with suppress(Exception):
                self._client.unsubscribe_topic(TOPIC)
            if futures:
                self._end(list(futures))
                futures.clear()

    def _why(self, result: Any) -> str:
        """The sentence of a job that failed. Raises ConfigError where no job can come through."""
        error = result[1] if isinstance(result, tuple) else result
        if isinstance(error, ConfigError):
            raise error
        if isinstance(error, self._dask.KilledWorker):
            return "its workers died, one after another: they may have too little memory"
        return " ".join(str(error).split()) or type(error).__name__

    def stop(self) -> None:
        """End at once, from any thread: jobs that wait are taken back, and engines at work are killed."""
        self._stopped = True
        if futures := list(self._futures):
            self._end(futures)

    def _end(self, futures: list[Any]) -> None:
        with suppress(Exception):  # a cluster that is gone has nothing at work
            self._client.cancel(futures, force=True)
            self._client.run(worker.end, self._sweep)


def _work(sweep: str, place: int, job: Job, words: Sequence[tuple[str, bytes]]) -> Any:
    """A task: a job, and word of it to whoever listens."""
    from distributed import get_worker

    here = get_worker()
    return worker.work(sweep, job, words, lambda steps: here.log_event(TOPIC, (place, steps)))


class _Progress:
    """How far all jobs are, put together from what workers tell."""

    def __init__(self, sizes: Sequence[int], tell: Progress | None) -> None:
        self._sizes = sizes
        self._moved = [0] * len(sizes)
        self._all, self._total = 0, sum(sizes)
        self._tell = tell

    def event(self, event: Any) -> None:
        """A worker says how far a job is."""
        place, steps = event[1]
        self._to(place, min(steps, self._sizes[place]))

    def at(self, place: int) -> None:
        """A job is done."""
        self._to(place, self._sizes[place])
        if self._tell is not None:
            self._tell(self._all, self._total)

    def _to(self, place: int, steps: int) -> None:
        if steps > self._moved[place]:
            self._all += steps - self._moved[place]
            self._moved[place] = steps
