"""Rules about the signal on its way up: its scale, saturation, dead units."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

from ...stream.checked import Checked, CheckedRow
from ..words import count, factor, percent
from .chains import around, chains, closed, is_last, off, sound_rows, weighted
from .finding import CheckFinding, Severity
from .limits import (
    BIAS_HEAVY,
    CHAIN,
    DEAD_BAD,
    DEAD_ROWS,
    DEAD_WARN,
    HOMOGENEOUS,
    JUMP_BAD,
    ONE_GAIN,
    SATURATED_BAD,
    SATURATED_WARN,
    STD_BAD,
    STD_WARN,
)
from .wording import call, initialise_all, initialiser, ratio, std


def scale(checked: Checked) -> Iterator[CheckFinding]:
    """A signal that shrinks or grows over layers of one kind, or in one of them."""
    rows = sound_rows(checked)
    reported: set[str] = set()
    for chain in sorted(chains(rows, closed(checked)), key=lambda chain: (chain[0].fan_in is None, -len(chain))):
        chain = chain[:-1] if is_last(checked, chain[-1]) else chain
        yield from _jumps(checked, chain, reported)
        if len(chain) < CHAIN or any(row.name in reported for row in chain):
            continue
        times = ratio(chain[-1].std, chain[0].std)
        behind = weighted(checked, chain)
        allowed = max(STD_WARN, _chance(behind))
        if 1 / allowed <= times <= allowed:
            continue
        reported.update(row.name for row in chain)
        reported.update(around(rows, chain))
        passed = _passed(checked, behind)
        drowned = times < 1 and passed < 1 / STD_BAD and passed < times / STD_WARN
        severity: Severity = "bad" if drowned or not 1 / STD_BAD <= times <= STD_BAD else "warn"
        each = times ** (1 / (len(chain) - 1)) if times > 0 else 0.0
        grown = times > 1
        text = f"The signal {'grows' if grown else 'shrinks'}: std {std(chain[0])} in {call(chain[0])}, "
        text += f"{std(chain[-1])} in {call(chain[-1])}, × {each:.2g} a layer over {len(chain)} {chain[0].kind} layers."
        if drowned:
            text += f" The weights alone would leave {passed:.1g} of it: what is left at the end are the biases."
        cure = initialise_all([row for row in behind if off(row)] or behind)
        yield CheckFinding("grows" if grown else "shrinks", severity, chain[0].name, text + why(behind), *cure)


def _chance(rows: Sequence[CheckedRow]) -> float:
    """The factor that a signal in narrow layers may change by, two standard deviations of it, though its gain is right.

    The log of its square wanders by about √(5/width) a layer: Hanin & Nica 2019, arXiv 1812.05994.
    """
    return math.exp(math.sqrt(sum(5 / row.fan_in for row in rows[1:] if row.fan_in)))


def _passed(checked: Checked, rows: Sequence[CheckedRow]) -> float:
    """What the weights behind a chain leave of the signal, biases aside: the product of gains over advised gains.

    1 where activations are no straight lines through 0: they set a scale of their own, as tanh does.
    """
    names = {row.name for row in rows}
    for row in checked.rows:
        if row.activation is None or row.feeder is None or row.activation in HOMOGENEOUS:
            continue
        if checked.rows[row.feeder].name in names:
            return 1.0
    return math.prod(row.gain / row.advised_gain for row in rows[1:] if row.gain is not None and row.advised_gain)


def _jumps(checked: Checked, chain: Sequence[CheckedRow], reported: set[str]) -> Iterator[CheckFinding]:
    for one, other in itertools.pairwise(chain):
        times = ratio(other.std, one.std)
        if 1 / JUMP_BAD <= times <= JUMP_BAD or other.name in reported or _share_dead(other) > DEAD_BAD:
            continue
        reported.add(other.name)
        grown = times > 1
        by = factor(times if grown else 1 / times if times else math.inf)
        text = f"{call(other)} {'multiplies' if grown else 'divides'} the signal by {by}: "
        text += f"std {std(one)} becomes {std(other)}."
        cure = initialise_all(weighted(checked, [other]))
        yield CheckFinding("grows" if grown else "shrinks", "bad", other.name, text, *cure)


def why(rows: Sequence[CheckedRow]) -> str:
    """The gains of some layers, how the first that is off was drawn, and the gain that would do for it."""
    wrong = [row for row in rows if off(row) and row.gain is not None] or list(rows[:1])
    row = wrong[0] if wrong else None
    if row is None or row.gain is None:
        return ""
    low, high = (f"{end(r.gain for r in wrong if r.gain is not None):.3g}" for end in (min, max))
    if float(high) <= float(low) * ONE_GAIN:  # one gain, but for the luck of the draw
        gains, began = f"gain is {row.gain:.3g}", initialiser(row.initialiser or "")
    else:
        gains, began = f"gains are {low} to {high}", ""
    needs = f"; {row.advised_gain:.3g} keeps it" if row.advised_gain is not None else ""
    return f" The weights' {gains}{f', {began}' if began else ''}{needs}."


def saturated(checked: Checked) -> Iterator[CheckFinding]:
    """Bounded activations that stand at their bounds."""
    over = [row for row in checked.rows if row.bounded and row.saturated is not None and row.saturated > SATURATED_WARN]
    if not over:
        return
    worst = max(over, key=lambda row: row.saturated or 0)
    share = worst.saturated or 0.0
    text = f"{call(worst)} is saturated for {percent(share)} of its outputs (over {percent(SATURATED_WARN)} is high)"
    if len(over) > 1:
        text += f", and so {'is' if len(over) == 2 else 'are'} {count(len(over) - 1, 'more row')}"
    severity: Severity = "bad" if share > SATURATED_BAD else "warn"
    yield CheckFinding("saturated", severity, worst.name, text + ".", *initialise_all(weighted(checked, over)))


def dead(checked: Checked) -> Iterator[CheckFinding]:
    """Units that are flat on every row; of each severity one sentence, about the worst row."""
    found: dict[Severity, list[CheckedRow]] = {}
    for row in sound_rows(checked):
        share = _share_dead(row)
        if share > DEAD_WARN:
            few = row.unit_rows < DEAD_ROWS
            found.setdefault("note" if few else "bad" if share > DEAD_BAD else "warn", []).append(row)
    for severity, rows in found.items():
        worst = max(rows, key=_share_dead)
        text = (
            f"{worst.dead} of {worst.units} units of {call(worst)} are without effect on all {worst.unit_rows:,} rows"
        )
        if len(rows) > 1:
            text += f", and over {percent(DEAD_WARN)} of the units in {count(len(rows) - 1, 'more row')}"
        if severity == "note":
            yield CheckFinding("dead", severity, worst.name, f"{text}; so few rows can mislead.")
        else:
            yield CheckFinding("dead", severity, worst.name, f"{text}.", *_revive(checked, rows))


def _share_dead(row: CheckedRow) -> float:
    return row.dead / row.units if row.dead and row.units else 0.0


def _revive(checked: Checked, rows: Sequence[CheckedRow]) -> tuple[str, tuple[str, ...]]:
    """Biases that outweigh the signal go; else the gain is put right; else the biases go all the same."""
    behind = weighted(checked, rows)
    biases = {p.name.rpartition(".")[0]: p.rms or 0.0 for p in checked.weights if p.is_bias}
    heavy = tuple(row.name for row in behind if biases.get(row.name, 0.0) > BIAS_HEAVY * (row.std or 0.0))
    if not heavy and (wrong := [row for row in behind if off(row)]):
        return initialise_all(wrong)
    names = heavy or tuple(row.name for row in behind if row.name in biases)
    return ("nn.init.zeros_(m.bias)", tuple(dict.fromkeys(names))) if names else ("", ())
