"""Which keys the footer names: those of the part that has the focus, else those of the whole screen."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ..session.actions import BY_ID, LOOK, NETWORK, Action

# Most wanted first: what does not fit is left out from the end, but for help and quit.
NAMES = (
    "run", "step", "epoch", "notes", "sweep", "batch-norm", "next-gain", "compare", "steps", "cursor", "nonlinearity",
    "help", "quit",
)  # fmt: skip
SCREEN = tuple(BY_ID[name] for name in NAMES)
ENDS = (BY_ID["help"], BY_ID["quit"])
LEAVE = Action("footer-leave", ("escape",), "leave", "Leave", LOOK, "The pane", "leave")

# Keys that the widget in focus handles itself; a click on their words does nothing.
SETTINGS = (
    Action("footer-choose", ("↑ ↓",), "", "Choose a setting", NETWORK, "", "choose"),
    Action("footer-change", ("← →",), "", "Change it", NETWORK, "", "change"),
    Action("footer-type", ("enter",), "", "Type a value", NETWORK, "", "type a value"),
    LEAVE,
    BY_ID["run"],
    BY_ID["step"],
    *ENDS,
)
FIELD = (Action("footer-take", ("enter",), "", "Take the value", NETWORK, "", "take it"), LEAVE)
FILTER = (
    Action("footer-keep", ("enter",), "", "Keep these rows", LOOK, "", "keep these"),
    Action("footer-all", ("escape",), "leave", "Show all rows", LOOK, "", "show all"),
)
FOLDED = (BY_ID["fold"], BY_ID["filter"])
PLOT = (
    Action("footer-move", ("← →",), "", "Move the cursor", LOOK, "", "move"),
    Action("footer-jump", ("home end",), "", "To the ends", LOOK, "", "ends"),
    Action("footer-far", ("ctrl+← →",), "", "Ten places", LOOK, "", "ten places"),
    LEAVE,
    *ENDS,
)
PAST = (
    Action("footer-back", ("comma",), "time(-1)", "Back in time", LOOK, "", "earlier"),
    Action("footer-forward", ("full_stop",), "time(1)", "Forward in time", LOOK, "", "later"),
    Action("footer-newest", ("escape",), "leave", "Newest", LOOK, "", "newest"),
    BY_ID["run"],
    *(action for action in SCREEN if action.id not in ("run", "step", "epoch")),
)

# On the compare screen, where a step in time and a layer have two keys each.
COMPARED = (
    BY_ID["run"],
    BY_ID["open"],
    BY_ID["close"],
    BY_ID["sides"],
    Action("footer-time", (", .",), "", "Through time", LOOK, "", "time"),
    Action("footer-single", ("v",), "overlay", "One layer, or all", LOOK, "", "one layer"),
    Action("footer-layer", ("J K",), "", "Which layer", LOOK, "", "which"),
    BY_ID["step"],
    BY_ID["epoch"],
    *ENDS,
)

# On the compare screen of training runs.
RUNS = (
    BY_ID["measure"],
    BY_ID["open"],
    BY_ID["close"],
    Action("footer-time", (", .",), "", "Through time", LOOK, "", "time"),
    Action("footer-views", ("tab",), "view(1)", "Next view", LOOK, "", "views"),
    Action("footer-single", ("v",), "overlay", "One row, or all", LOOK, "", "one row"),
    Action("footer-layer", ("J K",), "", "Which row", LOOK, "", "which"),
    *ENDS,
)

# Where a run is looked at that trains elsewhere.
ATTACHED = (
    BY_ID["measure"],
    Action("footer-time", (", .",), "", "Through time", LOOK, "", "time"),
    Action("footer-views", ("tab",), "view(1)", "Next view", LOOK, "", "views"),
    Action("footer-pictures", ("v",), "overlay", "Other pictures", LOOK, "", "pictures"),
    BY_ID["cursor"],
    Action("footer-alone", ("z",), "maximise", "The picture alone", LOOK, "", "alone"),
    BY_ID["compare"],
    Action("footer-export", ("x",), "export", "Export", LOOK, "", "export"),
    *ENDS,
)


def footer(
    *, settings: bool, editing: bool, plot: bool, past: bool, attached: bool = False, without: Collection[str] = (),
    filtering: bool = False, folded: bool = False,
) -> Sequence[Action]:  # fmt: skip
    """The actions to name, by what has the focus and whether an earlier step is looked at.

    Args:
        settings: the config pane has the focus.
        editing: a value is typed.
        plot: the cursor is in the plot.
        past: an earlier step is looked at.
        attached: it is a run that trains elsewhere.
        without: actions that the network at hand has nothing for.
        filtering: words of a filter are typed.
        folded: rows are folded or filtered.
    """
    if filtering:
        return FILTER
    if editing:
        return FIELD
    if settings:
        return SETTINGS
    if plot:
        return PLOT
    if attached:
        shown = [*PAST[:3], *(action for action in ATTACHED if action.id != "footer-time")] if past else [*ATTACHED]
    else:
        shown = [action for action in (PAST if past else SCREEN) if action.id not in without]
    return [*shown[:3], *FOLDED, *shown[3:]] if folded else shown
