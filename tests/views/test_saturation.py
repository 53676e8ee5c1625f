"""The picture of saturated neurons: the right cells filled, the right columns marked, the right numbers read out."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from tests.explorer import fake
from tests.explorer.driving import Driver, explorer
from tests.session.test_session import at, feed
from tuiinit.config.run import RunConfig
from tuiinit.plots import Role
from tuiinit.session.session import Session
from tuiinit.stream.protocol import Inspect
from tuiinit.views import VIEWS
from tuiinit.views.base import Page
from tuiinit.views.saturation import DEAD, SIDE, Saturation, saturated

VIEW = next(i for i, view in enumerate(VIEWS) if view.id == "saturation")
DYING = RunConfig(lr=2.0, hidden=(60, 100, 100))
HALVES = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}


def lines(session: Session, width: int = 110, height: int = 40) -> list[str]:
    return ["".join(span.text for span in row) for row in Page(Saturation(), *session.sight(), width, height).rows]


def picture(rows: list[str], layer: str) -> tuple[str, np.ndarray]:
    """The marks over a layer's picture, and its cells as truth values, (examples, columns)."""
    top = next(i for i, line in enumerate(rows) if line.strip(" ▸").startswith(layer))
    rows = [line[SIDE:] for line in rows]  # without the examples' numbers
    cells = []
    for line in rows[top + 2 :]:
        if not set(line) <= set(HALVES):
            break
        cells += [[HALVES[c][half] for c in line] for half in (0, 1)]
    return rows[top + 1], np.array(cells[: fake.ROWS], bool)  # blank rows may follow


def dying(step: int = 300) -> Session:
    """A session in which units have died since step 0."""
    session = at(0, DYING)
    for measured_at in (5, fake.DIES_AT, 100, step):
        session.take(fake.snapshot(DYING, measured_at))
    feed(session, DYING, step)
    return session


def test_every_cell_is_what_the_snapshot_says() -> None:
    session = dying()
    session.pointer.layer = 1
    _, cells = picture(lines(session), "tanh 2")
    assert len(cells) == fake.ROWS
    assert (cells[:, :100] == fake.saturation_at(DYING, 300, 2)).all()
    assert not cells[:, 100:].any()


def test_dead_units_are_marked_in_their_columns_and_counted() -> None:
    session = dying()
    marks, cells = picture(lines(session), "tanh 1")
    assert [i for i, mark in enumerate(marks) if mark == "×"] == [1, 41]
    assert cells[:, [1, 41]].all()
    assert any("× 2 dead" in line for line in lines(session))
    row = next(line for line in lines(session) if line.startswith(" ▸  tanh 1"))
    # saturated, theory, full columns, dead now, and at the kept steps 0, 5, 20, 100, 300
    assert row.split()[-7:] == ["2", "2", "0", "0", "2", "2", "2"]


