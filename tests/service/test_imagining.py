"""Concepts, made-up sessions and made-up items of a real bundle over HTTP."""

import time

import polars as pl
import pytest

from tests.service.process import serving

TEA = [[{"item_id": f"tea-{number}"}, {"item_id": f"tea-{number + 1}"}] for number in range(10)]
OF_TEA = {"field": "category", "op": "contains", "value": "tea"}


@pytest.fixture(scope="module")
def client(tiny_bundle, tmp_path_factory):
    with serving(tmp_path_factory.mktemp("imagining"), bundle=tiny_bundle) as service:
        service.wait_until_ready()
        yield service.client


@pytest.fixture(scope="module")
def catalogue(tiny_bundle):
    return pl.read_parquet(tiny_bundle / "catalogue.parquet")


def told(client, path, status=200, **body):
    answer = client.post(path, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


class TestConcepts:
    def test_are_told_with_what_is_near_them(self, client, catalogue):
        answer = told(client, "/v1/concepts", segment={"histories": TEA}, n=3, seed=1)
        assert 1 <= len(answer["concepts"]) <= 3
        for concept in answer["concepts"]:
            assert concept["category"] in catalogue["category"].to_list()
            assert concept["brand"] in ("tea house", "paint house")
            assert 0 < concept["category_probability"] <= 1
            assert 0.5 <= concept["brand_probability"] <= 1  # there are two
            assert concept["price_range"] == sorted(concept["price_range"])
            assert concept["gap"] == pytest.approx(concept["nearest"][0]["distance"], abs=1e-5)
            assert 0 < concept["shoppers"] <= 1
            assert len(concept["nearest"]) == 3
        assert answer["num_shoppers"] == 10
        assert answer["provenance"]["synthetic"] is True

    def test_are_ranked_by_demand_times_gap(self, client):
        found = told(client, "/v1/concepts", segment={"histories": TEA}, n=10, seed=1)["concepts"]
        worth = [each["demand"] * each["gap"] for each in found]
        assert worth == sorted(worth, reverse=True)

    def test_the_same_seed_makes_the_same_and_more_novelty_is_farther(self, client):
        one, again, far = (
            told(client, "/v1/concepts", segment={"histories": TEA}, seed=7, novelty=novelty)["concepts"]
            for novelty in (0.1, 0.1, 0.9)
        )
        assert one == again
        assert far[0]["gap"] > one[0]["gap"]

    def test_too_few_stored_shoppers_are_told_with_the_minimum(self, client):
        for segment in (None, {"filter": OF_TEA}):
            assert "the least is 20" in told(client, "/v1/concepts", 422, segment=segment)["detail"]

    def test_histories_of_unknown_items_are_no_segment(self, client):
        answer = told(client, "/v1/concepts", 422, segment={"histories": [[{"item_id": "nobody"}]]})
        assert "item of the catalogue" in answer["detail"]

    def test_an_empty_segment_is_told(self, client):
        answer = told(
            client, "/v1/concepts", 422, segment={"filter": {"field": "brand", "op": "eq", "value": "nobody"}}
        )
        assert "is true of no item" in str(answer)

    @pytest.mark.parametrize(
        "body",
        [
            {"n": 0},
            {"n": 51},
            {"novelty": 1.5},
            {"segment": {}},
            {"segment": {"histories": []}},
            {"segment": {"histories": TEA, "filter": OF_TEA}},
            {"colour": "red"},
        ],
    )
    def test_refuses(self, client, body):
        assert told(client, "/v1/concepts", 422, **body)["errors"]

    def test_stored_shoppers_are_a_segment(self, client):
        events = [
            {
                "user_id": f"u{user}",
                "item_id": f"tea-{item}",
                "event_type": "purchase",
                "timestamp": "2026-01-05T00:00:00Z",
                "event_id": f"{user}-{item}",
            }
            for user in range(25)
            for item in range(2)
        ]
        events = [{key: value for key, value in event.items() if key != "timestamp"} for event in events]
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        accepted = told(client, "/v1/events", 202, events=[{**event, "timestamp": now} for event in events])
        assert accepted["accepted"] == 50
        assert told(client, "/v1/concepts", segment={"filter": OF_TEA}, seed=1)["num_shoppers"] == 25
        assert told(client, "/v1/concepts", seed=1)["num_shoppers"] == 25


class TestSessions:
    def test_are_walks_over_real_items_of_one_taste(self, client, catalogue):
        answer = told(client, "/v1/synthetic-sessions", num_sessions=40, seed=3)
        assert (len(answer["sessions"]), answer["job_id"]) == (40, None)
        known = set(catalogue["item_id"].to_list())
        pure = 0
        for session in answer["sessions"]:
            items = [event["item_id"] for event in session["events"]]
            assert set(items) <= known
            assert len(items) == len(set(items)) >= 2
            times = [event["timestamp"] for event in session["events"]]
            assert times == sorted(times)
            pure += len({item.split("-")[0] for item in items}) == 1
        # shoppers of this shop never buy of both groups
        assert pure >= 30

    def test_begin_with_what_the_filter_names(self, client):
        answer = told(client, "/v1/synthetic-sessions", num_sessions=20, seed=3, segment={"filter": OF_TEA})
        assert {session["events"][0]["item_id"].split("-")[0] for session in answer["sessions"]} == {"tea"}

    def test_go_on_from_histories_without_repeating_them(self, client):
        answer = told(client, "/v1/synthetic-sessions", num_sessions=20, seed=3, segment={"histories": TEA[:1]})
        items = [event["item_id"] for session in answer["sessions"] for event in session["events"]]
        assert not {"tea-0", "tea-1"} & set(items)

    def test_many_are_a_job(self, client):
        answer = told(client, "/v1/synthetic-sessions", 202, num_sessions=1001, seed=3)
        assert answer["sessions"] == []
        give_up = time.monotonic() + 120
        while (job := client.get(answer["status_url"]).json())["state"] != "done":
            assert job["state"] in ("queued", "running"), job
            assert time.monotonic() < give_up
            time.sleep(0.2)
        made = client.get(job["result_url"])
        assert made.status_code == 200
        assert len(made.json()["sessions"]) == 1001
        assert client.get(f"/v1/synthetic-items/{answer['job_id']}").status_code == 404

    def test_the_first_of_a_job_are_those_of_a_request(self, client):
        few, again = (told(client, "/v1/synthetic-sessions", num_sessions=5, seed=9)["sessions"] for _ in range(2))
        assert few == again

    @pytest.mark.parametrize("body", [{}, {"num_sessions": 0}, {"num_sessions": 20_001}])
    def test_refuses(self, client, body):
        assert told(client, "/v1/synthetic-sessions", 422, **body)["errors"]


class TestItems:
    def test_are_rows_of_the_catalogue_s_kinds(self, client, catalogue):
        answer = told(client, "/v1/synthetic-items", num_items=30, seed=2)
        assert len({item["item_id"] for item in answer["items"]}) == 30
        assert {item["category"] for item in answer["items"]} <= set(catalogue["category"].to_list())
        assert all(0 <= item["price"] < 100 for item in answer["items"])

    def test_of_a_segment_are_like_it(self, client):
        answer = told(client, "/v1/synthetic-items", num_items=30, seed=2, segment={"filter": OF_TEA})
        assert sum(item["category"].startswith("tea") for item in answer["items"]) >= 24
