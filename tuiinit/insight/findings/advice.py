"""What helps against a finding: actions, that each place writes in its own way, and never two that are opposites.

The explorer writes an action as its key, paper as the option of a command.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from ...config.nonlinearities import FACTS, LECTURE_GAINS
from ...config.run import RunConfig
from .model import Finding, Help, Seen

SOUND_OUTPUT_SCALE = 0.1  # the lecture's
SOUND_BATCH = 32  # the lecture's


def smaller_gain(seen: Seen) -> tuple[Help, ...]:
    """What makes the signal smaller."""
    config = seen.config
    if config is None:
        return ()
    if config.bn:  # the gain changes nothing there
        return (Help("nonlinearity", "another nonlinearity", "another --nonlinearity"),)
    facts = FACTS[config.nonlinearity]
    if facts.key_for_gain and config.gain > facts.gain:
        return (_gain_5_3(-1), *batch_norm(seen))
    # The key goes around: from the smallest gain it would lead to the largest.
    action: Literal["previous-gain", "config"] = "previous-gain" if config.gain > min(LECTURE_GAINS) else "config"
    return (Help(action, "a smaller gain", "a smaller --gain", "gain", -1), *batch_norm(seen))


def larger_gain(seen: Seen) -> tuple[Help, ...]:
    """What makes the signal larger."""
    config = seen.config
    if config is None:
        return ()
    if config.gain == 0 or not config.bn:
        facts = FACTS[config.nonlinearity]
        own = facts.key_for_gain and config.gain < facts.gain
        return (_gain_5_3(1) if own else _larger(config), *batch_norm(seen))
    # Only where a layer's variance falls to batch norm's eps does the gain matter.
    return (_larger(config),) if seen.fresh else smaller_lr(seen)


def _gain_5_3(way: Literal[-1, 1]) -> Help:
    return Help("gain-3", "gain 5/3", "--gain 5/3", "gain", way)


def _larger(config: RunConfig) -> Help:
    action: Literal["next-gain", "config"] = "next-gain" if config.gain < max(LECTURE_GAINS) else "config"
    return Help(action, "a larger gain", "a larger --gain", "gain", 1)


def smaller_lr(seen: Seen) -> tuple[Help, ...]:
    """Smaller steps, from the start."""
    if seen.config is None:
        return ()
    lr = seen.config.at(seen.now.step).lr
    again = Help("restart", "start again")
    return (Help("lr-down", f"a smaller lr ({lr:g} now)", "a smaller --lr", "lr", -1), again)


def larger_lr(seen: Seen) -> tuple[Help, ...]:
    """Larger steps."""
    if seen.config is None:
        return ()
    return (Help("lr-up", "a larger lr", "a larger --lr", "lr", 1),)


def batch_norm(seen: Seen) -> tuple[Help, ...]:
    """Batch norm, where it is off and has a signal and a batch to normalise."""
    config = seen.config
    if config is None:
        return ()
    nothing = config.gain == 0 or config.embedding_scale == 0 or (seen.now.batch_size or 0) <= 2
    return () if config.bn or nothing else (Help("batch-norm", "batch norm", "--bn"),)


def evener_updates(seen: Seen) -> tuple[Help, ...]:
    """What brings updates of different matrices together."""
    if seen.config is None:
        return ()
    if not seen.config.bn:
        return batch_norm(seen)
    return (Help("optimizer", "Adam", "--optimizer adam"),) if seen.plain_optimizer else ()


def new_seed(seen: Seen) -> tuple[Help, ...]:
    """Another draw of the weights."""
    if seen.config is None:
        return ()
    return (Help("reseed", "a new seed", "another --seed"),)


def smaller_output(seen: Seen) -> tuple[Help, ...]:
    """Smaller logits."""
    if seen.config is None:
        return ()
    scale, (_, bias) = seen.config.output_scale, seen.config.bias_scale
    helps = (Help("config", f"an output scale below {scale:g}", "a smaller --output-scale", "output_scale", -1),)
    if seen.config.bn or bias == 0:
        return helps
    words = f"a bias scale of the output below {bias:g}"
    return (*helps, Help("config", words, "a smaller --bias-scale of the output"))


def some_output() -> tuple[Help, ...]:
    """Output weights that are not 0."""
    scale = f"{SOUND_OUTPUT_SCALE:g}"
    return (Help("config", f"output scale {scale}", f"--output-scale {scale}", "output_scale", 1),)


def embedding_scale_1(seen: Seen) -> tuple[Help, ...]:
    """Inputs of std 1."""
    if seen.config is None:
        return ()
    return (Help("config", "embedding scale 1", "--embedding-scale 1"),)


def larger_batch(seen: Seen) -> tuple[Help, ...]:
    """Enough rows for batch norm."""
    if seen.config is None:
        return ()
    return (Help("config", f"batch size {SOUND_BATCH}", f"--batch-size {SOUND_BATCH}"),)


def no_bias_before_bn() -> tuple[Help, ...]:
    """Do without the biases that batch norm cancels."""
    return (Help("config", "bias before BN off", "--no-bias-before-bn"),)


def agree(findings: Iterable[Finding]) -> list[Finding]:
    """The same findings without the help that is the opposite of one given before."""
    ways: dict[str, int] = {}
    agreed = []
    for finding in findings:
        kept = tuple(h for h in finding.helps if not h.knob or ways.setdefault(h.knob, h.way) == h.way)
        if not any(h.knob for h in kept) and len(kept) < len(finding.helps):
            kept = tuple(h for h in kept if h.action != "restart")  # alone it would change nothing
        agreed.append(msgspec.structs.replace(finding, helps=kept))
    return agreed


def on_paper(finding: Finding) -> str:
    """A finding where no keyboard is: its text, then the options that help."""
    options = [h.option for h in finding.helps if h.option]
    return f"{finding.text} Try {' or '.join(options)}." if options else finding.text
