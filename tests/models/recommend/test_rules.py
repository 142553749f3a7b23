"""Business rules on a trained bundle, in item ids: what a shop asks of a list."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.bundle.read import open_bundle
from models.domain.errors import RuleRefused
from models.domain.events import HistoryEvent
from models.domain.filter import parse_filter
from models.domain.recommendation import Recommendation, RecommendationRequest
from models.domain.rules import parse_boosts
from models.recommend.recommender import Recommender

TEA = [f"tea-{number}" for number in range(20)]
PAINT = [f"paint-{number}" for number in range(20)]
COLOURS = ["red", "green", None]


@pytest.fixture(scope="module")
def recommender(tiny_bundle: Path) -> Recommender:
    """Of the tiny shop, with colours and a few items out of stock."""
    bundle = open_bundle(tiny_bundle)
    number = pl.col("item_id").str.extract(r"(\d+)$").cast(pl.Int64)
    catalogue = bundle.catalogue.with_columns(
        colour=number.map_elements(lambda each: COLOURS[each % 3], return_dtype=pl.String),
        in_stock=number != 7,
    )
    return Recommender(replace(bundle, catalogue=catalogue))


def ask(recommender: Recommender, items: list[str], **wishes) -> Recommendation:
    (answer,) = recommender.recommend([RecommendationRequest([HistoryEvent(item_id) for item_id in items], **wishes)])
    return answer


def ids(answer: Recommendation) -> list[str]:
    return [item.item_id for item in answer.items]


def scores(answer: Recommendation) -> dict[str, float]:
    return {item.item_id: item.score for item in answer.items}


def colour_of(item_id: str) -> str | None:
    return COLOURS[int(item_id.split("-")[1]) % 3]


RED = {"field": "colour", "op": "eq", "value": "red"}
FILTERS = st.sampled_from(
    [
        None,
        RED,
        {"not": RED},
        {"all": [RED, {"field": "price", "op": "lte", "value": 9}]},
        {"field": "category", "op": "contains", "value": "tea"},
        {
            "any": [
                {"field": "title", "op": "contains", "value": "NUMBER 3"},
                {"field": "price", "op": "gt", "value": 18},
            ]
        },
        {"field": "brand", "op": "eq", "value": "nobody"},
    ]
)
HISTORIES = st.lists(st.sampled_from([*TEA, *PAINT]), max_size=8)
BOOSTS = st.lists(
    st.sampled_from(
        [
            {**RED, "weight": 3.0},
            {"field": "price", "op": "lt", "value": 5, "weight": 0.2},
            {"field": "category", "op": "contains", "value": "paint", "weight": 40.0},
        ]
    ),
    max_size=3,
    unique_by=str,
)
LIMITS = st.sampled_from([{}, {"category": 2}, {"brand": 3}, {"category": 3, "colour": 2}, {"price": 1}])
EVERYTHING = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def allowed(recommender: Recommender, document, items: list[str]) -> set[str]:
    """What may be listed, counted by hand."""
    frame = recommender.catalogue.attributes.frame
    fits = recommender.catalogue.attributes.fits(parse_filter(document)) if document else [True] * len(frame)
    rows = zip(frame["item_id"], frame["in_stock"], fits, strict=True)
    return {item_id for item_id, in_stock, fit in rows if in_stock and fit and item_id not in items}


class TestFilter:
    @EVERYTHING
    @given(HISTORIES, FILTERS, st.integers(1, 45), LIMITS, BOOSTS, st.sampled_from([0.0, 0.5, 1.0]))
    def test_holds_for_every_item_and_k_come_back(
        self, recommender, items, document, k, max_per, boosts, diversity
    ) -> None:
        wishes = {"max_per": max_per, "boosts": parse_boosts(boosts), "diversity": diversity}
        answer = ask(recommender, items, filter=parse_filter(document) if document else None, k=k, **wishes)
        may_be = allowed(recommender, document, items)
        assert set(ids(answer)) <= may_be
        assert len(set(ids(answer))) == len(ids(answer))
        if not max_per:
            assert len(answer.items) == min(k, len(may_be))
        assert answer.under_filled == (len(answer.items) < k)

    @EVERYTHING
    @given(HISTORIES, FILTERS, st.sets(st.sampled_from([*TEA, *PAINT]), max_size=10))
    def test_and_exclusions_never_reorder_survivors(self, recommender, items, document, excluded) -> None:
        whole = ids(ask(recommender, items, k=40))
        asked = parse_filter(document) if document else None
        cut = ids(ask(recommender, items, k=40, filter=asked, exclude_item_ids=sorted(excluded)))
        may_be = allowed(recommender, document, items) - excluded
        assert cut == [item_id for item_id in whole if item_id in may_be]

    def test_a_wrong_one_is_refused_before_and_when_it_is_asked(self, recommender) -> None:
        request = RecommendationRequest((), filter=parse_filter({"field": "weight", "op": "lt", "value": 3}))
        for refuse in (recommender.check, lambda each: recommender.recommend([each])):
            with pytest.raises(
                RuleRefused, match=r"filter\.field: 'weight' is no attribute .* brand, category, colour"
            ):
                refuse(request)

    def test_out_of_stock_only_where_it_is_asked_for(self, recommender) -> None:
        assert "tea-7" not in ids(ask(recommender, TEA[:2], k=40))
        with_all = ask(recommender, TEA[:2], k=40, include_out_of_stock=True)
        assert {"tea-7", "paint-7"} <= set(ids(with_all))


class TestBoosts:
    @EVERYTHING
    @given(HISTORIES, BOOSTS, st.integers(1, 38))
    def test_multiply_scores_and_sort_again_and_nothing_else(self, recommender, items, boosts, k) -> None:
        plain = ask(recommender, items, k=40)
        factors = {
            item_id: (3.0 if any(b["field"] == "colour" for b in boosts) and colour_of(item_id) == "red" else 1.0)
            * (0.2 if any(b["field"] == "price" for b in boosts) and int(item_id.split("-")[1]) < 4 else 1.0)
            * (40.0 if any(b["field"] == "category" for b in boosts) and item_id.startswith("paint") else 1.0)
            for item_id in ids(plain)
        }
        weighed = {item_id: score * factors[item_id] for item_id, score in scores(plain).items()}
        boosted = ask(recommender, items, k=k, boosts=parse_boosts(boosts))
        expected = sorted(weighed, key=lambda item_id: -weighed[item_id])[:k]
        for item_id, other in zip(expected, ids(boosted), strict=True):
            assert item_id == other or weighed[item_id] == pytest.approx(weighed[other], rel=1e-5)
        top = max(1.0, *weighed.values())
        assert scores(boosted) == pytest.approx({each: weighed[each] / top for each in ids(boosted)}, abs=1e-5)

    def test_bring_an_item_up_from_below_the_list(self, recommender) -> None:
        boost = parse_boosts([{"field": "item_id", "op": "eq", "value": "paint-5", "weight": 100}])
        assert "paint-5" not in ids(ask(recommender, TEA[:3], k=5))
        assert ids(ask(recommender, TEA[:3], k=5, boosts=boost))[0] == "paint-5"


class TestMaxPer:
    @EVERYTHING
    @given(HISTORIES, LIMITS, st.integers(1, 30), st.sampled_from([0.0, 0.7]))
    def test_holds_and_keeps_the_order(self, recommender, items, max_per, k, diversity) -> None:
        listed = ids(ask(recommender, items, k=k, max_per=max_per, diversity=diversity))
        for field, most in max_per.items():
            rows = [recommender.row_of[each] for each in listed]
            values = [each[field] for each in recommender.properties_of(rows, [field])]
            assert all(count <= most for value, count in Counter(values).items() if value is not None)
        if diversity == 0.0:
            whole = ids(ask(recommender, items, k=40))
            assert listed == sorted(listed, key=whole.index)

    def test_a_list_of_strings_cannot_be_limited(self, tiny_bundle: Path) -> None:
        bundle = open_bundle(tiny_bundle)
        tagged = Recommender(replace(bundle, catalogue=bundle.catalogue.with_columns(tags=pl.concat_list("title"))))
        with pytest.raises(RuleRefused, match=r"max_per\.tags: .*several values"):
            ask(tagged, ["tea-1"], max_per={"tags": 1})


class TestDiversity:
    @EVERYTHING
    @given(HISTORIES, st.integers(1, 40))
    def test_zero_is_the_order_of_relevance(self, recommender, items, k) -> None:
        whole = ids(ask(recommender, items, k=40))
        assert ids(ask(recommender, items, k=k, diversity=0.0)) == whole[:k]

    @EVERYTHING
    @given(HISTORIES, st.integers(1, 20), LIMITS, st.sampled_from([4, 100]))
    def test_a_longer_list_begins_like_a_shorter_one(self, recommender, items, k, max_per, among) -> None:
        with patch("models.recommend.arrangement.DIVERSE_AMONG", among):
            wishes = {"diversity": 0.6, "max_per": max_per}
            assert ids(ask(recommender, items, k=k, **wishes)) == ids(ask(recommender, items, k=40, **wishes))[:k]

    def test_one_mixes_the_tastes(self, recommender) -> None:
        def share_of_tea(diversity: float) -> float:
            listed = ids(ask(recommender, TEA[:4], k=8, diversity=diversity))
            return sum(item_id in TEA for item_id in listed) / 8

        assert share_of_tea(0.0) == 1.0
        assert share_of_tea(1.0) < 0.8


class TestSearchProfile:
    def test_fast_leaves_out_the_judge(self, recommender) -> None:
        judged = [scores(ask(recommender, TEA[:3], search_profile=profile)) for profile in ("balanced", "exact")]
        assert judged[0] == pytest.approx(judged[1], abs=1e-5)
        fast = ask(recommender, TEA[:3], search_profile="fast")
        assert len(fast.items) == 10
        if recommender.serves == "figment":
            assert scores(fast) != pytest.approx(judged[0], abs=1e-5)
        assert ask(recommender, TEA[:3], search_profile="exact").strategy == "exact"


class TestCompany:
    @EVERYTHING
    @given(st.lists(st.tuples(HISTORIES, FILTERS, BOOSTS, LIMITS, st.sampled_from([0.0, 0.4])), min_size=2, max_size=5))
    def test_a_request_with_rules_is_answered_alone_as_in_company(self, recommender, asked) -> None:
        requests = [
            RecommendationRequest(
                [HistoryEvent(each) for each in items],
                filter=parse_filter(document) if document else None,
                boosts=parse_boosts(boosts),
                max_per=max_per,
                diversity=diversity,
                search_profile=profile,
            )
            for (items, document, boosts, max_per, diversity), profile in zip(
                asked, ["balanced", "fast", "exact", "balanced", "fast"], strict=False
            )
        ]
        for request, together in zip(requests, recommender.recommend(requests), strict=True):
            (alone,) = recommender.recommend([request])
            assert len(alone.items) == len(together.items)
            assert (alone.strategy, alone.sources) == (together.strategy, together.sources)
            for one, other in zip(alone.items, together.items, strict=True):
                assert one.score == pytest.approx(other.score, abs=1e-4) or request.diversity
