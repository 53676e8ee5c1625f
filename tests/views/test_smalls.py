"""Small pictures, and what views say of themselves."""

from __future__ import annotations

from tests.explorer import fake
from tuiinit.config.run import RunConfig
from tuiinit.session.changed import Changed
from tuiinit.views import VIEWS

SMALLS = {view.id: view.small for view in VIEWS if view.small is not None}


def test_colours_stand_for_layers_or_matrices_or_need_no_legend() -> None:
    now = fake.snapshot(RunConfig(hidden=(20, 20)), 3)
    layers, matrices = [a.layer for a in now.activations], [w.name for w in now.weights]
    found = {name: list(small.names(now)) for name, small in SMALLS.items()}
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
    marks = {name: list(small.marks(found[name])) for name, small in SMALLS.items()}
    assert marks.pop("update-data") == ["e", "1", "2", "o"]
    assert not any(marks.values())


def test_what_shows_one_layer_alone_can_show_one_layer() -> None:
    assert [name for name, small in SMALLS.items() if small.single] == ["saturation"]
    assert all(small.layered for small in SMALLS.values() if small.single)


def test_a_view_of_closer_looks_is_drawn_when_one_comes() -> None:
    assert {view.id for view in VIEWS if view.inspects} == {"batch-norm", "saturation"}
    assert all(Changed.CLOSER in view.redraws_on for view in VIEWS if view.inspects)
