"""Rules about parameters: never written to, not finite, 0, without gradient, without effect."""

from __future__ import annotations

from collections.abc import Iterator

from ...stream.checked import Checked, CheckedParameter
from .chains import feeds, is_last
from .finding import CheckFinding
from .limits import GAIN_ABSURD
from .wording import THE_MODEL, and_others, call, initialise


def never_initialised(checked: Checked) -> Iterator[CheckFinding]:
    """A parameter that holds NaN after a build in which unwritten memory does, or has an absurd scale."""
    for parameter in checked.weights:
        if parameter.rms is None:
            yield CheckFinding(
                "never-initialised",
                "bad",
                parameter.name,
                f"{parameter.name} was never initialised: it is not finite in a build where memory that nobody "
                "wrote to holds NaN.",
                _fresh(checked, parameter),
                (_owner(parameter.name),),
            )
    for row in checked.rows:
        if row.call == 1 and row.gain is not None and row.gain > GAIN_ABSURD and row.weight is not None:
            yield CheckFinding(
                "never-initialised",
                "bad",
                row.weight,
                f"{row.weight} has std · √fan_in = {row.gain:.3g} (about 1 is usual): was it ever initialised?",
                initialise(row),
                (row.name,),
            )


def _fresh(checked: Checked, parameter: CheckedParameter) -> str:
    last = parameter.name.rpartition(".")[2]
    if len(parameter.shape) < 2:
        return f"nn.init.{'ones' if last in ('weight', 'gamma', 'scale') else 'zeros'}_(m.{last})"
    row = next((row for row in checked.rows if row.weight == parameter.name), None)
    if row is not None:
        return initialise(row)
    # A matrix of its own: which side is the fan-in nobody says; for a square one it is no question.
    return f"nn.init.normal_(m.{last}, std={parameter.shape[0]} ** -0.5)"


def not_finite(checked: Checked) -> Iterator[CheckFinding]:
    """The first row that gives a NaN or an infinity, forward or backward."""
    if any(parameter.rms is None for parameter in checked.weights):
        return  # everything after it is not finite, and that is told
    for row in checked.rows:
        if not row.finite:
            yield CheckFinding("not-finite", "bad", row.name, f"{call(row)} is the first to give a NaN or an infinity.")
            return
    for row in reversed(checked.rows):
        if not row.grad_finite:
            text = f"The gradient at {call(row)} is the first that is not finite."
            yield CheckFinding("not-finite", "bad", row.name, text)
            return
    if checked.loss is None:
        yield CheckFinding("not-finite", "bad", "loss", "The loss is not finite, though all rows are.")


def zero_weights(checked: Checked) -> Iterator[CheckFinding]:
    """A matrix of 0: on purpose where it ends a residual branch or the network."""
    ending: list[str] = []
    by_weight = {row.weight: at for at, row in enumerate(checked.rows) if row.weight is not None}
    for parameter in checked.weights:
        if not parameter.zero or len(parameter.shape) < 2 or parameter.is_bias:
            continue
        at = by_weight.get(parameter.name)
        if at is None:
            continue  # a table or a token of its own may well start at 0
        row = checked.rows[at]
        last = is_last(checked, row)
        if last or not feeds(checked.rows, at):
            ending.append(parameter.name)
        else:
            text = f"{parameter.name} is all 0: nothing passes through it, and no gradient comes back."
            yield CheckFinding("zero-weights", "bad", parameter.name, text, initialise(row), (row.name,))
    if ending:
        more = len(ending) > 1
        text = f"{and_others(ending[0], len(ending) - 1, 'matrices')} {'are' if more else 'is'} all 0 and "
        text += f"{'end' if more else 'ends'} a branch or the network: below, nothing learns in the first step only."
        yield CheckFinding("zero-weights", "note", ending[0], text)


def no_gradient(checked: Checked) -> Iterator[CheckFinding]:
    """Parameters that want a gradient and get none, and modules that never ran."""
    uncalled = set(checked.uncalled)
    for parameter in checked.weights:
        if parameter.trained and not parameter.has_grad and _owner(parameter.name) not in uncalled:
            text = f"{parameter.name} gets no gradient: the loss does not depend on it."
            cure = "use it in the forward pass, or take it out"
            yield CheckFinding("no-gradient", "warn", parameter.name, text, cure)
    for name in checked.uncalled:
        own = [parameter for parameter in checked.weights if _owner(parameter.name) == name]
        if own and not any(parameter.has_grad for parameter in own):
            text = f"{name or THE_MODEL} is never called, and its parameters get no gradient."
            yield CheckFinding("never-called", "warn", name, text, "call it in the forward pass, or take it out")


def bias_before_norm(checked: Checked) -> Iterator[CheckFinding]:
    """Biases whose output goes straight into a norm that takes the mean of each channel away."""
    if not checked.cancelled:
        return
    bias, norm = checked.cancelled[0]
    more = len(checked.cancelled) - 1
    does = "do nothing: the norms" if more else f"does nothing: {norm}"
    text = f"{and_others(bias, more, 'biases')} {does} right behind {'them' if more else 'it'} "
    text += f"{'take' if more else 'takes'} the mean away."
    yield CheckFinding("bias-before-norm", "warn", bias, text, "build the layer with bias=False")


def _owner(parameter: str) -> str:
    return parameter.rpartition(".")[0]
