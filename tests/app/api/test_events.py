import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.api import MAX_LARGE_BODY_BYTES
from app.api.events import MAX_EVENTS
from app.store.idempotency import IdempotencyStore
from app.store.outcomes import OutcomeStore
from models.domain.errors import StoreUnavailable
from models.domain.events import EVENT_ALIASES, EVENT_TYPES
from tests.app.api.shoppers import event, guest, minutes_ago, post, store, stored, stored_items
from tests.app.api.test_errors import check_problem

KEY = "Idempotency-Key"


def told_of(client, **fields):
    """What is wrong with one event."""
    answer = post(client, event(**fields))
    assert answer.status_code == 202
    assert (answer.json()["accepted"], answer.json()["duplicates"]) == (0, 0)
    (error,) = answer.json()["errors"]
    assert error["index"] == 0
    return error["detail"]


class TestAnswer:
    def test_has_exactly_the_agreed_shape(self, client):
        answer = post(client, event(event_id="e1"), event(event_id="e1"), {"item_id": "x"})
        assert answer.status_code == 202
        assert answer.headers["content-type"] == "application/json"
        told = answer.json()
        (error,) = told.pop("errors")
        assert told == {"accepted": 1, "duplicates": 1}
        assert error["index"] == 2
        assert "event_type is required" in error["detail"]
        assert "timestamp is required" in error["detail"]

    def test_a_bad_event_keeps_no_other_back(self, client):
        sent = [event("a"), event("b", user_id=None), 7, event("c"), event("d", minutes=-9), None, event("e")]
        told = post(client, *sent).json()
        assert told["accepted"] == 3
        assert [error["index"] for error in told["errors"]] == [1, 2, 4, 5]
        assert sorted(stored_items(client)) == ["a", "c", "e"]

    def test_no_events_are_no_problem(self, client):
        assert post(client).json() == {"accepted": 0, "duplicates": 0, "errors": []}

    def test_sent_again_nothing_changes(self, client):
        sent = [event(str(number), number, event_id=f"e{number}") for number in range(5)]
        store(client, *sent)
        before = stored(client)
        assert store(client, *sent[::-1]) == {"accepted": 0, "duplicates": 5, "errors": []}
        assert stored(client) == before

    def test_items_that_the_catalogue_does_not_have_are_kept(self, client):
        store(client, event("from tomorrow's catalogue"))
        assert stored_items(client) == ["from tomorrow's catalogue"]


