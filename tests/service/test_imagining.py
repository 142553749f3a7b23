"""Concepts, made-up sessions and made-up items of a real bundle over HTTP."""

import time

import polars as pl
import pytest

from app.api.synthetic import MAX_AT_ONCE
from models.bundle import layout
from models.bundle.manifest import read_manifest
from models.bundle.write import link_or_copy, seal_bundle
from tests.service.process import serving

TEA = [[{"item_id": f"tea-{number}"}, {"item_id": f"tea-{number + 1}"}] for number in range(10)]
OF_TEA = {"field": "category", "op": "contains", "value": "tea"}
OF_COLOUR = {"field": "colour", "op": "eq", "value": "red"}
OF_NOTHING = {"field": "brand", "op": "eq", "value": "nobody"}


@pytest.fixture(scope="module")
def client(tiny_bundle, tmp_path_factory):
    with serving(tmp_path_factory.mktemp("imagining"), bundle=tiny_bundle) as service:
        service.wait_until_ready()
        yield service.client


@pytest.fixture(scope="module")
def client_without_decoder(tiny_bundle, tmp_path_factory):
    folder = tmp_path_factory.mktemp("without-decoder")
    with serving(folder, bundle=without_decoder(tiny_bundle, folder / "plain")) as service:
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
        assert "is true of no item" in str(told(client, "/v1/concepts", 422, segment={"filter": OF_NOTHING}))

    def test_a_field_that_the_catalogue_has_not_is_named_where_it_stands(self, client):
        answer = told(client, "/v1/concepts", 422, segment={"filter": {"not": OF_COLOUR}})
        ((pointer, detail),) = ((each["pointer"], each["detail"]) for each in answer["errors"])
        assert pointer == "/segment/filter/not/field"
        assert "'colour' is no attribute of this catalogue; known: brand, category" in detail

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


@pytest.mark.parametrize("num", [MAX_AT_ONCE, MAX_AT_ONCE + 1], ids=["at once", "a job"])
@pytest.mark.parametrize("kind", ["sessions", "items"])
class TestSegmentsThatAreNone:
    """What a job would fail with is told before there is one."""

    @pytest.mark.parametrize(
        ("asked", "pointer", "detail"),
        [
            (OF_COLOUR, "/segment/filter/field", "'colour' is no attribute of this catalogue; known: brand, category"),
            (OF_NOTHING, "/segment/filter", "is true of no item of the catalogue"),
        ],
    )
    def test_a_filter_that_finds_nothing(self, client, kind, num, asked, pointer, detail):
        answer = told(client, f"/v1/synthetic-{kind}", 422, **{f"num_{kind}": num}, segment={"filter": asked})
        (problem,) = answer["errors"]
        assert problem["pointer"] == pointer
        assert detail in problem["detail"]

    def test_histories_of_unknown_items_only(self, client, kind, num):
        segment = {"histories": [[{"item_id": "nobody"}], [{"item_id": "nothing"}]]}
        detail = told(client, f"/v1/synthetic-{kind}", 422, **{f"num_{kind}": num}, segment=segment)["detail"]
        assert "0 of the segment's histories have an event on an item of the catalogue, the least is 1" in detail


class TestBundleWithoutDecoder:
    """As one that was trained before there was a decoder, or on too little to learn one."""

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("/v1/concepts", {"segment": {"histories": TEA}}),
            ("/v1/synthetic-items", {"num_items": MAX_AT_ONCE}),
            ("/v1/synthetic-items", {"num_items": MAX_AT_ONCE + 1}),
        ],
    )
    def test_is_told_what_it_lacks(self, client_without_decoder, path, body):
        assert "no decoder: train it again" in told(client_without_decoder, path, 409, **body)["detail"]

    def test_makes_sessions_all_the_same(self, client_without_decoder):
        assert len(told(client_without_decoder, "/v1/synthetic-sessions", num_sessions=2)["sessions"]) == 2


def without_decoder(bundle, folder):
    """The bundle again, all but that."""
    lacking = (layout.DECODER_LABELS, layout.network_file("decoder"))

    def fill(unsealed):
        for name in read_manifest(bundle).files:
            (unsealed / name).parent.mkdir(exist_ok=True)
            if name not in lacking:
                link_or_copy(bundle / name, unsealed / name)
        return read_manifest(bundle).model_copy(update={"model_version": folder.name})

    seal_bundle(folder, fill)
    return folder
