"""The explorer driven by keys, over an engine that is not there."""

from __future__ import annotations

import gc

import pytest
from textual.widgets import Input

from tests.explorer.driving import Driver, explorer
from tests.explorer.fake import FakeLink, std_at
from tuiinit.config.run import RunConfig
from tuiinit.explorer.dialogs.help import HelpScreen
from tuiinit.session.actions import ACTIONS
from tuiinit.stream.protocol import Adjust, Advance, Credit, Evaluate, Pause, Restart, Select
from tuiinit.views import VIEWS

SIZES = [(120, 40), (80, 24)]


@pytest.mark.parametrize("size", SIZES)
async def test_the_first_update_is_drawn(size: tuple[int, int]) -> None:
    async with explorer(size=size) as driver:
        await driver.shows("tuiinit", "46,497 parameters", "step       0", "5/3", "tanh 1", "Activations", "space run")
        assert all(len(line) == size[0] for line in driver.text.splitlines())
        assert len(driver.text.splitlines()) == size[1]


async def test_space_runs_and_pauses() -> None:
    async with explorer() as driver:
        await driver.press("space")
        await driver.shows("space pause", "412 steps/s")
        await driver.until(lambda: driver.session.step > 100)
        await driver.press("space")
        await driver.settled()
        assert isinstance(driver.link.of(Advance)[-1], Advance)
        assert driver.link.of(Pause)
        await driver.shows("space run", f"step {driver.session.step:>7,}")


async def test_n_makes_one_step_and_e_ends_the_epoch() -> None:
    async with explorer() as driver:
        await driver.press("n")
        await driver.shows("step       1", "1 / 5,707")
        await driver.press("e")
        assert driver.link.of(Advance) == [Advance(steps=1), Advance(epochs=1)]


async def test_garbage_is_collected_from_the_first_frame_on() -> None:
    gc.disable()  # as the command line does
    try:
        async with explorer() as driver:
            await driver.until(gc.isenabled)
            assert gc.get_freeze_count(), "what was loaded is not looked at again"
    finally:
        gc.unfreeze()
        gc.enable()


async def test_keys_that_advance_add_up() -> None:
    async with explorer() as driver:
        await driver.press("n", "n", "n", "n", "n")
        await driver.shows("step       5")
        await driver.press("e", "e")
        await driver.until(lambda: driver.session.status and driver.session.status.target == 2 * 5_707)


async def test_gain_keys_select_lanes_at_the_same_clock() -> None:
    async with explorer() as driver:
        for key, gain in (("g", 3.0), ("G", 5 / 3), ("1", 0.5), ("2", 1.0), ("3", 5 / 3), ("4", 3.0)):
            await driver.press(key)
            assert driver.session.config.gain == gain
            select = driver.link.of(Select)[-1]
            assert isinstance(select, Select)
            assert select.lanes == (RunConfig(gain=gain),)


async def test_toggling_catches_up_and_toggling_back_is_instant() -> None:
    async with explorer() as driver:
        await driver.train(150)
        first = f"{std_at(RunConfig(), 1):.3f}"
        await driver.shows(first)
        await driver.press("b")
        await driver.shows("0.630", "grey: batch norm off")
        await driver.settled()
        assert driver.session.step == driver.session.clock
        driver.link.send = lambda command: None  # type: ignore[method-assign]  # the engine says nothing more
        await driver.press("b")
        assert first in driver.text
        assert "grey: batch norm on" in driver.text


async def test_catching_up_shows_progress_and_esc_interrupts() -> None:
    async with explorer() as driver:
        await driver.train(200)
        send = driver.link.send
        # One update and no more: else a slow machine sees the lane arrive before the key is pressed.
        driver.link.send = lambda command: None if isinstance(command, Credit) else send(command)  # type: ignore[method-assign]
        await driver.press("4")
        await driver.shows("catching up", "esc stops")
        await driver.press("escape")
        assert driver.link.of(Pause)
        driver.link.send = send  # type: ignore[method-assign]
        send(Credit())
        await driver.shows("space goes on")
        await driver.settled()
        assert driver.session.behind is not None


