"""Claims: every part of every claim can fail, and what is printed is what the engine measured."""

from __future__ import annotations

import dataclasses
import io
import itertools
import json
import math
import re
import string
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

from tests.experiments.claims_figures import DOCTORED, MEASURED, REPAIRED
from tests.made import made
from tuiinit import cli
from tuiinit.config.run import RunConfig
from tuiinit.config.values import ConfigError
from tuiinit.data import reading
from tuiinit.experiments.claims import CLAIMS, SEEDS, Claim, check, find
from tuiinit.experiments.claims.batches import gaussian_distance
from tuiinit.experiments.claims.check import seeds_of
from tuiinit.experiments.claims.model import Figures, Net, growth, spread
from tuiinit.experiments.claims.networks import LANES_AT_ONCE, Batch, Halt, Measured, Wanted, batches, measure
from tuiinit.experiments.claims.updates import excess, largest_excess
from tuiinit.experiments.runs import Result, RunError
from tuiinit.paper.claims import as_json, failed, print_table
from tuiinit.stream import protocol

pytestmark = pytest.mark.usefixtures("warm")
BASE = RunConfig(device="cpu")
BY_ID = {claim.id: claim for claim in CLAIMS}
EVERY = pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
MILESTONE_DIGITS = ("1", "2", "5")


def whole(claim: Claim) -> Figures:
    """Figures on which every part of a claim holds: as measured, repaired where a part did not hold."""
    return MEASURED[claim.id] | REPAIRED.get(claim.id, {})


# ------------------------------------------------------------------------------------------ what they are


def test_there_are_32_claims_in_order() -> None:
    assert [claim.id for claim in CLAIMS] == [f"C{number:02}" for number in range(1, 33)]


@EVERY
def test_a_claim_has_a_sentence_networks_and_parts(claim: Claim) -> None:
    assert claim.text.endswith(".")
    assert 20 < len(claim.text) <= 120
    assert claim.lanes
    assert claim.parts
    assert all(part.text and not part.text.endswith(".") for part in claim.parts)
    assert len({part.text for part in claim.parts}) == len(claim.parts)


@EVERY
def test_networks_can_be_and_have_a_snapshot_where_they_are_looked_at(claim: Claim) -> None:
    wanted = [(BASE.replace(**lane.changes), lane) for lane in claim.lanes.values()]
    stops = {config.key: batch.stops for batch in batches(wanted) for config in batch.configs}
    for config, lane in wanted:
        taken = {stop.step for stop in stops[config.key]}
        assert lane.steps == 0 or lane.steps in taken or str(lane.steps).rstrip("0") in MILESTONE_DIGITS


@EVERY
def test_a_reason_names_only_figures_that_are_measured(claim: Claim) -> None:
    named = {name for _, name, _, _ in string.Formatter().parse(claim.reason) if name}
    assert named
    assert named <= set(MEASURED[claim.id])


def test_networks_that_train_have_fewer_seeds() -> None:
    assert seeds_of(BY_ID["C09"]) == SEEDS
    assert len(seeds_of(BY_ID["C19"])) == 3


# ----------------------------------------------------------------------------------------------- verdicts


@EVERY
def test_a_claim_holds_when_all_its_parts_do(claim: Claim) -> None:
    judgement = claim.judge([whole(claim)] * 3)
    assert judgement.verdict == "holds"
    assert judgement.figures["seeds"] == judgement.figures["seeds that agree"] == 3


@EVERY
def test_every_part_of_a_claim_can_fail(claim: Claim) -> None:
    doctored = DOCTORED[claim.id]
    assert len(doctored) == len(claim.parts)
    for index, (part, wrong) in enumerate(zip(claim.parts, doctored, strict=True)):
        assert set(wrong) <= set(MEASURED[claim.id])
        figures = whole(claim) | wrong
        assert part.holds(whole(claim))
        assert not part.holds(figures)
        judgement = claim.judge([figures] * 3)
        assert judgement.verdict == ("fails" if index == 0 else "holds in part")
        assert f"Not so: {part.text}." in judgement.reason


