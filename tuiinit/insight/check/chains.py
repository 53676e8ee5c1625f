"""Rows that feed each other, and the layers behind activations."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from ...stream.checked import Checked, CheckedRow
from .limits import GAIN_OFF, RECURRENT

FRESH = ("Embedding", "Softmax", "LogSoftmax", "Softmax2d")  # what comes out has a scale of its own


def sound_rows(checked: Checked) -> Sequence[CheckedRow]:
    """Rows before the first layer in the middle whose weights are all 0: behind that nothing is worth a word."""
    for at, row in enumerate(checked.rows):
        if row.initialiser == "zeros" and feeds(checked.rows, at) and not is_last(checked, row):
            return checked.rows[:at]
    return checked.rows


def feeds(rows: Sequence[CheckedRow], at: int) -> bool:
    """Whether what a row gives goes into another as it is, and not into a sum or a product of signals, or out."""
    return any(row.feeder == at for row in rows)


def is_last(checked: Checked, row: CheckedRow) -> bool:
    """Whether it is the network's output, which is small on purpose in many networks."""
    weighted = [r for r in checked.rows if r.fan_in is not None]
    return bool(weighted) and weighted[-1] is row


def closed(checked: Checked) -> set[str]:
    """Names of layers with a weight or a factor that is all 0: on purpose, or told by the rule on weights of 0."""
    return {p.name.rpartition(".")[0] for p in checked.weights if p.zero and not p.is_bias}


def chains(rows: Sequence[CheckedRow], out: Collection[str] = ()) -> Iterator[list[CheckedRow]]:
    """Rows of one kind that feed each other with nothing between that sets the scale anew.

    Args:
        rows: in the order of their calls.
        out: names of layers that are in no chain where nothing comes out of them.
    """
    before: dict[int, int] = {}  # a row, and the one of its kind that it comes from
    for at, row in enumerate(rows):
        if row.norm or row.kind in RECURRENT or row.call > 1 or row.std is None or row.initialiser == "zeros":
            continue
        if (row.activation is None and row.fan_in is None) or (row.std == 0 and row.name in out):
            continue
        at_before = row.feeder
        while at_before is not None:
            one = rows[at_before]
            if one.norm or one.kind in RECURRENT or one.kind in FRESH or one.std is None:
                break
            if one.kind == row.kind:
                before[at] = at_before
                break
            at_before = one.feeder
    taken = set(before.values())
    for end in range(len(rows)):
        if end in taken or end not in before:
            continue
        chain = [end]
        while chain[-1] in before:
            chain.append(before[chain[-1]])
        yield [rows[at] for at in reversed(chain)]


def around(rows: Sequence[CheckedRow], chain: Sequence[CheckedRow]) -> Iterator[str]:
    """Names of rows that feed a chain or are fed by it: their shrinking is the same one."""
    members = {row.name for row in chain}
    for row in rows:
        feeder = rows[row.feeder] if row.feeder is not None else None
        if feeder is not None and (feeder.name in members or row.name in members):
            yield row.name
            yield feeder.name


def weighted(checked: Checked, chain: Sequence[CheckedRow]) -> list[CheckedRow]:
    """The layers with weights behind a chain: its own rows, or those that feed its activations."""
    rows = []
    for row in chain:
        at = row
        while at.fan_in is None and at.feeder is not None:
            at = checked.rows[at.feeder]
        if at.fan_in is not None:
            rows.append(at)
    return rows


def off(row: CheckedRow) -> bool:
    """Whether a layer's gain is not the one that is advised."""
    if row.gain is None or row.advised_gain is None:
        return False
    return abs(row.gain / row.advised_gain - 1) > GAIN_OFF
