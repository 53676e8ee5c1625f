"""The sections about batch norm."""

from __future__ import annotations

import math
from statistics import median

from ...config.nonlinearities import LECTURE_GAINS
from ...config.values import format_number
from .figures import Table
from .markdown import NONE, between, number, percent, ratio_of, table
from .reading import (
    FILE,
    GAIN,
    GAINS,
    NAMES,
    OPTIMIZERS,
    Pictures,
    from_to,
    lane_of,
    lost,
    output_lead,
    rows_of,
    show,
    updates_spread,
    updates_table,
    weights_table,
)


def batch_norm(f: Table, pictures: Pictures) -> list[str]:
    """The same four pictures with batch norm, the four gains, and weights without 1/√fan_in."""
    name = f"batch norm, gain {GAIN}"
    lane = lane_of(f, name)
    blocks = [_bn_forward(f, lane, name), show(pictures, f"hist_bn_tanh_outs_{FILE}"), _bn_backward(f, lane)]
    blocks.append(show(pictures, f"hist_bn_tanh_outs_grad_{FILE}"))
    if lane["first"] is not None:
        blocks.append(_bn_weights(f, lane))
        blocks.append(weights_table(lane))
    blocks += [show(pictures, f"hist_bn_weights_grad_{FILE}"), _bn_updates(f, lane)]
    blocks += [updates_table(f, (name, f"gain {GAIN}")), show(pictures, f"plot_bn_update_to_data_ratio{FILE}")]
    return [*blocks, *_insensitive(f), *_unscaled(f)]


def _bn_forward(f: Table, lane: Table, name: str) -> str:
    if lane["first"] is None:
        return lost(lane, name)
    acts = lane["first"]["activations"]
    stds, shares = [a["std"] for a in acts], [a["saturated"] for a in acts]
    text = (
        f"Batch norm gives what enters each tanh unit mean 0 and std 1 over the minibatch, wherever the weights "
        f"started. At gain {GAIN}, first minibatch, the outputs' std is {from_to(stds, '{:.3f}'.format)} in all layers"
    )
    plain = lane_of(f, f"gain {GAIN}")["first"]
    if plain is not None:
        text += f" (without: {from_to([a['std'] for a in plain['activations']], '{:.3f}'.format)})"
    return f"{text}, and {from_to(shares, percent)} of them are saturated."


def _bn_backward(f: Table, lane: Table) -> str:
    if lane["first"] is None:
        return ""
    parts = []
    for word, snapshot in (("with", lane["first"]), ("without", lane_of(f, f"gain {GAIN}")["first"])):
        if snapshot is not None:
            stds = [a["grad_std"] for a in snapshot["activations"]]
            parts.append(f"{from_to(stds, '{:.1e}'.format)} {word} batch norm")
    across = {bn: _back_ratios(f, bn) for bn in (True, False)}
    ratios = ", ".join(f"× {ratio:.2f}" for ratio in across[True])
    without = f" (without batch norm {', '.join(f'× {ratio:.2f}' for ratio in across[False])})" if across[False] else ""
    text = f"The gradients of the outputs have std {' and '.join(parts)} at gain {GAIN}."
    if across[True]:
        even = max(across[True]) < 1.1 * min(across[True])
        word = "whatever the gain, the same" if even else "not the same at every gain"
        text += f" From the last layer to the first they go {ratios} at the gains {', '.join(GAINS)}{without}: {word}."
    first = lane["first"]["activations"][0]
    if first["predicted_grad_ratio"] is not None and first["redraw_grad_ratio"] is not None:
        text += (
            f" For this very minibatch theory says × {first['predicted_grad_ratio']:.2f}, and other draws of the "
            f"weights give × {between(first['redraw_grad_ratio'], '{:.2f}')} (5 to 95 % of them)."
        )
    return text


def _back_ratios(f: Table, bn: bool) -> list[float]:
    """By how much the gradient of the outputs multiplies from the last layer to the first, gain by gain."""
    rows = rows_of(f, [f"batch norm, {name}" if bn else name for name in NAMES], "first")
    ratios = [ratio_of(s["activations"][0]["grad_std"], s["activations"][-1]["grad_std"]) for _, s in rows]
    return [ratio for ratio in ratios if ratio is not None]


def _bn_weights(f: Table, lane: Table) -> str:
    leads = [(output_lead(lane[when]), word) for when, word in (("first", "first"), ("last", "last"))]
    multiples = " and ".join(f"{lead:.1f} × at the {word} step" for lead, word in leads if lead is not None)
    plain = output_lead(lane_of(f, f"gain {GAIN}")["first"])
    without = f" (without batch norm {plain:.1f} × at the first)" if plain is not None else ""
    return (
        f"The output matrix's gradient is {multiples} as large as the hidden ones' median{without}."
        if multiples
        else ""
    )


def _bn_updates(f: Table, lane: Table) -> str:
    mine, plain = updates_spread(lane), updates_spread(lane_of(f, f"gain {GAIN}"))
    if mine is None:
        return ""
    without = f", against {plain:.2f} without batch norm" if plain is not None else ""
    word = "the matrices learn at more even rates" if plain is not None and mine < plain else "no more even than before"
    return f"Update:data over the last steps lies {mine:.2f} powers of ten apart over the matrices{without}: {word}."


