"""The store of a lane's history: exact where it can be, bounded always."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import made as by_hand
from tests.explorer import fake
from tests.made import made
from tuiinit.config.run import RunConfig
from tuiinit.stream.history import EVALUATIONS, LaneHistory, Snapshots
from tuiinit.stream.milestones import is_milestone
from tuiinit.stream.protocol import Evaluation, Inspection, Snapshot, Trace
from tuiinit.stream.series import BUCKETS, Series
from tuiinit.stream.wire import ProtocolError

Singles = npt.NDArray[np.float32]


def snapshot(step: int) -> Snapshot:
    """A snapshot whose measures do not matter: every field but the step is an empty value."""
    return made(Snapshot, lane="lane", step=step)


def trace(first_step: int, loss: Singles, ratios: Singles) -> Trace:
    return Trace(lane="lane", first_step=first_step, loss=loss.tobytes(), update_data=ratios.tobytes())


def noise(steps: int, columns: int = 1, seed: int = 0) -> Singles:
    return np.random.default_rng(seed).normal(0, 1, (steps, columns)).astype(np.float32)


def value_at(series: Series, step: int) -> npt.NDArray[np.float64] | None:
    """The mean of what is kept around a step, None where nothing is."""
    _, mean, _, _ = series.read(step, step, 1)
    return mean[0] if len(mean) else None


# ------------------------------------------------------------------------------------------------- series


def test_unthinned_every_step_is_exact() -> None:
    values = noise(1000, 3)
    series = Series(3)
    series.append(1, values[:400])
    series.append(401, values[400:])
    assert (len(series), series.first_step, series.last_step, series.bucket_size) == (1000, 1, 1000, 1)
    steps, mean, low, high = series.read(1, 1000, 1000)
    assert (steps == np.arange(1, 1001)).all()
    for array in (mean, low, high):
        assert (array == values).all()
    at = value_at(series, 777)
    assert at is not None
    assert (at == values[776]).all()
    assert value_at(series, 0) is None
    assert value_at(series, 1001) is None


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 90), min_size=1, max_size=20), st.integers(2, 40), st.integers(1, 60), st.integers(0, 100)
)
def test_thinned_mean_minimum_and_maximum_are_those_of_the_steps(
    pieces: list[int], buckets: int, points: int, first: int
) -> None:
    values = noise(sum(pieces), 2, seed=sum(pieces))
    series = Series(2, buckets)
    at = 0
    for piece in pieces:
        series.append(first + at, values[at : at + piece])
        at += piece
    assert len(series) == len(values)
    assert len(values) <= series.bucket_size * buckets
    steps, mean, low, high = series.read(-1e9, 1e9, points)
    assert len(steps) == len(mean) == len(low) == len(high) <= points
    if not len(values):
        return
    # The points' middles tell which steps each covers: together all, each once.
    begin = 0
    for i, middle in enumerate(steps):
        end = round(2 * (middle - first) - begin) + 1
        covered = values[begin:end].astype(np.float64)
        assert mean[i] == pytest.approx(covered.mean(axis=0), abs=1e-12)
        assert (low[i] == covered.min(axis=0)).all()
        assert (high[i] == covered.max(axis=0)).all()
        begin = end
    assert begin == len(values)


def test_memory_is_flat_for_a_million_steps() -> None:
    values = noise(1_000_000, 7)
    series = Series(7)
    sizes = []
    for first in range(0, 1_000_000, 20_000):
        series.append(first + 1, values[first : first + 20_000])
        sizes.append(series.nbytes)
    assert len(set(sizes)) == 1
    assert sizes[0] <= BUCKETS * 7 * 24
    assert series.last_step == 1_000_000
    steps, _, low, high = series.read(1, 1_000_000, 300)
    assert 150 <= len(steps) <= 300
    assert (low.min(axis=0) == values.min(axis=0)).all()
    assert (high.max(axis=0) == values.max(axis=0)).all()
    at = value_at(series, 500_000)
    assert at is not None
    begin = (500_000 - 1) // series.bucket_size * series.bucket_size
    assert at == pytest.approx(values[begin : begin + series.bucket_size].astype(np.float64).mean(axis=0), abs=1e-12)


def test_points_stay_where_they_are_while_a_series_grows() -> None:
    values = noise(3000)
    series = Series()
    series.append(1, values[:2510])
    before, *_ = series.read(1, 3000, 100)
    series.append(2511, values[2510:2590])
    after, *_ = series.read(1, 3000, 100)
    assert (after[: len(before) - 1] == before[:-1]).all()


def test_read_gives_a_window() -> None:
    series = Series()
    series.append(1, np.arange(1, 101))
    steps, mean, *_ = series.read(40, 49.9, 1000)
    assert steps.tolist() == mean[:, 0].tolist() == list(range(40, 50))
    for lo, hi, points in ((200, 300, 10), (-5, 0, 10), (60, 50, 10), (1, 100, 0)):
        assert [len(array) for array in series.read(lo, hi, points)] == [0] * 4
    assert [len(array) for array in Series().read(0, 10, 10)] == [0] * 4


def test_steps_told_twice_count_once_and_gaps_stay_empty() -> None:
    series = Series()
    series.append(1, [1.0, 2.0, 3.0])
    series.append(2, [9.0, 9.0, 4.0])
    series.append(7, [7.0])
    assert len(series) == 7
    assert np.isnan(value_at(series, 5)).all()  # type: ignore[arg-type]
    _, mean, _, _ = series.read(1, 7, 10)
    assert mean[:, 0].tolist()[:4] == [1, 2, 3, 4]
    assert np.isnan(mean[4:6]).all()
    assert mean[6, 0] == 7


def test_a_far_gap_costs_no_memory() -> None:
    series = Series()
    series.append(1, [1.0])
    series.append(10**9, [2.0])
    assert len(series) == 10**9
    assert series.nbytes <= BUCKETS * 24
    _, _, low, high = series.read(1, 10**9, 100)
    assert np.nanmin(low) == 1
    assert np.nanmax(high) == 2


def test_nan_counts_as_missing_and_infinity_is_kept() -> None:
    series = Series(1, 2)
    series.append(0, [1.0, np.nan, 3.0, np.inf])
    steps, mean, low, high = series.read(0, 3, 2)
    assert steps.tolist() == [0.5, 2.5]
    assert (mean[0, 0], low[0, 0], high[0, 0]) == (1, 1, 1)
    assert (mean[1, 0], low[1, 0], high[1, 0]) == (np.inf, 3, np.inf)


def test_the_number_of_columns_is_held() -> None:
    with pytest.raises(ValueError, match="2 columns"):
        Series(2).append(1, np.zeros((3, 5)))


@pytest.mark.parametrize("buckets", [8, 4096])
@pytest.mark.parametrize("step", [1, 37, 64, 99, 100])
def test_a_truncated_series_knows_nothing_later_and_goes_on(buckets: int, step: int) -> None:
    values = noise(100)
    series = Series(1, buckets)
    series.append(1, values)
    copy = series.truncate(step)
    assert copy.last_step == step
    _, _, low, high = copy.read(1, 100, 100)
    if np.isfinite(high).any():
        assert np.nanmax(high) <= values[:step].max()
        assert np.nanmin(low) >= values[:step].min()
    copy.append(step + 1, np.full(50, 100.0))
    assert copy.last_step == step + 50
    assert copy.read(1, 1000, 1000)[3][-1, 0] == 100
    assert series.last_step == 100  # the one it was copied from is untouched
    assert np.nanmax(series.read(1, 100, 100)[3]) == values.max()


def test_truncating_at_the_last_step_loses_nothing() -> None:
    series = Series(1, 8)
    series.append(1, noise(99))
    for mine, copied in zip(series.read(1, 99, 99), series.truncate(99).read(1, 99, 99), strict=True):
        assert (mine == copied).all()
    assert len(series.truncate(0)) == 0
    assert len(series.truncate(-5)) == 0


# ---------------------------------------------------------------------------------------------- snapshots


def test_milestones() -> None:
    assert [step for step in range(1001) if is_milestone(step)] == [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]


def test_kept_snapshots_and_the_newest_stay() -> None:
    store = Snapshots()
    for step in range(1, 31):
        store.put(snapshot(step), keep=step == 17)
    assert store.steps() == (1, 2, 5, 10, 17, 20, 30)
    assert store.newest is not None
    assert store.newest.step == 30
    store.put(snapshot(31))
    assert store.steps() == (1, 2, 5, 10, 17, 20, 31)
    store.put(snapshot(31), keep=True)
    store.put(snapshot(32))
    assert store.steps()[-2:] == (31, 32)


def test_a_kept_snapshot_told_again_stays_kept() -> None:
    store = Snapshots()
    store.put(snapshot(7), keep=True)
    store.put(snapshot(7))
    store.put(snapshot(8))
    assert store.steps() == (7, 8)


def test_moving_among_snapshots() -> None:
    store = Snapshots()
    for step in (1, 2, 5, 10):
        store.put(snapshot(step))

    def step_of(found: Snapshot | None) -> int | None:
        return None if found is None else found.step

    assert [step_of(store.at_or_before(step)) for step in (0, 1, 4, 99)] == [None, 1, 2, 10]
    assert [step_of(store.previous(step)) for step in (1, 2, 7, 99)] == [None, 1, 5, 10]
    assert [step_of(store.next(step)) for step in (0, 1, 7, 10)] == [1, 2, 10, None]
    assert step_of(store.get(5)) == 5
    assert store.get(6) is None
    empty = Snapshots()
    assert empty.newest is empty.at_or_before(5) is empty.previous(5) is empty.next(5) is None


def test_kept_snapshots_are_bounded_and_thinned_evenly() -> None:
    store = Snapshots(40)
    for step in range(3, 100_000, 100):
        store.put(snapshot(step), keep=True)
        assert len(store) <= 40
    for step in range(100_000, 100_050):
        store.put(snapshot(step))
    steps = store.steps()
    assert steps[0] == 3
    assert steps[-1] == 100_049
    assert 100_000 in steps
    gaps = np.diff([step for step in steps if step < 100_000])
    assert gaps.max() <= 8 * np.median(gaps)


def test_milestones_are_never_thinned() -> None:
    store = Snapshots(20)
    milestones = [step for step in range(5001) if is_milestone(step)]
    for step in range(5001):
        store.put(snapshot(step), keep=True)
    assert set(milestones) <= set(store.steps())
    assert len(store) <= 20


# --------------------------------------------------------------------------------------------------- lane

CONFIG = RunConfig(hidden=(100, 100))


def history(steps: int) -> LaneHistory:
    lane = LaneHistory(fake.shape(CONFIG), CONFIG)
    lane.take(trace(1, noise(steps), noise(steps, 4)))
    for step in (0, 1, 2, 5, 10, 13):
        lane.take(snapshot(step))
    lane.take(Evaluation(lane="lane", step=20, dev=2.1))
    lane.take(Evaluation(lane="lane", step=10, dev=2.2))
    return lane


def test_a_lane_takes_what_is_told_of_it() -> None:
    lane = history(20)
    assert lane.loss.last_step == lane.update_data.last_step == 20
    assert lane.update_data.columns == 4
    assert lane.snapshots.steps() == (0, 1, 2, 5, 10, 13)
    assert list(lane.evaluations) == [10, 20]
    value = value_at(lane.update_data, 7)
    assert value is not None
    assert (value == noise(20, 4)[6]).all()
    lane.take(trace(21, noise(0), noise(0)))
    assert lane.loss.last_step == 20


def test_a_trace_of_another_shape_is_refused_once_the_shape_is_known() -> None:
    lane = LaneHistory(fake.shape(CONFIG), CONFIG)
    lane.take(trace(1, noise(10), noise(10, 9)))  # a training script's model has its own number of matrices
    assert lane.update_data.columns == 9
    with pytest.raises(ProtocolError, match="ratios"):
        lane.take(trace(11, noise(10), noise(10, 4)))
    with pytest.raises(ProtocolError, match="ratios"):
        lane.take(trace(11, noise(10), noise(7)))
    with pytest.raises(ProtocolError, match="float32"):
        lane.take(Trace(lane="lane", first_step=11, loss=b"abc", update_data=b""))
    lane.take(trace(11, noise(10), noise(0)))
    assert lane.loss.last_step == 20


def test_a_continued_lane_has_the_past_and_its_own_future() -> None:
    first = history(20)
    other = first.continued(CONFIG.replace(lr=0.01))
    assert other.config.lr == 0.01
    assert other.loss.last_step == 20
    assert other.snapshots.steps() == first.snapshots.steps()
    assert other.evaluations == first.evaluations
    other.take(trace(21, noise(5), noise(5, 4)))
    other.take(snapshot(25))
    assert (first.loss.last_step, other.loss.last_step) == (20, 25)
    assert first.snapshots.steps()[-1] == 13
    assert 13 in other.snapshots.steps()
    cut = first.continued(CONFIG, 10)
    assert (cut.loss.last_step, cut.snapshots.steps()[-1], list(cut.evaluations)) == (10, 10, [10])
    assert LaneHistory(fake.shape(CONFIG), CONFIG).continued(CONFIG).loss.last_step is None


def test_evaluations_are_bounded() -> None:
    lane = LaneHistory(fake.shape(CONFIG), CONFIG)
    for step in range(3 * EVALUATIONS):
        lane.take(Evaluation(lane="lane", step=step, dev=2.0))
        assert len(lane.evaluations) <= EVALUATIONS
    assert min(lane.evaluations) == 0
    assert max(lane.evaluations) == 3 * EVALUATIONS - 1


# ------------------------------------------------------------------------------------------- closer looks


def inspection(step: int, lane: str = "lane") -> Inspection:
    return Inspection(
        lane=lane,
        step=step,
        calibrated=(),
        jitter_batches=0,
        jitter_logits=b"",
        eval_logits=b"",
        through=(),
        dead=(),
        dead_grad=(),
        alive_grad=(),
    )


def test_closer_looks_are_kept_by_step_and_bounded() -> None:
    lane = LaneHistory(fake.shape(RunConfig()), RunConfig())
    for step in (30, 10, 20):
        lane.take(inspection(step))
    assert list(lane.inspections) == [10, 20, 30]
    assert list(lane.continued(RunConfig(lr=1.0), 20).inspections) == [10, 20]
    for step in range(100, 200):
        lane.take(inspection(step))
    assert list(lane.inspections) == list(range(192, 200))


def test_of_a_large_network_fewer_snapshots_are_kept() -> None:
    counts = {}
    for rows in (3, 500):
        kept = Snapshots()
        activations = tuple(by_hand.activation(f"row {i}") for i in range(rows))
        weights = tuple(by_hand.weight(f"matrix {i}") for i in range(rows))
        for step in range(0, 4000, 40):
            kept.put(by_hand.snapshot(step=step, activations=activations, weights=weights), keep=True)
        counts[rows] = len(kept)
        assert kept.steps()[0] == 0
        assert kept.steps()[-1] == 3960
    assert counts == {3: 64, 500: 32}
