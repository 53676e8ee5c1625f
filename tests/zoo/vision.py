"""Networks of timm and torchvision as their own code initialises them, each with an input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.zoo import operators as operators

# isort: split
import timm
import torch
import torchvision

TIMM = (
    "bat_resnext26ts", "beit_base_patch16_224", "cait_xxs24_224", "coat_lite_tiny", "convnext_atto",
    "crossvit_tiny_240", "deit_tiny_patch16_224", "densenet121", "dla34", "edgenext_xx_small",
    "efficientformer_l1", "efficientnet_b0", "ghostnet_100", "gmlp_s16_224", "hrnet_w18_small", "inception_v3",
    "levit_128s", "maxvit_rmlp_pico_rw_256", "mixer_s32_224", "mobilenetv3_small_100", "nfnet_l0",
    "poolformer_s12", "pvt_v2_b0", "regnety_002", "repvgg_a0", "resmlp_12_224", "resnet18", "resnet50",
    "resnetv2_50", "swin_tiny_patch4_window7_224", "tresnet_m", "vgg11", "visformer_tiny", "vit_tiny_patch16_224",
    "xception41",
)  # fmt: skip
TORCHVISION = (
    "alexnet", "convnext_tiny", "densenet121", "efficientnet_v2_s", "googlenet", "inception_v3", "mnasnet0_5",
    "mobilenet_v2", "regnet_x_400mf", "resnext50_32x4d", "shufflenet_v2_x0_5", "squeezenet1_0", "swin_t", "vgg16_bn",
    "vit_b_16", "wide_resnet50_2",
)  # fmt: skip


def _of_timm(name: str) -> Callable[[], Any]:
    def make() -> Any:
        model = timm.create_model(name, pretrained=False)
        return model, torch.randn(4, *model.default_cfg["input_size"])

    return make


def _of_torchvision(name: str) -> Callable[[], Any]:
    def make() -> Any:
        drawn = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
        side = 299 if name == "inception_v3" else 224
        return torchvision.models.get_model(name, weights=None, **drawn), torch.randn(4, 3, side, side)

    return make


NETWORKS = {f"timm_{name}": _of_timm(name) for name in TIMM}
NETWORKS |= {f"torchvision_{name}": _of_torchvision(name) for name in TORCHVISION}
globals().update(NETWORKS)
