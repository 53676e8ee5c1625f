"""Which row and which matrix of a network are the same in another whose numbers have moved."""

from __future__ import annotations

import pytest

from tests.made import activation, made, snapshot, weight
from tuiinit.insight.counterparts import names_in, places_in
from tuiinit.stream.protocol import Snapshot, Vector

WITH_MATRIX = ("Linear", "Conv2d")


def network(*kinds: str, names: tuple[str, ...] = (), widths: tuple[int, ...] = ()) -> Snapshot:
    names = names or tuple(f"body.{i}" for i in range(len(kinds)))
    layers = [name for name, kind in zip(names, kinds, strict=True) if kind in WITH_MATRIX]
    shapes = widths or (8,) * len(layers)
    normed = [name for name, kind in zip(names, kinds, strict=True) if kind == "BatchNorm1d"]
    return snapshot(
        step=1,
        activations=tuple(activation(name, kind=kind) for name, kind in zip(names, kinds, strict=True)),
        weights=tuple(weight(f"{name}.weight", shape=(8, width)) for name, width in zip(layers, shapes, strict=True)),
        vectors=tuple(
            made(Vector, name=name) for name in (*(f"{n}.bias" for n in layers), *(f"{n}.bias" for n in normed))
        ),
    )


PLAIN = network("Linear", "ReLU", "Linear", "ReLU", "Linear")
NORMED = network("Linear", "BatchNorm1d", "ReLU", "Linear", "BatchNorm1d", "ReLU", "Linear")


def test_a_norm_moves_the_numbers_and_each_row_is_found_where_it_was() -> None:
    assert places_in(PLAIN, NORMED) == [0, -1, 1, 2, -1, 3, 4]
    assert places_in(NORMED, PLAIN) == [0, 2, 3, 5, 6]


def test_matrices_and_biases_go_with_their_rows_and_what_a_norm_has_is_nowhere() -> None:
    assert names_in(PLAIN, NORMED) == {
        "body.0.weight": "body.0.weight",
        "body.3.weight": "body.2.weight",
        "body.6.weight": "body.4.weight",
        "body.0.bias": "body.0.bias",
        "body.3.bias": "body.2.bias",
        "body.6.bias": "body.4.bias",
    }


@pytest.mark.parametrize(
    ("before", "now", "places"),
    [
        (PLAIN, network("Linear", "Tanh", "Linear", "Tanh", "Linear"), [0, 1, 2, 3, 4]),  # another activation
        (PLAIN, network("Linear", "ReLU", "Linear"), [0, 1, 2]),  # fewer layers
        # A projection that an Identity takes the place of moves nothing.
        (
            network("Linear", "Linear", "ReLU", names=("up", "proj", "act")),
            network("Linear", "Identity", "ReLU", names=("up", "proj", "act")),
            [0, 1, 2],
        ),
        (PLAIN, network("Linear", "ReLU", "Linear", "ReLU", "Linear", widths=(8, 9, 9)), [0, 1, 2, 3, 4]),
    ],
)
def test_else_names_tell(before: Snapshot, now: Snapshot, places: list[int]) -> None:
    assert places_in(before, now) == places
