"""The settings of the network at hand, as keys, the config pane and the compare screen ask for them.

A network that this program builds has those of `config.knobs`; a person's own has the parameters of their function and
what the program itself sets of it. Whoever asks need not know which of the two it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..config.configuration import Configuration
from ..config.kinds import Kind, LearningRate, OneOf, Seed
from ..config.knobs import BY_NAME, SETTINGS, Setting, describe
from ..config.names import DEVICES
from ..config.own import OwnConfig
from ..config.parameters import NORMS, OWN_GAINS, Gain, OwnRate, Parameter, Theirs, parameter, rungs
from ..config.run import RunConfig, differences
from ..config.target import called
from ..config.values import ConfigError
from ..stream.own import OwnTarget

ACTIVATIONS = ("act", "activation", "nonlinearity")  # parameters that `t` turns
# Nonlinearities as people's functions call them, in either spelling: tried where no annotation names the values.
WORDS = (
    ("relu", "tanh", "gelu", "silu", "sigmoid", "elu"),
    ("ReLU", "Tanh", "GELU", "SiLU", "Sigmoid", "ELU"),
)
START, TRAINING = "Start", "Training"


class Knobs:
    """The settings of a network that this program builds."""

    settings: Sequence[Setting] = SETTINGS
    sides: tuple[str, str] = ("gain", "bn")  # that the compare screen begins with: columns, rows
    brief: Sequence[str] = ("gain", "bn", "nonlinearity", "hidden", "lr", "optimizer", "batch_size")
    nameless: Sequence[str] = ("nonlinearity", "hidden", "optimizer")  # of those: what is clear without its name
    title = ""
    without: Sequence[str] = ()  # actions that there is nothing for

    def __getitem__(self, name: str) -> Setting:
        """The setting of a name, or what the key of that name turns. Raises ConfigError where there is none."""
        return BY_NAME[name]

    def differences(self, now: Configuration, before: Configuration) -> list[str]:
        """In what another configuration differs from the present one, in words."""
        if isinstance(now, RunConfig) and isinstance(before, RunConfig):
            return [describe(name, old) for name, _, old in differences(now, before)]
        return []

    def guesses(self, name: str) -> bool:
        """Whether a key tries values of which nobody said that they are possible."""
        return False


BUILT = Knobs()


class OwnKnobs(Knobs):
    """The settings of a person's own network.

    Args:
        config: any configuration of it.
        target: what the engine told of the function; None until it has.
        refused: words for a nonlinearity that the function did not take.
    """

    def __init__(self, config: OwnConfig, target: OwnTarget | None, refused: frozenset[str] = frozenset()) -> None:
        self.title = called(config.target)
        self.built = target is not None
        knobs = target.knobs if target is not None else ()
        parameters = [parameter(knob.name, knob.kind, knob.default, knob.choices, self.title) for knob in knobs]
        self._norm = _find(parameters, NORMS, bool)
        self._act = _turned(_find(parameters, ACTIVATIONS, str), refused)
        gain = next((p for p in parameters if p.parameter == "gain" and p.keyed), None)
        own = _beside(target, self.title)
        self._gain: Setting = gain or own[0]
        self.settings = (*parameters, *own)
        self._by_name = {setting.name: setting for setting in self.settings}
        first = [setting.name for setting in (self._gain, self._norm, self._act) if setting is not None]
        others = [p.name for p in parameters if p.name not in first]
        self.sides = (self._gain.name, self._norm.name if self._norm is not None else "")
        self.brief = [name for name in (*first, "lr", "optimizer", *others) if name in self._by_name]
        missing = (("batch-norm", self._norm), ("nonlinearity", self._act))
        self.without = ("notes", *(action for action, setting in missing if setting is None))
        self.nameless = ("optimizer", *([self._act.name] if self._act is not None else []))

    def __getitem__(self, name: str) -> Setting:
        if name == "gain":
            return self._gain
        if not self.built and name not in self._by_name:
            raise ConfigError(f"{self.title} is not built yet")
        if name == "bn":
            return self._norm or self._missing("b", "a bool", NORMS, "norm: bool = True")
        if name == "nonlinearity":
            act = self._act or self._missing("t", "a text", ACTIVATIONS, 'act: Literal["relu", "tanh"] = "relu"')
            if len(act.keyed) < 2:
                raise ConfigError(
                    f"which values {act.label} can have is not known: an annotation says so, "
                    f'{act.label}: Literal["relu", "tanh"]'
                )
            return act
        if name not in self._by_name:
            raise ConfigError(f"{self.title} has no parameter {name}")
        return self._by_name[name]

    def _missing(self, key: str, a: str, names: Sequence[str], example: str) -> Setting:
        several = f"{', '.join(names[:-1])} or {names[-1]}"
        raise ConfigError(f"{key} turns {a} named {several}, and {self.title} has none: add {example}")

    def guesses(self, name: str) -> bool:
        return self._act is not None and name == self._act.name and not self._act.choices

    def differences(self, now: Configuration, before: Configuration) -> list[str]:
        if not (isinstance(now, OwnConfig) and isinstance(before, OwnConfig)):
            return []
        file = [f"{self.title} as it was"] if now.revision != before.revision else []
        changed = [setting for setting in self.settings if setting.of(now) != setting.of(before)]
        return file + [f"{setting.label} {setting.text(before)}" for setting in changed]


def _find(parameters: Sequence[Parameter], names: Sequence[str], kind: type) -> Parameter | None:
    found = (p for name in names for p in parameters if p.parameter == name)
    return next((p for p in found if isinstance(p.default, kind) or (kind is str and p.choices)), None)


def _turned(act: Parameter | None, refused: frozenset[str]) -> Parameter | None:
    """The same with the values that a key goes through, if they are not named but guessed."""
    if act is None or act.choices:
        return act
    words = next((words for words in WORDS if act.default in words), ())
    return replace(act, keyed=tuple(word for word in words if word not in refused))


def _beside(target: OwnTarget | None, title: str) -> tuple[Setting, ...]:
    """What the program itself sets, the gain first, and what a person's code decides."""
    gain = Setting("gain", "gain", START, Gain(OWN_GAINS), worth=OWN_GAINS, keyed=OWN_GAINS)
    seed = Setting("seed", "seed", START, Seed((), 0, 2**63 - 1))
    device = Setting("device", "device", TRAINING, OneOf(DEVICES), worth=())
    if target is None:
        return gain, seed, device
    rate = LearningRate((0.1,))
    lr = OwnRate("lr", "lr", TRAINING, rate, worth=rungs(target.lr), changeable=True, built=target.lr)
    theirs = {"optimizer": ("optimizer", target.optimizer), "batch_size": ("batch size", target.inputs)}
    fixed = [_theirs(name, label, shown, title) for name, (label, shown) in theirs.items()]
    return gain, seed, lr, *fixed, device


def _theirs(name: str, label: str, shown: str, title: str) -> Theirs:
    sentence = f"The {label} ({shown}) belongs to {title}: change it there, then E builds it anew."
    short = label.partition(" ")[0]
    return Theirs(name, short, TRAINING, Kind(), worth=(), used=_never, shown=shown, sentence=sentence)


def _never(config: Any) -> bool:
    return False


def knobs_of(config: Configuration, target: OwnTarget | None, refused: frozenset[str] = frozenset()) -> Knobs:
    """The settings of a network."""
    return OwnKnobs(config, target, refused) if isinstance(config, OwnConfig) else BUILT
