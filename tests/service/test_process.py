"""The real process with a really trained bundle, over a socket."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import orjson
import pytest

from tests.service.process import fails_to_start, free_port, serving

TEA = [{"item_id": "tea-1"}, {"item_id": "tea-2"}, {"item_id": "tea-3"}]


@pytest.fixture(scope="module")
def service(tiny_bundle, tmp_path_factory):
    with serving(tmp_path_factory.mktemp("service"), bundle=tiny_bundle) as service:
        service.wait_until_ready()
        yield service


def items_of(answer):
    assert answer.status_code == 200, answer.text
    return [item["item_id"] for item in answer.json()["items"]]


class TestServe:
    def test_answers_k_real_items_with_the_properties_asked_for(self, service):
        answer = service.ask(history=TEA, k=7, return_properties=["title", "price"])
        assert len(items_of(answer)) == 7
        for item in answer.json()["items"]:
            group, number = item["item_id"].split("-")
            assert item["properties"] == {"title": f"{group} number {number}", "price": 1.0 + int(number)}
            assert 0 <= item["score"] <= 1

    def test_a_tea_lover_gets_tea(self, service):
        assert {item_id.split("-")[0] for item_id in items_of(service.ask(history=TEA, k=5))} == {"tea"}

    def test_a_painter_gets_paint(self, service):
        history = [{"item_id": "paint-1"}, {"item_id": "paint-2"}, {"item_id": "paint-3"}]
        assert {item_id.split("-")[0] for item_id in items_of(service.ask(history=history, k=5))} == {"paint"}

    def test_exclusions_hold(self, service):
        first = items_of(service.ask(history=TEA, k=5))
        second = items_of(service.ask(history=TEA, k=40, exclude={"item_ids": first[:2], "seen": True}))
        assert not {*first[:2], "tea-1", "tea-2", "tea-3"} & set(second)

    def test_seen_items_come_back_when_wanted(self, service):
        everything = items_of(service.ask(history=TEA, k=40, exclude={"seen": False}))
        assert len(set(everything)) == 40

    def test_scarce_items_are_admitted(self, service):
        answer = service.ask(history=TEA, k=40, exclude={"seen": True})
        assert answer.json()["retrieval"]["under_filled"]
        assert len(items_of(answer)) == 37

    def test_without_history_popular_items(self, service):
        for body in ({"history": []}, {"user": {"user_id": "nobody"}}):
            answer = service.ask(**body)
            assert (answer.json()["fallback"], len(items_of(answer))) == ("popularity", 10)
            assert answer.json()["retrieval"]["sources"] == {"popularity": 1.0}

    def test_unknown_items_are_skipped_with_a_warning(self, service):
        answer = service.ask(history=[*TEA, {"item_id": "coffee-1"}])
        assert items_of(answer) == items_of(service.ask(history=TEA))
        assert "coffee-1" in str(answer.json()["warnings"])

    def test_order_is_by_time_where_all_have_one(self, service):
        timed = [{**event, "timestamp": f"2026-01-0{day}T00:00:00Z"} for day, event in enumerate(TEA, 1)]
        assert items_of(service.ask(history=timed[::-1])) == items_of(service.ask(history=timed))

    def test_same_seed_same_list_alone_and_in_a_crowd(self, service):
        bodies = [{"history": TEA, "exploration": 1.0, "num_samples": 4, "seed": seed, "k": 20} for seed in range(12)]
        alone = [items_of(service.ask(**body)) for body in bodies]
        with ThreadPoolExecutor(12) as crowd:
            assert list(crowd.map(lambda body: items_of(service.ask(**body)), bodies)) == alone

    def test_model_tells_what_serves(self, service, tiny_bundle):
        told = service.client.get("/v1/model").json()
        manifest = orjson.loads((tiny_bundle / "manifest.json").read_bytes())
        assert told["model_version"] == manifest["model_version"]
        assert (told["num_items"], told["dataset"]["name"]) == (40, "tiny shop")
        assert service.ask(history=TEA).json()["meta"]["model_version"] == manifest["model_version"]

    def test_examples_of_the_documentation_work_as_they_are(self, service):
        contract = service.client.get("/openapi.json").json()
        body = contract["paths"]["/v1/recommendations"]["post"]["requestBody"]["content"]["application/json"]
        for example in body["examples"].values():
            answer = service.ask(**example["value"])
            assert items_of(answer) or example["value"].get("validate_only")
            assert answer.json()["warnings"] == []

    def test_body_without_declared_length_is_cut_off(self, service):
        answer = service.client.post(
            "/v1/recommendations",
            content=(b" " * 65_536 for _ in range(16)),
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code == 413

    def test_caller_that_goes_away_is_no_error_of_ours(self, service):
        head = b"POST /v1/recommendations HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: gone\r\n"
        head += b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        with socket.create_connection(("127.0.0.1", service.client.base_url.port)) as connection:
            connection.sendall(head)
        give_up = time.monotonic() + 10
        while '"gone"' not in service.log.read_text():
            assert time.monotonic() < give_up
            time.sleep(0.02)
        lines = [orjson.loads(line) for line in service.log.read_text().splitlines()]
        assert [(line["event"], line["status"]) for line in lines if line.get("request_id") == "gone"] == [
            ("request", 400)
        ]

    def test_log_is_json_and_tells_nothing_about_shoppers(self, service):
        service.ask(user={"user_id": "raw-user-id"}, history=[{"item_id": "secret-item"}])
        service.ask(user={"user_id": "raw-user-id"}, history=[{"item_id": "secret-item"}], k=0)
        lines = [orjson.loads(line) for line in service.log.read_text().splitlines()]
        assert {"loading", "serving", "model loaded", "request"} <= {line["event"] for line in lines}
        assert "raw-user-id" not in str(lines)
        assert "secret-item" not in str(lines)


class TestStart:
    def test_says_that_it_serves_once_the_bundle_is_verified(self, service):
        lines = [orjson.loads(line) for line in service.log.read_text().splitlines()]
        told = [line["event"] for line in lines if line["event"] != "request"]
        assert told[:5] == ["loading", "tables brought up to date", "catalogue laid", "model loaded", "serving"]
        assert "serving" not in told[5:]
        loaded, begun = (next(line for line in lines if line["event"] == event) for event in told[3:5])
        assert (loaded["dataset"], loaded["chosen_by"]) == ("tiny shop", "validation")
        serves = service.client.get("/v1/model").json()["serves"]
        assert loaded["serves"] == begun["serves"] == serves

    def test_ready_within_five_seconds_of_work(self, tiny_bundle, tmp_path):
        with serving(tmp_path, bundle=tiny_bundle) as service:
            service.wait_until_ready()
            assert service.cpu_seconds() < 5

    def test_newest_bundle_of_the_folder_is_served(self, tiny_bundle, tmp_path):
        shutil.copytree(tiny_bundle, tmp_path / "bundles" / tiny_bundle.name)
        with serving(tmp_path, bundles=tmp_path / "bundles") as service:
            service.wait_until_ready()

    def test_corrupted_byte_stops_the_start_and_names_the_file(self, tiny_bundle, tmp_path):
        bundle = tmp_path / "bundle"
        shutil.copytree(tiny_bundle, bundle)
        content = bytearray((bundle / "item_features.npy").read_bytes())
        content[-1] ^= 1
        (bundle / "item_features.npy").write_bytes(content)
        code, told = fails_to_start(bundle=bundle, port=free_port())
        assert code == 1
        assert "item_features.npy" in told.splitlines()[-1]
        assert '"serving"' not in told
        assert "Traceback" not in told

    def test_missing_bundle_is_named(self, tmp_path):
        code, told = fails_to_start(bundle=tmp_path / "nothing", port=free_port())
        assert code == 2
        assert str(tmp_path / "nothing") in told

    def test_database_out_of_reach_is_named_without_its_password(self, tiny_bundle):
        url = f"postgresql+asyncpg://shop:hush-hush@127.0.0.1:{free_port()}/nowhere"
        code, told = fails_to_start(bundle=tiny_bundle, port=free_port(), database_url=url)
        assert code == 1
        assert "127.0.0.1" in told.splitlines()[-1]
        assert "nowhere" in told.splitlines()[-1]
        assert "hush-hush" not in told
        assert "Traceback" not in told

    def test_busy_port_is_named_before_the_bundle(self, tmp_path):
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            code, told = fails_to_start(bundle=tmp_path / "nothing", port=port)
        assert code == 1
        assert f"port {port} is already in use" in told
        assert "nothing" not in told

    def test_open_address_without_keys_is_refused(self, tmp_path):
        code, told = fails_to_start(host="0.0.0.0", port=free_port(), bundle=tmp_path)
        assert code == 2
        assert "FIGMENT_ALLOW_ANONYMOUS=true" in told

    def test_open_address_on_purpose_is_warned_about(self, tiny_bundle, tmp_path):
        with serving(tmp_path, bundle=tiny_bundle, host="0.0.0.0", allow_anonymous="true") as service:
            service.wait_until_ready()
            lines = [orjson.loads(line) for line in service.log.read_text().splitlines()]
        assert any(line["level"] == "warning" and "no API key" in line["event"] for line in lines)

    def test_misspelt_setting_stops_the_start(self):
        code, told = fails_to_start(prot=8000)
        assert code == 2
        assert "FIGMENT_PROT" in told

    def test_numerical_threads_do_not_spin_while_they_wait(self):
        script = "import os, app.main; print(os.environ['OMP_WAIT_POLICY'])"
        unset = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
        for given, expected in (({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")):
            told = subprocess.check_output(
                [sys.executable, "-c", script], env={**unset, **given}, text=True, timeout=60
            )
            assert told.strip() == expected

    def test_serving_never_loads_torch(self, tiny_bundle):
        script = f"""
