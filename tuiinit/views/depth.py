"""How signal and gradient fare with depth: what is measured, layer by layer, against mean-field theory."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache

from ..config.nonlinearities import FACTS, SATURATED_AT, range_of
from ..config.run import RunConfig
from ..config.values import format_number
from ..insight.expected import NOTHING, Figure
from ..insight.look import Look, snapshot_of
from ..insight.moments import FORMULAS, moments
from ..insight.theory import bn_jacobian, chi, critical_gain, depth_scale, fixed_point
from ..plots import SERIES, Plot, Role, Row
from ..plots.ink import Column, Ink, Table, number, percent, row, small
from ..session.lines import Lines
from ..session.pointer import Pointer
from ..stream.protocol import Snapshot
from .base import NOTHING_YET, View, pointed, redraws
from .by_line import built_here, by_line, figure, of_before, places_before, rows_before, said
from .histograms import NO_ROW
from .layer_curves import Bands, Values, array, panel, positive
from .layout import abreast, paragraph, sentence, shares

NEAR = 1e-9
KINDS, OTHERS = 6, SERIES[7]  # kinds of rows that have a colour of their own, and that of the others
LOCAL = "Theory takes each layer by itself: its weights, and the spread that was measured of what enters it."
NO_THEORY = "How this network was made is not known, so theory says nothing of it."


class Depth(View):
    """Outputs, gradients and saturation over layers."""

    id = "depth"
    title = "Depth"
    least_rows = 12
    table_part = 5
    help = (
        "x is the layer. Crosses are measured on the last minibatch, the line is what theory predicts for infinitely "
        "wide layers at their start (with batch norm on this very minibatch), with its gradient scaled to the one "
        "measured in the last layer. The shaded band holds 5 to 95 % of redraws: this network with other random "
        "weights at its start. Dotted: the network shown before. Where values span more than two decades the axis is "
        "logarithmic.\n\n"
        "Output std goes forward: it should neither fade nor grow from left to right. Gradient std goes backward, "
        "from right to left. Saturated: the share of outputs in a flat part (tanh: "
        f"beyond ±{SATURATED_AT}). A straight line on the "
        "logarithmic axis is exponential: the network shrinks or grows by the same factor every layer, which no "
        "deep network survives.\n\n"
        "χ (chi) is that factor for the gradient's variance, √χ for its std: below 1 gradients vanish with depth, "
        "above 1 they explode. The gain at which χ = 1 is critical: 1 for tanh, √2 for relu. q* is the variance "
        "of what enters a nonlinearity deep inside, where it has settled. The depth scale ξ = 1/abs(ln χ) is the "
        "number of layers over which a variance changes by the factor e. With batch norm the factor is the "
        "Jacobian J, which no gain changes. Once the network has trained, it may leave the prediction.\n\n"
        "Table: to last is the gradient's std relative to the last layer's; × back is by how much it multiplies from "
        "the layer after to this one; without batch norm theory says √χ. J and K move the cursor."
    )

    def plot(self, look: Look, other: Look | None, pointer: Pointer, width: int, height: int) -> Plot:
        now = look.snapshot
        if now is None or not now.activations:
            return sentence(NOTHING_YET, width, height)
        lines = self.lines(look, pointer)
        if not lines.parts:
            return sentence(NO_ROW, width, height)
        before = snapshot_of(other)
        theory, bands = predicted(look, now), redrawn(look)
        wanted: list[tuple[tuple[str, ...], Callable[[Snapshot], Values]]] = [
            (("output std", "std"), stds),
            (("gradient std", "grad. std", "grad."), grad_stds),
        ]
        if any(range_of(kind).saturates for _, (_, kind) in lines.parts):
            wanted.append((("saturated, %", "sat., %"), saturations))
        at, places = lines.members, places_before(look, other)
        earlier = [places[i] for i in at]
        return abreast(
            [
                panel(
                    next((title for title in titles if len(title) <= part - 12), titles[-1]),
                    _at(measure(now), at),
                    _at(expected, at),
                    _at(measure(before), earlier) if before else [],
                    part,
                    height,
                    cursor=at.index(pointed(lines, pointer)),
                    share=measure is saturations,
                    log=pointer.log,
                    exponential=measure is grad_stds,
                    band=(_at(band[0], at), _at(band[1], at)),
                    held=_reached(look, pointer, titles[0], measure, at),
                    roles=roles_of_kinds(look, lines),
                )
                for (titles, measure), expected, band, part in zip(
                    wanted, theory, bands, shares(width, len(wanted)), strict=False
                )
            ]
        )

    def caption(self, look: Look, other: Look | None, pointer: Pointer, width: int) -> Sequence[Row]:
        if look.snapshot is None:
            return ()
        legend: list[tuple[str, int]] = [("  + measured   ", SERIES[0])]
        if look.expected.std:
            legend.append(("━ theory, at the start", Role.MARK))
        lines = self.lines(look, pointer)
        if (roles := roles_of_kinds(look, lines)) is not None:
            kinds = [kind for _, (_, kind) in lines.parts]
            named = {kind: role for kind, role in zip(kinds, roles, strict=True) if role != OTHERS}
            legend = [(f"  + {kind}", role) for kind, role in named.items()]
            legend += [("  + others", OTHERS)] if OTHERS in roles else []
        if look.expected.std[:1] and look.expected.std[0].redraws:
            legend.append(("   ▒ redraws, 5–95 %", Role.MARK))
        if snapshot_of(other) is not None:
            legend.append(("   ╍ the network before", Role.PREVIOUS))
        local = LOCAL if any(figure.theory is not None for figure in look.expected.std) else NO_THEORY
        meaning = words(look.settings) if look.settings is not None else local
        return [row(width, *legend), *paragraph(meaning, width, Ink.PLAIN, 3, mark="  ")]

    def table(self, look: Look, other: Look | None, pointer: Pointer, width: int) -> Table:
        now = look.snapshot
        if now is None or not now.activations:
            return Table((), ())
        std, grad, share = predicted(look, now)
        expected, layers, last = look.expected, now.activations, now.activations[-1].grad_std
        back, back_expected = _ratios(grad_stds(now)), _ratios(grad)
        old = rows_before(look, other)
        lines = self.lines(look, pointer)
        saturates = any(range_of(kind).saturates for _, (_, kind) in lines.parts)

        def ratio(i: int) -> Figure:
            return expected.grad_ratio[i] if i < len(expected.grad_ratio) else NOTHING

        def spread(i: int) -> Figure:
            return expected.std[i] if i < len(expected.std) else NOTHING

        figures = (
            figure("std", 7, lambda i: layers[i].std, _brief, Ink.STRONG),
            figure("theory", 7, lambda i: std[i], _brief, Ink.THEORY),
            said("redraws", 11, lambda i: redraws(spread(i), number)),
            figure("to last", 7, lambda i: layers[i].grad_std / last if last else None, _two, Ink.STRONG),
            figure("theory", 6, lambda i: ratio(i).theory, _two, Ink.THEORY),
            said("redraws", 11, lambda i: redraws(ratio(i), _two)),
            figure("grad std", 8, lambda i: layers[i].grad_std, _brief),
            figure("× back", 6, lambda i: back[i], _two),
            figure("theory", 6, lambda i: back_expected[i], _two, Ink.THEORY),
            *(
                (
                    figure("saturated", 9, lambda i: layers[i].saturated, percent, Ink.STRONG),
                    figure("theory", 7, lambda i: share[i], _percents, Ink.THEORY),
                )
                if saturates
                else ()
            ),
            of_before("std before", 10, lambda i: b.std if (b := old[i]) else None, _brief),
            of_before("grad before", 11, lambda i: b.grad_std if (b := old[i]) else None, _brief),
        )
        here = pointed(lines, pointer) if lines.parts else -1
        names = Column("layer", max(len(a.layer) for a in now.activations), "<")
        return by_line(look, lines, pointer, width, names, figures, mark=lambda i: ("▸" if i == here else "", Ink.KEY))


def roles_of_kinds(look: Look, lines: Lines) -> list[Role] | None:
    """A colour for each row by its kind, the commonest kinds first; None where all are of one kind."""
    kinds = [kind for _, (_, kind) in lines.parts]
    if built_here(look) or len(set(kinds)) < 2:
        return None
    common = [kind for kind, _ in Counter(kinds).most_common(KINDS)]
    return [SERIES[common.index(kind)] if kind in common else OTHERS for kind in kinds]


def _at(values: Values, places: Sequence[int]) -> Values:
    return [values[i] if 0 <= i < len(values) else None for i in places]


def _two(value: float | None) -> str:
    return number(value, 2)


def _percents(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} %"


def stds(snapshot: Snapshot) -> Values:
    """Std of each layer's outputs."""
    return [a.std for a in snapshot.activations]


