"""An empty list says why, whichever way it was asked for."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from models.bundle.read import open_bundle
from models.domain.events import HistoryEvent
from models.domain.filter import parse_filter
from models.domain.recommendation import RecommendationRequest, SearchRequest, SimilarRequest
from models.recommend.live.documents import ItemDocument
from models.recommend.recommender import Recommender

TEA, PAINT = ([f"{group}-{number}" for number in range(20)] for group in ("tea", "paint"))
OF_TEA = parse_filter({"field": "category", "op": "contains", "value": "tea"})
TOO_DEAR = parse_filter({"field": "price", "op": "gt", "value": 1e6})


@pytest.fixture(scope="module")
def shop(tiny_bundle: Path) -> Recommender:
    """All tea but the first five is out of stock."""
    bundle = open_bundle(tiny_bundle)
    stock = bundle.catalogue.with_columns(in_stock=~pl.col("item_id").is_in(TEA[5:]))
    return Recommender(replace(bundle, catalogue=stock))


@pytest.fixture(params=[["paint-1"], []], ids=["with a history", "without one"])
def told(request: pytest.FixtureRequest, shop: Recommender):
    """The warnings of an empty list, and the same of a search."""
    history = [HistoryEvent(item_id) for item_id in request.param]

    def ask(recommender: Recommender = shop, **wishes) -> str:
        asked = RecommendationRequest(history, **wishes)
        listed, found = recommender.recommend([asked])[0], recommender.search(SearchRequest(asked, "tea"))
        assert [*listed.items, *found.items] == []
        assert list(listed.warnings) == list(found.warnings)
        (warning,) = listed.warnings
        return warning.removeprefix("nothing is listed: ")

    return ask


class TestReasons:
    def test_the_filter(self, told) -> None:
        assert told(filter=TOO_DEAR) == "the filter is true of none of the items"

    def test_the_stock(self, told) -> None:
        late = parse_filter({"field": "item_id", "op": "in", "value": TEA[5:]})
        assert told(filter=late) == "all items that the filter is true of are out of stock"

    def test_what_is_excluded(self, told) -> None:
        expected = "all items{} are excluded, disliked or were seen before"
        assert told(exclude_item_ids=[*TEA, *PAINT]) == expected.format("")
        of_filter = expected.format(" that the filter is true of")
        assert told(filter=OF_TEA, exclude_item_ids=TEA[:5]) == of_filter
        assert told(filter=OF_TEA, exclude_item_ids=TEA, include_out_of_stock=True) == of_filter

    def test_no_items(self, shop: Recommender) -> None:
        gone = shop.changed([ItemDocument(item_id, {}, is_deleted=True) for item_id in (*TEA, *PAINT)], revision=1)
        (answer,) = gone.recommend([RecommendationRequest([])])
        assert list(answer.warnings) == ["nothing is listed: there are no items to choose from"]

    def test_a_list_with_items_needs_none(self, shop: Recommender) -> None:
        (answer,) = shop.recommend([RecommendationRequest([], filter=OF_TEA)])
        assert (len(answer.items), list(answer.warnings)) == (5, [])


class TestCandidates:
    @pytest.mark.parametrize(
        ("candidates", "wishes", "reason"),
        [
            ([], {}, "there are no candidates to choose from"),
            (["nothing"], {}, "there are no candidates to choose from"),
            (["tea-1"], {"filter": TOO_DEAR}, "the filter is true of none of the candidates"),
            (["tea-9"], {}, "all candidates are out of stock"),
            (["tea-1"], {"exclude_item_ids": ["tea-1"]}, "all candidates are excluded, disliked or were seen before"),
        ],
    )
    def test_are_the_ones_that_reasons_are_about(self, shop: Recommender, candidates, wishes, reason) -> None:
        asked = RecommendationRequest([], **wishes)
        answer = shop.search(SearchRequest(asked, "x", [(item_id, 1.0) for item_id in candidates]))
        assert list(answer.items) == []
        assert answer.warnings[-1] == f"nothing is listed: {reason}"


class TestSimilar:
    @pytest.mark.parametrize(
        ("wishes", "reason"),
        [
            ({"filter": TOO_DEAR}, "the filter is true of none of the other items"),
            (
                {"filter": parse_filter({"field": "item_id", "op": "eq", "value": "tea-1"})},
                "the filter is true of none of the other items",
            ),
            (
                {"exclude_item_ids": [*TEA, *PAINT]},
                "all other items are excluded, disliked or were seen before",
            ),
        ],
    )
    def test_says_it_of_the_other_items(self, shop: Recommender, wishes, reason) -> None:
        answer = shop.similar(SimilarRequest("tea-1", **wishes))
        assert (list(answer.items), list(answer.warnings)) == ([], [f"nothing is listed: {reason}"])
