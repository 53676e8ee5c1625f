"""The view of batch norm: its numbers against the snapshot's, its dots in their places, and when it looks closer."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from tests.explorer import fake
from tests.explorer.driving import Driver, explorer
from tests.plots.reading import cross_at
from tests.session.test_session import at, status
from tuiinit.config.run import RunConfig
from tuiinit.plots import Role
from tuiinit.session.known import INSPECTED_UNASKED
from tuiinit.session.session import Session
from tuiinit.stream.protocol import Evaluate, Inspect, floats
from tuiinit.views import VIEWS
from tuiinit.views.base import Page
from tuiinit.views.batchnorm import OFF, BatchNormView, jitter, learned, scatter
from tuiinit.views.norms import Norms

VIEW = next(i for i, view in enumerate(VIEWS) if view.id == "batch-norm")
BN = RunConfig(bn=True)
LAYERS = len(BN.hidden) + 1


def looked_at(config: RunConfig = BN, step: int = 40) -> Session:
    """A session that stands at a step and was inspected and evaluated there."""
    session = at(step, config)
    session.take(fake.inspection(config, step))
    session.take(fake.evaluation(config, step))
    return session


def text(session: Session, width: int = 120, height: int = 40) -> list[str]:
    return ["".join(span.text for span in row) for row in Page(BatchNormView(), *session.sight(), width, height).rows]


def cells(rows: list[str], norm: str) -> list[str]:
    """The cells of a norm's row in the table, without the mark of the layer pointed at."""
    return next(line.split() for line in rows if line.lstrip(" ▸").startswith(norm + " "))


@pytest.mark.parametrize("number", range(1, LAYERS + 1))
def test_the_table_tells_what_the_snapshot_and_the_inspection_say(number: int) -> None:
    rows = text(looked_at())
    bn, exact = fake.batch_norm(BN, number), fake.inspection(BN, 40).calibrated[number - 1]
    gamma, beta = floats(bn.gamma).astype(float), floats(bn.beta).astype(float)
    run = np.abs(floats(bn.running_mean) - floats(exact.mean)).mean()
    batch = np.abs(floats(bn.mean) - floats(exact.mean)).mean()
    run_std = np.sqrt(floats(bn.running_var) / floats(exact.var)).mean()
    batch_std = np.sqrt(floats(bn.var) / floats(exact.var)).mean()
    shown = [cell for cell in cells(rows, "output" if number == LAYERS else str(number)) if cell != "▸"]
    assert shown[1:5] == [f"{v:.3f}" for v in (run, batch, run_std, batch_std)]
    assert shown[5:7] == [f"{gamma.mean():.2f}±{gamma.std():.2f}", f"{gamma.min():.2f}…{gamma.max():.2f}"]
    assert shown[7:9] == [f"{beta.mean():.2f}±{beta.std():.2f}", f"{beta.min():.2f}…{beta.max():.2f}"]


def test_before_a_closer_look_running_statistics_are_compared_with_the_minibatch() -> None:
    session = at(40, BN)
    rows = text(session)
    bn = fake.batch_norm(BN, 2)
    shown = cells(rows, "2")
    assert shown[1] == f"{np.abs(floats(bn.running_mean) - floats(bn.mean)).mean():.3f}"
    assert shown[2] == shown[4] == "–"
    assert any("as this minibatch" in line for line in rows)
    assert any("i looks closer" in line for line in rows)


def test_every_unit_stands_where_its_statistics_say() -> None:
    exact = np.array([-1.0, 0.0, 1.0, 1.9])
    running = np.array([-0.5, 0.1, 1.0, -1.9])
    plot = scatter("mean", exact, running, exact, True, 50, 20)
    canvas = plot.canvases[0]
    assert all(cross_at(plot, x, y, Role.SERIES_0) for x, y in zip(exact, running, strict=True))
    # What is equal lies on the diagonal, which goes from corner to corner.
    assert canvas.x == canvas.y
    lines = plot.text.split("\n")
    assert lines[canvas.top][canvas.left + canvas.columns - 1] != " "
    assert lines[canvas.top + canvas.rows - 1][canvas.left] != " "


