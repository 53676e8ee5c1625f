"""A closer look at one lane: calibrated statistics, jitter, folding, and what saturation lets through."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..measure.nonlinearities import ELEMENTWISE
from ..stream import protocol
from .evaluation import calibrated_statistics
from .fold import compare
from .passes import train_pass
from .trainer import Trainer

JITTER_BATCHES = 100
JITTER_SEED = 7
THROUGH_BINS = 20
GRADIENT_ROWS = 1_024  # training examples behind the gradients here


@torch.inference_mode()
def inspect(lane: Trainer) -> protocol.Inspection:
    """Look at a lane where it stands; nothing of it changes."""
    network = lane.network
    calibrated: tuple[protocol.Calibrated, ...] = ()
    eval_logits = b""
    folded = None
    if lane.config.bn:
        norms = network.shape.norms
        calibrated = tuple(
            protocol.Calibrated(layer=norm.name, mean=_bytes(mean), var=_bytes(var))
            for norm, (mean, var) in zip(norms, calibrated_statistics(network, lane.dataset.x), strict=True)
        )
        network.eval()
        eval_logits = _bytes(network(torch.from_numpy(lane.dataset.text.dev.x[:1]).to(lane.device))[0])
        network.train()
        dev = lane.dataset.text.dev
        folded = compare(network, *(torch.from_numpy(array).to(lane.device) for array in (dev.x, dev.y)))
    jitter = _jitter(lane)
    through, dead, dead_grad, alive_grad = _gradients(lane)
    return protocol.Inspection(
        lane=lane.config.key,
        step=lane.step,
        calibrated=calibrated,
        jitter_batches=len(jitter),
        jitter_logits=_bytes(jitter),
        eval_logits=eval_logits,
        through=through,
        dead=dead,
        dead_grad=dead_grad,
        alive_grad=alive_grad,
        folded=folded,
    )


def _bytes(values: Tensor) -> bytes:
    return values.detach().float().cpu().numpy().astype("<f4").tobytes()


def _jitter(lane: Trainer) -> Tensor:
    """Logits (JITTER_BATCHES, classes) of the first dev example, each time in other company."""
    config, network, examples = lane.config, lane.network, lane.dataset.x
    size = config.at(lane.step).batch_size
    generator = np.random.default_rng(JITTER_SEED)
    example = torch.from_numpy(lane.dataset.text.dev.x[:1]).to(lane.device)
    rows = []
    for _ in range(JITTER_BATCHES):
        company = torch.from_numpy(generator.integers(0, len(examples), size - 1)).to(lane.device)
        rows.append(network.logits(torch.cat([example, examples[company]]))[0])
    return torch.stack(rows)


def _gradients(
    lane: Trainer,
) -> tuple[tuple[float | None, ...], tuple[int, ...], tuple[float | None, ...], tuple[float | None, ...]]:
    """Share of the gradient that gets through by abs(t), and the gradients of dead and alive units' weights."""
    network = lane.network
    rows = slice(0, GRADIENT_ROWS)
    # The gradients behind the lane's last step are not needed any more: the pass writes over them.
    _, kept = train_pass(network, lane.dataset.x[rows], lane.dataset.y[rows], keep=True, peek=True)
    assert kept is not None
    backward_ = ELEMENTWISE[lane.config.nonlinearity].backward_
    arriving = torch.zeros(THROUGH_BINS, device=lane.device)
    leaving = torch.zeros(THROUGH_BINS, device=lane.device)
    dead_grad: list[float | None] = []
    alive_grad: list[float | None] = []
    dead_units = lane.dead_units()
    for i, (output, grad) in enumerate(zip(kept.outputs, kept.grads, strict=True)):
        place = (output.abs() * THROUGH_BINS).nan_to_num_().clamp_(max=THROUGH_BINS - 1).long().flatten()
        arriving.index_add_(0, place, grad.abs().flatten())
        leaving.index_add_(0, place, backward_(grad, output).abs().flatten())
        unit_grad = network.weight_grads[i + 1].abs().mean(dim=0)  # (width,)
        is_dead = torch.zeros(len(unit_grad), dtype=torch.bool, device=lane.device)
        is_dead[list(dead_units[i])] = True
        dead_grad.append(float(unit_grad[is_dead].mean()) if is_dead.any() else None)
        alive_grad.append(float(unit_grad[~is_dead].mean()) if not is_dead.all() else None)
    through = tuple(
        out / into if into > 0 else None for into, out in zip(arriving.tolist(), leaving.tolist(), strict=True)
    )
    return through, tuple(map(len, dead_units)), tuple(dead_grad), tuple(alive_grad)
