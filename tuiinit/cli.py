"""The command line. Imports late: the explorer's first frame waits for what is imported here."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .commands.all import ALL
from .commands.terminal import need_terminal
from .config import presets
from .config.intake import take_data
from .config.kinds import Name, OneOf, Switch, Whole
from .config.knobs import BY_NAME, SETTINGS, Setting
from .config.run import MAX_PROCESSES, RunConfig
from .config.schedule import MAX_STEP, Change, parse_change
from .config.toml import load
from .config.values import ConfigError
from .data.given import is_name
from .host import ending, interrupt, streams
from .host.visible import visible
from .paper.progress_bar import progress_bar

if TYPE_CHECKING:
    from .stream.link import Link
    from .stream.recording import Recording

F = TypeVar("F", bound=Callable[..., Any])
FAILED, WRONG_USE = 1, 2
LONGEST_SENTENCE = 1_000  # characters


class Parsed(click.ParamType[Any]):
    """An option's value read by one of config's parsers."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The parsed value; the parser's sentence on failure."""
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except ConfigError as error:
            self.fail(str(error), param, ctx)


# What is changed most comes first in a command's help; the others follow in the order of the table.
FIRST = ("data", "column", "gain", "bn", "nonlinearity", "hidden", "lr", "optimizer", "batch_size", "output_scale",
         "bias_scale", "seed", "device")  # fmt: skip


def _option(setting: Setting) -> tuple[str, dict[str, Any]]:
    """The option of a setting: its name, and what click must know."""
    name = "--" + setting.name.replace("_", "-")
    about: dict[str, Any] = {"help": setting.about or None, "metavar": setting.metavar or None}
    if isinstance(kind := setting.kind, Switch):
        return f"{name}/--no-{name[2:]}", about | {"default": None}
    if isinstance(kind, OneOf):
        return name, about | {"type": click.Choice(tuple(kind.choices))}
    read = int if isinstance(kind, Whole) else Parsed(kind.word, kind.parse)
    return name, about | ({} if isinstance(kind, Name) else {"type": read})


DATA, COLUMN = (click.option(name, **about) for name, about in (_option(BY_NAME["data"]), _option(BY_NAME["column"])))

_OPTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    *(_option(BY_NAME[name]) for name in FIRST),
    *(_option(setting) for setting in SETTINGS if setting.name not in (*FIRST, "schedule")),
    ("--change", {"type": Parsed("step:name=value", parse_change), "multiple": True, "help": "Change lr, optimizer or "
                  "batch_size at a step: 150000:lr=0.01. May be given several times."}),
    ("--config", {"metavar": "FILE.toml", "help": "Settings from a file; options come on top."}),
    ("--preset", {"type": click.Choice(tuple(presets.BY_NAME)), "help": "The lecture's first network, mended step by "
                  "step, or its deep one; options come on top."}),
)  # fmt: skip


COMPILE = click.option("--compile", "compile_steps", is_flag=True, help="Compile the training step in the background "
                       "(half a minute, once; needs a C++ compiler) and go on with that: on the CPU 1.6 to 2.5 times "
                       "as fast, equal to 1e-4 and no longer to the bit.")  # fmt: skip


def shared_options(function: F) -> F:
    """The options that make a RunConfig."""
    for name, settings in reversed(_OPTIONS):
        function = click.option(name, **settings)(function)
    return function


def config_from(options: dict[str, Any]) -> RunConfig:
    """Take the shared options out of `options` and make the configuration. Raises ConfigError."""
    names = set(RunConfig.__struct_fields__) - {"schedule"}
    given = {name: options.pop(name) for name in names if name in options}
    path = options.pop("config", None)
    changes: tuple[Change, ...] = options.pop("change", ())
    preset = options.pop("preset", None)
    if path and preset:
        raise click.UsageError("give either --preset or --config: both decide what the options come on top of")
    base = load(Path(path)) if path else presets.BY_NAME[preset].config() if preset else RunConfig()
    values: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if changes:
        values["schedule"] = tuple(sorted(changes, key=lambda c: c.step))
    return base.replace(**values)


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
    config = take_data(config, elsewhere=engine_line is not None)
    if is_name(config.data) and sys.stdout.isatty() and not streams.keys_from_terminal():
        raise click.UsageError("the words came by standard input, and there is no terminal to take keys from")
    need_terminal()
    from .stream.link import Link, engine_command, given_words

    def start() -> Link:
        return Link.child(engine_command(engine_line, compile_steps=compile_steps))

    first = start()  # torch loads while the screen does
    from .explorer.app import explore
    from .stream.recorder import Recorder
    from .stream.replay import ResumedLink

    stream = first if recalled is None else ResumedLink(recalled, first)
    recorder = Recorder()
    for words in given_words():
        recorder.sent(words)
    sys.exit(explore(stream, config, restart=start, recorder=recorder, recalled=recalled))


