"""What `tuiinit attach` and `tuiinit replay` open, and what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.watching.writing import Written
from tuiinit import cli
from tuiinit.explorer import app
from tuiinit.stream import recording
from tuiinit.stream.attaching import LiveLink
from tuiinit.stream.several import Several

Opened = list[tuple[Any, bool]]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Opened:
    """What is opened in the explorer's stead, and whether as a run."""
    sources: Opened = []

    def explore(source: Any, *_: object, attached: bool = False, **__: object) -> int:
        sources.append((source, attached))
        return 0

    monkeypatch.setattr(cli, "need_terminal", lambda: None)
    monkeypatch.setattr(app, "explore", explore)
    monkeypatch.setenv("TUIINIT_STATE", str(tmp_path / "state"))
    return sources


def told(*arguments: str) -> str:
    """The sentence of a command that fails; empty if it does not."""
    done = CliRunner().invoke(cli.cli, arguments)
    return "" if done.exit_code == 0 else done.output + str(done.exception)


def test_runs_are_opened_by_path_by_name_and_as_the_newest(opened: Opened, tmp_path: Path) -> None:
    folder = tmp_path / "state" / "runs"
    folder.mkdir(parents=True)
    paths = [folder / "gpt.tuiinit", folder / "gpt-2.tuiinit"]
    for path in paths:
        run = Written(path)
        run.step()
        run.die()
    for arguments in (["attach", str(paths[0])], ["attach", "gpt"], ["replay", str(paths[0])]):
        assert told(*arguments) == ""
        source, attached = opened.pop()
        assert attached
        assert isinstance(source, LiveLink)
        assert source.path == paths[0]
    for command, names in (("attach", ["gpt", "gpt-2"]), ("replay", list(map(str, paths)))):
        assert told(command, *names) == ""
        assert isinstance(opened.pop()[0], Several)
    assert told("attach") == ""
    assert opened.pop()[0].path in paths


def test_what_cannot_be_opened_is_a_sentence(opened: Opened, tmp_path: Path) -> None:
    run = Written(tmp_path / "gpt.tuiinit")
    session = tmp_path / "session.tuiinit"
    recording.write(session, [])
    for arguments, sentence in (
        (["attach", "nowhere"], "there is no run nowhere"),
        (["attach", "a", "b", "c"], "takes up to 2 runs"),
        (["attach", "--remote-command", "x"], "needs --ssh HOST"),
        (["attach", "--ssh", "-oProxyCommand=x"], "'-oProxyCommand=x' is no name of a machine"),
        (["attach", "--ssh=box", "--remote-command", "'"], "remote command"),
        (["replay", str(run.path), str(session)], "each must be a training run's"),
        (["replay"], "needs either a FILE or --last"),
    ):
        assert sentence in told(*arguments), arguments
    assert not opened
    run.die()
