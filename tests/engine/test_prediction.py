"""What the engine measures at step 0 against what theory predicts, within the sampling error."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.engine.conftest import Make
from tuiinit.config.nonlinearities import LECTURE_GAINS
from tuiinit.config.run import RunConfig
from tuiinit.insight.theory import predict
from tuiinit.stream.protocol import Snapshot

SEEDS = 32
ROWS = 256


def starts(trainer: Make, **settings: object) -> list[Snapshot]:
    """The same configuration over seeds: weights and minibatch drawn anew each time."""
    found = [trainer(seed=seed, batch_size=ROWS, **settings).peek() for seed in range(SEEDS)]
    return [snapshot for snapshot in found if snapshot is not None]


@pytest.mark.parametrize("gain", LECTURE_GAINS)
def test_without_batch_norm(trainer: Make, gain: float) -> None:
    """Rows of a batch share weights and repeat characters, so the error is taken from the spread over seeds."""
    snapshots = starts(trainer, gain=gain)
    assert len(snapshots) == SEEDS
    prediction = predict(RunConfig(gain=gain))
    for i, layer in enumerate(prediction.layers):
        acts = [snapshot.activations[i] for snapshot in snapshots]
        lasts = [snapshot.activations[-1].grad_std for snapshot in snapshots]
        assert layer.std is not None
        assert layer.grad_std is not None
        measured = {
            "std": ([a.std for a in acts], layer.std, 0.06),
            "saturated": ([a.saturated for a in acts], layer.saturated, 0.4),
            "grad": ([a.grad_std / last for a, last in zip(acts, lasts, strict=True)], layer.grad_std, 0.1),
        }
        for name, (values, predicted, sharp) in measured.items():
            error = float(np.std(values, ddof=1)) / math.sqrt(SEEDS)
            one_output = 1 / (SEEDS * ROWS * acts[0].width)
            bound = 5 * (error + one_output)
            assert abs(np.mean(values) - predicted) <= bound, (name, layer.layer)
            if predicted > 0.01:  # the comparison means something: the error is small beside the prediction
                assert bound < sharp * predicted, (name, layer.layer, bound)


def test_initial_loss(trainer: Make) -> None:
    """At output scale 0.1 the loss is ln 27 and a little, as the logits' spread says."""
    for gain in LECTURE_GAINS:
        losses = [snapshot.loss or 0.0 for snapshot in starts(trainer, gain=gain)]
        spread = predict(RunConfig(gain=gain)).logit_std
        assert spread is not None
        wanted = math.log(27) + spread**2 / 2
        assert abs(np.mean(losses) - wanted) < 5 * np.std(losses, ddof=1) / math.sqrt(SEEDS) + 1e-4


def test_with_batch_norm_gain_changes_nothing_forward(trainer: Make) -> None:
    """The theory's wide, Gaussian layers are not quite these: 100 units wide, and contexts that repeat."""
    by_gain = [starts(trainer, gain=gain, bn=True) for gain in LECTURE_GAINS]
    for i, layer in enumerate(predict(RunConfig(bn=True)).layers):
        assert layer.std is not None
        means = [np.mean([snapshot.activations[i].std for snapshot in snapshots]) for snapshots in by_gain]
        assert means == pytest.approx([layer.std] * 4, rel=0.02)
        assert max(means) - min(means) < 1e-3 * layer.std


def test_with_batch_norm_the_first_update_goes_as_one_over_gain_squared(trainer: Make) -> None:
    first = {}
    for gain in (0.5, 1.0, 3.0):
        snapshot = trainer(bn=True, gain=gain).train_step(measure=True)
        assert snapshot is not None
        first[gain] = [w.update_data_log10 for w in snapshot.weights[1:]]  # every linear one, the output's too
    for gain in (0.5, 3.0):
        for one, other in zip(first[1.0], first[gain], strict=True):
            assert one is not None
            assert other is not None
            assert other - one == pytest.approx(-2 * math.log10(gain), abs=0.05)
