"""One step of any model, looked at: a row for each call of each leaf module, figures taken inside the forward pass.

Notable: hooks are PyTorch's global ones and exist only while a `Catch` is open, so the model object is never
touched: it can be copied, pickled and saved meanwhile. Outputs are read in the hook, before an operation in place
can overwrite them, and gradients by `Tensor.register_hook`, which tells the gradient of just that value. Nothing
of the graph is kept, no random number is drawn, and no failure in here reaches the training.
"""

from __future__ import annotations

import math
import re
import weakref
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

from ..stream import protocol
from .activations import ATTENTION, FLAT, FUNCTIONS, activation_of
from .fetch import Described, Fetch
from .layers import is_norm
from .models import in_backward, leaves_of, tensors_in, unseen, unwrapped
from .rows import Figures, Join, Row
from .sampling import local, moments, sample
from .stream import JOINS, RESCALING, Stream, kind_of_join
from .units import look_at_units

NO_HISTOGRAM = protocol.Histogram(lo=0.0, hi=0.0, counts=(), outside=0.0)
AT_ONCE = 2**18  # values; what is larger is described inside the hook, so that no copy of it waits
CHANNELS_FIRST = re.compile(r"(Conv|BatchNorm|InstanceNorm|GroupNorm)")
Came = tuple[Figures, Callable[[], float], tuple[int, ...]]  # of an input: moments, E[x²], shape


