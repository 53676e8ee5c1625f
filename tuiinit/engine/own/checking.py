"""A person's network built and looked at once: one forward and one backward, no step of its optimizer."""

from __future__ import annotations

import math
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter

from ...config.nonlinearities import LEAKY_SLOPE
from ...measure.activations import FLAT
from ...measure.catching import Catch
from ...measure.feeding import feeders
from ...measure.fetch import Described
from ...measure.layers import Began, began, fans, is_norm
from ...measure.local_theory import keeping_gain, predicted_std
from ...measure.models import in_backward, unwrapped
from ...measure.rows import Row
from ...measure.sampling import local
from ...stream.checked import Check, Checked, CheckedJoin, CheckedParameter, CheckedRow
from . import target as targets
from .building import Built, Inputs, build, inputs_of, loss_of, moved, on_device
from .choices import plain
from .drawing import batches
from .expecting import Expecting
from .lsuv import rescale
from .randomness import seed_all
from .target import OwnError, Target, own_code

CANCELLING = (nn.modules.batchnorm._BatchNorm, nn.modules.instancenorm._InstanceNorm)


def check(command: Check, device_of: Callable[[str], torch.device]) -> Checked:
    """Build the network of a command and look at it.

    Args:
        command: what to build.
        device_of: the device that a name asks for.

    Raises:
        OwnError: the person's code failed.
    """
    started = time.perf_counter()
    function = targets.find(Target.of(command.target))
    given = targets.settings(function, command.settings)
    inputs = Inputs(command.shape, command.tokens) if command.shape is not None else None
    device = device_of(command.device)
    seed_all(command.seed)
    with uninitialised_filled():
        built = build(function, given, inputs)
    built = on_device(built, device)
    one_pass = batches(built.setup.batches)
    batch = next(one_pass, None)
    if batch is None:
        raise OwnError("there is no first batch: the batches are empty")
    batch = moved(batch, device)
    built.model.train()
    factors = {}
    if command.lsuv is not None:
        with eagerly():
            factors = rescale(built, batch)
        with own_code(f"the weights could not be written to {command.lsuv}"):
            torch.save(built.model.state_dict(), command.lsuv)
    return looked_at(
        built,
        batch,
        target=command.target,
        settings={knob.name: plain(given.get(knob.name, knob.default)) for knob in targets.knobs(function)},
        device=str(device),
        lsuv=factors,
        started=started,
    )


@contextmanager
def uninitialised_filled() -> Iterator[None]:
    """Inside, memory that nobody wrote to holds NaN, so that a parameter left as `torch.empty` shows."""
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    filling: Any = torch.utils.deterministic
    filled = filling.fill_uninitialized_memory
    _deterministic(True, warn_only=True)
    filling.fill_uninitialized_memory = True
    try:
        yield
    finally:
        _deterministic(before[0], warn_only=before[1])
        filling.fill_uninitialized_memory = filled


