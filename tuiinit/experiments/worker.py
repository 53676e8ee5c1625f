"""What runs on a cluster's workers: a job's lanes, trained by an engine child that a worker keeps."""

from __future__ import annotations

import atexit
import contextlib
import importlib.metadata
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from .. import __version__
from ..config.values import ConfigError
from ..data import given
from ..stream.link import Engine, LinkError
from .pool import Job, train
from .runs import Conversation, RunError
from .sweep.measures import Measures, measures

TOPIC = "tuiinit"  # of the events that tell how far a job is


class About(NamedTuple):
    """A worker's versions, and what its processor can: figures are equal to the bit where all of it is."""

    program: str
    torch: str
    processor: str


def about() -> About:
    """This process's."""
    try:
        torch = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        torch = ""
    return About(__version__, torch, _processor())


def _processor() -> str:
    """The widest vectors of the processor that torch uses, as far as the system tells."""
    with contextlib.suppress(OSError):
        flags = Path("/proc/cpuinfo").read_text(errors="replace")
        return next((name for name in ("avx512f", "avx2") if name in flags), "")
    return ""


class _Kept(threading.local):
    """The engine of a worker's thread, and the conversation with it; none until a job comes."""

    engine: Engine | None = None
    conversation: Conversation | None = None


_kept = _Kept()
_engines: set[Engine] = set()
_ended: set[str] = set()  # sweeps of which nothing is wanted any more
_lock = threading.Lock()


def work(
    sweep: str, job: Job, words: Sequence[tuple[str, bytes]], tell: Callable[[int], None] | None = None
) -> tuple[Measures, ...]:
    """Train a job's lanes.

    Args:
        sweep: a name of the whole, for `end`.
        job: what to train.
        words: those that came through a pipe, each with its title.
        tell: told how many steps are done.

    Raises:
        ConfigError: the engine refuses a configuration, its data or its device.
        RunError: the engine failed; the next job gets another one.
    """
    for title, content in words:
        given.keep(title, content)
    try:
        if _kept.conversation is None:
            _kept.engine = Engine()
            _kept.conversation = Conversation(_kept.engine)
        with _lock:  # either `end` finds the engine, or what it ended is found here
            if sweep in _ended:
                raise RunError("the sweep was ended")
            assert _kept.engine is not None
            _engines.add(_kept.engine)
        results = train(_kept.conversation, job, tell or (lambda _: None))
    except ConfigError:
        raise  # the conversation can go on
    except (RunError, LinkError) as error:
        _forget()
        raise RunError(str(error)) from None
    except BaseException:
        _forget()
        raise
    return tuple(measures(result, job.steps) for result in results)


def _forget() -> None:
    engine, _kept.engine, _kept.conversation = _kept.engine, None, None
    if engine is not None:
        with _lock:
            _engines.discard(engine)
        engine.close()


def end(sweep: str = "") -> None:
    """Kill this process's engines, from any thread, and begin no more jobs of a sweep: what they train is lost."""
    with _lock:
        _ended.add(sweep)
        for engine in _engines:
            engine.kill()


atexit.register(end)
