"""Small pictures, and what views say of themselves."""

from __future__ import annotations

import pytest

from tests.explorer import fake
from tests.views.foreign import gpt, gpt_matrices, look, matrix, row
from tuiinit.config.run import RunConfig
from tuiinit.insight.look import Look
from tuiinit.session.changed import Changed
from tuiinit.stream.history import LaneHistory
from tuiinit.views import VIEWS
from tuiinit.views.by_line import middle
from tuiinit.views.saturation import saturated
from tuiinit.views.small import Axes, Choice

SMALLS = {view.id: view.small for view in VIEWS if view.small is not None}


def test_a_legend_tells_heights_or_curves_or_is_not_needed() -> None:
    now = fake.snapshot(RunConfig(hidden=(20, 20)), 3)
    found = {
        name: ["".join(span.text for span in row).strip() for row in small.legend(now, Choice(), 100)]
        for name, small in SMALLS.items()
    }
    own = "each layer on its own scale · ◂ ▸ it goes on beyond the axis"
    assert found == {
        "activations": [f"√density, {own}"],
        "activation-gradients": [f"√density, {own}"],
        "weights": [f"log density, {own}"],
        "weight-gradients": [f"log density, {own}"],
        "update-data": ["e embedding  1 hidden 1  2 hidden 2  o output"],
        "saturation": ["down: examples · across: neurons · filled: saturated · ×: dead"],
        "depth": [],
        "loss": [],
    }


def test_what_shows_one_layer_alone_can_show_one_layer() -> None:
    assert [name for name, small in SMALLS.items() if small.single] == ["saturation"]
    assert all(small.layered for small in SMALLS.values() if small.single)


def test_a_view_of_closer_looks_is_drawn_when_one_comes() -> None:
    assert {view.id for view in VIEWS if view.inspects} == {"batch-norm", "saturation"}
    assert all(Changed.CLOSER in view.redraws_on for view in VIEWS if view.inspects)


def test_small_pictures_of_hundreds_of_rows_and_of_hardly_any() -> None:
    one = look(gpt(1)[:1], [matrix("only.weight", shape=(3, 3, 3))])
    for seen in (look(gpt(100), gpt_matrices(100)), one, look([row("a", "Linear")])):
        for view in VIEWS:
            if view.small is None:
                continue
            axes = view.small.axes([seen], Choice())
            plot = view.small.plot(seen, axes, Choice(), 56, 14, y_labels=True)
            assert [sum(len(span.text) for span in line) for line in plot.rows] == [56] * 14
            for layer in (None, 0, 7):
                view.small.figures(seen, layer)
    seen, small = look(gpt(100)), VIEWS[0].small
    assert small is not None
    plot = small.plot(seen, small.axes([seen], Choice()), Choice(), 56, 14, y_labels=True)
    assert "502 rows" in plot.text


@pytest.mark.parametrize(("width", "height"), [(28, 13), (17, 6), (110, 30), (12, 4), (2, 3), (0, 0)])
def test_a_small_picture_of_saturation_has_a_frame_around_the_cells_that_are_filled(width: int, height: int) -> None:
    config = RunConfig(hidden=(20, 30))
    history, now = LaneHistory(None, config), fake.snapshot(config, 3)
    history.take(now, keep=True)
    plot = SMALLS["saturation"].plot(Look.of(history), Axes(), Choice(layer=1), width, height, y_labels=False)
    rows = plot.text.split("\n") if height else []
    assert [len(row) for row in rows] == [width] * height
    if width > 2 and height > 3:
        assert {row[0] + row[-1] for row in rows[1:-1]} == {"││"}
        shown = saturated(now.activations[1])[: 2 * (height - 3), : width - 2]
        filled = "".join(rows)
        assert filled.count("▀") + filled.count("▄") + 2 * filled.count("█") == shown.sum() > 0


def test_rows_and_matrices_of_one_prefix_are_told_apart_by_how_their_names_end() -> None:
    rows = [row(f"body.{i}", "relu" if i % 2 else "Linear") for i in range(7)]
    seen = look([*rows, row("head", "Linear")], [matrix(f"body.{i}.weight") for i in range(0, 7, 2)])
    for name, ends in (("activations", "0123456"), ("weights", "0246")):
        small = SMALLS[name]
        text = small.plot(seen, small.axes([seen], Choice()), Choice(), 40, 24, y_labels=True).text
        labels = [line[:6].strip(" │") for line in text.splitlines()]
        assert [label for label in labels if label.startswith("…")] == [f"…y.{end}" for end in ends]


def test_a_name_that_is_cut_loses_what_tells_nothing_apart_first() -> None:
    assert middle("body.12.weight", 14) == "body.12.weight"
    assert middle("body.12.weight", 9) == "body.12"
    assert middle("h.10.attn.c_proj.weight", 12).endswith("c_proj")
    assert middle("h.10.attn.c_proj.bias", 12).endswith(".bias")
