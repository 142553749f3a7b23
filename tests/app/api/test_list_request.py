import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.list_request import (
    Exclusions,
    Experiment,
    PageAsked,
    PostedEvent,
    RecommendationBody,
    SearchBody,
    Shopper,
)
from models.domain.events import EVENT_ALIASES
from models.domain.ids import is_usable_id
from models.domain.recommendation import MAX_ID_CHARACTERS
from tests.app.api.lists import HISTORY, ask

PRICE = {"field": "price", "op": "lt", "value": 20}
REQUIRED = {
    PostedEvent: {"item_id": "i"},
    RecommendationBody: {"user": Shopper(user_id="u")},
    SearchBody: {"query": "tea"},
    Experiment: {"experiment_id": "e"},
}


class TestEventTypes:
    @pytest.mark.parametrize(("name", "own"), EVENT_ALIASES.items())
    def test_takes_events_by_the_names_that_events_may_have(self, client, name, own):
        assert PostedEvent(item_id="i", event_type=name).event_type == own
        assert ask(client, {"history": [{"item_id": "i", "event_type": name}]}).status_code == 200


class TestNull:
    @pytest.mark.parametrize("model", [Shopper, Exclusions, PageAsked, *REQUIRED])
    def test_means_the_default_wherever_there_is_one(self, model):
        required = REQUIRED.get(model, {})
        names = set(model.model_fields) - set(required)
        plain = model(**required)
        assert names
        for name in names:
            assert model(**required, **{name: None}) == plain

    @pytest.mark.parametrize(
        "nulls",
        [
            {"user": None},
            {"user": {"user_id": None, "session_id": None, "personalise": None}},
            {"exclude": None},
            {"exclude": {"item_ids": None, "seen": None}},
            {"k": None, "exploration": None, "num_samples": None, "return_properties": None},
            {"filter": None, "boosts": None, "max_per": None, "diversity": None, "include_out_of_stock": None},
            {"page": None, "query": None, "explain": None, "search_profile": None, "experiment": None},
            {"validate_only": None},
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
            ({"filter": []}, "/filter", "must be an object"),
            ({"filter": {"field": "price", "op": "like", "value": 1}}, "/filter/op", "must be one of eq"),
            ({"filter": {"all": [{"field": "price", "op": "lt"}]}}, "/filter/all/0/value", "is required"),
            ({"filter": {"field": "colour", "op": "eq", "value": 1}}, "/filter/field", "'colour' is none of ['title'"),
            ({"boosts": [{"field": "price", "op": "lt", "value": 1}]}, "/boosts/0/weight", "is required"),
            ({"boosts": [PRICE | {"weight": 0}]}, "/boosts/0/weight", "must be between 0.01 and 100, got 0"),
            ({"boosts": [PRICE | {"weight": 10**400}]}, "/boosts/0/weight", "0.01 and 100, got 1000000000000000000…"),
            ({"diversity": 10**400}, "/diversity", "must be"),
            ({"exploration": 10**400}, "/exploration", "must be"),
            ({"boosts": [PRICE | {"weight": 1}] * 21}, "/boosts", "has 21 entries, the limit is 20"),
            ({"max_per": {"brand": 0}}, "/max_per/brand", "must be an integer from 1 to 500"),
            ({"page": {"size": 5}, "max_per": {"brand": 10**20}}, "/max_per/brand", "must be an integer from 1 to 500"),
            ({"max_per": {str(n): 1 for n in range(6)}}, "/max_per", "names 6 fields, the limit is 5"),
            ({"diversity": 1.5}, "/diversity", "1.5 is more than the most allowed, 1"),
            ({"search_profile": "slow"}, "/search_profile", '"slow" is none of'),
            ({"explain": "all"}, "/explain", '"all" is none of'),
            ({"validate_only": "yes"}, "/validate_only", 'must be true or false, got "yes"'),
            ({"include_out_of_stock": 1}, "/include_out_of_stock", "must be true or false, got 1"),
            ({"page": {"size": 101}}, "/page/size", "101 is more than the most allowed, 100"),
            ({"page": {"size": 0}}, "/page/size", "0 is less than the least allowed, 1"),
            ({"page": {"cursor": ""}}, "/page/cursor", "has 0 characters, the least is 1"),
            ({"page": {}, "k": 10}, "", "has both k and page"),
            ({"query": ""}, "/query", "has 0 characters, the least is 1"),
            ({"query": "  "}, "/query", "holds no word"),
            ({"query": "x" * 513}, "/query", "has 513 characters, the limit is 512"),
            ({"experiment": {"variant_id": "a"}}, "/experiment/experiment_id", "is required"),
        ],
    )
    def test_names_field_value_and_limit(self, client, body, pointer, words):
        answer = ask(client, {"history": HISTORY, **body})
        assert answer.status_code == 422
        (problem,) = answer.json()["errors"]
        assert problem["pointer"] == pointer
        assert words in problem["detail"]
        assert words in answer.json()["detail"]

    @pytest.mark.parametrize("field", ["candidates", "a/b~c", "Filter"])
    def test_unknown_fields_are_refused(self, client, field):
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
            {"filter": {"all": [PRICE] * 50}},
            {"filter": {"not": {"not": {"any": [{"all": [PRICE]}]}}}},
            {"boosts": [PRICE | {"weight": 100}] * 20},
            {"max_per": {str(number): 1 for number in range(5)}},
            {"diversity": 1, "query": "x" * 512},
            {"page": {"size": 100}},
        ],
    )
    def test_the_most_is_accepted(self, client, body):
        answer = ask(client, {"history": HISTORY, **body})
        assert answer.status_code == 200, answer.text


class TestIds:
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