async def test_t_and_o_go_through_the_names() -> None:
    async with explorer() as driver:
        await driver.press("t")
        await driver.shows("linear 1")
        await driver.press("o")
        await driver.shows("momentum")
        assert driver.session.settings.optimizer == "momentum"


async def test_brackets_change_the_lr_without_a_restart() -> None:
    async with explorer() as driver:
        await driver.train(50)
        step = driver.session.step
        await driver.press("]")
        assert driver.link.of(Adjust) == [Adjust(name="lr", value=0.316)]
        await driver.settled()
        await driver.press("[", "[")
        await driver.settled()
        assert driver.session.settings.lr == 0.0316
        assert driver.session.step == step
        assert not driver.link.of(Restart)
        await driver.press("n")
        await driver.shows("lr 0.0316")


async def test_r_goes_back_and_capital_r_changes_the_seed() -> None:
    async with explorer() as driver:
        await driver.train(50)
        await driver.press("r")
        await driver.shows("step       0")
        assert driver.session.config.seed == RunConfig().seed
        await driver.settled()
        await driver.press("R")
        await driver.settled()
        assert driver.session.config.seed != RunConfig().seed
        assert driver.session.snapshot() is not None


async def test_views_are_on_tab_h_and_l() -> None:
    async with explorer() as driver:
        await driver.train(60)
        for key in ("tab", "l", "right", "tab", "l"):
            await driver.press(key)
        assert driver.screen.current is VIEWS[5 % len(VIEWS)]
        for key in ("shift+tab", "h", "left", "h", "h"):
            await driver.press(key)
        assert driver.screen.current is VIEWS[0]
        await driver.press("h")
        assert driver.screen.current is VIEWS[-1]


@pytest.mark.parametrize("size", SIZES)
async def test_every_view_draws(size: tuple[int, int]) -> None:
    expected = {
        "activations": "saturated",
        "activation-gradients": "to last",
        "weights": "log density",
        "weight-gradients": "× median",
        "update-data": "fine",
        "loss": "ln 27 = 3.296",
        "findings": "The loss starts at",
    }
    async with explorer(size=size) as driver:
        await driver.train(60)
        for view in VIEWS:
            assert driver.screen.current is view
            await driver.shows(view.title)
            if view.id in expected:
                await driver.shows(expected[view.id])
            await driver.press("tab")


async def test_d_asks_for_the_dev_loss() -> None:
    async with explorer() as driver:
        await driver.press("d")
        assert driver.link.of(Evaluate) == [Evaluate()]
        await driver.shows("2.3456")


async def test_z_maximises_the_view_and_back() -> None:
    async with explorer() as driver:
        await driver.press("z")
        await driver.until(lambda: "Config" not in driver.text)
        assert "tanh 1" in driver.text
        await driver.press("z")
        await driver.shows("Config", "Findings", "Training")


@pytest.mark.parametrize(("layers", "first"), [(5, 0), (12, 1)])
async def test_v_goes_through_the_forms_of_histograms(layers: int, first: int) -> None:
    forms = ["√density, own scale", "┇ theory ± std", "┌ tanh 1 ─", "━ tanh 1  ━ tanh"]
    async with explorer(RunConfig(hidden=(20,) * layers)) as driver:
        for press in range(5):
            here = forms[(first + press) % 4]
            await driver.shows(here)
            others = [form for form in forms[1:] if form != here]
            assert not any(form in driver.text for form in others)
            await driver.press("v")


async def test_comma_and_full_stop_move_through_time() -> None:
    async with explorer() as driver:
        for _ in range(3):
            await driver.press("n")
            await driver.settled()
        await driver.press("comma")
        await driver.shows("◀ step       2")
        await driver.press("comma")
        await driver.shows("◀ step       1")
        await driver.press("full_stop", "full_stop")
        await driver.shows("step       3")
        assert driver.session.pointer.past is None


