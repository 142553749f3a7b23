"""Models are switched, and items written, while a crowd keeps asking a real process."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from tests.second_bundle import write_second_bundle
from tests.service.process import serving

TEA = [{"item_id": "tea-1"}, {"item_id": "tea-2"}, {"item_id": "tea-3"}]
VERSIONS = ("tiny-1", "tiny-2")


@pytest.fixture(scope="module")
def bundles(tiny_bundle, tmp_path_factory):
    root = tmp_path_factory.mktemp("bundles")
    for version in VERSIONS:
        write_second_bundle(tiny_bundle, root / version)
    return root


def keep_asking(service, is_over):
    """Every answer until then."""
    answers = []
    while not is_over.is_set():
        answers.append(service.ask(history=TEA, k=20, return_properties=["title"]))
    return answers


class TestActivate:
    def test_there_and_back_under_load_no_answer_fails_or_is_mixed(self, bundles, tmp_path):
        with serving(tmp_path, bundles=bundles) as service, ThreadPoolExecutor(3) as crowd:
            service.wait_until_ready()
            is_over = Event()
            asking = [crowd.submit(keep_asking, service, is_over) for _ in range(3)]
            for version in ("tiny-1", "tiny-2", "tiny-1", "tiny-2"):
                answer = service.client.post(f"/v1/models/{version}:activate")
                assert (answer.status_code, answer.json()["model_version"]) == (200, version)
                assert service.ask(history=TEA).json()["meta"]["model_version"] == version
                price = service.client.patch("/v1/items/tea-9", json={"price": 77.5, "title": None})
                assert price.status_code == 200
                time.sleep(0.2)
            is_over.set()
            answers = [answer for each in asking for answer in each.result()]
            assert {answer.status_code for answer in answers} == {200}
            served = set()
            for answer in (each.json() for each in answers):
                version = answer["meta"]["model_version"]
                served.add(version)
                assert answer["meta"]["index_version"].startswith(version)
                titles = [item["properties"]["title"] for item in answer["items"] if item["item_id"] != "tea-9"]
                assert all(title.endswith(f" of {version}") for title in titles)
            assert served == set(VERSIONS)

    def test_what_was_activated_serves_after_a_restart(self, bundles, tmp_path):
        for version in VERSIONS:
            with serving(tmp_path, bundles=bundles) as service:
                service.wait_until_ready()
                assert service.client.post(f"/v1/models/{version}:activate").status_code == 200
            with serving(tmp_path, bundles=bundles) as service:
                service.wait_until_ready()
                assert service.client.get("/v1/model").json()["model_version"] == version


class TestKill:
    def test_what_was_acknowledged_is_listed_after_a_kill(self, bundles, tmp_path):
        rows = [{"item_id": f"tea-x{number}", "title": f"tea {number}"} for number in range(120)]
        with serving(tmp_path, bundle=bundles / "tiny-1") as service:
            service.wait_until_ready()
            told = service.client.post("/v1/items:batch", json={"items": rows}).json()
            assert (told["accepted"], told["errors"]) == (120, [])
        with serving(tmp_path, bundle=bundles / "tiny-1") as service:
            service.wait_until_ready()
            give_up = time.monotonic() + 120
            while (job := service.client.get(told["status_url"]).json())["state"] != "done":
                assert job["state"] in ("queued", "running"), job
                assert time.monotonic() < give_up
                time.sleep(0.1)
            assert service.client.get("/v1/model").json()["num_items"] == 160
