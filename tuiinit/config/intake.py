"""The person's own words, taken in by the command before anything else starts."""

from __future__ import annotations

import sys

from ..data import given
from ..host import streams
from ..host.visible import visible
from .run import RunConfig


def take_data(config: RunConfig, *, elsewhere: bool = False) -> RunConfig:
    """Read the person's own words once, so that their faults are told before an engine starts.

    Args:
        config: as given.
        elsewhere: the engine runs on another machine, whose files are meant; a pipe is still this one's.

    Returns:
        The configuration that engines get: what only this process could read goes by a name of its own.

    Raises:
        DataError: the words cannot be read, or not be trained on.
    """
    if config.data is None and config.column is None:
        return config
    from ..data import once, reading

    if config.data is not None:
        config = config.replace(data=once.take_in(config.data, _say_if_watched))
    if not elsewhere or given.is_name(config.data):
        reading.read(config.data, config.column)
    return config


def _say_if_watched(sentence: str) -> None:
    if sys.stderr.isatty():
        streams.say(f"tuiinit: {visible(sentence)}\n")
