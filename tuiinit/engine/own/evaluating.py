"""A person's dev loss: their loss over their dev batches, with the model in eval mode."""

from __future__ import annotations

import math

import torch

from .building import Built, examples_of, loss_of, moved
from .drawing import Given, batches
from .still import in_eval_mode

EVALUATED = 50  # steps between two dev losses that nobody asked for, at least; more where they take longer


def is_due(step: int, per_epoch: int, dev: int | None) -> bool:
    """Whether a step ends an epoch after which the dev loss is to be known: of short epochs not every one.

    Args:
        step: the last one.
        per_epoch: steps; 0 where nobody can say, and no dev loss is due.
        dev: dev batches; None without any.
    """
    if dev is None or step == 0 or per_epoch == 0 or step % per_epoch:
        return False
    return step // per_epoch % math.ceil(max(EVALUATED, dev) / per_epoch) == 0


@torch.no_grad()
def dev_loss(built: Built, given: Given, device: torch.device) -> float | None:
    """The mean loss, an example as much as another; None where it is not finite, or there are no batches.

    Args:
        built: the network, left as it is.
        given: the setup's dev batches.
        device: of the network.

    Raises:
        OwnError: the person's code failed.
    """
    total, examples = 0.0, 0
    with in_eval_mode(built.model):
        for batch in batches(given):
            there = moved(batch, device)
            count = examples_of(there) or 1
            total += float(loss_of(built, there, graded=False)) * count
            examples += count
    loss = total / examples if examples else math.nan
    return loss if math.isfinite(loss) else None