import pathlib, sys
import app.main
from models.domain.recommendation import RecommendationRequest
recommender = app.main.Recommender.open(pathlib.Path({str(tiny_bundle)!r}))
recommender.recommend([RecommendationRequest(history=())])
unwanted = {{"torch", "scipy", "pandas", "transformers", "models.training", "models.networks"}} & set(sys.modules)
assert not unwanted, unwanted
"""
        subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


class TestDrain:
    def test_sigterm_turns_readiness_and_drops_no_request(self, tiny_bundle, tmp_path):
        with serving(tmp_path, bundle=tiny_bundle, drain_notice_seconds=1.5) as service:
            service.wait_until_ready()
            stopping = time.monotonic() + 1.0
            service.process.send_signal(signal.SIGTERM)

            def keep_asking(_):
                statuses = []
                while time.monotonic() < stopping:
                    statuses.append(service.ask(history=TEA).status_code)
                return statuses

            with ThreadPoolExecutor(4) as crowd:
                answered = [status for statuses in crowd.map(keep_asking, range(4)) for status in statuses]
            assert service.client.get("/health/ready").status_code == 503
            assert set(answered) == {200}
            assert service.process.wait(timeout=20) == 0
            with pytest.raises(httpx.TransportError):
                service.client.get("/health/live")

    def test_ctrl_c_stops_without_a_notice(self, tiny_bundle, tmp_path):
        with serving(tmp_path, bundle=tiny_bundle, drain_notice_seconds=60) as service:
            service.wait_until_ready()
            service.process.send_signal(signal.SIGINT)
            assert service.process.wait(timeout=20) == 0
            assert "Traceback" not in service.log.read_text()

    def test_second_signal_does_not_wait(self, tiny_bundle, tmp_path):
        with serving(tmp_path, bundle=tiny_bundle, drain_notice_seconds=60) as service:
            service.wait_until_ready()
            service.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            service.process.send_signal(signal.SIGTERM)
            assert service.process.wait(timeout=20) == 0
