import re
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from app.api.recommendations import Exclusions, PostedEvent, RecommendationBody, Shopper
from app.main import create_app
from app.runtime.live_model import LiveModel
from app.runtime.recommendation_id import new_recommendation_id
from app.runtime.workers import Workers
from models.domain.ids import is_usable_id
from models.domain.recommendation import MAX_ID_CHARACTERS
from tests.app.conftest import wait_until_loaded
from tests.app.scripted_model import ITEM_IDS, ScriptedModel

HISTORY = [{"item_id": "item-2"}, {"item_id": "item-0"}]


def ask(client, body, **headers):
    return client.post("/v1/recommendations", json=body, headers=headers)


def item_ids(answer):
    return [item["item_id"] for item in answer.json()["items"]]


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
            "index_version": "scripted",
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

    def test_seen_is_left_to_the_model_by_default(self, client, model):
        ask(client, {"history": HISTORY})
        assert model.asked[0].exclude_seen is None


class ModelOfManyKinds(ScriptedModel):
    property_names = ("colours", "since", "at", "weight", "rating", "none", "nested")

    def properties_of(self, item_row, names):
        values = {
            "colours": ["red", "blue"],
            "since": date(2026, 1, 2),
            "at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
            "weight": Decimal("1.50"),
            "rating": float("nan"),
            "none": None,
            "nested": {"sizes": [1.5, float("inf")], "tags": []},
        }
        return {name: values[name] for name in names}


class TestProperties:
    def test_every_kind_of_column_is_json(self, open_store):
        live = LiveModel(ModelOfManyKinds, Workers(threads=1, max_in_flight=1))
        with TestClient(create_app(live, open_store, on_load_failure=lambda failure: None)) as client:
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


class TestNull:
    @pytest.mark.parametrize("model", [RecommendationBody, Shopper, Exclusions, PostedEvent])
    def test_means_the_default_wherever_there_is_one(self, model):
        required = {"item_id": "i"} if model is PostedEvent else {}
        body = {"user": Shopper(user_id="u")} if model is RecommendationBody else {}
        names = set(model.model_fields) - set(required) - set(body)
        plain = model(**required, **body)
        assert names
        for name in names:
            assert model(**required, **body, **{name: None}) == plain

    @pytest.mark.parametrize(
        "nulls",
        [
            {"user": None},
            {"user": {"user_id": None, "session_id": None, "personalise": None}},
            {"exclude": None},
            {"exclude": {"item_ids": None, "seen": None}},
            {"k": None, "exploration": None, "num_samples": None, "return_properties": None},
            {"history": [{**event, "event_type": None, "timestamp": None} for event in HISTORY]},
        ],
    )
    def test_is_answered_as_if_left_out(self, client, nulls):
        answer = ask(client, {"history": HISTORY, **nulls})
        assert answer.status_code == 200, answer.text
        assert answer.json()["items"] == ask(client, {"history": HISTORY}).json()["items"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("body", "pointer", "words"),
        [
            ({"k": 0}, "/k", "0 is less than the least allowed, 1"),
            ({"k": 101}, "/k", "101 is more than the most allowed, 100"),
            ({"k": "10"}, "/k", 'must be an integer, got "10"'),
            ({"k": True}, "/k", "must be an integer, got true"),
            ({"k": 10.0}, "/k", "must be an integer, got 10.0"),
            ({"exploration": 1.01}, "/exploration", "1.01 is more than the most allowed, 1"),
            ({"exploration": -0.1}, "/exploration", "-0.1 is less than the least allowed, 0"),
            ({"exploration": "0"}, "/exploration", 'must be a number, got "0"'),
            ({"num_samples": 33}, "/num_samples", "33 is more than the most allowed, 32"),
            ({"num_samples": 0}, "/num_samples", "0 is less than the least allowed, 1"),
            ({"seed": -1}, "/seed", "-1 is less than the least allowed, 0"),
            ({"seed": 2**63}, "/seed", "9223372036854775808 is more than the most allowed, 9223372036854775807"),
            ({"history": [{"item_id": "i"}] * 501}, "/history", "has 501 entries, the limit is 500"),
            ({"history": [{}]}, "/history/0/item_id", "is required"),
            ({"history": [{"item_id": ""}]}, "/history/0/item_id", "has 0 characters, the least is 1"),
            ({"history": [{"item_id": "i" * 129}]}, "/history/0/item_id", "has 129 characters, the limit is 128"),
            ({"history": [{"item_id": "a\nb"}]}, "/history/0/item_id", "holds a character that is not printable"),
            ({"history": [{"item_id": " "}]}, "/history/0/item_id", "holds only spaces"),
            ({"history": [{"item_id": "\u3000"}]}, "/history/0/item_id", "holds only spaces"),
            ({"exclude": {"item_ids": ["a\u200bb"]}}, "/exclude/item_ids/0", "a character that is not printable"),
            ({"user": {"user_id": " "}}, "/user/user_id", "holds only spaces"),
            ({"user": {"session_id": "a\tb"}}, "/user/session_id", "a character that is not printable"),
            ({"history": [{"item_id": 5}]}, "/history/0/item_id", "must be a string, got 5"),
            ({"history": [{"item_id": None}]}, "/history/0/item_id", "must be a string, got null"),
            ({"history": [None]}, "/history/0", "must be an object, got null"),
            ({"exclude": {"item_ids": [None]}}, "/exclude/item_ids/0", "must be a string, got null"),
            ({"history": [{"item_id": "i", "event_type": "buy"}]}, "/history/0/event_type", '"buy" is none of'),
            ({"history": [{"item_id": "i", "timestamp": "2026-11-24T03:00:00"}]}, "/history/0/timestamp", "with zone"),
            ({"history": [{"item_id": "i", "timestamp": 1795489200}]}, "/history/0/timestamp", "with zone"),
            ({"history": [{"item_id": "i", "timestamp": "1795489200"}]}, "/history/0/timestamp", "with zone"),
            ({"history": [{"item_id": "i", "quantity": 1}]}, "/history/0/quantity", "is not a known field"),
            ({"history": {}}, "/history", "must be an array, got an object"),
            ({"exclude": {"item_ids": ["i"] * 1001}}, "/exclude/item_ids", "has 1001 entries, the limit is 1000"),
            ({"exclude": {"seen": "no"}}, "/exclude/seen", 'must be true or false, got "no"'),
            ({"user": {"user_id": "u" * 129}}, "/user/user_id", "has 129 characters, the limit is 128"),
            ({"user": {"personalise": 0}}, "/user/personalise", "must be true or false, got 0"),
            ({"return_properties": ["title", "colour"]}, "/return_properties/1", "'colour'; known: title, price"),
        ],
    )
    def test_names_field_value_and_limit(self, client, body, pointer, words):
        answer = ask(client, {"history": HISTORY, **body})
        assert answer.status_code == 422
        (problem,) = answer.json()["errors"]
        assert problem["pointer"] == pointer
        assert words in problem["detail"]
        assert words in answer.json()["detail"]

    @pytest.mark.parametrize(
        "field",
        ["filter", "boosts", "max_per", "diversity", "query", "explain", "search_profile", "page",
         "validate_only", "include_out_of_stock", "a/b~c"],
    )  # fmt: skip
    def test_fields_of_later_days_are_unknown(self, client, field):
        answer = ask(client, {"history": HISTORY, field: None})
        assert answer.status_code == 422
        assert f"{field} is not a known field" in answer.json()["detail"]

    @pytest.mark.parametrize(
        "body",
        [{}, {"k": 3}, {"user": {}}, {"user": None}, {"user": {"personalise": True}}, {"history": None}],
    )
    def test_somebody_must_be_named(self, client, body):
        answer = ask(client, body)
        assert answer.status_code == 422
        assert "history or user.user_id or user.session_id" in answer.json()["detail"]

    @pytest.mark.parametrize("body", [[], "text", 5, True])
    def test_body_must_be_an_object(self, client, body):
        answer = ask(client, body)
        assert answer.status_code == 422
        assert "must be an object" in answer.json()["detail"]

    def test_huge_values_are_not_echoed(self, client):
        answer = ask(client, {"history": HISTORY, "k": "9" * 200_000, "x" * 40_000: 1})
        assert answer.status_code == 422
        assert len(answer.content) < 2_000

    def test_many_problems_are_counted_not_listed(self, client):
        answer = ask(client, {"history": [{}] * 400})
        assert answer.status_code == 422
        assert len(answer.json()["errors"]) == 20
        assert answer.json()["detail"].endswith("and 380 more")


