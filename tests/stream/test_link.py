"""The stream's both ends: a real engine, and processes that end, break or babble in its place."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import signal
import struct
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.terminal import until
from tuiinit.config.run import RunConfig
from tuiinit.host import engine_log
from tuiinit.stream import child, wire
from tuiinit.stream import protocol as p
from tuiinit.stream.link import CLOSE_SECONDS, Engine, Link, LinkError, engine_command, start_engine

TINY = RunConfig(hidden=(8,), embedding=2, device="cpu")
PROBLEM = wire.pack(p.Problem(text="hello"))


def instead(code: str) -> list[str]:
    """A process in the engine's place; `out` writes bytes to its standard output."""
    return [sys.executable, "-c", f"import os, sys, time\ndef out(data): os.write(1, data)\n{code}"]


# ------------------------------------------------------------------------------------------- real engine


async def updated(frames: AsyncIterator[p.Frame], link: Link) -> list[p.Frame]:
    link.send(p.Credit())
    found: list[p.Frame] = []
    async for frame in frames:
        found.append(frame)
        if isinstance(frame, p.Status):
            return found
    raise AssertionError


async def test_an_engine_from_hello_to_close() -> None:
    link = Link.child()
    link.send(p.Select(lanes=(TINY,)))  # before the stream is open: sent once it is
    frames = link.frames()
    hello = await anext(frames)
    assert isinstance(hello, p.Hello)
    assert (hello.version, hello.pid) == (p.VERSION, link.pid)
    first = await updated(frames, link)
    assert [type(f).__name__ for f in first] == ["DataInfo", "Lane", "Snapshot", "Status"]
    link.send(p.Advance())
    assert any(isinstance(f, p.Trace) for f in await updated(frames, link))
    await link.close()  # in full run
    await link.close()
    assert [f async for f in frames if isinstance(f, p.Problem)] == []
    link.send(p.Credit())
    assert link._process.poll() is not None
    assert link.log.read_text() == ""


async def test_a_killed_engine_is_one_sentence() -> None:
    link = Link.child()
    frames = link.frames()
    await anext(frames)
    os.kill(link.pid, signal.SIGKILL)
    with pytest.raises(LinkError, match=r"the engine was killed by signal 9; its log is .*engine-.*\.log$"):
        await anext(frames)
    link.send(p.Credit())
    await link.close()


def test_garbage_ends_the_engine_with_a_fatal_problem() -> None:
    with Engine() as engine:
        frames = engine.frames()
        next(frames)
        engine._stdin.write(b"ls -la\n")
        problem = next(frames)
        assert isinstance(problem, p.Problem)
        assert problem.fatal
        assert "this is not a stream of tuiinit" in problem.text
        with pytest.raises(LinkError, match="ended with code 0"):
            next(frames)


def test_an_engine_ends_when_its_input_does() -> None:
    with Engine() as engine:
        frames = engine.frames()
        next(frames)
        engine.send(p.Select(lanes=(TINY,)), p.Advance(), p.Credit())
        while not isinstance(next(frames), p.Status):
            continue
        engine._stdin.close()
        assert engine._process.wait(timeout=20) == 0


BLOCKED = """
from tuiinit.engine import process, server
process.END_SECONDS = 0.2
server.Server._obey = lambda self, command: time.sleep(3600)
process.main()
"""


def test_an_engine_that_is_blocked_in_a_command_ends_when_its_input_does() -> None:
    with Engine(instead(BLOCKED)) as engine:
        next(engine.frames())
        engine.send(p.Select(lanes=(TINY,)), p.Evaluate(), p.Credit())
        engine._stdin.close()
        assert engine._process.wait(timeout=20) == 0


def test_what_an_engine_was_asked_before_its_input_ended_is_done(warm_engine: list[str]) -> None:
    with Engine(warm_engine) as engine:
        engine.send(p.Select(lanes=(TINY,)), p.Credit())
        engine._stdin.close()
        kinds = [type(frame).__name__ for frame in itertools.islice(engine.frames(), 5)]
        assert kinds == ["Hello", "DataInfo", "Lane", "Snapshot", "Status"]
        assert engine._process.wait(timeout=20) == 0


