"""What a run is: a frozen, validated configuration, read from options or TOML.

A configuration together with its seed decides every number of a run on the CPU. Two lanes with equal
configurations are the same lane; `RunConfig.key` names it.
"""

from __future__ import annotations

import hashlib
import itertools
import secrets
from typing import Any

import msgspec

from .knobs import BY_NAME, SETTINGS
from .names import BatchNormStyle, DeviceName, OptimizerName
from .nonlinearities import NonlinearityName
from .schedule import CHANGEABLE, Change
from .values import ConfigError

MAX_PARAMETERS = 50_000_000
ONE_EXAMPLE = "batch norm needs a batch_size of at least 2: one example has no variance"
MAX_PROCESSES = 256  # engines at once, whatever is asked for: beyond, they only wait for each other


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
        for setting in SETTINGS:  # 3 and 3.0 are one gain, and one key
            msgspec.structs.force_setattr(self, setting.name, setting.kind.plain(getattr(self, setting.name)))
        _check(self)

    @property
    def matrices(self) -> int:
        """How many weight matrices such a network has: the embedding, one a hidden layer, the output."""
        return len(self.hidden) + 2

    @property
    def key(self) -> str:
        """A short name of this configuration, the same in every process."""
        settings = msgspec.structs.asdict(self)
        named = {
            name: value for name, value in settings.items() if not (BY_NAME[name].later and value == _DEFAULTS[name])
        }
        return hashlib.blake2s(msgspec.msgpack.encode(named), digest_size=6).hexdigest()

    def replace(self, **changes: Any) -> RunConfig:
        """A copy with some settings changed, validated again; itself where nothing changes."""
        fields = [(getattr(self, name, changes), value) for name, value in changes.items()]
        if all(type(now) is type(then) and now == then and now is not changes for now, then in fields):
            return self  # asked for some twenty times a draw
        return msgspec.structs.replace(self, **changes)

    def at(self, step: int) -> RunConfig:
        """The configuration in force for the step after `step` executed ones, without a schedule."""
        values: dict[str, Any] = {c.name: c.value for c in self.schedule if c.step <= step}
        return self.replace(schedule=(), **values)

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
            kept += (Change(step, name, value),)
        return self.replace(schedule=tuple(sorted(kept, key=lambda c: c.step)))


_ALIKE = ("data", "column", "device", "batch_size", *(setting.name for setting in SETTINGS if setting.shaping))


def kind_of(config: RunConfig) -> tuple[object, ...]:
    """What is the same of networks that can be trained as a stack: they differ in gain, lr, seed and the like."""
    return tuple(getattr(config, name) for name in _ALIKE)


_DEFAULTS = {field.name: field.default for field in msgspec.structs.fields(RunConfig)}


def _check(config: RunConfig) -> None:
    """Refuse what cannot be: each setting by itself, then what they are together. Raises ConfigError."""
    for setting in SETTINGS:
        setting.kind.check(setting.name, getattr(config, setting.name))
    fans = (config.context * config.embedding, *config.hidden)
    size = sum(a * b for a, b in itertools.pairwise(fans))
    if size > MAX_PARAMETERS:
        raise ConfigError(f"hidden makes {size:,} weights; {MAX_PARAMETERS:,} is the most")
    if config.bn and config.batch_size == 1:
        raise ConfigError(ONE_EXAMPLE)
    for change in config.schedule:
        change.check()
        config.replace(schedule=(), **{change.name: change.value})


DEFAULT = RunConfig()


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
