"""Lanes that this program did not build, of any number of rows and matrices, for the tests of views."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.made import activation, snapshot, weight
from tuiinit.insight.look import Look
from tuiinit.session.pointer import Pointer
from tuiinit.stream.history import LaneHistory
from tuiinit.stream.protocol import Activation, Histogram, MatrixShape, RowShape, Shape, Trace, Weight
from tuiinit.views import VIEWS, Page

BY_ID = {view.id: view for view in VIEWS}
BINS = 40
NORMAL = tuple(int(1000 * math.exp(-0.5 * z * z)) for z in np.linspace(-3, 3, BINS))
BLOCK = (("norm1", "LayerNorm"), ("qkv", "Linear"), ("fc", "Linear"), ("gelu", "gelu"), ("out", "Linear"))


def normal(std: float) -> Histogram:
    return Histogram(lo=-3 * std, hi=3 * std, counts=NORMAL, outside=0.0)


def row(name: str, kind: str, std: float = 1.0, grad: float = 1e-3, **changes: Any) -> Activation:
    known: dict[str, Any] = {"histogram": normal(std), "grad_histogram": normal(grad), "dead": ()}
    return activation(name, kind=kind, std=std, grad_std=grad, **{"saturated": math.nan, **known, **changes})


def matrix(name: str, std: float = 0.02, update: float | None = -3.0, **changes: Any) -> Weight:
    histograms = {"histogram": normal(std), "grad_histogram": normal(std / 10)}
    return weight(name, std=std, update_data_log10=update, **{"shape": (64, 64), **histograms, **changes})


def gpt(blocks: int) -> list[Activation]:
    """Rows whose std is that of their block: 1.00, 1.01, …"""
    inner = [row(f"h.{i}.{name}", kind, 1 + i / 100) for i in range(blocks) for name, kind in BLOCK]
    return [row("wte", "Embedding", 0.02), *inner, row("head", "Linear", 0.5)]


def gpt_matrices(blocks: int) -> list[Weight]:
    inner = [matrix(f"h.{i}.{name}.weight", 0.02 + i / 1000) for i in range(blocks) for name in ("qkv", "fc", "out")]
    return [matrix("wte.weight"), *inner, matrix("head.weight", shape=(65, 64))]


def look(
    rows: Sequence[Activation], matrices: Sequence[Weight] = (), steps: Sequence[int] = (1, 10), **more: Any
) -> Look:
    """A watched lane whose snapshots are all alike; update:data is told at the measured steps alone."""
    shape = Shape(
        rows=tuple(RowShape(name=a.layer, kind=a.kind, shape=(a.width,)) for a in rows),
        matrices=tuple(MatrixShape(name=w.name, shape=w.shape) for w in matrices),
    )
    history = LaneHistory(shape)
    for step in steps:
        values = {
            "activations": tuple(rows),
            "weights": tuple(matrices),
            "expected_initial_loss": None,
            "probe_rows": 0,
        }
        history.take(snapshot(step=step, **{**values, **more}), True)
        ratios = [math.nan if (r := w.update_data_log10) is None else r for w in matrices]
        packed = struct.pack(f"<{len(ratios)}f", *ratios)
        history.take(Trace(lane="lane", first_step=step, loss=struct.pack("<f", 3.0), update_data=packed))
    return Look.of(history)


def page(view: str, seen: Look, pointer: Pointer | None = None, size: tuple[int, int] = (88, 24)) -> list[str]:
    rows = Page(BY_ID[view], seen, None, pointer or Pointer(), *size).rows
    assert len(rows) == size[1]
    return ["".join(span.text for span in one) for one in rows]
