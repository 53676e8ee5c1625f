"""Biases, gammas and betas in the tables of the weights, and on wish in the plot of their updates."""

from __future__ import annotations

import msgspec
import pytest

from tests.explorer import fake
from tests.session.test_session import at
from tuiinit.config.run import RunConfig
from tuiinit.plots import Role
from tuiinit.session.session import Session
from tuiinit.stream.protocol import Units, Vector
from tuiinit.views import VIEWS
from tuiinit.views.base import Page
from tuiinit.views.vectors import update_curves

BY_ID = {view.id: view for view in VIEWS}
NAMES = ("hidden 1 gamma", "hidden 1 beta", "output beta")


def vector(name: str, step: int) -> Vector:
    """One whose ratio tells the step; gammas never move."""
    still = name.endswith("gamma")
    return Vector(
        name=name,
        shape=(37,),
        mean=1.0,
        std=0.0 if still else 0.0625,
        grad_std=4.5e-6,
        update_data_log10=None if still or not step else -step / 10,
    )


def session(steps: tuple[int, ...] = (1, 2, 5)) -> Session:
    config = RunConfig(hidden=(8, 8), bn=True)
    shown = at(0, config)
    shape = msgspec.structs.replace(fake.shape(config), vectors=tuple(Units(name=name, width=37) for name in NAMES))
    shown.take(msgspec.structs.replace(fake.lane(config), shape=shape))
    for step in steps:
        vectors = tuple(vector(name, step) for name in NAMES)
        shown.take(msgspec.structs.replace(fake.snapshot(config, step), vectors=vectors))
    return shown


def text(shown: Session, view: str, width: int = 90) -> list[str]:
    page = Page(BY_ID[view], *shown.sight(), width, 40)
    return ["".join(span.text for span in row) for row in page.rows]


@pytest.mark.parametrize(
    ("view", "figures"),
    [
        ("weights", ["37", "+1.0000", "6.2e-02"]),
        ("weight-gradients", ["4.5e-06"]),
        ("update-data", ["-0.50", "3.2e-01"]),
    ],
)
@pytest.mark.parametrize("width", [78, 118])
def test_tables_have_the_vectors_after_the_matrices(view: str, figures: list[str], width: int) -> None:
    rows = text(session(), view, width)
    places = [next(i for i, row in enumerate(rows) if name in row) for name in ("output  ", *NAMES)]
    assert places == sorted(places)
    beta = next(row for row in rows if "hidden 1 beta" in row)
    assert all(figure in beta for figure in figures)
    assert ("37" in beta) or width < 80  # a shape gives way to theory and redraws


def test_what_has_no_ratio_is_a_dash() -> None:
    gamma = next(row for row in text(session(), "update-data") if "hidden 1 gamma" in row)
    assert "–" in gamma
    assert "0.0" not in gamma


def test_vectors_updates_are_drawn_on_wish_only() -> None:
    shown = session()
    view = BY_ID["update-data"]

    def drawn() -> list[str]:
        return [curve.name for canvas in view.plot(*shown.sight(), 90, 20).canvases for curve in canvas.shown]

    assert [(c.name, list(c.x), [round(float(y), 2) for y in c.y]) for c in update_curves(shown.look())] == [
        (name, [1, 2, 5], [-0.1, -0.2, -0.5]) for name in NAMES[1:]
    ]
    assert not set(NAMES) & set(drawn())
    shown.pointer.overlaid = True
    assert set(NAMES[1:]) <= set(drawn())
    assert any("β" in row for row in text(shown, "update-data"))
    shown.pointer.overlaid = False
    assert not any("β" in row for row in text(shown, "update-data"))


def test_a_recording_without_vectors_has_its_tables_as_before() -> None:
    shown = at(5, RunConfig(hidden=(8, 8)))
    shown.take(fake.snapshot(shown.config, 5))
    for view in ("weights", "weight-gradients", "update-data"):
        assert not any("bias" in row for row in text(shown, view))
    shown.pointer.overlaid = True
    assert update_curves(shown.look()) == []
    assert Role.PREVIOUS not in {
        span.role for row in BY_ID["update-data"].plot(*shown.sight(), 90, 20).rows for span in row
    }
