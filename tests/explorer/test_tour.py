"""The tour through the notes' claims: its stops, when they are done, what is kept, and that it tells the truth."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.explorer.fake import snapshot as fake_snapshot
from tuiinit.config.kinds import step_lr
from tuiinit.config.names import OPTIMIZERS
from tuiinit.config.run import RunConfig
from tuiinit.config.values import ConfigError
from tuiinit.experiments.claims import CLAIMS
from tuiinit.experiments.runs import Conversation, Result
from tuiinit.explorer.tour import BY_CLAIM, STOPS, Progress, Seen, Sight, Stop, Walk
from tuiinit.insight.theory import predict
from tuiinit.stream.link import Engine
from tuiinit.stream.protocol import Advance, Evaluation, Inspection, Snapshot
from tuiinit.views import VIEWS

pytestmark = pytest.mark.usefixtures("warm")
EACH = pytest.mark.parametrize("stop", STOPS, ids=lambda stop: stop.claim)
# A value for each setting that a sight leaves to a function.
WILL_DO = {"seed": 1, "output_scale": 10.0, "lr": 0.001}


# ----------------------------------------------------------------------------------------------- the stops


def test_every_claim_has_one_stop() -> None:
    assert sorted(stop.claim for stop in STOPS if not stop.text) == [claim.id for claim in CLAIMS]
    assert [stop.claim for stop in STOPS if stop.text] == ["L01", "E01", "E02"]
    assert len(BY_CLAIM) == len(STOPS)


@EACH
def test_a_stop_can_be_set_up(stop: Stop) -> None:
    here = RunConfig(data="words.txt", device="cpu", seed=7, gain=3, lr=0.5)
    config = stop.config(here)
    assert (config.data, config.device, config.seed) == ("words.txt", "cpu", RunConfig().seed)
    assert {name for name in RunConfig.__struct_fields__ if getattr(config, name) != getattr(RunConfig(), name)} == {
        "data",
        "device",
        *stop.settings,
    }
    assert {stop.view, *(sight.view for sight in stop.sights)} <= {view.id for view in VIEWS}
    assert all(set(sight.settings) <= set(RunConfig.__struct_fields__) for sight in stop.sights)


@EACH
def test_the_texts_name_keys_that_do_what_they_say(stop: Stop) -> None:
    assert stop.press.endswith(".")
    assert stop.look.endswith(".")
    lr = stop.config(RunConfig()).lr
    if "[ four times" in stop.press:
        for _ in range(4):
            lr = step_lr(lr, -1)
        assert lr == 0.001
    if "o twice" in stop.press:
        assert OPTIMIZERS[OPTIMIZERS.index("sgd") + 2] == "adam"
    for name in re.findall(r"tab until ([\w:]+)", stop.press):
        assert name in {view.title for view in VIEWS}
        assert any(VIEWS[i].title == name and VIEWS[i].id != stop.view for i in range(len(VIEWS)))


# --------------------------------------------------------------------------------------------- what is seen


def doctored(sight: Sight, config: RunConfig, step: int) -> Snapshot:
    """A snapshot that shows what the sight wants: small outputs, usual ones or saturated ones."""
    plain = fake_snapshot(config, step)
    for std, saturated in ((0.65, 0.06), (0.02, 0.0), (0.84, 0.45)):
        layers = tuple(msgspec.structs.replace(a, std=std, saturated=saturated) for a in plain.activations)
        changed = msgspec.structs.replace(plain, activations=layers)
        if sight.shows(changed):
            return changed
    raise AssertionError(f"nothing shows {sight.what}")


def fulfilled(stop: Stop, sight: Sight) -> Seen:
    """What is on the screen when a sight is there, and nothing beyond it."""
    settings = {name: WILL_DO[name] if callable(value) else value for name, value in sight.settings.items()}
    config = stop.config(RunConfig()).replace(**settings)
    return Seen(
        sight.view,
        config,
        doctored(sight, config, sight.steps[0]),
        inspected=sight.inspected,
        evaluated=sight.evaluated,
        overlaid=sight.overlaid,
        dead_unit=sight.dead_unit,
        notice=f"so: {sight.notice}, you see" if sight.notice else "",
    )


@EACH
def test_a_stop_is_not_done_by_itself(stop: Stop) -> None:
    """Where it starts the engine stands still, so that a closer look comes unasked."""
    config = stop.config(RunConfig())
    walk = Walk(stop)
    for step in sorted({0, stop.steps // 2, stop.steps}):
        assert not walk.look(Seen(stop.view, config, fake_snapshot(config, step), inspected=True))
    assert not walk.done
    assert walk.missing


@EACH
def test_a_stop_is_done_when_all_its_sights_were_seen(stop: Stop) -> None:
    walk = Walk(stop)
    for index, sight in enumerate(stop.sights):
        assert not walk.done
        assert sight.what in walk.missing
        last = index == len(stop.sights) - 1
        assert walk.look(fulfilled(stop, sight)) is last
    assert walk.done
    assert not walk.missing
    assert not walk.look(fulfilled(stop, stop.sights[0])), "a stop is completed once"


def others(name: str, value: Any) -> Any:
    """A value that a setting should not have."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return {"nonlinearity": "selu", "optimizer": "rmsprop"}[name]
    if isinstance(value, tuple):
        return tuple(map(type(value[0]), (7, 7)))
    return value + 64 if isinstance(value, int) else 0.07


