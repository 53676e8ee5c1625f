"""Small pictures, and what views say of themselves."""

from __future__ import annotations

from tests.explorer import fake
from tuiinit.config.run import RunConfig
from tuiinit.explorer.compare.small import SMALLS
from tuiinit.session.changed import Changed
from tuiinit.views import VIEWS

BY_ID = {small.id: small for small in SMALLS}


def test_colours_stand_for_layers_or_matrices_or_need_no_legend() -> None:
    now = fake.snapshot(RunConfig(hidden=(20, 20)), 3)
    layers, matrices = [a.layer for a in now.activations], [w.name for w in now.weights]
    found = {small.id: list(small.names(now)) for small in SMALLS}
    assert found == {
        "activations": layers,
        "activation-gradients": layers,
        "weights": matrices[1:],
        "weight-gradients": matrices[1:],
        "update-data": matrices,
        "saturation": [],
        "depth": [],
        "loss": [],
    }
    marks = {small.id: list(small.marks(found[small.id])) for small in SMALLS}
    assert marks.pop("update-data") == ["e", "1", "2", "o"]
    assert not any(marks.values())


def test_what_shows_one_layer_alone_can_show_one_layer() -> None:
    assert [small.id for small in SMALLS if small.single] == ["saturation"]
    assert all(small.layered for small in SMALLS if small.single)


def test_a_view_of_closer_looks_is_drawn_when_one_comes() -> None:
    assert {view.id for view in VIEWS if view.inspects} == {"batch-norm", "saturation"}
    assert all(Changed.CLOSER in view.redraws_on for view in VIEWS if view.inspects)
