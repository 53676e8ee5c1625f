"""Recorded sessions in the explorer: the same screens again, travel through time, going on; and the palette's files."""

from __future__ import annotations

import shlex
import shutil
import signal
import tomllib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.widgets import Input

from tests.explorer.driving import Driver, driven
from tests.explorer.fake import FakeLink
from tests.faults.terminal import EXPLORER, FAKE_ENGINE, Terminal
from tuiinit.config import toml
from tuiinit.config.run import RunConfig
from tuiinit.config.schedule import Change
from tuiinit.explorer.app import ExplorerApp
from tuiinit.explorer.saving import copy_command_line, save_configuration
from tuiinit.explorer.screen import VIEWS
from tuiinit.session.session import RECORDED
from tuiinit.stream.protocol import Advance, Command, Credit, Redraw, Select, Snapshot
from tuiinit.stream.recorder import Recorder
from tuiinit.stream.recording import Recording, load
from tuiinit.stream.replay import FileLink, ResumedLink
from tuiinit.stream.sessions import sessions

VIEW_THIRDS = [range(third, len(VIEWS), 3) for third in range(3)]  # each view is compared at one of three clocks
SPEED = 14  # cells of "   412 steps/s", or of "paused", where a recording says "recording"


@asynccontextmanager
async def recorded(
    folder: Path, config: RunConfig | None = None, link: FakeLink | None = None
) -> AsyncIterator[Driver]:
    """A live explorer whose session is recorded."""
    link, recorder = link or FakeLink(), Recorder(folder)
    app = ExplorerApp(link, config or RunConfig(), recorder=recorder)
    async with driven(app, link) as driver:
        await driver.until(lambda: driver.session.snapshot() is not None, "first snapshot")
        await driver.settled()
        yield driver
    recorder.close()


@asynccontextmanager
async def replayed(recording: Recording, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Driver]:
    """An explorer over a recording, at its end."""
    link = FileLink(recording)
    app = ExplorerApp(link, recording.config, recalled=recording)
    async with driven(app, link, size) as driver:  # type: ignore[arg-type]
        await driver.until(lambda: driver.session.clock == recording.clock and driver.session.snapshot(), "the end")
        await driver.until(lambda: not app._owed, "drawn")
        await driver.pilot.pause()
        yield driver


def session_file(driver: Driver) -> Path:
    recorder = driver.app._recorder
    assert recorder is not None
    assert recorder.wait()
    assert recorder.path is not None
    return recorder.path


async def screens(driver: Driver, views: Sequence[int] = (0,)) -> list[str]:
    """The screen with each of these views, cell by cell, without the speed."""
    await driver.press("escape")  # a sentence in the bar goes
    shown = []
    for index in views:
        driver.screen.show_view(index)
        await driver.pilot.pause()
        text = driver.text.replace("press d", f"{'–':>7}")  # which measures the dev loss: not in a recording
        word = "paused" if "paused" in text else "recording"
        at = text.index(word) - SPEED + len(word)
        shown.append(text[:at] + "~" * SPEED + text[at + SPEED :])
    return shown


async def test_a_replay_shows_the_same_screens_at_three_clocks(tmp_path: Path) -> None:
    copies, live = [], []
    async with recorded(tmp_path / "sessions") as driver:

        async def keep() -> None:
            await driver.settled()
            live.append(await screens(driver, VIEW_THIRDS[len(copies)]))
            copies.append(shutil.copy(session_file(driver), tmp_path / f"{len(copies)}.tuiinit"))

        await driver.train(100)
        await keep()
        await driver.press("[")
        await driver.settled()
        await driver.train(200)
        await driver.press("b")
        await driver.settled()
        await driver.train(300)
        await keep()
        await driver.press("]")
        await driver.settled()
        await driver.press("d")
        await driver.train(500)
        await keep()
    for path, expected, views in zip(copies, live, VIEW_THIRDS, strict=True):
        recording = load(Path(path))
        async with replayed(recording) as driver:
            for now, then in zip(await screens(driver, views), expected, strict=True):
                assert now == then
    assert len({driver[0] for driver in live}) == 3


