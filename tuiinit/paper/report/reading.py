"""Reading the figures: networks by name, tables over layers and matrices, and what two numbers make together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from statistics import median

from ...config.nonlinearities import LECTURE_GAINS
from ...config.values import format_number
from .figures import Table
from .markdown import NONE, number, ratio_of, table

Pictures = dict[str, str]  # Markdown by file name
GAIN = "5/3"
OPTIMIZERS = {"sgd": "SGD", "momentum": "SGD with momentum", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop"}
GAINS = tuple(format_number(gain) for gain in LECTURE_GAINS)
NAMES = tuple(f"gain {gain}" for gain in GAINS)
FILES = tuple(f"gain={gain:f}.png" for gain in LECTURE_GAINS)
FILE = f"gain={5 / 3:f}.png"


def classes(f: Table) -> int:
    """The number of characters, from ln of it."""
    return round(math.exp(f["expected_initial_loss"]))


def lane_of(f: Table, name: str) -> Table:
    """A network's figures."""
    lane: Table = f["lanes"][name]
    return lane


def lost(lane: Table, name: str) -> str:
    """The sentence about a network that has no figures where they were wanted."""
    at = f" at step {lane['diverged_at']:,}" if lane["diverged_at"] is not None else ""
    return f"The network with {name} diverged{at}: there are no figures after its steps."


def rows_of(f: Table, names: Iterable[str], when: str) -> list[tuple[str, Table]]:
    """Snapshots by name, those that are there."""
    return [(name, lane_of(f, name)[when]) for name in names if lane_of(f, name)[when] is not None]


def show(pictures: Pictures, *files: str) -> str:
    """The Markdown of some pictures."""
    return "\n\n".join(pictures[file] for file in files)


def layers_table(rows: Sequence[tuple[str, Table]], cell: Callable[[Table], str]) -> str:
    """A table with a row a layer and a column a network."""
    if not rows:
        return ""
    names = [a["layer"] for a in rows[0][1]["activations"]]
    lines = [[name, *(cell(snapshot["activations"][i]) for _, snapshot in rows)] for i, name in enumerate(names)]
    return table(["layer", *(name for name, _ in rows)], lines)


def from_to(values: Sequence[float], form: Callable[[float], str]) -> str:
    """The range of some values: `a to b`, or one of them where both read alike."""
    low, high = form(min(values)), form(max(values))
    return low if low == high else f"{low} to {high}"


def weights_table(lane: Table) -> str:
    """A table of the weight gradients at the first step and at the last."""
    first, last = lane["first"], lane["last"]
    lines = []
    for i, w in enumerate(first["weights"]):
        end = last["weights"][i] if last is not None else None
        cells = [w["name"], " × ".join(map(str, w["shape"]))]
        for weight in (w, end):
            cells += (
                [NONE] * 2
                if weight is None
                else [f"{weight['grad_std']:.2e}", number(weight["grad_data_ratio"], "{:.1e}")]
            )
        lines.append(cells)
    after = f"step {lane['steps']:,}"
    return table(["matrix", "shape", "std, step 1", "grad:data", f"std, {after}", "grad:data"], lines)


def output_lead(snapshot: Table | None) -> float | None:
    """The std of the output matrix's gradient, as a multiple of the hidden matrices' median."""
    if snapshot is None:
        return None
    *_, output = snapshot["weights"]
    hidden = [w["grad_std"] for w in snapshot["weights"][1:-1]]
    return ratio_of(output["grad_std"], median(hidden)) if hidden else None


def updates_spread(lane: Table) -> float | None:
    """Largest less smallest median log10 update:data over the matrices."""
    values = [w["median_log10"] for w in lane["update_data"] if w["median_log10"] is not None]
    return max(values) - min(values) if values else None


def pace_lead(snapshot: Table | None) -> float | None:
    """The output matrix's log10 update:data less the hidden matrices' median."""
    if snapshot is None:
        return None
    *hidden, output = (w["update_data_log10"] for w in snapshot["weights"][1:])
    known = [ratio for ratio in hidden if ratio is not None]
    return output - median(known) if known and output is not None else None


def updates_table(f: Table, names: Sequence[str]) -> str:
    """The median log10 update:data of the last steps, a row a matrix, a column a network."""
    found = [(name, lane_of(f, name)["update_data"]) for name in names]
    found = [(name, paces) for name, paces in found if paces]
    if not found:
        return ""
    lines = [
        [w["name"], *(number(paces[i]["median_log10"], "{:.2f}") for _, paces in found)]
        for i, w in enumerate(found[0][1])
    ]
    return table(["matrix", *(name for name, _ in found)], lines)
