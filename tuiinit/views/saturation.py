"""Which neuron is saturated on which example, and which are dead."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from ..config.nonlinearities import SATURATED_AT, range_of
from ..insight.blocks import Parts
from ..insight.expected import NOTHING, Figure
from ..insight.look import Look
from ..plots import SERIES, Axis, Curve, Plot, Role, Row, by_depth, choose, curves, image, nice_limits
from ..plots.ink import Cell, Column, Ink, Piece, Table, percent, row, small
from ..session.changed import Changed
from ..session.pointer import Pointer
from ..stream.protocol import Activation, Inspection, Snapshot
from .base import NOTHING_YET, View, pointed, redraws
from .by_line import Field, built_here, by_line, dead_units, figure, middle, said
from .histograms import NO_ROW
from .layout import abreast, paragraph, sentence, stacked
from .steps import events, nice_end

EXTRA = 3  # rows of a picture beside its examples: title, marks, numbers
FEWEST = 4  # rows of cells, two examples each, that make another picture worth drawing
NARROWEST = 30  # cells of a picture, for its title
GAP = 2  # columns between pictures that stand side by side
ASIDE = 44  # columns of free space at the right that are enough for dead neurons over steps
RULER = 10  # neurons, or examples, from one number to the next
SIDE = 3  # columns at the left in which examples are numbered
DEAD = SERIES[4]  # another colour than that of the neuron pointed at
FIXED = 55  # cells of the table's columns before those by step


def saturated(a: Activation) -> npt.NDArray[np.bool_]:
    """Whether each neuron is saturated on each example of the minibatch, (rows, width); (0, width) if not told."""
    bits = np.unpackbits(np.frombuffer(a.saturation, np.uint8))
    size = a.saturation_rows * a.width
    if bits.size < size:
        return np.zeros((0, a.width), bool)
    return bits[:size].reshape(a.saturation_rows, a.width).astype(bool)


class Saturation(View):
    """The lecture's white and black picture, layer by layer."""

    id = "saturation"
    title = "Saturation"
    compares = False
    redraws_on = Changed.CLOSER
    least_rows = 16 + EXTRA
    table_part = 5
    inspects = True
    help = (
        "One column a neuron, one half row an example of the last minibatch: filled where the neuron's output is "
        f"saturated (tanh: beyond ±{SATURATED_AT}), where the local gradient 1 − t² is nearly 0 and the example "
        "teaches the neuron next to nothing. Scattered cells are fine; a network in which most of the picture is "
        "filled hardly learns.\n\n"
        "A full column is a neuron that none of these examples reaches. Whether it is dead is told by the probe "
        "batch of 1,024 training examples: × marks a neuron that is saturated on every one of them; its weights "
        "hardly move any more. On the 32 examples shown a neuron may look dead by chance.\n\n"
        "J and K choose the layer, H and L the neuron (counted from 0, as in code), u jumps to the next dead one. "
        "The table counts full columns and, at the steps that were kept, dead neurons: units can die while "
        "training when the lr is too high. Below the picture: how much of the gradient gets through the "
        "nonlinearity by abs(t), and the gradient of dead neurons' weights, as of the last closer look (i)."
    )

    def parts(self, look: Look) -> Parts:
        """The rows that can saturate: others have no flat part."""
        return tuple((i, part) for i, part in look.row_parts if range_of(part[1]).saturates)

    def out_of_place(self, look: Look) -> str:
        now = look.snapshot
        if now is None or not now.activations or _saturates(now) or built_here(look):
            return ""
        return "No row of this network has a flat part: nothing saturates (tanh, sigmoid and ReLU do)."

    def plot(self, look: Look, other: Look | None, pointer: Pointer, width: int, height: int) -> Plot:
        now = look.snapshot
        if now is None or not now.activations:
            return sentence(NOTHING_YET, width, height)
        if why := self.out_of_place(look):
            return sentence(why, width, height)
        if not _saturates(now):
            if look.config is None:
                return sentence("No row here is a nonlinearity whose saturation was measured.", width, height)
            kinds = " and ".join(dict.fromkeys(a.kind for a in now.activations))
            return sentence(f"{kinds} does not saturate (t: another one)", width, height)
        lines = self.lines(look, pointer)
        if not lines.parts:
            return sentence(NO_ROW, width, height)
        layers = [now.activations[i] for i in lines.members]
        layer = lines.members.index(pointed(lines, pointer))
        widest = max(a.width for a in layers)
        aside = width - widest - GAP
        if aside < ASIDE or aside >= widest or len(layers) * height < 2 * EXTRA:
            return pictures(layers, layer, pointer.unit, width, height)
        left = pictures(layers, layer, pointer.unit, width - aside, height)
        return abreast([left, dead_over_steps(look, lines.members, aside, height)])

    def caption(self, look: Look, other: Look | None, pointer: Pointer, width: int) -> Sequence[Row]:
        now = look.snapshot
        lines = self.lines(look, pointer)
        if now is None or not lines.parts:
            return ()
        a = now.activations[pointed(lines, pointer)]
        about = _pointed_at(a, pointer.unit, now.probe_rows)
        keys: list[Piece] = [(" H L", Ink.KEY), (" neuron  ", Ink.DIM), ("J K", Ink.KEY), (" layer ", Ink.DIM)]
        used = sum(len(piece[0]) for piece in (*about, *keys))
        rows = [row(width, *about, right=keys if used <= width else ())]
        inspection = look.inspection
        if inspection is not None:
            rows += paragraph(_let_through(inspection, now.step), width, Ink.DIM, 2 if any(inspection.dead) else 1)
        return rows

    def table(self, look: Look, other: Look | None, pointer: Pointer, width: int) -> Table:
        now = look.snapshot
        if now is None or not _saturates(now):
            return Table((), ())
        kept = _kept(look, width)
        expected, layers = look.expected.saturated, now.activations

        def theory(i: int) -> Figure:
            return expected[i] if i < len(expected) else NOTHING

        def full(i: int) -> float | None:
            bits = saturated(layers[i])
            return float(bits.all(axis=0).sum()) if len(bits) else None

        def dead_at(s: Snapshot) -> Callable[[int], float | None]:
            return lambda i: len(s.activations[i].dead) if i < len(s.activations) else None

        def dead_cell(s: Snapshot) -> Callable[[int], Cell]:
            count = dead_at(s)
            return lambda i: (_count(dead := count(i)), Ink.PLAIN if dead else Ink.DIM)

        at = self.lines(look, pointer)
        here = pointed(at, pointer) if at.parts else -1
        figures = (
            figure("saturated", 9, lambda i: layers[i].saturated, percent, Ink.STRONG),
            figure("theory", 7, lambda i: theory(i).theory, percent, Ink.THEORY),
            said("redraws", 9, lambda i: redraws(theory(i), lambda share: f"{100 * share:.1f}")),
            figure("full", 4, full, _count),
            dead_units(layers),
            *(
                Field(_short(s.step) if n else f"at {_short(s.step)}", 5, dead_cell(s), dead_at(s), _count)
                for n, s in enumerate(kept)
            ),
        )
        names = Column("layer", 10, "<")
        return by_line(look, at, pointer, width, names, figures, mark=lambda i: ("▸" if i == here else "", Ink.KEY))

    def units(self, look: Look, pointer: Pointer) -> int:
        now, lines = look.snapshot, self.lines(look, pointer)
        return now.activations[pointed(lines, pointer)].width if now is not None and lines.parts else 0


