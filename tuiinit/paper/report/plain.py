"""The sections about networks without batch norm."""

from __future__ import annotations

from ...config.nonlinearities import SATURATED_AT
from ...insight.theory import initial_loss
from ...insight.thresholds import INITIAL_LOSS_EXCESS
from .figures import Table
from .markdown import NONE, between, number, percent, ratio_of, table, trend
from .reading import (
    FILE,
    FILES,
    GAIN,
    NAMES,
    OPTIMIZERS,
    Pictures,
    classes,
    from_to,
    lane_of,
    layers_table,
    lost,
    output_lead,
    pace_lead,
    rows_of,
    show,
    updates_table,
    weights_table,
)


def initial(f: Table, _: Pictures) -> list[str]:
    """ln V against what the first minibatch costs, at three output scales."""
    expected, count = f["expected_initial_loss"], classes(f)
    lines, found = [], []
    for name in (f"gain {GAIN}", "output scale 1", "output scale 10"):
        lane = lane_of(f, name)
        first = lane["first"]
        if first is None or lane["initial_loss"] is None:
            continue
        theory = initial_loss(count, first["logit_std"])
        found.append((lane["initial_loss"], first["logit_std"], lane["output_scale"]))
        values = [f"{lane['output_scale']:g}", number(first["logit_std"]), f"{lane['initial_loss']:.4f}"]
        lines.append([*values, number(theory, "{:.4f}"), f"{lane['initial_loss'] - expected:+.4f}"])
    text = (
        f"What the loss should be before training can be calculated: a network that knows nothing gives each of "
        f"{count} characters the same probability, and that costs ln {count} = {expected:.4f} nats."
    )
    if not found:
        return [text]
    head = ["output scale", "std of the logits", "loss at the start", "theory for that std", f"above ln {count}"]
    loss, _, scale = found[0]
    near = "as it should" if abs(loss - expected) < INITIAL_LOSS_EXCESS else "not what an even guess costs"
    _, bias = f["base"]["bias_scale"]
    biased = f"a bias of std {bias:g}" if bias else "no bias"
    after = f"With the last layer scaled by {scale:g} and {biased} the loss begins at {loss:.4f}, {near}."
    loss, std, scale = max(found)
    if loss - expected > INITIAL_LOSS_EXCESS:
        after += (
            f" At scale {scale:g} the logits have std {std:.2f} and it begins at {loss:.4f}: extreme logits are a "
            f"model that is sure and wrong, and the first steps are spent on unlearning that. Small output weights and "
            f"zero biases avoid it. Weights of exactly 0 would be too small: no gradient would pass them at first."
        )
    return [text, table(head, lines), after]


def saturation(f: Table, _: Pictures) -> list[str]:
    """The share of saturated outputs and the dead units, at four gains."""
    rows = rows_of(f, NAMES, "first")
    through = 1 - SATURATED_AT**2
    text = (
        f"The slope of tanh at output t is 1 − t². Where abs(t) > {SATURATED_AT} at most {percent(through)} of the "
        f"gradient gets through: such an output counts as saturated."
    )
    grid = layers_table(rows, lambda a: f"{percent(a['saturated'])} ({percent(a['predicted_saturated'])})")
    shares = {name: [a["saturated"] for a in snapshot["activations"]] for name, snapshot in rows}
    listed = ", ".join(f"{from_to(values, percent)} at {name}" for name, values in shares.items())
    dead = []
    for name in NAMES:
        counts = []
        for when in ("first", "last"):
            snapshot = lane_of(f, name)[when]
            counts.append(NONE if snapshot is None else str(sum(a["dead"] for a in snapshot["activations"])))
        dead.append([name, *counts])
    total = sum(f["base"]["hidden"])
    ever = any(count not in ("0", NONE) for _, *counts in dead for count in counts)
    word = (
        "Some are: they do not learn, since no example sends them a gradient worth the name."
        if ever
        else "None is, so here saturation slows units down and kills none."
    )
    probe = f"A unit is dead if it is saturated on every one of {f['probe_rows']:,} training examples. {word}"
    head = ["", "dead at the start", f"dead after {f['steps']:,} steps (of {total})"]
    first = "The share of saturated outputs on the first minibatch" + (f": {listed}." if listed else ".")
    return [text, first, grid, probe, table(head, dead)]


def forward(f: Table, pictures: Pictures) -> list[str]:
    """The outputs' std by layer and gain, and their pictures."""
    rows = rows_of(f, NAMES, "first")
    grid = layers_table(rows, lambda a: f"{a['std']:.3f} ({number(a['predicted_std'])})")
    lines = []
    for name, snapshot in rows:
        first, last = snapshot["activations"][0], snapshot["activations"][-1]
        share = max(a["saturated"] for a in snapshot["activations"])
        lines.append(
            f"- **{name}**: the outputs {trend(ratio_of(last['std'], first['std']))}, from std {first['std']:.3f} in "
            f"{first['layer']} to {last['std']:.3f} in {last['layer']}; at most {percent(share)} of a layer saturated."
        )
    text = "The std of each layer's outputs on the first minibatch, before any update:"
    return [text, grid, "\n".join(lines), show(pictures, *(f"hist_tanh_outs_{file}" for file in FILES))]