class TestLimitsAreReached:
    @pytest.mark.parametrize(
        "body",
        [
            {"k": 1},
            {"k": 100},
            {"num_samples": 32, "exploration": 1},
            {"history": [{"item_id": "i" * 128}] * 500},
            {"exclude": {"item_ids": ["i"] * 1000}},
            {"seed": 2**63 - 1},
            {"seed": None, "return_properties": None, "history": None, "user": {"user_id": "ü" * 128}},
        ],
    )
    def test_the_most_is_accepted(self, client, body):
        answer = ask(client, {"history": HISTORY, **body})
        assert answer.status_code == 200, answer.text


class TestIds:
    @settings(deadline=None)
    @given(st.text(max_size=MAX_ID_CHARACTERS + 1) | st.text("a \u00a0\u3000\u2003", max_size=5))
    def test_what_a_file_may_name_a_request_may_name(self, class_client, text):
        expected = 200 if is_usable_id(text) else 422
        for body in (
            {"history": [{"item_id": text}]},
            {"history": [], "exclude": {"item_ids": [text]}},
            {"user": {"user_id": text}},
            {"user": {"session_id": text}},
        ):
            assert ask(class_client, body).status_code == expected


class TestNewRecommendationId:
    def test_sorts_by_time(self, monkeypatch):
        ids = []
        for milliseconds in (0, 1, 1_000, 1_795_489_200_000, 2**48 - 1):
            monkeypatch.setattr("time.time_ns", lambda now=milliseconds: now * 1_000_000)
            ids.append(new_recommendation_id())
        assert ids == sorted(ids)
        assert {len(one) for one in ids} == {26}

    def test_two_of_one_moment_differ(self):
        assert len({new_recommendation_id() for _ in range(1_000)}) == 1_000


class TestAnyBody:
    @settings(deadline=None)
    @given(k=st.integers(1, 30), excluded=st.sets(st.sampled_from(ITEM_IDS)), seed=st.integers(0, 2**63 - 1))
    def test_excluded_items_are_never_listed_and_k_is_kept(self, class_client, k, excluded, seed):
        body = {"history": [], "k": k, "exclude": {"item_ids": sorted(excluded)}, "seed": seed, "exploration": 0.5}
        answer = ask(class_client, body)
        assert not excluded & set(item_ids(answer))
        assert len(item_ids(answer)) == min(k, len(ITEM_IDS) - len(excluded))
        assert answer.json()["retrieval"]["under_filled"] == (len(item_ids(answer)) < k)