def _count(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"


def _saturates(now: Snapshot) -> bool:
    return any(range_of(a.kind).saturates for a in now.activations)


def pictures(layers: Sequence[Activation], layer: int, unit: int, width: int, height: int) -> Plot:
    """The layer pointed at with all its examples, and as many of the next ones as there is room for."""
    side = SIDE if width >= 4 * SIDE else 0
    width -= side
    across = max(1, (width + GAP) // (max(NARROWEST, *(a.width for a in layers)) + GAP))
    drawn: list[Plot] = []
    i = layer
    while height > 0 and i < len(layers) and (not drawn or height >= FEWEST + EXTRA - 1):
        line = layers[i : i + across]
        wanted = min(height, max(-(-a.saturation_rows // 2) for a in line) + EXTRA)
        parts = zip(line, _widths(line, across, width), strict=True)
        panels = [_picture(a, unit, i + n == layer, part, wanted) for n, (a, part) in enumerate(parts)]
        drawn.append(abreast([_examples(line[0], side, wanted), *panels]))
        height -= wanted
        i += across
    if height > 0:
        drawn.append(sentence("", width + side, height))
    return stacked(drawn)


def _examples(a: Activation, width: int, height: int) -> Plot:
    """The numbers of the examples beside their rows, of which two are in a row of cells."""
    rows = []
    for line in range(height):
        example = 2 * (line - 2)  # below the title and the marks
        numbered = 0 <= example < a.saturation_rows and example % RULER == 0
        rows.append(row(width, right=[(f"{example if numbered else ''} ", Role.TEXT)]))
    return Plot(tuple(rows))


def _widths(line: Sequence[Activation], across: int, width: int) -> list[int]:
    """Columns of the pictures in a line: each its neurons and a gap, the last one what is left."""
    if across == 1:
        return [width]
    widths = [max(NARROWEST, a.width) + GAP for a in line]
    return [*widths[:-1], width - sum(widths[:-1])]


def dead_over_steps(look: Look, layers: Sequence[int], width: int, height: int) -> Plot:
    """Dead neurons of some layers at the steps that were kept."""
    now = look.snapshot
    known = [look.history.snapshots.get(step) for step in look.history.snapshots.steps()]
    kept = [s for s in known if s is not None and now is not None and s.step <= now.step]
    kept = [s for s in kept if len(s.activations) > max(layers, default=0)]
    names = [a.layer for a in now.activations] if now else []
    steps = [s.step for s in kept]
    chosen = [layers[i] for i in choose(len(layers), len(SERIES))]
    drawn = [
        Curve(names[i], steps, [len(s.activations[i].dead) for s in kept], role, mark=str((i + 1) % 10))
        for i, role in zip(chosen, by_depth(len(chosen)), strict=True)
    ]
    most = max((float(max(curve.y)) for curve in drawn), default=0.0)
    return curves(
        drawn,
        width,
        height,
        x=Axis(0, nice_end(steps[-1] if steps else 1), label="step"),
        y=Axis(0, nice_limits(0, max(most, 5.0))[1], label="dead neurons by layer"),
        events=events(look),
    )


def _picture(a: Activation, unit: int, pointed_at: bool, width: int, height: int) -> Plot:
    bits = saturated(a)
    ruler = pointed_at and height >= EXTRA + 2
    cursor = min(unit, a.width - 1) if pointed_at else None
    shown = bits[: max(0, 2 * (height - 2 - ruler))]
    first = _window(min(unit, a.width - 1), a.width, width)
    last = min(a.width, first + width)
    part = image(
        shown[:, first:last],
        width,
        max(0, height - 1 - ruler),
        roles=SERIES[:1],
        highlight_role=DEAD,
        highlight=[u - first for u in a.dead if first <= u < last],
        cursor=cursor - first if cursor is not None else None,
        empty="the saturation of single neurons was not measured",
    )
    pieces: list[Piece] = [
        ("▸ " if cursor is not None else "  ", Ink.KEY),
        (middle(a.layer, max(12, width // 3)), Ink.STRONG if cursor is not None else Ink.PLAIN),
        (f"  saturated {percent(a.saturated)}", Ink.DIM),
    ]
    if a.dead:
        pieces.append((f"  × {len(a.dead)} dead", DEAD))
    some = f"{len(shown)} of {len(bits)} examples" if len(shown) < len(bits) else f"{len(bits)} examples"
    some += f" × neurons {first}–{last - 1} of {a.width}" if last - first < a.width else f" × {a.width} neurons"
    if sum(len(piece[0]) for piece in pieces) + len(some) + 3 > width:  # the name stays
        some = f"{len(shown)} × {last - first}"
    head = Plot((row(width, *pieces, right=[(f"  {some} ", Ink.DIM)]),))
    foot = [Plot((row(width, (_ruler(first, last), Role.TEXT)),))] if ruler else []
    return stacked([head, part, *foot])


def _window(unit: int, count: int, width: int) -> int:
    """The first neuron shown where not all fit; it moves by half a window, so that the picture mostly stands."""
    if count <= width:
        return 0
    half = max(1, width // 2)
    return max(0, min(unit // half * half - half // 2, count - width))


def _ruler(first: int, last: int) -> str:
    cells = [" "] * (last - first)
    for unit in range(-(-first // RULER) * RULER, last, RULER):
        label = str(unit)
        if unit - first + len(label) <= len(cells):
            cells[unit - first : unit - first + len(label)] = label
    return "".join(cells)


def _pointed_at(a: Activation, unit: int, probe_rows: int) -> list[Piece]:
    unit = min(unit, a.width - 1)
    bits = saturated(a)
    pieces: list[Piece] = [(f" ▾ neuron {unit}: ", Ink.DIM)]
    if not len(bits) and not probe_rows:
        return [(" ▾ ", Ink.DIM), (f"{percent(a.saturated)} saturated", Ink.STRONG), (", neurons not known", Ink.DIM)]
    if len(bits):
        count = int(bits[:, unit].sum())
        pieces.append((f"saturated on {count} of {len(bits)} rows", Ink.STRONG))
    dead = unit in a.dead
    pieces.append((", dead: ", Ink.DIM))
    pieces.append(("yes", Ink.WARN) if dead else ("no", Ink.STRONG))
    pieces.append((f" ({probe_rows:,} probe rows)", Ink.DIM))
    return pieces


def _let_through(inspection: Inspection, step: int) -> str:
    """What gets through by abs(t), and what reaches dead neurons' weights; with its step, where it is another."""
    bins = len(inspection.through)
    places = ((0, "near 0"), (bins // 2, "at abs(t) 0.5"), (bins - 1, f"above {1 - 1 / max(1, bins):.2f}"))
    shares = [
        f"{percent(share)} {where}"
        for at, where in places
        if at < bins and (share := inspection.through[at]) is not None
    ]
    text = f"Gradient let through: {', '.join(shares)}" if shares else ""
    pairs = [
        (dead, alive)
        for dead, alive in zip(inspection.dead_grad, inspection.alive_grad, strict=True)
        if dead is not None and alive is not None
    ]
    if pairs:
        dead, alive = np.mean([d for d, _ in pairs]), np.mean([a for _, a in pairs])
        text += f"; mean gradient of dead neurons' weights {small(float(dead))}, of others' {small(float(alive))}"
    return f"{text} (step {inspection.step:,})" if text and inspection.step != step else text


def _kept(look: Look, width: int) -> list[Snapshot]:
    """Some of the kept snapshots up to the step looked at, as many as the table has room for."""
    now = look.snapshot
    steps = [s for s in look.history.snapshots.steps() if now is not None and s <= now.step]
    room = max(0, (width - FIXED) // 7)
    chosen = [steps[i] for i in choose(len(steps), room)] if room > 1 else steps[:room]
    found = [look.history.snapshots.get(step) for step in chosen]
    return [snapshot for snapshot in found if snapshot is not None]


def _short(step: int) -> str:
    """A step in at most five cells: 999, 1.5k, 200k, 1.2M."""
    for unit, suffix in ((1_000_000, "M"), (1_000, "k")):
        if step >= 10 * unit or (step >= unit and step % 100 == 0):
            return f"{step / unit:.3g}{suffix}"
    return str(step)
