"""The engine with lanes of a person's network: selected, adjusted, failed, changed on the disk, put aside."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.test_server import Screen, of, status_of
from tests.own.conftest import Write
from tuiinit.config.own import OwnConfig
from tuiinit.config.run import RunConfig
from tuiinit.engine import lanes, room, server
from tuiinit.engine.own import making, script
from tuiinit.measure import parameters
from tuiinit.stream import protocol as p
from tuiinit.stream.checked import Check, OwnProblem
from tuiinit.stream.protocol import Message, floats

NETWORK = """
import threading

def build(width: int = 6, depth: int = 2, norm: bool = False, gain_of: float = 1.0, fail: str = "", at: int = 3):
    layers = []
    for _ in range(depth):
        layers += [nn.Linear(6, 6), nn.BatchNorm1d(6) if norm else nn.Identity(), nn.Tanh()]
    model = nn.Sequential(*layers, nn.Linear(6, 3))
    data = [(torch.randn(16, 6), torch.randint(0, 3, (16,))) for _ in range(50)]
    calls = []

    def loss(model, batch):
        calls.append(1)
        if fail and len(calls) > at:
            {"exit": lambda: sys.exit("enough"), "input": lambda: input("more? "),
             "memory": lambda: torch.empty(2**60), "shape": lambda: model(batch[0].T)}[fail]()
        print("noise")
        return F.cross_entropy(model(batch[0]), batch[1])

    return tuiinit.Setup(model, data, loss, optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.5))
