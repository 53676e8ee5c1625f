"""The notes screen and the tour's hint, driven by keys over an engine that is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.explorer.driving import Driver, explorer
from tuiinit.config.presets import BY_NAME as PRESETS
from tuiinit.config.run import ONE_EXAMPLE, RunConfig
from tuiinit.experiments.claims import CLAIMS
from tuiinit.explorer.screen import Explorer
from tuiinit.explorer.tour import BY_CLAIM, STOPS, Progress, Walk
from tuiinit.explorer.tour.hint import LINES, hint_lines, hint_rows
from tuiinit.explorer.tour.screen import NotesScreen, heading_row, list_rows, stop_rows
from tuiinit.plots.ink import wrap
from tuiinit.stream.protocol import Advance, Restart, Select

SIZES = [(120, 40), (80, 24)]
SIZED = pytest.mark.parametrize("size", SIZES)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test makes its own progress."""
    monkeypatch.setenv("TUIINIT_STATE", str(tmp_path))
    return tmp_path


def kept(folder: Path) -> set[str]:
    """What a next session would know."""
    return Progress(folder, BY_CLAIM).ticked


def notes(driver: Driver) -> NotesScreen:
    """The notes screen, which must be open."""
    screen = driver.app.screen
    assert isinstance(screen, NotesScreen)
    return screen


async def show(driver: Driver, claim: str) -> None:
    """Start a stop from the list."""
    await driver.press("N")
    order = list(BY_CLAIM)
    notes(driver).action_choose(order.index(claim) - order.index(notes(driver).chosen.claim))
    await driver.press("enter")
    await driver.settled()


def plain(rows: object) -> str:
    return "\n".join("".join(span.text for span in row) for row in rows)  # type: ignore[attr-defined]


# -------------------------------------------------------------------------------------------- what is drawn


@pytest.mark.parametrize("stop", STOPS, ids=lambda stop: stop.claim)
def test_a_hint_fits_a_narrow_terminal_whole(stop: object) -> None:
    stop = BY_CLAIM[stop.claim]  # type: ignore[attr-defined]
    walk = Walk(stop)
    text = plain(hint_rows(walk, 80))
    assert len(text.splitlines()) <= LINES
    words = " ".join(text.replace(stop.claim, "", 1).split())
    assert words.startswith(" ".join(f"{stop.press} {stop.look}".split()))
    assert "…" not in text
    assert all(sight.what in text for sight in stop.sights)
    assert all(len(line) == 80 for line in text.splitlines())


def test_the_list_scrolls_with_the_chosen_claim(tmp_path: Path) -> None:
    progress = Progress(tmp_path, BY_CLAIM)
    progress.tick("C01")
    assert f"1 of {len(STOPS)} seen" in plain([heading_row(progress, 80)])
    for at, stop in enumerate(STOPS):
        lines = plain(list_rows(progress, at, 38, 10)).splitlines()
        assert len(lines) == 10
        (chosen,) = (line for line in lines if line.startswith("▸"))
        assert stop.claim in chosen
    first, second = plain(list_rows(progress, 1, 60, 10)).splitlines()[:2]
    assert first.startswith(" ✓ C01")
    assert second.startswith("▸· C02")


def test_a_stop_tells_the_claim_and_what_to_do() -> None:
    claims = {claim.id: claim.text for claim in CLAIMS}
    for stop in STOPS:
        words = " ".join(plain(stop_rows(stop, False, 60)).split())
        for text in (stop.title, stop.text or claims[stop.claim], stop.press, stop.look):
            assert " ".join(text.split()) in words
        assert len(stop_rows(stop, False, 42)) <= 22, "there are 22 rows for it at 80 × 24"
    assert "gain 3" in plain(stop_rows(BY_CLAIM["C05"], False, 60))
    assert "batch norm on, gain 1, 1,000 steps" in plain(stop_rows(BY_CLAIM["C29"], False, 60))
    assert "✓" not in plain(stop_rows(BY_CLAIM["C29"], False, 60))
    assert "✓ the dev losses" in plain(stop_rows(BY_CLAIM["C29"], True, 60))


