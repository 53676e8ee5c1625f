"""All benchmarks: `python -m tests.benchmarks [NAME …]`, a few minutes; a table as it goes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import torch

from . import engine, explorer
from .table import Row, print_rows

BENCHMARKS: dict[str, Callable[[], Iterator[Row]]] = {
    "steps": engine.steps,
    "measuring": engine.measuring,
    "lanes": engine.lanes,
    "processes": engine.processes,
    "message": engine.message,
    "start": explorer.start_and_quit,
    "watching": explorer.watching,
}


def main() -> None:
    """Run all, or those named."""
    wanted = sys.argv[1:] or list(BENCHMARKS)
    rows: list[Row] = []
    for name in wanted:
        for row in BENCHMARKS[name]():
            rows.append(row)
            print(f"… {row.what}: {row.figure}", file=sys.stderr, flush=True)
        torch.set_num_threads(1)
    print_rows(rows)


if __name__ == "__main__":
    main()
