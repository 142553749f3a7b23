"""Picture networks to ONNX, for serving without torch."""

# B pictures, Z noise, F text feature

from pathlib import Path

import torch
from torch import Tensor

from models.networks.images.classifier import PictureClassifier
from models.networks.images.generator import PictureGenerator
from models.networks.onnx_export import export_onnx


def export_picture_generator(generator: PictureGenerator, file: Path, *, feature_size: int) -> None:
    """Rows of category and colour, text feature and noise to pictures [B, C, H, W]; any B.

    Where products have no text there is no input for one: an array without columns is none that ONNX can name.
    """
    example: dict[str, Tensor] = {
        "category": torch.ones(2, dtype=torch.int64),
        "colour": torch.zeros(2, dtype=torch.int64),
        "feature": torch.zeros(2, feature_size),
        "noise": torch.randn(2, generator.noise_size),
    }
    network: torch.nn.Module = generator
    if not feature_size:
        del example["feature"]
        network = _WithoutText(generator)
    export_onnx(
        network, file, inputs=example, outputs=["pictures"], dynamic={name: {0: "pictures_asked"} for name in example}
    )


def export_picture_classifier(classifier: PictureClassifier, file: Path, *, picture_channels: int) -> None:
    """Pictures, −1 to 1, to features [B, D] and category logits [B, K]; any B."""
    example = {"picture": torch.randn(2, picture_channels, classifier.size, classifier.size)}
    export_onnx(
        classifier, file, inputs=example, outputs=["features", "logits"], dynamic={"picture": {0: "pictures_seen"}}
    )


class _WithoutText(torch.nn.Module):
    def __init__(self, generator: PictureGenerator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, category: Tensor, colour: Tensor, noise: Tensor) -> Tensor:
        pictures_BCHW: Tensor = self.generator(category, colour, noise.new_zeros((noise.shape[0], 0)), noise)
        return pictures_BCHW
