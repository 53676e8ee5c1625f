"""All rules in one go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ...stream.checked import Checked
from . import gradients, parameters, signal, starts
from .finding import ORDER, CheckFinding

_RULES: tuple[Callable[[Checked], Iterator[CheckFinding]], ...] = (
    parameters.never_initialised,
    parameters.not_finite,
    starts.loss,
    parameters.zero_weights,
    signal.scale,
    starts.stream,
    signal.saturated,
    signal.dead,
    gradients.gradient,
    parameters.no_gradient,
    parameters.bias_before_norm,
    starts.tied,
)


def judge(checked: Checked) -> tuple[CheckFinding, ...]:
    """All findings, the worst first."""
    found = [finding for rule in _RULES for finding in rule(checked)]
    return tuple(sorted(found, key=lambda finding: ORDER.index(finding.severity)))


def is_ok(findings: Sequence[CheckFinding]) -> bool:
    """Whether nothing is bad."""
    return all(finding.severity != "bad" for finding in findings)