def test_gamma_is_a_histogram_around_its_start() -> None:
    values = np.array([1.0, 1.0, 1.2, 0.9])
    plot = learned("γ", values, 1.0, 40, 12)
    canvas = plot.canvases[0]
    assert canvas.x[0] <= 0.8 < 1.2 <= canvas.x[1]
    assert canvas.x[0] + canvas.x[1] == pytest.approx(2.0)
    column = canvas.column_of(1.0)
    assert column is not None
    roles = set()
    for line in plot.rows[canvas.top : canvas.top + canvas.rows]:
        x = 0
        for span in line:
            if x <= canvas.left + column < x + len(span.text):
                roles.add(span.role)
            x += len(span.text)
    assert Role.CURSOR in roles


def test_the_outputs_gamma_starts_at_the_output_scale() -> None:
    norms = Norms.of(looked_at().look())
    assert norms is not None
    assert [norms.one(i, 0.1).gamma_start for i in (0, LAYERS - 2, LAYERS - 1)] == [1.0, 1.0, 0.1]
    assert (norms.one(2, 0.1).gamma == floats(fake.batch_norm(BN, 3).gamma)).all()


def test_jitter_is_the_difference_from_eval_mode() -> None:
    session = looked_at()
    plot = jitter(session.look(), 90, 20)
    inspection = fake.inspection(BN, 40)
    away = floats(inspection.jitter_logits, 27) - floats(inspection.eval_logits)
    canvas = plot.canvases[0]
    hidden = {
        canvas.row_of(float(m))
        for i, m in enumerate(away.mean(axis=0))
        if not cross_at(plot, i, float(m), Role.SERIES_0)
    }
    middle = canvas.row_of(0.0)
    assert middle is not None
    assert hidden <= {middle - 1, middle, middle + 1}, "the line's label covers some"
    caption = " ".join(" ".join(text(session)).split())
    spread = floats(inspection.jitter_logits, 27).std(axis=0).mean()
    share = 100 * spread / floats(inspection.eval_logits).std()
    assert f"std {spread:.3f}, {share:.1f} % of their spread" in caption


def test_the_three_dev_losses_are_told_with_their_step() -> None:
    caption = " ".join(" ".join(text(looked_at())).split())
    for part in ("2.346", "2.333", "2.444", "step 40"):
        assert part in caption
    assert "i measures the dev loss" in " ".join(text(at(40, BN)))


def test_the_folded_network_is_set_beside_it() -> None:
    wide, narrow = (text(looked_at(), width) for width in (240, 78))
    assert any("differ by at most 1.5e-06 (their std is 0.70); dev loss 2.400000 folded" in row for row in wide)
    assert any("Folded: logits differ by at most 1.5e-06 (std 0.70), dev loss 2.4000" in row for row in narrow)


def test_a_bias_before_batch_norm_is_set_against_the_weights() -> None:
    biased = RunConfig(bn=True, bias_before_bn=True)
    rows = text(looked_at(biased), 140)
    assert any("1.0e-07 of the weights': batch norm takes it away again" in line for line in rows)
    assert cells(rows, "3")[-1] == "1.0e-07"
    assert not any("Bias before it" in line for line in text(looked_at(), 140))


def test_v_turns_to_the_jitter_and_tall_views_show_both() -> None:
    session = looked_at()

    def titles(height: int) -> set[str]:
        page = Page(BatchNormView(), *session.sight(), 110, height)
        return {canvas.title.split(" ")[0] for canvas in page.plot.canvases if canvas.title}

    assert titles(24) == {"mean", "std"}
    assert titles(40) == {"mean", "std", "logits"}
    session.pointer.overlaid = True
    assert titles(24) == {"logits"}


