"""Findings: sentences about a snapshot, each with its number, threshold, layer and theory, and with what helps.

Every rule looks at one thing and gives one finding or none, grouped over layers: it names the worst and
counts the others. What is in order is told as well (severity "good"), so a healthy network says why it is.
"""

from __future__ import annotations

from collections.abc import Callable

from ...config.run import RunConfig
from ...stream.protocol import Evaluation, Snapshot
from ..expected import Expectation, expect
from .advice import agree, on_paper
from .backward import gradient_balance, gradient_flow
from .batchnorm import bias_before_bn, statistics, two_rows
from .forward import dead_units, saturation, signal
from .loss import far_above_start, first_loss, not_finite
from .model import SEVERITIES, Finding, Help, Seen, Severity, pace_of
from .updates import updates_fast, updates_fine, updates_slow
from .vectors import only_vectors
from .words import finite

__all__ = ["SEVERITIES", "Finding", "Help", "Severity", "findings", "on_paper", "pace_of"]


Rule = Callable[[Seen], Finding | None]

_RULES: tuple[Rule, ...] = (
    not_finite,
    far_above_start,
    first_loss,
    only_vectors,
    signal,
    saturation,
    dead_units,
    gradient_flow,
    gradient_balance,
    updates_fast,
    updates_slow,
    updates_fine,
    statistics,
    bias_before_bn,
)


def findings(
    snapshot: Snapshot,
    config: RunConfig | None,
    *,
    evaluation: Evaluation | None = None,
    expected: Expectation | None = None,
    previous: Snapshot | None = None,
    diverged_at: int | None = None,
) -> tuple[Finding, ...]:
    """What there is to say about a snapshot, most severe first.

    Args:
        snapshot: what was measured. Numbers that are missing are passed over.
        config: of the lane; None where it is not a network that this program builds, for which no help is known.
        evaluation: dev losses of the same lane, if it was evaluated.
        expected: what the lane's first minibatch should find; what follows from `config` alone if None.
        previous: an earlier snapshot of the same lane, to tell what is new.
        diverged_at: the step whose loss was not finite (protocol.LaneStatus); the snapshot is then the
            last one before it.
    """
    if expected is None:
        expected = expect(config, None, input_second_moment=snapshot.input_second_moment)
    seen = Seen(snapshot, config, evaluation, expected, previous, diverged_at)
    if not finite(snapshot.loss):  # every other number is an aftermath
        rules: tuple[Rule, ...] = (not_finite, first_loss)
    elif seen.two_rows:  # of which every other number is a consequence
        rules = (not_finite, far_above_start, two_rows, first_loss)
    else:
        rules = _RULES
    found = [finding for rule in rules if (finding := rule(seen)) is not None]
    return tuple(agree(sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))))
