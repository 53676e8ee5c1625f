"""Values over layers: what is measured, what theory says, and the lane before, with equal precision."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..plots import SERIES, Axis, Curve, Plot, Role, curves, nice_limits

LOG_FROM = 100.0  # largest / smallest value from which the y axis is logarithmic
SMALLEST = 1e-45  # what float32 can hold; theory goes on below
MARKED = 2.0  # columns a layer from which each measured value gets a cross; below, a dot
FAR, FAR_LINEAR = 100.0, 3.0  # times as far as all else, the y axis goes to show the lane before
NEAR = 1e-9

Values = list[float | None]
Bands = tuple[Values, Values]
Floats = npt.NDArray[np.float64]


def panel(
    title: str,
    measured: Values,
    theory: Values,
    before: Values,
    width: int,
    height: int,
    *,
    cursor: int | None = None,
    share: bool = False,
    log: bool | None = None,
    exponential: bool = False,
    band: Bands | None = None,
    held: Values | None = None,
    roles: Sequence[Role] | None = None,
) -> Plot:
    """Values over layers 1, 2, …: crosses for what is measured, a line for theory, dots for the lane before.

    Behind the line is the band of the redraws, where it is known. The y axis holds all these, what is `held` besides,
    and the lane before as far as that leaves the others seen.

    The y axis is logarithmic as `log` says, else where positive values are exponential in depth or span more than
    LOG_FROM; a zero is then told at the edge. `roles` gives each layer a colour of its own.
    """
    low, high = band or ([], [])
    groups = [array(measured), array(theory), array(before), array(low), array(high)]
    front = positive(np.concatenate([*groups[:2], *groups[3:], array(held or [])]))
    if log is None:
        log = exponential or bool(front.size and front.max() > LOG_FROM * front.min())
    log = log and not share and front.size > 0
    held_by, back = front, positive(groups[2])
    if front.size and back.size:
        least, most = (front.min() / FAR, front.max() * FAR) if log else (0.0, front.max() * FAR_LINEAR)
        held_by = np.append(front, np.clip([back.min(), back.max()], least, most))
    elif back.size:
        held_by = back
    if log:
        # What is 0 in float32 lies below any axis, and is told at its edge.
        groups = [np.where(np.isnan(g), g, np.log10(np.maximum(g, SMALLEST / 10))) for g in groups]
        bottom, top = math.floor(np.log10(held_by.min()) - NEAR), math.ceil(np.log10(held_by.max()) + NEAR)
        label = f"{title}, log" if len(title) + 5 <= width - 12 else title
        y = Axis(bottom, top, _decades(bottom, top, height), label=label)
    else:
        highest = float(held_by.max()) if held_by.size else 1.0
        highest = nice_limits(0, max(highest * 1.05, 5.0 if share else SMALLEST))[1]
        y = Axis(0, min(highest, 100.0) if share else highest, label=title)
    count = len(measured)
    columns = max(1, width - 8)
    middle = np.full_like(groups[3], math.nan)  # the band alone
    drawn = [
        Curve("", layers(groups[2]), groups[2], Role.PREVIOUS, dotted=True),
        *(
            [Curve("redraws", layers(middle), middle, Role.MARK, groups[3], groups[4])]
            if np.isfinite(groups[3]).any()
            else []
        ),
        Curve("theory", layers(groups[1]), groups[1], Role.MARK),
    ]
    colours = np.array(roles if roles is not None else [SERIES[0]] * count, np.intp)
    drawn += [
        Curve(
            "measured",
            own + 1.0,
            groups[0][own],
            Role(role),
            points="crosses" if columns >= MARKED * count else "dots",
        )
        for role in dict.fromkeys(colours.tolist())
        for own in [np.flatnonzero(colours == role)]
    ]
    return curves(
        drawn,
        width,
        height,
        x=Axis(0.5, count + 0.5, _layer_ticks(count, columns), label="layer"),
        y=y,
        cursor=cursor + 1 if cursor is not None else None,
    )


def positive(values: Floats) -> Floats:
    """Those that a logarithmic axis can hold."""
    return values[(values >= SMALLEST) & np.isfinite(values)]


def array(values: Values) -> Floats:
    """The values, NaN where there is none."""
    return np.array([math.nan if v is None else v for v in values], np.float64)


def layers(values: Floats) -> Floats:
    """The number of each layer, from 1."""
    return np.arange(1.0, values.size + 1)


def _layer_ticks(count: int, columns: int) -> tuple[tuple[float, str], ...]:
    """Whole layers, the first and the last among them."""
    room = max(2, columns // (len(str(count)) + 2))
    step = next(s for p in range(9) for s in (10**p, 2 * 10**p, 5 * 10**p) if count / s <= room)
    labelled = [1, *range(step, count + 1, step)] if step > 1 else list(range(1, count + 1))
    return tuple((float(layer), str(layer)) for layer in dict.fromkeys(labelled))


def _decades(low: int, high: int, height: int) -> tuple[tuple[float, str], ...]:
    step = max(1, math.ceil((high - low) / max(1, (height - 3) / 2)))
    return tuple((float(y), f"1e{y}" if y else "1") for y in range(low, high + 1) if y % step == 0)
