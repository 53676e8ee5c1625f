"""Training on several engine processes at once: jobs in, results out, the same whatever the number of processes."""

from __future__ import annotations

import contextlib
import functools
import os
import queue
import shlex
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ..config import memory
from ..config.configuration import Configuration
from ..config.run import MAX_PROCESSES, RunConfig
from ..config.values import ConfigError
from ..data import reading
from ..data.reading import DataError
from ..stream.link import Engine, LinkError
from ..stream.protocol import Advance
from .checks import OwnCodeError
from .runs import Conversation, Progress, Result, RunError

GPU_PROCESSES = 4  # each holds a context of its own on the accelerator
ATTEMPTS = 2  # a job whose engine died is tried once more, on a new one
_GPU_FILES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")


class EngineLine(NamedTuple):
    """An engine's command line, and how many of them to start."""

    command: tuple[str, ...]
    engines: int = 1

    @classmethod
    def of(cls, text: str) -> EngineLine:
        """Read `ssh box tuiinit engine` or, for four of them, `ssh box tuiinit engine*4`. Raises ConfigError."""
        line, star, count = text.rpartition("*")
        if not star or not count.strip().isdecimal():
            line, count = text, "1"
        if not 1 <= int(count) <= MAX_PROCESSES:
            raise ConfigError(f"engine {text!r}: the count must be from 1 to {MAX_PROCESSES}")
        try:
            command = tuple(shlex.split(line))
        except ValueError as error:
            raise ConfigError(f"engine {text!r} cannot be read: {error}") from None
        if not command:
            raise ConfigError(f"engine {text!r} names no command")
        return cls(command, int(count))


