"""`tuiinit check`: judge a person's network before its first step."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer
from typing import Any

import click

from ..config.names import DEVICES
from ..host import streams
from ..host.visible import visible
from .pair import after_the_dashes, settings, sizes

BAD, WRONG = 1, 2  # exit codes: something is bad; wrong use, or the person's code failed
PATIENCE = 2.0  # seconds, after which a bar shows that there is work


@click.command()
@click.argument("target")
@click.argument("rest", nargs=-1, type=click.UNPROCESSED, metavar="[-- --set NAME=VALUE …]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
@click.option("--all", "every", is_flag=True, help="Show every row; else blocks that are alike are folded.")
@click.option("--set", "pairs", multiple=True, metavar="NAME=VALUE", help="A parameter of the function; repeatable.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, help="For the generators of "
              "torch, numpy and random, set right before the function is called.")  # fmt: skip
@click.option("--device", type=click.Choice(DEVICES), default="auto", show_default=True)
@click.option(
    "--engine", metavar="COMMAND", help='Another engine: "ssh box tuiinit engine"; TARGET is the box\'s file.'
)
@click.option("--input", "shape", metavar="N,N,…", help="For a function that gives a bare model: normal floats of this "
              "shape, such as 8,3,224,224.")  # fmt: skip
@click.option("--tokens", metavar="N,…,N", help="The same with random whole numbers; the last is the vocabulary: "
              "8,128,50257.")  # fmt: skip
@click.option("--lsuv", metavar="OUT.pt", help="Scale each layer to an output of std 1 in one pass, and write the "
              "state_dict.")  # fmt: skip
@click.option("--apply", "mend", is_flag=True, help="Print what is advised as a function init(model), no more.")
@click.option("--against", metavar="OTHER", help="Another TARGET: before and after in one table.")
def check(
    target: str,
    rest: tuple[str, ...],
    as_json: bool,
    every: bool,
    pairs: tuple[str, ...],
    seed: int,
    device: str,
    engine: str | None,
    shape: str | None,
    tokens: str | None,
    lsuv: str | None,
    mend: bool,
    against: str | None,
) -> None:
    """Judge a network's initialisation: one forward and one backward pass, no step of its optimizer.

    TARGET is FILE.py, FILE.py:name or package.module:name (the name is `build` where none is given): a function that
    gives a tuiinit.Setup, a model with inputs, or a bare model with --input or --tokens. For the latter two the loss
    is made up.

    To see what a change does: tuiinit check net.py -- --set norm=true. What stands behind -- comes on top of the
    settings before it.

    Exit code 0: nothing is bad. 1: something is. 2: the command or the network's code is wrong.
    """
    second = after_the_dashes(rest)
    compare = second is not None or against is not None
    for name, value in (("--lsuv", lsuv), ("--apply", mend)):
        if value and compare:
            raise click.UsageError(f"{name} is for one network, not for two side by side")
    if mend and as_json:
        raise click.UsageError("--apply prints a function and --json prints JSON: take one of them")
    if shape is not None and tokens is not None:
        raise click.UsageError("--input and --tokens are two ways to make up one input: take one of them")
    given = settings(pairs)
    common = {"seed": seed, "device": device, **_made_up(shape, tokens)}
    commands = [(target, given)]
    if compare:
        commands.append((against or target, {**given, **(second or {})}))
    _show(commands, common, engine, lsuv, as_json=as_json, mend=mend, every=every)


def _made_up(shape: str | None, tokens: str | None) -> dict[str, Any]:
    if shape is not None:
        return {"shape": sizes("--input", shape, 1)}
    if tokens is not None:
        *drawn, vocabulary = sizes("--tokens", tokens, 2)
        return {"shape": tuple(drawn), "tokens": vocabulary}
    return {}


def _show(
    targets: list[tuple[str, dict[str, str]]],
    common: dict[str, Any],
    engine: str | None,
    lsuv: str | None,
    *,
    as_json: bool,
    mend: bool,
    every: bool,
) -> None:
    from ..experiments.checks import OwnCodeError
    from ..experiments.checks import check as checked_by
    from ..insight.check.judging import is_ok, judge
    from ..paper import check as paper
    from ..paper.mending import mending
    from ..stream.checked import Check
    from ..stream.link import LinkError, engine_command

    commands = [Check(target=target, settings=given, lsuv=lsuv, **common) for target, given in targets]
    try:
        with working(f"building and looking at {visible(targets[0][0])}"):
            found = checked_by(commands, engine_command(engine))
    except OwnCodeError as error:
        leave(str(error), error.lines)
    except LinkError as error:  # the person's code ended the process, or the engine cannot be started
        leave(str(error))
    judged = [(checked, judge(checked)) for checked in found]
    if mend:
        sys.stdout.write(mending(judged[0][1]))
    elif as_json and len(judged) == 2:
        before, after = (paper.as_json(*one) for one in judged)
        _write(b'{"before": ' + before + b', "after": ' + after + b"}\n")
    elif as_json:
        _write(paper.as_json(*judged[0]) + b"\n")
    else:
        from rich.console import Console

        console = Console(highlight=False)
        if len(judged) == 2:
            paper.print_pair(console, judged[0], judged[1], every=every)
        else:
            paper.print_check(console, *judged[0], every=every)
            if lsuv is not None:
                click.echo(visible(f"wrote {lsuv}: {len(found[0].lsuv)} layers scaled"))
    if not is_ok(judged[-1][1]):
        sys.exit(BAD)


def _write(data: bytes) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def leave(sentence: str, lines: str = "") -> None:
    """Say what is wrong, with a person's own lines of the traceback, and end with code 2."""
    shown = "".join(f"{visible(line)}\n" for line in lines.splitlines())
    streams.say(f"tuiinit: {visible(sentence)}\n{shown}")
    sys.exit(WRONG)


@contextmanager
def working(what: str) -> Iterator[None]:
    """A bar on standard error while the context is open, from PATIENCE on, if that is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=Console(stderr=True),
                   transient=True)  # fmt: skip
    bar.add_task(what, total=None)
    start: Callable[[], None] = bar.start
    timer = Timer(PATIENCE, start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        bar.stop()