@contextmanager
def eagerly() -> Iterator[None]:
    """Inside, what was compiled runs as it was written, so that hooks see every layer; PyTorch can since 2.6."""
    set_stance = getattr(torch.compiler, "set_stance", None) if "torch._dynamo" in sys.modules else None
    if set_stance is None:
        yield
        return
    set_stance("force_eager")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Using `torch.compile")
            yield
    finally:
        set_stance("default")


def _deterministic(on: bool, *, warn_only: bool) -> None:
    """As `torch.use_deterministic_algorithms`, which loads the compiler first: two seconds that nobody needs here."""
    switch = getattr(torch._C, "_set_deterministic_algorithms", None) or torch.use_deterministic_algorithms
    switch(on, warn_only=warn_only)


def looked_at(
    built: Built,
    batch: Any,
    *,
    target: str,
    settings: Mapping[str, Any],
    device: str,
    lsuv: Mapping[str, float],
    started: float,
) -> Checked:
    """One forward and backward, and all figures of it. Raises OwnError."""
    model = unwrapped(built.model)
    for parameter in model.parameters():
        parameter.grad = None
    expecting = Expecting()
    with eagerly(), Catch(model, details=True, histograms=False) as catch:
        with expecting:
            loss = loss_of(built, batch)
        with own_code("the backward pass failed"):
            loss.backward()  # type: ignore[no-untyped-call]
        assert not in_backward()
    parameters = [_parameter(catch, name, aliases, p) for name, aliases, p in _parameters(model)]
    asked = catch.ask(loss.detach())
    catch.fetch()
    if catch.failure is not None:
        raise catch.failure
    feeding = feeders(catch.rows, catch.joins)
    starts = _beginnings(catch.rows)
    value = float(asked())
    expected = expecting.of(value)
    return Checked(
        target=target,
        settings=dict(settings),
        device=device,
        parameters=sum(p.numel() for _, _, p in _parameters(model)),
        inputs=inputs_of(batch),
        labels=built.labels,
        loss=value if math.isfinite(value) else None,
        expected_loss=expected[0] if expected is not None else None,
        expected_of=expected[1] if expected is not None else "",
        rows=tuple(_row(catch.rows, i, feeding, starts) for i in range(len(catch.rows))),
        weights=tuple(made() for made in parameters),
        joins=tuple(
            CheckedJoin(owner=j.owner, kind=j.kind, shape=j.shape, rms=_root(j.square()), continues=j.continues)
            for j in catch.joins
        ),
        uncalled=tuple(
            name
            for name, module in model.named_modules()
            if any(True for _ in module.parameters(recurse=False)) and not catch.calls[name]
        ),
        cancelled=tuple(_cancelled(catch.rows, feeding, model)),
        lsuv=dict(lsuv),
        seconds=time.perf_counter() - started,
    )


def _root(square: float) -> float | None:
    return math.sqrt(square) if math.isfinite(square) else None


def _rms(figures: Described | None, shape: tuple[int, ...]) -> float | None:
    if figures is None or not figures.finite:
        return None
    n = max(1, math.prod(shape))
    return math.sqrt(figures.mean**2 + figures.std**2 * (n - 1) / n)


def _beginnings(rows: list[Row]) -> dict[int, Began]:
    """How each layer's matrix began, by the layer's id: once, however often it is called."""
    found: dict[int, Began] = {}
    for module in (row.module for row in rows):
        fan = fans(module) if module is not None and id(module) not in found else None
        weight = getattr(module, "weight", None)
        if fan is not None and isinstance(weight, Tensor):
            found[id(module)] = began(weight, fan)
    return found


def _row(rows: list[Row], at: int, feeding: list[int | None], starts: Mapping[int, Began]) -> CheckedRow:
    row = rows[at]
    output = row.output()
    grad = row.grad() if row.grad is not None else None
    sound = output is not None and output.finite
    flat = FLAT.get(row.activation or "")
    module = row.module
    weight = getattr(module, "weight", None)
    fan = fans(module) if module is not None else None
    beginning = starts.get(id(module))
    came = row.input_square() if row.input_square is not None else None
    own = module is not None and isinstance(weight, nn.Parameter)  # a parametrized weight is worked out, not kept
    return CheckedRow(
        name=row.name,
        kind=row.kind,
        call=row.call,
        shape=row.shape,
        activation=row.activation,
        bounded=flat is not None and flat.bounded,
        norm=module is not None and is_norm(module),
        feeder=feeding[at],
        joins=row.joins,
        input_rms=_root(came) if came is not None else None,
        mean=output.mean if sound and output is not None else None,
        std=output.std if sound and output is not None else None,
        finite=output is None or output.finite,
        predicted_std=predicted_std(row, beginning.std if beginning is not None else None),
        saturated=row.saturated() if row.saturated is not None else None,
        dead=row.dead() if row.dead is not None else None,
        units=row.units,
        unit_rows=row.rows,
        grad_std=grad.std if grad is not None and grad.finite else None,
        grad_rms=_rms(grad, row.shape),
        grad_finite=grad is None or grad.finite,
        weight=f"{row.name}.weight".lstrip(".") if own else None,
        weight_std=beginning.std if beginning is not None else None,
        fan_in=fan.fan_in if fan is not None else None,
        gain=beginning.gain if beginning is not None and math.isfinite(beginning.gain) else None,
        advised_gain=_advised(rows, at, feeding) if fan is not None else None,
        initialiser=beginning.initialiser if beginning is not None else None,
    )


#: What PyTorch's table says (`torch.nn.init.calculate_gain`); for others the gain that keeps the mean square.
TABLE = {"tanh": 5 / 3, "sigmoid": 1.0, "relu": math.sqrt(2), "leaky_relu": math.sqrt(2 / (1 + LEAKY_SLOPE**2))}


def _advised(rows: list[Row], at: int, feeding: list[int | None]) -> float | None:
    """The gain that keeps the signal through what follows; none before a norm, which undoes any gain."""
    follower = _follower(rows, at, feeding)
    if follower is None:
        return 1.0
    if follower.module is not None and is_norm(follower.module):
        return None
    if follower.activation is None:
        return 1.0
    if follower.activation == "leaky_relu" and follower.module is not None:
        slope = float(getattr(follower.module, "negative_slope", LEAKY_SLOPE))
        return math.sqrt(2 / (1 + slope**2))
    if follower.activation in TABLE:
        return TABLE[follower.activation]
    return keeping_gain(follower.curve) if follower.curve is not None else None


#: Modules that leave the scale of a signal as it is, or about: the gain is for what comes after them.
PASSING = (
    nn.Identity, nn.Flatten, nn.Unflatten, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout,
    nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d,
)  # fmt: skip


def _follower(rows: list[Row], at: int, feeding: list[int | None]) -> Row | None:
    """The row that a row's output goes into, behind those that only pass it on."""
    while (at := next((i for i, feeder in enumerate(feeding) if feeder == at), -1)) >= 0:
        if not isinstance(rows[at].module, PASSING):
            return rows[at]
    return None


def _parameters(model: nn.Module) -> Iterator[tuple[str, tuple[str, ...], nn.Parameter]]:
    names: dict[int, list[str]] = {}
    found: dict[int, nn.Parameter] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
        found[id(parameter)] = parameter
    for key, parameter in found.items():
        if isinstance(parameter, UninitializedParameter):
            continue  # of a lazy module that was never called
        first, *others = names[key]
        yield first, tuple(others), parameter


def _parameter(
    catch: Catch, name: str, aliases: tuple[str, ...], parameter: nn.Parameter
) -> Callable[[], CheckedParameter]:
    values = local(parameter).detach()
    known = catch.moments(values) if values.is_floating_point() else None
    zero = catch.ask((~values.any()).float() if values.numel() else _ZERO)

    def made() -> CheckedParameter:
        finite, mean, std = known() if known is not None else (True, 0.0, 0.0)
        n = max(1, values.numel())
        rms = math.sqrt(mean**2 + std**2 * (n - 1) / n) if finite else None
        return CheckedParameter(
            name=name,
            aliases=aliases,
            shape=tuple(parameter.shape),
            rms=rms,
            zero=bool(zero()),
            trained=parameter.requires_grad,
            has_grad=parameter.grad is not None,
            is_bias=name.rpartition(".")[2].startswith("bias"),
        )

    return made


_ZERO = torch.zeros(())


def _cancelled(rows: list[Row], feeding: list[int | None], model: nn.Module) -> Iterator[tuple[str, str]]:
    """Biases whose output goes straight into a batch or instance norm, which takes their mean away."""
    named = {id(parameter): name for name, parameter in model.named_parameters()}
    seen = set()
    for row, feeder in zip(rows, feeding, strict=True):
        if feeder is None or not isinstance(row.module, CANCELLING):
            continue
        before = rows[feeder]
        bias = getattr(before.module, "bias", None) if before.module is not None else None
        if isinstance(bias, nn.Parameter) and fans(before.module) is not None and id(bias) not in seen:  # type: ignore[arg-type]
            seen.add(id(bias))
            yield named.get(id(bias), f"{before.name}.bias"), row.name