for command in ALL:
    cli.add_command(command)


def _recording(file: str) -> Recording:
    """A recording by its file name, or the last session's if that is empty. Raises RecordingError."""
    from .stream import recording

    return recording.load(Path(file)) if file else recording.last()


@cli.command()
@click.argument("file", required=False)
@click.option("--last", is_flag=True, help="The session recorded last.")
def replay(file: str | None, last: bool) -> None:
    """Look at a recorded session again, without an engine.

    Sessions are recorded in the user's state folder.
    """
    if last == (file is not None):
        raise click.UsageError("tuiinit replay needs either a FILE or --last")
    recording = _recording(file or "")
    recording.give_words()  # a sweep may start engines
    need_terminal()
    from .explorer.app import explore
    from .stream.replay import FileLink

    sys.exit(explore(FileLink(recording), recording.config or RunConfig(), recalled=recording))


@cli.command()
@click.argument("run", required=False)
def attach(run: str | None) -> None:
    """Look at a training run while it goes on: a path, a name as `tuiinit runs` tells it, or the newest."""
    from .stream.runs import find

    recording = _recording(str(find(run)))
    need_terminal()
    from .explorer.app import explore
    from .stream.attaching import LiveLink

    sys.exit(explore(LiveLink(recording), recording.config or RunConfig(), recalled=recording))