HELPER = """
import subprocess
helper = subprocess.Popen(["sleep", "987"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
print(helper.pid, file=sys.stderr)
"""


def living(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def number_in(log: Path) -> int:
    """The helper's number, once it went from the engine through its pipe into the log."""
    until(lambda: log.read_text().endswith("\n"), "the helper is told of")
    return int(log.read_text())


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize("ended", [False, True])
async def test_what_an_engines_command_started_ends_with_it(ended: bool) -> None:
    """A helper of its group, whether the engine itself has ended before or not."""
    link = Link.child(instead(HELPER + (f"out({PROBLEM!r})\ntime.sleep(60)" if not ended else "")))
    frames = link.frames()
    if ended:
        with pytest.raises(LinkError, match="ended with code 0"):
            await anext(frames)
    else:
        await anext(frames)
    helper = number_in(link.log)
    assert living(helper)
    await link.close()
    until(lambda: not living(helper), "the helper is gone")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_what_an_engines_command_started_ends_with_a_run() -> None:
    with Engine(instead(HELPER)) as engine, pytest.raises(LinkError, match="ended with code 0"):
        next(engine.frames())
    helper = number_in(engine.log)
    until(lambda: not living(helper), "the helper is gone")


CHATTY = f"""
os.write(2, b"the first line\\n")
for _ in range(200):
    os.write(2, b"y\\n" * 2**14)
os.write(2, b"the \\x1b[31mlast line\\n\\n")
out({PROBLEM!r})
time.sleep(0 if len(sys.argv) > 1 else 60)
"""


def test_the_log_is_bounded_and_its_last_words_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_log, "LIMIT", 2**18)
    with Engine([*instead(CHATTY), "ends"]) as engine:
        frames = engine.frames()
        next(frames)  # it was not held up
        with pytest.raises(LinkError) as caught:
            next(frames)
    assert str(caught.value).endswith(f"its log is {engine.log} and ends with 'the ␛[31mlast line'")
    log = engine.log.read_text()
    assert len(log) <= 2**18
    assert log.startswith("the first line\n")
    assert log.endswith("y\nthe \x1b[31mlast line\n\n")
    left_out = re.search(r"\[([0-9,]+) bytes are left out here\]", log)
    assert left_out is not None
    said = len(b"the first line\n") + 200 * 2**15 + len(b"the \x1b[31mlast line\n\n")
    assert len(log) - len(left_out[0]) - 2 + int(left_out[1].replace(",", "")) == said, "all bytes are accounted for"
    assert engine.log.stat().st_mode & 0o077 == 0


def test_a_log_that_cannot_be_written_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "log_file", lambda: Path("/dev/full"))
    with Engine(instead(CHATTY)) as engine:
        assert next(engine.frames()) == p.Problem(text="hello")
        until(lambda: engine._child.log.last_words == "'the ␛[31mlast line'", "the last words")


def test_engines_that_start_together_have_a_log_each() -> None:
    with (
        Engine(instead("print('one', file=sys.stderr)")) as one,
        Engine(instead("print('two', file=sys.stderr)")) as two,
    ):
        for engine in (one, two):
            with pytest.raises(LinkError):
                next(engine.frames())
    assert (one.log.read_text(), two.log.read_text()) == ("one\n", "two\n")


def test_what_libraries_print_goes_to_the_log() -> None:
    code = """
import tuiinit.engine.trainer as trainer
peek = trainer.Trainer.peek
def loud(self):
    print("printed")
    os.write(1, b"written\\n")
    os.system("echo from a child")
    print(repr(sys.stdin.read()))
    return peek(self)
trainer.Trainer.peek = loud
from tuiinit.engine.process import main
main()
"""
    with Engine(instead(code)) as engine:
        frames = engine.frames()
        next(frames)
        engine.send(p.Select(lanes=(TINY,)), p.Credit())
        kinds = [type(next(frames)).__name__ for _ in range(4)]
    assert kinds == ["DataInfo", "Lane", "Snapshot", "Status"]
    log = engine.log.read_text()
    for line in ("printed", "written", "from a child", "''"):
        assert line in log


# ------------------------------------------------------------------------------ others in the engine's place