def backward(f: Table, pictures: Pictures) -> list[str]:
    """The same of the outputs' gradients."""
    rows = rows_of(f, NAMES, "first")
    grid = layers_table(rows, lambda a: f"{a['grad_std']:.2e}")
    lines = []
    for name, snapshot in rows:
        first, last = snapshot["activations"][0], snapshot["activations"][-1]
        back = ratio_of(first["grad_std"], last["grad_std"])
        theory, redraws = number(first["predicted_grad_ratio"], "{:.2f}"), first["redraw_grad_ratio"]
        beside = f", redraws {between(redraws, '{:.2f}')}" if redraws is not None else ""
        lines.append(f"- **{name}**: on the way back the gradients {trend(back)} (theory × {theory}{beside}).")
    text = (
        "The std of the loss's gradient at each layer's outputs, same minibatch. Gradients go from the last layer to "
        "the first, so read the columns upwards. Redraws are the same network with other random weights, 5 to 95 % of "
        "them:"
    )
    return [text, grid, "\n".join(lines), show(pictures, *(f"hist_tanh_outs_grad_{file}" for file in FILES))]


def weight_gradients(f: Table, pictures: Pictures) -> list[str]:
    """The weights' gradients at the first step and the last; SGD and Adam."""
    name = f"gain {GAIN}"
    lane = lane_of(f, name)
    picture = show(pictures, f"hist_weights_grad_{FILE}")
    if lane["first"] is None:
        return [lost(lane, name), picture]
    start, end = output_lead(lane["first"]), output_lead(lane["last"])
    text = "The picture and the table show the first step and the last, because the two differ:" if end else ""
    sentences = ""
    if start is not None:
        sentences = f"At the first step the output matrix has a gradient {start:.1f} × the median of the hidden ones"
        sentences += ": it stands in front of the others." if start > 2 else "."
        if end is not None:
            word = "training evens it out" if end < start / 2 else "training does not even it out"
            sentences += f" After {f['steps']:,} steps it is {end:.1f} ×: {word}."
        else:
            sentences += f" {lost(lane, name)}"
    return [text, weights_table(lane), sentences, _adam(f, lane), picture]


def _adam(f: Table, lane: Table) -> str:
    adam = lane_of(f, "Adam")
    mine, its = pace_lead(lane["first"]), pace_lead(adam["first"])
    if mine is None or its is None or f["base"]["optimizer"] not in ("sgd", "momentum"):
        return ""  # the others are like Adam in this
    name = OPTIMIZERS[f["base"]["optimizer"]]
    word = "so it is less troubled" if its < mine else "but here it is no less troubled"
    return (
        f"That is a trouble for {name}: the output matrix's first update, beside the matrix, is 10^{mine:.2f} × as "
        f"large as the hidden ones'. Adam (lr {adam['lr']:g}) divides each step by the gradient's own size, {word}: "
        f"10^{its:.2f} ×, and what is left comes from the small output weights themselves."
    )


def updates(f: Table, pictures: Pictures) -> list[str]:
    """How large updates are beside the data, and what a low lr does to that."""
    name = f"gain {GAIN}"
    lane = lane_of(f, name)
    picture = show(pictures, f"plot_update_to_data_ratio{FILE}")
    values = {w["name"]: w["median_log10"] for w in lane["update_data"] if w["median_log10"] is not None}
    if not values:
        return [lost(lane, name), picture]
    slow, fast = min(values, key=lambda n: values[n]), max(values, key=lambda n: values[n])
    text = (
        f"How large a step is beside what it changes: log10 of std(update) / std(data) for each matrix, median over "
        f"the last steps. About −3 is a good pace. Here {slow} is slowest at {values[slow]:.2f} and {fast} fastest "
        f"at {values[fast]:.2f}, {values[fast] - values[slow]:.2f} powers of ten apart"
    )
    text += ": without batch norm some learn much slower than others." if values[fast] - values[slow] > 0.5 else "."
    low = lane_of(f, "lr ÷ 100")
    below = [w["median_log10"] for w in low["update_data"] if w["median_log10"] is not None]
    if below:
        place = f"{sum(value < -3 for value in below)} of {len(below)} below the line"
        text += (
            f" With the lr divided by 100 ({low['lr']:g}) the ratios lie from {min(below):.2f} to {max(below):.2f}, "
            f"{place}, and the loss is still {number(low['loss'])} where it is {number(lane['loss'])} at "
            f"lr {lane['lr']:g}."
        )
    return [text, updates_table(f, (name, "lr ÷ 100", "Adam")), picture]


def linear(f: Table, _: Pictures) -> list[str]:
    """Activations and gradients with tanh taken out."""
    rows = rows_of(f, ("linear, gain 1", f"linear, gain {GAIN}", "gain 1", f"gain {GAIN}"), "first")
    rows = [(name if name.startswith("linear") else f"tanh, {name}", snapshot) for name, snapshot in rows]
    grid = layers_table(rows, lambda a: f"{a['std']:.3f}, {a['grad_std']:.1e}")
    lines = []
    for name, snapshot in rows:
        first, last = snapshot["activations"][0], snapshot["activations"][-1]
        forward, back = ratio_of(last["std"], first["std"]), ratio_of(first["grad_std"], last["grad_std"])
        lines.append(f"- **{name}**: forward the outputs {trend(forward)}; backward the gradients {trend(back)}.")
    text = (
        "Without the nonlinearity each layer multiplies the spread by the gain, forward and backward. So what a gain "
        "above 1 has to make up for is tanh's squeeze. Std of the outputs and of their gradients, first minibatch:"
    )
    return [text, grid, "\n".join(lines)]
