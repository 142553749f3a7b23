from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch

from models.networks.images.classifier import PictureClassifier
from models.networks.images.export import export_picture_classifier, export_picture_generator
from models.networks.images.generator import PictureGenerator


def small_generator(feature_size: int) -> PictureGenerator:
    torch.manual_seed(0)
    generator = PictureGenerator(
        num_categories=3,
        num_colours=2,
        feature_size=feature_size,
        noise_size=5,
        condition_size=6,
        style_size=7,
        channels=(8, 4),
        picture_channels=3,
    )
    for parameter in generator.parameters():  # what begins as zero would hide a mistake
        torch.nn.init.normal_(parameter, std=0.3)
    generator.mean_KCHW.normal_()
    return generator.eval()


class TestExport:
    @pytest.mark.parametrize("feature_size", [0, 4])
    @torch.no_grad()
    def test_generator_is_the_same_for_any_number_of_pictures(self, tmp_path: Path, feature_size: int) -> None:
        generator, file = small_generator(feature_size), tmp_path / "images.onnx"
        export_picture_generator(generator, file, feature_size=feature_size)
        session = ort.InferenceSession(file, providers=["CPUExecutionProvider"])
        for num in (1, 3):
            category, colour = torch.arange(num), torch.arange(num) % 3
            feature, noise = torch.randn(num, feature_size), torch.randn(num, 5)
            inputs = {"category": category, "colour": colour, "noise": noise}
            if feature_size:
                inputs["feature"] = feature
            (found,) = session.run(None, {name: value.numpy() for name, value in inputs.items()})
            np.testing.assert_allclose(found, generator(category, colour, feature, noise).numpy(), atol=1e-4)

    @torch.no_grad()
    def test_classifier_is_the_same_for_any_number_of_pictures(self, tmp_path: Path) -> None:
        torch.manual_seed(0)
        classifier = PictureClassifier(num_categories=3, num_colours=2, channels=(4, 8), picture_channels=1, size=16)
        file = tmp_path / "classifier.onnx"
        export_picture_classifier(classifier, file, picture_channels=1)
        session = ort.InferenceSession(file, providers=["CPUExecutionProvider"])
        for num in (1, 3):
            picture = torch.randn(num, 1, 16, 16)
            for found, expected in zip(
                session.run(None, {"picture": picture.numpy()}), classifier(picture), strict=True
            ):
                np.testing.assert_allclose(found, expected.numpy(), atol=1e-4)
