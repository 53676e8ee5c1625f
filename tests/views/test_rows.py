"""Lanes of hundreds of rows: folded by block, filtered, walked; views that make no sense say so."""

from __future__ import annotations

import math

import pytest

from tests.made import EMPTY
from tests.views.foreign import BY_ID, gpt, gpt_matrices, look, matrix, page, row
from tuiinit.insight.look import Look
from tuiinit.session.pointer import Pointer
from tuiinit.views import VIEWS
from tuiinit.views.labels import labels

SIZES = [(88, 24), (80, 19), (118, 36)]
LONG = "a.very." + "long." * 25 + "name.that.ends"
GPT = look(gpt(12), gpt_matrices(12))
HUNDREDS = look(gpt(100), gpt_matrices(100))
RELU = look([row(f"{i}", "relu" if i % 2 else "Linear", saturated=0.3 if i % 2 else math.nan) for i in range(12)])


def walk(view: str, seen: Look, pointer: Pointer, by: int) -> None:
    pointer.walk(BY_ID[view].lines(seen, pointer), by)


def line(rows: list[str], text: str) -> str:
    return next(one for one in rows if text in one)


@pytest.mark.parametrize("size", SIZES)
def test_blocks_that_are_alike_are_one_line_with_the_range_of_their_figures(size: tuple[int, int]) -> None:
    rows = page("activations", GPT, size=size)
    alike = [one for one in rows if "h.0 … h.11 (12 alike)" in one]
    assert len(alike) == 1
    assert "1.000…1.110" in alike[0]
    assert not any("h.3.fc" in one for one in rows)


@pytest.mark.parametrize("size", SIZES)
def test_enter_opens_the_blocks_then_a_place_in_them_and_closes_again(size: tuple[int, int]) -> None:
    pointer, view = Pointer(), BY_ID["activations"]
    closed = view.lines(GPT, pointer)
    pointer.walk(closed, 1)
    assert pointer.turn_fold(closed)
    opened = view.lines(GPT, pointer)
    assert [one.title for one in opened.all][1:7] == [
        "h.0 … h.11 (12 alike)", "norm1 × 12", "qkv × 12", "fc × 12", "gelu × 12", "out × 12",
    ]  # fmt: skip
    pointer.walk(opened, 3)  # fc
    rows = page("activations", GPT, pointer, size)
    assert "▸" in line(rows, "fc × 12")
    assert line(rows, "fc × 12 in h.0 … h.11")  # the picture is of those rows
    assert pointer.turn_fold(opened)
    inner = view.lines(GPT, pointer)
    fc = [f"h.{i}.fc" for i in range(12)]
    assert [one.title for one in inner.all][5:17] == fc
    pointer.walk(inner, 4)
    assert GPT.snapshot is not None
    assert GPT.snapshot.activations[pointer.layer].layer == "h.3.fc"
    assert pointer.turn_fold(inner)  # closes the place around the row
    assert view.lines(GPT, pointer) == opened
    assert opened.all[opened.at(pointer.layer, pointer.fold)].title == "fc × 12"
    walk("activations", GPT, pointer, -3)
    assert pointer.turn_fold(opened)
    assert view.lines(GPT, pointer) == closed


def test_a_filter_lets_names_and_kinds_through_and_stays_on_the_screen() -> None:
    pointer = Pointer(text="LINEAR fc")
    for view in ("activations", "activation-gradients", "depth", "over-time"):
        rows = page(view, GPT, pointer)
        assert "12 of 62 shown" in line(rows, "/LINEAR fc")
    lines = BY_ID["activations"].lines(GPT, pointer)
    assert [one.title for one in lines.all] == [f"h.{i}.fc" for i in range(12)]
    labels = [one.split("│")[0].strip(" ▸") for one in page("activations", GPT, pointer)[1:19]]
    assert [label for label in labels if label] == [f"h.{i}.fc" for i in range(12)]
    walk("activations", GPT, pointer, 5)
    assert GPT.snapshot is not None
    assert GPT.snapshot.activations[pointer.layer].layer == "h.5.fc"
    rows = page("weights", GPT, Pointer(text="qkv"))
    assert "12 of 38 shown" in line(rows, "/qkv")
    assert not any("wte" in one for one in rows)


