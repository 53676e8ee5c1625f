"""The one table of actions: bindings, command palette, footer, help screen and the README's keys come from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Action:
    """What a person can do: `do` is the method `action_…` of the screen, with its arguments; `{key}` is the key."""

    id: str
    keys: tuple[str, ...]
    do: str
    description: str
    group: str
    tooltip: str
    footer: str = ""  # a short word for the footer; "" keeps it out


TRAIN, NETWORK, LOOK, PROGRAM = "Training", "Network", "Looking", "Program"
COMPARE, SWEEP, NOTES = "On the compare screen", "On the sweep screen", "On the notes screen"
GROUPS = (TRAIN, NETWORK, LOOK, PROGRAM, COMPARE, SWEEP, NOTES)

ACTIONS: tuple[Action, ...] = (
    Action("run", ("space",), "run", "Run or pause", TRAIN, "Train until paused, or pause", "run"),
    Action("step", ("n",), "step", "One step", TRAIN, "Train on one minibatch", "step"),
    Action("epoch", ("e",), "epoch", "One epoch", TRAIN, "Train to the next epoch's end", "epoch"),
    Action(
        "steps", ("colon",), "steps", "Steps by number", TRAIN, "Train 300 steps, 2 epochs, or to step 1000", "steps"
    ),
    Action("evaluate", ("d",), "evaluate", "Dev loss now", TRAIN, "Measure the loss on the whole dev set"),
    Action("restart", ("r",), "restart", "Back to step 0", TRAIN, "With the same seed and these settings; asks first"),
    Action("reseed", ("R",), "reseed", "New seed", TRAIN, "Start again at step 0 with another seed"),
    Action("next-gain", ("g",), "gain(1)", "Next gain", NETWORK, "Select the next of gain 0.5, 1, 5/3, 3", "gain"),
    Action("previous-gain", ("G",), "gain(-1)", "Previous gain", NETWORK, "Select the gain before"),
    Action("gain-1", ("1",), "gain_to(0)", "Gain 0.5", NETWORK, "Activations shrink layer by layer"),
    Action("gain-2", ("2",), "gain_to(1)", "Gain 1", NETWORK, "The critical gain of tanh"),
    Action("gain-3", ("3",), "gain_to(2)", "Gain 5/3", NETWORK, "What PyTorch's table says for tanh"),
    Action("gain-4", ("4",), "gain_to(3)", "Gain 3", NETWORK, "Heavy saturation"),
    Action("batch-norm", ("b",), "batch_norm", "Batch norm", NETWORK, "Switch batch norm on or off", "batch norm"),
    Action("nonlinearity", ("t",), "cycle('nonlinearity')", "Nonlinearity", NETWORK, "The next one", "nonlinearity"),
    Action("lr-down", ("[",), "nudge('lr', -1)", "Learning rate ÷ √10", NETWORK, "From this step on"),
    Action("lr-up", ("]",), "nudge('lr', 1)", "Learning rate × √10", NETWORK, "From this step on"),
    Action("optimizer", ("o",), "cycle('optimizer')", "Optimizer", NETWORK, "The next one, from this step on"),
    Action("config", ("down", "up", "j", "k"), "config('{key}')", "Change settings", NETWORK, "Go to the config pane"),
    Action("next-view", ("tab", "l", "right"), "view(1)", "Next view", LOOK, "Histograms, gradients, weights, updates"),
    Action("previous-view", ("shift+tab", "h", "left"), "view(-1)", "Previous view", LOOK, "The view before"),
    Action("findings", ("f",), "findings", "All findings", LOOK, "In full; once more goes back to the view before"),
    Action("back", ("comma",), "time(-1)", "Back in time", LOOK, "Show the kept snapshot before"),
    Action("forward", ("full_stop",), "time(1)", "Forward in time", LOOK, "Show the next snapshot, or the newest"),
    Action("layer-down", ("J", "shift+down"), "point(1, 0)", "Next layer", LOOK, "Point at the layer below"),
    Action("layer-up", ("K", "shift+up"), "point(-1, 0)", "Previous layer", LOOK, "Point at the layer above"),
    Action("fold", ("enter",), "fold", "Unfold", LOOK, "Blocks that are alike, or fold them again", "unfold"),
    Action("filter", ("slash",), "filter", "Filter rows", LOOK, "By words in name or kind; esc shows all", "filter"),
    Action("unit-right", ("L", "shift+right"), "point(0, 1)", "Next neuron", LOOK, "Point at the neuron to the right"),
    Action("unit-left", ("H", "shift+left"), "point(0, -1)", "Previous neuron", LOOK, "And the one to the left"),
    Action("next-dead", ("u",), "next_dead", "Next dead neuron", LOOK, "Through all layers, around at the end"),
    Action("measure", ("m",), "measure", "Measure now", LOOK, "The next step of a run that is attached to", "measure"),
    Action("inspect", ("i",), "inspect", "Look closer", LOOK, "Batch norm's exact statistics, jitter, dev losses"),
    Action(
        "overlay",
        ("v",),
        "overlay",
        "Other pictures",
        LOOK,
        "Ridges, depth, panels, overlaid; batch norm's jitter",
    ),
    Action("scale", ("y",), "scale", "Log or linear", LOOK, "As fits each picture, logarithmic, linear"),
    Action("smoother", ("plus", "equals_sign"), "smooth(1)", "Smoother", LOOK, "The loss, over more steps"),
    Action("rougher", ("minus",), "smooth(-1)", "Less smooth", LOOK, "The loss, over fewer steps"),
    Action("raw", ("0",), "smooth(0)", "Raw", LOOK, "The loss as measured, not smoothed"),
    Action(
        "cursor", ("p",), "cursor", "Point at a value", LOOK, "Read exact values off the plot with ← and →", "point"
    ),
    Action("page-down", ("pagedown",), "page(1)", "Table down", LOOK, "Scroll the table of layers"),
    Action("page-up", ("pageup",), "page(-1)", "Table up", LOOK, "Scroll the table of layers"),
    Action(
        "compare", ("c",), "compare", "Compare", LOOK, "Several networks side by side, at the same clock", "compare"
    ),
    Action("notes", ("N",), "notes", "The notes", LOOK, "A tour of their claims, each set up and seen here", "tour"),
    Action("sweep", ("s",), "sweep", "Sweep", LOOK, "Many gains at once, and which one to start from", "sweep"),
    Action("maximise", ("z",), "maximise", "The picture alone", LOOK, "Without table and panes, or all again"),
    Action(
        "export", ("x",), "export", "Export", PROGRAM, "A report of the network at hand, or a picture of the screen"
    ),
    Action("leave", ("escape",), "leave", "Leave, interrupt", PROGRAM, "Leave the pane, or stop catching up"),
    Action(
        "restart-engine",
        ("E",),
        "restart_engine",
        "Restart the engine",
        PROGRAM,
        "It catches up; your own file is built anew",
    ),
    Action("help", ("question_mark",), "help", "Help", PROGRAM, "Keys, and how to read each view", "help"),
    Action("palette", ("ctrl+p",), "palette", "Command palette", PROGRAM, "Find a view, claim, setting or action"),
    Action("suspend", ("ctrl+z",), "suspend", "Suspend", PROGRAM, "Back to the shell; `fg` comes back here"),
    Action("quit", ("q", "ctrl+q"), "quit", "Quit", PROGRAM, "Stop training and leave", "quit"),
)

# Actions of the main screen that mean the same on the compare screen, for all lanes at once.
SHARED = (
    "run", "step", "epoch", "steps", "evaluate", "restart", "reseed", "next-gain", "previous-gain", "gain-1", "gain-2",
    "gain-3", "gain-4", "batch-norm", "nonlinearity", "lr-down", "lr-up", "optimizer", "next-view", "previous-view",
    "back", "forward", "layer-down", "layer-up", "overlay", "scale", "restart-engine", "help", "palette", "suspend",
    "quit",
)  # fmt: skip

# The same where training runs that go on elsewhere are compared.
COMPARED_RUNS = (
    "next-view", "previous-view", "back", "forward", "layer-down", "layer-up", "overlay", "scale", "measure",
    "restart-engine", "help", "palette", "suspend", "quit",
)  # fmt: skip

COMPARE_ACTIONS: tuple[Action, ...] = (
    Action("cell", ("left", "right", "up", "down"), "cell('{key}')", "Choose a network", COMPARE, "Point at its cell"),
    Action("open", ("enter",), "open", "Open the network", COMPARE, "Look at it alone, at full size", "open"),
    Action("sides", ("a",), "sides", "Choose columns and rows", COMPARE, "Any setting as either", "sides"),
    Action("picture", ("x",), "picture", "Picture", COMPARE, "Of this screen, as SVG or PNG"),
    Action("close", ("c",), "close", "Back to one network", COMPARE, "To the one under the cursor", "back"),
    Action("stop", ("escape",), "leave", "Leave, stop", COMPARE, "The chooser, the past, catching up, the screen"),
)

NOTES_ACTIONS: tuple[Action, ...] = (
    Action("claim-down", ("down", "j"), "choose(1)", "Next claim", NOTES, "Choose the one below", "choose"),
    Action("claim-up", ("up", "k"), "choose(-1)", "Previous claim", NOTES, "Choose the one above"),
    Action("start", ("enter",), "start", "Show this claim", NOTES, "In the explorer, at its first step", "show"),
    Action("back-to-explorer", ("escape", "N"), "close", "Back", NOTES, "To the explorer as it was", "back"),
    Action("quit-notes", ("q", "ctrl+q"), "quit", "Quit", NOTES, "Leave the program", "quit"),
)

SWEEP_SHARED = ("next-view", "previous-view", "scale", "help", "palette", "suspend", "quit")

SWEEP_ACTIONS: tuple[Action, ...] = (
    Action("sweep-run", ("space",), "sweep_run", "Start or stop", SWEEP, "What is measured is kept", "start, stop"),
    Action("sweep-field", ("left", "right", "up", "down"), "field('{key}')", "Choose", SWEEP, "← → what, ↑ ↓ value"),
    Action("sweep-take", ("enter",), "take", "Open the recommended one", SWEEP, "In the explorer", "open the best"),
    Action("sweep-picture", ("x",), "picture", "Picture", SWEEP, "Of this screen, as SVG or PNG"),
    Action("sweep-close", ("s", "escape"), "close", "Back", SWEEP, "Stops the sweep, keeps what it measured", "back"),
)

EVERY = (*ACTIONS, *COMPARE_ACTIONS, *NOTES_ACTIONS, *SWEEP_ACTIONS)
BY_ID = {action.id: action for action in EVERY}

_SHOWN = {
    "comma": ",",
    "colon": ":",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "full_stop": ".",
    "question_mark": "?",
    "slash": "/",
    "escape": "esc",
    "shift+tab": "shift+tab",
    "shift+down": "shift+↓",
    "shift+up": "shift+↑",
    "shift+right": "shift+→",
    "shift+left": "shift+←",
    "pagedown": "page down",
    "pageup": "page up",
    "down": "↓",
    "up": "↑",
    "left": "←",
    "right": "→",
}


def shown_key(key: str) -> str:
    """A key as a person calls it."""
    return _SHOWN.get(key, key)


def key_of(action: str) -> str:
    """The first key of an action, by its id, as people read it."""
    return shown_key(BY_ID[action].keys[0])


def key_table() -> str:
    """The keys as a Markdown table, as the README shows them."""
    lines = ["| key | what it does |", "|---|---|"]
    for action in EVERY:
        keys = " ".join(f"`{shown_key(key)}`" for key in action.keys)
        lines.append(f"| {keys} | {action.description}: {action.tooltip[:1].lower()}{action.tooltip[1:]} |")
    return "\n".join(lines)
