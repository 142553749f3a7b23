"""A process whose index is kept by Milvus, asked over HTTP; the embedded edition, behind a port as a cluster is."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.milvus import OwnMilvus
from tests.service.process import fails_to_start, serving

TEA = [{"item_id": "tea-1"}, {"item_id": "tea-2"}, {"item_id": "tea-3"}]
SECONDS = 60


@pytest.fixture
def milvus(tmp_path):
    own = OwnMilvus(tmp_path)
    own.start()
    yield own
    own.kill()


def wait_until(is_so):
    give_up = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < give_up
        time.sleep(0.1)


def listed(answer):
    assert answer.status_code == 200, answer.text
    return [(item["item_id"], pytest.approx(item["score"], abs=1e-3)) for item in answer.json()["items"]]


class TestAnIndexInMilvus:
    def test_lists_what_the_index_in_the_process_lists_new_items_too(self, tiny_bundle, milvus, tmp_path):
        asked = [
            {"history": TEA, "k": 10},
            {"history": TEA, "k": 10, "exploration": 0.7, "num_samples": 4, "seed": 3},
            {"history": TEA, "k": 10, "filter": {"field": "price", "op": "gte", "value": 4}},
        ]
        (tmp_path / "milvus").mkdir()
        (tmp_path / "faiss").mkdir()
        with (
            serving(tmp_path / "milvus", bundle=tiny_bundle, index_url=milvus.url) as there,
            serving(tmp_path / "faiss", bundle=tiny_bundle) as here,
        ):
            for service in (there, here):
                service.wait_until_ready()
            for body in asked:
                assert [each[0] for each in listed(there.ask(**body))] == [each[0] for each in listed(here.ask(**body))]
            tea = {"title": "tea number 1", "category": "tea > kind 1", "brand": "tea house", "price": 2.0}
            assert there.client.put("/v1/items/tea-new", json=tea).is_success
            assert there.client.delete("/v1/items/tea-9").is_success
            wait_until(lambda: there.client.get("/v1/items/tea-new/similar").status_code == 200)
            items = [item_id for item_id, _ in listed(there.ask(history=TEA, k=50))]
            assert "tea-new" in items
            assert "tea-9" not in items

    def test_away_is_told_and_back_is_noticed(self, tiny_bundle, milvus, tmp_path):
        with serving(tmp_path, bundle=tiny_bundle, index_url=milvus.url) as service:
            service.wait_until_ready()
            before = listed(service.ask(history=TEA))
            milvus.kill()
            for answer in (service.ask(history=TEA), service.client.get("/health/ready")):
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
                assert answer.json()["type"] == "urn:figment:problem:index-unavailable"
                assert f"the index at 127.0.0.1:{milvus.port} cannot be used now" in answer.json()["detail"]
            assert service.client.get("/health/live").status_code == 200
            # what needs no index goes on
            assert service.ask(history=[]).json()["fallback"] == "popularity"
            assert listed(service.ask(history=TEA, search_profile="exact")) == before
            figures = service.client.get("/metrics").text
            assert 'reason="index_unavailable"' in figures
            milvus.start()
            wait_until(lambda: service.client.get("/health/ready").status_code == 200)
            assert listed(service.ask(history=TEA)) == before

    def test_one_that_hangs_keeps_a_crowd_waiting_once(self, tiny_bundle, milvus, tmp_path):
        crowd = 32
        with serving(tmp_path, bundle=tiny_bundle, index_url=milvus.url) as service, ThreadPoolExecutor(crowd) as pool:
            service.wait_until_ready()
            with milvus.hanging():
                began = time.monotonic()
                answers = list(pool.map(lambda _: service.ask(history=TEA), range(crowd)))
                seconds = time.monotonic() - began
                assert service.ask(history=TEA, search_profile="exact").status_code == 200
        assert {answer.status_code for answer in answers} == {503}
        assert seconds < crowd  # one after the other, each would wait two seconds

    def test_a_start_without_it_says_why(self, tiny_bundle):
        exit_code, told = fails_to_start(bundle=tiny_bundle, index_url="http://reader:secret@127.0.0.1:9")
        assert exit_code == 1
        assert "the index at 127.0.0.1:9 cannot be used now" in told
        assert "secret" not in told
        assert "Traceback" not in told

    def test_an_address_that_is_none_is_refused(self, tiny_bundle):
        exit_code, told = fails_to_start(bundle=tiny_bundle, index_url="milvus://reader:secret@there")
        assert exit_code == 2
        assert "FIGMENT_INDEX_URL: " in told
        assert "secret" not in told
