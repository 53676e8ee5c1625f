"""Statistics, histograms, saturation and dead units against brute force."""

from __future__ import annotations

from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from torch import Tensor

from tests.engine.conftest import Make
from tuiinit.config.nonlinearities import NONLINEARITIES, RANGES, Range
from tuiinit.config.run import RunConfig
from tuiinit.engine.trainer import Trainer
from tuiinit.measure import records as probe
from tuiinit.measure.fetch import Fetch
from tuiinit.stream.protocol import Activation, Histogram, RowShape, Weight


def check_histogram(histogram: Histogram, values: Tensor) -> None:
    """Counts are numpy's, but for values that float32 puts on the other side of a bin's edge."""
    data = values.numpy().astype(float).ravel()
    edges = np.linspace(histogram.lo, histogram.hi, len(histogram.counts) + 1)
    wanted, _ = np.histogram(data, edges)
    width = edges[1] - edges[0]
    near = np.array([(np.abs(data - edge) < 1e-3 * width).sum() for edge in edges])
    below = (data < histogram.lo).sum()
    counted = np.concatenate([[0], np.cumsum(histogram.counts)])
    expected = np.concatenate([[0], np.cumsum(wanted)])
    assert (np.abs(counted - expected) <= near + near[0]).all()
    assert histogram.outside == pytest.approx(1 - sum(histogram.counts) / len(data), abs=1e-9)
    outside = below + (data > histogram.hi).sum()
    assert abs(histogram.outside * len(data) - outside) <= near[0] + near[-1] + 1e-6


def _activations(
    shapes: list[RowShape], outputs: list[Tensor], grads: list[Tensor], limits: Range, dead: list[tuple[int, ...]]
) -> tuple[Activation, ...] | None:
    fetch = Fetch()
    asked = probe.Activations(fetch, outputs, grads, limits)
    fetch.fetch()
    return asked.records(shapes, dead)


def _weights(
    names: list[str], data: list[Tensor], grads: list[Tensor], update_data: list[float] | None
) -> tuple[Weight, ...] | None:
    fetch = Fetch()
    groups = [torch.stack([w.flatten(), grad.flatten()])[:, None] for w, grad in zip(data, grads, strict=True)]
    asked = probe.Weights(fetch, [tuple(w.shape) for w in data], groups)
    fetch.fetch()
    return asked.records(names, update_data)


def check_activation(record: Activation, out: Tensor, grad: Tensor, limits: Range) -> None:
    values, gradient = out.double(), grad.double()
    assert record.width == out.shape[1]
    assert record.mean == pytest.approx(float(values.mean()), abs=1e-5 * float(values.std()) + 1e-7)
    assert record.std == pytest.approx(float(values.std()), rel=1e-5)
    assert record.grad_mean == pytest.approx(float(gradient.mean()), abs=1e-5 * float(gradient.std()))
    assert record.grad_std == pytest.approx(float(gradient.std()), rel=1e-5)
    assert record.grad_mean_abs == pytest.approx(float(gradient.abs().mean()), rel=1e-5)
    flat = ((out <= limits.below) | (out >= limits.above)).numpy()
    assert record.saturated == pytest.approx(flat.mean(), abs=1e-7)
    assert record.saturation_rows == min(32, len(out))
    bits = np.unpackbits(np.frombuffer(record.saturation, np.uint8), count=record.saturation_rows * record.width)
    np.testing.assert_array_equal(bits.reshape(-1, record.width).astype(bool), flat[: record.saturation_rows])
    check_histogram(record.histogram, out)
    check_histogram(record.grad_histogram, grad)
    if limits.bounded:
        assert (record.histogram.lo, record.histogram.hi) == (limits.low, limits.high)
        assert record.histogram.outside == 0


