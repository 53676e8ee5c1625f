"""The notes' claims as a tour through the explorer: what to set up, what to press, what to look at, what was seen.

Free of the screen. A stop is ticked off when the person has looked at the figures that show its claim: every one
of its sights, in the view and with the network that it names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from .config import RunConfig
from .protocol import Snapshot

PROGRESS_FILE = "notes.json"
FAR = 10**9


class Seen(NamedTuple):
    """What is on the screen: a view, the settings in force, and what was measured there."""

    view: str
    config: RunConfig
    snapshot: Snapshot
    inspected: bool  # the closer look at this lane is shown
    notice: str  # the sentence in the bar, "" without one


@dataclass(frozen=True)
class Sight:
    """One thing that must have been looked at; `what` names it in a few words."""

    what: str
    view: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    steps: tuple[int, int] = (0, FAR)  # of the snapshot looked at, both included
    inspected: bool = False
    notice: str = ""  # words that the bar must show
    shows: Callable[[Snapshot], bool] = lambda snapshot: True

    def is_in(self, seen: Seen) -> bool:
        """Whether this is what is on the screen."""
        low, high = self.steps
        return (
            seen.view == self.view
            and low <= seen.snapshot.step <= high
            and all(_same(getattr(seen.config, name), value) for name, value in self.settings.items())
            and (seen.inspected or not self.inspected)
            and self.notice in seen.notice
            and self.shows(seen.snapshot)
        )


def _same(value: Any, wanted: Any) -> bool:
    if callable(wanted):
        return bool(wanted(value))
    if isinstance(wanted, float) and isinstance(value, int | float):
        return math.isclose(value, wanted, rel_tol=1e-2)  # 1.41 will do for √2
    return bool(value == wanted)


@dataclass(frozen=True)
class Stop:
    """One claim in the explorer."""

    claim: str  # its id
    title: str
    press: str  # one sentence
    look: str  # one sentence
    view: str  # its id: where the person starts
    sights: tuple[Sight, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)  # over the defaults
    steps: int = 0  # the clock at the start

    def config(self, here: RunConfig) -> RunConfig:
        """The lane that the stop starts with: on the data, device and seed at hand."""
        return RunConfig(data=here.data, device=here.device, seed=here.seed, **self.settings)


def _last(snapshot: Snapshot) -> float:
    return snapshot.activations[-1].std


def _saturated(snapshot: Snapshot) -> float:
    return max(layer.saturated for layer in snapshot.activations)


def _gains(view: str, *gains: tuple[str, float], **settings: Any) -> tuple[Sight, ...]:
    return tuple(Sight(f"gain {name}", view, {"gain": gain, **settings}) for name, gain in gains)


HALF, ONE, FIVE_THIRDS, THREE = ("0.5", 0.5), ("1", 1.0), ("5/3", 5 / 3), ("3", 3.0)
OFF_ON = ("without batch norm", False), ("with batch norm", True)


def _off_on(view: str, steps: tuple[int, int] = (0, FAR)) -> tuple[Sight, ...]:
    return tuple(Sight(name, view, {"bn": bn}, steps) for name, bn in OFF_ON)


STOPS: tuple[Stop, ...] = (
    Stop(
        "C01", "The first loss can be calculated",
        "Press R for another seed, once or more.",
        "Whatever the seed, the loss at step 0 is within a few hundredths of the ln V line: nothing is learnt yet, so "
        "every character is as likely as another.",
        "initial-loss",
        (Sight("this seed", "initial-loss", steps=(0, 0)),
         Sight("another seed (R)", "initial-loss", {"seed": lambda seed: seed != RunConfig().seed}, (0, 0))),
        {"output_scale": 0.1},
    ),
    Stop(
        "C02", "Large logits are sure of wrong answers",
        "Press ↓ to reach the settings, go to output scale, and press → twice: 1, then 10.",
        "At 10 the loss at step 0 is far above ln V, and the predicted probabilities pile up near 0 and 1.",
        "initial-loss",
        (Sight("output scale 0.1", "initial-loss", {"output_scale": 0.1}),
         Sight("output scale 10", "initial-loss", {"output_scale": lambda scale: scale >= 3})),
    ),
    Stop(
        "C03", "A small last layer mends the first loss",
        "In the settings go to output scale and press ← twice, down to 0.1.",
        "The loss at step 0 falls to ln V, and all probabilities gather around 1/V.",
        "initial-loss",
        (Sight("output scale 10", "initial-loss", {"output_scale": 10.0}),
         Sight("output scale 0.1", "initial-loss", {"output_scale": 0.1})),
        {"output_scale": 10.0},
    ),
    Stop(
        "C04", "But not exactly zero",
        "Press n twice: two minibatches.",
        "In the first, only the output layer has a gradient: zero weights pass none on; in the second the others wake.",
        "weight-gradients",
        (Sight("the first minibatch", "weight-gradients", {"output_scale": 0.0}, (0, 1)),
         Sight("the second", "weight-gradients", {"output_scale": 0.0}, (2, FAR))),
        {"output_scale": 0.0},
    ),
    Stop(
        "C05", "Saturation stops the gradient",
        "Press i to look closer, then 1 for a network that is not saturated.",
        "Below the picture: of the gradient that arrives at a tanh, nearly all gets through where abs(t) is near 0, and "
        "hardly any where it is near 1, which at gain 3 is four outputs in ten.",
        "saturation",
        (Sight("a closer look at gain 3 (i)", "saturation", {"gain": 3.0}, inspected=True),
         Sight("gain 0.5 (1)", "saturation", {"gain": 0.5})),
        {"gain": 3.0},
    ),
    Stop(
        "C06", "A dead unit never learns",
        "Press u to go from one dead unit to the next.",
        "Fifty steps at a far too high learning rate have killed units, marked ×: saturated on every example, so no "
        "gradient reaches their weights.",
        "saturation",
        (Sight("dead units", "saturation", {"lr": 5.0}, (50, FAR), shows=lambda s: any(a.dead for a in s.activations)),
         Sight("a closer look (i, or wait)", "saturation", {"lr": 5.0}, (50, FAR), inspected=True)),
        {"lr": 5.0}, 50,
    ),
    Stop(
        "C07", "Units die when the learning rate is too high",
        "Press space, let it run for 300 steps, and press space again.",
        "The number of dead units grows while the network trains; at lr 0.1 it stays 0.",
        "saturation",
        (Sight("none dead at the start", "saturation", {"lr": 10.0}, (0, 0)),
         Sight("300 steps at lr 10", "saturation", {"lr": 10.0}, (300, FAR))),
        {"lr": 10.0},
    ),
    Stop(
        "C09", "Gain 0.5: the signal dies out",
        "Press 1.",
        "The histograms shrink towards 0 from layer to layer; the std of the last is some hundredths.",
        "activations",
        (Sight("gain 5/3", "activations", {"gain": 5 / 3}),
         Sight("gain 0.5", "activations", {"gain": 0.5}, shows=lambda s: _last(s) < 0.1)),
    ),
    Stop(
        "C10", "Gain 1: it still shrinks, slowly",
        "Press 2, then tab until the view Depth.",
        "The std falls from layer to layer, but like 1/√depth: five layers keep half of it.",
        "activations",
        (Sight("gain 1: Activations", "activations", {"gain": 1.0}), Sight("gain 1: Depth", "depth", {"gain": 1.0})),
    ),
    Stop(
        "C11", "Gain 5/3: the spread is kept",
        "Press 3.",
        "All layers have a std around 0.66 and a few per cent saturated outputs, the first layer more.",
        "activations",
        (Sight("gain 1", "activations", {"gain": 1.0}),
         Sight("gain 5/3", "activations", {"gain": 5 / 3}, shows=lambda s: 0.5 < _last(s) < 0.8)),
        {"gain": 1.0},
    ),
    Stop(
        "C12", "Gain 3: heavy saturation",
        "Press 4.",
        "Two spikes at ±1 in every layer: around 40 % of all outputs are saturated.",
        "activations",
        (Sight("gain 5/3", "activations", {"gain": 5 / 3}),
         Sight("gain 3", "activations", {"gain": 3.0}, shows=lambda s: _saturated(s) > 0.3)),
    ),
    Stop(
        "C14", "The gradients vary with the gain, too",
        "Press 1, 2, 3 and 4.",
        "At 0.5 the gradients shrink towards the first layer, at 3 they grow; in between they stay alike.",
        "activation-gradients",
        _gains("activation-gradients", HALF, ONE, FIVE_THIRDS, THREE),
    ),
    Stop(
        "C13", "Without tanh the right gain is 1",
        "Press 3 for gain 5/3, then tab until the view Depth.",
        "A linear network at gain 1 keeps outputs and gradients; at 5/3 each layer multiplies their spread by 5/3.",
        "activations",
        (Sight("gain 1", "activations", {"gain": 1.0, "nonlinearity": "linear"}),
         Sight("gain 5/3: Depth", "depth", {"gain": 5 / 3, "nonlinearity": "linear"})),
        {"nonlinearity": "linear", "gain": 1.0},
    ),
    Stop(
        "C26", "Each nonlinearity has its own gain",
        "In the settings go to gain, press enter, type 1.414 and press enter.",
        "relu at gain 1 loses half of its power in each layer; at √2 it keeps it.",
        "depth",
        (Sight("relu at gain 1", "depth", {"nonlinearity": "relu", "gain": 1.0}),
         Sight("relu at gain √2", "depth", {"nonlinearity": "relu", "gain": math.sqrt(2)})),
        {"nonlinearity": "relu", "gain": 1.0},
    ),
    Stop(
        "C08", "Started badly, a deep network learns nothing",
        "Press space for 300 steps or more, then 3 for gain 5/3 and let it catch up.",
        "Thirty layers at gain 0.5 stay where the letters' frequencies alone would be; at 5/3 the loss falls below that.",
        "loss",
        (Sight("gain 0.5 after 300 steps", "loss", {"gain": 0.5}, (300, FAR)),
         Sight("gain 5/3 after 300 steps", "loss", {"gain": 5 / 3}, (300, FAR))),
        {"hidden": (100,) * 30, "gain": 0.5},
    ),
    Stop(
        "C15", "The last layer's gradient is out of line",
        "Press n.",
        "grad:data of the output layer is hundreds of times that of the others, its gradient's std some twenty times.",
        "weight-gradients",
        (Sight("after one step", "weight-gradients", {"bn": False}, (1, FAR)),),
    ),
    Stop(
        "C16", "Training evens it out",
        "Press space, and again after 1,000 steps; then , to go back in time.",
        "The output layer's gradient comes near the others': look at its std at step 1 and after 1,000.",
        "weight-gradients",
        (Sight("the first step", "weight-gradients", {"bn": False}, (1, 1)),
         Sight("1,000 steps", "weight-gradients", {"bn": False}, (1_000, FAR))),
        steps=1,
    ),
    Stop(
        "C18", "Updates should be about 1e-3 of the data",
        "Press [ four times (lr 0.001), then n or space for 50 steps.",
        "The curves drop by two decades, far below the line at 1e-3: the network now hardly moves.",
        "update-data",
        (Sight("lr 0.1", "update-data", {"lr": 0.1}, (1, FAR)),
         Sight("50 steps at lr 0.001", "update-data", {"lr": lambda lr: lr < 0.0012}, (250, FAR))),
        steps=200,
    ),
    Stop(
        "C17", "SGD suffers from it, Adam does not",
        "Press [ four times (lr 0.001) and o twice (adam), then space for 100 steps.",
        "Under SGD the output layer's curve lies far above the others; Adam's updates are of one size, and the curves "
        "come together.",
        "update-data",
        (Sight("sgd", "update-data", {"optimizer": "sgd"}, (1, FAR)),
         Sight("100 steps of adam", "update-data", {"optimizer": "adam"}, (120, FAR))),
        steps=20,
    ),
    Stop(
        "C19", "Some weights learn much slower",
        "Press space, and again after 1,000 steps.",
        "The curves of the matrices stay apart: compare the highest with the lowest in the table.",
        "update-data",
        (Sight("1,000 steps without batch norm", "update-data", {"bn": False}, (1_000, FAR)),),
    ),
    Stop(
        "C20", "Batch norm: one spread in all layers",
        "Press b.",
        "Every layer's std is 0.63 or 0.64, as theory says: batch norm sets it, not the weights.",
        "activations", _off_on("activations"), {"gain": 1.0},
    ),
    Stop(
        "C21", "Batch norm: even gradients",
        "Press b.",
        "Without it the gradients shrink towards the first layer at gain 0.5; with it they grow by a tenth a layer.",
        "activation-gradients", _off_on("activation-gradients"), {"gain": 0.5},
    ),
    Stop(
        "C22", "Batch norm: weight gradients alike",
        "Press b.",
        "The output layer, far out of line before, comes to the others.",
        "weight-gradients", _off_on("weight-gradients"), steps=1,
    ),
    Stop(
        "C23", "Batch norm: one rate for all updates",
        "Press b and let it catch up.",
        "The curves of all matrices run close together.",
        "update-data", _off_on("update-data", (500, FAR)), steps=500,
    ),
    Stop(
        "C24", "Batch norm: the gain hardly matters",
        "Press 1 and 4; then tab until Update:data, and 1 and 4 again.",
        "The outputs are the same at every gain; update:data is not: it goes as 1/gain².",
        "activations",
        (*(Sight(f"{sight.what}: Activations", "activations", sight.settings)
           for sight in _gains("activations", HALF, THREE, bn=True)),
         *(Sight(f"{sight.what}: Update:data", "update-data", sight.settings, (1, FAR))
           for sight in _gains("update-data", HALF, THREE, bn=True))),
        {"bn": True, "gain": 1.0}, 20,
    ),
    Stop(
        "C25", "Batch norm: not even 1/√fan_in",
        "In the settings go to ÷ √fan_in and press →, then tab until Update:data.",
        "The outputs stay as they were; the updates are now far too small against weights ten times as large: the lr "
        "needs adjusting.",
        "activations",
        (Sight("with the scaling", "activations", {"bn": True, "fan_in_scaling": True}),
         Sight("without: Activations", "activations", {"bn": True, "fan_in_scaling": False}),
         Sight("without: Update:data", "update-data", {"bn": True, "fan_in_scaling": False}, (1, FAR))),
        {"bn": True, "gain": 1.0}, 20,
    ),
    Stop(
        "C27", "Batch norm's scale and shift are trained",
        "Press space, and again after 500 steps.",
        "gamma leaves 1 and beta leaves 0: the layer need not stay a unit Gaussian.",
        "batch-norm",
        (Sight("the start", "batch-norm", {"bn": True}, (0, 0)),
         Sight("500 steps", "batch-norm", {"bn": True}, (500, FAR))),
        {"bn": True, "gain": 1.0},
    ),
    Stop(
        "C28", "Batch norm jitters",
        "Press i to look closer.",
        "One example's logits over 100 random minibatches: they spread, because each batch has its own mean and std.",
        "batch-norm", (Sight("the closer look (i)", "batch-norm", {"bn": True}, (100, FAR), inspected=True),),
        {"bn": True, "gain": 1.0}, 100,
    ),
    Stop(
        "C29", "Running and calibrated statistics agree",
        "Press i to look closer and to measure the dev losses.",
        "Running mean and std lie near the calibrated ones of a second pass, and the two dev losses are nearly the same.",
        "batch-norm", (Sight("the closer look after 1,000 steps", "batch-norm", {"bn": True}, (1_000, FAR), inspected=True),),
        {"bn": True, "gain": 1.0}, 1_000,
    ),
    Stop(
        "C30", "A bias before batch norm does nothing",
        "Press n.",
        "Its gradient is about a millionth of the weights' or less: the mean that is subtracted takes the bias with it.",
        "batch-norm", (Sight("one step with the bias", "batch-norm", {"bn": True, "bias_before_bn": True}, (1, FAR)),),
        {"bn": True, "gain": 1.0, "bias_before_bn": True},
    ),
    Stop(
        "C31", "In a simple network it changes little",
        "Press b and let it catch up, then d for the dev losses.",
        "With one hidden layer both losses fall alike.",
        "loss", _off_on("loss", (1_000, FAR)), {"hidden": (200,)}, 1_000,
    ),
    Stop(
        "C32", "Batch norm is a source of bugs",
        "Press i to look closer; then set batch size to 1: settings, batch size, enter, 1, enter.",
        "Dev loss with batch statistics is what a forgotten eval() gives; a batch of one has no variance and is refused.",
        "batch-norm",
        (Sight("the closer look (i)", "batch-norm", {"bn": True}, (100, FAR), inspected=True),
         Sight("a batch of one refused", "batch-norm", {"bn": True}, notice="batch")),
        {"bn": True, "gain": 1.0}, 100,
    ),
)  # fmt: skip

BY_CLAIM = {stop.claim: stop for stop in STOPS}


class Walk:
    """A stop under way: which of its sights were seen."""

    def __init__(self, stop: Stop) -> None:
        self.stop = stop
        self._seen: set[int] = set()

    def look(self, seen: Seen) -> bool:
        """Take what is on the screen; tells whether that completed the stop just now."""
        before = self.done
        self._seen |= {i for i, sight in enumerate(self.stop.sights) if sight.is_in(seen)}
        return self.done and not before

    @property
    def done(self) -> bool:
        return len(self._seen) == len(self.stop.sights)

    @property
    def missing(self) -> list[str]:
        """What is still to be looked at."""
        return [sight.what for i, sight in enumerate(self.stop.sights) if i not in self._seen]


class Progress:
    """The claims that were ticked off, kept in a file between sessions.

    A file that cannot be read or written costs the progress alone; `trouble` then tells of it in a sentence.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / PROGRESS_FILE
        self.trouble = ""
        self.ticked: set[str] = set()
        try:
            told = msgspec.json.decode(self._file.read_bytes(), type=dict[str, list[str]])
            self.ticked = set(told.get("ticked", [])) & set(BY_CLAIM)
        except FileNotFoundError:
            pass
        except (OSError, msgspec.MsgspecError, ValueError) as error:
            self.trouble = f"The tour's progress cannot be read ({self._file}: {error}): it starts anew."

    def tick(self, claim: str) -> None:
        """Tick a claim off, for good."""
        self.ticked.add(claim)
        self._write()

    def forget(self) -> None:
        """Start the tour anew."""
        self.ticked.clear()
        self._write()

    def _write(self) -> None:
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_bytes(msgspec.json.encode({"ticked": sorted(self.ticked)}))
            self.trouble = ""
        except OSError as error:
            self.trouble = f"The tour's progress cannot be kept ({self._file}: {error.strerror})."

    def next(self, after: str | None = None) -> str:
        """The first claim after this one that is not ticked off, else the first of all; the last if all are."""
        order = [stop.claim for stop in STOPS]
        start = order.index(after) + 1 if after in order else 0
        return next((claim for claim in _around(order, start) if claim not in self.ticked), order[-1])


def _around(order: list[str], start: int) -> Iterable[str]:
    return [*order[start:], *order[:start]]
