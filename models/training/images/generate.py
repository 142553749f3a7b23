"""Many pictures at once, in process: for measures and contact sheets."""

# N pictures, H height, W width, C channels

import numpy as np
import torch
from numpy.typing import NDArray

from models.images.model import as_pixels
from models.networks.images.generator import PictureGenerator
from models.training.build import softmax_dtype
from models.training.images.data import PictureData

BATCH = 100


@torch.no_grad()
def generate_like(generator: PictureGenerator, asked: PictureData, *, seed: int) -> NDArray[np.uint8]:
    """A picture [N, H, W, C] for what each photograph of `asked` shows; the photographs are not looked at."""
    noise = torch.Generator().manual_seed(seed)
    made = []
    for start in range(0, asked.num_photos, BATCH):
        rows = slice(start, start + BATCH)
        category_B = torch.from_numpy(asked.category_N[rows])
        with torch.autocast("cpu", torch.bfloat16, enabled=softmax_dtype() == torch.bfloat16):
            pictures_BCHW = generator(
                category_B,
                torch.from_numpy(asked.colour_N[rows]),
                torch.from_numpy(asked.feature_NF[rows]),
                torch.randn((len(category_B), generator.noise_size), generator=noise),
            )
        made += [as_pixels(picture_CHW) for picture_CHW in pictures_BCHW.float().numpy()]
    return np.stack(made)
