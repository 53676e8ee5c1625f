"""`tuiinit explore TARGET`: the explorer on a person's own network."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from ..config.configuration import Configuration
from ..config.names import DEVICES
from ..config.own import OWN_SEED, OwnConfig, value_of
from ..config.run import RunConfig
from ..config.target import Target
from ..config.values import ConfigError
from .pair import settings
from .terminal import need_terminal

if TYPE_CHECKING:
    from ..stream.link import Link
    from ..stream.recording import Recording


@click.command()
@click.argument("target")
@click.option("--set", "pairs", multiple=True, metavar="NAME=VALUE", help="A parameter of the function; repeatable.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=OWN_SEED, show_default=True, help="For the "
              "generators of torch, numpy and random, set right before the function is called.")  # fmt: skip
@click.option("--device", type=click.Choice(DEVICES), default="auto", show_default=True)
@click.option(
    "--engine", metavar="COMMAND", help='Another engine: "ssh box tuiinit engine"; TARGET is the box\'s file.'
)
def explore(target: str, pairs: tuple[str, ...], seed: int, device: str, engine: str | None) -> None:
    """Watch your own network while it trains: your data, your loss, your optimizer, step by step.

    TARGET is FILE.py, FILE.py:name or package.module:name (the name is `build` where none is given): a function that
    gives a tuiinit.Setup. Its keyword parameters are the settings on the left of the screen; gain, batch norm and
    nonlinearity have their keys.
    """
    values = tuple((name, value_of(text)) for name, text in settings(pairs).items())
    where = target if engine is not None else found(target)
    config = OwnConfig(target=where, settings=values, seed=seed, device=device)  # type: ignore[arg-type]
    open_screen(config, engine)


def found(text: str) -> str:
    """A TARGET as it is known from any folder. Raises ConfigError where it cannot be one, or its file is not there."""
    target = Target.of(text)
    if not target.is_file:
        return text
    path = Path(target.place)
    if not path.is_file():
        raise ConfigError(f"there is no file {target.place}")
    return os.path.abspath(path) + text[len(target.place) :]


def open_screen(
    config: Configuration, engine_line: str | None, *, compile_steps: bool = False, recalled: Recording | None = None
) -> NoReturn:
    """Show the explorer over an engine until the person quits, then end the process.

    Args:
        config: of the lane looked at first.
        engine_line: a command that starts another engine than this machine's.
        compile_steps: whether the engine compiles its steps.
        recalled: a recorded session to go on from.

    Raises:
        ConfigError: the recorded network's file is gone.
    """
    if recalled is not None and isinstance(config, OwnConfig) and engine_line is None:
        target = Target.of(config.target)
        if target.is_file and not Path(target.place).is_file():
            raise ConfigError(
                f"{target.place} is gone, so its network cannot be trained again; tuiinit replay {recalled.path} shows "
                "what was recorded of it"
            )
    need_terminal()
    from ..stream.link import Link, engine_command, given_words

    def start() -> Link:
        return Link.child(engine_command(engine_line, compile_steps=compile_steps))

    first = start()  # torch loads while the screen does
    from ..explorer.app import explore as show
    from ..stream.recorder import Recorder
    from ..stream.replay import ResumedLink

    stream = first if recalled is None else ResumedLink(recalled, first)
    recorder = Recorder()
    for words in given_words():
        recorder.sent(words)
    sys.exit(show(stream, config, restart=start, recorder=recorder, recalled=recalled))


def replayed(recording: Recording) -> Configuration:
    """What the explorer begins with when it only shows a recording."""
    return recording.config or RunConfig()