@pytest.mark.parametrize("name", NONLINEARITIES)
@pytest.mark.parametrize("rows", [5, 32, 64])
def test_activations(name: Any, rows: int) -> None:
    generator = torch.Generator().manual_seed(rows)
    shapes = [(rows, 100), (rows, 3), (rows, 17)]
    curve = {"tanh": torch.tanh, "linear": lambda x: x, "relu": torch.relu, "sigmoid": torch.sigmoid,
             "selu": torch.selu, "leaky_relu": torch.nn.functional.leaky_relu}[name]  # fmt: skip
    outs = [curve(3 * torch.randn(shape, generator=generator)) for shape in shapes]
    grads = [torch.randn(shape, generator=generator) * 1e-4 for shape in shapes]
    records = _activations(rows_of(name, "a", "b", "c"), outs, grads, RANGES[name], [(), (1,), ()])
    assert records is not None
    assert [record.layer for record in records] == ["a", "b", "c"]
    assert {record.kind for record in records} == {name}
    assert [record.dead for record in records] == [(), (1,), ()]
    for record, out, grad in zip(records, outs, grads, strict=True):
        check_activation(record, out, grad, RANGES[name])


def rows_of(kind: str, *names: str) -> list[RowShape]:
    return [RowShape(name=name, kind=kind, shape=()) for name in names]


def test_outputs_at_their_very_bounds_are_inside() -> None:
    for name, low, high in (("tanh", -1.0, 1.0), ("sigmoid", 0.0, 1.0)):
        out = torch.tensor([[low] * 3 + [high] * 4])
        records = _activations(rows_of(name, "x"), [out], [torch.zeros_like(out)], RANGES[name], [()])  # type: ignore[index]
        assert records is not None
        histogram = records[0].histogram
        assert histogram.outside == 0
        assert (histogram.counts[0], histogram.counts[-1], sum(histogram.counts)) == (3, 4, 7)
        assert records[0].saturated == 1


@hypothesis.given(
    st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=40),
    st.sampled_from([1e-30, 1e-6, 1.0, 1e6, 1e25]),
    st.sampled_from([0.0, 1.0, 1e4]),
)
def test_histogram_of_anything(values: list[float], scale: float, shift: float) -> None:
    data = torch.tensor(values, dtype=torch.float32) * scale + shift
    grads = torch.zeros_like(data)
    records = _weights(["w"], [data.unsqueeze(1)], [grads.unsqueeze(1)], None)
    assert records is not None
    histogram = records[0].histogram
    assert histogram.lo < histogram.hi
    assert sum(histogram.counts) + round(histogram.outside * len(values)) == len(values)
    assert records[0].grad_histogram.outside == 0
    double = data.double()
    spread = float(double.std()) if len(values) > 1 else 0.0
    assert records[0].std == pytest.approx(spread, rel=1e-3, abs=1e-6 * float(double.abs().max()))


def test_stds_whose_squares_leave_float32() -> None:
    for scale in (1e-30, 1e-20, 1.0, 1e20, 1e30):
        values = torch.randn((50, 50), generator=torch.Generator().manual_seed(0)) * scale
        records = _activations(rows_of("linear", "x"), [values], [values * 2], RANGES["linear"], [()])
        weights = _weights(["w"], [values], [values * 2], None)
        assert records is not None
        assert weights is not None
        wanted = float(values.double().std())
        assert (records[0].std, records[0].grad_std) == pytest.approx((wanted, 2 * wanted))
        assert (weights[0].std, weights[0].grad_std) == pytest.approx((wanted, 2 * wanted))
        assert weights[0].grad_data_ratio == pytest.approx(2)
        check_histogram(records[0].histogram, values)


