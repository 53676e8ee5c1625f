"""Messages made by hand: each field that a test does not name is there, and holds nothing that matters.

A new field of the protocol is known here without an edit, unless it matters to those who read it.
"""

from __future__ import annotations

import math
import typing
from functools import cache
from typing import Any, TypeVar

import msgspec

from tuiinit.stream.protocol import Activation, BatchNorm, Histogram, Snapshot, Weight

Made = TypeVar("Made", bound=msgspec.Struct)
EMPTY = Histogram(lo=-1, hi=1, counts=(), outside=0)


@cache
def _nothing(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """For each field its default, or what is empty of its type."""
    hints = typing.get_type_hints(kind)
    return {field.name: _empty(hints[field.name], field) for field in msgspec.structs.fields(kind)}


def _empty(hint: Any, field: msgspec.structs.FieldInfo) -> Any:
    if field.default is not msgspec.NODEFAULT:
        return field.default
    if hint is Histogram:
        return EMPTY
    if type(None) in typing.get_args(hint):
        return None
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint(**_nothing(hint))
    if typing.get_origin(hint) is typing.Literal:
        return typing.get_args(hint)[0]
    return (typing.get_origin(hint) or hint)()


def made(kind: type[Made], /, **fields: Any) -> Made:
    """A message of a kind with these fields."""
    return kind(**{**_nothing(kind), **fields})


def activation(layer: str = "tanh 1", **changes: Any) -> Activation:
    """Outputs of a layer of a hundred units as they should be."""
    values: dict[str, Any] = {
        "kind": layer.rsplit(" ", 1)[0],
        "width": 100,
        "std": 0.65,
        "saturated": 0.05,
        "grad_std": 3e-4,
        "grad_mean_abs": 2e-4,
    }
    return made(Activation, layer=layer, **{**values, **changes})


def weight(name: str = "hidden 1", **changes: Any) -> Weight:
    """A matrix between two such layers that learns as it should."""
    values: dict[str, Any] = {
        "shape": (100, 100), "std": 0.17, "grad_std": 1e-3, "grad_data_ratio": 0.01, "update_data_log10": -3.0,
    }  # fmt: skip
    return made(Weight, name=name, **{**values, **changes})


def batch_norm(layer: str, bias_grad_std: float | None) -> BatchNorm:
    """A batch norm of which only the bias before it is told."""
    return made(BatchNorm, layer=layer, bias_grad_std=bias_grad_std)


def snapshot(**changes: Any) -> Snapshot:
    """A network of three such layers after its first step."""
    values: dict[str, Any] = {
        "lane": "lane",
        "step": 1,
        "loss": 3.3,
        "initial_loss": 3.3,
        "expected_initial_loss": math.log(27),
        "parameters": 47024,
        "lr": 0.1,
        "batch_size": 32,
        "optimizer": "sgd",
        "logit_std": 0.07,
        "input_second_moment": 1.0,
        "activations": tuple(activation(f"tanh {n}") for n in (1, 2, 3)),
        "weights": tuple(map(weight, ("embedding", "hidden 1", "hidden 2", "output"))),
        "probe_rows": 1024,
        "cost": 0.001,
    }
    return made(Snapshot, **{**values, **changes})
