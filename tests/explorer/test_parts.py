"""Parts of the screen that are pure: rows, tables, settings, keys; and what is imported."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest
from rich.cells import cell_len

from tests.explorer.fake import data_info
from tests.session.test_session import at, feed, status
from tuiinit.config.kinds import step_lr
from tuiinit.config.knobs import BY_NAME, SETTINGS
from tuiinit.config.run import RunConfig
from tuiinit.config.schedule import Change
from tuiinit.config.values import ConfigError
from tuiinit.explorer.layout import layout_for
from tuiinit.explorer.panes.bars import tabs_row
from tuiinit.explorer.panes.beneath import FIRST, beneath
from tuiinit.explorer.panes.config import LINES, strip_row
from tuiinit.explorer.panes.header import header_row
from tuiinit.explorer.panes.training import progress_row, training_rows
from tuiinit.explorer.sheets.sheet import changed_parts
from tuiinit.plots import Row
from tuiinit.plots.ink import Column, bar, beside, fit, number, percent, row, signed, table, visible, wrap
from tuiinit.session.actions import ACTIONS, EVERY, key_table
from tuiinit.session.session import Session
from tuiinit.stream.protocol import VERSION, Hello
from tuiinit.views import VIEWS, Page, View


def text(row_: Row) -> str:
    return "".join(span.text for span in row_)


@pytest.mark.parametrize("width", range(0, 30))
def test_rows_are_exactly_as_wide_as_asked(width: int) -> None:
    assert cell_len(text(row(width, "layer ", ("名前", 1), right=[("12.5 %", 2)]))) == width
    assert cell_len(fit("ein名前er", width)) == width
    assert cell_len("".join(t for t, _ in bar(0.37, width))) == width
    assert all(cell_len(line) <= width for line in wrap("update:data 2.5e-02 is too fast 名前名前名前名前", width))


def test_wrapping_keeps_every_word() -> None:
    sentence = "tanh 1 saturated 20.3 % (> 20 %); theory says 20.9"
    assert " ".join(wrap(sentence, 17)) == sentence


def test_numbers_stay_within_their_columns() -> None:
    values = (0, 0.00001, -0.00001, 0.5, 12.3456, 999.9, 1e4, -1e30, 1e-300, float("nan"), float("inf"), None)
    for value in values:
        assert len(number(value, 4)) <= 8
        assert len(signed(value)) <= 8
    assert number(2.27314, 4) == "2.2731"
    assert number(0.00002) == "2.0e-05"
    assert percent(0.203) == "20.3 %"


def test_a_table_leaves_out_the_columns_that_do_not_fit() -> None:
    columns = [Column("layer", 6, "<"), Column("std", 6), Column("theory", 6)]
    whole = table(columns, [["tanh 1", "0.75", "0.76"]], 24)
    assert text(whole.head) == " layer      std  theory "
    assert text(whole.body[0]) == " tanh 1    0.75    0.76 "
    narrow = table(columns, [["tanh 1", "0.75", "0.76"]], 20)
    assert text(narrow.head) == " layer      std    …", "a sign of what is left out"
    assert text(narrow.body[0]) == " tanh 1    0.75     "


def test_blocks_stand_side_by_side() -> None:
    joined = beside([row(3, "abc")], [row(2, "x"), row(2, "y")], 2, 3, 2)
    assert [text(line) for line in joined] == ["abcx ", "   y "]


def test_only_the_changed_parts_of_a_row_are_painted() -> None:
    before = row(40, ("loss ", 1), ("2.41", 2), (" " * 10, 1), ("dev ", 1), ("2.50", 2))
    assert changed_parts(before, before, 40) == []
    after = row(40, ("loss ", 1), ("2.38", 2), (" " * 10, 1), ("dev ", 1), ("2.51", 2))
    assert changed_parts(before, after, 40) == [(5, 9), (23, 27)]
    near = row(40, ("LOSS ", 1), ("2.41", 2), (" " * 10, 1), ("dev.", 1), ("2.51", 2))
    assert changed_parts(before, near, 40) == [(0, 5), (19, 27)]
    assert changed_parts(before, row(30, "x"), 40) == [(0, 30), (30, 40)]
    assert changed_parts((), before, 40) == [(0, 40)]


def test_control_characters_are_visible() -> None:
    assert visible("a\x1b[2J\nb\u202e") == "a␛[2J b\\u202e"


@pytest.mark.parametrize("width", [60, 79, 100, 120, 160])
def test_header_and_footers_fit_any_width(width: int) -> None:
    session = at(1001)
    session.take(data_info())
    assert cell_len(text(header_row(session, width))) == width
    assert "step   1,001" in text(header_row(session, width))
    assert cell_len(text(strip_row(RunConfig(hidden=(100,) * 200), width))) == width
    assert cell_len(text(progress_row(session, width))) == width
    for active in range(len(VIEWS)):
        line, places = tabs_row([view.title for view in VIEWS], active, width)
        assert cell_len(text(line)) == width
        start, end = places[active]
        assert text(line)[start:end].strip() == VIEWS[active].title


@pytest.mark.parametrize("width", [80, 100, 120])
def test_the_header_tells_a_speed_only_while_something_moves(width: int) -> None:
    session = at(1001)
    session.take(Hello(version=VERSION, program="0", torch="2.8.0", device="cpu", threads=1, pid=1))
    for running in (True, False):
        session.take(msgspec.structs.replace(status(RunConfig(), 1001), running=running, steps_per_second=412.0))
        header = text(header_row(session, width))
        assert ("412 steps/s" in header, "paused" in header) == (running, not running)
        assert ("measuring" in header) == (running and width >= 100)
    for speed, shown in ((0.43, "0.43"), (1.0, "1"), (3.14, "3.1"), (12.3, "12"), (4_200.0, "4,200")):
        session.take(msgspec.structs.replace(status(RunConfig(), 1001), running=True, steps_per_second=speed))
        assert f" {shown} steps/s" in text(header_row(session, width))


def test_beneath_a_picture_stands_what_is_grey_and_a_warning_once_it_is_old() -> None:
    session = at(1001)
    assert beneath(Session(RunConfig())).text == FIRST
    assert not beneath(session).text
    session.change("gain", 3.0)
    feed(session, RunConfig(gain=3.0), 1001)
    assert beneath(session) == ("grey: gain 5/3, step 1,001", False)
    session.pointer.colours = False  # as the bands' title says, and curves are drawn
    assert beneath(session) == ("dots: gain 5/3, step 1,001", False)
    session.pointer.colours = True
    feed(session, RunConfig(gain=3.0), 1002)
    assert beneath(session) == ("! grey is old, step 1,001: gain 5/3", True)
    session.pointer.colours = False
    assert beneath(session) == ("! dots are old, step 1,001: gain 5/3", True)


@pytest.mark.parametrize("step", [0, 1001])
@pytest.mark.parametrize("width", [60, 80, 99])
def test_one_line_of_numbers_leaves_room_for_what_stands_beneath_a_picture(step: int, width: int) -> None:
    session = at(step)
    session.take(data_info())
    line = text(training_rows(session, width, 2)[0])
    assert f"{session.look().snapshot.initial_loss:.4f}" in line  # type: ignore[union-attr]
    assert ("N guided tour" in line) == (step == 0)
    session.change("bn", True)
    feed(session, RunConfig(bn=True), step)
    assert (f"grey: batch norm off, step {step:,}" in text(training_rows(session, width, 2)[0])) == (
        width >= 80 or not step
    )


@pytest.mark.parametrize("size", [(118, 10), (60, 5), (78, 2), (40, 1)])
def test_the_training_pane_is_as_large_as_asked(size: tuple[int, int]) -> None:
    rows = training_rows(at(300), *size)
    assert len(rows) == size[1]
    assert all(cell_len(text(line)) == size[0] for line in rows)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.id)
@pytest.mark.parametrize("overlaid", [False, True])
def test_a_column_of_what_was_before_is_there_once_something_was(view: View, overlaid: bool) -> None:
    session = at(300)
    session.take(data_info())
    session.pointer.overlaid = overlaid
    assert "before" not in text(view.table(*session.sight(), 200).head)
    session.change("gain", 3.0)
    feed(session, RunConfig(gain=3.0), 300)
    head = text(view.table(*session.sight(), 200).head)
    wanted = view.compares and head.strip() and view.id not in ("over-time", "loss")
    assert ("before" in head) == bool(wanted), head


def test_where_there_is_little_room_a_caption_gives_way_to_its_picture() -> None:
    session = at(300)
    view = next(view for view in VIEWS if view.id == "initial-loss")
    for height in range(5, 12):
        page = Page(view, *session.sight(), 58, height)
        assert "too small" not in "".join(text(line) for line in page.rows), height


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.id)
@pytest.mark.parametrize("size", [(88, 24), (78, 18), (60, 9), (30, 4), (10, 2), (1, 1)])
def test_pages_are_as_large_as_asked(view: object, size: tuple[int, int]) -> None:
    session = at(300)
    session.change("gain", 3.0)
    feed(session, RunConfig(gain=3.0), 300)
    page = Page(view, *session.sight(), *size)  # type: ignore[arg-type]
    assert len(page.rows) == size[1]
    assert all(cell_len(text(line)) == size[0] for line in page.rows)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.id)
def test_views_without_a_snapshot_say_so(view: object) -> None:
    session = at(0)
    session.change("gain", 3.0)
    page = Page(view, *session.sight(), 80, 20)  # type: ignore[arg-type]
    assert len(page.rows) == 20


def test_the_activations_table_has_theory_beside_what_is_measured() -> None:
    session = at(0)
    session.pointer.form = "panels"
    page = Page(VIEWS[0], *session.sight(), 90, 24)
    line = next(text(r) for r in page.rows if text(r).startswith(" tanh 1"))
    # Measured by the fake; predicted for gain 5/3 and input variance 1.
    assert line.split()[2:4] == ["0.523", "0.759"]


def test_figures_beside_the_bands_have_theory_under_what_is_measured() -> None:
    page = Page(VIEWS[0], *at(0).sight(), 100, 24)
    lines = [text(r) for r in page.rows]
    assert lines[0].split()[-3:] == ["std", "saturated", "mean"]
    label = next(i for i, line in enumerate(lines) if line.startswith(" tanh 1 "))
    now, theory = (line.rpartition("│")[2].split() for line in lines[label - 1 : label + 1])
    assert now == ["0.523", "8.3", "%", "+0.010"]
    assert theory == ["0.759", "20.9", "%", "+0.000", "theory"]


@pytest.mark.parametrize("layers", [1, 5, 9, 10, 20, 50])
@pytest.mark.parametrize("view", VIEWS[:4], ids=lambda view: view.id)
def test_at_80_by_24_the_picture_has_14_rows(view: object, layers: int) -> None:
    # Header, settings, two rows of training, tabs, the gap below them and keys leave 17 rows of 80 x 24.
    config = RunConfig(hidden=(10,) * layers)
    session = Session(config)
    feed(session, config, 5)
    page = Page(view, *session.sight(), 78, 17)  # type: ignore[arg-type]
    assert sum(canvas.rows for canvas in page.plot.canvases) >= (14 if layers > 1 else 8)
    deep = "own scale · ┇" in page.plot.text or len(page.plot.canvases) == 1
    assert deep is (layers >= 10) or layers == 1


def test_layouts() -> None:
    assert layout_for(120, 40) == "full"
    assert layout_for(80, 24) == "compact"
    assert layout_for(60, 16) == "compact"
    assert layout_for(59, 16) == layout_for(60, 15) == "tiny"


def test_a_diverged_lane_says_where() -> None:
    session = at(40)
    session.take(status(session.config, 40, diverged_at=40))
    assert "diverged at step 40" in text(progress_row(session, 90))
    assert "diverged at step 40" in text(header_row(session, 120))


# ------------------------------------------------------------------------------------------------ settings


def test_every_field_of_a_run_is_a_setting() -> None:
    assert set(BY_NAME) == set(RunConfig.__struct_fields__)
    assert len(LINES) == len(SETTINGS) + 5


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: s.name)
def test_what_is_typed_reads_back(setting: object) -> None:
    config = RunConfig(gain=5 / 3, hidden=(100, 50))
    value = getattr(config, setting.name)  # type: ignore[attr-defined]
    assert setting.parse(setting.typed(config)) == value  # type: ignore[attr-defined]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: s.name)
def test_sensible_values_can_be(setting: object) -> None:
    config = RunConfig()
    for direction in (1, -1):
        value = setting.next(config, direction)  # type: ignore[attr-defined]
        if setting.name != "batch_size":  # type: ignore[attr-defined]
            config.replace(**{setting.name: value})  # type: ignore[attr-defined]


def test_a_schedule_is_typed_as_changes() -> None:
    setting = BY_NAME["schedule"]
    schedule = setting.parse("180000:optimizer=adam, 150000:lr=0.01,")
    assert schedule == (Change(150_000, "lr", 0.01), Change(180_000, "optimizer", "adam"))
    assert setting.typed(RunConfig(schedule=schedule)) == "150000:lr=0.01, 180000:optimizer=adam"
    assert setting.text(RunConfig()) == "none"
    assert setting.parse("") == ()
    with pytest.raises(ConfigError):
        setting.parse("150000:gain=3")


def test_lr_goes_in_steps_of_root_ten_and_back() -> None:
    lr, seen = 0.1, []
    for direction in (1, 1, -1, -1, -1, -1):
        lr = step_lr(lr, direction)
        seen.append(lr)
    assert seen == [0.316, 1.0, 0.316, 0.1, 0.0316, 0.01]
    assert step_lr(0.0, 1) > 0


def test_words_that_are_no_values_are_refused() -> None:
    for name, typed in (("context", "2.5"), ("bn", "perhaps"), ("gain", "5/0"), ("hidden", "0x10")):
        with pytest.raises(ConfigError):
            BY_NAME[name].parse(typed)


# ----------------------------------------------------------------------------------------------------- keys


def test_no_key_does_two_things() -> None:
    keys = [key for action in ACTIONS for key in action.keys]
    assert len(keys) == len(set(keys))
    assert len({action.id for action in ACTIONS}) == len(ACTIONS)


def test_the_key_table_tells_every_action() -> None:
    lines = key_table().splitlines()
    assert len(lines) == len(EVERY) + 2
    assert "| `g` | Next gain: select the next of gain 0.5, 1, 5/3, 3 |" in lines


# -------------------------------------------------------------------------------------------------- imports


def test_the_screen_loads_neither_torch_nor_plotext() -> None:
    code = (
        "import sys, tuiinit.explorer.app, tuiinit.explorer.dialogs.help;"
        "print(sorted({'torch', 'plotext', 'matplotlib', 'tuiinit.engine'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