def test_weights() -> None:
    generator = torch.Generator().manual_seed(0)
    data = [torch.randn(shape, generator=generator) + 1 for shape in ((27, 10), (30, 100), (1, 5))]
    grads = [torch.randn(w.shape, generator=generator) * 1e-3 for w in data]
    records = _weights(["a", "b", "c"], data, grads, [-3.0, float("-inf"), float("nan")])
    assert records is not None
    for record, w, grad in zip(records, data, grads, strict=True):
        assert record.shape == tuple(w.shape)
        assert (record.mean, record.std) == pytest.approx((float(w.mean()), float(w.std())), rel=1e-5)
        assert record.grad_std == pytest.approx(float(grad.std()), rel=1e-5)
        assert record.grad_data_ratio == pytest.approx(float(grad.std() / w.std()), rel=1e-5)
        check_histogram(record.histogram, w)
        check_histogram(record.grad_histogram, grad)
    assert [record.update_data_log10 for record in records] == [-3.0, None, None]


def test_what_is_not_finite_gives_no_record() -> None:
    good = torch.ones((2, 2))
    for wrong in (float("nan"), float("inf")):
        bad = torch.tensor([[1.0, wrong], [0.0, 0.0]])
        for out, grad in ((bad, good), (good, bad)):
            assert _activations(rows_of("linear", "x"), [out], [grad], RANGES["linear"], [()]) is None
            assert _weights(["x"], [out], [grad], None) is None


# -------------------------------------------------------------------------------------------- dead units


def probed(lane: Trainer) -> list[Tensor]:
    """For each hidden layer whether an output is saturated, on the probe batch (rows, width), the slow way."""
    limits = RANGES[lane.config.nonlinearity]
    flags = []
    with torch.no_grad():
        h = lane.network.embedding[lane._probe].flatten(1).double()
        for layer in lane.network.blocks[:-1]:
            h = h @ layer.linear.weight.double()
            if layer.linear.bias is not None:
                h = h + layer.linear.bias
            if layer.norm is not None:
                var = h.var(0, unbiased=lane.config.bn_style == "lecture")
                h = layer.norm.gamma * (h - h.mean(0)) / torch.sqrt(var + layer.norm.eps) + layer.norm.beta
            assert layer.nonlinearity is not None
            h = layer.nonlinearity(h)
            flags.append((h <= limits.below) | (h >= limits.above))
    return flags


@pytest.mark.parametrize("name", NONLINEARITIES)
@pytest.mark.parametrize("bn", [False, True])
def test_dead_units(trainer: Make, name: Any, bn: bool) -> None:
    lane = trainer(RunConfig(hidden=(60, 60, 60), bn=bn, nonlinearity=name, batch_size=8))
    with torch.no_grad():  # push some units far to one side, some to a mix of both, by bias or beta or embedding
        for layer in lane.network.blocks[:-1]:
            shift = layer.norm.beta if layer.norm is not None else layer.linear.bias
            assert shift is not None
            shift[:3] = 40.0
            shift[3:6] = -40.0
            if layer.norm is not None:
                layer.norm.gamma[6:9] = 1e6
            else:
                layer.linear.weight[:, 6:9] *= 1e6
            shift[9:30] = torch.linspace(-4, 4, 21)
    wanted = [tuple(np.flatnonzero(flags.all(0).numpy()).tolist()) for flags in probed(lane)]
    assert lane.dead_units() == wanted
    if RANGES[lane.config.nonlinearity].saturates:
        assert all(wanted)
        assert all(len(dead) < 60 for dead in wanted)
    else:
        assert wanted == [(), (), ()]
    snapshot = lane.peek()
    assert snapshot is not None
    assert snapshot.probe_rows == 1_024
    for act, dead in zip(snapshot.activations, wanted, strict=True):
        assert set(act.dead) <= set(dead)  # a snapshot counts a unit that its minibatch shows alive as alive
        bits = np.unpackbits(np.frombuffer(act.saturation, np.uint8), count=8 * 60).reshape(8, 60)
        assert act.dead == tuple(u for u in dead if bits[:, u].all())


def test_a_healthy_network_has_no_dead_units(trainer: Make) -> None:
    for bn in (False, True):
        lane = trainer(bn=bn)
        assert [flags.all(0).any().item() for flags in probed(lane)] == [False] * 5
        snapshot = lane.peek()
        assert snapshot is not None
        assert [act.dead for act in snapshot.activations] == [()] * 5
