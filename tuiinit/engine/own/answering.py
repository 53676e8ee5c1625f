"""A check asked for by a command, answered with one frame whatever a person's code does."""

from __future__ import annotations

from collections.abc import Callable

import torch

from ...config.values import ConfigError
from ...stream.checked import Check, Checked, OwnProblem
from .checking import check
from .randomness import Generators
from .script import as_in_a_script
from .target import OwnError


def answer(command: Check, device_of: Callable[[str], torch.device]) -> Checked | OwnProblem:
    """What a check found, or why it could not be made."""
    Generators.leave()  # importing may draw random numbers, or seed them
    try:
        with as_in_a_script():
            return check(command, device_of)
    except OwnError as error:
        return OwnProblem(text=error.sentence, lines=error.lines)
    except ConfigError as error:
        return OwnProblem(text=str(error))
