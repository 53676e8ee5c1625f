"""What a run is: a frozen, validated configuration, read from options or TOML.

A configuration together with its seed decides every number of a run on the CPU. Two lanes with equal
configurations are the same lane; `RunConfig.key` names it.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import tomllib
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import msgspec

from .data import given
from .thresholds import SATURATED_AT

NonlinearityName = Literal["tanh", "linear", "relu", "leaky_relu", "sigmoid", "selu"]
OptimizerName = Literal["sgd", "momentum", "adam", "adamw", "rmsprop"]
DeviceName = Literal["auto", "cpu", "cuda"]
BatchNormStyle = Literal["lecture", "torch"]

NONLINEARITIES: tuple[NonlinearityName, ...] = get_args(NonlinearityName)
OPTIMIZERS: tuple[OptimizerName, ...] = get_args(OptimizerName)
DEVICES: tuple[DeviceName, ...] = get_args(DeviceName)
LECTURE_GAINS = (0.5, 1.0, 5 / 3, 3.0)

MAX_LAYERS = 200
MAX_WIDTH = 4096
MAX_PARAMETERS = 50_000_000
MAX_NUMBER = 1e30  # of gain and the like: float32, and PyTorch's operators on it, take no more than 3e38
MAX_STEP = 10**12
MAX_PROCESSES = 256  # engines at once, whatever is asked for: beyond, they only wait for each other
LONGEST_NUMBER = 20  # digits

SELU_SCALE = 1.0507009873554805
SELU_ALPHA = 1.6732632423543772
LEAKY_SLOPE = 0.01  # PyTorch's default negative slope


class Range(NamedTuple):
    """What is known of a nonlinearity's output: its bounds and where it counts as saturated.

    An output y is saturated when y <= below or y >= above: there the local gradient is (nearly) zero.
    For tanh the thresholds are the lecture's, abs(t) > 0.97; sigmoid's are the same points of the same
    curve (sigmoid(x) = (1 + tanh(x/2)) / 2); relu is flat where its output is 0; selu flattens towards
    its lower asymptote.
    """

    low: float
    high: float
    below: float
    above: float

    @property
    def bounded(self) -> bool:
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def saturates(self) -> bool:
        return math.isfinite(self.below) or math.isfinite(self.above)


RANGES: dict[NonlinearityName, Range] = {
    "tanh": Range(-1, 1, -SATURATED_AT, SATURATED_AT),
    "linear": Range(-math.inf, math.inf, -math.inf, math.inf),
    "relu": Range(0, math.inf, 0, math.inf),
    "leaky_relu": Range(-math.inf, math.inf, -math.inf, math.inf),
    "sigmoid": Range(0, 1, 0.015, 0.985),
    "selu": Range(-SELU_SCALE * SELU_ALPHA, math.inf, -SATURATED_AT * SELU_SCALE * SELU_ALPHA, math.inf),
}


class ConfigError(ValueError):
    """A setting that cannot be: the message is one sentence that names it."""


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


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"


DEFAULT = RunConfig()


def parse_number(text: str | float | int) -> float:
    """A finite number from text; fractions such as 5/3 are welcome.

    Raises:
        ConfigError: the text is no finite number.
    """
    try:
        # Not Fraction(text): it would write out all the digits of 1e999999999.
        above, slash, below = text.partition("/") if isinstance(text, str) else (text, "", "")
        value = float(above) / float(below) if slash else float(above)
    except (ValueError, ZeroDivisionError, OverflowError):
        raise ConfigError(f"{text!r} is not a number") from None
    if not math.isfinite(value):
        raise ConfigError(f"{text!r} is not a finite number")
    return value


def parse_hidden(text: str) -> tuple[int, ...]:
    """Layer widths from text: `100,100,100`, or `50x100` for fifty layers of a hundred.

    Raises:
        ConfigError: the text is no list of widths.
    """
    widths: list[int] = []
    try:
        for part in text.replace("×", "x").replace(" ", "").split(","):
            count, _, width = part.rpartition("x")
            times = int(count) if count else 1
            if not 1 <= times <= MAX_LAYERS:
                raise ConfigError(f"hidden {text!r}: from 1 to {MAX_LAYERS} layers")
            widths += [int(width)] * times
    except ValueError as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"hidden {text!r} is not a list of widths such as 100,100 or 5x100") from None
    return tuple(widths)


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


def _digits(text: str, fault: str) -> int:
    """A whole number written in digits, not thousands of them. Raises ConfigError with `fault`."""
    if not text.strip().isdecimal() or len(text) > LONGEST_NUMBER:
        raise ConfigError(fault)
    return int(text)


def format_number(value: float) -> str:
    """A number as a person writes it: 5/3 rather than 1.6666666666666667."""
    fraction = Fraction(value).limit_denominator(9)
    if fraction.denominator in (3, 6, 7, 9) and float(fraction) == value:
        return str(fraction)
    return f"{value:.6g}"


def format_pair(values: tuple[float, float]) -> str:
    """Two numbers as a person writes them: `1, 0`."""
    return ", ".join(map(format_number, values))


def format_hidden(widths: tuple[int, ...]) -> str:
    """Layer widths as a person writes them: `5 × 100`, or `200, 100`."""
    if len(set(widths)) == 1 and len(widths) > 1:
        return f"{len(widths)} × {widths[0]}"
    return ", ".join(map(str, widths))


def load(path: Path) -> RunConfig:
    """Read a configuration from a TOML file: keys are the fields of RunConfig, gains may be "5/3".

    Raises:
        ConfigError: the file is missing, no TOML, or has a key or value that cannot be.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # no UTF-8, no TOML, a number of thousands of digits, a deep nest
        raise ConfigError(f"{path} is not TOML: {error}") from None
    try:
        return from_table(table)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def from_table(table: dict[str, Any]) -> RunConfig:
    """A configuration from plain values; numbers may be text such as "5/3".

    Raises:
        ConfigError: an unknown key or a value of the wrong kind.
    """
    values = dict(table)
    unknown = sorted(set(values) - set(RunConfig.__struct_fields__))
    if unknown:
        raise ConfigError(f"unknown setting {unknown[0]!r}")
    for name in ("gain", "output_scale", "embedding_scale", "lr"):
        if isinstance(values.get(name), str):
            values[name] = parse_number(values[name])
    for name, parse in (("hidden", parse_hidden), ("bias_scale", parse_pair)):
        if isinstance(values.get(name), str):
            values[name] = parse(values[name])
    if isinstance(column := values.get("column"), int) and not isinstance(column, bool):
        values["column"] = str(column)
    try:
        return msgspec.convert(values, RunConfig)
    except UnicodeError:
        raise ConfigError("a setting's text is not UTF-8") from None
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, ConfigError):
            raise error.__cause__ from None
        raise ConfigError(str(error)[:1].lower() + str(error)[1:]) from None


def to_toml(config: RunConfig) -> str:
    """The settings that differ from the defaults, as TOML that `load` reads back to an equal configuration."""
    lines: list[str] = []
    for name in RunConfig.__struct_fields__:
        value = getattr(config, name)
        if name == "schedule" or value == getattr(DEFAULT, name):
            continue
        if isinstance(value, bool):
            text = "true" if value else "false"
        elif isinstance(value, str):
            text = _toml_string("-" if name == "data" and given.is_name(value) else value)
        elif isinstance(value, tuple):
            text = "[" + ", ".join(map(str, value)) + "]"
        else:
            text = repr(value)
        lines.append(f"{name} = {text}")
    for change in config.schedule:
        value = _toml_string(change.value) if isinstance(change.value, str) else repr(change.value)
        lines += ["", "[[schedule]]", f"step = {change.step}", f'name = "{change.name}"', f"value = {value}"]
    return "\n".join(lines) + "\n"


def _toml_string(text: str) -> str:
    # A JSON string is a TOML basic string but for DEL, which TOML wants escaped.
    return msgspec.json.encode(text).decode().replace("\x7f", "\\u007F")