class TestFields:
    def test_each_is_told_back_as_it_was_sent(self, client):
        sent = {
            "event_id": "e/1", "user_id": "ü 😀", "session_id": "s1", "item_id": "i\"1'", "event_type": "purchase",
            "timestamp": "2026-01-02T03:04:05.678901Z", "recommendation_id": "01J", "quantity": 2, "unit_price": 9.5,
            "currency": "EUR", "rating": 4.0,
        }  # fmt: skip
        sent["timestamp"] = re.sub(r"\+00:00", "Z", minutes_ago(3))
        store(client, sent)
        assert stored(client, "ü 😀") == [sent]
        assert [type(stored(client, "ü 😀")[0][name]) for name in ("quantity", "rating")] == [int, float]

    def test_what_was_not_sent_is_absent(self, client):
        store(client, event(event_type="view"))
        assert set(stored(client)[0]) == {"user_id", "item_id", "event_type", "timestamp"}

    def test_null_is_as_if_not_sent(self, client):
        store(client, {**event(), "session_id": None, "quantity": None, "currency": None})
        assert set(stored(client)[0]) == {"user_id", "item_id", "event_type", "timestamp"}

    @pytest.mark.parametrize(
        "fields",
        [
            {"quantity": 0.001}, {"quantity": 1_000_000}, {"unit_price": 0}, {"unit_price": 1_000_000_000},
            {"rating": 0}, {"rating": 100}, {"currency": "XTS"}, {"item_id": "x" * 128}, {"event_id": "😀" * 128},
            {"session_id": "a/b"},
        ],
    )  # fmt: skip
    def test_at_their_limits_are_taken(self, client, fields):
        store(client, event(**fields))
        assert stored(client)[0] | fields == stored(client)[0]

    @pytest.mark.parametrize(
        ("fields", "detail"),
        [
            ({"quantity": 0}, "quantity 0 is not more than 0"),
            ({"quantity": -1}, "quantity -1 is not more than 0"),
            ({"quantity": 1_000_001}, "quantity 1000001 is more than the most allowed, 1000000"),
            ({"quantity": "2"}, 'quantity must be a number, got "2"'),
            ({"quantity": True}, "quantity must be a number, got true"),
            ({"unit_price": -0.01}, "unit_price -0.01 is less than the least allowed, 0"),
            ({"unit_price": 1e10}, "unit_price 10000000000.0 is more than the most allowed, 1000000000"),
            ({"rating": 100.5}, "rating 100.5 is more than the most allowed, 100"),
            ({"currency": "eur"}, 'currency "eur" is not of the form'),
            ({"currency": "EURO"}, 'currency "EURO" is not of the form'),
            ({"currency": "EUR\n"}, "currency"),
            ({"currency": 978}, "currency must be a string, got 978"),
            ({"item_id": ""}, "item_id has 0 characters, the least is 1"),
            ({"item_id": "x" * 129}, "item_id has 129 characters, the limit is 128"),
            ({"item_id": "a\0b"}, "item_id holds a character that is not printable"),
            ({"item_id": 5}, "item_id must be a string, got 5"),
            ({"user_id": "\u202etxt"}, "user_id holds a character that is not printable"),
            ({"event_id": "  "}, "event_id holds only spaces"),
            ({"event_type": "search"}, 'event_type "search" is none of'),
            ({"event_type": ["view"]}, "event_type"),
            ({"timestamp": "2026-11-24"}, "timestamp must be a date and time with zone"),
            ({"timestamp": "2026-11-24T03:00:00"}, "timestamp must be a date and time with zone"),
            ({"timestamp": 1764000000}, "timestamp must be a date and time with zone"),
            ({"timestamp": "1764000000"}, "timestamp must be a date and time with zone"),
            ({"user_id": None}, "the event needs user_id or session_id"),
            ({"brand": "OPI"}, "brand is not a known field"),
        ],
    )
    def test_beyond_them_are_refused_with_value_and_limit(self, client, fields, detail):
        assert detail in told_of(client, **fields)
        assert stored(client) == []

    def test_of_many_problems_the_first_are_told(self, client):
        detail = told_of(client, **{f"field_{number}": 1 for number in range(5000)})
        assert detail.endswith("and 4997 more")
        assert len(detail) < 500

    @pytest.mark.parametrize("name", [*EVENT_TYPES, *EVENT_ALIASES])
    def test_every_name_of_an_event_type_is_understood(self, client, name):
        store(client, event(event_type=name))
        assert stored(client)[0]["event_type"] == EVENT_ALIASES.get(name, name)


