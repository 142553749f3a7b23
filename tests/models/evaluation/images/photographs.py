"""Photographs of the made-up shop as picture networks read them."""

import numpy as np

from models.data.photos import square
from models.training.images.data import PictureData
from tests.picture_shop import COLOURS, SHAPES, photo

SIZE = 32


def photographs(each: int, seed: int) -> PictureData:
    """`each` of every category and colour."""
    rng = np.random.default_rng(seed)
    kinds = [(category, colour) for category in SHAPES for colour in COLOURS for _ in range(each)]
    pictures = [np.asarray(square(photo(category, colour, rng), SIZE)) for category, colour in kinds]
    return PictureData(
        photos_NHWC=np.stack(pictures),
        category_N=np.array([list(SHAPES).index(category) + 1 for category, _ in kinds]),
        colour_N=np.array([list(COLOURS).index(colour) + 1 for _, colour in kinds]),
        feature_NF=np.zeros((len(kinds), 0), np.float32),
        num_categories=len(SHAPES),
        num_colours=len(COLOURS),
    )
