import re
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from app.main import create_app
from app.runtime.live_model import LiveModel
from app.runtime.workers import Workers
from models.domain.filter import Comparison, Not
from models.domain.rules import Boost
from tests.app.api.lists import HISTORY, ask, item_ids, listed
from tests.app.conftest import wait_until_loaded
from tests.app.scripted_model import ITEM_IDS, ScriptedModel


class TestAnswer:
    def test_has_exactly_the_agreed_shape(self, client):
        answer = ask(client, {"history": HISTORY, "k": 2, "seed": 7, "return_properties": ["title"]})
        assert answer.status_code == 200
        told = answer.json()
        assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{26}", told.pop("recommendation_id"))
        meta = told.pop("meta")
        assert told == {
            "items": [
                {"item_id": "item-1", "rank": 1, "score": 1.0, "properties": {"title": "title 1"}},
                {"item_id": "item-3", "rank": 2, "score": 0.99, "properties": {"title": "title 3"}},
            ],
            "next_cursor": None,
            "fallback": "none",
            "warnings": [],
            "retrieval": {
                "strategy": "ann",
                "candidates_scanned": 30,
                "under_filled": False,
                "sources": {"generator": 1.0},
            },
        }
        assert meta.pop("took_ms") > 0
        assert meta.pop("index_age_seconds") > 0
        assert meta == {
            "request_id": answer.headers["x-request-id"],
            "model_version": "scripted",
            "index_version": "scripted+0",
            "seed": 7,
            "variant_id": None,
        }

    def test_ten_items_without_properties_unless_asked(self, client):
        items = ask(client, {"history": HISTORY}).json()["items"]
        assert len(items) == 10
        assert all(set(item) == {"item_id", "rank", "score"} for item in items)

    def test_empty_history_answers_popular_items(self, client):
        told = ask(client, {"history": []}).json()
        assert (told["fallback"], told["retrieval"]["strategy"], len(told["items"])) == ("popularity", "popularity", 10)
        assert told["retrieval"]["sources"] == {"popularity": 1.0}

    @pytest.mark.parametrize("user", [{"user_id": "u1"}, {"session_id": "s1"}])
    def test_shopper_without_history_gets_popular_items(self, client, user):
        assert ask(client, {"user": user}).json()["fallback"] == "popularity"

    def test_unknown_item_is_a_warning(self, client):
        told = ask(client, {"history": [*HISTORY, {"item_id": "nobody knows"}]}).json()
        assert told["fallback"] == "none"
        assert "nobody knows" in told["warnings"][0]

    def test_drawn_seed_gives_the_same_list_when_sent_back(self, client):
        first = ask(client, {"history": HISTORY, "exploration": 1})
        seed = first.json()["meta"]["seed"]
        assert 0 <= seed < 2**53
        assert item_ids(ask(client, {"history": HISTORY, "exploration": 1, "seed": seed})) == item_ids(first)

    def test_drawn_seeds_differ(self, client):
        assert len({ask(client, {"history": []}).json()["meta"]["seed"] for _ in range(5)}) == 5

    def test_every_field_reaches_the_model(self, client, model):
        ask(
            client,
            {
                "user": {"user_id": "u", "session_id": "s", "personalise": True},
                "history": [{"item_id": "a", "event_type": "view", "timestamp": "1970-01-01T00:00:05Z"}],
                "k": 3,
                "exclude": {"item_ids": ["b"], "seen": False},
                "filter": {"not": {"field": "price", "op": "lt", "value": 2}},
                "include_out_of_stock": True,
                "boosts": [{"field": "title", "op": "contains", "value": "7", "weight": 1.5}],
                "max_per": {"title": 2},
                "diversity": 0.2,
                "search_profile": "exact",
                "exploration": 1,
                "num_samples": 32,
                "seed": 2**63 - 1,
            },
        )
        (asked,) = model.asked
        assert [(event.item_id, event.event_type, event.timestamp_seconds) for event in asked.history] == [
            ("a", "view", 5.0)
        ]
        assert (asked.k, list(asked.exclude_item_ids), asked.exclude_seen) == (3, ["b"], False)
        assert (asked.exploration, asked.num_samples, asked.seed) == (1.0, 32, 2**63 - 1)
        assert (asked.filter, asked.include_out_of_stock) == (Not(Comparison("price", "lt", 2)), True)
        assert list(asked.boosts) == [Boost(Comparison("title", "contains", "7"), 1.5)]
        assert (dict(asked.max_per), asked.diversity, asked.search_profile) == ({"title": 2}, 0.2, "exact")

    def test_seen_is_left_to_the_model_by_default(self, client, model):
        ask(client, {"history": HISTORY})
        assert model.asked[0].exclude_seen is None


class ModelOfManyKinds(ScriptedModel):
    property_names = ("colours", "since", "at", "weight", "rating", "none", "nested")

    def properties_of(self, item_rows, names):
        values = {
            "colours": ["red", "blue"],
            "since": date(2026, 1, 2),
            "at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
            "weight": Decimal("1.50"),
            "rating": float("nan"),
            "none": None,
            "nested": {"sizes": [1.5, float("inf")], "tags": []},
        }
        return [{name: values[name] for name in names} for _ in item_rows]


