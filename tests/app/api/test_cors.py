import pytest
from fastapi.testclient import TestClient

from app.api.admission import AccessRules
from app.main import create_app
from tests.app.conftest import bearer, wait_until_loaded

PAGE, OTHER = "https://shop.example", "https://other.example"


@pytest.fixture
def named(live, open_store):
    """A service whose setting names one page."""
    rules = AccessRules(allowed_origins=(PAGE,))
    with TestClient(
        create_app(live, open_store, on_load_failure=pytest.fail, access_rules=rules), base_url="http://localhost"
    ) as client:
        wait_until_loaded(client)
        yield client


def preflight(client, origin, header="authorization"):
    return client.options(
        "/v1/recommendations",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": f"{header}, content-type",
        },
    )


def cors_headers(answer):
    return {name for name in answer.headers if name.startswith("access-control")}


class TestCors:
    def test_is_off_until_a_page_is_named(self, client):
        assert preflight(client, PAGE).status_code == 405
        assert not cors_headers(preflight(client, PAGE))
        assert not cors_headers(client.get("/v1/model", headers={"Origin": PAGE}))

    @pytest.mark.parametrize("header", ["authorization", "x-api-key", "idempotency-key", "x-request-timeout-ms"])
    def test_named_page_may_send_what_the_contract_knows(self, named, header):
        answer = preflight(named, PAGE, header)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert header in answer.headers["access-control-allow-headers"].lower()
        assert "access-control-allow-credentials" not in answer.headers

    def test_other_pages_may_not(self, named):
        assert preflight(named, OTHER).status_code == 400
        assert "access-control-allow-origin" not in preflight(named, OTHER).headers
        assert "access-control-allow-origin" not in named.get("/v1/model", headers={"Origin": OTHER}).headers

    def test_scripts_may_read_refusals_and_limits(self, named):
        answer = named.get("/v1/model", headers={"Origin": PAGE, **bearer("wrong")})
        assert answer.status_code == 401
        assert answer.headers["access-control-allow-origin"] == PAGE
        exposed = answer.headers["access-control-expose-headers"].lower()
        assert all(name in exposed for name in ("ratelimit", "retry-after", "x-request-id"))
        assert "origin" in answer.headers["vary"].lower()

    def test_page_of_a_publishable_key_is_named_by_it(self, client, make_key):
        key, _ = make_key("recommend", kind="publishable", origins=[PAGE])
        client.get("/v1/model", headers=bearer(key))  # at the latest now the service knows it
        answer = preflight(client, PAGE)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, PAGE)
        assert preflight(client, OTHER).status_code == 400
