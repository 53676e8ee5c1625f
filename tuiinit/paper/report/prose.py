"""The notes' sentences, made from the figures alone: each number is formatted from what was measured.

Every section takes the figures (as in report.json) and adapts to them: what diverged is said to have, a
signal that grew is not said to shrink.
"""

from __future__ import annotations

from collections.abc import Callable

from ...config.values import format_hidden, format_number
from ...data.given import is_name
from . import normed, plain
from .figures import Table
from .markdown import NONE, number, percent, table
from .reading import GAIN, OPTIMIZERS, Pictures, classes


def document(figures: Table, pictures: Pictures, drawn: bool) -> str:
    """The report as Markdown.

    Args:
        figures: as written to report.json.
        pictures: Markdown that shows each picture, by the picture's file name.
        drawn: whether the pictures are files; without matplotlib they are in characters.
    """
    sections: tuple[tuple[str, Callable[[Table, Pictures], list[str]]], ...] = (
        ("The loss at the start", plain.initial),
        ("Saturation and dead units", plain.saturation),
        ("Forward: the outputs at four gains", plain.forward),
        ("Backward: the gradients of the outputs", plain.backward),
        (f"The gradients of the weights at gain {GAIN}", plain.weight_gradients),
        (f"Update:data at gain {GAIN}", plain.updates),
        ("What changes without tanh", plain.linear),
        ("Batch norm", normed.batch_norm),
        ("Running against calibrated statistics", normed.statistics),
        ("Where to start", _conclusion),
    )
    blocks = ["# Initialisation and batch norm, measured", *_head(figures, drawn)]
    for i, (title, section) in enumerate(sections, 1):
        blocks += [f"## {i}. {title}", *section(figures, pictures)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _head(f: Table, drawn: bool) -> list[str]:
    base = f["base"]
    hidden = format_hidden(tuple(base["hidden"]))
    data = "names.txt of the package (US first names of 2017)" if base["data"] is None else f"`{base['data']}`"
    data = "words that came through a pipe" if is_name(base["data"]) else data
    data += f", column `{base['column']}`" if base["column"] is not None else ""
    epoch = f"; one epoch is {f['steps_per_epoch']:,} of them" if f["steps_per_epoch"] else ""
    biased = ""
    if any(base["bias_scale"]):
        biased = ". Without batch norm biases start with std {:g} in hidden layers, {:g} in the output".format(
            *base["bias_scale"]
        )
    text = (
        f"A character model on {data}: {base['context']} characters predict the next of {classes(f)}, through "
        f"hidden layers of {hidden} units, {f['parameters']:,} parameters without batch norm. Trained by "
        f"{OPTIMIZERS[base['optimizer']]} at lr {base['lr']:g} for {f['steps']:,} minibatches of "
        f"{base['batch_size']}{epoch}{biased}. Seed {base['seed']}, on {f['device']}, by {f['program']}."
    )
    where = "All figures are in `report.json` and the CSV files beside it. Where theory predicts a number it "
    where += "stands in brackets: mean-field theory, wide layers, at the start."
    missing = "" if drawn else (
        "matplotlib is not installed, so the pictures are drawn in characters; `pip install 'tuiinit[report]'` "
        "gives picture files."
    )  # fmt: skip
    return [text, f["about_data"], where, missing]


def _conclusion(f: Table, _: Pictures) -> list[str]:
    lines = []
    for cell in f["cells"]:
        dev = cell["dev_loss"]
        loss = (
            NONE if dev is None else f"{dev['mean']:.3f}" + (f" ± {dev['std']:.3f}" if dev["std"] is not None else "")
        )
        if cell["diverged_at"] is not None:
            loss += f" (diverged at step {cell['diverged_at']:,})"
        name = f"{'batch norm, ' if cell['bn'] else ''}gain {format_number(cell['gain'])}"
        values = [(cell[k] or {}).get("mean") for k in ("std_ratio", "saturated", "grad_ratio", "update_data_spread")]
        share = percent(values[1])
        lines.append([name, loss, number(values[0], "{:.2f}"), share, *(number(v, "{:.2f}") for v in values[2:])])
    head = ["start", "dev loss", "std last ÷ first", "most saturated", "gradient first ÷ last", "spread of update:data"]
    about = f"After {f['steps']:,} steps, mean and spread over {len(f['seeds'])} seeds:"
    found = f["recommendation"]
    parts = [about, table(head, lines), found["text"]]
    off, on = _range(f, False), _range(f, True)
    if off is not None and on is not None and on > 0:
        if on < off:
            word = f"With batch norm the gain matters {off / on:.1f} times less: the safer start where it is not tuned."
        else:
            word = f"Here batch norm does not make the gain matter less ({on:.3f} against {off:.3f})."
        parts.append(f"{word} After few steps the order may still change: `tuiinit sweep --steps N` tells.")
    return parts


def _range(f: Table, bn: bool) -> float | None:
    losses = [cell["dev_loss"]["mean"] for cell in f["cells"] if cell["bn"] is bn and cell["dev_loss"] is not None]
    return max(losses) - min(losses) if len(losses) > 1 else None
