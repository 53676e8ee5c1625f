"""How much memory a network takes, from its shape alone, and how much there is."""

from __future__ import annotations

import itertools
import resource
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from .run import RunConfig
from .values import ConfigError

FLOAT = 4  # bytes
ENGINE_BYTES = 300 * 2**20  # of an engine that has loaded PyTorch and trains nothing yet
SLACK_BYTES = 128 * 2**20  # of any lane: what was freed and is not given back to the system
MARGIN = 1.1  # on an estimate: for what it leaves out
EVALUATED = 8_192  # examples of the dev set in memory at a time
CALIBRATED = 32_768  # training examples that pass together where batch norm is calibrated
TRAIN_OVER_DEV = 7  # at least so many examples are for training for one that the dev set has
INSPECTED = 1_024  # training examples that pass together where a lane is looked at closely
DESCRIBED = 2**22  # values of which a histogram is made at a time
OPTIMIZERS = {"sgd": (0, 0), "momentum": (1, 0), "rmsprop": (1, 1), "adam": (2, 1), "adamw": (2, 1)}  # kept; passing
STACKABLE = 2**18  # weights and outputs of a network, beyond which products take its time, alone or in a stack
NO_ROOM = "there is not enough memory for this"


def parameters(config: RunConfig, classes: int) -> int:
    """Weights, biases, gammas and betas of a network."""
    fans = (config.context * config.embedding, *config.hidden, classes)
    vectors = (2 + config.bias_before_bn) if config.bn else 1
    return classes * config.embedding + sum(a * b for a, b in itertools.pairwise(fans)) + vectors * sum(fans[1:])


def stackable(config: RunConfig, classes: int) -> bool:
    """Whether a network is so small that it gains by steps in a stack of others."""
    return parameters(config, classes) + config.batch_size * sum(config.hidden) <= STACKABLE


class Need(NamedTuple):
    """Bytes of a lane: what it keeps, and what it takes besides while it is at work, which only one lane is."""

    kept: int
    passing: int


def together(needs: Sequence[Need]) -> int:
    """Bytes of several lanes in one engine."""
    return sum(need.kept for need in needs) + max((need.passing for need in needs), default=0)


def needed(config: RunConfig, classes: int, examples: int) -> Need:
    """What a lane takes at its worst: kept, and on the way of one step, measurement or evaluation.

    Kept are parameters, gradients and updates, what the optimizer keeps, and of each minibatch the outputs and
    gradients of every layer; on the way come copies for histograms, or the blocks of an evaluation.

    Args:
        config: its largest batch and its hungriest optimizer count, whenever they come.
        classes: size of the vocabulary.
        examples: for training; no block is larger.
    """
    rows = max([config.batch_size, *(int(c.value) for c in config.schedule if c.name == "batch_size")])
    optimizers = {config.optimizer, *(str(c.value) for c in config.schedule if c.name == "optimizer")}
    kept, passing = (max(OPTIMIZERS[name][i] for name in optimizers) for i in (0, 1))
    fans = (config.context * config.embedding, *config.hidden, classes)
    total, hidden, widest = parameters(config, classes), sum(config.hidden), max(fans)
    sizes = [a * b for a, b in itertools.pairwise(fans)]
    alike = [list(same) for _, same in itertools.groupby(sizes)]
    copied = sum(sum(same) for same in alike if len(same) > 1)

    def one_pass(rows: int) -> int:
        return rows * (2 * fans[0] + (2 + config.bn) * hidden + (3 + config.bn) * classes + config.bn * widest)

    def block(rows: int) -> int:
        into_layers = [a + (1 + config.bn) * b for a, b in itertools.pairwise(fans)]
        return rows * max(*into_layers, into_layers[-1] + classes)  # the logits' logarithms, too

    looked_at = 3 * max(min(DESCRIBED, 2 * total + 2 * rows * hidden), *sizes, rows * widest)
    ways = (
        2 * total,  # drawn, then joined
        passing * total,
        2 * copied + rows * ((4 + 2 * config.bn) * hidden + (2 + 2 * config.bn) * classes) + looked_at,
        block(min(max(EVALUATED, rows), examples // TRAIN_OVER_DEV)),
        block(min(CALIBRATED, examples)) if config.bn else 0,
        one_pass(min(INSPECTED, examples)) + 2 * min(INSPECTED, examples) * hidden,
    )
    each = MARGIN * FLOAT
    return Need(int(each * ((3 + kept) * total + one_pass(rows))), SLACK_BYTES + int(each * max(ways)))


def shape_of(words: Sequence[str]) -> tuple[int, int]:
    """Of a word list the size of the vocabulary, and the examples for training, or a few more."""
    return len(set().union(*words)) + 1, sum(map(len, words)) + len(words)


def available() -> int | None:
    """Bytes that this process can take before the machine swaps or a limit is met; None where it cannot be known.

    The least of what the system has left (Linux), what the process's control groups have, and what its own limits
    on address space leave.
    """
    known = [*_system(), *_groups(), *_limits()]
    return max(0, min(known)) if known else None


def check(needs: Sequence[Need], free: int | None) -> None:
    """Raise ConfigError if lanes do not fit together; where what is free cannot be known they do."""
    total = together(needs)
    if free is not None and total > free:
        raise ConfigError(f"{NO_ROOM}: about {_size(total)} are needed, and {_size(free)} are free")


def processes_that_fit(needs: Sequence[int], free: int | None) -> int | None:
    """How many engines that take so many bytes each can work at once, at least one; None where it cannot be known.

    Args:
        needs: of each job's lanes; the hungriest may meet.
        free: see `available`.
    """
    if free is None:
        return None
    room = itertools.accumulate(ENGINE_BYTES + need for need in sorted(needs, reverse=True))
    return max(1, sum(used <= free for used in room))


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


def _system(meminfo: Path = Path("/proc/meminfo")) -> list[int]:
    try:
        fields = dict(line.split(":", 1) for line in meminfo.read_text().splitlines() if ":" in line)
        return [int(fields["MemAvailable"].split()[0]) * 1024]
    except (OSError, KeyError, ValueError, IndexError):
        return []


def _groups(own: Path = Path("/proc/self/cgroup"), mounted: Path = Path("/sys/fs/cgroup")) -> list[int]:
    """What the control groups leave, of version 1 and 2, of this process and of those above it."""
    left = []
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return []
    for line in lines:
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers == "":
            root, names = mounted, ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            root, names = mounted / "memory", ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        here = root / path.lstrip("/")
        # In a container the path may be the host's; its own group is then mounted as the root.
        for folder in (here, *here.parents):
            left += _group(folder, *names)
            if folder == root:
                break
    return left


def _group(folder: Path, limit: str, usage: str, cached: str) -> list[int]:
    try:
        most, used = int((folder / limit).read_text()), int((folder / usage).read_text())
        stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):  # no such group, or its limit is "max"
        return []
    return [most - used + int(stat.get(cached, 0))]  # what files are cached goes when it is needed


def _limits(statm: Path = Path("/proc/self/statm")) -> list[int]:
    try:
        fields = statm.read_text().split()
        space, data = (int(fields[i]) * resource.getpagesize() for i in (0, 5))
    except (OSError, ValueError, IndexError):
        return []
    left = []
    for kind, used in ((resource.RLIMIT_AS, space), (resource.RLIMIT_DATA, data)):
        most = resource.getrlimit(kind)[0]
        if most != resource.RLIM_INFINITY:
            left.append(most - used)
    return left