async def test_the_table_of_many_layers_scrolls() -> None:
    async with explorer(RunConfig(hidden=(10,) * 60)) as driver:
        await driver.press("v")  # from the picture of the depth to panels, which leave the table room
        await driver.shows("1–", "of 60")

        def table() -> str:
            return driver.screen.view.sheet.text.partition("saturated")[2]

        assert "tanh 60 " not in table()
        while "–60 of 60" not in driver.text:
            await driver.press("pagedown")
        await driver.shows("–60 of 60")
        assert "tanh 60 " in table()
        await driver.press("pageup")
        assert "–60 of 60" not in driver.text


# ------------------------------------------------------------------------------------------- config pane


async def go_to(driver: Driver, name: str) -> None:
    """Put the cursor on a setting, with keys alone."""
    await driver.press("down")
    await driver.press("home")
    while driver.screen.config.setting.name != name:
        await driver.pilot.press("j")


@pytest.mark.parametrize("size", SIZES)
async def test_a_setting_is_typed_with_a_fraction(size: tuple[int, int]) -> None:
    async with explorer(size=size) as driver:
        await go_to(driver, "gain")
        await driver.press("enter")
        assert isinstance(driver.app.focused, Input)
        await driver.press(*"7/3", "enter")
        assert driver.session.config.gain == 7 / 3
        await driver.shows("7/3")
        assert not isinstance(driver.app.focused, Input)


async def test_layers_are_typed_in_either_way() -> None:
    async with explorer() as driver:
        await go_to(driver, "hidden")
        for text, hidden in (("3x50", (50,) * 3), ("20,30", (20, 30))):
            await driver.press("enter", *[{",": "comma"}.get(c, c) for c in text], "enter")
            await driver.settled()
            assert driver.session.config.hidden == hidden


async def test_a_wrong_value_is_told_and_the_old_one_kept() -> None:
    async with explorer() as driver:
        await go_to(driver, "gain")
        await driver.press("enter", *"abc", "enter")
        await driver.shows("'abc' is not a number")
        assert driver.session.config == RunConfig()
        assert isinstance(driver.app.focused, Input)
        await driver.press("escape")
        assert driver.screen.config.has_focus
        await driver.press("escape")
        assert driver.app.focused is None
        assert "'abc'" not in driver.text


async def test_keys_are_text_while_a_value_is_typed() -> None:
    async with explorer() as driver:
        await go_to(driver, "data")
        before = len(driver.link.of(Select)) + len(driver.link.of(Advance))
        await driver.press("enter", "space", "b", "r", "q", "tab", "g")
        field = driver.app.focused
        assert isinstance(field, Input)
        assert field.value == " brqg"
        assert driver.session.config == RunConfig()
        assert len(driver.link.of(Select)) + len(driver.link.of(Advance)) == before
        assert driver.screen.current is VIEWS[0]
        assert driver.app.is_running


async def test_arrows_change_a_setting_in_place() -> None:
    async with explorer() as driver:
        await go_to(driver, "bn")
        await driver.press("right")
        assert driver.session.config.bn
        await driver.press("left")
        assert not driver.session.config.bn
        await go_to(driver, "hidden")
        await driver.press("right")
        assert driver.session.config.hidden == (100,) * 8


async def test_every_setting_of_a_run_can_be_reached() -> None:
    async with explorer() as driver:
        await driver.press("down", "home")
        seen: set[str] = set()
        while driver.screen.config.setting.name not in seen:
            seen.add(driver.screen.config.setting.name)
            assert driver.screen.config.setting.label in driver.screen.config.sheet.text
            await driver.pilot.press("down")
        assert seen == set(RunConfig.__struct_fields__)


