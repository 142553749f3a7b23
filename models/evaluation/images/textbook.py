"""The textbook generator, as a rival: two-layer perceptrons, binary cross-entropy, Adam.

100 numbers of noise, hidden layers of 256 units, leaky rectifiers, tanh, Adam 1e-3, an epoch at a time; told nothing
of categories. This is what introductions to generative adversarial networks build (after Goodfellow et al.,
arXiv:1406.2661).
"""

# B pictures, P pixels, Z noise, N pictures, H height, W width, C channels

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from models.images.model import as_pixels
from models.training.images.data import PictureData, batches_from

NOISE_SIZE = 100
HIDDEN_SIZE = 256
LEARNING_RATE = 1e-3
BATCH_SIZE = 128


class Textbook:
    """Generator and discriminator."""

    def __init__(self, data: PictureData, seed: int) -> None:
        torch.manual_seed(seed)
        self._data = data
        self._seed = seed
        self._noise = torch.Generator().manual_seed(seed)
        self._shape = data.photos_NHWC.shape[1:]
        num_pixels = int(np.prod(self._shape))
        self._generator = nn.Sequential(
            nn.Linear(NOISE_SIZE, HIDDEN_SIZE), nn.LeakyReLU(0.2), nn.Linear(HIDDEN_SIZE, num_pixels), nn.Tanh()
        )
        self._discriminator = nn.Sequential(
            nn.Linear(num_pixels, HIDDEN_SIZE), nn.LeakyReLU(0.2), nn.Linear(HIDDEN_SIZE, 1)
        )

    def epochs(self) -> Iterator[int]:
        """Trains on and on; yields after each epoch."""
        optimizers = [
            torch.optim.Adam(network.parameters(), LEARNING_RATE) for network in (self._generator, self._discriminator)
        ]
        per_epoch = self._data.num_photos // BATCH_SIZE
        batches = batches_from(self._data, batch_size=BATCH_SIZE, seed=self._seed, start=0)
        for step, batch in enumerate(batches, 1):
            self._step(batch.photos_BCHW.permute(0, 2, 3, 1).flatten(1), *optimizers)
            if step % per_epoch == 0:
                yield step // per_epoch

    @torch.no_grad()
    def pictures(self, num: int) -> NDArray[np.uint8]:
        """[N, H, W, C]."""
        noise_NZ = torch.randn((num, NOISE_SIZE), generator=torch.Generator().manual_seed(self._seed))
        pictures_NHWC = self._generator(noise_NZ).numpy().reshape(num, *self._shape)
        return np.stack([as_pixels(picture_HWC.transpose(2, 0, 1)) for picture_HWC in pictures_NHWC])

    def _step(self, real_BP: Tensor, generator: torch.optim.Optimizer, discriminator: torch.optim.Optimizer) -> None:
        fake_BP = self._generator(torch.randn((len(real_BP), NOISE_SIZE), generator=self._noise))
        real_B1, fake_B1 = self._discriminator(real_BP), self._discriminator(fake_BP.detach())
        ones_B1 = torch.ones_like(real_B1)
        told_apart = functional.binary_cross_entropy_with_logits(real_B1, ones_B1)
        told_apart = told_apart + functional.binary_cross_entropy_with_logits(fake_B1, torch.zeros_like(fake_B1))
        _descend(told_apart, discriminator)
        _descend(functional.binary_cross_entropy_with_logits(self._discriminator(fake_BP), ones_B1), generator)


def _descend(loss: Tensor, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    optimizer.step()
