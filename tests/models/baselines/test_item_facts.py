from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models.baselines.item_facts import ItemFacts
from tests.models.data.histories import sequences_of

CATALOGUE = pl.DataFrame(
    {"item_id": ["a", "b", "c"], "brand": ["x", None, "x"], "category": ["Tea > Green", "Tea > Black", None]}
)
FACTS = ItemFacts.fit(CATALOGUE, sequences_of({"u": [(0, 1), (1, 2), (0, 3)], "v": [(1, 1)]}))


class TestFit:
    def test_counts_events_and_repeats(self) -> None:
        assert FACTS.events_N.tolist() == [2, 2, 0]
        assert FACTS.repeats_N.tolist() == [1, 0, 0]
        np.testing.assert_allclose(FACTS.late_N, [1 + np.exp(-2 / 3), 1 + np.exp(-1 / 3), 0], rtol=1e-6)

    def test_numbers_brands_and_category_prefixes(self) -> None:
        assert FACTS.brand_N.tolist() == [0, -1, 0]
        assert FACTS.category_NP.tolist() == [[0, 0], [0, 1], [-1, -1]]

    def test_a_catalogue_of_ids_alone_has_neither(self) -> None:
        facts = ItemFacts.fit(CATALOGUE.select("item_id"), sequences_of({"u": []}))
        assert facts.brand_N.tolist() == [-1, -1, -1]
        assert facts.category_NP.tolist() == [[-1], [-1], [-1]]


class TestFile:
    def test_gives_back_what_was_saved(self, tmp_path: Path) -> None:
        FACTS.save(tmp_path / "facts.npz")
        loaded = ItemFacts.load(tmp_path / "facts.npz", FACTS.events_N)
        assert loaded.category_NP.tolist() == FACTS.category_NP.tolist()
        assert loaded.late_N.tolist() == FACTS.late_N.tolist()

    def test_refuses_facts_of_another_catalogue(self, tmp_path: Path) -> None:
        FACTS.save(tmp_path / "facts.npz")
        with pytest.raises(ValueError, match="late_N has 3 rows, not 2"):
            ItemFacts.load(tmp_path / "facts.npz", FACTS.events_N[:2])