async def test_a_click_chooses_a_setting_and_its_marks_turn_it() -> None:
    async with explorer() as driver:
        sheet = driver.screen.config.sheet
        rows = sheet.text.splitlines()
        y = next(i for i, line in enumerate(rows) if line.strip().startswith("gain"))
        await driver.pilot.click(sheet, offset=(3, y))
        assert driver.screen.config.setting.name == "gain"
        await driver.pilot.click(sheet, offset=(sheet.size.width - 1, y))
        await driver.until(lambda: driver.session.config.gain == 2.0)


async def test_a_click_on_a_tab_shows_its_view() -> None:
    async with explorer() as driver:
        x = driver.screen.view.tabs.text.index("Weights")
        await driver.pilot.click("#tabs", offset=(x, 0))
        await driver.until(lambda: driver.screen.current.id == "weights")


async def test_a_click_in_the_footer_does_what_the_key_does() -> None:
    async with explorer() as driver:
        x = driver.screen.keys.text.index("batch norm")
        await driver.pilot.click("#keys", offset=(x, 0))
        await driver.until(lambda: driver.session.config.bn)


# ------------------------------------------------------------------------------------- layout, help, theme


@pytest.mark.parametrize("size", [(59, 24), (80, 15), (20, 5), (1, 1)])
async def test_a_window_too_small_says_so(size: tuple[int, int]) -> None:
    async with explorer(size=size) as driver:
        assert "Activations" not in driver.text
        if size[0] > 20:
            await driver.shows("too small")


async def test_growing_a_small_window_brings_everything_back() -> None:
    async with explorer(size=(40, 10)) as driver:
        await driver.pilot.resize_terminal(120, 40)
        await driver.shows("Config", "Training", "tanh 1", "Findings")
        await driver.pilot.resize_terminal(80, 24)
        await driver.shows("batch norm off", "tanh 1")
        await driver.until(lambda: "Config" not in driver.text)


async def test_help_tells_every_action_and_every_view() -> None:
    async with explorer(size=(120, 40)) as driver:
        await driver.press("question_mark")
        await driver.until(lambda: isinstance(driver.app.screen, HelpScreen))
        helper = driver.app.screen
        assert isinstance(helper, HelpScreen)
        await driver.until(lambda: helper.sheet.rows)
        text = helper.sheet.text
        for action in ACTIONS:
            assert action.description in text
        for view in VIEWS:
            assert f"How to read: {view.title}" in text
        await driver.press("escape")
        assert driver.app.screen is driver.screen


async def test_help_opens_again_at_its_top_and_at_the_width_there_is() -> None:
    async with explorer(size=(120, 40)) as driver:
        await driver.press("question_mark", "pagedown")
        helper = driver.app.screen
        assert isinstance(helper, HelpScreen)
        await driver.until(lambda: helper.scroll_area.scroll_y > 0, "scrolled")
        await driver.press("escape")
        await driver.pilot.resize_terminal(80, 24)
        await driver.press("question_mark")
        assert driver.app.screen is helper, "one screen serves all the time"
        await driver.shows("How to read: Activations")
        assert helper.scroll_area.scroll_y == 0
        assert {len("".join(span.text for span in line)) for line in helper.sheet.rows} <= set(range(75))
        assert max(len(line.rstrip()) for line in driver.text.splitlines()) <= 80


async def test_training_goes_on_behind_the_help() -> None:
    async with explorer() as driver:
        await driver.press("space", "question_mark")
        updates = driver.link.updates
        await driver.until(lambda: driver.link.updates > updates + 2)
        await driver.press("escape")
        await driver.until(lambda: f"step {driver.session.step:>7,}" in driver.text)


async def test_every_action_is_bound_and_there() -> None:
    async with explorer() as driver:
        for action in ACTIONS:
            name = action.do.partition("(")[0]
            assert hasattr(driver.screen, f"action_{name}"), action.id
            for key in action.keys:
                assert key in driver.screen.active_bindings or key in ("[", "]"), key


