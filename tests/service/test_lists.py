"""Lists of a real bundle over HTTP, in a shop of which the right answers are known."""

import httpx
import pytest

from tests.service.process import serving

TEA = [f"tea-{number}" for number in range(20)]
PAINT = [f"paint-{number}" for number in range(20)]
HISTORY = [{"item_id": "tea-1"}, {"item_id": "tea-2"}, {"item_id": "tea-3"}]
CHEAP_PAINT = {
    "all": [{"field": "brand", "op": "eq", "value": "paint house"}, {"field": "price", "op": "lt", "value": 9}]
}


@pytest.fixture(scope="module")
def client(tiny_bundle, tmp_path_factory):
    with serving(tmp_path_factory.mktemp("lists"), bundle=tiny_bundle) as service:
        service.wait_until_ready()
        yield service.client


def told(answer: httpx.Response):
    assert answer.status_code == 200, answer.text
    return answer.json()


def ask(client, **body):
    return told(client.post("/v1/recommendations", json={"history": HISTORY, "seed": 1} | body))


def ids(answer):
    return [item["item_id"] for item in answer["items"]]


class TestRules:
    def test_a_filter_holds_against_the_taste(self, client):
        answer = ask(client, filter=CHEAP_PAINT)
        assert set(ids(answer)) == {f"paint-{number}" for number in range(8)}
        assert (answer["retrieval"]["strategy"], answer["retrieval"]["under_filled"]) == ("exact_prefilter", True)

    def test_a_filter_never_reorders(self, client):
        dear = ids(ask(client, k=40, filter={"field": "price", "op": "gte", "value": 10}))
        assert dear == [item for item in ids(ask(client, k=40)) if int(item.split("-")[1]) >= 9]

    def test_a_boost_moves_up(self, client):
        boost = {"field": "price", "op": "gt", "value": 19.5, "weight": 100}
        assert ids(ask(client, boosts=[boost]))[0] in ("tea-19", "paint-19")

    def test_a_limit_holds(self, client):
        items = ask(client, max_per={"category": 2}, return_properties=["category"])["items"]
        kinds = [item["properties"]["category"] for item in items]
        assert max(kinds.count(kind) for kind in kinds) == 2

    def test_an_unknown_field_is_told_with_those_that_are_known(self, client):
        answer = client.post(
            "/v1/recommendations",
            json={"history": [], "filter": {"not": {"field": "colour", "op": "eq", "value": "red"}}},
        )
        (problem,) = answer.json()["errors"]
        assert (answer.status_code, problem["pointer"]) == (422, "/filter/not/field")
        assert "price" in problem["detail"]

    def test_diversity_and_profiles_are_answered(self, client):
        for wish in ({"diversity": 1}, {"search_profile": "fast"}, {"search_profile": "exact"}):
            assert len(ask(client, **wish)["items"]) == 10
        assert ask(client, search_profile="exact")["retrieval"]["strategy"] == "exact"


class TestPages:
    def test_of_all_items_are_the_one_list(self, client):
        whole, cursor = [], None
        while True:
            page = ask(client, page={"size": 7, "cursor": cursor})
            whole += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert whole == ask(client, k=100)["items"]
        assert [item["rank"] for item in whole] == list(range(1, 38))


class TestBatch:
    def test_answers_are_those_of_each_alone(self, client):
        bodies = [
            {"history": [{"item_id": item}], "seed": 7, "k": 15, **wish}
            for item in ("tea-4", "paint-4")
            for wish in (
                {},
                {"num_samples": 4, "exploration": 0.5},
                {"filter": CHEAP_PAINT},
                {"search_profile": "fast"},
            )
        ]
        results = told(client.post("/v1/recommendations:batch", json={"requests": bodies}))["results"]
        for body, result in zip(bodies, results, strict=True):
            alone = ask(client, **body)
            assert ids(result) == ids(alone)
            assert [item["score"] for item in result["items"]] == pytest.approx(
                [item["score"] for item in alone["items"]], abs=1e-5
            )


class TestSearch:
    def test_finds_by_words_and_by_the_shopper_s_taste(self, client):
        answer = told(client.post("/v1/search", json={"query": "number 17", "k": 2}))
        assert set(ids(answer)) == {"tea-17", "paint-17"}
        personal = told(client.post("/v1/search", json={"query": "number 17", "history": HISTORY, "k": 2}))
        assert ids(personal) == ["tea-17", "paint-17"]

    def test_ranks_another_engine_s_results_for_the_shopper(self, client):
        handed_in = [{"item_id": item, "score": 1.0} for item in ("paint-5", "tea-9", "nobody's")]
        answer = told(client.post("/v1/search", json={"query": "x", "history": HISTORY, "candidates": handed_in}))
        assert ids(answer) == ["tea-9", "paint-5"]
        assert "not in the catalogue" in answer["warnings"][0]


class TestSimilar:
    def test_items_are_of_the_same_taste(self, client):
        assert set(ids(told(client.get("/v1/items/paint-3/similar")))) <= set(PAINT) - {"paint-3"}


class TestExplanation:
    def test_of_a_list_names_the_events_that_made_it(self, client):
        mixed = [{"item_id": "paint-1", "event_type": "view"}, *HISTORY]
        answer = ask(client, history=mixed, k=5, explain="full")
        later = told(client.get(f"/v1/recommendations/{answer['recommendation_id']}/explanation"))
        assert later["personal"]
        assert [item["item_id"] for item in later["items"]] == ids(answer)
        for item, again in zip(answer["items"], later["items"], strict=True):
            assert item["reasons"] == again["reasons"]
            assert {one["item_id"] for one in again["reasons"]} == {"paint-1", "tea-1", "tea-2", "tea-3"}
            assert again["nearest_bought"] in TEA
        assert later["first_place"] == answer["first_place"]