@EACH
def test_every_condition_of_a_sight_counts(stop: Stop) -> None:
    for sight in stop.sights:
        seen = fulfilled(stop, sight)
        assert sight.is_in(seen)
        assert not sight.is_in(seen._replace(view="weights"))
        for name, value in sight.settings.items():
            wrong = RunConfig().seed if name == "seed" and callable(value) else others(name, getattr(seen.config, name))
            assert not sight.is_in(seen._replace(config=seen.config.replace(**{name: wrong}))), name
        for step in (sight.steps[0] - 1, sight.steps[1] + 1):
            moved = msgspec.structs.replace(seen.snapshot, step=step)
            assert not sight.is_in(seen._replace(snapshot=moved))
        for name in ("inspected", "evaluated", "overlaid", "dead_unit"):
            assert sight.is_in(seen._replace(**{name: False})) is not getattr(sight, name)
        assert sight.is_in(seen._replace(notice="")) is not bool(sight.notice)


def test_outputs_must_show_what_the_gain_does() -> None:
    for claim in ("C09", "C11", "C12"):
        sight = BY_CLAIM[claim].sights[-1]
        seen = fulfilled(BY_CLAIM[claim], sight)
        layers = tuple(msgspec.structs.replace(a, std=0.3, saturated=0.01) for a in seen.snapshot.activations)
        assert not sight.is_in(seen._replace(snapshot=msgspec.structs.replace(seen.snapshot, activations=layers)))


# ----------------------------------------------------------------------------------------------- progress

ORDER = ("a", "b", "c")


def test_progress_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "state"
    progress = Progress(folder, ORDER)
    assert (progress.ticked, progress.trouble, progress.next()) == (set(), "", "a")
    progress.tick("b")
    again = Progress(folder, ORDER)
    assert again.ticked == {"b"}
    assert (again.next(), again.next("a"), again.next("c"), again.next("gone")) == ("a", "c", "a", "a")
    again.tick("a")
    again.tick("c")
    assert again.next("a") == "c"
    again.forget()
    assert Progress(folder, ORDER).ticked == set()
    assert [path.name for path in folder.iterdir()] == ["notes.json"]


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"[1]", b'{"ticked": 3}', b'{"ticked": [3]}', b"[" * 100_000, b'{"ticked": ["a"'],
    ids=repr,
)
def test_a_damaged_file_costs_the_progress_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "notes.json").write_bytes(content)
    progress = Progress(tmp_path, ORDER)
    assert progress.ticked == set()
    assert "starts anew" in progress.trouble
    progress.tick("a")
    assert progress.trouble == ""
    assert Progress(tmp_path, ORDER).ticked == {"a"}


def test_claims_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    (tmp_path / "notes.json").write_bytes(b'{"ticked": ["a", "z"], "more": []}')
    progress = Progress(tmp_path, ORDER)
    assert (progress.ticked, progress.trouble) == ({"a"}, "")
    (tmp_path / "notes.json").write_bytes(b"{}")
    assert Progress(tmp_path, ORDER).trouble == ""