async def test_time_goes_back_and_forth_and_loses_nothing(tmp_path: Path) -> None:
    async with recorded(tmp_path) as driver:
        await driver.train(400)
        end = driver.session.step
        await driver.press("comma", "comma")
        live = await screens(driver)
        past = driver.session.pointer.past
    (path, _), *_ = sessions(tmp_path)
    async with replayed(load(path)) as driver:
        at_end = await screens(driver)
        assert driver.session.step == end
        await driver.press("comma")
        await driver.shows(f"at step {driver.session.step:,}", f"of {end:,}", "●", "esc newest", "◀")
        for _ in range(20):
            await driver.press("comma")
        assert driver.session.step == 0
        while driver.session.pointer.past is not None:
            await driver.press("full_stop")
        assert await screens(driver) == at_end
        assert live is not None
        assert past is None  # escape, pressed for the screens, is back at the newest
        for key in ("escape", "space"):
            await driver.press("comma")
            assert driver.session.pointer.past is not None
            await driver.press(key)
            assert driver.session.pointer.past is None
        assert await screens(driver) == at_end


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_slider_is_there_live_too(tmp_path: Path, size: tuple[int, int]) -> None:
    from tests.explorer.driving import explorer

    async with explorer(size=size) as driver:
        await driver.train(100)
        await driver.press("comma")
        await driver.shows(f"at step {driver.session.step:,}", "esc newest")
        for line in driver.text.splitlines():
            assert len(line) <= size[0]
        await driver.press("escape")
        assert "esc newest" not in driver.text


async def test_keys_that_train_say_that_this_is_a_recording(tmp_path: Path) -> None:
    async with recorded(tmp_path) as driver:
        await driver.train(100)
        path = session_file(driver)
    async with replayed(load(path)) as driver:
        before = dict(driver.session.lanes)
        for key in ("space", "n", "e", "d", "r", "R", "right_square_bracket", "o"):
            await driver.press("escape")
            await driver.press(key)
            assert driver.session.notice is not None, key
            assert driver.session.notice.text == RECORDED, key
            assert dict(driver.session.lanes) == before
        assert "tuiinit --resume" in driver.text


async def test_a_replay_looks_at_the_lanes_that_it_holds(tmp_path: Path) -> None:
    async with recorded(tmp_path) as driver:
        await driver.train(150)
        first = await screens(driver)
        await driver.press("b")
        await driver.settled()
        path = session_file(driver)
    async with replayed(load(path)) as driver:
        assert driver.session.config.bn
        await driver.shows("grey: batch norm off")
        await driver.press("b")
        await driver.pilot.pause()
        assert not driver.session.config.bn
        await driver.shows("grey: batch norm on")
        assert driver.session.step == int(first[0].split("step")[1].split()[0].replace(",", ""))
        await driver.press("g")
        await driver.shows("the recording holds no such network")
        assert driver.session.config.gain == RunConfig().gain


async def test_a_damaged_recording_says_so(tmp_path: Path) -> None:
    async with recorded(tmp_path) as driver:
        await driver.train(100)
        path = session_file(driver)
    path.write_bytes(path.read_bytes()[:-20])
    async with replayed(load(path)) as driver:
        await driver.shows("The recording is damaged", "the stream ends inside a message")


