"""How fast a step is, what measuring costs, and how lanes and processes add up."""

from __future__ import annotations

import importlib.util
import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch.nn import functional

from tests.benchmarks.lecture import LectureNetwork
from tests.benchmarks.table import Row, paired
from tests.hooked import hooked
from tuiinit.config.run import RunConfig
from tuiinit.data import words as text
from tuiinit.engine.clock import STRIDE, Clock
from tuiinit.engine.lanes import Lanes
from tuiinit.engine.minibatches import Dataset
from tuiinit.engine.network import Network
from tuiinit.engine.quick.compiled import Compiler
from tuiinit.engine.trainer import Trainer
from tuiinit.experiments import runs
from tuiinit.experiments.sweep import sweep
from tuiinit.experiments.sweep.plan import Plan
from tuiinit.stream import wire
from tuiinit.stream.link import Engine
from tuiinit.stream.protocol import Advance

STEPS = 60
JOB = 300  # steps of a short job
LONG = 1_000  # steps that tell how many go between two snapshots
ROUNDS = 9
TURNS = 80  # of a tenth of a second
HERTZ = 10.0
CPU = torch.device("cpu")


def _dataset() -> Dataset:
    return Dataset.of(text.load(None, 3), CPU)


def _train(lane: Trainer, steps: int = STEPS, *, measured: bool = False) -> None:
    for i in range(steps):
        if lane.trace_full:
            lane.take_trace()
        lane.train_step(measure=measured and i == 0)


def _times(work: Callable[[], object], count: int) -> Callable[[], None]:
    def run() -> None:
        for _ in range(count):
            work()

    return run


def steps() -> Iterator[Row]:
    """A step with update:data against the lecture's own loop, the same numbers out."""
    dataset = _dataset()
    threads = torch.get_num_threads()
    for bn, wide in itertools.product((False, True), (False, True)):
        name = "batch norm" if bn else "no batch norm"
        for compiled in (False, True):
            theirs = LectureNetwork(bn=bn, gain=5 / 3, x=dataset.x, y=dataset.y)
            ours = Trainer(RunConfig(bn=bn), dataset, CPU)
            if compiled and not _compile(ours):
                yield Row(f"step compiled, {name}: there is no C++ compiler here", "–")
                continue

            def lecture(network: LectureNetwork = theirs, wide: bool = wide) -> None:
                torch.set_num_threads(threads if wide else 1)
                _times(network.step, STEPS)()

            def engine(lane: Trainer = ours) -> None:
                torch.set_num_threads(1)
                _train(lane)

            lecture(), engine()
            ours.take_trace()
            a, b, ratio = paired(lecture, engine, ROUNDS)
            block = ours.take_trace()
            assert block is not None
            assert abs(block.loss[-1] - theirs.losses[-1]) < 1e-2, "the two do not train the same network"
            loop = f"the lecture's loop on {threads if wide else 1} thread{'s' if wide and threads > 1 else ''}"
            target = 6 if compiled else 3
            yield Row(
                f"step{' compiled' * compiled}, {name}: ours {b / STEPS * 1e3:.2f} ms, {loop} {a / STEPS * 1e3:.2f} ms",
                f"{ratio:.2f} ×",
                f"≥ {target} ×",
                ratio >= target,
            )
    torch.set_num_threads(1)
    yield from floor(dataset)


def _compile(lane: Trainer) -> bool:
    """Wait for a lane's compiled step: half a minute, unless it is there from an earlier time."""
    compiler = Compiler()
    while not lane.quick:
        lane.quicken(compiler)
        if not lane.quick and not compiler.working:
            return False
        time.sleep(0.1)
    return True


def floor(dataset: Dataset) -> Iterator[Row]:
    """The matrix products of a step alone."""
    lane = Trainer(RunConfig(), dataset, CPU)
    weights = lane.network.weights[1:]
    inputs = [torch.randn(32, w.shape[0]) for w in weights]
    outs = [torch.randn(32, w.shape[1]) for w in weights]

    def products() -> None:
        with torch.inference_mode():
            for _ in range(STEPS):
                for x, w, d in zip(inputs, weights, outs, strict=True):
                    torch.mm(x, w), torch.mm(x.t(), d), torch.mm(d, w.t())

    _, b, ratio = paired(lambda: _train(lane), products, ROUNDS)
    yield Row(f"step against its matrix products alone ({b / STEPS * 1e3:.2f} ms)", f"{ratio:.2f} ×")


def measuring() -> Iterator[Row]:
    """Training with full snapshots at 10 Hz against none, for us and for the usual ways."""
    dataset = _dataset()
    for bn in (False, True):
        lane = Trainer(RunConfig(bn=bn), dataset, CPU)
        _train(lane, STEPS)
        begun = time.perf_counter()
        _train(lane, LONG)
        between = max(1, round(LONG / HERTZ / (time.perf_counter() - begun)))  # steps from one snapshot to the next

        def turn(measured: bool, lane: Trainer = lane, steps: int = between) -> None:
            _train(lane, steps, measured=measured)

        # One lane, in short turns: the machine changes from one second to the next.
        _, _, ratio = paired(partial(turn, True), partial(turn, False), TURNS)
        yield Row(
            f"measuring at 10 Hz, {'batch norm' if bn else 'no batch norm'}",
            f"+{ratio - 1:.1%}",
            "≤ 5 %",
            ratio <= 1.05,
        )
    yield from _others(dataset)


