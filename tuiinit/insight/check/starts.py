"""Rules about the loss at the start, residual streams and tied weights."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from ...stream.checked import Checked, CheckedParameter, CheckedRow
from ..words import count, factor
from .finding import CheckFinding, Severity
from .limits import CHAIN, LOGITS_LARGE, LOGITS_START, LOGITS_WARN, LOSS_WARN, STREAM_BAD, STREAM_WARN
from .wording import THE_MODEL, ratio

TABLE_LINE = "nn.init.normal_(m.weight, std=0.02)"


def loss(checked: Checked) -> Iterator[CheckFinding]:
    """A loss at the start above that of a network that knows nothing."""
    if checked.loss is None or checked.expected_loss is None:
        return
    excess = checked.loss - checked.expected_loss
    last = next((row for row in reversed(checked.rows) if row.fan_in is not None), None)
    if not excess > LOSS_WARN + _chance(last):
        return
    severity: Severity = "bad" if excess > checked.expected_loss else "warn"
    text = f"The loss starts at {checked.loss:.3g}; a network that knows nothing should give {checked.expected_of} = "
    text += f"{checked.expected_loss:.3g}."
    if last is None or last.std is None or last.std <= LOGITS_LARGE:
        yield CheckFinding("loss-at-start", severity, "loss", text)
        return
    text += f" The logits are too large: std {last.std:.2g} in {last.name or THE_MODEL}."
    tied = next((table for _, row, table in _shared(checked) if row is last), None)
    if last.weight is None:
        yield CheckFinding("loss-at-start", severity, "loss", text)
    elif tied is not None:
        yield CheckFinding("loss-at-start", severity, "loss", text, TABLE_LINE, (tied.name,))
    else:
        line = f"with torch.no_grad(): m.weight.mul_({LOGITS_START / last.std:.1g})"
        bias = next((p for p in checked.weights if p.is_bias and p.name == f"{last.name}.bias".lstrip(".")), None)
        if bias is not None and (bias.rms or 0.0) > LOGITS_START:
            line += "; m.bias.zero_()"
        yield CheckFinding("loss-at-start", severity, "loss", text, line, (last.name,))


def _chance(last: CheckedRow | None) -> float:
    """Two standard errors of the loss of few examples, whose labels are right or wrong by chance."""
    if last is None or last.std is None:
        return 0.0
    return 2 * last.std / math.sqrt(max(1, math.prod(last.shape[:-1])))


def stream(checked: Checked) -> Iterator[CheckFinding]:
    """A residual stream that grows with every branch that is added."""
    for numbers in _streams(checked):
        if not numbers:
            continue
        sums = [checked.joins[number] for number in numbers]
        first, last = sums[0], sums[-1]
        times = ratio(last.rms, first.rms)
        if len(sums) < CHAIN or times <= STREAM_WARN:
            continue
        severity: Severity = "bad" if times > STREAM_BAD else "warn"
        text = f"The residual stream grows × {factor(times)} over {count(len(sums), 'sum')}: "
        text += (
            f"rms {first.rms or 0:.3g} in {first.owner or THE_MODEL}, {last.rms or 0:.3g} in {last.owner or THE_MODEL}."
        )
        ends = dict.fromkeys(
            row.name
            for row, following in itertools.pairwise(checked.rows)
            if row.weight is not None and row.fan_in is not None
            if not numbers.keys().isdisjoint(range(row.joins, following.joins))
        )
        line = f"with torch.no_grad(): m.weight.mul_({len(sums)} ** -0.5)" if ends else ""
        yield CheckFinding("residual-grows", severity, last.owner, text, line, tuple(ends))


def _streams(checked: Checked) -> Iterator[dict[int, None]]:
    """Numbers of sums that carry each other on, from a stream's first to its last."""
    continued = {join.continues for join in checked.joins}
    for end in range(len(checked.joins)):
        if end in continued:
            continue
        numbers, at = [], end
        while True:
            join = checked.joins[at]
            if join.kind != "add" or join.rms is None:
                break
            numbers.append(at)
            if join.continues is None:
                break
            at = join.continues
        yield dict.fromkeys(reversed(numbers))


def tied(checked: Checked) -> Iterator[CheckFinding]:
    """A table that is the output matrix as well, at a scale that suits a table only."""
    for parameter, row, table in _shared(checked):
        if row.std is not None and row.std > LOGITS_WARN:
            text = f"{row.name} shares its weight with {table.name}: its std of {parameter.rms or 0:.3g} "
            text += f"suits a table, and makes logits of std {row.std:.3g} (over {LOGITS_WARN:g} is high)."
            yield CheckFinding("tied-scale", "warn", row.name, text, TABLE_LINE, (table.name,))


def _shared(checked: Checked) -> Iterator[tuple[CheckedParameter, CheckedRow, CheckedRow]]:
    """Parameters that are a layer's matrix and a table, with the rows of both."""
    for parameter in checked.weights:
        if not parameter.aliases:
            continue
        names = {parameter.name, *parameter.aliases}
        rows = [row for row in checked.rows if row.weight in names and row.fan_in is not None]
        tables = [row for row in checked.rows if row.weight in names and row.kind.endswith("Embedding")]
        if rows and tables:
            yield parameter, rows[-1], tables[0]
