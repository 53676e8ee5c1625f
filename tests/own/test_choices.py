"""Annotations name the values of a parameter; the engine tells them, and takes nothing else."""

from __future__ import annotations

from enum import Enum
from typing import Literal, Optional

import pytest

from tuiinit.engine.own.target import Knob, OwnError, knobs, settings


class Act(Enum):
    relu = 1
    tanh = 2


def build(
    act: Literal["relu", "tanh"] = "relu",
    heads: Literal[1, 2, 4] = 2,
    kind: Act = Act.tanh,
    norm: Optional[Literal["batch", "layer"]] = None,  # noqa: UP045
    depth: int = 3,
    data: NoSuchName | None = None,  # type: ignore[name-defined]  # noqa: F821
) -> None: ...


def test_an_annotation_that_cannot_be_read_names_no_values() -> None:
    assert [knob.choices for knob in knobs(build)] == [()] * 6


def test_the_values_of_a_literal_and_an_enum_are_told() -> None:
    def other(
        act: Literal["relu", "tanh"] = "relu",
        heads: Literal[1, 2, 4] = 2,
        kind: Act = Act.tanh,
        norm: Optional[Literal["batch", "layer"]] = None,  # noqa: UP045
        depth: int = 3,
    ) -> None: ...

    assert knobs(other) == (
        Knob("act", "relu", "str", ("relu", "tanh")),
        Knob("heads", 2, "int", (1, 2, 4)),
        Knob("kind", "tanh", "str", ("relu", "tanh")),
        Knob("norm", None, "any", ("batch", "layer")),
        Knob("depth", 3, "int"),
    )
    chosen = settings(other, {"act": "tanh", "heads": "4", "kind": "relu", "norm": "Layer", "depth": "5"})
    assert chosen == {"act": "tanh", "heads": 4, "kind": Act.relu, "norm": "layer", "depth": 5}
    with pytest.raises(OwnError, match="act must be one of relu, tanh, not 'silu'"):
        settings(other, {"act": "silu"})
