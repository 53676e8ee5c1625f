"""Two ranks that train: the README's example under DistributedDataParallel, then FSDP2, watched and not.

Arguments: a folder, this rank, a file of code that gets `model`, `batches` and `loss_of`. Prints what rank 0 measured.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

import tuiinit

FOLDER, RANK, EXAMPLE = (Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 7), nn.ReLU(inplace=True), nn.Linear(7, 4))


def loss_of(model: nn.Module, batch: Tensor) -> Tensor:
    return model(batch).square().mean()  # type: ignore[no-any-return]


def batches() -> list[Tensor]:
    torch.manual_seed(RANK)
    return [torch.randn(5, 6) for _ in range(3)]


def replicated() -> None:
    names: dict[str, Any] = {"nn": nn, "torch": torch, "model": net(), "batches": batches(), "loss_of": loss_of}
    exec(EXAMPLE.read_text(), names)
    assert (names["watch"].path is None) == (RANK == 1)


def sharded(watched: bool) -> tuple[list[Tensor], list[Tensor]]:
    """This rank's parts of the parameters at the end, and of the gradients of the last step."""
    mesh = init_device_mesh("cpu", (2,))
    model = net()
    for layer in (model[0], model[2]):
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    optimizer = torch.optim.AdamW(model.parameters(), 0.01)
    watch: Any = tuiinit.watch(model, optimizer, every=1, name="sharded") if watched else None  # type: ignore[operator]
    for batch in batches():
        optimizer.zero_grad()
        loss = loss_of(model, batch)
        (loss if watch is None else watch.loss(loss)).backward()
        optimizer.step()
    if watch is not None:
        watch.close()
    local: Any = list(model.parameters())
    return [p.to_local().detach().clone() for p in local], [p.grad.to_local().clone() for p in local]


def main() -> None:
    warnings.simplefilter("error", RuntimeWarning)
    store = f"file://{FOLDER / 'store'}"
    torch.distributed.init_process_group("gloo", init_method=store, rank=RANK, world_size=2)
    replicated()
    plain, _ = sharded(False)
    parameters, grads = sharded(True)
    assert all(map(torch.equal, plain, parameters))
    if RANK == 0:
        figures = {"std": [float(p.std()) for p in parameters], "grad_std": [float(p.std()) for p in grads]}
        print(json.dumps(figures))
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
