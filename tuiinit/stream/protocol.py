"""What the engine and the screen say to each other: commands, frames, and their framing.

A message is a msgpack map (a msgspec struct with a tag) behind a 4-byte big-endian length. Arrays travel
as little-endian float32 bytes (`floats` reads them); nothing is pickled, and unknown fields or wrong types
are refused. Records hold plain numbers only, never tensors.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ..config.configuration import Configuration
from ..config.own import OwnConfig
from ..config.run import RunConfig
from .checked import Check, Checked, OwnProblem
from .message import Message as Message
from .message import Part as Part
from .own import OwnKnob as OwnKnob
from .own import OwnTarget as OwnTarget
from .own import PutAside as PutAside
from .own import SourceChanged as SourceChanged
from .own import Unlike as Unlike
from .run import Ended as Ended
from .run import Pulse as Pulse
from .run import Run as Run
from .shape import MatrixShape as MatrixShape
from .shape import RowShape as RowShape
from .shape import Shape as Shape
from .shape import Units as Units
from .snapshot import Activation as Activation
from .snapshot import BatchNorm as BatchNorm
from .snapshot import Histogram as Histogram
from .snapshot import Snapshot as Snapshot
from .snapshot import Vector as Vector
from .snapshot import Weight as Weight

VERSION = 2
LONGEST_REASON = 200  # characters
FloatArray = npt.NDArray[np.float32]


# ---------------------------------------------------------------------------------------------- commands


class Select(Message, frozen=True, kw_only=True):
    """Show these lanes; each catches up to the clock. The first is the one that the screen looks at.

    They are networks that this program builds, or a person's own, not both.
    """

    lanes: tuple[RunConfig, ...]
    own: tuple[OwnConfig, ...] = ()

    @classmethod
    def of(cls, configs: Iterable[Configuration]) -> Select:
        """The command for lanes of either kind."""
        several = tuple(configs)
        return cls(
            lanes=tuple(config for config in several if isinstance(config, RunConfig)),
            own=tuple(config for config in several if isinstance(config, OwnConfig)),
        )

    @property
    def configurations(self) -> tuple[Configuration, ...]:
        """Of the lanes, whatever kind they are."""
        return (*self.lanes, *self.own)


class Advance(Message, frozen=True, kw_only=True):
    """Move the clock on: by steps, by epochs (to the next epoch's end), to a step, or, with none, until Pause.

    Steps and epochs count from the step that the clock is on its way to, if it is: two Advances add up.
    """

    steps: int | None = None
    epochs: int | None = None
    to: int | None = None


class Adjust(Message, frozen=True, kw_only=True):
    """Change lr, optimizer or batch size of the selected lanes from their present step on.

    The engine answers with a Lane frame that tells the lane's new configuration, schedule included.
    """

    name: str
    value: float | int | str


class Pause(Message, frozen=True, kw_only=True):
    """Stop where the lanes are, after one measured step."""


class Restart(Message, frozen=True, kw_only=True):
    """Forget every lane and put the clock to 0."""


class Credit(Message, frozen=True, kw_only=True):
    """The screen has taken the last update and wants one more.

    `after`: seconds that training may go on unmeasured before it; once all stands still it comes at once.
    """

    after: float = 0.0


class Evaluate(Message, frozen=True, kw_only=True):
    """Measure the losses over the whole dev set for each selected lane."""


class Inspect(Message, frozen=True, kw_only=True):
    """Look closer at each selected lane than a snapshot does: what batch norm and saturation do to single units."""


class Words(Message, frozen=True, kw_only=True):
    """Words that came through a pipe, so that the engine cannot read them itself; comes before all other commands.

    Lanes name them by `data.given`, a name that follows from the content.
    """

    title: str  # where they came from
    content: bytes


class Redraw(Message, frozen=True, kw_only=True):
    """From now on tell what each selected lane's start should look like (Start), once a lane, when there is time."""


class Measure(Message, frozen=True, kw_only=True):
    """Measure the next step of a training run that goes on elsewhere; an engine measures what is looked at anyway."""


Command = Check | Words | Select | Advance | Adjust | Pause | Restart | Credit | Evaluate | Inspect | Redraw | Measure


# ------------------------------------------------------------------------------------------------ frames


class Hello(Message, frozen=True, kw_only=True):
    """First frame of a stream."""

    version: int
    program: str  # the version of tuiinit
    torch: str
    device: str  # "cpu" or the accelerator's name
    threads: int
    pid: int


class LeftOut(Part, frozen=True, kw_only=True):
    """Lines of a word list that cannot be used."""

    why: str
    lines: int


class DataInfo(Message, frozen=True, kw_only=True):
    """The words that the selected lanes train on. Losses are in nats."""

    path: str  # "" is the list that the package ships
    words: int
    vocabulary: str  # one character per class, the end mark first ("." where no word has it)
    train: int  # examples
    dev: int
    test: int
    unigram: float  # dev loss of the best guess that ignores the context
    bigram: float  # dev loss of the best guess from the last character alone
    repeats: int = 0  # words that stood in the list before
    in_both: int = 0  # different words that stand in train and in dev
    left_out: tuple[LeftOut, ...] = ()
    left_out_examples: tuple[str, ...] = ()  # the first lines left out that are not merely empty


class Lane(Message, frozen=True, kw_only=True):
    """A lane that is told of for the first time, or whose configuration changed while it trains.

    Its shape is what readers rely on. A configuration there is only of a network that this program builds; `own` is
    what a person's network was built from. A training run that is watched has neither.
    `continues` names the lane that this one was until now (lr, optimizer or batch size changed at its
    present step): all that was sent for that lane up to this step holds for this one too.
    """

    lane: str  # RunConfig.key or OwnConfig.key, or any other name where there is neither
    shape: Shape
    config: RunConfig | None = None
    own: OwnConfig | None = None
    continues: str | None = None

    @property
    def configuration(self) -> Configuration | None:
        """What it was built from, whatever kind it is; None where that is not known."""
        return self.config if self.config is not None else self.own


class Trace(Message, frozen=True, kw_only=True):
    """Per-step series of a lane: steps first_step … first_step + n − 1 (step s is the s-th minibatch)."""

    lane: str
    first_step: int
    loss: bytes  # n float32
    update_data: bytes  # n × weights float32, log10 of std(update)/std(data); empty where none was measured


class Evaluation(Message, frozen=True, kw_only=True):
    """Dev losses of a lane, nats. Without batch norm all are the same number and only `dev` is told."""

    lane: str
    step: int
    dev: float | None  # with running statistics, as in eval mode
    dev_calibrated: float | None = None  # with the statistics of a pass over training examples
    dev_batch: float | None = None  # with each batch's own statistics: the forgotten model.eval()


class Calibrated(Part, frozen=True, kw_only=True):
    """A batch norm's mean and unbiased variance over many training examples at once: float32 bytes, one a unit."""

    layer: str
    mean: bytes
    var: bytes


class Folded(Part, frozen=True, kw_only=True):
    """Batch norm folded into the linear layer before it, over the whole dev set; null where not finite."""

    rows: int  # dev examples
    difference: float | None  # the largest abs difference between a logit in eval mode and the folded network's
    logit_std: float | None  # of the logits in eval mode
    dev: float | None  # loss in eval mode, nats
    dev_folded: float | None


class Inspection(Message, frozen=True, kw_only=True):
    """A closer look at a lane where it stands.

    Jitter: one dev example in `jitter_batches` random minibatches of training examples, in training mode.
    Through: the outputs' abs(t) in equal bins from 0 to 1, and for each the share of the gradient that gets
    through the nonlinearity there, sum abs(dL/dx) / sum abs(dL/dt); null where a bin is empty.
    """

    lane: str
    step: int
    calibrated: tuple[Calibrated, ...]  # empty without batch norm, like eval_logits
    jitter_batches: int
    jitter_logits: bytes  # float32 (jitter_batches × classes)
    eval_logits: bytes  # float32 (classes): the same example in eval mode
    through: tuple[float | None, ...]
    dead: tuple[int, ...]  # dead units, one number a hidden layer
    dead_grad: tuple[float | None, ...]  # mean abs gradient of the weights into dead units, a hidden layer each
    alive_grad: tuple[float | None, ...]  # the same into the others
    folded: Folded | None = None  # without batch norm, or from an earlier version


class Expected(Part, frozen=True, kw_only=True):
    """Figures of a lane's first step, k numbers each: float32 bytes, row after row; NaN where there is none.

    Theory tells one number; redraws tell three, which 5, 50 and 95 % of them fall below.
    """

    std: bytes  # rows × k, as in Activation
    saturated: bytes  # share, 0…1
    grad_std: bytes
    grad_ratio: bytes  # grad_std ÷ the last row's
    weight_grad_std: bytes  # matrices × k, as in Weight
    update_data: bytes  # log10 of std(update)/std(data after the update)
    loss: bytes  # k, nats
    logit_std: bytes  # k


class Start(Message, frozen=True, kw_only=True):
    """What a lane's first minibatch should find, before any training: by theory, and with other random weights.

    Rows are the snapshots' activations and matrices their weights, in order. Redrawn are all weights but the
    embedding; the minibatch stays.
    """

    lane: str
    examples: int  # in the minibatch
    contexts: int  # different ones
    commonest: int  # examples that share the commonest context
    redraws: int  # 0 where the network is too large for them
    lost: int  # redraws that are left out: nothing came through, or a number left float32's range
    redrawn: Expected
    theory: Expected
    ratio_without_repeats: float | None = None  # theory's grad_ratio of the first row if no context came twice


class LaneStatus(Part, frozen=True, kw_only=True):
    """Where one selected lane is."""

    lane: str
    step: int
    epoch: float
    steps_per_epoch: int
    diverged_at: int | None  # the step whose loss was not finite
    failed: str = ""  # why it stands still for good: a person's code raised; one sentence


class Status(Message, frozen=True, kw_only=True):
    """How training goes; closes every update."""

    running: bool  # the clock is moving
    catching_up: bool  # a lane is behind the clock and moving
    clock: int
    target: int | None  # the step at which the clock will stop
    lanes: tuple[LaneStatus, ...]
    steps_per_second: float  # of all selected lanes together
    measuring: float  # share of the engine's time, 0…1
    # How steps are made quicker: "compiling", "compiled", "CUDA graph"; empty if they are not, or "plain: " and why.
    quick: str = ""


class Problem(Message, frozen=True, kw_only=True):
    """Something went wrong, in one sentence. A fatal one is the stream's last frame."""

    text: str
    fatal: bool = False


Frame = (
    Checked
    | OwnProblem
    | OwnTarget
    | Unlike
    | PutAside
    | SourceChanged
    | Hello
    | DataInfo
    | Lane
    | Snapshot
    | Trace
    | Evaluation
    | Inspection
    | Start
    | Status
    | Problem
    | Run
    | Ended
    | Pulse
)


FLOAT = 4  # bytes of each number in a field of floats


def floats(data: bytes, columns: int | None = None) -> FloatArray:
    """The float32 array behind `data`, shaped (n,) or (n, columns)."""
    array = np.frombuffer(data, dtype="<f4")
    return array if columns is None else array.reshape(-1, columns)
