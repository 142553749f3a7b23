"""Keys, scopes and limits as a caller meets them."""

import base64
from contextlib import contextmanager

import pytest
from fastapi.testclient import TestClient
from structlog.testing import capture_logs

from app.api.admission import AccessRules
from app.api.problem import Problem
from app.main import create_app
from tests.app.conftest import bearer, wait_until_loaded

BODY = {"history": [{"item_id": "item-1"}]}
PAGE = "https://shop.example"


@pytest.fixture
def serve(live, open_store):
    """Starts the application with other rules than those of loopback."""

    @contextmanager
    def start(**rules):
        app = create_app(live, open_store, on_load_failure=pytest.fail, access_rules=AccessRules(**rules))
        with TestClient(app, base_url="http://localhost") as client:
            wait_until_loaded(client)
            yield client

    return start


@pytest.fixture
def key(client, make_key):
    """A key with the scope recommend, which the service knows."""
    made, _ = make_key("recommend")
    assert ask(client, bearer(made)).status_code == 200
    return made


@pytest.fixture
def page_key(client, make_key):
    made, _ = make_key("recommend", "events", kind="publishable", origins=[PAGE])
    ask(client, bearer(made))  # from now on the service knows its page
    return made


def ask(client, headers=None):
    return client.post("/v1/recommendations", json=BODY, headers=headers)


