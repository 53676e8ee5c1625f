"""What a lane's first minibatch should find, as a reader wants it: theory beside measured, and redraws beside both.

With batch norm theory is that of the minibatch itself, which the engine tells (protocol.Start); until it has, and
for what a wide batch would give, it is the limit of `theory.predict`. Without batch norm the closed forms are as
good, and the minibatch's theory adds weights and loss.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from ..config.run import RunConfig
from ..stream.protocol import Shape, Start, floats
from .kernel import FEWEST
from .theory import Prediction, initial_loss, predict

REPEATED = 6  # examples that share a context, from which on repeats are named
CAUSED = 1.1  # factor between theory with and without repeats from which on they are the cause


class Figure(NamedTuple):
    """What one figure should be at the start; None where nothing is known.

    Of other draws of the same weights on the same minibatch 5, 50 and 95 % lie below `low`, `middle`, `high`.
    """

    theory: float | None = None
    low: float | None = None
    middle: float | None = None
    high: float | None = None

    @property
    def redraws(self) -> tuple[float, float, float] | None:
        """low, middle and high, where there were redraws."""
        if self.low is None or self.middle is None or self.high is None:
            return None
        return self.low, self.middle, self.high

    def outside(self, value: float | None) -> bool:
        """Whether a measured value lies beyond the redraws' 5 to 95 %: one in ten does by chance."""
        return value is not None and self.redraws is not None and not self.redraws[0] <= value <= self.redraws[2]

    def words(self, form: Callable[[float], str]) -> str:
        """`theory 1.69, redraws 1.49–1.83`, or as much of it as is known."""
        parts = [f"theory {form(self.theory)}"] if self.theory is not None else []
        parts += [f"redraws {self.span(form)}"] if self.redraws else []
        return ", ".join(parts)

    def span(self, form: Callable[[float], str], none: str = "–") -> str:
        """`1.49–1.83`."""
        if self.redraws is None:
            return none
        low, high = form(self.redraws[0]), form(self.redraws[2])
        return f"{low.removesuffix(' %')}–{high}"


#: The figures in the order of protocol.Expected.
_NAMES = ("std", "saturated", "grad_std", "grad_ratio", "weight_grad_std", "update_data", "loss", "logit_std")
NOTHING = Figure()
Figures = tuple[Figure, ...]


@dataclass(frozen=True)
class Expectation:
    """All figures of a lane's start: of each nonlinearity, of each matrix (the embedding first), of the logits."""

    prediction: Prediction
    std: Figures
    saturated: Figures
    grad_std: Figures
    grad_ratio: Figures  # gradient std ÷ the last layer's
    weight_grad_std: Figures
    update_data: Figures  # log10, of the first step
    loss: Figure
    logit_std: Figure
    start: Start | None = None
    few: bool = False  # too few different examples for theory of batch norm's gradients

    @property
    def repeats(self) -> str:
        """A sentence on repeated contexts where they are why gradients grow, else empty."""
        start, growth = self.start, self.grad_ratio[0].theory if self.grad_ratio else None
        without = start.ratio_without_repeats if start is not None else None
        if start is None or not growth or not without or start.commonest < REPEATED or growth < CAUSED * without:
            return ""
        return (
            f"{start.commonest} of {start.examples} examples are the same context: batch norm makes gradients grow "
            f"faster (theory × {growth:.2g}; × {without:.2g} without repeats)."
        )

    @property
    def too_few(self) -> str:
        """A clause that says why theory tells no gradients, else empty."""
        if not self.few:
            return ""
        count = f"{self.start.contexts} different examples" if self.start is not None else "so few examples"
        return f"theory has no typical size for batch norm's gradients with {count} (it takes {FEWEST})"


def expect(
    config: RunConfig | None,
    start: Start | None,
    shape: Shape | None = None,
    *,
    input_second_moment: float | None = None,
) -> Expectation:
    """What a lane should find on its first minibatch.

    Args:
        config: of the lane; without one there is no closed form, and only what `start` tells is known.
        start: what the engine told of it, if it has.
        shape: of the lane; not needed where there is a configuration.
        input_second_moment: as for `theory.predict`.
    """
    if config is None:
        rows, matrices = (len(shape.rows), len(shape.matrices)) if shape is not None else (0, 0)
        columns = _columns(start, rows, matrices)
        return _expectation(Prediction((), None), dict(zip(_NAMES, columns, strict=True)), start)
    prediction = predict(config, input_second_moment=input_second_moment)
    few = config.bn and (start.contexts if start is not None else config.at(0).batch_size) < FEWEST
    columns = _columns(start, len(config.hidden), config.matrices)
    if config.bn and (few or start is not None):
        prediction = _of_the_minibatch(prediction, columns if start is not None else None)
    figures = dict(zip(_NAMES, columns, strict=True))
    for name, field in (("std", "std"), ("saturated", "saturated"), ("grad_ratio", "grad_std")):
        figures[name] = tuple(
            figure._replace(theory=_known(getattr(layer, field)))
            for figure, layer in zip(figures[name], prediction.layers, strict=True)
        )
    if start is None and not few and prediction.logit_std is not None:
        figures["logit_std"] = (Figure(prediction.logit_std),)
    return _expectation(prediction, figures, start, few)


def _expectation(
    prediction: Prediction, figures: dict[str, Figures], start: Start | None, few: bool = False
) -> Expectation:
    return Expectation(
        prediction=prediction,
        loss=figures.pop("loss")[0],
        logit_std=figures.pop("logit_std")[0],
        start=start,
        few=few,
        **figures,
    )


def expected_loss(expected: Expectation, classes: int) -> float | None:
    """The loss at the start by theory: for the minibatch, or where that is not told, for logits of theory's std."""
    if expected.loss.theory is not None or expected.start is not None:
        return expected.loss.theory
    return initial_loss(classes, expected.logit_std.theory) if expected.logit_std.theory is not None else None


def _of_the_minibatch(prediction: Prediction, columns: Sequence[Figures] | None) -> Prediction:
    """The prediction with the minibatch's own figures in place of a wide batch's; with none where none are known."""
    std, saturated, _, ratio, *_, logit_std = columns or [(NOTHING,) * len(prediction.layers)] * 8
    layers = tuple(
        replace(
            layer,
            std=std[i].theory,
            saturated=math.nan if (share := saturated[i].theory) is None else share,
            grad_std=ratio[i].theory,
        )
        for i, layer in enumerate(prediction.layers)
    )
    return Prediction(layers, logit_std[0].theory)


def _columns(start: Start | None, rows: int, matrices: int) -> list[Figures]:
    """Theory and redraws of every figure, in the order of protocol.Expected."""
    counts = [rows] * 4 + [matrices] * 2 + [1, 1]
    if start is None:
        return [(NOTHING,) * count for count in counts]
    columns = []
    for name in start.theory.__struct_fields__:
        theory = floats(getattr(start.theory, name)).tolist()
        bands = floats(getattr(start.redrawn, name), 3).tolist()
        columns.append(tuple(Figure(_known(one), *map(_known, band)) for one, band in zip(theory, bands, strict=True)))
    return columns


def _known(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
