"""The command line. Imports late: the explorer's first frame waits for what is imported here."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .commands.all import ALL
from .commands.attach import is_run, opened
from .commands.explore import open_screen, replayed
from .commands.options import COMPILE, config_from, shared_options
from .commands.terminal import need_terminal
from .config.intake import take_data
from .config.run import RunConfig
from .config.values import ConfigError
from .data.given import is_name
from .host import ending, interrupt, streams
from .host.visible import visible

if TYPE_CHECKING:
    from .stream.recording import Recording

FAILED, WRONG_USE = 1, 2
LONGEST_SENTENCE = 1_000  # characters


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@shared_options
@click.option("--engine", "engine_line", metavar="COMMAND", help='Another engine: "ssh box tuiinit engine".')
@COMPILE
@click.option("--resume", is_flag=False, flag_value="", metavar="[FILE]", help="Go on from a recorded session, "
              "the last one by default: its networks are trained again to where they were.")  # fmt: skip
@click.version_option(package_name="tuiinit", message="tuiinit %(version)s")
@click.pass_context
def cli(
    ctx: click.Context, /, engine_line: str | None, compile_steps: bool, resume: str | None, **options: Any
) -> None:
    """Watch what initialisation and batch norm do to a deep network while it trains.

    Without a command: the explorer.
    """
    if ctx.invoked_subcommand is not None:
        given = [p for p in ctx.params if ctx.get_parameter_source(p) == click.core.ParameterSource.COMMANDLINE]
        if given:
            name = given[0].replace("_", "-")
            raise click.UsageError(f"give --{name} after the command: tuiinit {ctx.invoked_subcommand} --{name} …")
        return
    if resume is not None and any(value not in (None, ()) for value in options.values()):
        raise click.UsageError(
            "--resume takes all settings from the recorded session: only --engine and --compile go with it"
        )
    recalled = _recording(resume) if resume is not None else None
    config = config_from(options) if recalled is None else recalled.trainable()
    if recalled is not None:
        recalled.give_words()
    if isinstance(config, RunConfig):
        config = take_data(config, elsewhere=engine_line is not None)
        if is_name(config.data) and sys.stdout.isatty() and not streams.keys_from_terminal():
            raise click.UsageError("the words came by standard input, and there is no terminal to take keys from")
    open_screen(config, engine_line, compile_steps=compile_steps, recalled=recalled)


for command in ALL:
    cli.add_command(command)


def _recording(file: str) -> Recording:
    """A recording by its file name, or the last session's if that is empty. Raises RecordingError."""
    from .stream import recording

    return recording.load(Path(file)) if file else recording.last()


@cli.command()
@click.argument("files", nargs=-1, metavar="[FILE [FILE]]")
@click.option("--last", is_flag=True, help="The session recorded last.")
@click.pass_context
def replay(ctx: click.Context, files: tuple[str, ...], last: bool) -> None:
    """Look at a recorded session again, without an engine; at a recorded training run, or two, as tuiinit attach does.

    Sessions are recorded in the user's state folder.
    """
    if last == bool(files):
        raise click.UsageError("tuiinit replay needs either a FILE or --last")
    if files and all(map(is_run, files)):
        ctx.invoke(attach, runs=files)
    if len(files) > 1:
        raise click.UsageError("of two FILEs each must be a training run's")
    recording = _recording("".join(files))
    recording.give_words()  # a sweep may start engines
    need_terminal()
    from .explorer.app import explore
    from .stream.replay import FileLink

    sys.exit(explore(FileLink(recording), replayed(recording), recalled=recording))


@cli.command()
@click.argument("runs", nargs=-1, metavar="[RUN [RUN]]")
@click.option("--ssh", "host", metavar="HOST", help="Runs of another machine, by `ssh HOST tuiinit tail RUN`.")
@click.option("--remote-command", metavar="COMMAND", help="How tuiinit is called there: ~/venv/bin/tuiinit.")
def attach(runs: tuple[str, ...], host: str | None = None, remote_command: str | None = None) -> None:
    """Look at a training run while it goes on, or at two side by side.

    RUN is a path or a name as `tuiinit runs` tells it; without one the newest.
    """
    source, again = opened(runs, host, remote_command)
    need_terminal()
    from .explorer.app import explore

    sys.exit(explore(source, RunConfig(), restart=again, attached=True))


@cli.command()
@COMPILE
def engine(compile_steps: bool) -> None:
    """Speak the protocol on standard input and output (started by the explorer)."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's products are small, too: threads would wait in vain
    # Threads that wait for each other sleep: on a machine that has other work, those that spin take ten times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from .engine.process import main as serve

    serve(compile_steps=compile_steps)


def main() -> None:
    """The console script: every failure is one sentence and an exit code."""
    streams.make_fit()
    try:
        code = cli.main(standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        fail(error.format_message(), WRONG_USE)
    except ending.Ended as ended:
        fail(str(ended), ended.code)
    except (click.Abort, KeyboardInterrupt):
        fail("interrupted", interrupt.CODE)
    except ValueError as error:
        from .data.reading import DataError
        from .stream.recording import RecordingError

        if not isinstance(error, ConfigError | DataError | RecordingError):
            raise
        fail(str(error), WRONG_USE)
    except RuntimeError as error:
        from .experiments.runs import RunError
        from .stream.link import LinkError

        if not isinstance(error, RunError | LinkError):
            raise
        fail(str(error), FAILED)
    except OSError as error:
        streams.silence(sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # a reader such as `head` has enough
            sys.exit(FAILED)
        about = f" ({error.filename})" if error.filename else ""
        fail(f"cannot go on: {error.strerror or error}{about}", FAILED)
    sys.exit(code if isinstance(code, int) else 0)


def fail(sentence: str, code: int) -> None:
    """Say one sentence on standard error and leave."""
    if len(sentence) > LONGEST_SENTENCE:  # it quotes a file or an option
        sentence = f"{sentence[: LONGEST_SENTENCE // 2]} … {sentence[-LONGEST_SENTENCE // 2 :]}"
    streams.say(f"tuiinit: {visible(sentence)}\n")
    sys.exit(code)
