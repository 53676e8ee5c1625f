"""The engine with little memory: once it is loaded, its address space may grow by so many MiB and no more."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from tuiinit.engine import process


def main() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + int(sys.argv[1]) * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    return process.main()


if __name__ == "__main__":
    sys.exit(main())
