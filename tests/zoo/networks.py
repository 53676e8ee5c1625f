"""Networks of transformers as its own code initialises them, small in width and depth, each with an input."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import transformers as hf
from torch import Tensor, nn

from tests.zoo import operators as operators  # before torchvision, which transformers looks for

SMALL = {"hidden_size": 128, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 512}
Network = tuple[nn.Module, dict[str, Tensor]]


def tokens(vocabulary: int, rows: int = 4, length: int = 64) -> dict[str, Tensor]:
    ids = torch.randint(3, vocabulary, (rows, length))
    return {"input_ids": ids, "labels": ids}


def images(size: int) -> dict[str, Tensor]:
    return {"pixel_values": torch.randn(8, 3, size, size), "labels": torch.randint(10, (8,))}


def gpt2() -> Network:
    return hf.GPT2LMHeadModel(hf.GPT2Config(n_embd=128, n_layer=4, n_head=4, vocab_size=1000)), tokens(1000)


def bert() -> Network:
    return hf.BertForMaskedLM(hf.BertConfig(**SMALL, vocab_size=1000)), tokens(1000)


def albert() -> Network:
    return hf.AlbertForMaskedLM(hf.AlbertConfig(**SMALL, embedding_size=64, vocab_size=1000)), tokens(1000)


def llama() -> Network:
    return hf.LlamaForCausalLM(hf.LlamaConfig(**SMALL, vocab_size=1000)), tokens(1000)


def mixtral() -> Network:
    config = hf.MixtralConfig(**SMALL, num_key_value_heads=2, num_local_experts=4, vocab_size=1000)
    return hf.MixtralForCausalLM(config), tokens(1000)


def t5() -> Network:
    config = hf.T5Config(d_model=128, d_kv=32, d_ff=512, num_layers=4, num_heads=4, vocab_size=1000,
                         decoder_start_token_id=0)  # fmt: skip
    return hf.T5ForConditionalGeneration(config), tokens(1000)


def mamba() -> Network:
    return hf.MambaForCausalLM(hf.MambaConfig(hidden_size=128, num_hidden_layers=4, vocab_size=1000)), tokens(1000)


def vit() -> Network:
    return hf.ViTForImageClassification(hf.ViTConfig(**SMALL, image_size=32, patch_size=4, num_labels=10)), images(32)


def resnet() -> Network:
    config = hf.ResNetConfig(embedding_size=32, hidden_sizes=[32, 64, 128, 256], depths=[2, 2, 2, 2], num_labels=10,
                             layer_type="basic")  # fmt: skip
    return hf.ResNetForImageClassification(config), images(64)


def convnext() -> Network:
    config = hf.ConvNextConfig(hidden_sizes=[32, 64, 128, 256], depths=[2, 2, 4, 2], num_labels=10)
    return hf.ConvNextForImageClassification(config), images(64)


def mobilenet() -> Network:
    return hf.MobileNetV2ForImageClassification(hf.MobileNetV2Config(image_size=64, num_labels=10)), images(64)


def swin() -> Network:
    config = hf.SwinConfig(image_size=64, embed_dim=48, depths=[2, 2, 2], num_heads=[3, 6, 12], window_size=4,
                           num_labels=10)  # fmt: skip
    return hf.SwinForImageClassification(config), images(64)


def wav2vec2() -> Network:
    config = hf.Wav2Vec2Config(**SMALL, num_conv_pos_embeddings=32, num_conv_pos_embedding_groups=4,
                               conv_dim=(64,) * 7, num_labels=10, classifier_proj_size=64)  # fmt: skip
    inputs = {"input_values": torch.randn(4, 8000), "labels": torch.randint(10, (4,))}
    return hf.Wav2Vec2ForSequenceClassification(config), inputs


NETWORKS: dict[str, Callable[[], Any]] = {
    function.__name__: function
    for function in (
        gpt2, bert, albert, llama, mixtral, t5, mamba, vit, resnet, convnext, mobilenet, swin, wav2vec2,
    )
}  # fmt: skip
