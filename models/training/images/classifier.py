"""Fits the picture classifier, and says how good it is."""

# B pictures, N photographs, D features, K categories, C channels, H height, W width

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from models.domain.progress import Progress
from models.networks.images.classifier import PictureClassifier
from models.training.build import softmax_dtype
from models.training.images.config import PictureConfig
from models.training.images.data import PictureBatch, PictureData, as_tensor, batches_from

CHANNELS = (32, 64, 96)
BATCH = 250
WARM_UP_SHARE = 0.1
WEIGHT_DECAY = 0.05


@dataclass(frozen=True, slots=True)
class SeenPictures:
    """What the classifier makes of pictures."""

    features_ND: NDArray[np.float32]
    logits_NK: NDArray[np.float32]

    def accuracy(self, category_N: NDArray[np.int64]) -> float:
        """Share of the pictures of a known category (row > 0) that are recognised."""
        known_N = category_N > 0
        return float((self.logits_NK[known_N].argmax(axis=1) + 1 == category_N[known_N]).mean())


def train_classifier(data: PictureData, config: PictureConfig, progress: Progress) -> PictureClassifier:
    """Fitted to the end, in evaluation mode; the same for the same seed."""
    torch.manual_seed(config.seed)
    classifier = PictureClassifier(
        num_categories=data.num_categories,
        num_colours=data.num_colours,
        channels=CHANNELS,
        picture_channels=data.picture_channels,
        size=config.size,
    )
    classifier.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch leaves it untyped
    optimizer = torch.optim.AdamW(classifier.parameters(), config.classifier_learning_rate, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, config.classifier_learning_rate, config.classifier_steps, pct_start=WARM_UP_SHARE
    )
    progress.start("Training the picture classifier", config.classifier_steps)
    batches = batches_from(data, batch_size=config.classifier_batch_size, seed=config.seed, start=0)
    for _, batch in zip(range(config.classifier_steps), batches, strict=False):
        loss = _loss(classifier, batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimizer.step()
        schedule.step()
        progress.advance(note=f"loss {loss.item():.2f}")
    progress.finish()
    return classifier.eval()


@torch.no_grad()
def see(classifier: PictureClassifier, photos_NHWC: NDArray[np.uint8]) -> SeenPictures:
    """Features and logits of pictures of the classifier's size."""
    features, logits = [], []
    for start in range(0, len(photos_NHWC), BATCH):
        with _low_precision():
            features_BD, logits_BK = classifier(as_tensor(photos_NHWC[start : start + BATCH]))
        features.append(features_BD.float().numpy())
        logits.append(logits_BK.float().numpy())
    return SeenPictures(np.concatenate(features), np.concatenate(logits))


def _loss(classifier: PictureClassifier, batch: PictureBatch) -> Tensor:
    with _low_precision():
        category_BK, colour_BO = classifier.classes(classifier.embed(_shifted(batch.photos_BCHW)))
    loss = functional.cross_entropy(category_BK.float(), batch.category_B - 1, ignore_index=-1, label_smoothing=0.05)
    if colour_BO is not None:
        loss = loss + functional.cross_entropy(colour_BO.float(), batch.colour_B - 1, ignore_index=-1)
    return loss


def _shifted(photos_BCHW: Tensor) -> Tensor:
    """All of a batch moved by the same few pixels: what a picture shows does not hang on where it lies."""
    down, right = torch.randint(-2, 3, (2,)).tolist()
    return photos_BCHW.roll((down, right), dims=(2, 3))


def _low_precision() -> torch.autocast:
    return torch.autocast("cpu", torch.bfloat16, enabled=softmax_dtype() == torch.bfloat16)