class Job(NamedTuple):
    """Lanes that one engine trains side by side from step 0, then evaluates."""

    configs: tuple[Configuration, ...]
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
    from any thread; the iteration then ends soon, and so it does when the consumer leaves it. A job whose engine
    died is tried once more; where there are other engines, one that cannot be started is given up, and they do its
    jobs.

    Args:
        jobs: what to run; those at the front are begun first.
        processes: at most so many engines; by default `default_processes`.
        progress: told steps done and steps in all, by the thread that iterates.
        engine: another engine's command line.
        engines: command lines with counts, in place of `processes` and `engine`.
        warn: told in a sentence what a person should know, from any thread.
    """

    jobs: Sequence[Job]
    processes: int | None = None
    progress: Progress | None = None
    engine: Sequence[str] | None = None
    engines: Sequence[EngineLine] = ()
    warn: Callable[[str], None] | None = None
    _events: queue.Queue[Done | _Moved | BaseException | None] = field(default_factory=queue.Queue, init=False)
    _lock: threading.Condition = field(default_factory=threading.Condition, init=False)
    _engines: set[Engine] = field(default_factory=set, init=False)
    _stopped: bool = field(default=False, init=False)
    _at_work: int = field(default=0, init=False)  # engines that were not given up
    _under_way: int = field(default=0, init=False)  # jobs
    _torch: set[str] = field(default_factory=set, init=False)  # versions that engines run on

    def __iter__(self) -> Iterator[Done]:
        """Jobs as they are done.

        Raises:
            ConfigError: an engine refuses a configuration, its data or its device.
        """
        waiting = deque(range(len(self.jobs)))
        commands = self._commands() if self.jobs else []
        self._at_work = len(commands)
        threads = [
            threading.Thread(target=self._work, args=(waiting, command), name="sweep", daemon=True)
            for command in commands
        ]
        for thread in threads:
            thread.start()
        moved = [0] * len(self.jobs)
        all_moved, total = 0, sum(map(self._steps, range(len(self.jobs))))
        left = len(self.jobs)
        try:
            while left and not self._stopped:
                match self._events.get():
                    case None:
                        return
                    case BaseException() as error:
                        raise error
                    case _Moved(job, steps):
                        all_moved, moved[job] = all_moved + steps - moved[job], steps
                        self._tell(all_moved, total)
                    case Done() as done:
                        left -= 1
                        steps = self._steps(done.job)
                        all_moved, moved[done.job] = all_moved + steps - moved[done.job], steps
                        self._tell(all_moved, total)
                        yield done
        finally:
            self.stop()
            for thread in threads:
                thread.join()

    def width(self, device: str) -> int:
        """How many engines to use."""
        wanted = sum(line.engines for line in self.engines) or self.processes or default_processes(device)
        return min(MAX_PROCESSES, wanted)

    def _commands(self) -> list[Sequence[str] | None]:
        """The command line of each engine to start; None is our own."""
        width = min(len(self.jobs), self.width(self.jobs[0].configs[0].device))
        if self.engines:  # one of each in turn, so that few jobs go to all machines
            turns = range(max(line.engines for line in self.engines))
            commands: list[Sequence[str] | None]
            commands = [line.command for turn in turns for line in self.engines if turn < line.engines]
            return commands[:width]
        return [self.engine] * min(width, self._fit())

    def _fit(self) -> int:
        """How many engines there is memory for at once; one that has too little says so itself."""
        try:
            data = functools.cache(lambda data, column: memory.shape_of(reading.read(data, column).words))
            needs = [
                memory.together(
                    [
                        memory.needed(config, *data(config.data, config.column))
                        for config in job.configs
                        if isinstance(config, RunConfig)  # what a person's own takes, nobody knows before it is built
                    ]
                )
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
            self._lock.notify_all()
        self._events.put(None)

    # ------------------------------------------------------------------------------------- worker threads

    def _work(self, waiting: deque[int], command: Sequence[str] | None) -> None:
        try:
            with contextlib.ExitStack() as stack:
                session: Conversation | None = None
                while not self._stopped:
                    index = self._next(waiting)
                    if index is None:
                        return
                    failure, done = "", False
                    for _ in range(ATTEMPTS):
                        try:
                            session = session or self._open(stack, command)
                            results = self.train(session, index)
                            self._events.put(Done(index, tuple(results)))
                            self._ended()
                            done = True
                            break
                        except OwnCodeError as error:  # it would fail again; the engine is sound
                            failure, answered = str(error), True
                            break
                        except (RunError, LinkError) as error:
                            if self._stopped:
                                return
                            failure = str(error)
                            answered, session = session is not None and session.status is not None, None
                            stack.close()
                    if done:
                        continue
                    if not answered and self._give_up(command, failure):
                        self._ended(index, waiting=waiting)
                        return
                    self._events.put(Done(index, failure=failure))
                    self._ended()
        except BaseException as error:
            self._events.put(error)

    def _next(self, waiting: deque[int]) -> int | None:
        """The next job; None once there is none, and none can come back from an engine that is given up."""
        with self._lock:
            while not waiting and self._under_way and len(self.engines) > 1 and not self._stopped:
                self._lock.wait()
            if self._stopped or not waiting:
                return None
            self._under_way += 1
            return waiting.popleft()

    def _ended(self, *given_back: int, waiting: deque[int] | None = None) -> None:
        """A job is under way no more: it is done, or given back for another engine."""
        with self._lock:
            self._under_way -= 1
            if waiting is not None:
                waiting.extend(given_back)
            self._lock.notify_all()

    def _give_up(self, command: Sequence[str] | None, failure: str) -> bool:
        """Whether other engines can do the jobs of one that never answered; then a person is told."""
        with self._lock:
            if self._at_work == 1:
                return False
            self._at_work -= 1
        if self.warn is not None:
            line = shlex.join(command) if command is not None else "an engine"
            self.warn(f"{line} is given up: {failure}")
        return True

    def _open(self, stack: contextlib.ExitStack, command: Sequence[str] | None) -> Conversation:
        engine = stack.enter_context(Engine(command))
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
        results = train(session, self.jobs[index], lambda done: self.moved(index, done))
        self._compare(session.torch)
        return results

    def _compare(self, version: str) -> None:
        """Tell once that engines run on unlike versions of torch: their numbers may differ in the last digits."""
        with self._lock:
            known = len(self._torch)
            self._torch.add(version)
            unlike = known == 1 and len(self._torch) == 2
        if unlike and self.warn is not None:
            self.warn(f"engines run on torch {' and '.join(sorted(self._torch))}: their numbers may not be equal")


def train(session: Conversation, job: Job, moved: Callable[[int], None]) -> list[Result]:
    """Run one job in a session; `moved` is told steps done, over all its lanes. Raises RunError, OwnCodeError."""
    configs, steps, redraw = job
    session.results.clear()
    session.restart(configs)
    if redraw:
        session.redraw()
    results = session.advance(Advance(steps=steps), lambda done, _: moved(done))
    for result in results:
        if result.failed:
            raise OwnCodeError(result.failed, result.lines)
    if all(result.diverged_at is not None for result in results):
        return results
    return session.evaluate()
