"""A made-up shop whose photographs are known by construction: coloured discs and bars on white."""

import io
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from PIL import Image

SIDE: Final = 24
COLOURS: Final = {"Red": (200, 30, 30), "Blue": (30, 30, 200), "Green": (20, 150, 20)}
SHAPES: Final = {"Home > Plates": "disc", "Home > Shelves": "bar"}
EACH: Final = 60
"""Photographs of each category and colour."""


def picture_shop(folder: Path, *, seed: int = 0) -> Path:
    """A dataset folder with a catalogue and photographs, and no events."""
    rng = np.random.default_rng(seed)
    items, photos = [], []
    for category in SHAPES:
        for colour in COLOURS:
            for number in range(EACH):
                item_id = f"{SHAPES[category]}-{colour.lower()}-{number}"
                noun = category.rpartition(" > ")[2].lower()
                title = f"{colour} {rng.choice(['large', 'small', 'plain', 'fine'])} {noun}"
                items.append({"item_id": item_id, "title": title, "category": category, "colour": colour})
                photos.append({"item_id": item_id, "jpeg": photo(category, colour, rng)})
    folder.mkdir(parents=True)
    pl.DataFrame(items).sample(fraction=1.0, shuffle=True, seed=seed).write_parquet(folder / "catalogue.parquet")
    pl.DataFrame(photos).write_parquet(folder / "photos.parquet")
    return folder


def photo(category: str, colour: str, rng: np.random.Generator) -> bytes:
    """A PNG, 18 × 24, of the category's shape in the colour, nearly in the middle."""
    pixels = np.full((SIDE, SIDE * 3 // 4, 3), 255, np.uint8)
    rows, columns = np.mgrid[: pixels.shape[0], : pixels.shape[1]]
    middle = (pixels.shape[0] / 2 + rng.integers(-1, 2), pixels.shape[1] / 2 + rng.integers(-1, 2))
    if SHAPES[category] == "disc":
        inside = np.hypot(rows - middle[0], columns - middle[1]) < 7
    else:
        inside = np.abs(rows - middle[0]) < 3
    pixels[inside] = np.clip(np.array(COLOURS[colour]) + rng.integers(-15, 16, 3), 0, 255)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return buffer.getvalue()
