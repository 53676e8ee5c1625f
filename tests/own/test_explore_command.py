"""`tuiinit explore` and `--resume` of a person's own network as a person types them, up to where the screen begins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.explorer.own import OwnLink, target
from tests.own.conftest import Typed
from tuiinit.commands import explore as command
from tuiinit.config.own import OwnConfig
from tuiinit.explorer import app
from tuiinit.stream.link import Link
from tuiinit.stream.protocol import Select
from tuiinit.stream.recording import write


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the screen is opened with: its configuration, and the engine's command."""
    calls: list[tuple[Any, ...]] = []
    engines: list[Any] = []

    def show(link: object, config: object, **more: object) -> int:
        calls.append((config, *engines))
        return 0

    monkeypatch.setattr(command, "need_terminal", lambda: None)
    monkeypatch.setattr(app, "explore", show)
    monkeypatch.setattr(Link, "child", classmethod(lambda cls, line=None: engines.append(line)))
    return calls


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["my-net"], "'my-net' does not read FILE.py, FILE.py:name or package.module:name"),
        (["net.py:a-b"], "'net.py:a-b' does not read FILE.py"),
        (["nowhere.py"], "there is no file nowhere.py"),
        (["nowhere.py:build"], "there is no file nowhere.py"),
        (["nets", "--set", "depth"], "--set takes NAME=VALUE, not 'depth'"),
        (["nets", "--device", "tpu"], "'tpu' is not one of"),
        (["nets", "--seed", "-1"], "-1 is not in the range"),
        (["nets", "--gain", "1"], "No such option"),
    ],
)
def test_what_cannot_be_is_refused_before_the_screen(
    typed: Typed, opened: list[object], arguments: list[str], sentence: str
) -> None:
    code, _, error = typed("explore", *arguments)
    assert code == 2
    assert sentence in " ".join(error.split())
    assert not opened


def test_a_file_is_known_from_any_folder_and_its_settings_are_values(
    typed: Typed, opened: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net.py").write_text("")
    monkeypatch.chdir(tmp_path)
    code, _, error = typed("explore", "net.py:small", "--set", "depth=3", "--set", "act=relu", "--seed", "4")
    assert (code, error) == (0, "")
    config = OwnConfig(target=f"{tmp_path}/net.py:small", settings=(("depth", 3), ("act", "relu")), seed=4)
    assert opened[0][0] == config


def test_a_target_of_another_machine_is_taken_as_it_stands(typed: Typed, opened: list[Any]) -> None:
    code, _, error = typed("explore", "~/net.py", "--engine", "ssh box tuiinit engine")
    assert (code, error) == (0, "")
    config, engine = opened[0]
    assert config == OwnConfig(target="~/net.py")
    assert engine == ["ssh", "box", "tuiinit", "engine"]


def test_a_recording_whose_file_is_gone_is_not_trained_again(typed: Typed, opened: list[Any], tmp_path: Path) -> None:
    file, recorded = tmp_path / "net.py", tmp_path / "session.tuiinit"
    config = OwnConfig(target=str(file))
    link = OwnLink()
    write(recorded, (Select(lanes=(), own=(config,)), target(), link._lane(config, None), link._snapshot(config, 0)))
    code, _, error = typed("--resume", str(recorded))
    assert code == 2
    assert f"{file} is gone, so its network cannot be trained again; tuiinit replay {recorded} shows" in error
    assert not opened
    file.write_text("")
    code, _, error = typed("--resume", str(recorded))
    assert (code, error) == (0, "")
    assert opened[0][0] == config
