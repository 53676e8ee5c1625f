"""Training on several engine processes at once: jobs in, results out, the same whatever the number of processes."""

from __future__ import annotations

import contextlib
import functools
import os
import queue
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ..config import memory
from ..config.run import MAX_PROCESSES, RunConfig
from ..data import reading
from ..data.reading import DataError
from ..stream.link import Engine, LinkError
from ..stream.protocol import Advance
from .runs import Conversation, Progress, Result, RunError

GPU_PROCESSES = 4  # each holds a context of its own on the accelerator
ATTEMPTS = 2  # a job whose engine died is tried once more, on a new one
_GPU_FILES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")


class Job(NamedTuple):
    """Lanes that one engine trains side by side from step 0, then evaluates."""

    configs: tuple[RunConfig, ...]
    steps: int
    redraw: bool = False  # wait for what their first minibatches should find


@dataclass(frozen=True)
class Done:
    """A job that ended: one result a configuration, or the sentence that says why there are none."""

    job: int  # its place among the jobs
    results: tuple[Result, ...] = ()
    failure: str = ""


class _Moved(NamedTuple):
    job: int
    steps: int


def default_processes(device: str) -> int:
    """One process a core; few where they would share an accelerator."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    shared = device == "cuda" or (device == "auto" and any(Path(name).exists() for name in _GPU_FILES))
    return min(cores, GPU_PROCESSES) if shared else cores


@dataclass
class Pool:
    """Runs jobs on engine processes; iterate once to get each as it is done, in no particular order.

    Every job starts its lanes anew, so what an engine did before it does not matter. `stop` may be called
    from any thread; the iteration then ends soon, and so it does when the consumer leaves it.

    Args:
        jobs: what to run; those at the front are begun first.
        processes: at most so many engines; by default `default_processes`.
        progress: told steps done and steps in all, by the thread that iterates.
        engine: another engine's command line.
    """

    jobs: Sequence[Job]
    processes: int | None = None
    progress: Progress | None = None
    engine: Sequence[str] | None = None
    _events: queue.Queue[Done | _Moved | BaseException | None] = field(default_factory=queue.Queue, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _engines: set[Engine] = field(default_factory=set, init=False)
    _stopped: bool = field(default=False, init=False)

    def __iter__(self) -> Iterator[Done]:
        """Jobs as they are done.

        Raises:
            ConfigError: an engine refuses a configuration, its data or its device.
        """
        waiting = deque(range(len(self.jobs)))
        width = min(len(self.jobs), self.width(self.jobs[0].configs[0].device), self._fit()) if self.jobs else 0
        threads = [
            threading.Thread(target=self._work, args=(waiting,), name="sweep", daemon=True) for _ in range(width)
        ]
        for thread in threads:
            thread.start()
        moved = [0] * len(self.jobs)
        total = sum(map(self._steps, range(len(self.jobs))))
        left = len(self.jobs)
        try:
            while left and not self._stopped:
                match self._events.get():
                    case None:
                        return
                    case BaseException() as error:
                        raise error
                    case _Moved(job, steps):
                        moved[job] = steps
                        self._tell(sum(moved), total)
                    case Done() as done:
                        left -= 1
                        moved[done.job] = self._steps(done.job)
                        self._tell(sum(moved), total)
                        yield done
        finally:
            self.stop()
            for thread in threads:
                thread.join()

    def width(self, device: str) -> int:
        """How many engines to use."""
        return min(MAX_PROCESSES, self.processes or default_processes(device))

    def _fit(self) -> int:
        """How many engines there is memory for at once; one that has too little says so itself."""
        try:
            data = functools.cache(lambda data, column: memory.shape_of(reading.read(data, column).words))
            needs = [
                memory.together([memory.needed(config, *data(config.data, config.column)) for config in job.configs])
                for job in self.jobs
            ]
        except DataError:  # an engine says it
            return len(self.jobs)
        fit = memory.processes_that_fit(needs, memory.available())
        return len(self.jobs) if fit is None else fit

    def _steps(self, index: int) -> int:
        return self.jobs[index].steps * len(self.jobs[index].configs)

    def _tell(self, done: int, total: int) -> None:
        if self.progress is not None:
            self.progress(done, total)

    def stop(self) -> None:
        """End the engines at once; jobs that were under way are lost."""
        with self._lock:
            self._stopped = True
            for engine in self._engines:
                engine.kill()
        self._events.put(None)

    # ------------------------------------------------------------------------------------- worker threads

    def _work(self, waiting: deque[int]) -> None:
        try:
            with contextlib.ExitStack() as stack:
                session: Conversation | None = None
                while not self._stopped:
                    try:
                        index = waiting.popleft()
                    except IndexError:
                        return
                    failure = ""
                    for _ in range(ATTEMPTS):
                        try:
                            session = session or self._open(stack)
                            results = self.train(session, index)
                            self._events.put(Done(index, tuple(results)))
                            break
                        except (RunError, LinkError) as error:
                            if self._stopped:
                                return
                            failure = str(error)
                            session = None
                            stack.close()
                    else:
                        self._events.put(Done(index, failure=failure))
        except BaseException as error:
            self._events.put(error)

    def _open(self, stack: contextlib.ExitStack) -> Conversation:
        engine = stack.enter_context(Engine(self.engine))
        with self._lock:
            self._engines.add(engine)
            stopped = self._stopped
        stack.callback(self._forget, engine)
        if stopped:
            raise RunError("stopped")
        return Conversation(engine)

    def _forget(self, engine: Engine) -> None:
        with self._lock:
            self._engines.discard(engine)

    def moved(self, index: int, steps: int) -> None:
        """A job has come that far, in steps of all its lanes; for `train` to tell."""
        self._events.put(_Moved(index, steps))

    def train(self, session: Conversation, index: int) -> list[Result]:
        """Run one job in a session, in a worker's thread; a pool of another kind overrides this. Raises RunError."""
        configs, steps, redraw = self.jobs[index]
        session.results.clear()
        session.restart(configs)
        if redraw:
            session.redraw()
        results = session.advance(Advance(steps=steps), lambda done, _: self.moved(index, done))
        if all(result.diverged_at is not None for result in results):
            return results
        return session.evaluate()