def test_a_file_that_cannot_be_read_or_written_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "notes.json").mkdir()
    progress = Progress(tmp_path, ORDER)
    assert "cannot be read" in progress.trouble
    progress.tick("a")
    assert "cannot be kept" in progress.trouble
    assert progress.ticked == {"a"}, "it counts while the program runs"
    (tmp_path / "file").touch()
    nowhere = Progress(tmp_path / "file" / "folder", ORDER)
    nowhere.tick("a")
    assert "cannot be kept" in nowhere.trouble


# ------------------------------------------------------------------------- what the texts say, and what is so


class Bench:
    """An engine that measures what a stop shows."""

    def __init__(self, session: Conversation) -> None:
        self._session = session
        self._started = False

    def __call__(self, claim: str, step: int | None = None, *, closer: bool = False, **settings: Any) -> Result:
        """A stop's network, with some settings changed, at a step."""
        stop = BY_CLAIM[claim]
        config = stop.config(RunConfig(device="cpu")).replace(**settings)
        if not self._started:
            self._session.select([config])
            self._started = True
        results = self._session.restart([config])
        if to := stop.steps if step is None else step:
            results = self._session.advance(Advance(to=to))
        if closer:
            self._session.inspect()
            results = self._session.evaluate()
        return results[0]

    @property
    def unigram(self) -> float:
        assert self._session.data is not None
        return self._session.data.unigram


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Engine() as engine:
        yield Bench(Conversation(engine))


def stds(result: Result) -> list[float]:
    return [layer.std for layer in result.last.activations]


def gradients(result: Result) -> list[float]:
    return [layer.grad_std for layer in result.last.activations]


def saturated(result: Result) -> list[float]:
    return [layer.saturated for layer in result.last.activations]


def dead(result: Result) -> int:
    return sum(len(layer.dead) for layer in result.last.activations)


def out_of_line(result: Result) -> float:
    """The output's gradient std over the median of the others'."""
    *others, output = (weight.grad_std for weight in result.last.weights)
    return float(output / np.median(others))


def rates(result: Result) -> list[float]:
    """log10 update:data: embedding, hidden layers, output."""
    return [weight.update_data_log10 or math.nan for weight in result.last.weights]


def closer_look(result: Result) -> tuple[Inspection, Evaluation]:
    return result.inspections[max(result.inspections)], result.evaluations[max(result.evaluations)]


def test_the_first_loss(bench: Bench) -> None:
    for seed in (BY_CLAIM["C01"].config(RunConfig()).seed, 1, 2):
        first = bench("C01", seed=seed).last
        assert first.loss == pytest.approx(first.expected_initial_loss, abs=0.04)
    loud = bench("C02", output_scale=10.0).last
    assert loud.loss is not None
    assert loud.loss > 3 * loud.expected_initial_loss
    assert bench("C03").last.loss == loud.loss
    assert bench("C03", output_scale=0.1).last.loss == pytest.approx(loud.expected_initial_loss, abs=0.04)


def test_the_first_network_is_mended_step_by_step(bench: Bench) -> None:
    drawn, *mended = (bench("L01", **sight.settings).last for sight in BY_CLAIM["L01"].sights)
    assert drawn.loss is not None
    assert drawn.loss > 20
    for snapshot in mended:
        assert snapshot.loss == pytest.approx(snapshot.expected_initial_loss, abs=0.1)
    shares = [snapshot.activations[0].saturated for snapshot in (drawn, *mended)]
    assert shares == pytest.approx([0.69, 0.69, 0.05, 0.2], abs=0.04)


def test_from_zero_the_outputs_bias_alone_learns(bench: Bench) -> None:
    stopped = bench("E01", 300)
    assert not any(weight.grad_std for weight in stopped.last.weights)
    assert {weight.std for weight in stopped.last.weights[1:]} == {0}
    assert stopped.loss[0] == pytest.approx(stopped.last.expected_initial_loss)
    assert stopped.loss[-100:].mean() == pytest.approx(bench.unigram, abs=0.1)


def test_batch_norm_can_be_folded_away(bench: Bench) -> None:
    inspection, evaluation = closer_look(bench("E02", 20, closer=True))
    assert inspection.folded is not None
    assert inspection.folded.difference is not None
    assert inspection.folded.difference < 1e-5
    assert inspection.folded.dev == pytest.approx(evaluation.dev, abs=1e-5)
    assert inspection.folded.dev_folded == pytest.approx(evaluation.dev, abs=1e-5)


