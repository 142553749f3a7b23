"""Both clients against the service, over a socket."""

import re
from datetime import UTC, datetime

import httpx
import pytest

from figment_client import (
    InvalidRequest,
    NoAnswer,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    RateLimited,
)
from tests.app.conftest import key_made, sqlite_url
from tests.app.scripted_model import NUM_ITEMS
from tests.conftest import REPOSITORY
from tests.service.process import SCRIPTED, free_port, serving

README = REPOSITORY / "clients/python/README.md"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("clients"), command=SCRIPTED) as service:
        service.wait_until_ready()
        yield service


@pytest.fixture
def figment(connect, service):
    return connect(str(service.client.base_url))


@pytest.fixture
def user_id(figment):
    """One of whom nothing is left when the test is over."""
    yield "a/shopper ✓"
    figment.erase_user("a/shopper ✓")


def events(user_id, count, **fields):
    now = datetime.now(UTC)
    return [
        {"user_id": user_id, "item_id": f"item-{number}", "event_type": "view", "timestamp": now, **fields}
        for number in range(count)
    ]


class TestAsking:
    def test_list_comes_back_as_the_service_says(self, figment):
        answer = figment.recommend(history=[{"item_id": "item-1"}], k=3, return_properties=["title"], deadline_ms=5000)
        assert [(item["item_id"], item["properties"]) for item in answer["items"]][:2] == [
            ("item-0", {"title": "title 0"}),
            ("item-2", {"title": "title 2"}),
        ]
        assert answer["meta"]["model_version"] == figment.model()["model_version"]

    def test_times_may_be_datetimes(self, figment):
        history = [{"item_id": "item-1", "timestamp": datetime.now(UTC)}]
        assert figment.recommend(history=history)["fallback"] == "none"

    def test_what_json_does_not_have_is_not_sent(self, figment):
        with pytest.raises(ValueError, match="JSON"):
            figment.recommend(history=[], exploration=float("nan"))
        with pytest.raises(TypeError, match="cannot be sent"):
            figment.recommend(history=[{"item_id": b"bytes"}])

    def test_many_at_once_are_answered_in_order_and_a_bad_one_fails_alone(self, figment):
        asked = [{"history": [], "k": 2}, {"history": [], "k": 1000}]
        good, bad = figment.recommend_batch(requests=asked)["results"]
        assert len(good["items"]) == 2
        assert bad["error"]["errors"][0]["pointer"] == "/requests/1/k"

    def test_a_guest_is_erased(self, figment):
        figment.post_events(events=events(None, 2, session_id="a/guest ✓"))
        assert figment.recommend(user={"session_id": "a/guest ✓"})["fallback"] == "none"
        assert figment.erase_session("a/guest ✓") is None
        assert figment.recommend(user={"session_id": "a/guest ✓"})["fallback"] == "popularity"

    def test_iterator_goes_over_all_pages_of_one_list(self, figment):
        asked = {"history": [{"item_id": "item-1"}], "page": {"size": 10}}
        first = figment.recommend(**asked)
        assert first["next_cursor"] is not None
        found = [item["rank"] for item in figment.iterate_recommendations(**asked)]
        assert found == list(range(1, NUM_ITEMS))

    def test_text_and_likeness_find_items_too(self, figment):
        cheap = {"field": "price", "op": "lt", "value": 20}
        found = figment.search(query="title", history=[], k=3, filter=cheap)
        assert len(found["items"]) == 3
        similar = figment.similar("item-1", k=2, filter=cheap, exclude_item_ids=["item-0", "item-2"])
        assert {"item-0", "item-2"}.isdisjoint(item["item_id"] for item in similar["items"])

    def test_list_is_explained_afterwards(self, figment):
        listed = figment.recommend(history=[{"item_id": "item-1"}], k=3)
        explanation = figment.explain(listed["recommendation_id"])
        assert [item["item_id"] for item in explanation["items"]] == [item["item_id"] for item in listed["items"]]

    def test_probes_and_metrics(self, figment):
        assert {figment.health_live()["status"], figment.health_ready()["status"]} == {"ok"}
        assert figment.health_startup() == {"status": "ok"}
        assert "http_server_request_duration_seconds" in figment.metrics()


class TestShoppers:
    def test_events_are_stored_listed_used_merged_and_erased(self, figment, user_id):
        assert figment.post_events(events=events(user_id, 3)) == {"accepted": 3, "duplicates": 0, "errors": []}
        assert figment.recommend_for_user(user_id, k=5)["fallback"] == "none"
        figment.post_events(events=[{**events(None, 1)[0], "session_id": "s1", "user_id": None}])
        assert figment.merge_session(user_id, session_id="s1") == {"moved": 1}
        assert len(figment.list_events(user_id, limit=4)["events"]) == 4
        assert figment.erase_user(user_id) is None
        with pytest.raises(NotFound):
            figment.list_events(user_id)

    def test_iterator_goes_over_all_pages(self, figment, user_id):
        figment.post_events(events=events(user_id, 7))
        assert figment.list_events(user_id, limit=3)["next_cursor"] is not None
        found = [event["item_id"] for event in figment.iterate_events(user_id, limit=3)]
        assert found == [f"item-{number}" for number in reversed(range(7))]

    def test_bad_event_fails_alone(self, figment, user_id):
        answer = figment.post_events(events=[*events(user_id, 1), *events(user_id, 1, quantity=-1)])
        assert answer["accepted"] == 1
        assert [problem["index"] for problem in answer["errors"]] == [1]


