"""Training without a screen: lanes to a step, and what was measured there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..config.configuration import Configuration
from ..config.own import OwnConfig
from ..config.run import RunConfig
from ..config.values import ConfigError
from ..stream import protocol
from ..stream.checked import OwnProblem
from ..stream.link import Engine, LinkError
from ..stream.protocol import Evaluation, FloatArray, Inspection, OwnTarget, Shape, Snapshot, Start, Trace
from .checks import OwnCodeError

PROGRESS_SECONDS = 0.25  # an update costs a measured step, so ask for few
Progress = Callable[[int, int], None]  # steps done and steps in all, over all lanes


class RunError(RuntimeError):
    """A run that could not be finished: one sentence."""


@dataclass
class Result:
    """One lane at the end of its run, and what came on the way.

    `loss` is (steps,), `update_data` (steps, weights); `diverged_at` is the step whose loss was not finite.
    """

    configuration: Configuration
    device: str = "cpu"
    snapshots: dict[int, Snapshot] = field(default_factory=dict)
    evaluations: dict[int, protocol.Evaluation] = field(default_factory=dict)
    inspections: dict[int, protocol.Inspection] = field(default_factory=dict)
    start: protocol.Start | None = None
    diverged_at: int | None = None
    data: protocol.DataInfo | None = None
    shape: Shape | None = None
    unlike: protocol.Unlike | None = None  # to the network before it: a person's function drew other random numbers
    target: OwnTarget | None = None  # the function that a person's network is built by
    failed: str = ""  # why it stands still for good besides: a person's code raised
    lines: str = ""  # their own lines of the traceback
    quick: str = ""  # how steps were made quicker at the end, or why not: Status.quick
    _loss: list[FloatArray] = field(default_factory=list)
    _update_data: list[FloatArray] = field(default_factory=list)

    @property
    def config(self) -> RunConfig:
        """The configuration of a network that this program builds. Raises TypeError for a person's own."""
        if not isinstance(self.configuration, RunConfig):
            raise TypeError("a person's own network has no RunConfig")
        return self.configuration

    @property
    def last(self) -> Snapshot:
        """The newest snapshot."""
        return self.snapshots[max(self.snapshots)]

    @property
    def loss(self) -> FloatArray:
        """The loss of every step."""
        return np.concatenate(self._loss) if self._loss else np.zeros(0, np.float32)

    @property
    def update_data(self) -> FloatArray:
        """log10 update:data of every step, one column a weight."""
        return np.concatenate(self._update_data) if self._update_data else np.zeros((0, 0), np.float32)

    def take(self, frame: protocol.Frame) -> None:
        """Keep a frame that tells of this lane."""
        match frame:
            case protocol.Snapshot():
                self.snapshots[frame.step] = frame
            case protocol.Evaluation():
                self.evaluations[frame.step] = frame
            case protocol.Inspection():
                self.inspections[frame.step] = frame
            case protocol.Start():
                self.start = frame
            case protocol.Trace():
                loss = protocol.floats(frame.loss)
                self._loss.append(loss)
                self._update_data.append(protocol.floats(frame.update_data).reshape(len(loss), -1))


def selection(configs: Iterable[Configuration]) -> protocol.Select:
    """The command that selects networks of either kind."""
    ours, own = [], []
    for config in configs:
        if isinstance(config, RunConfig):
            ours.append(config)
        else:
            own.append(config)
    return protocol.Select(lanes=tuple(ours), own=tuple(own))