@EVERY
def test_what_could_not_be_measured_does_not_hold(claim: Claim) -> None:
    nothing = dict.fromkeys(MEASURED[claim.id], math.nan)
    assert not any(part.holds(nothing) for part in claim.parts)
    judgement = claim.judge([nothing] * 3)
    assert judgement.verdict == "fails"
    assert "nan" not in judgement.reason.replace("nance", "")


@EVERY
def test_a_network_that_diverged_fails_its_claim(claim: Claim) -> None:
    judgement = claim.judge([{}] * 3, ["the loss was not finite"] * 3)
    assert judgement.verdict == "fails"
    assert "The loss was not finite (3 of 3 seeds)." in judgement.reason


def test_seeds_are_counted() -> None:
    claim = BY_ID["C01"]
    good, bad = whole(claim), whole(claim) | DOCTORED["C01"][0]
    mostly, half = claim.judge([good, good, good, bad]), claim.judge([good, bad])
    assert (mostly.verdict, half.verdict) == ("holds in part", "fails")
    assert "So on 3 of 4 seeds only" in mostly.reason
    assert mostly.figures["seeds that agree"] == 3


# ----------------------------------------------------------------------------------- measured on the engine


def test_claims_about_the_first_steps_are_measured_live() -> None:
    ids = ("C01", "C03", "C09", "C11", "C13", "C15")
    checked = check(find(ids), BASE, seeds=SEEDS[:2])
    assert [one.claim.id for one in checked] == list(ids)
    by_id = {one.claim.id: one for one in checked}
    assert {id_: by_id[id_].judgement.verdict for id_ in ids if id_ != "C11"} == dict.fromkeys(
        (id_ for id_ in ids if id_ != "C11"), "holds"
    )
    assert by_id["C11"].judgement.verdict in ("holds", "holds in part")
    assert by_id["C01"].judgement.figures["ln V"] == pytest.approx(math.log(27))
    assert by_id["C13"].judgement.figures["outputs 5/3"] == pytest.approx(5 / 3, rel=0.1)
    assert all(one.seconds > 0 for one in checked)
    for one in checked:
        assert set(one.judgement.figures) == {*MEASURED[one.claim.id], "seeds", "seeds that agree"}


ABOUT_OTHER_NETWORKS: dict[str, dict[str, object]] = {
    "C01": {"output_scale": 30.0},
    "C03": {"output_scale": 1.0},
    "C05": {"nonlinearity": "linear", "gain": 0.5},
    "C09": {"gain": 3.0},
    "C10": {"gain": 3.0},
    "C11": {"gain": 0.5},
    "C12": {"gain": 1.0},
    "C13": {"gain": 1.2},
    "C14": {"gain": 1.0},
    "C15": {"bn": True},
    "C21": {"bn": False},
    "C26": {"gain": 0.3},
}


def test_claims_fail_on_networks_that_they_are_not_about() -> None:
    wrong = []
    for id_, changes in ABOUT_OTHER_NETWORKS.items():
        lanes = BY_ID[id_].lanes.items()
        changed = {name: dataclasses.replace(lane, changes={**lane.changes, **changes}) for name, lane in lanes}
        wrong.append(dataclasses.replace(BY_ID[id_], lanes=changed))
    checked = check(wrong, BASE, seeds=SEEDS[:1])
    assert {one.claim.id: one.judgement.verdict for one in checked} == dict.fromkeys(ABOUT_OTHER_NETWORKS, "fails")


def shortened(claim: Claim) -> Claim:
    """The claim on networks that train 100 steps at most; its figures keep their names."""
    lanes = {name: dataclasses.replace(lane, steps=min(lane.steps, 100)) for name, lane in claim.lanes.items()}
    return dataclasses.replace(claim, lanes=lanes)