class TestProperties:
    def test_every_kind_of_column_is_json(self, open_store):
        live = LiveModel(ModelOfManyKinds, Workers(threads=1, max_in_flight=1))
        with TestClient(
            create_app(live, open_store, on_load_failure=lambda failure: None), base_url="http://localhost"
        ) as client:
            wait_until_loaded(client)
            answer = ask(client, {"history": [], "k": 1, "return_properties": list(ModelOfManyKinds.property_names)})
        assert answer.json()["items"][0]["properties"] == {
            "colours": ["red", "blue"],
            "since": "2026-01-02",
            "at": "2026-01-02T03:04:05Z",
            "weight": "1.50",
            "rating": None,
            "none": None,
            "nested": {"sizes": [1.5, None], "tags": []},
        }


class TestExplain:
    def test_reasons_come_with_each_item_where_they_are_asked_for(self, client):
        told = listed(client, {"history": HISTORY, "k": 2, "explain": "reasons"})
        for item in told["items"]:
            assert set(item) == {"item_id", "rank", "score", "reasons", "sources"}
            assert item["sources"] == ["generator"]
            assert [(one["item_id"], one["contribution"]) for one in item["reasons"]] == [
                ("item-2", 0.5),
                ("item-0", 0.4),
            ]
        assert "first_place" not in told

    def test_full_tells_what_would_have_changed_the_first_place(self, client):
        told = listed(client, {"history": HISTORY, "k": 2, "explain": "full", "return_properties": ["price"]})
        assert told["first_place"] == {"without": ["item-2"], "would_be_first": "item-29", "events_tried": 1}
        assert {item["nearest_bought"] for item in told["items"]} == {"item-2"}
        assert [item["properties"] for item in told["items"]] == [{"price": 1.5}, {"price": 3.5}]

    def test_a_long_history_tells_the_strongest_ten(self, client):
        history = [{"item_id": f"item-{number}"} for number in range(12)]
        (item,) = listed(client, {"history": history, "k": 1, "explain": "reasons"})["items"]
        assert len(item["reasons"]) == 10

    @pytest.mark.parametrize("body", [{"history": []}, {"user": {"personalise": False}, "history": HISTORY}])
    def test_where_nothing_is_personal_it_says_so(self, client, body):
        told = listed(client, {**body, "k": 2, "explain": "full"})
        assert told["warnings"] == ["nothing personal to explain: no event of a history made this list"]
        assert [item["reasons"] for item in told["items"]] == [[], []]
        assert told["first_place"] is None


class TestValidateOnly:
    def test_answers_without_a_list_and_leaves_nothing_behind(self, client, model):
        told = listed(client, {"history": HISTORY, "validate_only": True, "seed": 4})
        assert (told["validated"], told["items"], told["retrieval"]["strategy"]) == (True, [], "none")
        assert (told["next_cursor"], told["meta"]["seed"], model.asked) == (None, 4, [])
        assert client.get(f"/v1/recommendations/{told['recommendation_id']}/explanation").status_code == 404

    @pytest.mark.parametrize(
        "bad",
        [
            {"k": 0},
            {"return_properties": ["colour"]},
            {"filter": {"field": "colour", "op": "exists", "value": True}},
            {"page": {"cursor": "x"}},
        ],
    )
    def test_refuses_what_would_be_refused(self, client, bad):
        refusals = [ask(client, {"history": HISTORY, **bad, "validate_only": only}) for only in (True, False)]
        assert [answer.status_code for answer in refusals] == [422, 422]
        assert refusals[0].json()["errors"] == refusals[1].json()["errors"]

    def test_is_told_only_where_it_was_asked(self, client):
        assert "validated" not in listed(client, {"history": HISTORY})


class TestPersonaliseFalse:
    def test_history_does_not_reach_the_model(self, client, model):
        told = ask(client, {"user": {"user_id": "u", "personalise": False}, "history": [{"item_id": "?"}]}).json()
        assert list(model.asked[0].history) == []
        assert (told["fallback"], told["warnings"]) == ("popularity", [])

    def test_exclusions_hold(self, client):
        body = {"user": {"user_id": "u", "personalise": False}, "exclude": {"item_ids": ["item-0"]}, "k": 1}
        assert item_ids(ask(client, body)) == ["item-1"]

    def test_needs_nobody_named(self, client):
        told = ask(client, {"user": {"personalise": False}}).json()
        assert (told["fallback"], told["retrieval"]["sources"], len(told["items"])) == (
            "popularity",
            {"popularity": 1.0},
            10,
        )


class TestAnyBody:
    @given(k=st.integers(1, 30), excluded=st.sets(st.sampled_from(ITEM_IDS)), seed=st.integers(0, 2**63 - 1))
    def test_excluded_items_are_never_listed_and_k_is_kept(self, class_client, k, excluded, seed):
        body = {"history": [], "k": k, "exclude": {"item_ids": sorted(excluded)}, "seed": seed, "exploration": 0.5}
        answer = ask(class_client, body)
        assert not excluded & set(item_ids(answer))
        assert len(item_ids(answer)) == min(k, len(ITEM_IDS) - len(excluded))
        assert answer.json()["retrieval"]["under_filled"] == (len(item_ids(answer)) < k)