def test_examples_are_numbered_beside_their_rows() -> None:
    rows = lines(dying())
    top = next(i for i, line in enumerate(rows) if "▸ tanh 1" in line)
    for example in range(0, fake.ROWS, 10):
        assert rows[top + 2 + example // 2][:SIDE].strip() == str(example)
    assert "H L neuron  J K layer" in "\n".join(rows)


def test_a_full_column_is_not_a_dead_unit() -> None:
    """On the few rows shown a unit may look dead; the probe batch decides."""
    session = at(10)
    now = fake.snapshot(session.config, 10)
    bits = np.zeros((fake.ROWS, 100), bool)
    bits[:, 7] = True
    first = msgspec.structs.replace(now.activations[0], saturation=np.packbits(bits).tobytes(), dead=())
    session.take(msgspec.structs.replace(now, activations=(first, *now.activations[1:])))
    session.pointer.unit = 7
    rows = lines(session)
    assert "×" not in picture(rows, "tanh 1")[0]
    assert any("neuron 7: saturated on 32 of 32 rows, dead: no (1,024 probe rows)" in line for line in rows)
    assert next(line for line in rows if line.startswith(" ▸  tanh 1")).split()[7:9] == ["1", "0"]


@pytest.mark.parametrize("unit", [0, 5, 40, 99])
def test_the_neuron_pointed_at_is_read_out(unit: int) -> None:
    session = dying()
    session.pointer.layer, session.pointer.unit = 2, unit
    count = int(fake.saturation_at(DYING, 300, 3)[:, unit].sum())
    rows = lines(session)
    assert any(f"▾ neuron {unit}: saturated on {count} of 32 rows" in line for line in rows)
    assert picture(rows, "tanh 3")[0].index("▾") == unit


def test_a_wide_layer_is_shown_around_the_neuron_pointed_at() -> None:
    config = RunConfig(hidden=(300,))
    session = at(3, config)
    bits = fake.saturation_at(config, 3, 1)
    for unit in (0, 150, 299):
        session.pointer.unit = unit
        rows = lines(session, 80, 30)
        head = next(line for line in rows if "neurons" in line)
        first, last = map(int, head.split("neurons ")[1].split(" of ")[0].split("–"))
        assert first <= unit <= last
        assert last - first == 79 - SIDE
        marks, cells = picture(rows, "tanh 1")
        assert marks.index("▾") == unit - first
        assert (cells == bits[:, first : last + 1]).all()
        ruler = next(line for line in rows if line[SIDE:].split()[:1] == [str(-(-first // 10) * 10)])
        assert ruler.index(str(-(-first // 10) * 10)) == -(-first // 10) * 10 - first + SIDE


def test_more_layers_are_shown_where_there_is_room() -> None:
    rows = lines(dying(), 110, 50)
    for layer in (1, 2):
        marks, cells = picture(rows, f"tanh {layer}")
        assert [i for i, mark in enumerate(marks) if mark == "×"] == [layer, 40 + layer]
        width = DYING.hidden[layer - 1]
        assert (cells[:, :width] == fake.saturation_at(DYING, 300, layer)[: len(cells)]).all()
    narrow = RunConfig(hidden=(40, 40, 40))
    abreast = lines(at(3, narrow), 130, 40)
    assert any(all(f"tanh {i}" in line for i in (1, 2, 3)) for line in abreast)


def test_with_much_room_dead_units_are_drawn_over_steps() -> None:
    rows = lines(dying(), 160, 40)
    assert any("dead neurons by layer" in line for line in rows)
    assert picture([line[:100] for line in rows], "tanh 1")[0].count("×") == 2


def test_colours_tell_the_marks_apart() -> None:
    session = dying()
    page = Page(Saturation(), *session.sight(), 110, 40)
    marks = page.rows[1]
    roles = {(mark, span.role) for span in marks for mark in span.text if mark != " "}
    assert roles == {("▾", Role.CURSOR), ("×", DEAD)}
    assert any(span.role == DEAD and "2 dead" in span.text for span in page.rows[0])


@pytest.mark.parametrize("nonlinearity", ["linear", "leaky_relu"])
def test_what_does_not_saturate_says_so(nonlinearity: str) -> None:
    session = at(3, RunConfig(nonlinearity=nonlinearity))  # type: ignore[arg-type]
    rows = lines(session)
    assert len(rows) == 40
    assert any(f"{nonlinearity} does not saturate" in line for line in rows)


def test_bits_that_were_not_sent_are_not_invented() -> None:
    activation = msgspec.structs.replace(fake.snapshot(RunConfig(), 0).activations[0], saturation=b"\x00")
    assert saturated(activation).shape == (0, 100)


def test_what_gets_through_is_told_after_a_closer_look() -> None:
    session = dying()
    session.take(fake.inspection(DYING, 300))
    text = " ".join(" ".join(lines(session)).split())
    # 1 - t² in the first, middle and last of 20 bins.
    assert "99.9 % near 0, 72.4 % at abs(t) 0.5, 4.9 % above 0.95" in text
    assert "dead neurons' weights 2.0e-09, of others' 3.0e-04" in text


# ------------------------------------------------------------------------------------------------ by keys


async def to_view(driver: Driver, index: int) -> None:
    for _ in range(index):
        await driver.press("tab")
    assert driver.screen.current is VIEWS[index]


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_keys_point_at_layers_and_neurons(size: tuple[int, int]) -> None:
    async with explorer(DYING, size=size) as driver:
        await driver.train(40)
        await to_view(driver, VIEW)
        await driver.press("J", "L", "L", "L", "H")
        count = int(fake.saturation_at(DYING, driver.session.step, 2)[:, 2].sum())
        await driver.shows("▸ tanh 2", f"neuron 2: saturated on {count} of 32 rows, dead: yes")
        await driver.press("K")
        await driver.shows("▸ tanh 1", "dead: no")


async def test_u_goes_through_the_dead_units_and_around() -> None:
    async with explorer(DYING) as driver:
        await driver.train(40)
        await to_view(driver, VIEW)
        seen = []
        for _ in range(7):
            await driver.press("u")
            seen.append((driver.session.pointer.layer, driver.session.pointer.unit))
        assert seen == [(0, 1), (0, 41), (1, 2), (1, 42), (2, 3), (2, 43), (0, 1)]


async def test_without_dead_units_u_says_so() -> None:
    async with explorer() as driver:
        await driver.press("u")
        await driver.shows("No unit is dead here")


async def test_pointing_stays_inside_the_layers() -> None:
    async with explorer(DYING) as driver:
        await to_view(driver, VIEW)
        await driver.press("K", "H")
        assert (driver.session.pointer.layer, driver.session.pointer.unit) == (0, 0)
        await driver.press(*["J"] * 9)
        assert driver.session.pointer.layer == len(DYING.hidden) - 1


async def test_the_past_is_shown_as_it_was() -> None:
    async with explorer(DYING) as driver:
        await driver.train(60)
        await to_view(driver, VIEW)
        await driver.shows("× 2 dead")
        while driver.session.pointer.past != 0:
            await driver.press("comma")
        assert "× 2 dead" not in driver.text


async def test_a_lane_that_stands_still_is_inspected_once() -> None:
    async with explorer(DYING) as driver:
        await driver.train(40)
        assert not driver.link.of(Inspect)
        await to_view(driver, VIEW)
        await driver.shows("Gradient let through")
        await driver.settled()
        await driver.press("J", "K")
        assert len(driver.link.of(Inspect)) == 1
        assert driver.screen._closer._still is None  # and no other look is to come


async def test_nothing_is_inspected_while_training() -> None:
    async with explorer(DYING) as driver:
        await to_view(driver, VIEW)
        await driver.press("space")
        await driver.until(lambda: driver.link.updates > 15, "updates while the view is shown")
        running = len(driver.link.of(Inspect))
        await driver.press("space")
        await driver.shows("Gradient let through")
        assert (running, len(driver.link.of(Inspect))) == (0, 1)
