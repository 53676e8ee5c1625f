"""What is told beneath a picture: what to do first, or which network is behind it, and whether that one is older."""

from __future__ import annotations

from typing import NamedTuple

from ...insight.look import snapshot_of
from ...plots.ink import visible
from ...session.known import Known

FIRST = "space trains · n one step · N guided tour · ? help"  # what to do, until something was done
OWN = "space trains · n one step · g gain · ? help"  # the same for a person's own network
FIRST_SHORT = "space trains · N guided tour · ? help"
DIFFERENCES = 2  # that are named, at most


class Beneath(NamedTuple):
    """A sentence, and whether it warns."""

    text: str
    warns: bool = False


def beneath(session: Known, first: str = FIRST) -> Beneath:
    """What stands beneath the picture: `first` until a step was made, another network chosen or the tour begun."""
    before = session.previous
    if before is None:
        if session.rebuilds:
            first = OWN if session.shown.shape is not None else ""
        fresh = not session.clock and session.attached is None and not session.begun
        return Beneath(first if fresh else "")
    known = before.configuration if session.shown.configuration is not None else None
    changes = session.knobs.differences(session.config, known) if known is not None else []
    unlike = session.own.unlike(session.key, session.lanes.before)
    changed = ", ".join(changes[:DIFFERENCES]) or "the network before"
    behind, are = ("grey", "is") if session.pointer.colours else ("dots", "are")
    then, now = snapshot_of(session.look_before()), session.snapshot()
    if unlike and then is not None:
        return Beneath(visible(f"! {behind}: {changed}, and {unlike}"), warns=True)
    if then is None:
        return Beneath(visible(f"{behind}: {changed}"))
    if now is not None and then.step < now.step:
        return Beneath(visible(f"! {behind} {are} old, step {then.step:,}: {changed}"), warns=True)
    return Beneath(visible(f"{behind}: {changed}, step {then.step:,}"))