class Conversation:
    """A conversation with an engine: select lanes, move the clock, read what comes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._frames = engine.frames()
        self.device = "cpu"
        self.torch = ""  # the engine's version of it
        self.results: dict[str, Result] = {}
        self.status: protocol.Status | None = None
        self.data: protocol.DataInfo | None = None
        self.target: OwnTarget | None = None
        self._problems: list[OwnProblem] = []  # what was said of a person's code since the last command

    def select(self, configs: Sequence[Configuration], progress: Progress | None = None) -> list[Result]:
        """Select lanes and let them catch up to the clock.

        Raises:
            ConfigError: the engine refuses a configuration or its data.
            OwnCodeError: a person's code failed before its first step.
            RunError: the engine failed.
        """
        return self._do([selection(configs)], configs, progress)

    def advance(self, command: protocol.Advance, progress: Progress | None = None) -> list[Result]:
        """Move the clock and wait until every selected lane is there, has diverged, or the engine fails."""
        return self._do([command], [result.configuration for result in self._selected()], progress)

    def restart(self, configs: Sequence[Configuration]) -> list[Result]:
        """Forget every lane, put the clock to 0 and select others. Raises as `select`."""
        return self._do([protocol.Restart(), selection(configs)], configs, None)

    def redraw(self) -> list[Result]:
        """Wait for what the selected lanes' first minibatches should find (Result.start)."""
        selected = self._selected()
        if any(isinstance(result.configuration, OwnConfig) for result in selected):
            return selected  # nobody redraws a person's own network
        results = self._ask(protocol.Redraw())  # a lane's start comes with an update of its own
        while any(result.start is None for result in results):
            results = self._ask()
        return results

    def evaluate(self) -> list[Result]:
        """Dev losses of the selected lanes."""
        return self._ask(protocol.Evaluate())

    def inspect(self) -> list[Result]:
        """A closer look at the selected lanes that have not diverged."""
        return self._ask(protocol.Inspect())

    def _selected(self) -> list[Result]:
        assert self.status is not None
        return [self.results[lane.lane] for lane in self.status.lanes]

    def _ask(self, *commands: protocol.Command) -> list[Result]:
        return self._do(commands, [result.configuration for result in self._selected()], None)

    def _do(
        self, commands: Sequence[protocol.Command], configs: Sequence[Configuration], progress: Progress | None
    ) -> list[Result]:
        self._problems = []
        try:
            self._engine.send(*commands)
            while True:
                self._engine.send(protocol.Credit(after=PROGRESS_SECONDS))
                status = self._read_update()
                if progress is not None:
                    self._tell(status, progress)
                if not (status.running or status.catching_up):
                    break
        except LinkError as error:
            raise RunError(str(error)) from None
        if self._problems and any(config.key not in self.results for config in configs):
            raise OwnCodeError(self._problems[-1].text, self._problems[-1].lines)
        return [self.results[config.key] for config in configs]

    def _read_update(self) -> protocol.Status:
        refused: ConfigError | None = None
        for frame in self._frames:
            match frame:
                case protocol.Hello():
                    self.device, self.torch = frame.device, frame.torch
                case protocol.DataInfo():
                    self.data = frame
                case OwnTarget():
                    self.target = frame
                case protocol.Unlike():
                    self.results[frame.lane].unlike = frame
                case OwnProblem():
                    self._problems.append(frame)
                case protocol.Lane(config=RunConfig() as config) | protocol.Lane(own=OwnConfig() as config):
                    self.results[frame.lane] = Result(config, shape=frame.shape, target=self.target)
                case protocol.Lane():
                    raise RunError("the engine told of a network that it was not asked for")
                case protocol.Problem(fatal=True):
                    raise RunError(frame.text)
                case protocol.Problem():
                    refused = ConfigError(frame.text)  # raised once the update is read: the session can go on
                case protocol.Status():
                    self.status = frame
                    for lane in frame.lanes:
                        result = self.results[lane.lane]
                        result.diverged_at, result.quick = lane.diverged_at, frame.quick
                        result.data = self.data
                        result.failed = lane.failed
                        for problem in self._problems:
                            if problem.text == lane.failed:
                                result.lines = problem.lines
                        result.device = self.device if result.configuration.device != "cpu" else "cpu"
                    if refused is not None:
                        raise refused
                    return frame
                case Snapshot() | Trace() | Evaluation() | Inspection() | Start():
                    self.results[frame.lane].take(frame)
                case _:
                    continue  # of a person's network, which no lane here is
        raise RunError("the engine's stream ended")

    @staticmethod
    def _tell(status: protocol.Status, progress: Progress) -> None:
        target = status.target if status.target is not None else status.clock
        stand = [lane.diverged_at is not None or bool(lane.failed) for lane in status.lanes]
        done = sum(target if ended else min(lane.step, target) for lane, ended in zip(status.lanes, stand, strict=True))
        progress(done, target * len(status.lanes))


def run(
    configs: Sequence[Configuration],
    *,
    steps: int | None = None,
    epochs: int | None = None,
    evaluate: bool = False,
    inspect: bool = False,
    redraw: bool = False,
    engine: Iterable[str] | None = None,
    progress: Progress | None = None,
) -> list[Result]:
    """Train lanes side by side from step 0 for some steps or epochs in an engine of their own.

    Args:
        configs: of the lanes.
        steps, epochs: how long.
        evaluate: measure the dev losses at the end.
        inspect: look closer at the end.
        redraw: wait for what the first minibatches should find.
        engine: another engine's command line.
        progress: told steps done and steps in all.

    Raises:
        ConfigError: the engine refuses a configuration or its data.
        OwnCodeError: a person's code failed before its first step.
        RunError: the engine failed.
    """
    try:
        process = Engine(list(engine) if engine is not None else None)
    except LinkError as error:
        raise RunError(str(error)) from None
    with process:
        session = Conversation(process)
        results = session.select(configs)
        if redraw:
            session.redraw()
        command = protocol.Advance(steps=steps) if steps is not None else protocol.Advance(epochs=epochs or 1)
        results = session.advance(command, progress)
        if evaluate:
            results = session.evaluate()
        if inspect:
            results = session.inspect()
        return results