def test_every_claim_measures_its_figures_on_real_networks(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("\n".join(reading.read(None).words[:2000]))  # dev sets small enough to evaluate in no time
    base = BASE.replace(data=str(path))
    checked = check([shortened(claim) for claim in CLAIMS], base, seeds=SEEDS[:1])
    assert [one.claim.id for one in checked] == [claim.id for claim in CLAIMS]
    for one in checked:
        assert set(one.judgement.figures) == {*MEASURED[one.claim.id], "seeds", "seeds that agree"}
        assert one.judgement.reason


def test_one_network_of_several_claims_is_trained_once_and_stops_where_asked() -> None:
    config = BASE.replace(hidden=(10,))
    wanted = [
        (config, Wanted(steps=20)),
        (config, Wanted(steps=5, inspect=True)),
        (config, Wanted(steps=20, evaluate=True)),
        (config, Wanted(steps=1)),
    ]
    (batch,) = batches(wanted)
    assert batch.configs == (config,)
    assert batch.stops == (Halt(5, inspect=True), Halt(20, evaluate=True))
    result = measure(wanted).results[config.key]
    assert set(result.inspections) == {5}
    assert set(result.evaluations) == {20}
    assert {0, 1, 2, 5, 10, 20} <= set(result.snapshots)
    assert result.loss.shape == (20,)
    assert result.update_data.shape == (20, 3)


def test_batches_are_bounded_and_the_costliest_comes_first() -> None:
    few = [(BASE.replace(seed=seed), Wanted(steps=1)) for seed in range(LANES_AT_ONCE + 1)]
    many = [(BASE.replace(seed=seed, lr=0.2), Wanted(steps=100)) for seed in range(2)]
    made = batches([*few, *many])
    assert [len(batch.configs) for batch in made] == [2, LANES_AT_ONCE, 1]
    assert made[0].cost > made[1].cost > made[2].cost
    assert isinstance(made[0], Batch)


def test_progress_is_told_over_all_networks() -> None:
    seen: list[tuple[int, int]] = []
    wanted = [(BASE.replace(hidden=(10,), seed=seed), Wanted(steps=30 * seed)) for seed in (1, 2)]
    measure(wanted, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (90, 90)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


@pytest.mark.long
def test_all_claims_hold_at_least_in_part_on_one_seed() -> None:
    checked = check(CLAIMS, BASE, seeds=SEEDS[:1])
    assert failed(checked) is None
    assert {one.claim.id: set(one.judgement.figures) - {"seeds", "seeds that agree"} for one in checked} == {
        id_: set(figures) for id_, figures in MEASURED.items()
    }


def test_a_diverged_network_is_named() -> None:
    lanes = {"net": Wanted({"lr": 1e30, "nonlinearity": "relu"}, 20)}
    claim = dataclasses.replace(BY_ID["C16"], lanes=lanes)
    (one,) = check([claim], BASE, seeds=SEEDS[:1])
    assert one.judgement.verdict == "fails"
    assert "“net” was not finite at step" in one.judgement.reason
    assert json.loads(as_json([one]))[0]["verdict"] == "fails"


def test_an_engine_that_fails_ends_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "tuiinit.stream.link.engine_command", lambda command, **_: [sys.executable, "-c", "raise SystemExit(3)"]
    )
    with pytest.raises(RunError, match="ended with code 3"):
        measure([(BASE, Wanted(steps=1))])


# -------------------------------------------------------------------------------------------- small pieces


def test_excess_is_over_the_median_of_the_others() -> None:
    import numpy as np

    values = np.array([1.0, 2.0, 3.0, 20.0])
    assert excess(values, -1) == 10
    assert largest_excess(values) == 10
    assert excess(values, 0) == pytest.approx(1 / 3)
    assert spread(values) == 20
    assert math.isnan(spread(np.array([0.0, 1.0])))
    assert growth(1.0, 16.0, 5) == 2


def test_distance_from_a_gaussian() -> None:
    def layer(counts: Sequence[int]) -> protocol.Activation:
        bins = protocol.Histogram(lo=-1.0, hi=1.0, counts=tuple(counts), outside=0.0)
        return made(protocol.Activation, layer="tanh 1", histogram=bins)

    edges = [-1 + i / 32 for i in range(65)]
    below = [0.0, *(0.5 * (1 + math.erf(math.atanh(e) / math.sqrt(2))) for e in edges[1:-1]), 1.0]
    gaussian = [round(1e7 * (b - a)) for a, b in itertools.pairwise(below)]
    assert gaussian_distance(layer(gaussian)) == pytest.approx(0, abs=1e-5)
    assert gaussian_distance(layer([10, *[0] * 63])) == pytest.approx(1, abs=0.05)


def test_a_net_tells_what_is_missing() -> None:
    result = Result(BASE)
    result.diverged_at = 7
    net = Net("high lr", Wanted(steps=10, evaluate=True, inspect=True), result)
    for ask in (net.snapshot, net.std, net.loss, net.update_data, net.mean_update_data):
        with pytest.raises(RuntimeError, match="“high lr” was not finite at step 7"):
            ask()
    for name in ("evaluation", "inspection", "dev", "best_dev"):
        with pytest.raises(RuntimeError, match="not finite"):
            getattr(net, name)


# ----------------------------------------------------------------------------------------- command and output


def test_ids_are_found_in_any_case_and_order() -> None:
    assert [claim.id for claim in find(["c02", "C01", "c02"])] == ["C01", "C02"]
    assert find([]) == CLAIMS
    with pytest.raises(ConfigError, match="there is no claim 'C33'; they are C01 to C32"):
        find(["C33"])


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["tuiinit", *arguments])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert isinstance(left.value.code, int)
    return left.value.code