def test_zero_weights_pass_no_gradient_on(bench: Bench) -> None:
    *below, output = (weight.grad_std for weight in bench("C04", 1).last.weights)
    assert not any(below)
    assert output > 0
    assert all(weight.grad_std > 0 for weight in bench("C04", 2).last.weights)


def test_saturation_and_dead_units(bench: Bench) -> None:
    through = closer_look(bench("C05", closer=True))[0].through
    assert through[0] is not None
    assert through[-1] is not None
    assert (through[0] > 0.99, through[-1] < 0.05) == (True, True)
    result = bench("C06", closer=True)
    assert dead(result) > 10
    closer = closer_look(result)[0]
    pairs = [(d, a) for d, a in zip(closer.dead_grad, closer.alive_grad, strict=True) if d is not None and a]
    assert sum(d for d, _ in pairs) < 0.05 * sum(a for _, a in pairs)
    # Where the stop starts, the unit pointed at is none of them: a person has to go there.
    assert 0 not in result.last.activations[0].dead
    assert [dead(bench("C07", step)) for step in (0,)] == [0]
    # In between some come back: at this lr a rounding decides which.
    assert 0 < dead(bench("C07", 20)) < dead(bench("C07", 300))


def test_gains(bench: Bench) -> None:
    shrunk = stds(bench("C09", gain=0.5))
    assert shrunk == sorted(shrunk, reverse=True)
    assert shrunk[-1] == pytest.approx(0.02, abs=0.005)
    slowly = stds(bench("C10", gain=1.0))
    assert slowly == sorted(slowly, reverse=True)
    assert slowly[-1] / slowly[0] == pytest.approx(0.5, abs=0.05)
    kept = bench("C11", gain=5 / 3)
    assert stds(kept)[0] == pytest.approx(0.76, abs=0.01)
    assert all(std == pytest.approx(0.67, abs=0.02) for std in stds(kept)[1:])
    assert saturated(kept)[0] == pytest.approx(0.20, abs=0.01)
    assert all(0.05 < share < 0.10 for share in saturated(kept)[1:])
    assert all(share > 0.38 for share in saturated(bench("C12", gain=3.0)))
    for claim, gain in (("C09", 0.5), ("C11", 5 / 3), ("C12", 3.0)):
        result = bench(claim, gain=gain)
        assert BY_CLAIM[claim].sights[-1].is_in(Seen("activations", result.config, result.last)), claim


def test_gradients_and_other_nonlinearities(bench: Bench) -> None:
    growth = {gain: (g := gradients(bench("C14", gain=gain)))[0] / g[-1] for gain in (0.5, 1.0, 5 / 3, 3.0)}
    assert growth[0.5] < 0.1
    assert growth[3.0] > 3
    assert all(0.5 < growth[gain] < 2 for gain in (1.0, 5 / 3))
    kept, grown = bench("C13"), bench("C13", gain=5 / 3)
    assert stds(kept)[-1] / stds(kept)[0] == pytest.approx(1, abs=0.1)
    assert (stds(grown)[-1] / stds(grown)[0]) ** (1 / 4) == pytest.approx(5 / 3, rel=0.05)
    assert (gradients(grown)[0] / gradients(grown)[-1]) ** (1 / 4) == pytest.approx(5 / 3, rel=0.05)
    halved, whole = stds(bench("C26")), stds(bench("C26", gain=math.sqrt(2)))
    assert (halved[-1] / halved[0]) ** (2 / 4) == pytest.approx(0.5, abs=0.05)
    assert whole[-1] / whole[0] == pytest.approx(1, abs=0.15)