def _insensitive(f: Table) -> list[str]:
    lines, updates = [], {}
    for gain in LECTURE_GAINS:
        lane = lane_of(f, f"batch norm, gain {format_number(gain)}")
        first = lane["first"]
        if first is None:
            continue
        ratios = [w["update_data_log10"] for w in first["weights"][1:] if w["update_data_log10"] is not None]
        if ratios:
            updates[gain] = median(ratios)
        stds = [a["std"] for a in first["activations"]]
        pace = number(updates.get(gain), "{:.2f}")
        plain = lane_of(f, f"gain {format_number(gain)}")
        dev = [number(one["dev_loss"]) for one in (lane, plain)]
        lines.append([format_number(gain), from_to(stds, "{:.3f}".format), pace, *dev])
    # A step of SGD is as large as the gradient; the other optimizers' does not depend on its size.
    power = 2 if f["base"]["optimizer"] in ("sgd", "momentum") else 1
    rule = "1/gain²" if power == 2 else "1/gain"
    text = (
        "The gain acts elsewhere now: the forward pass does not change with it, but a matrix that is a times as large "
        "gets a gradient 1/a as large"
    )
    text += (
        ", so its update:data ratio goes as 1/gain²."
        if power == 2
        else (f". {OPTIMIZERS[f['base']['optimizer']]} makes up for that, so its update:data ratio goes as 1/gain.")
    )
    if len(updates) > 1:
        low, high = min(updates), max(updates)
        measured, theory = updates[low] - updates[high], power * math.log10(high / low)
        text += (
            f" From gain {format_number(low)} to {format_number(high)} the linear weights' first ratio falls by "
            f"{measured:.2f} powers of ten; {rule} says {theory:.2f}."
        )
    head = ["gain", "std of the outputs", "log10 update:data, step 1", "dev loss with batch norm", "without"]
    return [text, table(head, lines)]


def _unscaled(f: Table) -> list[str]:
    names = ("batch norm, gain 1", "no fan_in scaling", "no fan_in scaling, lr × 10")
    lines = []
    for name in names:
        lane = lane_of(f, name)
        if lane["first"] is None or lane["last"] is None:
            lines.append([name, f"{lane['lr']:g}", NONE, NONE, NONE])
            continue
        stds = [a["std"] for a in lane["first"]["activations"]]
        values = [w["median_log10"] for w in lane["update_data"][1:-1] if w["median_log10"] is not None]
        pace = number(median(values) if values else None, "{:.2f}")
        lines.append([name, f"{lane['lr']:g}", from_to(stds, "{:.3f}".format), pace, number(lane["dev_loss"])])
    head = ["", "lr", "std of the outputs, step 1", "log10 update:data of the hidden, last steps", "dev loss"]
    text = "Even the division by √fan_in can go: batch norm restores the scale of plain N(0, 1) weights."
    shown = [lane_of(f, name) for name in names[1:]]
    paces = [[w["median_log10"] for w in lane["update_data"][1:-1] if w["median_log10"] is not None] for lane in shown]
    if all(paces):
        slow, fast = median(paces[0]), median(paces[1])
        better = [lane["dev_loss"] for lane in shown]
        text += (
            f" Large weights take small relative steps, so the lr wants adjusting: 10^{slow:.2f} at lr "
            f"{shown[0]['lr']:g}, 10^{fast:.2f} at lr {shown[1]['lr']:g}"
        )
        if None not in better:
            word = "falls" if better[1] < better[0] else "rises"
            text += f", where the dev loss {word} from {better[0]:.3f} to {better[1]:.3f}"
        text += "."
    return [text, table(head, lines)]


def statistics(f: Table, _: Pictures) -> list[str]:
    """Dev losses by tracked, measured and forgotten statistics."""
    lines, gaps, costs = [], [], []
    for name in NAMES:
        lane = lane_of(f, f"batch norm, {name}")
        dev, calibrated, batch = (lane[k] for k in ("dev_loss", "dev_loss_calibrated", "dev_loss_batch"))
        lines.append([name, number(dev, "{:.4f}"), number(calibrated, "{:.4f}"), number(batch, "{:.4f}")])
        if dev is not None and calibrated is not None:
            gaps.append(abs(dev - calibrated))
        if dev is not None and batch is not None:
            costs.append(batch - dev)
    text = (
        f"For a single example there is no minibatch to take mean and variance from. They can be tracked while "
        f"training (momentum {f['base']['bn_momentum']:g}) or measured in a second pass over training examples."
    )
    if gaps:
        word = "both agree" if max(gaps) <= 0.02 else "they do not agree: the running ones are stale"
        text += f" The two dev losses differ by at most {max(gaps):.4f}: {word}."
    if costs:
        text += (
            f" The third column is a forgotten `model.eval()`, each minibatch of {f['base']['batch_size']} normalised "
            f"by its own statistics: it moves the dev loss by {from_to(costs, '{:+.3f}'.format)}."
        )
    return [text, table(["batch norm", "running", "calibrated", "the minibatch's own"], lines)]