def test_json_has_the_promised_keys(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(monkeypatch, "claims", "C01", "c09", "--json") == 0
    records = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert [one["id"] for one in records] == ["C01", "C09"]
    for one in records:
        assert list(one) == ["id", "claim", "verdict", "reason", "figures", "seconds"]
        assert one["verdict"] == "holds"
        assert all(isinstance(value, float) for value in one["figures"].values())


def test_json_holds_no_nan() -> None:
    claim = BY_ID["C05"]
    nothing = dict.fromkeys(MEASURED["C05"], math.nan)
    from tuiinit.experiments.claims import Checked

    (record,) = json.loads(as_json([Checked(claim, claim.judge([nothing]), 0.0)]), parse_constant=pytest.fail)
    assert set(record["figures"].values()) == {None, 1.0, 0.0}


def test_an_unknown_claim_is_wrong_use(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(monkeypatch, "claims", "C99") == 2
    out = capsys.readouterr()
    assert out.out == ""
    assert out.err == "tuiinit: there is no claim 'C99'; they are C01 to C32\n"


def test_a_data_file_that_cannot_be_read_is_wrong_use(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert command(monkeypatch, "claims", "C01", "--data", str(tmp_path / "none.txt")) == 2
    assert "none.txt" in capsys.readouterr().err


def test_other_words_have_another_ln_v(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "words.txt"
    path.write_text("\n".join(["abba", "baab", "cab", "bac", "acca"] * 10))
    assert command(monkeypatch, "claims", "C01", "--data", str(path), "--json") == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert record["figures"]["ln V"] == pytest.approx(math.log(4))


def test_a_claim_that_fails_is_printed_and_gives_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    claim = BY_ID["C09"]
    wrong = dataclasses.replace(claim, lanes={"std": Wanted({"gain": 3.0}, 1)})
    monkeypatch.setattr("tuiinit.experiments.claims.find", lambda ids: (wrong,))
    assert command(monkeypatch, "claims", "C09") == 1
    out = capsys.readouterr()
    assert "✗ fails" in out.out
    assert out.err == "tuiinit: 1 of 1 claims fail: C09\n"


def test_the_table_names_claim_verdict_and_figures() -> None:
    from tuiinit.experiments.claims import Checked

    checked = [Checked(claim, claim.judge([MEASURED[claim.id]] * 3), 1.0) for claim in CLAIMS]
    console = Console(file=io.StringIO(), width=100, color_system=None)
    print_table(checked, console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert all(claim.id in text for claim in CLAIMS)
    assert "holds in part" in text
    assert re.fullmatch(r"\d+ holds, \d+ holds in part", text.rstrip().splitlines()[-1])
    assert failed(checked) is None


def test_an_empty_measure_is_no_error() -> None:
    assert measure([]) == Measured()