class Catch:
    """Rows of the first training forward of a step, and the gradients that come back to them.

    Open it (`with`), let a forward and a backward run, close it, then `fetch()` and read the rows. A training
    forward is one with gradients enabled, of a module in training mode, outside of a backward pass: evaluation in
    between does not count, and of later micro-batches only the number is known.

    Args:
        model: any module; wrappers by `torch.compile` and DistributedDataParallel are seen through.
        samples: values taken of a tensor; None takes all.
        details: figures of what comes in, and units that are dead, too. They need whole tensors.
        histograms: of outputs and gradients; without them only mean and std are taken, in double precision.
        calls: of one module; further ones are counted in `left_out`. None: all.
        most: rows; activations and the largest parameters come first, the others are counted in `left_out`.
        only: names to look at.
        whole: is called with what the whole model gives, at each training forward.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        samples: int | None = None,
        details: bool = False,
        histograms: bool = True,
        calls: int | None = None,
        most: int | None = None,
        only: re.Pattern[str] | None = None,
        whole: Callable[[Any], None] | None = None,
    ) -> None:
        self.model = unwrapped(model)
        self.rows: list[Row] = []
        self.joins: list[Join] = []  # with `details` only
        self.micro_batches = 0
        self.left_out = 0
        self.failure: Exception | None = None
        self.calls: Counter[str] = Counter()  # of every module of the model, rows or not
        self._samples, self._details, self._histograms, self._most_calls = samples, details, histograms, calls
        self._whole = whole
        self._stream = Stream()
        self._known: dict[int, tuple[weakref.ref[Tensor], int, Figures]] = {}  # outputs that come in somewhere next
        self._names = {id(module): name for name, module in self.model.named_modules()}
        self._leaves = leaves_of(self.model, most, only)
        self._fetch = Fetch()
        self._handles: list[RemovableHandle] = []
        self._stack: list[tuple[str, bool]] = []  # modules that are running, and whether functions in them are rows
        self._taking = _NOTHING
        self._over = False
        self._training = False  # the whole model runs a training forward
        self._mode: _Functions | None = None
        self._inputs: list[Came | None] = []
        self._channels_first = False
        self._open = False
        self._grad_enabled = False

    def __enter__(self) -> Catch:
        self._handles = [
            register_module_forward_pre_hook(self._guarded(self._before)),
            register_module_forward_hook(self._guarded(self._after), always_call=True),
        ]
        self._open = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take no more; nothing stays hooked."""
        self._open = False
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._leave_mode()

    @property
    def waiting(self) -> Fetch:
        """What `fetch` will bring to the host."""
        return self._fetch

    def ask(self, values: Tensor) -> Callable[[], Any]:
        """Have a small tensor fetched together with the rows' figures."""
        return self._fetch.ask(values)

    def moments(self, values: Tensor) -> Callable[[], tuple[bool, float, float]] | None:
        """Have mean and std of all values of a tensor fetched together with the rows: whether finite, and both."""
        return moments(values, None, self._fetch)

    def look(self, values: Tensor) -> Figures:
        """Have a tensor described together with the rows."""
        if not self._histograms:
            return self._moments(values)
        taken = sample(values, self._samples)
        if not taken.numel():
            return lambda: None
        if taken.numel() <= AT_ONCE:
            later = self._fetch.look(taken[None])
            return lambda: later()[0]
        now = Fetch()
        described = now.look(taken[None])
        now.fetch()
        return lambda: described()[0]

    def _moments(self, values: Tensor) -> Figures:
        asked = moments(values, self._samples, self._fetch)

        def figures() -> Described | None:
            return None if asked is None else Described(*asked(), NO_HISTOGRAM)

        return figures

    def _coming_in(self, values: Tensor) -> Figures:
        """Figures of an input; it is often just what another module gave, as it was."""
        known = self._known.get(id(values))
        if known is not None and known[0]() is values and known[1] == _version(values):
            return known[2]
        return self._moments(values)

    def fetch(self) -> None:
        """Bring the figures to the host, in one transfer."""
        self.close()
        self._fetch.fetch()

    # -------------------------------------------------------------------------------------------- hooks

    def _guarded(self, hook: Callable[..., None]) -> Callable[..., None]:
        def guarded(*given: Any) -> None:
            if not self._open:
                return
            try:
                self._grad_enabled = torch.is_grad_enabled()
                with torch.no_grad(), unseen(self._mode):
                    hook(*given)
                if not self._stack:
                    self._leave_mode()
            except Exception as error:
                self.failure = error
                self.close()

        return guarded

    def _before(self, module: nn.Module, given: tuple[Any, ...]) -> None:
        name = self._names.get(id(module))
        if name is None:
            return
        if not self._stack:
            self._taking = self._begins(module)
            if self._taking is _FORWARD:
                self._mode = _Functions(self)
                self._mode.__enter__()  # type: ignore[no-untyped-call]
        leaf = id(module) in self._leaves
        whole = leaf and not any(True for _ in module.children()) and not any(True for _ in module.parameters())
        self._stack.append((name, self._taking is _FORWARD and not whole and activation_of(module) is None))
        asked = None
        if self._details and leaf and self._taking is _FORWARD:
            came = next((tensor for _, tensor in tensors_in(given)), None)
            if came is not None and came.numel():
                figures, n = self._coming_in(came), came.numel()
                asked = figures, lambda: _square(figures(), n), tuple(came.shape)
        self._inputs.append(asked)

    def _begins(self, module: nn.Module) -> int:
        if in_backward():
            return _RECOMPUTATION
        if not (self._grad_enabled and module.training):
            return _NOTHING
        root = module is self.model
        if root:
            self.micro_batches += 1
            self._training = True
        if self._over or (root and self.micro_batches > 1):
            return _NOTHING
        return _FORWARD

    def _after(self, module: nn.Module, given: tuple[Any, ...], output: Any) -> None:
        name = self._names.get(id(module))
        if name is None or not any(entered == name for entered, _ in self._stack):
            return
        while self._stack.pop()[0] != name:  # a module that raised may have left without its hook
            self._inputs.pop()
        came = self._inputs.pop()
        if self._taking is _FORWARD:
            self.calls[name] += 1
        if id(module) in self._leaves and output is not None:
            if self._taking is _FORWARD:
                self._take_module(name, module, output, came)
                if given and not is_norm(module) and not any(True for _ in module.parameters()):
                    self._stream.go_on(given[0], output)
            elif self._taking is _RECOMPUTATION:
                self._take_again(name, output)
        if not self._stack and module is self.model and self._training:
            self._training, self._over = False, True
            if self._whole is not None and output is not None:
                self._whole(output)

    def _leave_mode(self) -> None:
        if self._mode is not None:
            mode, self._mode = self._mode, None
            with suppress(Exception):
                mode.__exit__(None, None, None)  # type: ignore[no-untyped-call]

    # -------------------------------------------------------------------------------------------- rows

    def _take_module(self, name: str, module: nn.Module, output: Any, came: Came | None) -> None:
        kind = type(module).__name__
        activation = activation_of(module)
        for suffix, tensor in tensors_in(output):
            if self._most_calls is not None and self.calls[name] > self._most_calls:
                self.left_out += 1
                continue
            if any(True for _ in module.parameters(recurse=False)) and tensor.ndim >= 3:
                self._channels_first = bool(CHANNELS_FIRST.match(kind)) and tensor.ndim >= 3
            row = Row(name + suffix, kind, self.calls[name], tuple(tensor.shape), activation, module)
            if activation is not None and activation != "rrelu":  # that one draws random numbers
                row.curve = module.forward
            if came is not None and not suffix:
                row.input, row.input_square, row.input_shape = came
            self._take(row, tensor)

    def called(self, name: str, function: Callable[..., Any], given: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Call a function for a model that calls it, and take its row."""
        came: list[Figures | None] = []
        self._guarded(lambda: came.append(self._look_into(name, given, named)))()
        first = given[0] if given else None
        output = function(*given, **named)
        rest = given[1:], {key: value for key, value in named.items() if key not in ("input", "out")}
        self._guarded(self._take_function)(name, function, output, rest, came[0] if came else None, first)
        return output

    def joined(self, kind: str, output: Any, given: tuple[Any, ...]) -> None:
        """Note a sum or product of signals, or a softmax, if it is one."""
        if not (self._details and self._open and self._stack and self._stack[-1][1] and isinstance(output, Tensor)):
            return
        if (joining := kind_of_join(kind, output, given)) is None:
            return
        kind, signals = joining
        figures, n = self._moments(output), output.numel()
        before = [place for part in signals if (place := self._stream.of(part)) is not None]
        join = Join(
            self._stack[-1][0], kind, tuple(output.shape), lambda: _square(figures(), n), max(before, default=None)
        )
        self._stream.put(output, len(self.joins))
        self.joins.append(join)

    def _look_into(self, name: str, given: tuple[Any, ...], named: dict[str, Any]) -> Figures | None:
        """Figures of what goes into a function, before it may be overwritten."""
        value = given[0] if given else named.get("input")
        wanted = self._details and self._open and name != ATTENTION
        return self._coming_in(value) if wanted and isinstance(value, Tensor) and value.is_floating_point() else None

    def _take_function(
        self, name: str, function: Callable[..., Tensor], output: Any, rest: Any, came: Figures | None, first: Any
    ) -> None:
        if not (self._open and self._stack and self._stack[-1][1] and isinstance(output, Tensor)):
            return
        owner = self._stack[-1][0]
        full = f"{owner}.{name}" if owner else name
        self.calls[full] += 1
        if self._most_calls is not None and self.calls[full] > self._most_calls:
            self.left_out += 1
            return
        activation = None if name == ATTENTION else name
        row = Row(full, name, self.calls[full], tuple(output.shape), activation, input=came)
        if came is not None and name != "rrelu":
            given, named = rest
            row.curve = partial(_applied, function, given, named)
        self._take(row, output)
        if activation is not None:
            self._stream.go_on(first, output)

    def _take(self, row: Row, tensor: Tensor) -> None:
        self.rows.append(row)
        if tensor.ndim > 1:
            row.axis = 1 if tensor.ndim >= 3 and self._channels_first else tensor.ndim - 1
        row.joins = len(self.joins)
        row.output = self.look(tensor)
        if self._details and self._samples is None:
            with suppress(RuntimeError):  # a tensor made in inference mode keeps no version
                self._known[id(tensor)] = weakref.ref(tensor), _version(tensor), row.output
        flat = FLAT.get(row.activation or "")
        if flat is not None and tensor.numel():
            if self._details:
                self._take_units(row, flat.mask(local(tensor)))
            else:
                share = self._fetch.ask(flat.mask(sample(tensor, self._samples)).float().mean())
                row.saturated = lambda: float(share())
            if self._histograms:
                before = sum(other.flatness is not None for other in self.rows)
                row.flatness = look_at_units(flat, tensor, row.axis, before, self._fetch)
        row.without_grad = not tensor.requires_grad
        self._await_gradient(row, tensor)

    def _take_units(self, row: Row, mask: Tensor) -> None:
        share = self._fetch.ask(mask.float().mean())
        row.saturated = lambda: float(share())
        axis = row.axis
        if axis is None:
            return
        row.units, row.rows = mask.shape[axis], mask.numel() // mask.shape[axis]
        dead = self._fetch.ask(mask.transpose(0, axis).reshape(row.units, -1).all(1).sum().float())
        row.dead = lambda: int(dead())

    def _take_again(self, name: str, output: Any) -> None:
        """A checkpointed segment that ran without gradients first runs again, now with them."""
        for suffix, tensor in tensors_in(output):
            waiting = [row for row in self.rows if row.name == name + suffix]
            if len(waiting) == 1 and waiting[0].without_grad and waiting[0].grad is None:
                self._await_gradient(waiting[0], tensor)

    def _await_gradient(self, row: Row, tensor: Tensor) -> None:
        if not tensor.requires_grad:
            return

        def came(grad: Tensor) -> None:
            self._over = True
            if row.grad is None:
                row.grad = self.look(grad)

        tensor.register_hook(self._guarded(came))  # type: ignore[no-untyped-call]


class _Functions(TorchFunctionMode):
    """Sees activations and attention that are called as functions, with the module that they ran in."""

    def __init__(self, catch: Catch) -> None:
        super().__init__()
        self._catch = catch

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = FUNCTIONS.get(function)
        if name is not None:
            return self._catch.called(name, function, args, kwargs)
        output = function(*args, **kwargs)
        if args and (kind := JOINS.get(function) or RESCALING.get(function)) is not None:
            self._catch._guarded(self._catch.joined)(kind, output, args)
        return output


def _version(values: Tensor) -> int:
    return int(values._version)


def _square(figures: Described | None, n: int) -> float:
    """E[x²] from mean and unbiased std of n values; NaN where they are not finite."""
    if figures is None or not figures.finite:
        return math.nan
    return figures.mean**2 + figures.std**2 * (n - 1) / n


def _applied(function: Callable[..., Tensor], given: tuple[Any, ...], named: dict[str, Any], values: Tensor) -> Tensor:
    return function(values, *given, **named)


_NOTHING, _FORWARD, _RECOMPUTATION = range(3)