async def test_the_palette_knows_the_actions() -> None:
    async with explorer() as driver:
        titles = {command.title for command in driver.app.get_system_commands(driver.app.screen)}
        assert {"One epoch", "Batch norm", "New seed", "Theme"} <= titles


@pytest.mark.parametrize("theme", ["textual-light", "ansi-dark", "ansi-light"])
async def test_themes_draw(theme: str) -> None:
    async with explorer(theme=theme) as driver:
        await driver.train(40)
        await driver.shows("tanh 1", "ln 27")


async def test_without_colour_the_marks_remain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with explorer() as driver:
        await driver.train(40)
        await driver.press("tab", "tab", "tab", "tab")
        await driver.shows("output  ", "hidden 5", "embedding", "✓")


# ----------------------------------------------------------------------------------- flow, faults and the end


async def test_one_credit_is_granted_for_each_update() -> None:
    async with explorer() as driver:
        await driver.train(300)
        assert len(driver.link.of(Credit)) == driver.link.updates + 1


async def test_nothing_is_painted_while_nothing_changes() -> None:
    async with explorer() as driver:
        await driver.settled()
        painted: list[object] = []
        original = driver.screen.draw
        driver.screen.draw = lambda *a: (painted.append(a), original(*a))[1]  # type: ignore[method-assign,func-returns-value]
        for _ in range(20):
            await driver.pilot.pause(0.01)
        assert not painted
        assert driver.app._timer is None


async def test_only_rows_that_changed_are_painted() -> None:
    async with explorer() as driver:
        await driver.train(40)
        sheet = driver.screen.view.sheet
        kept = dict(sheet._strips)
        sheet.show(list(sheet.rows))
        assert sheet._strips == kept
        rows = list(sheet.rows)
        rows[3] = rows[4]
        sheet.show(rows)
        assert set(kept) - set(sheet._strips) == {3}


async def test_a_dead_engine_leaves_the_screen_and_e_restarts_it() -> None:
    links: list[FakeLink] = []

    def restart() -> FakeLink:
        links.append(FakeLink())
        return links[-1]

    async with explorer(restart=restart) as driver:
        await driver.train(150)
        step = driver.session.step
        driver.link.die("the engine was killed by signal 9; its log is /tmp/engine.log")
        await driver.shows("killed by signal 9", "/tmp/engine.log", "E restarts", "tanh 1")
        driver.link.send = lambda command: None  # type: ignore[method-assign]
        await driver.press("b", "b", "space")
        await driver.shows("no engine")
        await driver.press("E")
        driver.link = links[0]
        assert Advance(to=step) in driver.link.sent
        await driver.until(lambda: driver.session.clock == step)
        await driver.until(lambda: "killed" not in driver.text)
        await driver.settled()
        assert driver.session.step == step


async def test_a_problem_is_told_with_its_control_characters_visible() -> None:
    async with explorer() as driver:
        driver.link.problem("cannot read \x1b[31m[bold]x[/bold]")
        await driver.shows("cannot read ␛[31m[bold]x[/bold]")
        await driver.press("v")
        await driver.until(lambda: "cannot read" not in driver.text)


async def test_a_refused_lane_goes_back_to_the_one_before() -> None:
    async with explorer(link=FakeLink(refuses=3.0)) as driver:
        await driver.press("4")
        await driver.shows("there is no file of words")
        assert driver.session.config.gain == 5 / 3
        await driver.shows("tanh 1")


async def test_a_diverged_lane_is_marked_with_its_step() -> None:
    async with explorer(link=FakeLink(diverges_at=120)) as driver:
        await driver.press("space")
        await driver.shows("✗ diverged at step 120", "the loss is not finite")


async def test_quitting_mid_run_closes_the_link() -> None:
    async with explorer() as driver:
        await driver.press("space")
        await driver.until(lambda: driver.session.step > 40)
        await driver.press("q")
        await driver.until(lambda: driver.link.closed)
        await driver.until(lambda: driver.app.return_value == 0)
