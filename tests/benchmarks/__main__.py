"""All benchmarks but the soak: `python -m tests.benchmarks [NAME …]`, a few minutes; the table at the end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import torch

from tests.benchmarks import engine, explorer, soak, watched
from tests.benchmarks.table import Row, print_rows

BENCHMARKS: dict[str, Callable[[], Iterator[Row]]] = {
    "steps": engine.steps,
    "measuring": engine.measuring,
    "lanes": engine.lanes,
    "processes": engine.processes,
    "session": engine.session,
    "message": engine.message,
    "start": explorer.start_and_quit,
    "watching": explorer.watching,
    "slowed": explorer.slowed,
    "watched": watched.watched,
    "soak": soak.soak,
}
ASKED = ("slowed", "soak", "watched")  # the first ends "watching", the others are long
UNASKED = [name for name in BENCHMARKS if name not in ASKED]


def main() -> None:
    """Run all, or those named."""
    wanted = sys.argv[1:] or UNASKED
    rows: list[Row] = []
    for name in wanted:
        for row in BENCHMARKS[name]():
            rows.append(row)
            print(f"… {row.what}: {row.figure}", file=sys.stderr, flush=True)
        torch.set_num_threads(1)
    print_rows(rows)


if __name__ == "__main__":
    main()
