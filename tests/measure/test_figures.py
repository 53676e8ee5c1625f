"""Figures of samples, and of what is sparse, tied, frozen, empty, copied or computed on the way."""

from __future__ import annotations

import copy
import math
import threading
from typing import Any

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from tests.measure import awkward
from tests.measure.test_catching import IMAGES, TOKENS, VECTORS, caught, loss_of, seeded
from tuiinit.measure.catching import Catch
from tuiinit.measure.fetch import Fetch
from tuiinit.measure.sampling import moments, sample, stride_of


def tensors() -> st.SearchStrategy[Tensor]:
    """Normal values with a scale and a mean for each channel, in any memory layout."""

    def made(shape: list[int], seed: int, layout: str) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        values = torch.randn(shape, generator=generator)
        if len(shape) > 1:
            values *= 0.5 + torch.rand((shape[1], *[1] * (len(shape) - 2)), generator=generator)
        if layout == "channels last" and values.ndim == 4:
            values = values.contiguous(memory_format=torch.channels_last)
        elif layout == "transposed" and values.ndim > 1:
            values = values.transpose(0, -1)
        elif layout == "expanded":
            values = values[None].expand(2, *values.shape)
        return values

    shapes = st.lists(st.sampled_from([1, 2, 3, 5, 8, 16, 24, 32]), max_size=4)
    return st.builds(
        made, shapes, st.integers(0, 99), st.sampled_from(["plain", "channels last", "transposed", "expanded"])
    )


@given(tensors(), st.integers(1, 600))
def test_a_sample_is_within_four_standard_errors(values: Tensor, samples: int) -> None:
    taken = sample(values, samples)
    assert 1 <= taken.numel() <= samples
    stride = stride_of(tuple(values.shape), samples)
    assert stride == 1 or all(math.gcd(stride, size) == 1 for size in values.shape if size > 1)
    if taken.numel() < 30:
        return
    whole = values.double()
    for power in (1, 2):
        error = float(whole.pow(power).std()) / taken.numel() ** 0.5
        assert float(taken.double().pow(power).mean()) == pytest.approx(
            float(whole.pow(power).mean()), abs=4 * error + 1e-9
        )


@given(tensors(), st.sampled_from([1e-30, 1e-6, 1.0, 1e6, 1e25]), st.sampled_from([0.0, 1.0, 1e3]))
def test_moments_of_all_values_are_exact(values: Tensor, scale: float, mean: float) -> None:
    values = (values + mean) * scale
    fetch = Fetch()
    asked = moments(values, None, fetch)
    fetch.fetch()
    assert asked is not None
    finite, measured_mean, measured_std = asked()
    whole = values.double()
    assert finite
    assert measured_mean == pytest.approx(float(whole.mean()), rel=1e-5, abs=1e-6 * scale)
    std = float(whole.std()) if values.numel() > 1 else 0.0
    assert measured_std == pytest.approx(std, rel=1e-4, abs=1e-6 * scale * max(1.0, mean))


@pytest.mark.parametrize("special", [float("nan"), float("inf")])
def test_moments_tell_what_is_not_finite(special: float) -> None:
    fetch = Fetch()
    asked = moments(torch.tensor([1.0, special]), None, fetch)
    assert moments(torch.zeros(0, 3), None, fetch) is None
    fetch.fetch()
    assert asked is not None
    assert not asked()[0]


def test_details_without_histograms_give_the_same_figures() -> None:
    for make, inputs in (
        (awkward.resnet, IMAGES),
        (awkward.Functional, {"tokens": TOKENS}),
        (awkward.Recurrent, TOKENS),
    ):
        full = caught(seeded(make), inputs, details=True)
        lean = caught(seeded(make), inputs, details=True, histograms=False)
        assert [row.name for row in full] == [row.name for row in lean]
        for one, other in zip(full, lean, strict=True):
            for figures in ("output", "grad", "input"):
                a, b = getattr(one, figures), getattr(other, figures)
                assert (a is None) == (b is None)
                if a is not None:
                    assert a().std == pytest.approx(b().std, rel=1e-4)
                    assert a().mean == pytest.approx(b().mean, rel=1e-4, abs=1e-6)


def test_what_comes_in_is_read_before_an_operation_in_place() -> None:
    model = nn.Sequential(nn.Linear(6, 6), nn.ReLU(inplace=True), nn.Linear(6, 4))
    row = caught(model, VECTORS, details=True, histograms=False)[1]
    right = model[0](VECTORS).detach()
    assert row.input is not None
    came = row.input()
    assert came is not None
    assert came.mean == pytest.approx(float(right.mean()), rel=1e-4)


