"""A contact sheet: many pictures on one, for people to look at."""

# N pictures, H height, W width, C channels

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

GAP: Final = 2
LABEL_WIDTH: Final = 150
PAPER: Final = 255
LABEL_CHARACTERS: Final = 24


def contact_sheet(rows: Sequence[tuple[str, NDArray[np.uint8]]], *, scale: int = 1) -> Image.Image:
    """One line of pictures [N, H, W, C] for each label; pictures are drawn `scale` times as large."""
    size = rows[0][1].shape[1] * scale
    across = max(len(pictures) for _, pictures in rows)
    sheet = Image.new("RGB", (LABEL_WIDTH + across * (size + GAP), len(rows) * (size + GAP)), (PAPER,) * 3)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for line, (label, pictures_NHWC) in enumerate(rows):
        top = line * (size + GAP)
        draw.text((4, top + size // 2 - 6), label[-LABEL_CHARACTERS:], fill=(0, 0, 0), font=font)
        for number, pixels_HWC in enumerate(pictures_NHWC):
            whole = pixels_HWC.repeat(scale, axis=0).repeat(scale, axis=1)
            picture = Image.fromarray(whole.squeeze(-1) if whole.shape[-1] == 1 else whole)
            sheet.paste(picture, (LABEL_WIDTH + number * (size + GAP), top))
    return sheet
