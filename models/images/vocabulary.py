"""Which categories and colours a picture model knows, and the text of an item without them."""

# N items

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.features.content import item_text
from models.features.spec import CATEGORY_SEPARATOR

ANY: Final = 0
"""The row of what is not known, or not asked for."""
COLOUR_COLUMNS: Final = ("colour", "color")
MIN_PHOTOS: Final = 40
"""A category or colour with fewer photographs is not learned on its own: its category's parent is, if that has them."""


@dataclass(frozen=True)
class PictureVocabulary:
    """Names of the rows from 1 on."""

    categories: Sequence[str]
    """Whole paths; one that is the beginning of another stands for what of it is too rare for its own."""
    colours: Sequence[str]

    @classmethod
    def fit(cls, catalogue: pl.DataFrame, *, min_photos: int = MIN_PHOTOS) -> Self:
        """What has at least `min_photos` items, in alphabetical order."""
        paths = [path or "" for path in catalogue["category"]] if "category" in catalogue.columns else []
        categories: set[str] = set()
        while paths:
            counts = Counter(filter(None, paths))
            categories |= {path for path, count in counts.items() if count >= min_photos}
            paths = [_parent(path) for path in paths if path and path not in categories]
        colours = Counter(colour for colour in colours_of(catalogue) if colour)
        return cls(sorted(categories), sorted(colour for colour, count in colours.items() if count >= min_photos))

    @cached_property
    def category_rows(self) -> Mapping[str, int]:
        """Path → row."""
        return {path: row for row, path in enumerate(self.categories, 1)}

    @cached_property
    def colour_rows(self) -> Mapping[str, int]:
        """Colour in lower case → row."""
        return {colour.casefold(): row for row, colour in enumerate(self.colours, 1)}

    def categories_of(self, catalogue: pl.DataFrame) -> NDArray[np.int64]:
        """Each item's row."""
        if "category" not in catalogue.columns:
            return np.zeros(catalogue.height, np.int64)
        return np.array([self.category_row(path or "") for path in catalogue["category"]], np.int64)

    def category_row(self, path: str) -> int:
        """Of the longest known beginning of the path; ANY where none is known."""
        while path and path not in self.category_rows:
            path = _parent(path)
        return self.category_rows.get(path, ANY)

    def rows_under(self, name: str) -> list[int]:
        """Rows of the categories that a name means: a path, a beginning of paths, or one step of them."""
        asked = name.strip().casefold()
        lowered = [(path.casefold(), row) for path, row in self.category_rows.items()]
        under = [row for path, row in lowered if (path + CATEGORY_SEPARATOR).startswith(asked + CATEGORY_SEPARATOR)]
        return under or [row for path, row in lowered if asked in path.split(CATEGORY_SEPARATOR)]

    def colours_of(self, catalogue: pl.DataFrame) -> NDArray[np.int64]:
        """Each item's row."""
        rows = [self.colour_rows.get((colour or "").casefold(), ANY) for colour in colours_of(catalogue)]
        return np.array(rows, np.int64)

    @cached_property
    def _colour_words(self) -> re.Pattern[str]:
        longest_first = sorted(self.colours, key=len, reverse=True)
        return re.compile(rf"\b({'|'.join(map(re.escape, longest_first)) or '(?!)'})\b", re.IGNORECASE)

    def without_colour(self, text: str) -> str:
        """The text with the names of colours taken out: colour is asked for on its own, so that it can be changed."""
        return " ".join(self._colour_words.sub(" ", text).split())

    def colour_in(self, text: str) -> int:
        """Row of the first colour that the text names; ANY where it names none."""
        named = self._colour_words.search(text)
        return ANY if named is None else self.colour_rows[named.group(1).casefold()]

    def texts_of(self, catalogue: pl.DataFrame) -> list[str]:
        """Each item's text without colours; empty where it has neither title nor description."""
        return [self.text_of(item) for item in catalogue.iter_rows(named=True)]

    def text_of(self, item: Mapping[str, Any]) -> str:
        """The same of one item."""
        return self.without_colour(item_text(item, ())) if item.get("title") or item.get("description") else ""


def colours_of(catalogue: pl.DataFrame) -> Sequence[str | None]:
    """Each item's colour, as text."""
    column = next((name for name in COLOUR_COLUMNS if name in catalogue.columns), None)
    return [None] * catalogue.height if column is None else catalogue[column].cast(pl.String).to_list()


def _parent(path: str) -> str:
    return path.rpartition(CATEGORY_SEPARATOR)[0]