# -------------------------------------------------------------------------------------------- driven by keys


@SIZED
async def test_the_list_of_claims(size: tuple[int, int]) -> None:
    async with explorer(size=size) as driver:
        await driver.press("N")
        await driver.shows("The notes", f"0 of {len(STOPS)} seen", "▸· C01", "enter show", "Press R for another seed.")
        for key, claim in (("j", "C02"), ("down", "C03"), ("k", "C02"), ("up", "C01"), ("up", "E02"), ("down", "C01")):
            await driver.press(key)
            assert notes(driver).chosen.claim == claim
            await driver.shows(f"▸· {claim}", wrap(BY_CLAIM[claim].look, 30)[0])
        for back in ("escape", "N"):
            sent = [command for command in driver.link.sent if isinstance(command, Select | Restart)]
            await driver.press(back)
            assert isinstance(driver.app.screen, Explorer)
            assert [command for command in driver.link.sent if isinstance(command, Select | Restart)] == sent
            assert "still to see" not in driver.text
            await driver.press("N")


@SIZED
async def test_a_claim_is_set_up_seen_and_ticked_off(size: tuple[int, int], state: Path) -> None:
    async with explorer(RunConfig(gain=3), size=size) as driver:
        await show(driver, "C09")
        assert driver.session.config == BY_CLAIM["C09"].config(RunConfig())
        assert driver.link.of(Restart)
        assert driver.screen.current.id == "activations"
        assert "N guided tour" not in driver.text, "it has begun"
        await driver.shows("C09 Press 1 (gain 0.5).", "still to see: gain 0.5", "esc ends", "tanh 1")
        await driver.press("1")
        await driver.settled()
        assert "✓ seen" not in driver.text, "the outputs of this engine do not shrink"
        await driver.press("escape")
        assert "C09" not in driver.text

        await show(driver, "C14")
        for key, missing in (("1", "gain 1, gain 3"), ("2", "gain 3")):
            await driver.press(key)
            await driver.shows(f"still to see: {missing}  ")
        assert kept(state) == set()
        await driver.press("4")
        await driver.shows("✓ seen — N for the next")
        assert kept(state) == {"C14"}
        await driver.press("N")
        assert notes(driver).chosen.claim == "C13", "the next one"
        await driver.shows(f"1 of {len(STOPS)} seen", "✓ C14", "▸· C13")


async def test_a_stop_trains_to_its_step_from_a_running_session() -> None:
    async with explorer() as driver:
        await driver.press("space", "v", "J", "L")
        await driver.until(lambda: driver.session.step > 100)
        await show(driver, "C16")
        assert driver.session.step == 1
        assert not driver.session.running
        pointer = driver.session.pointer
        assert (pointer.layer, pointer.unit, pointer.overlaid) == (6, 0, False), "at the output, which it is about"
        assert driver.link.of(Advance)[-1] == Advance(to=1)
        assert list(driver.session.lanes) == [driver.session.key]
        await driver.shows("still to see: 1,000 steps")


async def test_settings_count_as_they_are_in_force(state: Path) -> None:
    async with explorer() as driver:
        await show(driver, "C18")
        assert driver.session.step == 200
        await driver.press("[", "[", "[", "[")
        await driver.settled()
        assert driver.session.settings.lr == 0.001
        await driver.shows("still to see: 50 steps at lr 0.001")
        await driver.press("space")  # it stops by itself
        await driver.shows("✓ seen")
        assert kept(state) == {"C18"}


async def test_what_is_seen_in_another_view_does_not_count(state: Path) -> None:
    async with explorer() as driver:
        await show(driver, "C20")
        await driver.press("tab", "b")
        await driver.settled()
        assert kept(state) == set()
        await driver.press("shift+tab")
        await driver.shows("✓ seen")


async def test_the_words_of_the_bar_count() -> None:
    async with explorer(RunConfig(bn=True)) as driver:
        await show(driver, "C32")
        assert "1 refused" in driver.text
        driver.screen.draw(driver.session.say(ONE_EXAMPLE))
        await driver.pilot.pause()
        walk = driver.screen.hint.walk
        assert walk is not None
        assert walk.missing == ["dev losses at 2"]


