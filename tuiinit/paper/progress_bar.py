"""What is shown of a command that takes long, and how it ends."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from ..host import ending, interrupt


@contextlib.contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar on standard error while the context is open, if that is a terminal.

    Meanwhile ctrl+c, SIGTERM and SIGHUP are exceptions, so that what was begun is ended in order.
    """
    at_once = interrupt.in_order()
    try:
        with ending.orderly(), _bar(what) as tell:
            yield tell
    finally:
        if at_once:
            interrupt.at_once()


@contextlib.contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None] | None]:
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)

        def tell(done: int, total: int) -> None:
            bar.update(task, completed=done, total=max(1, total))

        yield tell
