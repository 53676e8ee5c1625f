"""The command that gives what is on the screen again: a configuration as shell-quoted options."""

from __future__ import annotations

import shlex

from .knobs import BY_NAME
from .own import OWN_SEED, OwnConfig
from .run import DEFAULT, RunConfig
from .schedule import Change
from .values import exact_number


def command_line(config: RunConfig, step: int = 0) -> str:
    """The command that gives this configuration at a step: `tuiinit run`, or at step 0 the explorer.

    Only settings that differ from the defaults are named, numbers to their last digit; the command reads back
    to an equal configuration.
    """
    words = ["tuiinit"] if step < 1 else ["tuiinit", "run", "--steps", str(step)]
    for name in RunConfig.__struct_fields__:
        value = getattr(config, name)
        if name == "schedule" or value == getattr(DEFAULT, name):
            continue
        option = "--" + name.replace("_", "-")
        if isinstance(value, bool):
            words.append(option if value else option.replace("--", "--no-", 1))
        else:
            words += [option, BY_NAME[name].kind.exact(value)]
    for change in config.schedule:
        words += ["--change", _change(change)]
    return shlex.join(words)


def own_command_line(config: OwnConfig, step: int = 0) -> str:
    """The command that gives a person's network at a step: `tuiinit run`, or as it was built the explorer."""
    words = ["tuiinit", "explore", config.target]
    numbers = {"--gain": config.gain, "--lr": config.lr}
    if step or any(value is not None for value in numbers.values()):
        words = ["tuiinit", "run", config.target, "--steps", str(step)]
    words += [word for name, value in numbers.items() if value is not None for word in (name, exact_number(value))]
    for name, value in config.settings:
        words += ["--set", f"{name}={value}"]
    if config.seed != OWN_SEED:
        words += ["--seed", str(config.seed)]
    if config.device != "auto":
        words += ["--device", config.device]
    return shlex.join(words)


def _change(change: Change) -> str:
    return f"{change.step}:{change.name}={exact_number(change.value)}"
