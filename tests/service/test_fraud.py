"""Frauds over HTTP, by the client and by the command line, in a shop of which the right answers are known."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import polars as pl
import pytest

from figment_client import Figment, InvalidRequest
from models.domain.errors import ModelLacks
from models.fraud.listings import LISTING
from models.fraud.open import open_detector
from models.fraud.sessions import MIN_POOL
from models.recommend.recommender import Recommender
from tests.app.test_cli import fails, figment
from tests.service.process import serving

TEA = [{"item_id": f"tea-{number}"} for number in (1, 2, 3, 4, 5)]
STRAYED = [*TEA[:3], {"item_id": "paint-7"}, *TEA[3:]]


@pytest.fixture(scope="module")
def service(fraud_bundle, tmp_path_factory):
    with serving(tmp_path_factory.mktemp("fraud"), bundle=fraud_bundle) as service:
        service.wait_until_ready()
        yield service


@pytest.fixture(scope="module")
def client(service) -> httpx.Client:
    return service.client


def scores(client, *histories):
    answer = client.post("/v1/fraud/sessions", json={"sessions": [{"history": each} for each in histories]})
    assert answer.status_code == 200, answer.text
    return answer.json()["scores"]


def pointers(answer):
    assert answer.status_code == 422, answer.text
    return [problem["pointer"] for problem in answer.json()["errors"]]


class TestSessions:
    def test_the_step_that_does_not_belong_is_named_first(self, client):
        strayed, plain = scores(client, STRAYED, TEA)
        assert strayed["evidence"][0]["position"] == 3
        assert strayed["evidence"][0]["item_id"] == "paint-7"
        assert strayed["evidence"][0]["percentile"] < min(step["percentile"] for step in plain["evidence"])

    def test_it_counts_against_the_session(self, client):
        strayed, plain = scores(client, STRAYED, TEA)
        assert strayed["score"] > plain["score"]
        assert strayed["calibrated_probability"] > plain["calibrated_probability"]
        assert plain["decision"] != "review"

    def test_positions_are_those_of_the_posted_order_whatever_the_times(self, client):
        days = (5, 4, 3, 2, 1, 6)
        timed = [event | {"timestamp": f"2026-11-0{day}T09:00:00Z"} for event, day in zip(STRAYED, days, strict=True)]
        (found,) = scores(client, timed)
        assert (found["evidence"][0]["position"], found["evidence"][0]["item_id"]) == (3, "paint-7")

    def test_the_same_request_is_answered_the_same(self, client):
        assert scores(client, STRAYED, TEA) == scores(client, STRAYED, TEA)

    def test_unknown_items_are_told_and_too_few_known_ones_decide_nothing(self, client):
        unknown = [{"item_id": f"x-{number}"} for number in range(2)]
        some, none = scores(client, [*TEA, *unknown], [*TEA[:2], *unknown])
        assert some["score"] is not None
        assert "2 events" in some["warnings"][0]
        assert (none["score"], none["calibrated_probability"], none["decision"]) == (None, None, "abstain")
        assert "the least is 3" in none["warnings"][0]

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({}, "/sessions"),
            ({"sessions": []}, "/sessions"),
            ({"sessions": [{"history": TEA[:2]}]}, "/sessions/0/history"),
            ({"sessions": [{"history": TEA}, {"history": TEA, "k": 3}]}, "/sessions/1/k"),
            ({"sessions": [{"history": TEA * 101}]}, "/sessions/0/history"),
            ({"sessions": [{"history": TEA * 40}] * 51}, ""),
        ],
    )
    def test_refuses(self, client, body, pointer):
        assert pointers(client.post("/v1/fraud/sessions", json=body)) == [pointer]

    def test_many_that_share_what_hardly_sells_are_a_group(self, client):
        rows = [
            [{"item_id": f"{'tea' if n % 2 else 'paint'}-{(n + 3 * k) % 19}"} for k in range(5)]
            for n in range(MIN_POOL)
        ]
        for row in rows[:30]:
            row.append({"item_id": "tea-19"})
        found = scores(client, *rows)
        groups = [score["group"] for score in found if score["group"]]
        assert groups
        assert all(group["sessions"] > 1 for group in groups)
        assert all(score["group"] is None for score in found if score["decision"] == "accept")
        assert not any(score["group"] for score in scores(client, *rows[:20]))

    def test_a_pool_that_is_no_group_for_unknown_items_says_so(self, client):
        stray = [{"item_id": "no-such"}] * 3
        *judged, undecided = scores(client, *[TEA] * (MIN_POOL - 1), stray)
        told = f"{MIN_POOL - 1} of {MIN_POOL} histories have 3 events of known items, and a group takes {MIN_POOL}"
        assert all(told in score["warnings"][0] for score in judged)
        assert not any("group" in warning for warning in undecided["warnings"])
        assert not scores(client, TEA)[0]["warnings"]


class TestItems:
    def items(self, client, *items):
        answer = client.post("/v1/fraud/items", json={"items": items})
        assert answer.status_code == 200, answer.text
        return answer.json()["scores"]

    def test_a_swapped_category_and_brand_are_named(self, client):
        real = {
            "item_id": "tea-3",
            "title": "tea number 3",
            "category": "tea > kind 0",
            "brand": "tea house",
            "price": 4.0,
        }
        swapped = real | {"category": "paint > kind 1", "brand": "paint house"}
        honest, fake = self.items(client, real, swapped)
        assert fake["score"] > honest["score"]
        assert {"brand", "category"} <= {each["field"] for each in fake["evidence"]}
        assert next(each for each in fake["evidence"] if each["field"] == "brand")["usual"] == "tea house"

    def test_an_item_is_not_compared_with_itself(self, client):
        (found,) = self.items(client, {"item_id": "tea-3", "title": "tea number 3"})
        assert "tea-3" not in [each["item_id"] for each in found["nearest"]]

    def test_a_copied_title_is_near_what_it_copies(self, client):
        (found,) = self.items(client, {"item_id": "new", "title": "paint number 5", "category": "paint > kind 2"})
        assert found["nearest"][0]["item_id"] == "paint-5"
        assert found["nearest"][0]["cosine"] > 0.999

    @pytest.mark.parametrize(
        ("items", "pointer"),
        [
            ([], "/items"),
            ([{"item_id": "x"}], "/items/0"),
            ([{"title": "t"}, {"title": "t", "price": "dear"}], "/items/1/price"),
            ([{"title": "t", "item_id": " "}], "/items/0/item_id"),
            (["tea"], "/items/0"),
            ([{"title": "t"}] * 101, "/items"),
        ],
    )
    def test_refuses(self, client, items, pointer):
        assert pointers(client.post("/v1/fraud/items", json={"items": items})) == [pointer]


class TestClient:
    def test_scores_both(self, service):
        with Figment(str(service.client.base_url)) as shop:
            assert len(shop.score_sessions(sessions=[{"user_id": "u", "history": TEA}])["scores"]) == 1
            assert shop.score_items(items=[{"title": "tea number 30"}])["scores"][0]["item_id"] is None
            with pytest.raises(InvalidRequest):
                shop.score_items(items=[{"item_id": "tea-3"}])


class TestDetectorOfAnotherVersion:
    def test_is_lacking_and_not_broken(self, fraud_bundle, monkeypatch):
        monkeypatch.setattr("models.fraud.open.LISTING", (*LISTING, "other"))
        with pytest.raises(ModelLacks, match=r"no fraud detector of this version: it knows other figures .*other"):
            open_detector(fraud_bundle, Recommender.open(fraud_bundle).manifest)


class TestCommandLine:
    def test_scores_the_shoppers_and_the_listings_of_files(self, tiny_shop, fraud_bundle, tmp_path):
        made = figment("fraud", "sessions", "--bundle", fraud_bundle, "--events", tiny_shop / "events.parquet",
                       "--out", tmp_path / "s.csv", folder=tmp_path)  # fmt: skip
        assert made.returncode == 0, made.stderr
        assert "to review" in made.stdout
        assert "judged by itself: a group, and what its members share, takes 200" in made.stdout
        found = pl.read_csv(tmp_path / "s.csv")
        assert found.height == pl.read_parquet(tiny_shop / "events.parquet")["user_id"].n_unique()
        assert found["score"].drop_nulls().is_sorted(descending=True)
        made = figment("fraud", "items", "--bundle", fraud_bundle, "--catalogue", tiny_shop / "catalogue.parquet",
                       "--out", tmp_path / "i.jsonl", folder=tmp_path)  # fmt: skip
        assert made.returncode == 0, made.stderr
        assert pl.read_ndjson(tmp_path / "i.jsonl").height == 40

    def test_says_what_of_a_file_was_left_out_and_takes_other_names(self, fraud_bundle, tmp_path):
        table = {"sku": ["a", "a", "b"], "title": ["Green tea", "Green tea", "Black tea"], "price": ["1", "1", "dear"]}
        pl.DataFrame(table).write_csv(tmp_path / "catalogue.csv")
        made = figment("fraud", "items", "--bundle", fraud_bundle, "--catalogue", tmp_path / "catalogue.csv",
                       "--out", tmp_path / "i.csv", "--map", "catalogue.item_id=sku", folder=tmp_path)  # fmt: skip
        assert made.returncode == 0, made.stderr
        assert pl.read_csv(tmp_path / "i.csv")["item_id"].sort().to_list() == ["a", "b"]
        for left_out in ("price", "item_id"):
            assert left_out in made.stderr

    def test_tells_what_is_missing(self, tiny_shop, tiny_bundle, tmp_path):
        fails(
            figment("fraud", "sessions", "--bundle", tiny_bundle, "--events", tiny_shop / "events.parquet",
                    "--out", tmp_path / "s.csv", folder=tmp_path),
            2,
            ["fraud detector", "figment fraud fit"],
        )  # fmt: skip


class TestSlowWork:
    def test_lists_are_answered_while_thousands_of_steps_are_judged(self, fraud_bundle, tmp_path):
        """By a service with one thread for lists."""
        many = {"sessions": [{"history": TEA * 2}] * 1_000}
        with serving(tmp_path, bundle=fraud_bundle, worker_threads=1) as one, ThreadPoolExecutor(1) as beside:
            one.wait_until_ready()
            judged = beside.submit(httpx.post, f"{one.client.base_url}/v1/fraud/sessions", json=many, timeout=300)
            answered = 0
            while not judged.done():
                answered += one.ask(history=TEA[:2], k=3).status_code == 200
            assert judged.result().status_code == 200, judged.result().text
        assert answered >= 3
