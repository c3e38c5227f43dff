"""Small models of transformers, one of each kind, in folders as the hub has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 56, "patch_size": 14}
_MLP = {"intermediate_size": 64}
_TEXT = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}

KINDS = ["dinov2", "registers", "vit", "clip", "siglip"]  # siglip: also SigLIP 2 of fixed size, which has its form


def save(kind: str, above: Path) -> tuple[Path, Any, Any]:
    """The folder of a small model of a kind, the model, and its image processor: both transformers' own."""
    import torch

    folder = above / f"tiny-{kind}"
    model, processor = _made(kind)
    with torch.no_grad():
        for array in model.parameters():
            array.add_(0.02 * torch.randn(array.shape))  # no array is all zeros or ones, whatever drew it
    model.eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder, model, processor


def _made(kind: str) -> tuple[Any, Any]:
    import torch
    import transformers as t

    torch.manual_seed(2)
    crop = {"size": {"shortest_edge": 65}, "crop_size": {"height": 56, "width": 56}, "resample": 3}
    if kind == "dinov2":
        return t.Dinov2Model(t.Dinov2Config(**_SMALL)), t.BitImageProcessorPil(**crop)
    if kind == "registers":
        config = t.Dinov2WithRegistersConfig(**_SMALL, num_register_tokens=3)
        return t.Dinov2WithRegistersModel(config), t.BitImageProcessorPil(**crop)
    if kind == "vit":
        processor = t.ViTImageProcessorPil(size={"height": 56, "width": 56}, resample=2)
        return t.ViTModel(t.ViTConfig(**_SMALL, **_MLP), add_pooling_layer=False), processor
    if kind == "clip":
        config = t.CLIPConfig(vision_config={**_SMALL, **_MLP}, text_config=_TEXT, projection_dim=24)
        return t.CLIPModel(config), t.CLIPImageProcessorPil(size={"shortest_edge": 56}, crop_size=crop["crop_size"])
    config = t.SiglipConfig(vision_config={**_SMALL, **_MLP}, text_config=_TEXT)
    return t.SiglipModel(config), t.SiglipImageProcessorPil(size={"height": 56, "width": 56}, resample=2)
