import io
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from models.data.photos import read_photos, square
from models.domain.errors import DatasetError


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return buffer.getvalue()


def on_white(height: int, width: int) -> np.ndarray:
    pixels = np.full((height, width, 3), 255, np.uint8)
    pixels[2:-2, 2:-2] = (200, 0, 0)
    return pixels


class TestSquare:
    def test_a_tall_picture_is_framed_in_the_colour_of_its_edge(self) -> None:
        framed = np.asarray(square(png(on_white(40, 20)), 40))
        assert framed.shape == (40, 40, 3)
        np.testing.assert_array_equal(framed[:, 10:30], on_white(40, 20))
        assert (framed[:, :10] == 255).all()

    def test_a_smaller_one_is_framed_not_blown_up(self) -> None:
        black = np.zeros((28, 28), np.uint8)
        black[10:18, 10:18] = 99
        framed = np.asarray(square(png(black), 32))
        np.testing.assert_array_equal(framed[2:30, 2:30], black)
        assert framed[0].max() == 0

    def test_a_larger_one_is_made_smaller(self) -> None:
        assert square(png(on_white(80, 60)), 32).size == (32, 32)

    def test_what_is_no_picture_is_refused(self) -> None:
        with pytest.raises(OSError, match="cannot identify"):
            square(b"no picture", 32)


class TestReadPhotos:
    catalogue = pl.DataFrame({"item_id": ["a", "b", "c", "d"]})

    def test_of_the_sidecar_in_the_catalogues_order(self, tmp_path: Path) -> None:
        red, grey = png(on_white(32, 32)), png(np.full((32, 32), 7, np.uint8))
        rows = {"item_id": ["c", "a", "unknown", "b"], "jpeg": [grey, red, red, b"broken"]}
        pl.DataFrame(rows).write_parquet(tmp_path / "photos.parquet")
        photos = read_photos(tmp_path, self.catalogue, 32)
        assert photos.item_rows_N.tolist() == [0, 2]
        assert photos.num_unreadable == 1
        assert photos.photos_NHWC.shape == (2, 32, 32, 3)
        assert (photos.photos_NHWC[1] == 7).all()

    def test_of_files_inside_the_folder_only(self, tmp_path: Path) -> None:
        folder = tmp_path / "shop"
        folder.mkdir()
        (folder / "a.png").write_bytes(png(np.full((32, 32), 7, np.uint8)))
        (tmp_path / "secret.png").write_bytes(png(np.full((32, 32), 9, np.uint8)))
        images = ["a.png", "../secret.png", "https://shop.example/c.png", None]
        photos = read_photos(folder, self.catalogue.with_columns(image=pl.Series(images)), 32)
        assert photos.item_rows_N.tolist() == [0]
        assert photos.photos_NHWC.shape == (1, 32, 32, 1)

    def test_none_is_an_error_that_says_what_is_needed(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match=r"photos\.parquet"):
            read_photos(tmp_path, self.catalogue, 32)
