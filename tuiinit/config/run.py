"""What a run is: a frozen, validated configuration, read from options or TOML.

A configuration together with its seed decides every number of a run on the CPU. Two lanes with equal
configurations are the same lane; `RunConfig.key` names it.
"""

from __future__ import annotations

import hashlib
import itertools
import secrets
from typing import Any, Literal, get_args

import msgspec

from .nonlinearities import NONLINEARITIES, NonlinearityName
from .values import MAX_LAYERS, ConfigError, _digits, _short, format_number, parse_number

OptimizerName = Literal["sgd", "momentum", "adam", "adamw", "rmsprop"]
DeviceName = Literal["auto", "cpu", "cuda"]
BatchNormStyle = Literal["lecture", "torch"]

OPTIMIZERS: tuple[OptimizerName, ...] = get_args(OptimizerName)
DEVICES: tuple[DeviceName, ...] = get_args(DeviceName)

MAX_WIDTH = 4096
MAX_PARAMETERS = 50_000_000
MAX_NUMBER = 1e30  # of gain and the like: float32, and PyTorch's operators on it, take no more than 3e38
MAX_STEP = 10**12
MAX_PROCESSES = 256  # engines at once, whatever is asked for: beyond, they only wait for each other


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A hyperparameter that changes once `step` steps have been executed."""

    step: int
    name: Literal["lr", "optimizer", "batch_size"]
    value: float | int | str

    def __post_init__(self) -> None:
        if self.name == "lr" and isinstance(self.value, int):
            msgspec.structs.force_setattr(self, "value", float(self.value))


_FLOATS = (
    "gain", "embedding_scale", "output_scale", "bn_momentum", "bn_eps", "lr", "momentum", "beta1", "beta2", "alpha",
    "weight_decay",
)  # fmt: skip
LATER: dict[str, Any] = {"column": None, "bias_scale": (0.0, 0.0)}
CHANGEABLE = ("lr", "optimizer", "batch_size")


class RunConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One network, its data and its training. The defaults are the lecture's network without batch norm."""

    data: str | None = None  # a file of words, or the name of a piped source; None is the list that is shipped
    column: str | None = None  # of a table (CSV, TSV): its name in the first row, or its number; None takes lines
    seed: int = 2147483647
    device: DeviceName = "auto"

    context: int = 3  # characters that predict the next one
    embedding: int = 10  # numbers per character
    hidden: tuple[int, ...] = (100, 100, 100, 100, 100)
    nonlinearity: NonlinearityName = "tanh"

    gain: float = 5 / 3  # factor on every linear weight; without batch norm on all but the output's
    fan_in_scaling: bool = True  # divide every weight by sqrt(fan_in)
    embedding_scale: float = 1.0
    output_scale: float = 0.1  # factor on the output's weight, or on its gamma with batch norm
    bias_scale: tuple[float, float] = (0.0, 0.0)  # std of the first biases: hidden layers, output; 0 draws none

    bn: bool = False  # batch norm after every linear layer, the output layer too
    bn_style: BatchNormStyle = "lecture"  # unbiased variance as in the lecture, or PyTorch's biased one
    bn_momentum: float = 0.1
    bn_eps: float = 1e-5
    bias_before_bn: bool = False

    optimizer: OptimizerName = "sgd"
    lr: float = 0.1
    momentum: float = 0.9  # of "momentum" (SGD with momentum) only
    beta1: float = 0.9  # of Adam and AdamW
    beta2: float = 0.999  # of Adam and AdamW
    alpha: float = 0.99  # of RMSprop
    weight_decay: float = 0.01  # of AdamW only
    batch_size: int = 32
    schedule: tuple[Change, ...] = ()

    def __post_init__(self) -> None:
        for name in _FLOATS:  # 3 and 3.0 are one gain, and one key
            msgspec.structs.force_setattr(self, name, _plain(getattr(self, name)))
        if not isinstance(self.hidden, tuple):
            msgspec.structs.force_setattr(self, "hidden", tuple(self.hidden))
        msgspec.structs.force_setattr(self, "bias_scale", tuple(map(_plain, self.bias_scale)))
        _check(self)

    @property
    def key(self) -> str:
        """A short name of this configuration, the same in every process."""
        # Later settings are left out at their default: in sessions recorded before them, lanes keep their names.
        settings = msgspec.structs.asdict(self).items()
        named = {name: value for name, value in settings if name not in LATER or value != LATER[name]}
        return hashlib.blake2s(msgspec.msgpack.encode(named), digest_size=6).hexdigest()

    def replace(self, **changes: Any) -> RunConfig:
        """A copy with some settings changed, validated again."""
        return msgspec.structs.replace(self, **changes)

    def at(self, step: int) -> RunConfig:
        """The configuration in force for the step after `step` executed ones, without a schedule."""
        values: dict[str, Any] = {c.name: c.value for c in self.schedule if c.step <= step}
        return self.replace(schedule=(), **values)

    def until(self, step: int) -> RunConfig:
        """The configuration as far as it matters to the first `step` steps."""
        return self.replace(schedule=tuple(c for c in self.schedule if c.step < step))

    def changed(self, step: int, name: str, value: float | int | str) -> RunConfig:
        """The configuration with lr, optimizer or batch size changed from `step` on.

        Later changes of the same setting are dropped: the new value holds from here on.
        """
        if name not in CHANGEABLE:
            raise ConfigError(f"{name} cannot change while a network trains")
        if step == 0:
            schedule = tuple(c for c in self.schedule if c.name != name)
            return self.replace(**{name: value}, schedule=schedule)
        kept = tuple(c for c in self.schedule if c.name != name or c.step < step)
        before = getattr(self.replace(schedule=kept).at(step), name)
        if before != value:
            kept += (Change(step, name, value),)  # type: ignore[arg-type]
        return self.replace(schedule=tuple(sorted(kept, key=lambda c: c.step)))


