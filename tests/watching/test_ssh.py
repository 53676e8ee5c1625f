"""A run of another machine: ssh's command line, what happens on the way, and that nothing is lost or doubled."""

from __future__ import annotations

import itertools
import os
import shlex
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.terminal import Terminal, arguments_of
from tests.faults.terminal import until as comes_true
from tests.watching.test_attaching import pulse, step, steps_of, until
from tests.watching.writing import Written
from tuiinit.stream import runs, tailing
from tuiinit.stream.link import LinkError
from tuiinit.stream.protocol import Frame, Hello, Lane, Measure, Pulse, Trace
from tuiinit.stream.ssh import Remote
from tuiinit.stream.tailing import TRIES, TailLink

FAKE = Path(__file__).with_name("ssh.sh")
Fake = Callable[[str], Path]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Puts a fake ssh on the path that acts by these words; gives the file of its calls."""
    folder, words = tmp_path / "bin", tmp_path / "words"
    folder.mkdir()
    for name, content in (
        ("ssh", FAKE.read_text()),
        ("tuiinit", f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m tuiinit "$@"\n'),
    ):
        program = folder / name
        program.write_text(content)
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_SSH", str(words))

    def act(how: str) -> Path:
        words.write_text(how)
        return words.with_name("words.calls")

    return act


@pytest.mark.parametrize(
    "host", ["", "-oProxyCommand=touch x", "me@-oX", "a b", "a\nb", "a\x1b[2J", "$(x)", "a;b", "--", "a\u200bb"]
)
def test_a_host_is_no_option_and_nothing_for_a_shell(host: str) -> None:
    with pytest.raises(ValueError, match="is no name of a machine"):
        Remote(host)


@pytest.mark.parametrize("host", ["box", "me@box.example.org", "10.0.0.7", "fe80::1%eth0", "ssh://me@box:2222"])
def test_hosts_stand_behind_the_options(host: str) -> None:
    command = Remote.of(host, "~/my env/bin/tuiinit".replace(" ", "\\ ")).tail("it's -1", 7, asks=False)
    assert command[: command.index("--")] == ["ssh", "-T", "-o", "BatchMode=yes"]
    assert command[command.index("--") + 1 : -1] == [host]
    assert command[-1] == "~/'my env/bin/tuiinit' tail --after 7 -- 'it'\"'\"'s -1'"
    assert "BatchMode=yes" not in Remote(host).tail(None, -1, asks=True)


@pytest.mark.parametrize("command", ["", " ", "'", "tuiinit 'x"])
def test_a_remote_command_that_is_none_is_a_sentence(command: str) -> None:
    with pytest.raises(ValueError, match="remote command"):
        Remote.of("box", command)


async def test_a_connection_that_is_lost_comes_back_and_nothing_is_lost_or_doubled(fake: Fake, tmp_path: Path) -> None:
    run = Written(tmp_path / "run.tuiinit")
    run.step(12)
    whole = run.path.stat().st_size
    calls = fake(f"dies:{whole // 2} refuses whole")
    link = TailLink(Remote("box"), str(run.path), second=0.001)
    link.connect()
    frames = link.frames()
    found = await until(frames, step(12))
    assert steps_of(found) == list(range(1, 13))
    assert [f.first_step for f in found if isinstance(f, Trace)] == list(range(1, 13))
    assert sum(isinstance(frame, Lane) for frame in found) == 1
    lost = [frame.text for frame in found if isinstance(frame, Pulse) and frame.state == "lost"]
    assert any("Connection refused" in text and f"try 2 of {TRIES} in 2 s" in text for text in lost), lost
    link.send(Measure())
    run.step()
    assert steps_of(await until(frames, step(13))) == [13]
    run.end()
    assert isinstance((await until(frames, pulse("ended")))[-1], Pulse)
    await link.close()
    lines = calls.read_text().splitlines()
    assert ["BatchMode=yes" in line for line in lines] == [False, True, True]
    assert ["--after" in line for line in lines] == [False, True, True]
    assert runs.wishes(run.path)


async def test_what_a_shell_prints_first_is_left_out(fake: Fake, tmp_path: Path) -> None:
    run = Written(tmp_path / "run.tuiinit")
    run.step(2)
    run.end()
    fake("greets")
    link = TailLink(Remote("box"), str(run.path))
    link.connect()
    found = await until(link.frames(), pulse("ended"))
    assert isinstance(found[0], Hello)
    assert steps_of(found) == [1, 2]
    await link.close()


async def fails(link: TailLink, true: Callable[[Frame], bool] = lambda _: False) -> str:
    with pytest.raises(LinkError) as caught:
        await until(link.frames(), true)
    await link.close()
    return str(caught.value)


async def test_what_is_no_run_is_a_sentence(fake: Fake) -> None:
    fake("babbles")
    link = TailLink(Remote("box"), None)
    link.connect()
    assert (
        await fails(link) == "what comes from box cannot be read: it is 'Welcome to the cluster!', which is no message"
    )
    for how, command, sentence in (
        (
            "refuses",
            "tuiinit",
            r"no run of box can be looked at: 'ssh: connect to host box port 22: Connection refused'",
        ),
        ("whole", "tuiinit", r"no run of box can be looked at: 'tuiinit: there is no run nowhere: tuiinit runs lists"),
        ("whole", "/no/tuiinit", r"box does not find /no/tuiinit .*not found.*: --remote-command tells where it is"),
    ):
        fake(how)
        with pytest.raises(LinkError, match=sentence):
            TailLink(Remote.of("box", command), "nowhere").connect()


async def test_a_connection_that_is_silent_is_given_up_after_some_tries(fake: Fake, tmp_path: Path) -> None:
    run = Written(tmp_path / "run.tuiinit")
    run.step()
    calls = fake("hangs refuses")
    link = TailLink(Remote("box"), str(run.path), second=0.0, silent=0.1)
    lost: list[str] = []

    def gather(frame: Frame) -> bool:
        lost.append(frame.text if isinstance(frame, Pulse) else "")
        return False

    assert (await fails(link, gather)).startswith("the connection to box does not come back: ")
    assert lost[0] == f"nothing comes from box; try 1 of {TRIES} in 1 s"
    assert len(calls.read_text().splitlines()) == TRIES + 1
    run.die()


async def test_a_viewer_that_stood_still_does_not_take_its_connection_for_dead(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Written(tmp_path / "run.tuiinit")
    run.step()
    fake("whole refuses")
    link = TailLink(Remote("box"), str(run.path), silent=0.05)  # a quarter of what passes between two looks there
    link.connect()
    clock = itertools.count(0.0, 100.0)
    monkeypatch.setattr(tailing, "monotonic", lambda: next(clock))
    frames = link.frames()
    found = await until(frames, step(1))
    run.step()
    found += await until(frames, step(2))
    assert not [frame for frame in found if pulse("lost")(frame)]
    monkeypatch.undo()
    await link.close()
    run.die()


def test_ssh_asks_before_there_is_a_screen_and_never_on_it(fake: Fake, tmp_path: Path) -> None:
    run = Written(tmp_path / "gpt.tuiinit")
    run.step(3)
    calls = fake("asks")
    command = (sys.executable, "-m", "tuiinit", "attach", "--ssh", "me@box", str(run.path))
    with Terminal(*command, size=(80, 24)) as terminal:
        terminal.shows("connecting to me@box", "me@box's password:")
        terminal.press("secret\n")
        terminal.shows("gpt is live", "▶ step       3")
        assert "password" not in terminal.text
        terminal.press("m")
        terminal.shows("gpt is asked to measure its next step.")
        comes_true(lambda: runs.wishes(run.path), "the run is asked")
        run.step()
        terminal.shows("Measured as asked: step 4.")
        (tail,) = [pid for pid in terminal.processes() if "tail" in arguments_of(pid)[:5]]
        os.kill(tail, signal.SIGKILL)  # the connection dies
        terminal.shows("connection lost, try 1 of 10")
        comes_true(lambda: len(calls.read_text().splitlines()) > 1, "it is tried again")
        terminal.says("Connection refused")
        assert "me@box's password" not in terminal.text
        terminal.press("E")
        terminal.shows("me@box's password:")
        terminal.press("secret\n")
        terminal.shows("Connected again", "▶ step       4")
        run.step()
        terminal.shows("▶ step       5")
        terminal.press("q")
        assert terminal.ends() == 0
        terminal.check_restored()
    run.die()


def test_ctrl_c_while_it_connects_leaves_nothing_behind(fake: Fake) -> None:
    calls = fake("hangs")
    with Terminal(sys.executable, "-m", "tuiinit", "attach", "--ssh", "box", size=(80, 24)) as terminal:
        comes_true(calls.exists, "ssh is started")
        terminal.press("\x03")
        assert terminal.ends() == 130
        terminal.shows("tuiinit: interrupted")
        terminal.check_restored()
