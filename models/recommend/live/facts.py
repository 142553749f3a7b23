"""Facts of items that the shop added or changed, numbered as the bundle's are."""

# N items, P category levels, C items that change

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.baselines.item_facts import UNKNOWN, ItemFacts
from models.features.spec import category_prefixes


@dataclass(frozen=True, slots=True)
class Numbers:
    """The number of each brand, and of each category prefix at its level."""

    brands: dict[str, int]
    levels: list[dict[str, int]]

    @classmethod
    def of(cls, catalogue: pl.DataFrame, facts: ItemFacts) -> "Numbers":
        """As the bundle numbered them."""
        brands: dict[str, int] = {}
        if "brand" in catalogue.columns:
            brands = _numbers(catalogue["brand"], facts.brand_N)
        levels: list[dict[str, int]] = [{} for _ in range(facts.category_NP.shape[1])]
        if "category" in catalogue.columns:
            paths = _numbers(catalogue["category"], np.arange(len(catalogue), dtype=np.int32))
            for path, row in paths.items():
                for level, prefix in enumerate(category_prefixes(path)[: len(levels)]):
                    levels[level][prefix] = int(facts.category_NP[row, level])
        return cls(brands, levels)

    def with_names(self, brands: Sequence[str | None], categories: Sequence[str | None]) -> "Numbers":
        """These and a new number for each name that has none yet."""
        more = Numbers(dict(self.brands), [dict(level) for level in self.levels])
        for brand in brands:
            if brand:
                _number(more.brands, brand)
        for category in categories:
            for level, prefix in enumerate(category_prefixes(category)[: len(more.levels)]):
                _number(more.levels[level], prefix)
        return more

    def brand(self, name: str | None) -> int:
        """-1 where unknown."""
        return self.brands.get(name or "", UNKNOWN)

    def path(self, category: str | None) -> list[int]:
        """A number for each level, -1 below the last."""
        prefixes = category_prefixes(category)[: len(self.levels)]
        known = [self.levels[level].get(prefix, UNKNOWN) for level, prefix in enumerate(prefixes)]
        return known + [UNKNOWN] * (len(self.levels) - len(known))


def facts_after(
    facts: ItemFacts,
    numbers: Numbers,
    rows_C: NDArray[np.int32],
    brands: Sequence[str | None],
    categories: Sequence[str | None],
    num_rows: int,
) -> ItemFacts:
    """The facts with these brands and categories; nobody has taken a new item yet."""
    added = num_rows - len(facts.events_N)
    nothing = np.zeros(added, np.float32)
    brand_N = np.concatenate([facts.brand_N, np.full(added, UNKNOWN, np.int32)])
    unknown_AP = np.full((added, facts.category_NP.shape[1]), UNKNOWN, np.int32)
    category_NP = np.concatenate([facts.category_NP, unknown_AP])
    brand_N[rows_C] = [numbers.brand(brand) for brand in brands]
    if len(rows_C):
        category_NP[rows_C] = [numbers.path(category) for category in categories]
    return ItemFacts(
        events_N=np.concatenate([facts.events_N, nothing]),
        late_N=np.concatenate([facts.late_N, nothing]),
        repeats_N=np.concatenate([facts.repeats_N, nothing]),
        brand_N=brand_N,
        category_NP=category_NP,
    )


def _numbers(names: pl.Series, numbers_N: NDArray[np.int32]) -> dict[str, int]:
    """Each distinct name with the number of its first row."""
    first = pl.DataFrame({"name": names, "number": numbers_N}).unique("name", keep="first").drop_nulls("name")
    return dict(zip(first["name"].to_list(), first["number"].to_list(), strict=True))


def _number(numbers: dict[str, int], name: str) -> None:
    if name not in numbers:
        numbers[name] = 1 + max(numbers.values(), default=-1)