async def test_resuming_shows_the_history_and_catches_up(tmp_path: Path) -> None:
    async with recorded(tmp_path / "first", RunConfig(gain=1.0)) as driver:
        await driver.train(100)
        step = driver.session.step
        await driver.press("right_square_bracket")
        await driver.settled()
        await driver.train(500)
        end, path = driver.session.step, session_file(driver)
    recording = load(path)
    config = RunConfig(gain=1.0, schedule=(Change(step, "lr", 0.316),))
    assert (recording.config, recording.clock) == (config, end)

    link, recorder = FakeLink(), Recorder(tmp_path / "second")
    app = ExplorerApp(ResumedLink(recording, link), recording.config, recorder=recorder, recalled=recording)
    async with driven(app, link) as driver:
        assert link.sent[:3] == [Select(lanes=(config,)), Redraw(), Advance(to=end)]
        await driver.shows("catching up", f"/ {end:,}", "esc stops")
        assert driver.session.step == end  # what was recorded is there at once
        await driver.press("right_square_bracket")
        await driver.shows("lr can change once the network has caught up")
        await driver.until(lambda: not driver.session.resuming, "caught up")
        await driver.settled()
        assert driver.session.clock == end
        assert "catching up" not in driver.text
        await driver.train(end + 100)
        assert driver.session.shown.loss.first_step == 1
        assert len(driver.session.shown.loss) == driver.session.step
        after, path = driver.session.step, session_file(driver)
    again = load(path)
    recorder.close()
    assert (again.config, again.clock) == (config, after)
    traced = [f.first_step for f in again.frames if f.__class__.__name__ == "Trace"]
    assert traced == sorted(set(traced))  # nothing is in it twice


async def test_catching_up_after_a_resume_can_be_interrupted(tmp_path: Path) -> None:
    async with recorded(tmp_path) as driver:
        await driver.train(200)
        path = session_file(driver)
    recording, link = load(path), FakeLink()
    send = link.send
    credits = 3  # and no more: else a slow machine sees the lane arrive before the key is pressed

    def sparing(command: Command) -> None:
        nonlocal credits
        credits -= isinstance(command, Credit)
        if credits >= 0 or not isinstance(command, Credit):
            send(command)

    link.send = sparing  # type: ignore[method-assign]
    app = ExplorerApp(ResumedLink(recording, link), recording.config, recalled=recording)
    async with driven(app, link) as driver:
        await driver.shows("esc stops")
        await driver.press("escape")
        link.send = send  # type: ignore[method-assign]
        send(Credit())
        await driver.shows("space goes on")
        await driver.settled()
        assert driver.session.behind is not None
        assert driver.session.step == recording.clock
        await driver.press("space")
        await driver.until(lambda: not driver.session.resuming, "caught up")