def test_nothing_that_passes_the_filter_is_said() -> None:
    for view in VIEWS:
        rows = page(view.id, GPT, Pointer(text="nowhere"))
        if "/nowhere" in "".join(rows) and not view.out_of_place(GPT) and view.id not in ("loss", "findings"):
            assert any("no row with these words" in one for one in rows), view.id


@pytest.mark.parametrize("size", SIZES)
def test_the_picture_of_the_depth_tells_blocks_and_how_many_rows_share_a_line(size: tuple[int, int]) -> None:
    rows = page("activations", HUNDREDS, size=size)
    assert "502 rows, ≤" in rows[0]
    labels = [one.split("│")[0].split("◂")[0].strip() for one in rows[1:9]]
    assert labels[0] == "▸wte"
    numbers = [int(label.removeprefix("h.")) for label in labels[1:]]
    assert numbers == sorted(set(numbers))
    walked = Pointer(layer=250)
    assert "▸h.49.out" in "".join(page("activations", HUNDREDS, walked, size))


def test_ridges_are_of_the_rows_around_the_one_pointed_at() -> None:
    rows = page("activations", HUNDREDS, Pointer(layer=252, form="ridges"), (118, 36))
    assert "of 502 rows" in rows[0]
    labels = [label for one in rows[1:22] if (label := one.split("│")[0].strip())]
    assert labels == ["h.49.qkv", ".fc", ".gelu", ".out", "h.50.norm1", "▸ .qkv", ".fc"]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("form", ["ridges", "depth", "panels", "overlaid"])
def test_odd_rows_are_drawn_as_well_as_can_be(form: str, size: tuple[int, int]) -> None:
    odd = [
        row("nan", "Linear", math.nan, math.nan, mean=math.nan, histogram=EMPTY, grad_histogram=EMPTY),
        row("no gradient", "Linear", 1.0, math.nan, grad_mean=math.nan, grad_histogram=EMPTY),
        row("scalar", "Linear", 0.0, 0.0, width=1),
        row(LONG, "Linear"),
        row("b\x1b[31m", "R\x07"),
    ]
    rows_of = {"few": odd, "one": odd[3:4], "all nan": odd[:1], "many": odd * 100}
    for rows in rows_of.values():
        seen = look(rows, [matrix("c.weight", shape=(16, 3, 3, 3)), matrix("d", math.nan, None, grad_std=math.nan)])
        for view in VIEWS:
            for text in page(view.id, seen, Pointer(form=form), size):
                assert len(text) == size[0], (view.id, text)
                assert text.isprintable()
    assert any("…" in one and "at.ends" in one for one in page("activations", look(odd), size=size))


def test_figures_that_nobody_knows_have_no_column() -> None:
    head = line(page("activations", GPT), "layer  ")
    assert "std" in head
    assert "kind" in head
    assert not any(word in head for word in ("theory", "redraws", "before", "dead", "saturated"))
    assert "saturated" in line(page("activations", RELU), "√density")


def test_views_that_make_no_sense_say_so() -> None:
    without = {view.id for view in VIEWS if view.out_of_place(GPT)}
    assert without == {"saturation", "batch-norm", "initial-loss"}
    for view in without:
        assert BY_ID[view].out_of_place(GPT).split(".")[0] in " ".join(" ".join(page(view, GPT)).split())
    assert "saturation" not in {view.id for view in VIEWS if view.out_of_place(RELU)}
    no_matrix = {view.id for view in VIEWS if view.out_of_place(look(gpt(1)))}
    assert no_matrix == without | {"weights", "weight-gradients", "update-data"}
    assert not any(view.out_of_place(look([], [], ())) for view in VIEWS)  # nothing is known yet


