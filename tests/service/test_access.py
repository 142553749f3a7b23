"""Keys and limits over real sockets: several processes, one database, and the command line beside them."""

import time

import httpx
import pytest

from tests.app.conftest import bearer, key_made, sqlite_url
from tests.app.test_cli import figment
from tests.service.process import SCRIPTED, fails_to_start, serving

LIMIT = 40


@pytest.fixture
def shared_database(postgresql) -> str:
    return postgresql.url(postgresql.new_database())


class TestTwoProcessesOnPostgresql:
    def test_share_a_key_s_limit(self, shared_database, tmp_path):
        key, _ = key_made(shared_database, "recommend", requests_per_minute=LIMIT)
        settings = {"command": SCRIPTED, "database_url": shared_database}
        with serving(tmp_path, **settings) as one, serving(tmp_path, **settings) as other:
            for service in (one, other):
                service.wait_until_ready()
            while time.time() % 60 > 45:  # so that all requests fall into one window
                time.sleep(0.5)
            answers = [
                service.client.get("/v1/model", headers=bearer(key)) for _ in range(LIMIT) for service in (one, other)
            ]
        statuses = [answer.status_code for answer in answers]
        assert (statuses.count(200), statuses.count(429)) == (LIMIT, LIMIT)
        assert [answer.headers["ratelimit"].split(";")[1] for answer in answers[:4]] == ["r=39", "r=38", "r=37", "r=36"]


class TestBesideTheCommandLine:
    def test_keys_made_and_revoked_count_while_the_service_runs(self, tmp_path):
        def keys(*words: str) -> str:
            return figment("keys", *words, folder=tmp_path, database_url=sqlite_url(tmp_path)).stdout.strip()

        with serving(tmp_path, command=SCRIPTED) as service:
            service.wait_until_ready()
            assert service.ask(history=[]).status_code == 200
            key = keys("create", "--name", "shop", "--scope", "recommend")
            assert ask(service, key).status_code == 200
            assert service.ask(history=[]).status_code == 401
            keys("revoke", key)
            give_up = time.monotonic() + 20
            while ask(service, key).status_code != 401:
                assert time.monotonic() < give_up
                time.sleep(0.1)
            assert service.ask(history=[]).status_code == 401
            assert key.split("_", 2)[2] not in service.log.read_text()


class TestOtherAddresses:
    def test_are_refused_without_a_key(self):
        code, told = fails_to_start(host="0.0.0.0")
        assert code == 2
        assert "figment keys create" in told
        assert "FIGMENT_ALLOW_ANONYMOUS" in told

    def test_are_served_with_one(self, tmp_path):
        # it gets past the question of keys, and then finds no bundle
        key_made(sqlite_url(tmp_path))
        code, told = fails_to_start(host="0.0.0.0", database_url=sqlite_url(tmp_path), bundles=tmp_path)
        assert "no bundle" in told
        assert "key" not in told
        assert code == 2


class TestForwardedAddresses:
    """A visitor of a page could otherwise name another address with every request, and have no limit."""

    @pytest.mark.parametrize(
        ("settings", "left"),
        [
            ({}, [1, 0, 0, 0]),
            ({"trusted_proxies": "10.1.0.0/16"}, [1, 0, 0, 0]),
            ({"trusted_proxies": "10.1.0.0/16,127.0.0.1"}, [1, 1, 1, 1]),
        ],
    )
    def test_are_believed_of_trusted_proxies_alone(self, tmp_path, monkeypatch, settings, left):
        monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
        settings = {"requests_per_minute": 2, "allow_anonymous": "true", **settings}
        with serving(tmp_path, command=SCRIPTED, **settings) as service:
            service.wait_until_ready()
            answers = [
                service.client.get("/v1/model", headers={"X-Forwarded-For": f"203.0.113.{number}"})
                for number in range(4)
            ]
        assert [int(answer.headers["ratelimit"].split(";")[1].removeprefix("r=")) for answer in answers] == left
        assert [answer.status_code for answer in answers] == [200, 200, *([200, 200] if left[-1] else [429, 429])]


def ask(service, key: str) -> httpx.Response:
    return service.client.post("/v1/recommendations", json={"history": []}, headers=bearer(key))