def test_a_tensor_changed_in_place_is_looked_at_anew() -> None:
    class Adds(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Linear(6, 6), nn.Linear(6, 4)

        def forward(self, x: Tensor) -> Tensor:
            h = self.one(x)
            h += 100.0
            return self.two(h)  # type: ignore[no-any-return]

    rows = caught(Adds(), VECTORS, details=True, histograms=False)
    assert rows[1].input is not None
    came = rows[1].input()
    assert came is not None
    assert came.mean == pytest.approx(100, abs=2)


def test_sparse_gradients_are_no_obstacle() -> None:
    model = seeded(awkward.Recurrent)
    rows = caught(model, TOKENS)
    assert model.embedding.weight.grad is not None
    assert model.embedding.weight.grad.is_sparse
    table = next(row for row in rows if row.name == "embedding")
    assert table.grad is not None
    fetch = Fetch()
    asked = moments(model.embedding.weight.grad, None, fetch)
    fetch.fetch()
    assert asked is not None
    assert asked()[2] == pytest.approx(float(model.embedding.weight.grad.to_dense().std()), rel=1e-4)


def test_frozen_parts_have_rows_without_gradient() -> None:
    model = seeded(awkward.mlp)
    for parameter in model[:3].parameters():  # type: ignore[index]
        parameter.requires_grad_(False)
    rows = caught(model, VECTORS)
    assert [row.grad is not None for row in rows] == [False, False, False, False, True, True, True]


def test_attention_has_a_row_and_its_projection_none() -> None:
    class Attends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(6, 2, batch_first=True)
            self.head = nn.Linear(6, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.attention(x, x, x)[0])  # type: ignore[no-any-return]

    rows = caught(Attends(), VECTORS[None])
    assert [row.name for row in rows if "[" not in row.name and "dot" not in row.name] == ["attention", "head"]
    assert rows[0].grad is not None or rows[1].grad is not None


@pytest.mark.parametrize("wrap", [parametrizations.weight_norm, parametrizations.spectral_norm])
def test_weights_that_are_worked_out_are_measured(wrap: Any) -> None:
    model = nn.Sequential(wrap(nn.Linear(6, 6)), nn.Tanh(), nn.Linear(6, 4))
    rows = {row.name: row for row in caught(model, VECTORS, details=True)}
    assert {"0", "1", "2"} <= rows.keys()
    figures = rows["0"].output()
    assert figures is not None
    assert figures.std == pytest.approx(float(model[0](VECTORS).detach().std()), rel=1e-3)


def test_copies_in_other_threads_are_not_the_model() -> None:
    """As DataParallel does: replicas run beside each other, with gradients, under other ids."""
    model = seeded(awkward.mlp)
    replicas = [copy.deepcopy(model) for _ in range(2)]
    with Catch(model) as catch:
        threads = [threading.Thread(target=lambda replica=replica: replica(VECTORS)) for replica in replicas]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not catch.rows
        loss_of(model, VECTORS).backward()
    catch.fetch()
    assert catch.failure is None
    assert [row.name for row in catch.rows] == [str(i) for i in range(7)]


def test_lazy_layers_are_rows_once_they_know_their_size() -> None:
    model = nn.Sequential(nn.LazyLinear(5), nn.ReLU(), nn.LazyLinear(3))
    assert [(row.name, row.kind, row.shape) for row in caught(model, VECTORS)] == [
        ("0", "Linear", (5, 5)), ("1", "ReLU", (5, 5)), ("2", "Linear", (5, 3)),
    ]  # fmt: skip


def test_a_residual_stream_is_followed_from_sum_to_sum() -> None:
    class Stream(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList(nn.Linear(6, 6) for _ in range(4))
            self.drop = nn.Dropout(0.1)

        def forward(self, x: Tensor) -> Tensor:
            for i, layer in enumerate(self.layers):
                branch = self.drop(torch.tanh(layer(x)))
                if i % 2:
                    x = self.drop(x)
                    x += branch
                else:
                    x = x + branch
            return x

    with Catch(Stream(), details=True, histograms=False) as catch:
        loss_of_stream = None
        model = catch.model
        loss_of_stream = model(VECTORS)
        loss_of_stream.sum().backward()
    catch.fetch()
    assert [(join.kind, join.continues) for join in catch.joins] == [("add", None), ("add", 0), ("add", 1), ("add", 2)]
    assert catch.joins[-1].square() == pytest.approx(float(loss_of_stream.detach().square().mean()), rel=1e-4)
