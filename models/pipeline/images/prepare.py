"""A dataset folder to what picture networks learn from."""

# N photographs, F text feature, E text embedding

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.data.check import CheckReport
from models.data.column_types import is_word
from models.data.dataset import DatasetInfo
from models.data.photos import read_photos
from models.data.read import NO_COLUMN_MAP, load_catalogue
from models.domain.counted import counted
from models.domain.errors import DatasetError
from models.domain.progress import Progress
from models.features.text_encoder import EmbeddingCache, TextEncoder
from models.images.text_feature import TextProjection
from models.images.vocabulary import PictureVocabulary
from models.metrics.prdc import NEIGHBOURS
from models.networks.text_encoder_export import TextEncoderFiles, ensure_text_encoder
from models.training.images.data import PictureData

PART: Final = "part"
TEST: Final = "test"
TEST_SHARE: Final = 0.1
MIN_PHOTOS: Final = 200
"""Fewer teach a generator nothing that it could not copy."""
MIN_MEASURED: Final = NEIGHBOURS + 1
"""Photographs held out, and trained on: measures reach to so many neighbours."""


@dataclass(frozen=True, slots=True)
class ReadTexts:
    """What the items' texts became, and by what."""

    encoder_files: TextEncoderFiles
    projection: TextProjection
    feature_NF: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class PreparedPictures:
    """All that `figment images train` reads."""

    info: DatasetInfo
    report: CheckReport
    catalogue: pl.DataFrame
    """Of the items with a photograph, in the order of `data`."""
    vocabulary: PictureVocabulary
    texts: ReadTexts | None
    """None where no item has one."""
    data: PictureData
    is_test_N: NDArray[np.bool_]
    """Held out from generator and classifier."""

    @property
    def train(self) -> PictureData:
        """What networks are fitted on."""
        return self.data.rows(np.flatnonzero(~self.is_test_N))

    @property
    def test(self) -> PictureData:
        """What measures are taken on."""
        return self.data.rows(np.flatnonzero(self.is_test_N))


def prepare_pictures(
    folder: Path,
    *,
    size: int,
    seed: int,
    strict: bool,
    cache: Path,
    progress: Progress,
    column_map: Mapping[str, str] = NO_COLUMN_MAP,
) -> PreparedPictures:
    """Photographs, what they show, and which of them are held out.

    Those are the rows whose column `part` says `test`; where it says so of none, a tenth, drawn by item id. Raises
    DatasetError where there are too few photographs, of either kind too, or nothing says what they show.
    """
    loaded = load_catalogue(folder, strict=strict, column_map=column_map)
    photos = read_photos(folder, loaded.catalogue, size, progress)
    if len(photos.item_rows_N) < MIN_PHOTOS:
        raise DatasetError(
            f"{folder} has {counted(len(photos.item_rows_N), 'photograph')}; at least {MIN_PHOTOS} are needed"
        )
    catalogue = loaded.catalogue[photos.item_rows_N]
    vocabulary = PictureVocabulary.fit(catalogue)
    if not vocabulary.categories:
        raise DatasetError(f"{folder}: no category has enough photographs to be learned")
    category_N, is_test_N = vocabulary.categories_of(catalogue), _held_out(catalogue, seed)
    _refuse_unmeasurable(folder, category_N, is_test_N)
    texts = vocabulary.texts_of(catalogue)
    read = _read_texts(texts, cache, progress) if any(texts) else None
    feature_NF = read.feature_NF if read else np.zeros((catalogue.height, 0), np.float32)
    data = PictureData(
        photos_NHWC=photos.photos_NHWC,
        category_N=category_N,
        colour_N=vocabulary.colours_of(catalogue),
        feature_NF=feature_NF,
        num_categories=len(vocabulary.categories),
        num_colours=len(vocabulary.colours),
        digest=_digest(photos.photos_NHWC, catalogue),
    )
    return PreparedPictures(
        info=loaded.info,
        report=loaded.report,
        catalogue=catalogue,
        vocabulary=vocabulary,
        texts=read,
        data=data,
        is_test_N=is_test_N,
    )


def _read_texts(texts: Sequence[str], cache: Path, progress: Progress) -> ReadTexts:
    files = ensure_text_encoder(cache / "text-encoders", progress=progress)
    text_NE = EmbeddingCache(cache / "embeddings").embed(TextEncoder(*files), texts, progress)
    projection = TextProjection.fit(text_NE)
    return ReadTexts(files, projection, projection.features(text_NE))


def _held_out(catalogue: pl.DataFrame, seed: int) -> NDArray[np.bool_]:
    # in many shops a column of that name holds the numbers of parts
    if PART in catalogue.columns and is_word(catalogue.schema[PART]):
        says_test_N = (catalogue[PART].cast(pl.String) == TEST).fill_null(value=False).to_numpy()
        if says_test_N.any():
            return says_test_N
    digests = [hashlib.sha256(f"{seed}\x1f{item_id}".encode()).digest() for item_id in catalogue["item_id"]]
    drawn_N = np.array([int.from_bytes(digest[:8]) for digest in digests], np.uint64)
    return drawn_N < np.uint64(TEST_SHARE * 2**64)


def _refuse_unmeasurable(folder: Path, category_N: NDArray[np.int64], is_test_N: NDArray[np.bool_]) -> None:
    """Before an hour of training: a held-out photograph is compared with others of its category, of both kinds."""
    num_rows = category_N.max() + 1
    trained_K, test_K = (
        np.bincount(category_N[of_kind_N], minlength=num_rows) for of_kind_N in (~is_test_N, is_test_N)
    )
    num_trained, num_measured = trained_K.sum(), test_K[(test_K > 1) & (trained_K > 0)].sum()
    if min(num_trained, num_measured) < MIN_MEASURED:
        raise DatasetError(
            f"{folder} has {counted(num_trained, 'photograph')} to train on and {num_measured} held out to measure on "
            f"(two or more of a category that is trained on); at least {MIN_MEASURED} of each are needed. "
            f"Held out is what a column {PART!r} says {TEST!r} of, else a tenth"
        )


def _digest(photos_NHWC: NDArray[np.uint8], catalogue: pl.DataFrame) -> str:
    """SHA-256 of photographs as they are used, and of what the catalogue says of them."""
    digest = hashlib.sha256(np.ascontiguousarray(photos_NHWC).data)
    digest.update(catalogue.write_ndjson().encode())
    return digest.hexdigest()
