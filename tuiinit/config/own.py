"""What a lane of a person's own network is: which function builds it, what is set of it, and its seed."""

from __future__ import annotations

import contextlib
import hashlib
import math
from typing import Any

import msgspec

from .names import DeviceName
from .schedule import Change
from .values import ConfigError

OWN_SEED = 0
Value = bool | int | float | str


def value_of(text: str) -> Value:
    """A parameter's value from what a person writes: on or off, a number, else the text itself.

    The engine knows what the parameter is and takes the word for it: it may need the number as text.
    """
    word = text.strip()
    if word.lower() in ("true", "false"):
        return word.lower() == "true"
    for read in (int, float):
        with contextlib.suppress(ValueError):
            value = read(word)
            if str(value) == word and abs(value) < 2**63:  # 010 and 1_000 are words, and so are nan and inf
                return value
    return text


class OwnConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One network of a person's setup and its training. Data, loss and optimizer are their function's.

    Two lanes with equal configurations are the same lane; `OwnConfig.key` names it.
    """

    target: str  # FILE.py, FILE.py:name or package.module:name, where the engine is
    settings: tuple[tuple[str, Value], ...] = ()  # the parameters of the function that are set, by name
    seed: int = OWN_SEED
    device: DeviceName = "auto"
    gain: float | None = None  # of all matrices that have one; None as built
    lr: float | None = None  # of the first parameter group, the others in proportion; None as built
    schedule: tuple[Change, ...] = ()  # of the lr alone
    revision: int = 0  # how often the file was built anew: lanes of a file as it was have other names

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "settings", tuple(sorted(self.settings)))
        for name in ("gain", "lr"):
            if (value := getattr(self, name)) is not None:
                msgspec.structs.force_setattr(self, name, float(value))
                if not math.isfinite(value) or value < 0:
                    raise ConfigError(f"{name} must be a number of 0 or more, not {value}")
        if not 0 <= self.seed < 2**63:
            raise ConfigError(f"seed must be a whole number from 0 to 2^63 - 1, not {self.seed}")
        for change in self.schedule:
            change.check()
            if change.name != "lr":
                raise ConfigError(f"{change.name} belongs to the network's own code and cannot change here")

    @property
    def key(self) -> str:
        """A short name of this configuration, the same in every process."""
        named = msgspec.structs.asdict(self)
        return hashlib.blake2s(msgspec.msgpack.encode(named), digest_size=6).hexdigest()

    def replace(self, **changes: Any) -> OwnConfig:
        """A copy with some fields changed, validated again."""
        return msgspec.structs.replace(self, **changes)

    def value(self, name: str) -> Value | None:
        """What a parameter of the function is set to; None where nobody set it."""
        return dict(self.settings).get(name)

    def set(self, name: str, value: Value | None) -> OwnConfig:
        """A copy with a parameter of the function set, or left to its default with None."""
        kept = {key: old for key, old in self.settings if key != name}
        return self.replace(settings=tuple((kept if value is None else {**kept, name: value}).items()))

    def at(self, step: int) -> OwnConfig:
        """The configuration in force for the step after `step` executed ones, without a schedule."""
        lrs = [float(change.value) for change in self.schedule if change.step <= step]
        return self.replace(schedule=(), **({"lr": lrs[-1]} if lrs else {}))

    def changed(self, step: int, name: str, value: float | int | str) -> OwnConfig:
        """The configuration with another lr from `step` on; later changes are dropped. Raises ConfigError."""
        if name != "lr":
            raise ConfigError(f"{name} belongs to the network's own code and cannot change here")
        if step == 0:
            return self.replace(lr=value, schedule=())
        kept = tuple(change for change in self.schedule if change.step < step)
        if self.replace(schedule=kept).at(step).lr != value:
            kept += (Change(step, "lr", value),)
        return self.replace(schedule=kept)