def test_saturation_is_of_the_rows_that_can() -> None:
    lines = BY_ID["saturation"].lines(RELU, Pointer())
    assert [one.title for one in lines.all] == ["1", "3", "5", "7", "9", "11"]
    assert "30.0 %" in line(page("saturation", RELU), "▸")


def test_updates_of_many_matrices_are_a_band_with_the_outliers_named() -> None:
    matrices = [*gpt_matrices(12), matrix("stuck.weight", update=-7.0), matrix("torn.weight", update=-0.5)]
    seen = look(gpt(12), matrices)
    rows = page("update-data", seen)
    assert "median of 40" in "".join(rows)
    named = next(one for one in rows if "stuck.weight" in one)
    assert "torn.weight" in named
    assert "▸ wte.weight" in named
    plot = BY_ID["update-data"].plot(seen, None, Pointer(), 88, 16)
    median = next(curve for canvas in plot.canvases for curve in canvas.shown if curve.name == "median")
    assert [float(part[-1]) for part in (median.low, median.y, median.high)] == [-7.0, -3.0, -0.5]


def test_few_matrices_have_a_curve_each() -> None:
    plot = BY_ID["update-data"].plot(look(gpt(1), gpt_matrices(1)), None, Pointer(), 88, 16)
    assert {curve.name for canvas in plot.canvases for curve in canvas.shown} >= {"wte.weight", "h.0.qkv.weight"}


def test_what_was_before_is_of_the_row_of_the_same_name() -> None:
    """A norm that is switched on moves all rows behind it by one place."""
    without = look([row("a", "Linear", 0.25), row("b", "Linear", 0.75)])
    seen = look([row("a", "Linear", 1.0), row("norm", "BatchNorm1d", 1.0), row("b", "Linear", 1.0)])
    for view in ("activations", "depth"):
        table = BY_ID[view].table(seen, without, Pointer(), 200)
        body = ["".join(span.text for span in one) for one in table.body]
        assert ["0.250" in body[0], "0.750" in body[0]] == [True, False], view
        assert not any(text in body[1] for text in ("0.250", "0.750")), view
        assert "0.750" in body[2], view


def test_rows_of_no_block_have_their_names_where_two_share_a_line() -> None:
    """`body.0`, `body.1`, …: without a block to name, a blank would leave nothing to tell the lines by."""
    assert labels([f"body.{i}" for i in range(5)], [0, 2, 4], 3, 20) == ["body.0", "▸body.3", "body.4"]
    assert labels(["tok", "h.0.a", "h.0.b", "h.1.a", "h.1.b", "out"], [0, 2, 4], None, 20) == ["tok", "h.1", "out"]
    seen = look([row(f"body.{i}", "relu" if i % 2 else "Linear") for i in range(24)])
    shown = [one for one in page("activations", seen, size=(88, 24)) if "│" in one]
    assert sum("body." in one for one in shown) >= 12


def test_figures_beside_the_pictures_stand_in_their_columns_however_small() -> None:
    small = look([row("a", "Linear", 12.5), row("b", "Linear", 4.2e-4), row("c", "Linear", 3e-12)])
    shown = [one for one in page("activations", small, size=(100, 24)) if "│" in one]
    ends = [one.index("+0.000") for one in shown if "+0.000" in one]
    assert len(ends) == 3
    assert len(set(ends)) == 1


@pytest.mark.parametrize("at", [0, 5, 6, 11, 12, 23, 24])
def test_a_line_that_two_rows_share_is_named_after_the_one_whose_figures_stand_beside_it(at: int) -> None:
    seen = look([row(f"body.{i}", "relu" if i % 2 else "Linear", 1 + i / 100) for i in range(25)])
    pointer = Pointer()
    walk("activations", seen, pointer, at)
    lines = [one for one in page("activations", seen, pointer, size=(88, 24)) if "body." in one and "│" in one]
    told = {int(one.split("body.")[1].split()[0]): float(one.rsplit("│", 1)[1].split()[0]) for one in lines}
    assert len(told) > 15
    assert at in told
    assert 24 in told
    assert told == {i: pytest.approx(1 + i / 100) for i in told}