@pytest.mark.parametrize("size", [(88, 22), (78, 17), (160, 40), (40, 10), (12, 3), (1, 1)])
def test_any_size_and_any_statistics(size: tuple[int, int]) -> None:
    session = looked_at()
    now = session.snapshot()
    assert now is not None
    wild = np.array([np.nan, np.inf, -np.inf, 1e38, 0.0] * 20, "<f4").tobytes()
    zero = np.zeros(100, "<f4").tobytes()
    for part in (wild, zero):
        norms = tuple(
            msgspec.structs.replace(bn, running_mean=part, running_var=zero, gamma=part) if i < 5 else bn
            for i, bn in enumerate(now.batch_norms)
        )
        session.take(msgspec.structs.replace(now, batch_norms=norms))
        for session.pointer.overlaid in (False, True):
            rows = text(session, *size)
            assert len(rows) == size[1]
            assert {len(row) for row in rows} == {size[0]}


def test_without_batch_norm_the_key_is_told() -> None:
    rows = text(at(40))
    assert OFF.split(".")[0] in " ".join(" ".join(rows).split())


# ------------------------------------------------------------------------------------------------ by keys


async def to_view(driver: Driver) -> None:
    for _ in range(VIEW):
        await driver.press("tab")


async def test_b_turns_it_on_and_it_looks_closer_when_still() -> None:
    async with explorer(size=(80, 24)) as driver:
        await to_view(driver)
        await driver.shows("Batch norm is off: b turns it on")
        await driver.press("b")
        await driver.shows("▸ norm 1", "as calibrated", "one example's logits")
        assert len(driver.link.of(Inspect)) == 1
        assert not driver.link.of(Evaluate)
        await driver.press("J")
        await driver.shows("▸ norm 2", "▸ 2 ")
        await driver.press("i")
        await driver.shows("2.444", "step 0")
        assert (len(driver.link.of(Inspect)), len(driver.link.of(Evaluate))) == (2, 1)
        for size in ((120, 40), (200, 60)):
            await driver.pilot.resize_terminal(*size)
            await driver.shows("▸ norm 2", "▸ 2 ", "as calibrated", "one example's logits", "2.444")


async def test_i_looks_closer_while_training_and_tells_the_step() -> None:
    async with explorer(BN) as driver:
        await to_view(driver)
        await driver.press("space")
        await driver.until(lambda: driver.session.step > 60)
        assert len(driver.link.of(Inspect)) <= 1  # it may have stood still before
        await driver.press("i")
        await driver.until(lambda: driver.session.shown.inspections and max(driver.session.shown.inspections) > 0)
        step = max(driver.session.shown.inspections)
        await driver.shows(f"step {step}, i: again")
        await driver.press("space")


async def test_a_large_network_is_inspected_only_when_asked() -> None:
    session = at(40, BN)
    assert session.worth_inspecting
    now = session.snapshot()
    assert now is not None
    session.take(msgspec.structs.replace(now, parameters=INSPECTED_UNASKED + 1))
    assert not session.worth_inspecting


def test_a_lane_is_worth_a_look_only_where_it_stands_still_and_is_not_known() -> None:
    session = at(40, BN)
    assert session.worth_inspecting
    session.run_or_pause()  # before the engine has answered
    assert not session.worth_inspecting
    session.pause()
    assert session.worth_inspecting
    session.take(status(BN, 40, running=True))
    assert not session.worth_inspecting
    session.take(status(BN, 40, clock=50, catching_up=True))
    assert not session.worth_inspecting
    session.take(status(BN, 40))
    assert session.worth_inspecting
    assert session.inspect(evaluate=False) == (Inspect(),)
    assert session.inspecting
    assert not session.worth_inspecting
    session.take(fake.inspection(BN, 40))
    assert not session.inspecting
    assert not session.worth_inspecting
    session.pointer.past = 0
    assert session.look().inspection is None
    assert not session.worth_inspecting
    session.pointer.past = None
    session.take(status(BN, 40, diverged_at=40))
    session.lanes[BN.key].inspections.clear()
    assert not session.worth_inspecting
    assert session.inspect() == ()