"""


@pytest.fixture
def screen() -> Iterator[Screen]:
    screen = Screen()
    yield screen
    screen.end()


@pytest.fixture
def own(write: Write) -> Callable[..., OwnConfig]:
    target = write(NETWORK)

    def config(**settings: Any) -> OwnConfig:
        more = {name: settings.pop(name) for name in ("gain", "lr", "seed", "revision") if name in settings}
        return OwnConfig(target=target, settings=tuple(settings.items()), device="cpu", **more)

    return config


Own = Callable[..., OwnConfig]


def loss_of(frames: list[Message], lane: str) -> list[float]:
    return [value for f in of(frames, p.Trace) if f.lane == lane for value in floats(f.loss).tolist()]


def test_what_comes_of_a_select(screen: Screen, own: Own) -> None:
    frames = screen.update(p.Select(lanes=(), own=(own(),)))
    target, lane, start, snapshot, status = frames
    assert isinstance(target, p.OwnTarget)
    assert [knob.name for knob in target.knobs] == ["width", "depth", "norm", "gain_of", "fail", "at"]
    assert (target.batches, target.inputs, target.optimizer) == (50, "16 × 6, 16", "SGD")
    assert (target.lr, target.groups, target.gains, target.dev) == (0.5, 1, 2, False)
    assert isinstance(lane, p.Lane)
    assert (lane.lane, lane.own, lane.config) == (own().key, own(), None)
    assert [m.name for m in lane.shape.matrices] == ["0.weight", "3.weight", "6.weight"]
    assert isinstance(start, p.Start)
    predicted = floats(start.theory.std)
    assert isinstance(snapshot, p.Snapshot)
    assert predicted[0] == pytest.approx(snapshot.activations[0].std, rel=0.2)
    assert isinstance(status, p.Status)
    assert status.lanes[0].steps_per_epoch == 50


def test_toggles_train_to_the_same_clock_and_what_is_not_alike_is_said(screen: Screen, own: Own) -> None:
    screen.settled(p.Select(lanes=(), own=(own(),)), p.Advance(steps=12))
    frames = screen.settled(p.Select(lanes=(), own=(own(gain=3.0),)))
    assert status_of(frames).lanes[0].step == 12
    assert not of(frames, p.Unlike)
    frames = screen.settled(p.Select(lanes=(), own=(own(norm=True),)))  # a norm draws nothing
    assert not of(frames, p.Unlike)
    frames = screen.settled(p.Select(lanes=(), own=(own(depth=3, norm=True),)))
    (found,) = of(frames, p.Unlike)
    assert (found.lane, found.other) == (own(depth=3, norm=True).key, own(norm=True).key)
    assert (found.what, found.name) == ("batches", "")  # all weights of one name are alike, then the data differs
    frames = screen.settled(p.Select(lanes=(), own=(own(depth=3, norm=True, seed=1),)))
    assert not of(frames, p.Unlike)  # another seed is to be unlike


def test_gain_scales_what_it_is_for(screen: Screen, own: Own) -> None:
    plain, scaled = (
        of(screen.settled(p.Select(lanes=(), own=(config,))), p.Snapshot)[0] for config in (own(), own(gain=2.0))
    )
    gains = [w.std * w.shape[1] ** 0.5 for w in scaled.weights]
    assert gains[:2] == pytest.approx([2.0, 2.0], rel=1e-5)
    assert scaled.weights[2].std == plain.weights[2].std  # the last one stays


def test_adjust(screen: Screen, own: Own) -> None:
    screen.settled(p.Select(lanes=(), own=(own(),)), p.Advance(steps=3))
    frames = screen.settled(p.Adjust(name="lr", value=0.125), p.Advance(steps=1))
    (lane,) = of(frames, p.Lane)
    assert lane.continues == own().key
    assert lane.own == own().changed(3, "lr", 0.125)
    assert of(frames, p.Snapshot)[-1].lr == 0.125
    fresh = Screen()
    assert lane.own is not None
    again = fresh.settled(p.Select(lanes=(), own=(lane.own,)), p.Advance(steps=4))
    assert of(again, p.Snapshot)[-1].loss == of(frames, p.Snapshot)[-1].loss  # the schedule gives the same again
    fresh.end()
    frames = screen.settled(p.Adjust(name="batch_size", value=8))
    assert [problem.text for problem in of(frames, p.Problem)] == [
        "batch_size belongs to the network's own code and cannot change here"
    ]


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("shape", "at step 3 the loss failed: RuntimeError: mat1 and mat2"),
        ("exit", "at step 3 the loss failed: it called sys.exit(enough)"),
        ("input", "at step 3 the loss failed: it asked for input"),
        ("memory", "at step 3 the loss failed: there is not enough memory for it"),
    ],
)
def test_a_lane_that_fails_stands_and_the_others_go_on(screen: Screen, own: Own, how: str, sentence: str) -> None:
    failing, sound = own(fail=how), own()
    frames = screen.settled(p.Select(lanes=(), own=(failing, sound)), p.Advance(steps=6))
    one, other = status_of(frames).lanes
    assert (one.step, other.step) == (2, 6)
    assert one.failed.startswith(sentence)
    assert other.failed == ""
    (problem,) = of(frames, OwnProblem)
    assert problem.text == one.failed
    assert "net.py" in problem.lines
    assert len(loss_of(frames, failing.key)) == 2
    frames = screen.settled(p.Advance(steps=2), p.Evaluate())
    assert [lane.step for lane in status_of(frames).lanes] == [2, 8]
    assert not of(frames, OwnProblem)
    frames = screen.settled(p.Select(lanes=(), own=(failing,)), p.Advance(steps=3))
    assert not status_of(frames).running


def test_what_cannot_begin_leaves_the_selection(screen: Screen, own: Own) -> None:
    screen.settled(p.Select(lanes=(), own=(own(),)), p.Advance(steps=2))
    for wrong in (own(depth=-1, width="x"), own(fail="shape", at=0), own(no_such=1)):
        frames = screen.settled(p.Select(lanes=(), own=(wrong,)))
        assert len(of(frames, OwnProblem)) == 1
        assert [lane.lane for lane in status_of(frames).lanes] == [own().key]
    assert of(screen.settled(p.Advance(steps=1)), p.Snapshot)[-1].step == 3


def test_ours_and_theirs_are_not_selected_together(screen: Screen, own: Own) -> None:
    frames = screen.update(p.Select(lanes=(RunConfig(device="cpu"),), own=(own(),)))
    assert "of two kinds" in of(frames, p.Problem)[0].text


def test_nobody_looks_closer_at_them_or_redraws_them(screen: Screen, own: Own) -> None:
    screen.settled(p.Select(lanes=(), own=(own(),)), p.Redraw())
    frames = screen.update(p.Inspect())
    assert "not for your own" in of(frames, p.Problem)[0].text
    assert screen.update(p.Select(lanes=(RunConfig(device="cpu", hidden=(5,)),)))
    frames = screen.update(p.Inspect())
    assert of(frames, p.Inspection)


def test_a_file_that_changes_is_told_once_and_read_again(
    screen: Screen, own: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "NEWS_SECONDS", 0.01)
    screen.settled(p.Select(lanes=(), own=(own(),)))
    path = Path(own().target)
    before = path.stat()
    path.write_text(path.read_text().replace("nn.Tanh", "nn.ReLU"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 10**9))
    frames = screen.update()
    assert [changed.path for changed in of(frames, p.SourceChanged)] == [str(path)]
    screen.idle()
    frames = screen.settled(p.Select(lanes=(), own=(own(revision=1),)))
    assert not of(frames, p.SourceChanged)
    assert "relu" in [a.kind for a in of(frames, p.Snapshot)[0].activations]
    # The old revision is still what it was.
    assert "tanh" in [a.kind for a in of(screen.settled(p.Select(lanes=(), own=(own(),))), p.Snapshot)[0].activations]


def test_a_broken_file_is_mended(screen: Screen, own: Own) -> None:
    path = Path(own().target)
    text = path.read_text()
    path.write_text(text + "\nraise ValueError('half done')\n")
    frames = screen.update(p.Select(lanes=(), own=(own(),)))
    assert "ValueError: half done" in of(frames, OwnProblem)[0].text
    path.write_text(text)
    frames = screen.update(p.Select(lanes=(), own=(own(),)))
    assert of(frames, p.Lane)


def test_a_helper_module_beside_the_file_is_read_again_too(screen: Screen, own: Own) -> None:
    path = Path(own().target)
    helper = path.with_name("a_helper_of_theirs.py")
    helper.write_text("WIDTH = 6\n")
    path.write_text(path.read_text().replace("nn.Linear(6, 3)", "nn.Linear(6, 3 + helper.WIDTH - 6)"))
    path.write_text("import a_helper_of_theirs as helper\n" + path.read_text())
    one = of(screen.update(p.Select(lanes=(), own=(own(),))), p.Snapshot)[0]
    helper.write_text("WIDTH = 9\n")
    other = of(screen.update(p.Select(lanes=(), own=(own(revision=1),))), p.Snapshot)[0]
    assert (one.weights[-1].shape, other.weights[-1].shape) == ((3, 6), (6, 6))
    assert not list(path.parent.glob("__pycache__/*helper*"))


def test_lanes_for_which_there_is_no_memory_are_put_aside_and_train_again(
    screen: Screen, own: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = of(screen.settled(p.Select(lanes=(), own=(own(),)), p.Advance(steps=3)), p.Snapshot)[-1]
    frames = screen.settled(p.Select(lanes=(), own=(own(gain=2.0),)))
    assert not of(frames, p.PutAside)
    need = screen.server.lanes.selected[0].need
    # There is room for one lane more, but for none that nobody looks at.
    monkeypatch.setattr(room, "free", lambda _: need.kept + need.passing)
    monkeypatch.setattr(lanes, "free", lambda _: need.kept // 2)
    frames = screen.settled(p.Select(lanes=(), own=(own(gain=3.0),)))
    (aside,) = of(frames, p.PutAside)
    assert set(aside.lanes) == {own().key, own(gain=2.0).key}
    again = of(screen.settled(p.Select(lanes=(), own=(own(),))), p.Snapshot)[-1]
    assert (again.step, again.loss) == (3, first.loss)


def test_restart_begins_from_what_is_there_now(screen: Screen, own: Own) -> None:
    screen.settled(p.Select(lanes=(), own=(own(),)), p.Advance(steps=4))
    path = Path(own().target)
    path.write_text(path.read_text().replace("nn.Tanh", "nn.GELU"))
    frames = screen.settled(p.Restart())
    assert status_of(frames).lanes[0].step == 0
    assert "gelu" in [a.kind for a in of(frames, p.Snapshot)[0].activations]
    path.write_text("def build(:\n")
    frames = screen.settled(p.Restart())
    assert "SyntaxError" in of(frames, OwnProblem)[0].text
    assert status_of(frames).lanes == ()
    assert not status_of(screen.update(p.Advance(steps=3), p.Pause(), p.Evaluate())).running


def test_an_lr_set_before_the_first_step_is_another_lane(screen: Screen, own: Own) -> None:
    screen.settled(p.Select(lanes=(), own=(own(),)))
    frames = screen.settled(p.Adjust(name="lr", value=0.25))
    (lane,) = of(frames, p.Lane)
    assert (lane.own, lane.continues) == (own(lr=0.25), None)
    assert of(frames, p.Snapshot)[0].lr == 0.25
    assert not of(frames, p.Unlike)


def test_torch_is_as_in_a_script_only_for_theirs(screen: Screen, own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    monkeypatch.setattr(script, "enter", lambda: seen.append(True))
    monkeypatch.setattr(script, "leave", lambda: seen.append(False))
    screen.settled(p.Select(lanes=(), own=(own(),)))
    screen.settled(p.Select(lanes=(RunConfig(device="cpu", hidden=(5,)),)))
    screen.settled(p.Select(lanes=(), own=(own(),)))
    assert seen == [True, False, True]
    screen.settled(p.Select(lanes=(), own=(own(depth=-1, width="x"),)))
    assert seen[-1] is True


def test_what_is_drawn_while_a_file_is_imported_is_nobody_elses(screen: Screen, own: Own, tmp_path: Path) -> None:
    path = Path(own().target)
    text = path.read_text().replace("nn.Identity()", "nn.Dropout(0.5)")
    path.write_text(text)
    alone = of(screen.settled(p.Select(lanes=(), own=(own(),)), p.Advance(steps=6)), p.Snapshot)[-1]
    screen.settled(p.Restart(), p.Select(lanes=(), own=(own(),)), p.Advance(steps=3))
    other = tmp_path / "other.py"
    other.write_text(text + "\ntorch.manual_seed(7)\n")
    screen.send(Check(target=str(other), device="cpu"))
    screen.settled(p.Select(lanes=(), own=(OwnConfig(target=str(other), device="cpu"),)))
    again = of(screen.settled(p.Select(lanes=(), own=(own(),)), p.Advance(steps=3)), p.Snapshot)[-1]
    assert (again.step, again.loss) == (6, alone.loss)


def test_what_was_never_thought_of_ends_no_engine(
    screen: Screen, own: Own, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError("never thought of")

    screen.settled(p.Select(lanes=(), own=(own(),)))
    monkeypatch.setattr(parameters.Parameters, "after", fails)
    frames = screen.settled(p.Advance(steps=1))
    assert "step 1 could not be measured: ZeroDivisionError" in of(frames, OwnProblem)[0].text
    assert status_of(frames).lanes[0].step == 1
    assert not status_of(frames).lanes[0].failed
    monkeypatch.setattr(making.OwnLane, "compare", fails)
    frames = screen.settled(p.Select(lanes=(), own=(own(gain=3.0),)))
    assert "could not be looked at: ZeroDivisionError" in of(frames, OwnProblem)[0].text
    odd = write("""
        class Odd(list):
            def __init__(self, one, two):
                super().__init__([one, two])

        def build():
            return setup(batches=[Odd(torch.ones(4, 3), 1)])
    """)
    frames = screen.settled(p.Select(lanes=(), own=(OwnConfig(target=odd, revision=1, device="cpu"),)))
    assert "a batch could not be moved to cpu: TypeError" in of(frames, OwnProblem)[0].text
    assert status_of(screen.settled(p.Advance(steps=1))).lanes[0].step == 2