def test_how_fast_matrices_learn(bench: Bench) -> None:
    first = bench("C15", 1)
    assert 15 < out_of_line(first) < 30
    *others, output = (weight.grad_data_ratio or 0.0 for weight in first.last.weights)
    assert output / np.median(others) > 200
    assert out_of_line(bench("C22", bn=True)) == pytest.approx(1, abs=0.3)
    usual = bench("C18")
    config = usual.config.changed(200, "lr", 0.001)
    low = bench("C18", 250, schedule=config.schedule)
    assert np.mean(np.subtract(rates(usual), rates(low))) == pytest.approx(2, abs=0.2)
    sgd = rates(bench("C17"))
    config = usual.config.changed(20, "lr", 0.001).changed(20, "optimizer", "adam")
    adam = rates(bench("C17", 120, schedule=config.schedule))
    above = [rate[-1] - float(np.median(rate[1:-1])) for rate in (sgd, adam)]
    assert above[0] == pytest.approx(2, abs=0.3)
    assert above[1] == pytest.approx(1, abs=0.3)


def test_batch_norm_evens_out(bench: Bench) -> None:
    assert all(0.625 < std < 0.645 for std in stds(bench("C20", bn=True)))
    halving = gradients(bench("C21"))
    assert all(a / b == pytest.approx(0.5, abs=0.05) for a, b in itertools.pairwise(halving))
    even = gradients(bench("C21", bn=True))
    assert all(a / b == pytest.approx(1.1, abs=0.1) for a, b in itertools.pairwise(even))
    small, large = bench("C24", gain=0.5), bench("C24", gain=3.0)
    assert stds(small) == pytest.approx(stds(large), abs=0.01)
    assert np.mean(np.subtract(rates(small), rates(large))[1:-1]) == pytest.approx(2 * math.log10(6), abs=0.3)
    scaled, unscaled = bench("C25"), bench("C25", fan_in_scaling=False)
    assert stds(scaled) == pytest.approx(stds(unscaled), abs=0.01)
    assert np.median(np.subtract(rates(scaled), rates(unscaled))) == pytest.approx(2, abs=0.3)
    assert predict(scaled.config).layers[0].std == pytest.approx(stds(scaled)[0], abs=0.02)


def test_what_batch_norm_costs(bench: Bench) -> None:
    closer, _ = closer_look(bench("C28", closer=True))
    jitter = np.frombuffer(closer.jitter_logits, "<f4").reshape(closer.jitter_batches, -1)
    assert jitter.std(axis=0).mean() > 0.02
    bias = bench("C30", 1).last
    ratios = [(bn.bias_grad_std or 0) / w.grad_std for bn, w in zip(bias.batch_norms, bias.weights[1:], strict=True)]
    assert max(ratios) < 1e-6
    with pytest.raises(ConfigError, match=BY_CLAIM["C32"].sights[-1].notice):
        BY_CLAIM["C32"].config(RunConfig()).replace(batch_size=1)


@pytest.mark.long
def test_what_takes_long(bench: Bench) -> None:
    assert 2 < out_of_line(bench("C16", 1_000)) < 4
    stuck, learning = bench("C08", 300), bench("C08", 300, gain=5 / 3)
    assert stuck.loss[-50:].mean() > bench.unigram
    assert learning.loss[-50:].mean() < bench.unigram - 0.2
    apart = rates(bench("C19", 1_000))
    assert max(apart) - min(apart) > 1
    assert (apart.index(max(apart)), apart.index(min(apart))) == (len(apart) - 1, 0)
    without, normed = rates(bench("C23")), rates(bench("C23", bn=True))
    assert normed[-1] < without[-1] - 0.3
    assert max(normed[1:-1]) - min(normed[1:-1]) < 0.3
    trained = bench("C27", 500).last.batch_norms
    away = [
        float(np.abs(np.frombuffer(bn.gamma, "<f4") - start).mean())
        for bn, start in zip(trained, (1,) * 5 + (0.1,), strict=True)
    ]
    assert 0.002 < max(away[:-1]) < 0.05 < 0.2 < away[-1]
    _, agreed = closer_look(bench("C29", closer=True))
    assert agreed.dev == pytest.approx(agreed.dev_calibrated, abs=0.01)
    config = bench("C32", 0).config.changed(300, "batch_size", 2)
    _, forgotten = closer_look(bench("C32", 301, closer=True, schedule=config.schedule))
    assert forgotten.dev is not None
    assert forgotten.dev_batch is not None
    assert forgotten.dev_batch - forgotten.dev == pytest.approx(0.2, abs=0.06)
    simple = [closer_look(bench("C31", closer=True, bn=bn))[1].dev for bn in (False, True)]
    assert simple[0] == pytest.approx(simple[1], abs=0.05)
