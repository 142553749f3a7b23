import re
import sqlite3
import time
from contextlib import closing

import pytest

from tests.app.api.shoppers import event, post, store
from tests.app.conftest import bearer


def ask(client, **body):
    answer = client.post("/v1/recommendations", json={"history": [], "k": 3} | body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def outcomes_of(client, holds=lambda told: True):
    """What the model card tells, once it is as expected: lists are written a moment after they are answered."""
    give_up = time.monotonic() + 180  # what was shown is kept for twenty times as long as reading it took
    while True:
        told = client.get("/v1/model").json()["outcomes"]
        if holds(told):
            return told
        assert time.monotonic() < give_up, told
        time.sleep(0.02)


def has_lists(number):
    return lambda told: sum(arm["lists"] for arm in told["arms"]) == number


class TestOutcomes:
    def test_say_for_which_time_they_are(self, client):
        told = outcomes_of(client)
        assert (told["days"], told["attribution_hours"], told["arms"], told["unattributed"]) == (30, 24, [], {})

    def test_tell_what_came_of_lists(self, client):
        listed = ask(client)["recommendation_id"]
        ask(client)
        named = {"recommendation_id": listed, "minutes": 0}
        sold = {"quantity": 2, "unit_price": 4.5, "currency": "EUR"}
        told = store(
            client,
            *(event(f"item-{number}", event_type="impression", **named) for number in range(3)),
            event("item-1", event_type="select_item", **named),
            event("item-1", event_type="purchase", **named, **sold),
            event("item-9", event_type="click", **named),  # is not in the list
            event("item-1", event_type="click"),  # names none
        )
        assert told["accepted"] == 7
        (arm,) = outcomes_of(client, has_lists(2))["arms"]
        assert arm == {
            "experiment_id": None,
            "variant_id": None,
            "model_version": "scripted",
            "lists": 2,
            "items_listed": 6,
            "events": {"click": 1, "impression": 3, "purchase": 1},
            "click_through": pytest.approx(1 / 3),
            "purchases": 1,
            "units": 2,
            "revenue": [{"currency": "EUR", "amount": 9.0}],
            "coverage": pytest.approx(0.1),  # the same three of thirty
            "exposure_gini": pytest.approx(0.9),
        }
        assert outcomes_of(client)["unattributed"] == {"click": 1}

    def test_keep_currencies_apart(self, client):
        named = {"recommendation_id": ask(client)["recommendation_id"], "minutes": 0, "event_type": "purchase"}
        store(
            client,
            event("item-0", unit_price=5, currency="SEK", **named),
            event("item-1", unit_price=1.25, currency="EUR", quantity=4, **named),
            event("item-2", unit_price=3, **named),
            event("item-2", **named),
        )
        (arm,) = outcomes_of(client, has_lists(1))["arms"]
        assert arm["revenue"] == [
            {"currency": None, "amount": 3.0},
            {"currency": "EUR", "amount": 5.0},
            {"currency": "SEK", "amount": 5.0},
        ]
        assert (arm["purchases"], arm["units"]) == (4, 7)

    def test_count_an_event_once(self, client):
        listed = ask(client)["recommendation_id"]
        clicked = event("item-0", event_type="click", event_id="c1", recommendation_id=listed, minutes=0)
        for _ in range(3):
            store(client, clicked)
        post(client, clicked, **{"Idempotency-Key": "k"})
        (arm,) = outcomes_of(client, has_lists(1))["arms"]
        assert arm["events"] == {"click": 1}

    def test_are_told_by_variant(self, client):
        for user_id in ("u1", "u2", "u3", "u4", "u5", "u6"):
            body = {"user": {"user_id": user_id}, "experiment": {"experiment_id": "e1"}}
            told = ask(client, **body)
            if told["meta"]["variant_id"] == "a":
                store(
                    client, event("item-0", event_type="click", recommendation_id=told["recommendation_id"], minutes=0)
                )
        arms = {arm["variant_id"]: arm for arm in outcomes_of(client, has_lists(6))["arms"]}
        assert set(arms) == {"a", "b"}
        assert arms["a"]["events"] == {"click": arms["a"]["lists"]}
        assert arms["b"]["events"] == {}

    def test_are_metrics_too(self, client):
        body = {"user": {"user_id": "u1"}, "experiment": {"experiment_id": "e1", "variant_id": "bold"}}
        named = {"recommendation_id": ask(client, **body)["recommendation_id"], "minutes": 0}
        ask(client)
        store(client, event("item-0", event_type="click", **named), event("item-9", event_type="click", **named))
        store(client, event("item-0", event_type="purchase", unit_price=4.5, currency="EUR", **named))
        told = set(client.get("/metrics").text.splitlines())
        assert told >= {
            'figment_variant_lists_total{experiment="",variant=""} 1.0',
            'figment_variant_lists_total{experiment="e1",variant="bold"} 1.0',
            'figment_catalogue_coverage_ratio{experiment="e1",variant="bold"} 0.1',
            'figment_outcome_events_total{event_type="click",experiment="e1",variant="bold"} 1.0',
            'figment_outcome_revenue_total{currency="EUR",experiment="e1",variant="bold"} 4.5',
            'figment_unattributed_events_total{event_type="click"} 1.0',
        }

    def test_are_metrics_for_keys_with_the_scope_admin_alone(self, client, make_key):
        named = {"recommendation_id": ask(client)["recommendation_id"], "minutes": 0}
        store(client, event("item-0", event_type="purchase", unit_price=4.5, currency="EUR", **named))
        others, admin = (make_key(*scopes)[0] for scopes in (["recommend", "catalogue", "events", "studio"], ["admin"]))
        for accept in ("text/plain", "application/openmetrics-text; version=1.0.0"):
            withheld, whole = (
                client.get("/metrics", headers={**bearer(key), "Accept": accept}).text.splitlines()
                for key in (others, admin)
            )
            outcomes = [line for line in whole if "figment_outcome_" in line]
            assert any(line.endswith(" 4.5") for line in outcomes)
            assert not any("figment_outcome_" in line for line in withheld)
            names = [{re.split("[{ ]", line)[0] for line in told if line[0] != "#"} for told in (whole, withheld)]
            assert names[0] - names[1] == {re.split("[{ ]", line)[0] for line in outcomes if line[0] != "#"}

    def test_lists_of_both_paths_are_counted(self, client):
        ask(client)
        client.get("/v1/users/u1/recommendations")
        assert outcomes_of(client, has_lists(2))["arms"][0]["items_listed"] == 13


class TestServedLists:
    def test_are_written_behind_the_answer(self, client, tmp_path):
        """Another process holds the one write lock of SQLite, and lists are answered meanwhile."""
        with closing(sqlite3.connect(tmp_path / "figment.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            listed = [ask(client)["recommendation_id"] for _ in range(20)]
            assert outcomes_of(client)["arms"] == []
            other.execute("ROLLBACK")
        (arm,) = outcomes_of(client, has_lists(20))["arms"]
        assert arm["lists"] == len(set(listed))