class TestCatalogue:
    @pytest.fixture
    def item_id(self, figment):
        figment.put_item("new/item", {"title": "green tea", "price": 4.5, "in_stock": True})
        yield "new/item"
        figment.delete_item("new/item")

    def test_item_is_written_read_and_changed(self, figment, item_id):
        assert figment.get_item(item_id) == {
            "item_id": item_id, "title": "green tea", "price": 4.5, "in_stock": True,
        }  # fmt: skip
        assert figment.patch_item(item_id, {"price": 5.0, "in_stock": None})["price"] == 5.0
        assert "in_stock" not in figment.get_item(item_id)

    @pytest.mark.parametrize("item_id", ["", ".", ".."])
    def test_id_that_would_be_another_path_is_not_sent(self, figment, item_id):
        with pytest.raises(ValueError, match="cannot be an id in a path"):
            figment.delete_item(item_id)

    def test_deleted_item_is_not_found(self, figment):
        figment.put_item("gone", {"title": "black tea"})
        assert figment.delete_item("gone") is None
        with pytest.raises(NotFound):
            figment.get_item("gone")

    def test_many_are_merged_and_a_bad_one_fails_alone(self, figment, item_id):
        offers = [{"item_id": item_id, "price": 6.0}, {"item_id": item_id, "price": "dear"}]
        answer = figment.import_items(items=offers, mode="merge")
        assert answer["accepted"] == 1
        assert [problem["index"] for problem in answer["errors"]] == [1]
        assert (figment.get_item(item_id)["price"], figment.get_item(item_id)["title"]) == (6.0, "green tea")

    def test_iterator_goes_over_all_pages(self, figment, item_id):
        figment.import_items(items=[{"item_id": f"many-{number}", "title": "tea"} for number in range(5)])
        assert len(figment.list_items(limit=2)["items"]) == 2
        found = [item["item_id"] for item in figment.iterate_items(limit=2)]
        assert found == sorted(found)
        assert {item_id, *(f"many-{number}" for number in range(5))} <= set(found)


class TestReadme:
    def test_program_does_what_it_says(self, service, capsys):
        (program,) = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.M | re.S)
        exec(program.replace("http://127.0.0.1:8000", str(service.client.base_url)), {})
        *listed, refused = capsys.readouterr().out.splitlines()
        assert [line.split()[0] for line in listed] == list("12345")
        assert refused.startswith("422 k 1000 is more than the most allowed, 100")


class TestErrors:
    def test_carry_the_problem(self, figment):
        with pytest.raises(InvalidRequest) as caught:
            figment.recommend(history=[], k=1000)
        refused = caught.value
        assert (refused.status, refused.title, refused.problem_type) == (
            422, "Invalid fields", "urn:figment:problem:invalid-fields",
        )  # fmt: skip
        assert refused.errors == [{"pointer": "/k", "detail": "1000 is more than the most allowed, 100"}]
        assert refused.request_id
        assert refused.retry_after is None
        assert str(refused) == f"422 Invalid fields: {refused.detail}"

    def test_reused_idempotency_key_is_invalid(self, figment, user_id):
        figment.post_events(events=events(user_id, 1), idempotency_key=f"key of {type(figment)}")
        with pytest.raises(InvalidRequest):
            figment.post_events(events=events(user_id, 2), idempotency_key=f"key of {type(figment)}")

    def test_nobody_there(self, connect):
        with pytest.raises(NoAnswer, match=r"GET http://127\.0\.0\.1:") as caught:
            connect(f"http://127.0.0.1:{free_port()}", longest_pause_seconds=0).model()
        assert isinstance(caught.value.__cause__, httpx.ConnectError)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A service that takes keys, and the database to make them in."""
    folder = tmp_path_factory.mktemp("guarded")
    with serving(folder, command=SCRIPTED) as service:
        service.wait_until_ready()
        yield str(service.client.base_url), sqlite_url(folder)


class TestKeys:
    def test_is_presented(self, connect, guarded):
        address, database = guarded
        key, _ = key_made(database, "recommend")
        assert connect(address, key).recommend(history=[])["items"]
        with pytest.raises(NotAuthenticated):
            connect(address).recommend(history=[])

    def test_missing_scope_is_not_allowed(self, connect, guarded):
        address, database = guarded
        key, _ = key_made(database, "recommend")
        with pytest.raises(NotAllowed, match="events"):
            connect(address, key).post_events(events=[])

    def test_limit_tells_when_to_come_back(self, connect, guarded):
        address, database = guarded
        key, _ = key_made(database, "recommend", requests_per_minute=1)
        figment = connect(address, key, longest_pause_seconds=0.1)
        figment.model()
        with pytest.raises(RateLimited) as caught:
            figment.model()
        assert 1 <= caught.value.retry_after <= 60