ENDS = {
    "at once": ("", "the engine ended with code 0; its log is"),
    "with a code": ("sys.exit(3)", "the engine ended with code 3; its log is"),
    "by a signal": ("os.kill(os.getpid(), 11)", "the engine was killed by signal 11; its log is"),
    "inside a header": ("out(b'\\0\\0')", "the engine"),
    "inside a message": (f"out({PROBLEM[:-1]!r})", "the engine"),
    "with text": (
        "out(b'Permission denied (publickey).\\n')",
        "it began with 'Permission denied (publickey).', which is no message",
    ),
    "with an unknown frame": (f"out({struct.pack('>I', 3)!r} + b'abc')", "a message that this version does not know"),
}


@pytest.mark.parametrize("how", ENDS)
async def test_ends_are_told_asynchronously(how: str) -> None:
    code, sentence = ENDS[how]
    link = Link.child(instead(code))
    with pytest.raises(LinkError) as caught:
        async for _ in link.frames():
            pass
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    await link.close()


@pytest.mark.parametrize("how", ENDS)
def test_ends_are_told_to_who_waits(how: str) -> None:
    code, sentence = ENDS[how]
    if how.startswith("inside"):
        sentence = "the stream ends inside a message"
    with Engine(instead(code)) as engine:
        with pytest.raises(LinkError) as caught:
            for _ in engine.frames():
                pass
        assert sentence in str(caught.value)
        assert str(engine.log) in str(caught.value)


async def test_a_frame_before_the_end_is_not_lost() -> None:
    link = Link.child(instead(f"out({PROBLEM!r})"))
    frames = link.frames()
    assert await anext(frames) == p.Problem(text="hello")
    with pytest.raises(LinkError):
        await anext(frames)
    await link.close()


async def test_closing_kills_who_does_not_leave() -> None:
    link = Link.child(instead(f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nout({PROBLEM!r})\n"
                              "while True: time.sleep(60)"))  # fmt: skip
    frames = link.frames()
    await anext(frames)
    started = time.monotonic()
    await link.close()
    assert CLOSE_SECONDS <= time.monotonic() - started < CLOSE_SECONDS + 2
    assert link.exit_sentence().startswith("the engine was killed by signal 9")


async def test_sending_never_blocks_though_nobody_reads() -> None:
    link = Link.child(instead(f"out({PROBLEM!r})\ntime.sleep(60)"))
    frames = link.frames()
    await anext(frames)
    big = p.Select(lanes=tuple(TINY.replace(seed=i) for i in range(200)))
    started = time.monotonic()
    for _ in range(100):
        link.send(big)
    assert time.monotonic() - started < 5
    await asyncio.wait_for(link.close(), 5)


def test_sending_to_an_engine_that_is_gone() -> None:
    with Engine(instead("sys.exit(5)")) as engine:
        engine._process.wait(timeout=20)
        with pytest.raises(LinkError, match="ended with code 5"):
            engine.send(p.Credit())


def test_a_command_that_cannot_be_started() -> None:
    for command in (["/no/such/program", "engine"], ["/"]):
        with pytest.raises(LinkError, match="the engine cannot be started") as caught:
            start_engine(command)
        assert "\n" not in str(caught.value)


def test_the_engines_command() -> None:
    assert engine_command(None) == [sys.executable, "-m", "tuiinit", "engine"]
    assert engine_command('ssh "my box" tuiinit engine') == ["ssh", "my box", "tuiinit", "engine"]


def test_a_state_folder_that_cannot_be_written_costs_nothing_but_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TUIINIT_STATE", str(tmp_path / "file" / "state"))
    with Engine(instead(f"out({PROBLEM!r})\nprint('said', file=sys.stderr)")) as engine:
        assert next(engine.frames()) == p.Problem(text="hello")
        engine._process.wait(timeout=20)
    assert engine.log.read_text() == "said\n"


def test_old_logs_are_cleared_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUIINIT_STATE", str(tmp_path))
    (tmp_path / "logs").mkdir()
    for day in range(10, 40):
        (tmp_path / "logs" / f"engine-202401{day}-000000-1.log").touch()
    with Engine(instead("")) as engine:
        kept = sorted(path.name for path in (tmp_path / "logs").iterdir())
    assert len(kept) == 21
    assert kept[0] == "engine-20240120-000000-1.log"
    assert engine.log.name == kept[-1]