def grad_stds(snapshot: Snapshot) -> Values:
    """Std of the gradient at each layer's outputs."""
    return [a.grad_std for a in snapshot.activations]


def saturations(snapshot: Snapshot) -> Values:
    """Saturated share of each layer's outputs, in percent."""
    return [100 * a.saturated for a in snapshot.activations]


def predicted(look: Look, now: Snapshot) -> tuple[Values, Values, Values]:
    """What theory says of each measured layer: std, gradient's std (that of the last layer as measured), percent."""
    theory = look.expected.prediction
    known = {layer.layer: layer for layer in theory.layers} if theory else {}
    layers = [known.get(a.layer) for a in now.activations]
    last = now.activations[-1].grad_std if now.activations else 0.0
    return (
        [layer.std if layer else None for layer in layers],
        [layer.grad_std * last if layer and layer.grad_std is not None else None for layer in layers],
        [100 * layer.saturated if layer else None for layer in layers],
    )


def redrawn(look: Look) -> tuple[Bands, Bands, Bands]:
    """5 and 95 % of redraws of each layer at the start: std, gradient's std, percent saturated."""
    expected = look.expected

    def bands(figures: Sequence[Figure], factor: float = 1.0) -> Bands:
        low = [f.low * factor if f.low is not None else None for f in figures]
        return low, [f.high * factor if f.high is not None else None for f in figures]

    return bands(expected.std), bands(expected.grad_std), bands(expected.saturated, 100.0)


