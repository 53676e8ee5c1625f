"""What changes where a person looks and what is said to them: nothing of it goes to the engine."""

from __future__ import annotations

from .changed import Changed, Notice
from .known import Known
from .lines import Lines


class Looking(Known):
    """A sitting's pointer, as it moves, and the sentence in the bar."""

    def point(self, *, layer: int = 0, unit: int = 0, layers: int, units: int) -> Changed:
        """Move what is pointed at by so many layers or neurons, among those that there are."""
        self.pointer.move(layer=layer, unit=unit, layers=layers, units=units)
        return Changed.VIEW

    def walk(self, lines: Lines, by: int) -> Changed:
        """Point so many of the lines that are shown further."""
        self.pointer.walk(lines, by)
        return Changed.VIEW

    def point_at_dead(self) -> bool:
        """Point at the next dead neuron, layer after layer, around the corner at the end; False if none is dead."""
        return self.pointer.next_dead(self.snapshot())

    def move_time(self, direction: int) -> Changed:
        """Look at the kept snapshot before or after the one looked at; past the newest is live again."""
        return Changed.ALL if self.pointer.move_time(self.shown.snapshots, direction) else Changed.NOTHING

    def look_live(self) -> None:
        self.pointer.past = None

    def say(self, text: str, severity: str = "note") -> Changed:
        self.notice = Notice(text, severity)
        return Changed.BAR

    def hush(self) -> Changed:
        """Take away a sentence that stood until the next key."""
        if self.notice is None or self.notice.stays:
            return Changed.NOTHING
        self.notice = None
        return Changed.BAR

    def _notify(self, notice: Notice | None) -> Changed:
        """Say what there is to say, if there is something."""
        if notice is None:
            return Changed.NOTHING
        self.notice = notice
        return Changed.BAR