@cli.command()
@shared_options
@COMPILE
@click.option(
    "--steps", type=click.IntRange(0, MAX_STEP), help="Minibatches to train; the last one's measures are shown."
)
@click.option("--epochs", type=click.IntRange(1, 10**6), help="Passes over the training examples.")
@click.option("--fold", is_flag=True, help="Fold batch norm into the linear layers and tell what that changes.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def run(steps: int | None, epochs: int | None, compile_steps: bool, fold: bool, as_json: bool, **options: Any) -> None:
    """Train without a screen and print the lecture's tables."""
    if (steps is None) == (epochs is None):
        raise click.UsageError("tuiinit run needs either --steps N or --epochs N")
    config = config_from(options)
    if fold and not config.bn:
        raise click.UsageError("--fold needs a network with batch norm: give --bn, too")
    config = take_data(config)
    from .experiments import runs
    from .paper import runs as tables
    from .stream.link import engine_command

    engine = engine_command(None, compile_steps=compile_steps)
    with progress_bar("training") as progress:
        (result,) = runs.run(
            [config],
            steps=steps,
            epochs=epochs,
            evaluate=True,
            inspect=fold,
            redraw=True,
            engine=engine,
            progress=progress,
        )
    if result.quick.startswith("plain: "):
        streams.say(visible(f"tuiinit: steps are {result.quick}") + "\n")
    if not result.snapshots:
        raise runs.RunError("the numbers leave float32's range at the very start: there is nothing to show")
    if as_json:
        print_json(tables.as_json(result))
    else:
        from rich.console import Console

        tables.print_tables(result, Console(highlight=False))
    if result.diverged_at is not None:
        raise runs.RunError(f"the loss was not finite at step {result.diverged_at:,}")


@cli.command()
@shared_options
@click.option("--steps", type=click.IntRange(1, MAX_STEP), required=True, help="Minibatches that each cell trains.")
@click.option("--gains", metavar="G,G,… | LOW:HIGH:COUNT", default="0.5,1,5/3,3", show_default=True)
@click.option("--seeds", type=click.IntRange(min=1), default=3, show_default=True, help="Runs of each cell.")
@click.option("--depths", metavar="N,N,…", help="One more axis: numbers of hidden layers.")
@click.option("--widths", metavar="N,N,…", help="One more axis: widths of all hidden layers.")
@click.option("--nonlinearities", metavar="NAME,NAME,…", help="One more axis.")
@click.option("--lrs", metavar="LR,LR,…", help="One more axis: learning rates.")
@click.option(
    "--processes",
    type=click.IntRange(1, MAX_PROCESSES),
    help="Engines at once, where there is memory for so many; default: one a core.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def sweep(steps: int, gains: str, seeds: int, processes: int | None, as_json: bool, **options: Any) -> None:
    """Compare gains with batch norm off and on, and recommend where to start.

    --bn or --no-bn keeps to one of the two.
    """
    from .experiments.runs import RunError
    from .experiments.sweep import sweep as sweeps
    from .experiments.sweep.plan import AXIS_OPTIONS, Plan, parse_axis, parse_gains
    from .paper import sweeps as sweep_tables

    axis = parse_axis({name: options.pop(name) for name in AXIS_OPTIONS})
    if options["gain"] is not None:
        raise click.UsageError("tuiinit sweep takes --gains, not --gain")
    states = (False, True) if options["bn"] is None else (options["bn"],)
    base = take_data(config_from(options))
    plan = Plan(base, parse_gains(gains), steps, states, *axis, seeds=seeds)
    with progress_bar("sweeping") as progress:
        cells = sweeps.run(plan, processes=processes, progress=progress)
    if as_json:
        print_json(sweep_tables.as_json(plan, cells))
    else:
        from rich.console import Console

        sweep_tables.print_sweep(plan, cells, Console(highlight=False))
    if not any(cell.sound for cell in cells):
        raise RunError("no cell of the sweep came through")


@cli.command()
@click.argument("ids", nargs=-1, metavar="[ID …]")
@DATA
@COLUMN
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def claims(ids: tuple[str, ...], data: str | None, column: str | None, as_json: bool) -> None:
    """Put the notes' claims C01 to C32 to the test and print verdicts with figures.

    On the CPU, where the same seed gives the same numbers.
    """
    base = take_data(RunConfig(data=data, column=column, device="cpu"))
    from .experiments import runs
    from .experiments.claims import check as put_to_the_test
    from .experiments.claims import find
    from .paper import claims as show

    wanted = find(ids)
    with progress_bar("measuring") as progress:
        checked = put_to_the_test(wanted, base, progress=progress)
    if as_json:
        print_json(show.as_json(checked))
    else:
        from rich.console import Console

        show.print_table(checked, Console(highlight=False))
    if sentence := show.failed(checked):
        raise runs.RunError(sentence)


@cli.command()
@shared_options
@click.option("--out", metavar="DIR", required=True, help="The folder to write; made if it is not there.")
@click.option("--force", is_flag=True, help="Write into a folder that tuiinit did not write.")
@click.option(
    "--steps", type=click.IntRange(1, MAX_STEP), default=1000, show_default=True, help="Minibatches to train."
)
def report(out: str, force: bool, steps: int, **options: Any) -> None:
    """Measure what the notes claim and write it down: Markdown, pictures, JSON and CSV.

    The report varies gain, batch norm, nonlinearity and fan_in scaling itself.
    """
    for name in ("gain", "bn", "nonlinearity", "fan_in_scaling"):
        if options[name] is not None:
            raise click.UsageError(f"the report varies {name.replace('_', '-')} itself: leave the option out")
    base = take_data(config_from(options))
    from .paper.report import write

    with progress_bar("measuring") as progress:
        path = write(Path(out), base, steps=steps, progress=progress, force=force)
    click.echo(visible(f"wrote {path}"))


def print_json(text: bytes) -> None:
    """Print JSON, in UTF-8 whatever the terminal's encoding."""
    sys.stdout.buffer.write(text + b"\n")


@cli.command()
@COMPILE
def engine(compile_steps: bool) -> None:
    """Speak the protocol on standard input and output (started by the explorer)."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's products are small, too: threads would wait in vain
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
