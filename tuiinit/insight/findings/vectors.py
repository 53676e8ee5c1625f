"""Biases, gammas and betas: whether they are all that learns."""

from __future__ import annotations

import math

from ...config.nonlinearities import gain_of
from ...config.values import format_number
from ..thresholds import BIAS_CANCELLED
from .advice import SOUND_OUTPUT_SCALE
from .model import Finding, Help, Seen
from .words import listed, power

NAMED = 3  # vectors that are named; more are counted


def only_vectors(seen: Seen) -> Finding | None:
    """Whether no weight matrix has a gradient, but for rounding, so that only vectors learn, or nothing at all."""
    if not seen.now.vectors or not seen.now.weights:
        return None
    largest = max(v.grad_std for v in seen.now.vectors)
    if any(w.grad_std > BIAS_CANCELLED * largest for w in seen.now.weights):
        return None
    learn = [v.name for v in seen.now.vectors if v.grad_std > BIAS_CANCELLED * largest]
    if learn:
        named = learn[:NAMED] if len(learn) > NAMED + 1 else learn
        names = [f"the {name}" for name in named]
        if len(named) < len(learn):
            names.append(f"{len(learn) - len(named)} more vectors")
        largest_weight = max(w.grad_std for w in seen.now.weights)
        text = f"Only {listed(names)} learn{'s' if len(learn) == 1 else ''}: the gradient of every weight matrix is "
        text += f"under {power(math.log10(BIAS_CANCELLED))} of theirs." if largest_weight else "0."
    else:
        text = "Nothing learns: every gradient is 0."
    zero, helps = _began_at_0(seen)
    if zero:
        text += f" {zero} began at 0, and what is 0 passes nothing on and nothing back."
    return Finding("learning", "bad", text, helps=helps)


def _began_at_0(seen: Seen) -> tuple[str, tuple[Help, ...]]:
    """What began at 0, and what must be changed, all of it."""
    config = seen.config
    if config is None:
        return "", ()
    gain = format_number(gain_of(config.nonlinearity))
    scale = f"{SOUND_OUTPUT_SCALE:g}"
    wanted = [
        (
            config.gain,
            "all weights but the embedding" if config.bn else "the hidden weights",
            f"gain {gain}",
            f"--gain {gain}",
        ),
        (config.embedding_scale, "the embedding", "embedding scale 1", "--embedding-scale 1"),
        (
            config.output_scale,
            "the output's gamma" if config.bn else "the output weights",
            f"output scale {scale}",
            f"--output-scale {scale}",
        ),
    ]
    zero = [(what, words, option) for value, what, words, option in wanted if value == 0]
    if not zero:
        return "", ()
    names, words, options = zip(*zero, strict=True)
    text = listed(names)
    return text[0].upper() + text[1:], (Help("config", ", ".join(words), " ".join(options)),)
