"""What is known of a layer with weights: its matrix, how many values enter and leave a unit, and how it began."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .sampling import local, stride_of

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
NORMS = (
    nn.modules.batchnorm._NormBase,
    nn.LayerNorm,
    nn.GroupNorm,
    *(norm for norm in (getattr(nn, "RMSNorm", None),) if norm is not None),
)


class Fans(NamedTuple):
    """Values that enter a unit, and units that a value reaches."""

    fan_in: int
    fan_out: int


def fans(module: nn.Module) -> Fans | None:
    """The fans of a Linear or a convolution, of Hugging Face's Conv1D too, or None.

    Of a transposed convolution an output sees in_channels/groups · kernel / stride values, on the average.
    """
    weight = getattr(module, "weight", None)
    if not isinstance(weight, Tensor) or weight.ndim < 2:
        return None
    if isinstance(module, nn.Linear):
        return Fans(weight.shape[1], weight.shape[0])
    field = math.prod(weight.shape[2:])
    if isinstance(module, CONVOLUTIONS):
        return Fans(weight.shape[1] * field, weight.shape[0] // module.groups * field)
    if isinstance(module, TRANSPOSED):
        entering = weight.shape[0] // module.groups * field // math.prod(module.stride)
        return Fans(max(1, entering), weight.shape[1] * field)
    if type(module).__name__ == "Conv1D" and weight.ndim == 2 and hasattr(module, "nf"):
        return Fans(weight.shape[0], weight.shape[1])
    return None


def within(module: nn.Module, entering: tuple[int, ...], leaving: tuple[int, ...]) -> float:
    """The share of a convolution's taps that lie on its input and not on the zeros around it, on the average.

    Args:
        entering, leaving: shapes of input and output, (B, C, …).
    """
    if not isinstance(module, CONVOLUTIONS) or module.padding_mode != "zeros" or len(entering) != len(leaving):
        return 1.0
    dimensions = len(module.kernel_size)
    share = 1.0
    for at in range(dimensions):
        kernel, stride, dilation = module.kernel_size[at], module.stride[at], module.dilation[at]
        size, outputs = entering[at - dimensions], leaving[at - dimensions]
        if isinstance(module.padding, str):
            before = dilation * (kernel - 1) // 2 if module.padding == "same" else 0
        else:
            before = module.padding[at]
        places = torch.arange(outputs)[:, None] * stride - before + torch.arange(kernel) * dilation
        share *= float(((places >= 0) & (places < size)).float().mean()) if outputs else 1.0
    return share


def is_norm(module: nn.Module) -> bool:
    """Whether a module normalises: PyTorch's norms, and what libraries call LayerNorm or RMSNorm."""
    return isinstance(module, NORMS) or type(module).__name__.lower().endswith(("layernorm", "rmsnorm", "groupnorm"))


def matrices(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """A module's own parameters of two dimensions and more, by name; a recurrent layer's by gate."""
    gates = {"LSTM": 4, "LSTMCell": 4, "GRU": 3, "GRUCell": 3}.get(type(module).__name__, 1)
    for name, parameter in module.named_parameters(recurse=False):
        if parameter.ndim < 2:
            continue
        if gates == 1:
            yield name, parameter
        else:
            yield from ((f"{name}[{i}]", part) for i, part in enumerate(parameter.detach().chunk(gates)))


class Began(NamedTuple):
    """How a matrix is distributed: its gain std · √fan_in, and the initialiser that this looks like."""

    std: float
    gain: float
    initialiser: str


#: Stds that people write as numbers.
ROUND = (0.001, 0.002, 0.005, 0.006, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0)
TRIED = 2**18  # values of a matrix that its distribution is judged by
UNIFORM_KURTOSIS, NORMAL_KURTOSIS = 1.8, 3.0


@torch.no_grad()
def began(weight: Tensor, fan: Fans) -> Began:
    """Recognise an initialiser by the moments of what it drew; `unknown` where none fits."""
    whole = local(weight).detach()
    whole = whole if whole.dtype == torch.float32 else whole.float()
    n = whole.numel()
    mean = whole.mean(dtype=torch.float64) if n else torch.zeros(())
    apart = whole - mean.to(whole.dtype)
    std = float(torch.linalg.vector_norm(apart, dtype=torch.float64)) / math.sqrt(max(1, n - 1))
    gain = math.sqrt(std**2 * (n - 1) / max(1, n) + float(mean) ** 2) * math.sqrt(fan.fan_in)
    values = apart.reshape(-1)[:: stride_of(tuple(whole.shape), TRIED)]
    return Began(std, gain, _initialiser(values, float(mean), std, n, weight, fan))


def _initialiser(values: Tensor, mean_value: float, std: float, n: int, weight: Tensor, fan: Fans) -> str:
    if not n or not math.isfinite(std):
        return "unknown"
    if std <= 1e-6 * abs(mean_value) or std == 0.0:
        return "zeros" if mean_value == 0.0 else "constant"
    centred = values / std
    squares = centred.square()
    kurtosis, widest = float(squares.square().mean()), math.sqrt(float(squares.max()))
    n = values.numel()
    within = 0.02 + 3 / math.sqrt(n)  # relative, of a std drawn n times
    uniform = widest < 1.75 * (1 + within) and abs(kurtosis - UNIFORM_KURTOSIS) < 0.15 + 6 / math.sqrt(n)
    if not uniform and _orthogonal(weight):
        return "orthogonal_or_lecun"
    into, mean = std * math.sqrt(fan.fan_in), std * math.sqrt((fan.fan_in + fan.fan_out) / 2)
    out = std * math.sqrt(fan.fan_out)
    kind = "uniform" if uniform else "normal"
    # Relative distances; of two that are one and the same, as in a square matrix, the first counts.
    apart = [(abs(into * math.sqrt(3) - 1), "pytorch_default")] if uniform else []
    apart += [(abs(into / gain - 1), f"kaiming_{kind}") for gain in (math.sqrt(2), 5 / 3)]
    apart += [(abs(mean - 1), f"xavier_{kind}"), (abs(into - 1), "orthogonal_or_lecun")]
    apart += [(abs(out / gain - 1), f"kaiming_{kind}") for gain in (math.sqrt(2), 5 / 3)]
    nearest = min(apart, key=lambda one: one[0])
    # A round number is close to anything where there are few values: it has to be closer than the others.
    round_ = min(abs(std / value - 1) for value in ROUND)
    if not uniform and round_ < 0.004 + 2 / math.sqrt(n) and (2 * round_ < nearest[0] or nearest[0] > within):
        return "fixed_std"
    return nearest[1] if nearest[0] < within else "unknown"


def _orthogonal(weight: Tensor) -> bool:
    """Whether the rows, or the columns, of a matrix stand at right angles and are equally long."""
    flat = local(weight).detach().flatten(1)
    flat = flat if flat.shape[0] <= flat.shape[1] else flat.T
    some = flat[:64].float()
    if len(some) < 2:
        return False
    products = some @ some.T
    length = products.diagonal().mean()
    return bool(((products - length * torch.eye(len(some), device=some.device)).abs() < 1e-3 * length).all())
