"""The picture model that serves: what is asked for in words, pictures with their nearest real products out."""

# N items, D picture features, F text feature, Z noise, H height, W width, C channels

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from models.domain.errors import InputError, NotPictured, RuleRefused, UnknownName
from models.domain.stages import timed
from models.features.text_encoder import TextEncoder
from models.images import layout
from models.images.folder import ImagesFolder, open_images
from models.images.product_texts import ProductTexts
from models.images.provenance import signed_png
from models.images.request import (
    NUM_NEAREST,
    Asked,
    GeneratedPicture,
    NearestProduct,
    PictureFacts,
    PictureRequest,
)
from models.images.signing import SigningKey
from models.images.vocabulary import ANY

TEXT_NEIGHBOURS: Final = 25
"""Products whose category a text is taken to mean."""
NAMES_TOLD: Final = 40
SMALLEST: Final = 32


class PictureModel:
    """One sealed folder, opened."""

    def __init__(self, images: ImagesFolder) -> None:
        self.manifest = images.manifest
        self.model_version = images.manifest.model_version
        self._images = images
        self._generator = images.session(layout.GENERATOR)
        self._classifier = images.session(layout.CLASSIFIER)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Raises PicturesNotFound, BundleCorrupt."""
        return cls(open_images(folder))

    def check(self, request: PictureRequest) -> None:
        """Raises UnknownName, NotPictured, RuleRefused or InputError where `pictures` would; reads no text.

        `check_text` does.
        """
        self._size(request)
        self._colour(request)
        if request.category is not None:
            self._categories(request.category)
        if request.item_id is not None:
            self._row_of(request.item_id)
        if request.query is not None and not request.query.strip():
            raise RuleRefused(("query",), "holds no word")
        if request.query is not None and self._images.projection is None:
            raise InputError(
                f"the picture model {self.model_version} was trained on products without texts, so it cannot be asked "
                "by query: ask by category, colour or item_id"
            )

    def check_text(self, request: PictureRequest) -> None:
        """Raises RuleRefused where `pictures` would for what the query says; takes as long as a text is read."""
        self._wish(request)

    def of_concept(self, request: PictureRequest, category: str | None, words: Sequence[str]) -> PictureRequest:
        """The request for a product that does not exist, by what a decoder says of it.

        Its category, or what that is part of; its words where products here have texts. Raises UnknownName where the
        photographs show nothing of that category, InputError where nothing is left to go by: no picture is made up.
        """
        row = ANY if category is None else self._images.vocabulary.category_row(category)
        if category is not None and row == ANY:
            raise UnknownName("category", category, _told(self._images.vocabulary.categories))
        query = " ".join(words) if words and self._images.projection is not None else None
        if row == ANY and query is None:
            raise InputError(
                f"the concept has neither a category nor words that the picture model {self.model_version} can go by"
            )
        known = None if row == ANY else self._images.vocabulary.categories[row - 1]
        return replace(request, category=known, query=query)

    def pictures(self, request: PictureRequest, key: SigningKey, *, visible_mark: bool) -> Iterator[GeneratedPicture]:
        """`request.num` pictures, one at a time: the same for the same seed, however many are asked for."""
        self.check(request)
        size, draw = self._size(request), self._wish(request)
        for number in range(request.num):
            with timed("picture"):
                rng = np.random.default_rng((request.seed, number))
                category, colour, feature_F = draw(rng)
                pixels_HWC = self.generate(category, colour, feature_F, rng)
                feature_D, probability_K = self._look(pixels_HWC)
                facts = self._facts(request.seed, number, category, colour, visible_mark=visible_mark)
                made = GeneratedPicture(
                    png=signed_png(shrunk(pixels_HWC, size), facts, key),
                    asked=Asked(facts.category, facts.colour),
                    category_probability=None if category == ANY else round(float(probability_K[category - 1]), 4),
                    nearest=self._nearest_to(feature_D, NUM_NEAREST),
                    facts=facts,
                )
            yield made

    def generate(
        self, category: int, colour: int, feature_F: NDArray[np.float32], rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        """One picture [H, W, C] of the model's own size, from rows of its vocabulary."""
        inputs = {
            "category": np.array([category], np.int64),
            "colour": np.array([colour], np.int64),
            "noise": rng.standard_normal((1, self.manifest.noise_size), dtype=np.float32),
        }
        if self.manifest.feature_size:
            inputs["feature"] = feature_F[None]
        (pictures_BCHW,) = self._generator.run(None, inputs)
        return as_pixels(pictures_BCHW[0])

    def nearest(self, pixels_HWC: NDArray[np.uint8], k: int = NUM_NEAREST) -> list[NearestProduct]:
        """The real products whose photographs are most like a picture of the model's own size."""
        return self._nearest_to(self._look(pixels_HWC)[0], k)

    @property
    def picture_size(self) -> int:
        """Height and width of what it makes."""
        return max(self.manifest.sizes)

    # what is asked for

    def _wish(self, request: PictureRequest) -> "Draw":
        images = self._images
        rows = np.arange(len(images.item_ids))
        feature_F: NDArray[np.float32] | None = None
        colour = self._colour(request)
        if request.item_id is not None:
            row = self._row_of(request.item_id)
            rows, feature_F = np.array([row]), images.text_features_NF[row]
        if request.query is not None and (text := images.vocabulary.without_colour(request.query)):
            text_E = self._encoder.embed([text])[0]
            feature_F, meant = self._read(text_E)
            if request.item_id is None and request.category is None:
                self._texts.refuse_far(text, text_E)
                rows = np.flatnonzero(images.category_N == meant)
        categories = None if request.category is None else self._categories(request.category)
        if categories is not None and request.item_id is None:
            rows = np.flatnonzero(np.isin(images.category_N, categories))
        if colour is not None:
            coloured = rows[images.colour_N[rows] == colour]
            rows = coloured if len(coloured) else rows
        return Draw(images, rows, categories, colour, feature_F)

    def _size(self, request: PictureRequest) -> int:
        sizes = self.manifest.sizes
        if request.size is None:
            return max(sizes)
        if request.size not in sizes:
            raise UnknownName("picture size", str(request.size), [str(size) for size in sizes])
        return request.size

    def _categories(self, name: str) -> list[int]:
        vocabulary = self._images.vocabulary
        if rows := vocabulary.rows_under(name):
            return rows
        raise UnknownName("category", name, _told(vocabulary.categories))

    def _colour(self, request: PictureRequest) -> int | None:
        vocabulary = self._images.vocabulary
        if request.colour is None:
            named = ANY if request.query is None else vocabulary.colour_in(request.query)
            return None if named == ANY else named
        row = vocabulary.colour_rows.get(request.colour.strip().casefold())
        if row is None:
            raise UnknownName("colour", request.colour, _told(vocabulary.colours))
        return row

    def _row_of(self, item_id: str) -> int:
        row = self._item_rows.get(item_id)
        if row is None:
            raise NotPictured(item_id, self.model_version)
        return row

    @cached_property
    def _item_rows(self) -> Mapping[str, int]:
        return {item_id: row for row, item_id in enumerate(self._images.item_ids)}

    @cached_property
    def _encoder(self) -> TextEncoder:
        folder = self._images.folder
        return TextEncoder(folder / layout.TEXT_ENCODER, folder / layout.TOKENIZER, threads=1)

    @cached_property
    def _texts(self) -> ProductTexts:
        assert self._images.projection is not None, "checked before"
        return ProductTexts.of(
            self._images.projection, self._images.text_features_NF, self._images.vocabulary, self._encoder.embed
        )

    def _read(self, text_E: NDArray[np.float32]) -> tuple[NDArray[np.float32], int]:
        """The text's feature, and the category that most of the products with the nearest texts have."""
        projection, images = self._images.projection, self._images
        assert projection is not None, "checked before"
        feature_F = projection.features(text_E[None])[0]
        nearness_N = self._text_directions_NF @ (feature_F * projection.deviation_F)
        nearest = np.argpartition(-nearness_N, min(TEXT_NEIGHBOURS, len(nearness_N) - 1))[:TEXT_NEIGHBOURS]
        ((meant, _),) = Counter(images.category_N[nearest].tolist()).most_common(1)
        return feature_F, int(meant)

    @cached_property
    def _text_directions_NF(self) -> NDArray[np.float32]:
        assert self._images.projection is not None, "checked before"
        return _unit(self._images.text_features_NF * self._images.projection.deviation_F)

    # what came out

    def _facts(self, seed: int, number: int, category: int, colour: int, *, visible_mark: bool) -> PictureFacts:
        vocabulary = self._images.vocabulary
        return PictureFacts(
            program=f"Figment {version('figment')}",
            model_version=self.model_version,
            seed=seed,
            number=number,
            category=None if category == ANY else vocabulary.categories[category - 1],
            colour=None if colour == ANY else vocabulary.colours[colour - 1],
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            visible_mark=visible_mark,
        )

    def _look(self, pixels_HWC: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Feature [D] of unit length, and a probability for each category."""
        picture_BCHW = pixels_HWC.astype(np.float32).transpose(2, 0, 1)[None] / 127.5 - 1.0
        features_BD, logits_BK = self._classifier.run(None, {"picture": picture_BCHW})
        weights_K = np.exp(logits_BK[0] - logits_BK[0].max())
        return _unit(features_BD)[0], weights_K / weights_K.sum()

    def _nearest_to(self, feature_D: NDArray[np.float32], k: int) -> list[NearestProduct]:
        distance_N = 1.0 - self._images.picture_features_ND @ feature_D
        nearest = np.argsort(distance_N, kind="stable")[:k]
        return [
            NearestProduct(self._images.item_ids[row], round(max(0.0, float(distance_N[row])), 4)) for row in nearest
        ]


class Draw:
    """What each picture shows: as asked, the rest as a real product that fits has it."""

    def __init__(
        self,
        images: ImagesFolder,
        rows: NDArray[np.int64],
        categories: Sequence[int] | None,
        colour: int | None,
        feature_F: NDArray[np.float32] | None,
    ) -> None:
        self._images = images
        self._rows = rows
        self._categories = categories
        self._colour = colour
        self._feature_F = feature_F

    def __call__(self, rng: np.random.Generator) -> tuple[int, int, NDArray[np.float32]]:
        """Category, colour and text feature of one picture."""
        images, row = self._images, rng.choice(self._rows)
        category = int(images.category_N[row])
        if self._categories is not None and category not in self._categories:
            category = int(rng.choice(self._categories))
        colour = int(images.colour_N[row]) if self._colour is None else self._colour
        return category, colour, images.text_features_NF[row] if self._feature_F is None else self._feature_F


def as_pixels(picture_CHW: NDArray[np.float32]) -> NDArray[np.uint8]:
    """−1 black to 1 white as bytes [H, W, C]; beyond is clipped."""
    clipped_HWC = np.clip(picture_CHW.transpose(1, 2, 0), -1.0, 1.0)
    pixels_HWC: NDArray[np.uint8] = np.rint((clipped_HWC + 1.0) * 127.5).astype(np.uint8)
    return pixels_HWC


def shrunk(pixels_HWC: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """The picture at a size that its own is a multiple of, by averaging."""
    factor = len(pixels_HWC) // size
    if factor == 1:
        return pixels_HWC
    blocks = pixels_HWC.reshape(size, factor, size, factor, -1)
    averages_HWC: NDArray[np.uint8] = np.rint(blocks.mean(axis=(1, 3))).astype(np.uint8)
    return averages_HWC


def sizes_of(size: int) -> list[int]:
    """What a model that makes pictures of this size can answer."""
    return [smaller for smaller in (SMALLEST * 2**power for power in range(8)) if smaller <= size]


def _unit(rows_ND: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths_N1 = np.linalg.norm(rows_ND, axis=1, keepdims=True)
    directions_ND: NDArray[np.float32] = rows_ND / np.maximum(lengths_N1, 1e-12)
    return directions_ND


def _told(names: Sequence[str]) -> list[str]:
    shown = list(names[:NAMES_TOLD])
    return shown if len(names) <= NAMES_TOLD else [*shown, f"and {len(names) - NAMES_TOLD} more"]