async def test_esc_ends_the_hint_once_nothing_else_is_to_leave() -> None:
    async with explorer() as driver:
        await show(driver, "C20")
        await driver.press("down", "escape")
        assert "still to see" in driver.text
        await driver.press("z", "escape")
        assert "still to see" in driver.text
        await driver.press("escape")
        assert "still to see" not in driver.text
        await driver.press("N")
        assert notes(driver).chosen.claim == "C01"


@SIZED
async def test_the_hint_hides_nothing_of_the_view(size: tuple[int, int]) -> None:
    async with explorer(size=size) as driver:
        await show(driver, "C20")
        page = driver.screen.view.sheet
        hint, keys = driver.screen.hint, driver.screen.keys
        assert page.region.bottom <= hint.region.y
        assert hint.region.bottom == keys.region.y
        assert hint.region.height <= LINES
        assert len(page.rows) == page.size.height
        await driver.shows("tanh 5", "saturated")
        assert all(len(line) == size[0] for line in driver.text.splitlines())


async def test_the_hint_follows_the_window() -> None:
    async with explorer(size=(120, 40)) as driver:
        await show(driver, "C24")
        await driver.pilot.resize_terminal(80, 24)
        await driver.shows("still to see: outputs 0.5, outputs 3, updates 0.5, updates 3")
        assert all(len(line) == 80 for line in driver.text.splitlines())
        await driver.pilot.resize_terminal(40, 10)
        await driver.shows("too small")
        await driver.press("N")
        assert isinstance(driver.app.screen, Explorer)


async def test_presets_of_the_palette_mend_the_first_network_step_by_step(state: Path) -> None:
    async with explorer(RunConfig(batch_size=8)) as driver:
        await show(driver, "L01")
        assert driver.session.config == PRESETS["first"].config()
        presets = {c.title: c for c in driver.app.get_system_commands(driver.screen) if c.title.startswith("Preset: ")}
        assert len(presets) == len(PRESETS)
        for name in ("first-output", "first-hidden", "first-gain"):
            assert kept(state) == set()
            presets[f"Preset: {PRESETS[name].title}"].callback()
            await driver.settled()
            assert driver.session.config == PRESETS[name].config()
        await driver.shows("✓ seen — N for the next")
        assert kept(state) == {"L01"}


async def test_the_progress_is_forgotten_from_the_palette(state: Path) -> None:
    Progress(state, BY_CLAIM).tick("C05")
    async with explorer() as driver:
        await show(driver, "C20")
        (forget,) = (c for c in driver.app.get_system_commands(driver.screen) if "Forget" in c.title)
        assert driver.screen.hint.progress.ticked == {"C05"}
        forget.callback()
        await driver.shows("The tour's progress is forgotten.")
        assert kept(state) == set()
        await driver.press("N")
        await driver.shows(f"0 of {len(STOPS)} seen")


async def test_a_tick_that_cannot_be_kept_is_told_of(state: Path) -> None:
    (state / "notes.json").mkdir()
    async with explorer() as driver:
        await driver.press("N")
        await driver.shows("cannot be read")
        await driver.press("escape")
        await show(driver, "C20")
        await driver.press("b")
        await driver.shows("cannot be kept")
        await driver.press("tab")
        await driver.shows("✓ seen")
        await driver.press("N")
        await driver.shows(f"1 of {len(STOPS)} seen")


async def test_nothing_starts_in_a_recording_or_without_an_engine() -> None:
    async with explorer() as driver:
        driver.session.recorded = True
        config = driver.session.config
        await show(driver, "C20")
        await driver.shows("this is a recording")
        assert driver.screen.hint.walk is None
        assert driver.session.config == config
    async with explorer() as driver:
        driver.link.die("the engine is gone")
        await driver.shows("the engine is gone")
        await driver.press("N", "enter")
        assert isinstance(driver.app.screen, Explorer)
        assert driver.screen.hint.walk is None
        assert not driver.link.of(Restart)
        await driver.shows("the engine is gone")


