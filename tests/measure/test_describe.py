"""What is described in memory that is kept is what each tensor tells by itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from tuiinit.measure.fetch import BINS, ROBUST, Described, Fetch, Room

Limits = tuple[float, float] | None


def plainly(values: Tensor, limits: Limits) -> tuple[float, float, list[int], float]:
    """Mean, std, counts and the share outside of one tensor, by the definitions."""
    mean = values.mean()
    std = torch.linalg.vector_norm(values - mean) * (1 / max(1, values.numel() - 1) ** 0.5)
    half = torch.maximum(std * ROBUST, mean.abs() * 1e-3).clamp_min(1e-30)
    center = mean
    if limits is not None:
        half, center = torch.tensor((limits[1] - limits[0]) / 2), torch.tensor(sum(limits) / 2)
    place = (values - center) * (BINS / 2 * (1 - 1e-6) / half) + (BINS / 2 + 1)
    counts = np.bincount(place.clamp(0, BINS + 1).int().numpy(), minlength=BINS + 2)
    return float(mean), float(std), counts[1:-1].tolist(), float(counts[0] + counts[-1]) / values.numel()


def batches(seed: int) -> list[tuple[Tensor, Limits]]:
    generator = torch.Generator().manual_seed(seed)

    def drawn(rows: int, size: int, scale: float = 1.0, mean: float = 0.0) -> Tensor:
        return torch.randn((rows, size), generator=generator) * scale + mean

    return [
        (drawn(5, 640).tanh(), (-1.0, 1.0)),
        (drawn(5, 640, 1e-9), None),
        (drawn(1, 270, 3.0, 500.0), None),
        (drawn(3, 640, 2.0), None),  # described with the others of its size
        (drawn(2, 270).mul(-9).sigmoid(), (0.0, 1.0)),
        (torch.full((1, 50), 0.25), None),
        (drawn(2, 1), None),
        (drawn(1, 80_000, 0.1), None),
    ]


def look(room: Room | None, parts: list[tuple[Tensor, Limits]]) -> list[Described]:
    fetch = Fetch(room)
    asked = [fetch.look(values, limits) for values, limits in parts]
    fetch.fetch()
    return [one for told in asked for one in told()]


@pytest.mark.parametrize("room", [None, Room()], ids=["new", "kept"])
def test_counts_are_those_of_each_tensor_by_itself(room: Room | None) -> None:
    for seed in range(3):
        parts = batches(seed)
        rows = [(row, limits) for values, limits in parts for row in values]
        described = look(room, parts)
        assert len(described) == len(rows)
        for one, (row, limits) in zip(described, rows, strict=True):
            mean, std, counts, outside = plainly(row, limits)
            assert one.finite
            assert one.mean == pytest.approx(mean, rel=1e-6, abs=1e-12)
            assert one.std == pytest.approx(std, rel=1e-6)
            assert list(one.histogram.counts) == counts
            assert one.histogram.outside == outside


def test_what_is_not_finite_leaves_nothing_behind() -> None:
    room, parts = Room(), batches(0)
    before = look(room, parts)
    bad = [(values.clone(), limits) for values, limits in parts]
    bad[0][0][1, 3], bad[3][0][2, 7] = float("nan"), float("inf")
    spoiled = look(room, bad)
    assert [place for place, one in enumerate(spoiled) if not one.finite] == [1, 13]
    assert [one for one in spoiled if one.finite] == [one for i, one in enumerate(before) if i not in (1, 13)]
    assert look(room, parts) == before


def test_tensors_stay_as_they_are_and_other_sizes_get_other_memory() -> None:
    room, parts = Room(), batches(1)
    copies = [values.clone() for values, _ in parts]
    first = look(room, parts)
    for size in range(20, 40):
        look(room, [(torch.randn(2, size), None)])
    assert look(room, parts) == first
    for (values, _), copy in zip(parts, copies, strict=True):
        assert torch.equal(values, copy)
