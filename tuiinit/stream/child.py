"""An engine's process: started with streams of its own, and ended with all that its command started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from ..host.engine_log import EngineLog
from ..host.logs import log_file

LOG_SECONDS = 0.1  # that the end of what it said is waited for: a process that left its group may never end it


class Child:
    """A process that leads a group of its own.

    Args:
        command: its command line.
        log: where its errors go; a new file by default.
        alone: without the terminal, on which it may not ask for anything, and without its signals.

    Raises:
        OSError, ValueError: it cannot be started.
    """

    def __init__(self, command: Sequence[str], *, log: Path | None = None, alone: bool = True) -> None:
        self.process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(os.environ, PYTHONUNBUFFERED="1"),
            bufsize=0,
            start_new_session=alone,  # ctrl+c and a closed terminal are the screen's to handle
        )
        self._lock = threading.Lock()
        errors, self.process.stderr = self.process.stderr, None  # the log's, to close too
        assert errors is not None
        self.log = EngineLog(errors, log or log_file())

    def code(self) -> int | None:
        """Its exit code, negative for a signal's number, or None while it lives.

        It is not reaped where that can be helped: until then its number names its group, and nothing else.
        """
        if self.process.returncode is None and hasattr(os, "waitid"):
            try:
                found = os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:  # another thread reaps it
                return self.process.poll()
            if found is None:
                return None
            return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
        return self.process.poll()

    def ended(self) -> bool:
        """Whether it has ended, and all that it said is in the log."""
        return self.code() is not None and self.log.ended()

    def kill(self) -> None:
        """End it, and all that is left of its group, at once; stopped ones too. From any thread, again and again."""
        with self._lock:
            if self.process.returncode is None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.process.pid, signal.SIGKILL)
                self.process.kill()
                self.process.wait()
        self.log.ended(LOG_SECONDS)

    def sentence(self) -> str:
        """How it ended, where its log is, and the log's last words."""
        code = self.code()
        if code is None:
            how = "closed its stream"
        elif code < 0:
            how = f"was killed by signal {-code}"
        else:
            how = f"ended with code {code}"
        return f"the engine {how}; {self.log_sentence()}"

    def log_sentence(self, *, short: bool = False) -> str:
        """Where its log is, and its last words; in short, one of the two."""
        words = self.log.last_words
        if words and short:
            return f"its log ends with {words}"
        return f"its log is {self.log.path}" + (f" and ends with {words}" if words else "")
