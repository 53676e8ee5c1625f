"""A step captured as a CUDA graph: one launch instead of some forty.

Source: PyTorch's notes on CUDA graphs (warm up on a side stream, capture, replay with the same memory).
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from ..steps import Quick, Step

WARM_UP = 3  # steps before the capture, so that libraries and the optimizer have made what they keep


def capture(step: Step, x: Tensor, y: Tensor) -> Quick | None:
    """The step as a graph; None, with a line in the log, where it cannot be captured.

    Steps are taken on the way: the caller puts the network back. x and y are a minibatch on the device.
    """
    x, y = x.clone(), y.clone()  # the graph reads its minibatch here
    try:
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                step.plain(x, y)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            step.plain(x, y)
    except RuntimeError as error:
        print(f"the step is not captured as a CUDA graph: {error}", file=sys.stderr)
        return None

    def replay(minibatch_x: Tensor, minibatch_y: Tensor) -> None:
        x.copy_(minibatch_x)
        y.copy_(minibatch_y)
        graph.replay()

    return replay