async def test_q_quits_from_the_list() -> None:
    async with explorer() as driver:
        await driver.press("N", "q")
        await driver.until(lambda: driver.app.return_code == 0 and driver.link.closed, "it ended")


# ------------------------------------------------------------------------------- what a stop asks for and drops


async def typed(driver: Driver, claim: str, *keys: str) -> Explorer:
    """Start a stop after the config pane's cursor was left elsewhere, and press what it says."""
    await driver.press("down", "end", "escape")
    await show(driver, claim)
    await driver.press(*keys)
    await driver.settled()
    return driver.screen


@pytest.mark.parametrize(
    ("claim", "keys", "name", "value"),
    [
        ("C02", ("down", "enter", "1", "0", "enter", "escape"), "output_scale", 10.0),
        ("C03", ("down", "enter", "0", ".", "1", "enter", "escape"), "output_scale", 0.1),
        ("C25", ("down", "right", "escape"), "fan_in_scaling", False),
        ("C26", ("down", "right", "right", "escape"), "gain", 2**0.5),
        ("C32", ("down", "enter", "2", "enter", "escape"), "batch_size", 2),
    ],
)
async def test_a_stop_puts_the_panes_cursor_on_what_it_asks_for(
    claim: str, keys: tuple[str, ...], name: str, value: object
) -> None:
    async with explorer() as driver:
        await typed(driver, claim, *keys)
        assert getattr(driver.session.settings, name) == pytest.approx(value, rel=1e-2)
    assert BY_CLAIM[claim].setting == name


def test_only_stops_that_ask_for_the_pane_move_its_cursor() -> None:
    for stop in STOPS:
        assert ("Press ↓ (to " in stop.press) == ("↓" in stop.press)


async def test_a_trained_network_is_dropped_only_when_asked_for_twice() -> None:
    async with explorer() as driver:
        await driver.train(400)
        clock = driver.session.clock
        await driver.press("N", "enter")
        await driver.shows(f"drops the {clock:,} steps", "esc keeps them")
        await driver.press("escape")
        assert driver.session.clock == clock
        assert not driver.link.of(Restart)
        await driver.press("N", "enter", "enter")
        await driver.until(lambda: driver.session.clock == 0)
        await driver.settled()
        await driver.train(400)  # under a stop of the tour, which trains it again
        await show(driver, "C09")
        assert driver.session.clock == 0


@pytest.mark.parametrize("stop", STOPS, ids=lambda stop: stop.claim)
def test_a_hint_fits_sixty_columns_whole_and_is_always_as_high(stop: object) -> None:
    stop = BY_CLAIM[stop.claim]  # type: ignore[attr-defined]
    for width in (60, 79, 80, 120):
        rows = hint_rows(Walk(stop), width)
        assert len(rows) == hint_lines(width)
        assert "…" not in plain(rows[:-1])


async def test_titles_are_whole_at_sixty_columns() -> None:
    async with explorer(size=(60, 16)) as driver:
        await driver.press("N")
        for index, stop in enumerate(STOPS):
            await driver.shows(f"▸· {stop.claim} {stop.title}", stop.press.split(",")[0][:40])
            if index < len(STOPS) - 1:
                await driver.press("j")


@pytest.mark.parametrize("claim", ["C04", "C15", "C16", "C22"])
async def test_stops_about_the_output_show_it_in_a_small_window(claim: str) -> None:
    async with explorer(size=(80, 24)) as driver:
        await show(driver, claim)
        await driver.press("n")
        await driver.settled()
        assert any(line.startswith(" output") for line in driver.screen.view.sheet.text.splitlines()), driver.text


async def test_what_learns_from_zero_is_found_by_the_keys_that_are_told() -> None:
    async with explorer() as driver:
        await show(driver, "E01")
        await driver.press("n", "f")
        await driver.until(lambda: driver.screen.hint.walk is not None and len(driver.screen.hint.walk.missing) == 1)
        await driver.press("shift+tab")
        assert driver.screen.current.id == "loss"
        await driver.press("space")
        await driver.shows("✓ seen")
        assert driver.session.clock == 300
