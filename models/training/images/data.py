"""What picture networks learn from, and batches of it."""

# N photographs, B pictures, C channels, H height, W width, F text feature

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, slots=True)
class PictureData:
    """Photographs, and what each shows."""

    photos_NHWC: NDArray[np.uint8]
    category_N: NDArray[np.int64]
    """Rows of the vocabulary; 0 is none of it."""
    colour_N: NDArray[np.int64]
    feature_NF: NDArray[np.float32]
    num_categories: int
    num_colours: int
    digest: str = ""

    @property
    def num_photos(self) -> int:
        """Number of photographs."""
        return len(self.photos_NHWC)

    @property
    def picture_channels(self) -> int:
        """1 for grey, 3 for colour."""
        return self.photos_NHWC.shape[3]

    def rows(self, rows_B: NDArray[np.int64]) -> "PictureData":
        """Only these."""
        return PictureData(
            photos_NHWC=self.photos_NHWC[rows_B],
            category_N=self.category_N[rows_B],
            colour_N=self.colour_N[rows_B],
            feature_NF=self.feature_NF[rows_B],
            num_categories=self.num_categories,
            num_colours=self.num_colours,
            digest=self.digest,
        )


class PictureBatch(NamedTuple):
    """Some photographs and what they show."""

    photos_BCHW: Tensor
    """−1 black to 1 white."""
    category_B: Tensor
    colour_B: Tensor
    feature_BF: Tensor


def as_tensor(photos_BHWC: NDArray[np.uint8]) -> Tensor:
    """Photographs [B, C, H, W], −1 black to 1 white, in the memory order that convolutions like best."""
    photos_BCHW = torch.from_numpy(photos_BHWC).permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)
    return photos_BCHW.contiguous(memory_format=torch.channels_last)


def batch_of(data: PictureData, rows_B: NDArray[np.int64]) -> PictureBatch:
    """These photographs."""
    return PictureBatch(
        photos_BCHW=as_tensor(data.photos_NHWC[rows_B]),
        category_B=torch.from_numpy(data.category_N[rows_B]),
        colour_B=torch.from_numpy(data.colour_N[rows_B]),
        feature_BF=torch.from_numpy(data.feature_NF[rows_B]),
    )


def batches_from(data: PictureData, *, batch_size: int, seed: int, start: int) -> Iterator[PictureBatch]:
    """Endless batches; from step `start` on they are what an uninterrupted run would have seen."""
    per_epoch = max(1, data.num_photos // batch_size)
    step = start
    while True:
        epoch, number = divmod(step, per_epoch)
        if number == 0 or step == start:
            order_N = np.random.default_rng((seed, epoch)).permutation(data.num_photos)
        yield batch_of(data, order_N[number * batch_size : (number + 1) * batch_size])
        step += 1
