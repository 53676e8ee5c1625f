"""Where a person points: a time, a layer and a neuron, and which picture of a view."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..insight.blocks import Parts
from ..insight.smoothing import SMOOTHINGS
from ..stream.history import Snapshots
from ..stream.protocol import Snapshot
from .lines import Lines, RowLine, same_place
from .scales import Scales


@dataclass
class Pointer:
    """What is pointed at and how it is drawn; a lane with fewer layers or neurons shows its last one."""

    past: int | None = None  # a step that was gone back to, or None for the newest
    layer: int = 0
    fold: str = ""  # the name of the fold whose line is pointed at (`lines.Line.fold`); "" where it is a row's
    opened: frozenset[str] = frozenset()  # the names of the folds that are open
    text: str = ""  # of the filter of rows; "" lets all through
    unit: int = 0
    overlaid: bool = False  # a view's other picture
    form: str | None = None  # how histograms are drawn, where a person chose
    colours: bool = True  # whether the terminal has any
    smoothing: int = 30  # steps that the loss curve is smoothed over; 0 is as measured
    log: bool | None = None  # whether heights are logarithmic, where a person chose
    scales: Scales = field(default_factory=Scales, compare=False, repr=False)  # how far the pictures reach

    def smooth(self, by: int) -> str:
        """Smooth over more steps, fewer, or with 0 none; gives a sentence."""
        at = SMOOTHINGS.index(self.smoothing) + by if by else 0
        self.smoothing = SMOOTHINGS[max(0, min(at, len(SMOOTHINGS) - 1))]
        return f"The loss is smoothed over {self.smoothing:,} steps." if self.smoothing else "The loss as measured."

    def turn_scale(self) -> str:
        """To the next kind of axis; gives a sentence."""
        self.log = {None: True, True: False, False: None}[self.log]
        kind = {None: "as fits each picture", True: "logarithmic", False: "linear"}[self.log]
        return f"Scales: {kind}."

    def move(self, *, layer: int = 0, unit: int = 0, layers: int, units: int) -> None:
        """Point so many layers or neurons further, among those that there are."""
        if layer:
            self.layer = max(0, min(min(self.layer, layers - 1) + layer, layers - 1))
        if unit:
            self.unit = max(0, min(min(self.unit, units - 1) + unit, units - 1))

    def walk(self, lines: Lines, by: int) -> None:
        """Point so many of the lines that are shown further."""
        if lines.all:
            at = lines.at(self.layer, self.fold)
            self._point_at(lines.all[max(0, min(at + by, len(lines.all) - 1))])

    def carry(self, before: Parts, now: Parts) -> None:
        """Point at the matrix of the row that was pointed at, or at a matrix's row, where other parts are shown."""
        self.layer = same_place(before, now, self.layer)

    def turn_fold(self, lines: Lines) -> bool:
        """Open the fold pointed at, or close the one that holds what is pointed at. False if there is none."""
        line = lines.all[lines.at(self.layer, self.fold)] if lines.all else None
        if line is None or not line.fold:
            return False
        self.opened ^= {line.fold}
        if not line.folded:
            self.fold = line.fold
        return True

    def filter(self, text: str, lines: Lines) -> None:
        """Show only rows with all words of a text; point at one of them. `lines` are those with that filter."""
        self.text = text
        if lines.all:
            self._point_at(lines.all[lines.at(self.layer, self.fold)])

    def _point_at(self, line: RowLine) -> None:
        self.fold = line.fold if line.head else ""
        if self.layer not in line.members or not line.head:
            self.layer = line.members[0]

    def next_dead(self, now: Snapshot | None) -> bool:
        """Point at the next dead neuron, layer after layer, around the corner at the end; False if none is dead."""
        dead = [(i, unit) for i, a in enumerate(now.activations) for unit in a.dead] if now else []
        if not dead:
            return False
        self.layer, self.unit = next((place for place in dead if place > (self.layer, self.unit)), dead[0])
        return True

    def move_time(self, kept: Snapshots, direction: int) -> bool:
        """Go to the kept snapshot before or after; past the newest is the newest again. False if there is none."""
        if direction < 0:
            now = kept.newest if self.past is None else kept.at_or_before(self.past)
            earlier = kept.previous(now.step) if now else None
            if earlier is None:
                return False
            self.past = earlier.step
            return True
        if self.past is None:
            return False
        later, newest = kept.next(self.past), kept.newest
        self.past = None if later is None or later is newest else later.step
        return True

    def start_over(self) -> None:
        """The first layer and neuron, the pictures that a view begins with."""
        self.layer = self.unit = 0
        self.fold, self.opened, self.text = "", frozenset(), ""
        self.overlaid, self.form = False, None
