"""Giant texts in what an engine or a recording says: refused, or cut before anything is done with all of them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_origin

import msgspec
import pytest
from rich.cells import cell_len

from tests.explorer import fake
from tests.fuzz import strange
from tests.fuzz.test_session import inspection, sound
from tests.made import made
from tuiinit.config.run import RunConfig
from tuiinit.config.schedule import Change
from tuiinit.explorer.panes.header import header_row
from tuiinit.host.mishaps import mishap
from tuiinit.host.visible import LONGEST, visible
from tuiinit.plots import ink
from tuiinit.plots.cells import clean_text
from tuiinit.plots.ink import fit, row, wrap
from tuiinit.plots.ink import visible as on_one_line
from tuiinit.session.session import Session
from tuiinit.stream import protocol, recording
from tuiinit.stream.checked import Checked, OwnProblem
from tuiinit.stream.misfit import misfit
from tuiinit.stream.own import OwnTarget, PutAside, SourceChanged, Unlike
from tuiinit.stream.protocol import DataInfo, Hello, Problem, Snapshot, Status
from tuiinit.stream.run import Ended, Pulse, Run
from tuiinit.stream.texts import LONGER

GIANT = "\x1b" * 2_000_000
CONFIG = RunConfig(bn=True, hidden=(4, 4), schedule=(Change(5, "lr", 0.01),))
HELLO = Hello(version=1, program="0", torch="2", device="cpu", threads=1, pid=1)


def frames() -> list[Any]:
    rng = random.Random(0)
    found = {type(frame): frame for frame in (sound(rng, CONFIG) for _ in range(200))}
    more = (HELLO, Problem(text="bad"), fake.lane(CONFIG, "x"), inspection(CONFIG, 3))
    found |= {type(frame): frame for frame in more}
    info = fake.data_info()
    found[DataInfo] = msgspec.structs.replace(
        info, left_out=(protocol.LeftOut(why="blank", lines=2),), left_out_examples=("a b",)
    )
    found[OwnProblem] = OwnProblem(text="bad", lines="File net.py")
    checks = (strange.message(rng, Checked) for _ in range(9_999))
    found[Checked] = next(check for check in checks if check.rows and check.weights and misfit(check) is None)
    found[Run] = made(Run, name="run 1", text="python train.py", path="/home/user", commit="1a2b")
    found[Ended] = made(Ended, text="it ended")
    found[Pulse] = Pulse(
        name="run 1",
        path="/home/user/run",
        lanes=("run",),
        device="cpu",
        torch="2",
        run=found[Run],
        state="lost",
        text="lost",
    )
    knob = protocol.OwnKnob(name="act", kind="str", default="relu")
    found[OwnTarget] = made(OwnTarget, target="net.py", knobs=(knob,), inputs="8 × 3", optimizer="SGD", labels="random")
    found[Unlike] = Unlike(lane="a", other="b", what="weights", name="0.weight")
    found[PutAside] = PutAside(lanes=("a",))
    found[SourceChanged] = SourceChanged(path="net.py")
    assert len(found) == len(protocol.Frame.__args__)  # type: ignore[attr-defined]
    return list(found.values())


def inflated(record: Any, size: int) -> Iterator[tuple[str, Any]]:
    """The record with each of its texts in turn, at any depth, longer; and that text's field."""
    for name in record.__struct_fields__:
        value = getattr(record, name)
        parts = value if isinstance(value, tuple) else (value,)
        for i, part in enumerate(parts):
            changed: list[tuple[str, Any]] = []
            if isinstance(part, str) and get_origin(strange.hints_of(type(record))[name]) is not Literal:
                changed = [(name, "x" * (LONGER.get(name, 200) + size))]
            elif isinstance(part, msgspec.Struct) and not isinstance(part, RunConfig):
                changed = list(inflated(part, size))
            for field, new in changed:
                whole = (*parts[:i], new, *parts[i + 1 :]) if isinstance(value, tuple) else new
                yield field, msgspec.structs.replace(record, **{name: whole})


@pytest.mark.parametrize("frame", frames(), ids=lambda frame: type(frame).__name__)
def test_no_text_of_a_frame_may_be_a_giant(frame: Any) -> None:
    assert misfit(frame, fake.shape(CONFIG)) is None
    expected = {
        Hello: {"program", "torch", "device"},
        Snapshot: {"lane", "optimizer", "layer", "name"},
        Status: {"lane", "quick"},
        DataInfo: {"path", "vocabulary", "why", "left_out_examples"},
    }
    tried = set()
    for field, giant in inflated(frame, 1):
        fault = misfit(giant, fake.shape(CONFIG))
        assert fault is not None, field
        assert field in fault or "name" in fault
        assert len(fault) < 200
        tried.add(field)
    assert expected.get(type(frame), set()) <= tried


def test_a_configuration_with_a_giant_text_is_no_lane(tmp_path: Path) -> None:
    config = RunConfig(data=GIANT)
    lane = fake.lane(config)
    assert "characters" in str(misfit(lane))
    path = tmp_path / "giant.tuiinit"
    fine = fake.lane(CONFIG)
    recording.write(path, [msgspec.structs.replace(HELLO, device=GIANT), fine, lane])
    recorded = recording.load(path)
    assert recorded.shown == (CONFIG,)
    assert "characters" in str(recorded.damage)
    session = Session(recorded.config)
    for frame in recorded.frames:
        session.take(frame)
    assert session.hello is None
    assert session.notice is None or len(session.notice.text) < 200
    assert "starting the engine" in "".join(span.text for span in header_row(session, 120))


def test_what_an_engine_says_at_length_is_refused_in_a_sentence() -> None:
    session = Session(CONFIG)
    session.take(Problem(text=GIANT))
    assert session.notice is not None
    assert session.notice.text == "The engine told of a text of 2,000,000 characters (text): refused."


def test_nothing_is_done_with_all_of_a_giant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUIINIT_STATE", str(tmp_path))
    giants = (GIANT, "名" * 2_000_000, "\u0301" * 2_000_000, "word " * 400_000, "a\n" * 1_000_000)
    for giant in giants:
        assert len(visible(giant)) <= 6 * LONGEST
        assert len(on_one_line(giant)) <= 6 * LONGEST
        assert len(clean_text(giant)) <= LONGEST
        assert "…" in fit(giant, 20)
        assert sum(len(span.text) for span in row(20, giant)) < 2 * LONGEST
        assert len(mishap("that did not work", ValueError(giant))) < 2 * LONGEST
    assert (tmp_path / "logs" / "screen.log").stat().st_size < 6 * 2**20


def test_a_long_word_is_wrapped_in_a_time_that_grows_with_its_length(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[int] = []
    monkeypatch.setattr(ink, "cell_len", lambda text: (measured.append(len(text)), cell_len(text))[1])
    assert wrap("名" * 1000, 20) == ["名" * 10] * 100
    assert sum(measured) < 10 * 1000
    assert wrap("x" * 45, 20) == ["x" * 20, "x" * 20, "x" * 5]
    assert wrap("a " + "x" * 21 + " b", 20) == ["a", "x" * 20, "x b"]
    marks = "\u0301" * 100
    assert "".join(wrap(marks, 20)) == marks
