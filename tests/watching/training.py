"""Small trainings of every awkward kind, watched or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.measure import awkward

IMAGES = torch.linspace(-1, 1, 4 * 3 * 6 * 6).sin().view(4, 3, 6, 6)
TOKENS = torch.arange(12).view(3, 4) % 11
VECTORS = torch.linspace(-2, 2, 30).cos().view(5, 6)
MLP = ["0", "1", "2", "3", "4", "5", "6"]


class Gives(nn.Module):
    """Gives its loss as transformers' models do."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = awkward.mlp()

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        logits = self.inner(x)
        return {"logits": logits, "loss": loss_of(logits)}


def frozen() -> nn.Module:
    model = awkward.mlp()
    for value in model[0].parameters():  # type: ignore[index]
        value.requires_grad_(False)
    return model


def normed() -> nn.Module:
    return nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(6, 6)), nn.ReLU(), nn.Linear(6, 4))


def loss_of(output: Any) -> Tensor:
    output = output["logits"] if isinstance(output, dict) else output
    labels = torch.arange(output.flatten(0, -2).shape[0]) % output.shape[-1]
    return functional.cross_entropy(output.flatten(0, -2).float(), labels)


Make = Callable[[], nn.Module]
Optimizers = Callable[[nn.Module], list[torch.optim.Optimizer]]


def sgd(model: nn.Module) -> list[torch.optim.Optimizer]:
    return [torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 0.1, momentum=0.5)]


def adam(fused: bool) -> Optimizers:
    return lambda model: [torch.optim.AdamW(model.parameters(), 1e-2, fused=fused)]


@dataclass
class Case:
    make: Make
    inputs: Any
    rows: list[str]
    optimizers: Optimizers = sgd
    how: str = "plain"
    wrap: Callable[[nn.Module], nn.Module] = field(default=lambda model: model)


RESNET = [
    "0", "1", "2", "3.conv1", "3.bn1", "3.relu", "3.conv2", "3.bn2", "3.relu#2",
    "4.conv1", "4.bn1", "4.relu", "4.conv2", "4.bn2", "4.relu#2", "5", "6", "7",
]  # fmt: skip
CHECKPOINTED = ["first", "middle.0", "middle.1", "middle.2", "last"]
CASES = {
    "in place, twice called": Case(awkward.resnet, IMAGES, RESNET),
    "functions, dict, tied": Case(
        awkward.Functional,
        {"tokens": TOKENS},
        ["wte", "norm", "qkv", "scaled_dot_product_attention", "fc", "gelu", "relu", "tanh", "head"],
    ),
    "tuple, sparse": Case(
        awkward.Recurrent,
        TOKENS,
        ["embedding", *(f"{name}{call}" for call in ("", "#2", "#3", "#4") for name in ("cell", "act")),
         "lstm", "lstm[1][0]", "lstm[1][1]", "head"],
        lambda model: [torch.optim.SGD(model.parameters(), 0.1)],
    ),
    "frozen": Case(frozen, VECTORS, MLP),
    "bfloat16": Case(lambda: awkward.mlp().bfloat16(), VECTORS.bfloat16(), MLP),
    "loss of its own": Case(Gives, VECTORS, [f"inner.{i}" for i in range(7)], how="own loss"),
    "scaler": Case(awkward.mlp, VECTORS, MLP, adam(False), "scaler"),
    "scaler, fused": Case(awkward.mlp, VECTORS, MLP, adam(True), "scaler"),
    "accumulation": Case(awkward.mlp, VECTORS, MLP, how="accumulation"),
    "scaler, accumulation": Case(awkward.mlp, VECTORS, MLP, adam(False), how="both"),
    "checkpoint": Case(lambda: awkward.Checkpointed(False), VECTORS, CHECKPOINTED),
    "reentrant": Case(lambda: awkward.Checkpointed(True), VECTORS, CHECKPOINTED),
    "evaluation between": Case(awkward.mlp, VECTORS, MLP, how="evaluation"),
    "closure": Case(awkward.mlp, VECTORS, MLP, lambda model: [torch.optim.LBFGS(model.parameters(), 0.1)], "closure"),
    "two optimizers": Case(
        awkward.mlp,
        VECTORS,
        MLP,
        lambda model: [torch.optim.SGD(model[0].parameters(), 0.1), torch.optim.AdamW(model[2:].parameters(), 0.01)],  # type: ignore[index]
    ),
    "compiled": Case(awkward.mlp, VECTORS, MLP, wrap=lambda model: torch.compile(model, backend="eager")),  # type: ignore[return-value]
    "weight norm": Case(normed, VECTORS, ["0.parametrizations.weight.0", "0.parametrizations.weight", "0", "1", "2"]),
}  # fmt: skip


def steps(case: Case, watch: Callable[[nn.Module, list[torch.optim.Optimizer]], Any], count: int = 3) -> Iterator[Any]:
    """Train; gives (model, handle, loss) before each step of the optimizer, when its gradients are there."""
    torch.manual_seed(0)
    model = case.wrap(case.make())
    optimizers = case.optimizers(model)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0) if case.how in ("scaler", "both") else None
    batches = 4 if case.how in ("accumulation", "both") else 1
    handle = watch(model, optimizers)

    def forward() -> Tensor:
        output = model(**case.inputs) if isinstance(case.inputs, dict) else model(case.inputs)
        if case.how == "own loss":
            return output["loss"]  # type: ignore[no-any-return]
        loss = loss_of(output)
        return handle.loss(loss) if handle is not None else loss

    for _ in range(count):
        for optimizer in optimizers:
            optimizer.zero_grad()
        if case.how == "evaluation":
            model.eval()
            with torch.no_grad():
                model(case.inputs)
            model.train()
        if case.how == "closure":

            def closure() -> Tensor:
                optimizers[0].zero_grad()
                loss = forward()
                loss.backward()
                return loss

            yield model, handle, None
            optimizers[0].step(closure)  # type: ignore[arg-type]
            continue
        with nullcontext():
            for _ in range(batches):
                loss = forward()
                kept = loss.detach().clone()
                loss = loss / batches
                (scaler.scale(loss) if scaler is not None else loss).backward()
        yield model, handle, kept
        for optimizer in optimizers:
            scaler.step(optimizer) if scaler is not None else optimizer.step()
        if scaler is not None:
            scaler.update()
    yield model, handle, None
