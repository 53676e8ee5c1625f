"""Theory and redraws beside what is measured: which theory, in which words, in findings, tables, files and replays."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from tests.explorer import fake
from tests.insight.starts import NAN, numbers, start
from tuiinit.config.run import RunConfig
from tuiinit.experiments.runs import Result
from tuiinit.explorer.screen import VIEWS
from tuiinit.insight.expected import Figure, expect, expected_loss
from tuiinit.insight.findings import Finding, findings
from tuiinit.insight.theory import predict
from tuiinit.paper.report import write_session
from tuiinit.paper.runs import as_json, print_tables
from tuiinit.session.session import Session
from tuiinit.stream import protocol
from tuiinit.stream.history import LaneHistory
from tuiinit.stream.misfit import misfit
from tuiinit.stream.protocol import Snapshot, Start
from tuiinit.stream.recorder import Recorder
from tuiinit.stream.recording import load
from tuiinit.views.base import Page

BN, PLAIN = RunConfig(bn=True), RunConfig()


def grown(config: RunConfig, growth: float, step: int = 1) -> Snapshot:
    """A snapshot whose gradients grow by a factor to the first layer."""
    now = fake.snapshot(config, step)
    last = len(now.activations) - 1
    layers = tuple(
        msgspec.structs.replace(a, grad_std=5e-4 * growth ** ((last - i) / last), std=0.633)
        for i, a in enumerate(now.activations)
    )
    return msgspec.structs.replace(now, activations=layers)


def flow(config: RunConfig, now: Snapshot, frame: Start | None) -> Finding:
    found = findings(now, config, expected=expect(config, frame))
    return next(finding for finding in found if finding.id == "gradient-flow")


# ------------------------------------------------------------------------------------------------ which theory


def test_with_batch_norm_theory_is_that_of_the_minibatch() -> None:
    expected = expect(BN, start(BN))
    assert expected.grad_ratio[0].theory == pytest.approx(1.69)
    assert expected.std[0].theory == pytest.approx(0.632)
    assert expected.prediction.layers[0].grad_std == pytest.approx(1.69)
    assert expected.weight_grad_std[0] == pytest.approx(Figure(1.7e-3, 1.5e-3, 1.7e-3, 1.9e-3))
    assert expected_loss(expected, 27) == pytest.approx(3.303)


def test_without_it_the_closed_forms_stay_and_weights_and_loss_are_the_minibatchs() -> None:
    expected, closed = expect(PLAIN, start(PLAIN)), predict(PLAIN)
    assert [f.theory for f in expected.std] == [layer.std for layer in closed.layers]
    assert [f.theory for f in expected.grad_ratio] == [layer.grad_std for layer in closed.layers]
    assert expected.std[0].redraws == pytest.approx((0.627, 0.632, 0.638))
    assert expected.update_data[0].theory == pytest.approx(-3.05)
    assert expected_loss(expected, 27) == pytest.approx(3.303)


def test_until_the_engine_told_theory_is_that_of_a_wide_batch() -> None:
    expected, closed = expect(BN, None), predict(BN)
    assert [f.theory for f in expected.grad_ratio] == [layer.grad_std for layer in closed.layers]
    assert expected.loss.theory is None
    assert expected_loss(expected, 27) == pytest.approx(math.log(27), abs=0.01)
    assert expected.std[0].redraws is None


@pytest.mark.parametrize("rows", [2, 3, 5])
def test_of_too_few_examples_theory_says_nothing(rows: int) -> None:
    config = BN.replace(batch_size=rows)
    expected = expect(config, None)
    assert expected.few
    assert {f.theory for f in (*expected.std, *expected.grad_ratio, *expected.saturated)} == {None}
    assert expected_loss(expected, 27) is None
    assert not expect(PLAIN.replace(batch_size=rows), None).few


def test_too_few_different_examples_are_said() -> None:
    frame = start(BN, contexts=4, ratio=NAN)
    finding = flow(BN, grown(BN, 1.7), frame)
    assert "4 different examples" in finding.text
    assert "redraws 1.49–1.83" in finding.text
    assert "nan" not in finding.text


# ---------------------------------------------------------------------------------------------------- words


def test_a_finding_tells_theory_and_redraws() -> None:
    finding = flow(BN, grown(BN, 1.74), start(BN))
    assert finding.severity == "good"
    assert "× 1.7 from tanh 5 to tanh 1; theory 1.69, redraws 1.49–1.83" in finding.text
    assert "start" not in finding.text


def test_after_the_first_step_it_says_at_the_start() -> None:
    finding = flow(BN, grown(BN, 2.5, step=100), start(BN))
    assert "redraws 1.49–1.83 at the start" in finding.text
    assert "other draws" not in finding.text


@pytest.mark.parametrize(("growth", "side"), [(1.9, "more"), (1.4, "less")])
def test_outside_the_redraws_is_a_note_and_never_a_fault(growth: float, side: str) -> None:
    finding = flow(BN, grown(BN, growth), start(BN))
    assert finding.severity == "note"
    assert f"{side} than 95 % of 64 other draws" in finding.text


def test_saturation_within_the_redraws_is_as_expected() -> None:
    """Where layers are wide, theory alone would call it a fault."""
    config = PLAIN.replace(hidden=(4000, 4000))
    now = fake.snapshot(config, 1)
    layers = tuple(msgspec.structs.replace(a, saturated=0.24) for a in now.activations)
    now = msgspec.structs.replace(now, activations=layers)
    frame = start(config)
    high = msgspec.structs.replace(frame.redrawn, saturated=numbers((0.22, 0.23, 0.25), (0.22, 0.23, 0.25)))

    def severity(frame: Start | None) -> str:
        found = findings(now, config, expected=expect(config, frame))
        return next(finding.severity for finding in found if finding.id == "saturation")

    assert severity(None) == "warn"
    assert severity(msgspec.structs.replace(frame, redrawn=high)) == "note"


@pytest.mark.parametrize(
    ("commonest", "without", "named"), [(10, 1.6, True), (10, 2.6, False), (5, 1.6, False), (10, None, False)]
)
def test_repeats_are_named_where_they_are_the_cause(commonest: int, without: float | None, named: bool) -> None:
    frame = start(BN, ratio=2.7, band=(2.3, 2.7, 3.1), commonest=commonest, without=without)
    finding = flow(BN, grown(BN, 2.6), frame)
    assert finding.severity == "note"
    assert ("10 of 32 examples are the same context" in finding.text) == named
    assert ("× 1.6 without repeats" in finding.text) == named


def test_the_first_loss_has_its_redraws() -> None:
    found = findings(fake.snapshot(BN, 1), BN, expected=expect(BN, start(BN)))
    finding = next(finding for finding in found if finding.id == "initial-loss")
    assert "theory 3.30, redraws 3.27–3.33" in finding.text


# --------------------------------------------------------------------------------------------- tables and files


def result(config: RunConfig, frame: Start | None) -> Result:
    now = fake.snapshot(config, 1)
    return Result(config, snapshots={1: now}, start=frame)


def test_json_has_what_the_contract_names() -> None:
    record = msgspec.json.decode(as_json(result(BN, start(BN))))
    first, weight = record["activations"][0], record["weights"][0]
    assert first["predicted_grad_ratio"] == pytest.approx(1.69)
    assert first["redraw_grad_ratio"] == pytest.approx([1.49, 1.64, 1.83])
    assert first["redraw_std"] == pytest.approx([0.627, 0.632, 0.638])
    assert first["redraw_saturated"] == pytest.approx([0.023, 0.027, 0.032])
    assert weight["predicted_grad_std"] == pytest.approx(1.7e-3)
    assert weight["redraw_grad_std"] == pytest.approx([1.5e-3, 1.7e-3, 1.9e-3])
    assert weight["predicted_update_data_log10"] == pytest.approx(-3.05)
    assert weight["redraw_update_data_log10"] == pytest.approx([-3.1, -3.05, -2.95])
    assert record["predicted_initial_loss"] == pytest.approx(3.303)
    assert record["redraw_initial_loss"] == pytest.approx([3.27, 3.3, 3.33])


def test_json_without_redraws_has_the_keys_and_no_numbers() -> None:
    bare = msgspec.json.decode(as_json(result(BN, None)))
    full = msgspec.json.decode(as_json(result(BN, start(BN))))
    assert bare.keys() == full.keys()
    assert bare["activations"][0].keys() == full["activations"][0].keys()
    assert bare["weights"][0].keys() == full["weights"][0].keys()
    assert bare["activations"][0]["redraw_std"] is None


def test_runs_tables_show_both() -> None:
    console = Console(width=160, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    print_tables(result(BN, start(BN)), console)
    text = console.export_text()
    for shown in ("0.627–0.638", "2.3–3.2%", "1.49–1.83", "1.50–1.90e-03", "-3.10…-2.95"):
        assert shown in text, shown
    assert "theory 3.3030, redraws 3.2700–3.3300" in text


def session(config: RunConfig, frame: Start | None) -> Session:
    session = Session(config)
    session.pointer.form = "panels"  # below which the table always has room
    session.take(fake.lane(config))
    session.take(fake.snapshot(config, 0))
    session.take(fake.trace(config, 1, 1))
    session.take(fake.snapshot(config, 1))
    if frame is not None:
        session.take(frame)
    return session


@pytest.mark.parametrize("width", [80, 88])
@pytest.mark.parametrize(
    ("view", "shown"),
    [
        ("activations", ("0.627–0.638", "2.3–3.2")),
        ("activation-gradients", ("1.69", "1.49–1.83")),
        ("weight-gradients", ("1.7e-03", "1.5e-03–1.9e-03")),
        ("update-data", ("-3.05", "-3.10…-2.95")),
        ("depth", ("0.627–0.638", "1.69", "1.49–1.83")),
        ("saturation", ("2.8 %", "2.3–3.2")),
        ("initial-loss", ("predicted from the minibatch", "3.2700", "3.3300")),
    ],
)
def test_the_views_show_both(view: str, shown: tuple[str, ...], width: int) -> None:
    chosen = next(v for v in VIEWS if v.id == view)
    page = Page(chosen, *session(BN, start(BN)).sight(), width, 40)
    text = "\n".join("".join(span.text for span in line) for line in page.rows)
    assert all(part in text for part in shown), text


@pytest.mark.parametrize("width", [78, 88])
@pytest.mark.parametrize(
    ("view", "shown"),
    [
        ("activations", (".627–.638", "2.3–3.2")),
        ("activation-gradients", ("1.69", "1.49–1.83")),
        ("weight-gradients", ("1.7e-03", "1.5–1.9e-03")),
    ],
)
def test_the_bands_show_both(view: str, shown: tuple[str, ...], width: int) -> None:
    chosen = next(v for v in VIEWS if v.id == view)
    sitting = session(BN, start(BN))
    sitting.pointer.form = "ridges"
    rows = ["".join(span.text for span in line) for line in chosen.plot(*sitting.sight(), width, 38).rows]
    text = "\n".join(rows)
    assert all(part in text for part in shown), text
    assert "redraws" in text
    assert {len(row) for row in rows} == {width}
    assert "redraws" not in "".join(
        span.text for line in chosen.plot(*session(BN, None).sight(), width, 38).rows for span in line
    )


def test_the_depth_plot_has_the_band() -> None:
    depth = next(v for v in VIEWS if v.id == "depth")
    names = [
        [shown.name for shown in canvas.shown]
        for canvas in depth.plot(*session(BN, start(BN)).sight(), 120, 20).canvases
    ]
    assert all("redraws" in shown for shown in names)
    bare = depth.plot(*session(BN, None).sight(), 120, 20)
    assert not any(shown.name == "redraws" for canvas in bare.canvases for shown in canvas.shown)


def test_a_start_that_does_not_fit_is_refused() -> None:
    sound = start(BN)
    assert misfit(sound, fake.shape(BN)) is None
    assert misfit(sound, fake.shape(BN.replace(hidden=(100,)))) is not None
    assert misfit(msgspec.structs.replace(sound, commonest=-1), fake.shape(BN)) is not None
    assert misfit(msgspec.structs.replace(sound, ratio_without_repeats=NAN), fake.shape(BN)) is not None
    assert misfit(msgspec.structs.replace(sound, theory=sound.redrawn), fake.shape(BN)) is not None


def test_it_is_recorded_replayed_and_reported(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    own_start = start(BN)
    recorder.sent(protocol.Select(lanes=(BN,)))
    for frame in (fake.lane(BN), fake.snapshot(BN, 0), own_start, fake.snapshot(BN, 1)):
        recorder.take(frame)
    recorder.close()
    assert recorder.path is not None
    replayed = Session(BN)
    for frame in load(recorder.path).frames:
        replayed.take(frame)
    assert replayed.shown.start == own_start
    assert replayed.look().expected.grad_ratio[0].theory == pytest.approx(1.69)
    report = write_session(tmp_path / "report", replayed.shown)
    text = report.read_text(encoding="utf-8")
    assert "1.490–1.830" in text
    assert "predicted_grad_std" in (report.parent / "weights.csv").read_text(encoding="utf-8")


def test_a_lane_that_goes_on_keeps_it() -> None:
    history = LaneHistory(fake.shape(BN), BN)
    history.take(start(BN))
    assert history.continued(BN.changed(10, "lr", 0.01), 10).start == start(BN)