class TestTimestamps:
    @pytest.mark.parametrize("minutes", [-4.5, 0, 60 * 24 * 1094])
    def test_now_and_the_last_three_years_are_taken(self, client, minutes):
        store(client, event(minutes=minutes))

    @pytest.mark.parametrize(
        ("minutes", "detail"),
        [(-5.5, "in the future: more than 5 minutes after"), (60 * 24 * 1096, "too old: more than 1095 days ago")],
    )
    def test_beyond_them_are_refused_with_a_reason(self, client, minutes, detail):
        assert detail in told_of(client, minutes=minutes)

    @pytest.mark.parametrize("timestamp", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59"])
    def test_the_ends_of_the_calendar_are_refused(self, client, timestamp):
        assert re.search("in the future|too old", told_of(client, timestamp=timestamp))

    def test_an_instant_is_the_same_in_any_zone(self, client):
        store(client, event("a", timestamp="2026-10-01T05:30:00+05:30"), event("b", timestamp="2026-10-01T00:00:01Z"))
        assert [(one["item_id"], one["timestamp"]) for one in stored(client)] == [
            ("b", "2026-10-01T00:00:01Z"),
            ("a", "2026-10-01T00:00:00Z"),
        ]


class TestBody:
    def test_a_thousand_are_taken(self, client):
        told = store(client, *(event(str(number), event_id=f"e{number}") for number in range(MAX_EVENTS)))
        assert told["accepted"] == MAX_EVENTS

    def test_more_are_refused_whole(self, client):
        answer = post(client, *(event(event_id=f"e{number}") for number in range(MAX_EVENTS + 1)))
        told = check_problem(answer, 422)
        assert told["errors"] == [{"pointer": "/events", "detail": "has 1001 entries, the limit is 1000"}]
        assert stored(client) == []

    @pytest.mark.parametrize("body", [{}, {"events": None}, {"events": {}}, {"events": [], "mode": "x"}, [], "events"])
    def test_another_shape_is_refused_whole(self, client, body):
        check_problem(client.post("/v1/events", json=body), 422)

    def test_four_mebibytes_are_the_limit(self, client):
        def body(size):
            return json.dumps({"events": [event()]}).ljust(size).encode()

        headers = {"Content-Type": "application/json"}
        assert client.post("/v1/events", content=body(MAX_LARGE_BODY_BYTES), headers=headers).status_code == 202
        answer = client.post("/v1/events", content=body(MAX_LARGE_BODY_BYTES + 1), headers=headers)
        assert "4194304" in check_problem(answer, 413)["detail"]

    @pytest.mark.parametrize(
        "after",
        [b"", b"}", b', {"item_id": "a", "item_id": "b"}', b', {"quantity": NaN}', b', "\xff"', b", " + b"[" * 100_000],
    )
    @pytest.mark.parametrize("path", ["/v1/events", "/v1/users/u1:merge"])
    def test_what_is_no_json_is_refused_whole(self, client, path, after):
        """A good event before the fault is not stored."""
        body = b'{"events": [' + json.dumps(event()).encode() + after
        check_problem(client.post(path, content=body, headers={"Content-Type": "application/json"}), 400)
        assert stored(client) == []


class TestIdempotencyKey:
    def test_the_same_request_is_answered_alike_and_carried_out_once(self, client):
        sent = [event("a"), event("b"), {"item_id": "bad"}]  # without event_id, nothing else would tell
        first = post(client, *sent, **{KEY: "k1"})
        again = post(client, *sent, **{KEY: "k1"})
        assert (again.status_code, again.content) == (202, first.content)
        assert again.headers["content-type"] == first.headers["content-type"]
        assert len(stored(client)) == 2

    def test_another_key_is_another_request(self, client):
        sent = event()
        post(client, sent, **{KEY: "k1"})
        post(client, sent, **{KEY: "k2"})
        assert len(stored(client)) == 2

    def test_another_body_is_refused(self, client):
        post(client, event("a"), **{KEY: "k1"})
        told = check_problem(post(client, event("b"), **{KEY: "k1"}), 422)
        assert told["errors"][0]["pointer"] == f"header:{KEY}"
        assert "another body" in told["detail"]
        assert stored_items(client) == ["a"]

    def test_while_it_is_carried_out_the_same_is_a_conflict(self, client, monkeypatch):
        sent = event("a")

        async def lost(*_, **__):
            return False

        monkeypatch.setattr(IdempotencyStore, "complete", lost)  # as if another process had taken the claim over
        check_problem(post(client, sent, **{KEY: "k1"}), 409)
        monkeypatch.undo()
        assert stored(client) == []  # the transaction was undone
        answer = post(client, sent, **{KEY: "k1"})
        assert "being carried out" in check_problem(answer, 409)["detail"]
        assert answer.headers["retry-after"] == "1"
        assert stored(client) == []

    def test_after_a_failure_the_same_may_be_sent_again(self, client, monkeypatch):
        sent = event("a")

        async def away(*_, **__):
            raise StoreUnavailable("the database", "gone")

        monkeypatch.setattr("app.store.events.EventStore.add", away)
        assert check_problem(post(client, sent, **{KEY: "k1"}), 503)
        monkeypatch.undo()
        assert post(client, sent, **{KEY: "k1"}).json()["accepted"] == 1

    def test_after_a_failure_that_nobody_foresaw_too(self, client, monkeypatch):
        sent = event("a")

        async def broken(*_, **__):
            raise ZeroDivisionError

        monkeypatch.setattr("app.store.events.EventStore.add", broken)
        assert check_problem(post(client, sent, **{KEY: "k1"}), 500)
        monkeypatch.undo()
        assert post(client, sent, **{KEY: "k1"}).json()["accepted"] == 1

    def test_a_request_that_is_refused_claims_nothing(self, client):
        check_problem(client.post("/v1/events", json={}, headers={KEY: "k1"}), 422)
        assert post(client, event(), **{KEY: "k1"}).status_code == 202

    @pytest.mark.parametrize("key", ["", "x" * 256, "é"])
    def test_senseless_keys_are_refused(self, client, key):
        told = check_problem(post(client, event(), **{KEY: key.encode("latin-1")}), 422)
        assert told["errors"][0]["pointer"] == f"header:{KEY}"

    def test_two_keys_are_refused(self, client):
        headers = [(KEY, "a"), (KEY, "b")]
        told = check_problem(client.post("/v1/events", json={"events": []}, headers=headers), 422)
        assert "twice" in told["detail"]


NOON = datetime.now(UTC) - timedelta(hours=1)
SHOPPER_S = [
    {
        "event_id": f"e{number}",
        **({"user_id": "{user}"} if number % 2 else {"session_id": "{session}"}),
        "item_id": f"item-{number}",
        "event_type": "view",
        "timestamp": (NOON + timedelta(seconds=number)).isoformat(),
    }
    for number in range(8)
]


@st.composite
def interleavings(draw):
    """Requests that hold every event at least once, in any order, with a merge somewhere between them."""
    extra = draw(st.lists(st.sampled_from(range(8)), max_size=8))
    order = draw(st.permutations([*range(8), *extra]))
    cuts = sorted(draw(st.sets(st.integers(1, len(order) - 1), max_size=4)))
    requests = [order[start:end] for start, end in zip([0, *cuts], [*cuts, len(order)], strict=True)]
    return requests, draw(st.integers(0, len(requests)))


class TestAnyInterleaving:
    examples = 0

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(interleavings())
    def test_gives_the_same_history(self, class_client, tried):
        """Duplicates, any order, a guest that logs in before, between or after: one history."""
        requests, merge_at = tried
        TestAnyInterleaving.examples += 1
        names = {"user": f"u{self.examples}", "session": f"s{self.examples}"}
        for place in range(len(requests) + 1):
            if place == merge_at:
                merged = class_client.post(f"/v1/users/{names['user']}:merge", json={"session_id": names["session"]})
                assert merged.status_code == 200
            if place < len(requests):
                sent = [
                    {key: value.format(**names) for key, value in SHOPPER_S[number].items()}
                    | {"event_id": f"{names['user']}-e{number}"}
                    for number in requests[place]
                ]
                store(class_client, *sent)
        assert stored_items(class_client, names["user"]) == [f"item-{number}" for number in range(7, -1, -1)]


class TestEvents:
    def test_of_a_guest_are_the_account_s_once_they_are_joined(self, client):
        store(client, guest("before"))
        client.post("/v1/users/u1:merge", json={"session_id": "s1"})
        store(client, guest("after", minutes=0))
        assert stored_items(client) == ["after", "before"]
        assert {one["user_id"] for one in stored(client)} == {"u1"}

    def test_are_nowhere_if_what_belongs_to_them_fails(self, client, monkeypatch):
        """Sums, answer and events are one transaction."""

        async def away(*_, **__):
            raise StoreUnavailable("the database", "gone")

        monkeypatch.setattr(OutcomeStore, "add", away)
        check_problem(post(client, event(recommendation_id="01J")), 503)
        monkeypatch.undo()
        assert stored(client) == []