def _others(dataset: Dataset) -> Iterator[Row]:
    """What the same snapshot costs by our engine, by hooks with histc, and by TensorBoard."""
    lane = Trainer(RunConfig(), dataset, CPU)
    with torch.inference_mode(False):
        network = Network(RunConfig(), 27, torch.Generator().manual_seed(1), CPU)
    x, y = dataset.x[:32], dataset.y[:32]

    def ours() -> None:
        lane.train_step(measure=True)
        lane.take_trace()

    def bare() -> None:
        lane.train_step()
        lane.take_trace()

    def by_hooks(tell: Callable[[str, torch.Tensor], object]) -> None:
        for p in network.parameters():
            p.grad = None
        with hooked(network) as caught:
            functional.cross_entropy(network(x), y).backward()
            for name, out in caught:
                tell(f"{name} out", out.detach())
                if out.grad is not None:
                    tell(f"{name} grad", out.grad)
        for name, p in network.named_parameters():
            if p.ndim == 2 and p.grad is not None:
                tell(f"{name} data", p.detach())
                tell(f"{name} grad", p.grad)

    def histc(_: str, t: torch.Tensor) -> None:
        t.mean().item(), t.std().item(), torch.histc(t, 64).tolist()

    a, _, ratio = paired(_times(ours, 20), _times(bare, 20), ROUNDS)
    yield Row(f"a measured step against a plain one ({a / 20 * 1e3:.1f} ms)", f"{ratio:.1f} ×")
    _, _, ratio = paired(_times(lambda: by_hooks(histc), 20), _times(ours, 20), ROUNDS)
    yield Row("the same by hooks and histc, against ours", f"{ratio:.2f} ×", "> 1 ×", ratio > 1)
    if importlib.util.find_spec("tensorboard") is None:
        yield Row("the same by TensorBoard's add_histogram: tensorboard is not installed", "–")
        return
    from torch.utils.tensorboard import SummaryWriter

    with tempfile.TemporaryDirectory() as folder, SummaryWriter(folder) as writer:
        _, _, ratio = paired(_times(lambda: by_hooks(writer.add_histogram), 20), _times(ours, 20), ROUNDS)
    yield Row("the same by TensorBoard's add_histogram, against ours", f"{ratio:.2f} ×", "> 1 ×", ratio > 1)


def lanes() -> Iterator[Row]:
    """Eight lanes in one engine against one."""
    one, eight = Lanes(Clock()), Lanes(Clock())
    one.select([RunConfig()])
    eight.select([RunConfig(gain=g, bn=bn) for g in (0.5, 1.0, 5 / 3, 3.0) for bn in (False, True)])
    alone = Lanes(Clock())
    alone.select([RunConfig(bn=True)])

    def run(group: Lanes) -> Callable[[], None]:
        def work() -> None:
            for _ in range(STEPS // STRIDE):
                for members, stack in group.stacks.of(group.selected):
                    if stack is None:
                        for lane in members:
                            _train(lane, STRIDE)
                        continue
                    for _ in range(STRIDE):
                        stack.train_step()
                        for lane in members:
                            if lane.trace_full:
                                lane.take_trace()

        return work

    # Half of the eight have batch norm: four times one of each kind is as much work.
    _, _, ratio = paired(run(eight), _times(lambda: (run(one)(), run(alone)()), 4), TURNS // 2)
    yield Row("eight lanes against one (half with batch norm)", f"{ratio * 8:.2f} ×", "≤ 8.5 ×", ratio * 8 <= 8.5)


def processes() -> Iterator[Row]:
    """A sweep of the usual length by one engine process and by two."""
    plan = Plan(RunConfig(), gains=(0.5, 1.0, 5 / 3, 3.0), steps=1_000, seeds=2)
    _, _, ratio = paired(partial(sweep.run, plan, processes=1), partial(sweep.run, plan, processes=2), 3)
    yield Row("a sweep of 16 runs of 1,000 steps, one process against two", f"{ratio:.2f} ×", "> 1.3 ×", ratio > 1.3)


def session() -> Iterator[Row]:
    """A short job without a screen, through a process and its pipes, against the same steps in this process."""
    torch.set_num_threads(1)
    lane = Trainer(RunConfig(device="cpu"), _dataset(), CPU)
    with Engine() as process:
        conversation = runs.Conversation(process)
        (config,) = (result.config for result in conversation.select([lane.config]))

        def away() -> None:
            conversation.restart([config])
            conversation.advance(Advance(steps=JOB))

        away()
        seconds, _, ratio = paired(away, lambda: _train(lane, JOB), ROUNDS)
    yield Row(f"a job of {JOB} steps without a screen ({seconds * 1e3:.0f} ms), against its steps", f"{ratio:.2f} ×")


def message() -> Iterator[Row]:
    """What a snapshot weighs on the wire."""
    lane = Trainer(RunConfig(bn=True), _dataset(), CPU)
    lane.peek()
    assert lane.latest is not None
    yield Row("a snapshot with batch norm on the wire", f"{len(wire.pack(lane.latest)) / 1024:.0f} KiB")