async def test_a_folder_that_cannot_be_written_is_told_and_nothing_else_is_lost(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    async with recorded(tmp_path / "file") as driver:
        driver.app.look_for_silence()
        await driver.until(lambda: driver.app._recorder is None or driver.app.look_for_silence(), "noticed")
        await driver.shows("this session is not recorded")
        await driver.train(100)
        assert driver.session.step >= 100


# ------------------------------------------------------------------------------------------------ the palette


async def test_the_command_line_is_copied_and_shown() -> None:
    from tests.explorer.driving import explorer

    async with explorer(RunConfig(gain=3.0)) as driver:
        await driver.press("n")
        await driver.settled()
        copy_command_line(driver.app)
        await driver.shows("Copied: tuiinit run --steps 1 --gain 3")
        assert driver.app.clipboard == "tuiinit run --steps 1 --gain 3"
        titles = {command.title for command in driver.app.get_system_commands(driver.app.screen)}
        assert {"Copy command line", "Save configuration as TOML"} <= titles


async def test_the_configuration_is_saved_and_overwrites_only_when_confirmed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.explorer.driving import explorer

    monkeypatch.chdir(tmp_path)
    config = RunConfig(gain=3.0, bn=True)
    async with explorer(config) as driver:
        save_configuration(driver.app)
        await driver.until(lambda: driver.app.screen.query("#saving-name"), "the dialog")
        assert driver.app.screen.query_one(Input).value == "tuiinit.toml"
        await driver.press("enter")
        await driver.shows("Saved as tuiinit.toml")
        assert toml.load(tmp_path / "tuiinit.toml") == config

        (tmp_path / "tuiinit.toml").write_text("lr = 1.0\n")
        save_configuration(driver.app)
        await driver.until(lambda: driver.app.screen.query("#saving-name"), "the dialog")
        await driver.press("enter")
        await driver.shows("tuiinit.toml is there already")
        assert tomllib.loads((tmp_path / "tuiinit.toml").read_text()) == {"lr": 1.0}
        await driver.press("q")  # a letter, not the key that quits
        await driver.press("backspace", "enter")
        await driver.shows("Saved as tuiinit.toml")
        assert toml.load(tmp_path / "tuiinit.toml") == config

        save_configuration(driver.app)
        await driver.until(lambda: driver.app.screen.query("#saving-name"), "the dialog")
        driver.app.screen.query_one(Input).value = "/nowhere/at/all.toml"
        await driver.press("enter")
        await driver.shows("cannot write /nowhere/at/all.toml: No such file or directory")
        await driver.press("escape")
        await driver.until(lambda: not driver.app.screen.query("#saving-name"), "the dialog is gone")


# --------------------------------------------------------------------------------------- in a real terminal


@pytest.fixture
def state(tmp_path: Path) -> dict[str, str | None]:
    return {"TUIINIT_STATE": str(tmp_path)}


def signalled(number: signal.Signals) -> Callable[[Terminal], None]:
    return lambda terminal: terminal.kill(number)


@pytest.mark.parametrize(
    ("leave", "code"),
    [
        pytest.param(lambda terminal: terminal.press("q"), 0, id="q"),
        pytest.param(signalled(signal.SIGINT), None, id="interrupt"),
        pytest.param(signalled(signal.SIGTERM), 128 + signal.SIGTERM, id="terminate"),
        pytest.param(signalled(signal.SIGHUP), 128 + signal.SIGHUP, id="hangup"),
        pytest.param(Terminal.close, None, id="window closed"),
    ],
)
def test_however_the_screen_is_left_the_session_replays(
    tmp_path: Path, state: dict[str, str | None], leave: Callable[[Terminal], None], code: int | None
) -> None:
    with Terminal(*EXPLORER, "--engine", FAKE_ENGINE, environment=state) as terminal:
        terminal.reaches(0)
        terminal.press(" ")
        terminal.reaches(150)
        seen = terminal.step
        leave(terminal)  # while it trains
        ended = terminal.ends(patience=20)  # the screen, and the engine
        assert code is None or ended == code
        if leave is not Terminal.close:
            terminal.check_restored()
            assert "Traceback" not in terminal.last_words
    (path, _), *others = sessions(tmp_path / "sessions")
    assert not others
    recording = load(path)
    assert recording.damage is None
    newest = max(frame.step for frame in recording.frames if isinstance(frame, Snapshot))
    assert newest >= seen
    assert recording.clock >= seen


def test_a_session_of_the_real_engine_goes_on_and_replays_without_torch(
    tmp_path: Path, state: dict[str, str | None], warm_engine: list[str]
) -> None:
    with Terminal(*EXPLORER, "--hidden", "20,20", "--device", "cpu", environment=state) as terminal:
        terminal.reaches(0)
        terminal.press(" ")
        terminal.reaches(30)
        engine = terminal.engine()
        terminal.close()
        terminal.ends(patience=20)
    assert not Path(f"/proc/{engine}").exists()
    ((path, _),) = sessions(tmp_path / "sessions")
    clock = load(path).clock
    assert clock >= 30

    # Any import of torch would fail here.
    (tmp_path / "torch.py").write_text("raise SystemExit('torch was loaded')")
    without = {**state, "PYTHONPATH": str(tmp_path)}
    with Terminal(*EXPLORER, "replay", "--last", environment=without) as terminal:
        terminal.shows("recording")
        terminal.reaches(clock)
        assert len(terminal.processes()) == 1
        terminal.press("\x1b", ",")
        terminal.shows("esc newest")
        terminal.press("q")
        assert terminal.ends() == 0
        terminal.check_restored()
    assert len(sessions(tmp_path / "sessions")) == 1  # looking is not recorded

    with Terminal(*EXPLORER, "--resume", "--engine", shlex.join(warm_engine), environment=state) as terminal:
        terminal.reaches(clock)
        terminal.shows("paused")
        terminal.shows_not("catching up")
        terminal.press("n")
        terminal.reaches(clock + 1)
        terminal.press("q")
        assert terminal.ends() == 0
    again = load(sessions(tmp_path / "sessions")[0][0])
    assert again.clock == clock + 1
    assert again.config == load(path).config