def _check(config: RunConfig) -> None:
    def need(ok: bool, sentence: str) -> None:
        if not ok:
            raise ConfigError(sentence)

    def within(name: str, low: int | float, high: int | float) -> None:
        value = getattr(config, name)  # NaN is in no range
        shown = f"{value:.6g}" if isinstance(value, float) else _short(repr(value))
        need(
            isinstance(value, int | float) and low <= value <= high,
            f"{name} must be a number from {low} to {high}, not {shown}",
        )

    for name in ("gain", "output_scale", "embedding_scale", "lr"):
        within(name, 0, MAX_NUMBER)
    need(
        len(config.bias_scale) == 2 and all(0 <= scale <= MAX_NUMBER for scale in config.bias_scale),
        f"bias_scale must be two numbers from 0 to {MAX_NUMBER:g}, not {_short(str(list(config.bias_scale)))}",
    )
    for name in ("momentum", "beta1", "beta2", "alpha"):
        within(name, 0, 1)
        need(getattr(config, name) < 1, f"{name} must be below 1, not {getattr(config, name):g}")
    within("weight_decay", 0, MAX_NUMBER)
    within("bn_momentum", 0, 1)
    within("bn_eps", 0, MAX_NUMBER)
    need(config.bn_eps > 0, "bn_eps must be above 0: a unit that never varies would be divided by 0")
    within("batch_size", 1, 65_536)
    within("seed", 0, 2**63 - 1)
    within("context", 1, 64)
    within("embedding", 1, MAX_WIDTH)
    for name in ("batch_size", "seed", "context", "embedding"):
        need(type(getattr(config, name)) is int, f"{name} must be a whole number, not {getattr(config, name)}")
    need(len(config.hidden) <= MAX_LAYERS, f"hidden has {len(config.hidden)} layers; {MAX_LAYERS} is the most")
    need(len(config.hidden) >= 1, "hidden needs at least one layer")
    for width in config.hidden:
        need(1 <= width <= MAX_WIDTH, f"a hidden layer's width must be from 1 to {MAX_WIDTH}, not {width}")
    fans = (config.context * config.embedding, *config.hidden)
    size = sum(a * b for a, b in itertools.pairwise(fans))
    need(size <= MAX_PARAMETERS, f"hidden makes {size:,} weights; {MAX_PARAMETERS:,} is the most")
    for name, allowed in (
        ("nonlinearity", NONLINEARITIES),
        ("optimizer", OPTIMIZERS),
        ("device", DEVICES),
        ("bn_style", get_args(BatchNormStyle)),
    ):
        value = getattr(config, name)
        need(value in allowed, f"{name} must be one of {', '.join(allowed)}, not {value!r}")
    for name, what in (("data", "a file's name"), ("column", "a column's name")):
        text = getattr(config, name) or ""
        need(not any("\ud800" <= c <= "\udfff" for c in text), f"{name} {text!r}: {what} must be UTF-8")
    need(
        not (config.bn and config.batch_size == 1),
        "batch norm needs a batch_size of at least 2: one example has no variance",
    )
    for change in config.schedule:
        need(
            1 <= change.step <= MAX_STEP,
            f"a change in the schedule must come at a step from 1 to {MAX_STEP}, not {_short(repr(change.step))}",
        )
        base = {"schedule": (), change.name: change.value}
        if change.name in ("lr", "batch_size"):
            need(not isinstance(change.value, str), f"{change.name} must be a number, not {change.value!r}")
        if change.name == "batch_size":
            need(isinstance(change.value, int), f"batch_size must be a whole number, not {change.value}")
        config.replace(**base)


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


DEFAULT = RunConfig()


def parse_pair(text: str) -> tuple[float, float]:
    """Two numbers from text such as `1,0`. Raises ConfigError where there are not two."""
    parts = text.split(",")
    if len(parts) != 2:
        raise ConfigError(f"{text!r} is not two numbers such as 1,0: of the hidden layers, and of the output")
    return parse_number(parts[0]), parse_number(parts[1])


def parse_change(text: str) -> Change:
    """A change of the schedule from text such as `150000:lr=0.01`.

    Raises:
        ConfigError: the text is no such change.
    """
    step, colon, rest = text.partition(":")
    name, equals, value = rest.partition("=")
    if not (colon and equals and step.strip().isdecimal() and name.strip() in CHANGEABLE):
        raise ConfigError(f"change {text!r} does not read STEP:NAME=VALUE with lr, optimizer or batch_size")
    name = name.strip()
    parsed: float | int | str = value.strip()
    if name == "lr":
        parsed = parse_number(value.strip())
    elif name == "batch_size":
        parsed = _digits(value, f"change {text!r}: batch_size must be a whole number")
    at = _digits(step, f"change {_short(repr(text))} must come at a step from 1 to {MAX_STEP}")
    return Change(at, name, parsed)  # type: ignore[arg-type]


def format_pair(values: tuple[float, float]) -> str:
    """Two numbers as a person writes them: `1, 0`."""
    return ", ".join(map(format_number, values))


def random_seed() -> int:
    """A seed that nobody chose."""
    return secrets.randbelow(2**31)


def differences(now: RunConfig, before: RunConfig) -> list[tuple[str, object, object]]:
    """The settings in which two configurations differ: (name, now, before), schedules left out."""
    return [
        (name, getattr(now, name), getattr(before, name))
        for name in RunConfig.__struct_fields__
        if name != "schedule" and getattr(now, name) != getattr(before, name)
    ]
