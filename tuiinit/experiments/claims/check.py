"""Puts claims to the test: over several seeds, networks shared between claims trained once."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...config.run import RunConfig
from ...config.values import ConfigError
from ...data import reading
from ..runs import Progress
from . import batches, evenness, gains, start, updates
from .model import Bench, Claim, Figures, Judgement, MissingError, Net
from .networks import Measured, Wanted, measure

CLAIMS: tuple[Claim, ...] = tuple(
    sorted(start.CLAIMS + gains.CLAIMS + updates.CLAIMS + evenness.CLAIMS + batches.CLAIMS, key=lambda claim: claim.id)
)
SEEDS = (2147483647, 1, 2, 3, 4)  # the lecture's first
TRAINED_SEEDS = 3  # for claims whose networks are trained; a look at the first steps takes no time
FIRST_STEPS = 10
FEW_WORDS = 1_000  # a list so short that a network can learn it by heart


@dataclass(frozen=True)
class Checked:
    """A claim and what became of it.

    `seconds` is the engines' time for its networks, those that other claims look at as well included.
    """

    claim: Claim
    judgement: Judgement
    seconds: float


def find(ids: Sequence[str]) -> tuple[Claim, ...]:
    """Claims by id, in order; all without an id. Raises ConfigError for an unknown one."""
    known = {claim.id: claim for claim in CLAIMS}
    for name in ids:
        if name.upper() not in known:
            raise ConfigError(f"there is no claim {name!r}; they are {CLAIMS[0].id} to {CLAIMS[-1].id}")
    wanted = {name.upper() for name in ids} or set(known)
    return tuple(claim for claim in CLAIMS if claim.id in wanted)


def seeds_of(claim: Claim) -> tuple[int, ...]:
    """The seeds that a claim is tried with."""
    trained = max(lane.steps for lane in claim.lanes.values()) > FIRST_STEPS
    return SEEDS[:TRAINED_SEEDS] if trained else SEEDS


def check(
    claims: Sequence[Claim],
    base: RunConfig,
    *,
    seeds: Sequence[int] | None = None,
    progress: Progress | None = None,
) -> list[Checked]:
    """Run the experiments of some claims.

    Args:
        claims: what to check.
        base: the configuration that their networks differ from; data and device matter.
        seeds: the same for all; by default 5, and 3 where networks are trained.
        progress: told lane-steps done and in all.

    Raises:
        ConfigError, DataError: the engine refuses a configuration or its data.
        RunError: an engine failed.
    """
    with tempfile.TemporaryDirectory(prefix="tuiinit-") as folder:
        few = base
        if any(lane.few_words for claim in claims for lane in claim.lanes.values()):
            few = base.replace(data=str(_few_words(base, Path(folder))), column=None)

        def config(lane: Wanted, seed: int) -> RunConfig:
            return (few if lane.few_words else base).replace(seed=seed, **lane.changes)

        wanted = [
            (config(lane, seed), lane)
            for claim in claims
            for seed in (seeds or seeds_of(claim))
            for lane in claim.lanes.values()
        ]
        measured = measure(wanted, progress)
    checked = []
    for claim in claims:
        benches = []
        keys: set[str] = set()
        for seed in seeds or seeds_of(claim):
            configs = {name: config(lane, seed) for name, lane in claim.lanes.items()}
            keys |= {one.key for one in configs.values()}
            benches.append(_bench(claim, configs, measured))
        checked.append(Checked(claim, judge(claim, benches), sum(measured.seconds[key] for key in keys)))
    return checked


def _bench(claim: Claim, configs: dict[str, RunConfig], measured: Measured) -> Bench:
    nets = {name: Net(name, claim.lanes[name], measured.results[one.key]) for name, one in configs.items()}
    return Bench(nets, measured.data[next(iter(configs.values())).key])


def judge(claim: Claim, benches: Sequence[Bench]) -> Judgement:
    """Measure the networks of each seed and weigh what they show."""
    by_seed: list[Figures] = []
    missing = []
    for bench in benches:
        try:
            by_seed.append(claim.measure(bench))
        except MissingError as error:
            by_seed.append({})
            missing.append(str(error))
    return claim.judge(by_seed, missing)


def _few_words(base: RunConfig, folder: Path) -> Path:
    """A short list, drawn from the words of `base`."""
    words = reading.read(base.data, base.column).words
    path = folder / "few-words.txt"
    path.write_text("\n".join(random.Random(0).sample(words, min(FEW_WORDS, len(words)))), encoding="utf-8")
    return path
