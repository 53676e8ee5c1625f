"""What the screen does about its own mistakes: one sentence to the person, the details to a file."""

from __future__ import annotations

import traceback

from .files import private, private_folder
from .paths import state_folder
from .visible import cut

MAX_LOG = 2**20  # bytes; a log that is larger is begun anew
_reported: set[str] = set()


def mishap(what: str, error: BaseException) -> str:
    """Put an exception into the screen's log, each once; gives the sentence that tells of it.

    Args:
        what: what could not be done, such as "the view Weights cannot be drawn".
        error: why.
    """
    details = cut("".join(traceback.format_exception(error)), MAX_LOG)
    try:
        path = state_folder() / "logs" / "screen.log"
        if details not in _reported:
            private_folder(path.parent)
            mode = "w" if path.exists() and path.stat().st_size > MAX_LOG else "a"
            with open(path, mode, encoding="utf-8", errors="backslashreplace", opener=private) as log:
                log.write(f"{what}\n{details}\n")
            _reported.add(details)
        where = f"; the details are in {path}"
    except OSError:
        where = ""
    return f"{what}: {type(error).__name__}{f' ({cut(str(error))})' if str(error) else ''}{where}"
