"""Runs that go on under somebody's own script: how they stand, what was found in them, what they were asked."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from ..host.visible import visible
from ..insight.findings import Finding
from ..insight.watched import Watchman
from ..stream.protocol import Pulse, Snapshot
from .changed import Notice

READ_ONLY = "this network is trained by somebody's own script: here it is looked at, not moved"
NOT_ATTACHED = "m asks a run that `tuiinit attach` looks at; here what you look at is measured anyway"


class Attached:
    """The runs that are looked at."""

    def __init__(self) -> None:
        self._pulses: dict[str, Pulse] = {}  # by the recording's name
        self._watchmen: dict[str, Watchman] = {}  # by lane, like what they found, by step
        self._found: dict[str, dict[int, tuple[Finding, ...]]] = {}
        self._asked: dict[str, int] = {}  # the step after which a measured one was asked for, by recording

    def of(self, lane: str | None) -> Pulse | None:
        """How it stands with the run that a lane is of; None is the first run."""
        found = next((pulse for pulse in self._pulses.values() if lane in pulse.lanes), None)
        return found or next(iter(self._pulses.values()), None)

    def know(self, pulse: Pulse) -> Notice | None:
        """Take how it stands with a run; what is to be said of it, if that has changed."""
        before = self._pulses.get(pulse.name)
        self._pulses[pulse.name] = pulse
        if pulse.state != "live":
            self._asked.pop(pulse.name, None)
        if before is not None and (before.state, bool(before.lanes)) == (pulse.state, bool(pulse.lanes)):
            return None if pulse.state != "lost" or before.text == pulse.text else _notice(pulse)
        if before is not None and before.state == "lost" and pulse.state == "live":
            return Notice("Connected again: nothing was lost.", "good")
        return _notice(pulse)

    def lost(self) -> None:
        """The stream ended: of no run anything comes, and none can be asked."""
        self._asked.clear()
        self._pulses = {name: msgspec.structs.replace(pulse, state="lost") for name, pulse in self._pulses.items()}

    # --------------------------------------------------------------------------------------- what was found

    def measured(self, snapshot: Snapshot, kept: Collection[int]) -> Notice | None:
        """Look at a run's newest snapshot; what is to be said if it was asked for.

        Args:
            snapshot: the runs' come in their order, those that were looked at before are passed over.
            kept: the steps of the lane that can be gone back to.
        """
        found = self._found.setdefault(snapshot.lane, {})
        if found and snapshot.step <= max(found):
            return None
        watchman = self._watchmen.setdefault(snapshot.lane, Watchman())
        said = [Finding(one.id, one.severity, one.text, one.row) for one in watchman.look(snapshot)]
        found[snapshot.step] = tuple(said) or (_well(snapshot),)
        if len(found) > 2 * len(kept) + 2:
            newest = snapshot.step
            self._found[snapshot.lane] = {step: said for step, said in found.items() if step in kept or step == newest}
        pulse = self.of(snapshot.lane)
        if pulse is None or snapshot.step <= self._asked.get(pulse.name, snapshot.step):
            return None
        del self._asked[pulse.name]
        return Notice(f"Measured as asked: step {snapshot.step:,}.", "good")

    def findings(self, snapshot: Snapshot | None) -> tuple[Finding, ...]:
        """What was found when a snapshot came."""
        return self._found.get(snapshot.lane, {}).get(snapshot.step, ()) if snapshot is not None else ()

    # ----------------------------------------------------------------------------------------------- wishes

    def ask(self, lane: str, step: int) -> Notice:
        """The step after this one is to be measured; what is to be said, a warning where nobody is there to do it."""
        pulse = self.of(lane)
        if pulse is None or pulse.state == "lost":
            return Notice("nothing comes from the run, so it cannot be asked", "warn")
        name = visible(pulse.name)
        if pulse.state != "live":
            return Notice(f"{name} is over: nothing more is measured", "warn")
        self._asked[pulse.name] = step
        return Notice(f"{name} is asked to measure its next step.", "note")


def _well(snapshot: Snapshot) -> Finding:
    rows, matrices = len(snapshot.activations), len(snapshot.weights)
    text = f"Nothing was found in {rows:,} rows and {matrices:,} matrices: "
    return Finding("well", "good", f"{text}no NaN, no dead layer, no update:data out of range, no vanished gradient.")


def _notice(pulse: Pulse) -> Notice:
    name, text = visible(pulse.name), visible(pulse.text)
    if pulse.state == "lost":
        return Notice(f"{name}: {text}. E connects at once, and may ask for a password.", "warn")
    if pulse.state == "gone":
        return Notice(f"{name}: {text or 'no more is written; its process is gone, or records no further'}.", "warn")
    if pulse.state == "ended" and text:
        return Notice(f"{name} was ended by {text}", "bad")
    if pulse.state == "ended":
        return Notice(f"{name} has ended: , and . go through its time.", "note")
    if not pulse.lanes:
        return Notice(f"{name} is live and has measured no step yet: its first one shows as soon as it comes.", "note")
    return Notice(
        f"{name} is live. m measures its next step, , and . go through its time; leaving does not touch it.", "note"
    )
