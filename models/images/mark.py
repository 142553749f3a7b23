"""The visible mark: the letters AI in the corner of a picture."""

# H height, W width, C channels

from typing import Final

import numpy as np
from numpy.typing import NDArray

LETTERS: Final = ("       ", " ### # ", " # # # ", " ### # ", " # # # ", " # # # ", "       ")
"""White letters in a black box; 7 × 7, the least that can be read."""
SMALLEST: Final = 32
"""The size of picture at which one dot of the mark is one pixel."""


def marked(pixels_HWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A copy with the mark in its lower right corner, as large against the picture at every size."""
    dots = np.array([[255 if dot == "#" else 0 for dot in line] for line in LETTERS], np.uint8)
    scale = max(1, len(pixels_HWC) // SMALLEST)
    box_HW = dots.repeat(scale, axis=0).repeat(scale, axis=1)
    result = pixels_HWC.copy()
    result[-len(box_HW) :, -box_HW.shape[1] :] = box_HW[..., None]
    return result
