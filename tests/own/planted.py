"""Networks with one fault each, and the same without it. Each function is a TARGET of its own."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

Network = tuple[nn.Module, Tensor]
WIDTH = 64


def deep(act: type[nn.Module], layers: int, gain: float | None, width: int = WIDTH) -> nn.Sequential:
    body: list[nn.Module] = []
    for _ in range(layers):
        body += [nn.Linear(width, width), act()]
    model = nn.Sequential(*body, nn.Linear(width, 10))
    if gain is not None:
        for layer in model:
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, std=gain / math.sqrt(width))
                nn.init.zeros_(layer.bias)
        with torch.no_grad():
            model[-1].weight.mul_(0.1)
    return model


def rows(count: int = 1024) -> Tensor:
    return torch.randn(count, WIDTH)


def default_relu() -> Network:
    return deep(nn.ReLU, 10, None), rows()


def default_relu_mended() -> Network:
    return deep(nn.ReLU, 10, math.sqrt(2)), rows()


def missing_root_two() -> Network:
    return deep(nn.ReLU, 12, 1.0), rows()


missing_root_two_mended = default_relu_mended


def zero() -> Network:
    model = deep(nn.ReLU, 6, math.sqrt(2))
    nn.init.zeros_(model[4].weight)  # type: ignore[arg-type]
    return model, rows()


zero_mended = default_relu_mended


class Product(nn.Module):
    def __init__(self, written: bool) -> None:
        super().__init__()
        self.first = nn.Linear(WIDTH, 64)
        self.matrix = nn.Parameter(torch.empty(64, 64))
        self.head = nn.Linear(64, 10)
        if written:
            nn.init.normal_(self.matrix, std=1 / 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.first(x) @ self.matrix)  # type: ignore[no-any-return]


def empty() -> Network:
    return Product(False), rows()


def empty_mended() -> Network:
    return Product(True), rows()


def sigmoids() -> Network:
    return deep(nn.Sigmoid, 12, 1.0), rows()


def sigmoids_mended() -> Network:
    return deep(nn.Tanh, 12, 1.2), rows()


def saturated() -> Network:
    return deep(nn.Tanh, 6, 5.0), rows()


saturated_mended = sigmoids_mended


def dead() -> Network:
    model = deep(nn.ReLU, 3, math.sqrt(2))
    nn.init.constant_(model[2].bias, -6.0)  # type: ignore[arg-type]
    return model, rows()


def dead_mended() -> Network:
    return deep(nn.ReLU, 3, math.sqrt(2)), rows()


class Block(nn.Module):
    def __init__(self, scale: float) -> None:
        super().__init__()
        self.fc, self.out = nn.Linear(32, 64), nn.Linear(64, 32)
        nn.init.kaiming_normal_(self.fc.weight, nonlinearity="linear")
        nn.init.kaiming_normal_(self.out.weight, nonlinearity="relu")
        with torch.no_grad():
            self.out.weight.mul_(scale)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.out(functional.relu(self.fc(x)))


def residual(scale: float = 1.0) -> Network:
    head = nn.Linear(32, 10)
    nn.init.normal_(head.weight, std=0.01)
    return nn.Sequential(*(Block(scale) for _ in range(48)), nn.LayerNorm(32), head), torch.randn(64, 32)


def residual_mended() -> Network:
    return residual(48**-0.5)


class Tied(nn.Module):
    def __init__(self, std: float) -> None:
        super().__init__()
        self.wte, self.norm = nn.Embedding(200, WIDTH), nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, 200, bias=False)
        self.head.weight = self.wte.weight
        nn.init.normal_(self.wte.weight, std=std)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.norm(self.wte(tokens)))  # type: ignore[no-any-return]


def tied() -> Network:
    return Tied(1.0), torch.randint(200, (8, 32))


def tied_mended() -> Network:
    return Tied(0.02), torch.randint(200, (8, 32))


def bias(keep: bool = True) -> Network:
    return nn.Sequential(nn.Linear(WIDTH, 32, bias=keep), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 10)), rows()


def bias_mended() -> Network:
    return bias(False)


def loss() -> Network:
    model = deep(nn.ReLU, 3, math.sqrt(2))
    with torch.no_grad():
        model[-1].weight.mul_(300)
    return model, rows()


loss_mended = dead_mended


class Idle(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(WIDTH, 10)
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x) + self.scale.detach()  # type: ignore[no-any-return]


def detached() -> Network:
    return Idle(), rows()


def detached_mended() -> Network:
    return nn.Sequential(nn.Linear(WIDTH, 10)), rows()


class Forgotten(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(WIDTH, 10)
        self.norm = nn.LayerNorm(10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x)  # type: ignore[no-any-return]


def forgotten() -> Network:
    return Forgotten(), rows()


forgotten_mended = detached_mended


class Gated(nn.Module):
    """Blocks whose shift, scale and gate come from a layer of zeros, as a diffusion transformer has them."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(WIDTH, WIDTH)
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH, elementwise_affine=False) for _ in range(4))
        self.from_condition = nn.ModuleList(nn.Sequential(nn.SiLU(), nn.Linear(WIDTH, 3 * WIDTH)) for _ in range(4))
        self.layers = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(4))
        for gate in self.from_condition:
            nn.init.zeros_(gate[1].weight)  # type: ignore[index]
            nn.init.zeros_(gate[1].bias)  # type: ignore[index]
        self.head = nn.Linear(WIDTH, 10)
        nn.init.normal_(self.head.weight, std=0.01)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        for norm, gate, layer in zip(self.norms, self.from_condition, self.layers, strict=True):
            shift, scale, open_ = gate(x).chunk(3, -1)
            h = h + open_ * functional.gelu(layer(norm(h) * (1 + scale) + shift))
        return self.head(h)  # type: ignore[no-any-return]


def gated() -> Network:
    return Gated(), rows()


def compiled() -> Network:
    return torch.compile(deep(nn.ReLU, 6, None), backend="eager"), rows()  # type: ignore[return-value]


def jump() -> Network:
    model = deep(nn.ReLU, 3, math.sqrt(2))
    nn.init.normal_(model[2].weight, std=100.0)  # type: ignore[arg-type]
    return model, rows()


jump_mended = dead_mended


#: Each fault: what is found, how bad, and where.
FAULTS: dict[str, tuple[str, str, str]] = {
    "default_relu": ("shrinks", "bad", "0"),
    "missing_root_two": ("shrinks", "bad", "0"),
    "zero": ("zero-weights", "bad", "4.weight"),
    "empty": ("never-initialised", "bad", "matrix"),
    "sigmoids": ("vanishing-gradient", "bad", "0"),
    "saturated": ("saturated", "bad", "1"),
    "dead": ("dead", "bad", "3"),
    "residual": ("residual-grows", "bad", "47"),
    "tied": ("tied-scale", "warn", "head"),
    "bias": ("bias-before-norm", "warn", "0.bias"),
    "loss": ("loss-at-start", "bad", "loss"),
    "detached": ("no-gradient", "warn", "scale"),
    "forgotten": ("never-called", "warn", "norm"),
    "jump": ("grows", "bad", "2"),
}
#: Those that an initialisation alone can mend.
MENDED_BY_INIT = [name for name, (_, severity, _) in FAULTS.items() if severity == "bad" and name != "sigmoids"]
TWINS: dict[str, Callable[[], Network]] = {name: globals()[f"{name}_mended"] for name in FAULTS}
