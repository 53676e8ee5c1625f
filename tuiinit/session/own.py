"""What a sitting remembers of a person's own function: its parameters, how it failed, what does not come again."""

from __future__ import annotations

from ..config.configuration import Configuration
from ..config.own import OwnConfig
from ..config.target import Target
from ..stream.checked import OwnProblem
from ..stream.own import OwnTarget, PutAside, SourceChanged, Unlike
from .changed import Notice
from .knobs import Knobs, knobs_of

OwnFrame = OwnProblem | OwnTarget | PutAside | SourceChanged | Unlike


class Own:
    """A person's function as far as the engine has told of it."""

    def __init__(self) -> None:
        self.target: OwnTarget | None = None
        self.problem: OwnProblem | None = None  # how it failed last, until it is built anew
        self.unseen: OwnProblem | None = None  # the same until it was shown
        self.changed = ""  # a file that is not any more what was built
        self.wanted: OwnConfig | None = None  # the lane that could not be built
        self.trying: str | None = None  # a word for a nonlinearity that it may not know
        self._refused: frozenset[str] = frozenset()  # those that it did not
        self._unlike: dict[frozenset[str], Unlike] = {}
        self._knobs: tuple[object, Knobs] | None = None

    def knobs(self, config: Configuration) -> Knobs:
        """The settings of the network with this configuration."""
        target = getattr(config, "target", None)
        stands_on = (target, self.target, self._refused)
        if self._knobs is None or self._knobs[0] != stands_on:
            self._knobs = stands_on, knobs_of(config, self.target, self._refused)
        return self._knobs[1]

    def unlike(self, lane: str, other: str | None) -> str:
        """From where on two lanes do not start alike, in words; "" where they do as far as is known."""
        unlike = self._unlike.get(frozenset((lane, other or "")))
        if unlike is None:
            return ""
        return f"other weights from {unlike.name} on" if unlike.what == "weights" else "other batches"

    @property
    def failure(self) -> str:
        """How it failed last, in a sentence that says what to do."""
        if self.problem is None:
            return ""
        again = "E builds it again once it is mended" if self.problem.lines else "E tries again"
        return f"{self.problem.text} — {again}"

    def build_anew(self) -> None:
        """The file is read again: nothing that was said of it holds."""
        self.problem = self.unseen = self.wanted = self.trying = None
        self.changed = ""
        self._refused = frozenset()

    # ------------------------------------------------------------------------------ what the engine tells

    def take(self, frame: OwnFrame, config: Configuration, *, refused: bool) -> Notice | None:
        """Remember what was told; gives a sentence where there is something to say.

        Args:
            frame: what was told.
            config: of the lane that was asked for.
            refused: a problem took a lane back that was only asked for.
        """
        match frame:
            case OwnTarget():
                self.target = frame
                return Notice(f"The labels are {frame.labels}.", "note") if frame.labels else None
            case Unlike(what=what, name=name):
                self._unlike[frozenset((frame.lane, frame.other))] = frame
                if what == "weights":
                    start = f"from {name} on the weights are others" if name else "the weights are others"
                else:
                    start = "the batches are others"
                why = "the function draws other random numbers, so more differs than the setting"
                return Notice(f"These two networks do not start alike, {start}: {why}.", "warn")
            case PutAside(lanes=lanes):
                many = "1 network was" if len(lanes) == 1 else f"{len(lanes)} networks were"
                return Notice(f"{many} put aside for want of memory; looked at again, they train again.", "note")
            case SourceChanged(path=path):
                self.changed = path
                return Notice(f"{Target(path, 'build').short} changed: E builds it anew.", "note")
            case OwnProblem(text=text):
                self.wanted = config if isinstance(config, OwnConfig) else None
                trying, self.trying = self.trying, None
                if trying is not None and refused:
                    self._refused |= {trying}
                    self.wanted = None
                    return Notice(f"The function takes no {trying!r}: {text}. t goes on without it.", "warn")
                self.problem = self.unseen = frame
                return Notice(self.failure, "bad")
