"""A small ResNet on images: which of four shapes is drawn, at any place, in noise.

tuiinit check resnet.py       tuiinit check resnet.py --set norm=false
"""

import torch
from torch import nn
from torch.nn import functional as F

import tuiinit

SIZE, IMAGES, BATCH = 24, 1024, 32


def shapes(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    grid = torch.arange(SIZE, dtype=torch.float32)
    kinds = torch.randint(0, 4, (count,))
    centre = 6 + torch.rand(count, 2, 1, 1) * (SIZE - 12)
    dx, dy = (grid[None, None, :] - centre[:, 0]).abs(), (grid[None, :, None] - centre[:, 1]).abs()
    masks = torch.stack([dx + dy < 5, dx.maximum(dy) < 4, (dx * dx + dy * dy).sub(16).abs() < 8, dx.minimum(dy) < 1])
    near = dx.maximum(dy) < 6
    image = (masks[kinds, torch.arange(count)] & near).float()
    return (image + 0.3 * torch.randn_like(image) - 0.1)[:, None] / 0.4, kinds


class Block(nn.Module):
    def __init__(self, width: int, out: int, norm: bool) -> None:
        super().__init__()
        stride = 1 if width == out else 2
        self.conv1 = nn.Conv2d(width, out, 3, stride, 1, bias=not norm)
        self.norm1 = nn.BatchNorm2d(out) if norm else nn.Identity()
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=not norm)
        self.norm2 = nn.BatchNorm2d(out) if norm else nn.Identity()
        self.relu = nn.ReLU(inplace=True)
        self.skip = nn.Identity() if stride == 1 else nn.Conv2d(width, out, 1, stride, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.norm2(self.conv2(self.relu(self.norm1(self.conv1(x)))))
        out += self.skip(x)
        return self.relu(out)


def build(blocks: int = 2, width: int = 16, norm: bool = True):
    widths = [width] * blocks + [2 * width] * blocks
    layers = [Block(a, b, norm) for a, b in zip([width, *widths], widths, strict=False)]
    model = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model.append(nn.Linear(2 * width, 4))
    x, y = shapes(IMAGES)
    batches = [(x[i : i + BATCH], y[i : i + BATCH]) for i in range(0, IMAGES - 128, BATCH)]
    return tuiinit.Setup(
        model,
        batches,
        lambda model, batch: F.cross_entropy(model(batch[0]), batch[1]),
        optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.05, momentum=0.9),
        dev=[(x[-128:], y[-128:])],
    )