def _ratios(values: Values) -> Values:
    """Each layer's value over the one of the layer after it; None for the last."""
    pairs = zip(values, [*values[1:], None], strict=True)
    return [here / after if here is not None and after else None for here, after in pairs]


def _reached(
    look: Look, pointer: Pointer, name: str, measure: Callable[[Snapshot], Values], at: Sequence[int]
) -> Values:
    """The smallest and the largest positive value of any of these layers at any step of a lane."""
    if look.snapshot is None:
        return []

    def most(snapshot: Snapshot) -> float:
        return float(positive(array(_at(measure(snapshot), at))).max(initial=0.0))

    def least(snapshot: Snapshot) -> float:
        return 1 / float(positive(array(_at(measure(snapshot), at))).min(initial=math.inf))

    def reach(which: Callable[[Snapshot], float]) -> float:
        return pointer.scales.reach(look.history, f"{name}, {which.__name__} {pointer.text}", which, which(now))

    now = look.snapshot
    lowest = reach(least)
    return [1 / lowest if lowest > 0 else None, reach(most)]


@lru_cache(maxsize=64)
def words(config: RunConfig) -> str:
    """What theory says of a deep network of this kind, in a few sentences."""
    name = config.nonlinearity
    if config.bn:
        j = bn_jacobian(name)
        std = math.sqrt(moments(name, 1.0).variance)
        text = f"Batch norm: outputs have std {std:.2f} in every layer, at any gain. "
        scale = 1 / abs(math.log(j)) if abs(j - 1) > NEAR else None
        return text + _backward("J", j, config) + _scale(scale)
    gain, shown = config.gain, format_number(config.gain)
    if not config.fan_in_scaling:
        gain, shown = gain * math.sqrt(config.hidden[-1]), f"{shown} × √{config.hidden[-1]}"
    critical, bias = critical_gain(name), config.bias_scale[0]
    side = 0 if abs(gain - critical) < NEAR * critical else 1 if gain > critical else -1
    q = fixed_point(name, gain, bias)
    where = {-1: "below", 0: "at", 1: "above"}[side]
    text = f"Gain {shown} is {where} {name}'s critical gain ({critical:.4g}): {_fate(config, gain, side, q)}. "
    if bias:  # the critical gain is that without biases
        text = f"Gain {shown}, biases of std {format_number(bias)}: {_fate(config, gain, 1, q)}. "
    if q is None and FORMULAS[name].slope_below is None:
        return text.strip()
    if not bias and side == 0 and FACTS[name].fading:  # χ is 1 at q* = 0 alone, which the signal only nears
        return text + "Gradients fade about as slowly on the way back (χ nears 1). " + _scale(None)
    factor = chi(name, gain, 1.0 if q is None else q)
    return text + _backward("χ", factor, config) + _scale(depth_scale(name, gain, bias))


def _fate(config: RunConfig, gain: float, side: int, q: float | None) -> str:
    """What becomes of the signal deep inside."""
    if side == 0 and (fading := FACTS[config.nonlinearity].fading):
        return f"the signal fades {fading}"
    if side == 0 and q is None:
        return "the signal keeps its size"
    if q is None:
        return "the signal grows without end"
    if q == 0:
        return "the signal fades away (q* = 0)"
    return f"the signal settles at std {math.sqrt(moments(config.nonlinearity, q).variance):.2f} (q* = {q:.2g})"


def _backward(symbol: str, factor: float, config: RunConfig) -> str:
    """What a factor on the gradient's variance means, a layer and from the last to the first."""
    root, steps = math.sqrt(factor), len(config.hidden) - 1
    if abs(root - 1) < NEAR:
        return f"Gradients keep their size ({symbol} = {_figure(factor)}). "
    power = steps * math.log10(root) if root > 0 else -math.inf
    whole = f"{10**power:.2g}" if abs(power) < 3 else f"1e{power:.0f}" if math.isfinite(power) else "0"
    over = f", by {whole} in {steps}" if steps > 1 else ""
    source = f"√{symbol}, where {symbol} = {_figure(factor)}"
    return f"Going back, the gradient's std multiplies by {_figure(root)} a layer{over} ({source}). "


def _scale(layers: float | None) -> str:
    if layers is None:
        return "Signals reach any depth (its scale ξ is unlimited)."
    return f"Signals reach about {layers:.2g} layers deep (the depth scale ξ)."


def _figure(value: float) -> str:
    return f"{value:.3f}" if 0.01 <= value < 100 else f"{value:.2e}"


def _brief(value: float | None) -> str:
    """A number that may have any size, in at most 7 cells."""
    if value is None or value == 0:
        return "–" if value is None else "0"
    return f"{value:.3f}" if 0.0995 <= abs(value) < 100 else small(value)