def refused(answer, status, challenge=None):
    """The problem document, which names its status and, where told, how to do better."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    if challenge:
        assert answer.headers["www-authenticate"] == challenge
    problem = Problem.model_validate(answer.json())
    assert (problem.status, problem.request_id) == (status, answer.headers["x-request-id"])
    return problem.detail


class TestWithoutAnyKey:
    def test_this_machine_may_ask(self, client):
        assert ask(client).status_code == 200
        assert client.get("/openapi.json").json()["paths"]["/v1/model"]["get"]["security"][0] == {}

    def test_a_wrong_one_is_wrong_even_then(self, client):
        assert "not known" in refused(ask(client, bearer("figsk_a_b")), 401)

    @pytest.mark.parametrize("host", ["shop.example", "testserver"])
    def test_this_machine_is_asked_by_its_own_names_only(self, client, host):
        for path in ("/v1/model", "/docs", "/openapi.json", "/metrics"):
            assert host in refused(client.get(path, headers={"Host": host}), 403)

    def test_with_a_key_any_name_will_do(self, client, key):
        assert ask(client, {**bearer(key), "Host": "shop.example"}).status_code == 200

    def test_everyone_may_ask_by_any_name(self, serve):
        with serve(open_to="everyone") as client:
            assert ask(client, {"Host": "shop.example"}).status_code == 200

    def test_nobody_may_where_nobody_said_so(self, serve):
        with capture_logs() as lines, serve(open_to="nobody") as client:
            refused(ask(client), 401, 'Bearer realm="figment"')
            assert client.get("/health/ready").status_code == 200
        warnings = [line["event"] for line in lines if line["log_level"] == "warning"]
        assert warnings == ["nobody is answered: there is no API key; make one with `figment keys create`"]

    def test_everyone_may_where_somebody_said_so_and_the_log_tells(self, serve):
        with capture_logs() as lines, serve(open_to="everyone") as client:
            assert ask(client).status_code == 200
        warnings = [line["event"] for line in lines if line["log_level"] == "warning"]
        assert warnings == ["anyone who reaches this address may ask: there is no API key"]

    def test_nothing_is_told_once_there_is_one(self, serve, make_key):
        make_key("recommend")
        with capture_logs() as lines, serve(open_to="everyone") as client:
            refused(ask(client), 401)
        assert [line for line in lines if line["log_level"] == "warning"] == []


class TestKey:
    def test_is_taken_from_either_header(self, client, key):
        for headers in ({"Authorization": f"bearer  {key}"}, {"X-API-Key": key}, {"x-api-key": f" {key} "}):
            assert ask(client, headers).status_code == 200

    def test_is_needed_once_there_is_one(self, client, key):
        detail = refused(ask(client), 401, 'Bearer realm="figment"')
        assert "Authorization: Bearer" in detail
        assert "X-API-Key" in detail
        assert key not in detail

    def test_is_needed_to_learn_which_paths_there_are(self, client, key):
        refused(client.get("/v1/nothing"), 401)
        refused(client.get("/v1/nothing", headers=bearer(key)), 404)

    def test_is_not_needed_for_probes(self, client, key):
        for probe in ("live", "ready", "startup"):
            assert client.get(f"/health/{probe}").status_code == 200
            assert client.get(f"/health/{probe}", headers=bearer("wrong")).status_code == 200

    @pytest.mark.parametrize("part", ["x", "key"])
    def test_of_an_address_is_not_read(self, client, key, part):
        refused(client.post(f"/v1/recommendations?{part}={key}&api_key={key}", json=BODY), 401)

    @pytest.mark.parametrize("change", [lambda key: key[:-1], lambda key: key + "A", lambda key: key.upper(), len])
    def test_that_is_wrong_is_refused_as_such(self, client, key, change):
        detail = refused(ask(client, bearer(str(change(key)))), 401, 'Bearer realm="figment", error="invalid_token"')
        assert key[:20] not in detail

    def test_that_comes_twice_is_refused(self, client, key):
        challenge = 'Bearer realm="figment", error="invalid_request"'
        refused(ask(client, {**bearer(key), "X-API-Key": key}), 401, challenge)
        refused(ask(client, [("X-API-Key", key), ("X-API-Key", "another")]), 401, challenge)


class TestScope:
    def test_that_is_missing_is_named(self, client, make_key):
        key, _ = make_key("catalogue", "admin")
        challenge = 'Bearer realm="figment", error="insufficient_scope", scope="recommend"'
        assert "recommend" in refused(ask(client, bearer(key)), 403, challenge)

    def test_is_looked_at_before_the_body(self, client, make_key):
        key, _ = make_key("events")
        refused(client.post("/v1/recommendations", content=b"{", headers=bearer(key)), 403)

    def test_none_is_needed_for_what_describes_the_service(self, client, make_key):
        key, _ = make_key("events")
        for path in ("/v1/model", "/openapi.json", "/docs", "/"):
            assert client.get(path, headers=bearer(key), follow_redirects=False).status_code in (200, 307)


class TestPublishableKey:
    def test_asks_from_its_page(self, client, page_key):
        answer = ask(client, {**bearer(page_key), "Origin": PAGE})
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == PAGE

    @pytest.mark.parametrize("origin", ["https://other.example", f"{PAGE}.evil.example", "http://shop.example", "null"])
    def test_is_refused_from_any_other(self, client, page_key, origin):
        answer = ask(client, {**bearer(page_key), "Origin": origin})
        assert origin in refused(answer, 403, 'Bearer realm="figment", error="insufficient_scope"')

    def test_is_refused_where_there_is_no_page(self, client, page_key):
        assert "no Origin header" in refused(ask(client, bearer(page_key)), 403)
        refused(ask(client, [("X-API-Key", page_key), ("Origin", PAGE), ("Origin", PAGE)]), 403)

    def test_may_not_do_what_takes_a_secret_one(self, client, page_key):
        for path in ("/v1/model", "/openapi.json", "/docs"):
            detail = refused(client.get(path, headers={**bearer(page_key), "Origin": PAGE}), 403)
            assert "secret" in detail


class TestPages:
    def test_a_browser_is_asked_for_the_key_as_a_password(self, client, key):
        for path in ("/docs", "/openapi.json", "/"):
            assert 'Basic realm="figment"' in client.get(path).headers["www-authenticate"]
        sent = base64.b64encode(f"anyone:{key}".encode()).decode()
        assert client.get("/docs", headers={"Authorization": f"Basic {sent}"}).status_code == 200

    @pytest.mark.parametrize("sent", ["", "%%%", base64.b64encode(b"a:b").decode(), base64.b64encode(b"\xff").decode()])
    def test_a_wrong_password_is_asked_for_again(self, client, key, sent):
        assert "Basic" in client.get("/docs", headers={"Authorization": f"Basic {sent}"}).headers["www-authenticate"]

    def test_elsewhere_basic_is_no_key(self, client, key):
        sent = base64.b64encode(f"anyone:{key}".encode()).decode()
        answer = ask(client, {"Authorization": f"Basic {sent}"})
        refused(answer, 401, 'Bearer realm="figment"')


class TestLimits:
    def test_are_told_before_they_are_reached(self, client, make_key):
        key, _ = make_key("recommend", requests_per_minute=3)
        answers = [ask(client, bearer(key)) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert [answer.headers["ratelimit"].split(";")[1] for answer in answers] == ["r=2", "r=1", "r=0", "r=0"]
        assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"default";q=3;w=60'}
        refused(answers[3], 429)
        assert 1 <= int(answers[3].headers["retry-after"]) <= 120

    def test_of_one_key_are_not_another_s(self, client, make_key, key):
        limited, _ = make_key("recommend", requests_per_minute=1)
        assert [ask(client, bearer(limited)).status_code for _ in range(2)] == [200, 429]
        answer = ask(client, bearer(key))
        assert answer.status_code == 200
        assert "ratelimit" not in answer.headers

    def test_count_refused_requests_too(self, client, make_key):
        key, _ = make_key("catalogue", requests_per_minute=1)
        assert [ask(client, bearer(key)).status_code for _ in range(2)] == [403, 429]

    def test_of_the_service_hold_for_keys_without_one_and_for_addresses(self, serve, make_key):
        with serve(requests_per_minute=2) as client:
            assert [ask(client).status_code for _ in range(3)] == [200, 200, 429]
            key, _ = make_key("recommend")
            own, _ = make_key("recommend", requests_per_minute=3)
            assert [ask(client, bearer(key)).status_code for _ in range(3)] == [200, 200, 429]
            assert [ask(client, bearer(own)).status_code for _ in range(4)] == [200, 200, 200, 429]

    def test_do_not_count_probes(self, serve):
        with serve(requests_per_minute=1) as client:
            assert [client.get("/health/live").status_code for _ in range(3)] == [200, 200, 200]
            assert "ratelimit" not in client.get("/health/live").headers
            assert ask(client).status_code == 200


class TestLog:
    def test_never_holds_a_key(self, client, model, make_key):
        key, _ = make_key("recommend", requests_per_minute=10)
        page_key, _ = make_key("recommend", kind="publishable", origins=[PAGE])
        with capture_logs() as lines:
            for sent in (key, key[:-1], page_key):
                secret = sent.split("_", 2)[2]
                ask(client, bearer(sent))
                ask(client, {"X-API-Key": sent, "X-Request-Id": sent})
                ask(client, {"X-API-Key": f"{sent} {sent}", "Cookie": sent, "User-Agent": sent})
                client.post(f"/v1/recommendations?key={sent}", json={"history": [{"item_id": sent}], sent: sent})
                client.get(f"/v1/no-such-path/{sent}", headers=bearer(sent))
                assert secret not in str(lines)
            model.recommend = None  # an error that nobody foresaw, with its stack
            assert ask(client, bearer(key)).status_code == 500
            while ask(client, bearer(key)).status_code != 429:
                pass
        assert secret not in str(lines)
        assert key.split("_", 2)[2][:20] not in str(lines)
        assert {line["status"] for line in lines if line["event"] == "request"} >= {401, 403, 404, 429, 500}

    def test_names_a_key_by_what_is_no_secret(self, client, make_key):
        key, kept = make_key("recommend")
        with capture_logs() as lines:
            ask(client, bearer(key))
        assert lines[-1]["key_id"] == kept.key_id
