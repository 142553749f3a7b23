import gzip
import hashlib
import io
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from models.data.read import load_catalogue
from models.data.sources import fashion_mnist
from models.data.sources.fashion_mnist import CATEGORIES, DEBIAN_FOLDER, KnownFile, write_fashion_mnist
from models.domain.errors import DatasetError
from models.domain.progress import NoProgress

NUM = {"train": 12, "test": 5}


@pytest.fixture
def four_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files of the true format with a few made-up pictures, known by their own checksums."""
    folder = tmp_path / "source"
    folder.mkdir()
    rng = np.random.default_rng(0)
    known = {}
    for part, (images, labels) in fashion_mnist.FILES.items():
        pixels = rng.integers(0, 256, (NUM[part], 28, 28), np.uint8)
        contents = {
            images.name: bytes(16) + pixels.tobytes(),
            labels.name: bytes(8) + (np.arange(NUM[part]) % 10).astype(np.uint8).tobytes(),
        }
        made = []
        for name, content in contents.items():
            packed = gzip.compress(content)
            (folder / name).write_bytes(packed)
            made.append(KnownFile(name, len(packed), hashlib.sha256(packed).hexdigest()))
        known[part] = tuple(made)
    monkeypatch.setattr(fashion_mnist, "FILES", known)
    return folder


class TestWriteFashionMnist:
    def test_lays_down_a_catalogue_with_photographs_and_no_events(self, four_files: Path, tmp_path: Path) -> None:
        any_of_them = four_files / "train-labels-idx1-ubyte.gz"
        folder = write_fashion_mnist(tmp_path / "out", NoProgress(), any_of_them)
        loaded = load_catalogue(folder)
        assert (loaded.info.name, loaded.info.licence) == ("Fashion-MNIST", "MIT")
        assert loaded.catalogue["part"].to_list() == ["train"] * 12 + ["test"] * 5
        assert loaded.catalogue["category"].to_list()[:10] == list(CATEGORIES)
        photos = pl.read_parquet(folder / "photos.parquet")
        raw = gzip.decompress((four_files / "t10k-images-idx3-ubyte.gz").read_bytes())[16:]
        first_test = np.asarray(Image.open(io.BytesIO(photos.filter(item_id="test-00000")["jpeg"].item())))
        np.testing.assert_array_equal(first_test, np.frombuffer(raw, np.uint8)[: 28 * 28].reshape(28, 28))
        assert not (folder / "events.parquet").exists()

    def test_another_file_is_refused(self, four_files: Path, tmp_path: Path) -> None:
        file = four_files / "t10k-labels-idx1-ubyte.gz"
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(bytes(content))
        with pytest.raises(DatasetError, match="not the known file"):
            write_fashion_mnist(tmp_path / "out", NoProgress(), file)
        assert not (tmp_path / "out").exists()

    @pytest.mark.long
    @pytest.mark.skipif(not DEBIAN_FOLDER.is_dir(), reason="the package dataset-fashion-mnist is not installed")
    def test_debians_files_are_the_known_ones(self, tmp_path: Path) -> None:
        assert load_catalogue(write_fashion_mnist(tmp_path / "out", NoProgress())).catalogue.height == 70_000
