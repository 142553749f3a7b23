import math

import numpy as np
import polars as pl
import pytest

from models.recommend.search.words import K1, B, WordIndex, described

TEXTS = ["red nail polish", "Red RED lipstick", "", "nail-file 24 7", "Crème für die Nägel"]
INDEX = WordIndex.of(TEXTS)


def bm25(query: str, text: str) -> float:
    """As the formula is printed."""
    documents = [text.lower().replace("-", " ").split() for text in TEXTS]
    own = text.lower().replace("-", " ").split()
    mean = sum(map(len, documents)) / len(documents)
    total = 0.0
    for word in query.lower().replace(",", "").replace("!", "").split():
        containing = sum(word in document for document in documents)
        rarity = math.log(1 + (len(documents) - containing + 0.5) / (containing + 0.5))
        times = own.count(word)
        total += rarity * times * (K1 + 1) / (times + K1 * (1 - B + B * len(own) / mean))
    return total


class TestScores:
    @pytest.mark.parametrize("query", ["red", "nail polish", "RED, nail!", "24", "7", "file 7b 7", "nägel crème"])
    def test_are_bm25(self, query: str) -> None:
        np.testing.assert_allclose(INDEX.found(query).scores_N, [bm25(query, text) for text in TEXTS], rtol=1e-5)

    def test_another_index_counts_like_the_first(self) -> None:
        """One item apart has the score that it has among the others."""
        apart = WordIndex.of([TEXTS[1]], like=INDEX)
        assert apart.found("red lipstick").scores_N[0] == pytest.approx(
            INDEX.found("red lipstick").scores_N[1], rel=1e-5
        )

    def test_a_word_that_is_new_is_as_rare_as_one_of_a_single_item(self) -> None:
        apart = WordIndex.of(["brandnew lipstick"], like=INDEX)
        assert apart.rarity("brandnew") == pytest.approx(apart.rarity("lipstick"))

    def test_what_is_shared_is_counted_once_by_rarity(self) -> None:
        shared = INDEX.found("red red polish unheard").shared_N
        red, polish = INDEX.rarity("red"), INDEX.rarity("polish")
        np.testing.assert_allclose(shared, [red + polish, red, 0, 0, 0], rtol=1e-6)
        assert polish > red > INDEX.rarity("unheard") == 0.0

    def test_nothing_described_finds_nothing(self) -> None:
        assert WordIndex.of([]).found("red").scores_N.tolist() == []
        assert WordIndex.of(["", ""]).found("red").scores_N.tolist() == [0.0, 0.0]


class TestDescribed:
    def test_joins_what_there_is(self) -> None:
        frame = pl.DataFrame({"title": ["a", None], "size": [1, 2], "brand": [None, "b"]})
        assert described(frame, ["title", "brand", "missing", "size"]) == ["a  1", " b 2"]
        assert described(frame, ["missing"]) == ["", ""]
