"""What shoppers and keys are known by is posted through every route, and looked for in the log."""

import io
import logging
import re

import orjson
import pytest
import structlog

from app.observability.logs import configure_logs
from app.store.key_ring import SCOPES, split_key
from models.domain.errors import FigmentError
from tests.app.conftest import bearer

SECRET = "hush-4711"
PLANTED = {
    "user": {"user_id": SECRET, "session_id": SECRET},
    "user_id": SECRET,
    "session_id": SECRET,
    "history": [{"item_id": SECRET, "event_type": "view"}],
    "events": [{"item_id": SECRET, "user_id": SECRET, "event_type": "view", "timestamp": "2026-01-01T00:00:00Z"}],
    "items": [{"item_id": SECRET, "title": SECRET}],
    "requests": [{"history": [{"item_id": SECRET}]}],
    "query": SECRET,
    "exclude": {"item_ids": [SECRET]},
    "experiment": {"experiment_id": SECRET},
    SECRET: SECRET,
}
HEADERS = {
    "Cookie": f"session={SECRET}",
    "Idempotency-Key": SECRET,
    "Origin": f"https://{SECRET}.example",
    "User-Agent": SECRET,
    "Referer": f"https://shop.example/{SECRET}",
}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@pytest.fixture
def log(monkeypatch):
    """What the service writes on standard error, with nothing left out."""
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers, root.level
    monkeypatch.setattr("sys.stderr", stream)
    configure_logs("debug")
    monkeypatch.setattr(logging.getLogger("httpx2"), "disabled", True)  # the test's own client tells what it asks
    yield stream
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def bodies(schemas):
    """Whole, each field alone, and what each schema knows, so that some pass the first check and fail later."""
    known = {frozenset(schema.get("properties", ())) & set(PLANTED) for schema in schemas}
    fields = [set(PLANTED), *({field} for field in PLANTED), *(names for names in known if len(names) > 1)]
    return [{name: PLANTED[name] for name in sorted(names)} for names in fields]


def ask_everything(client, headers):
    """Every path of the contract, and two that do not exist, with secrets in path, query, headers and body."""
    headers = {**HEADERS, **headers}
    contract = client.get("/openapi.json", headers=headers).json()
    schemas = list(contract["components"]["schemas"].values())
    paths = [*contract["paths"], f"/{SECRET}", f"/v1/users/{SECRET}/nothing"]
    statuses = {}
    for path in paths:
        real = re.sub(r"\{[^}]*\}", SECRET, path)
        for method in METHODS:
            if method not in {name.upper() for name in contract["paths"].get(path, {"post": None})}:
                continue
            for body in bodies(schemas) if method != "GET" else [None]:
                answer = client.request(method, real, json=body, headers=headers)
                statuses[method, path, answer.status_code] = None
            client.request(method, f"{real}?q={SECRET}&cursor={SECRET}", headers=headers)
            broken = f'{{"history": "{SECRET}'.encode()
            client.request(method, real, content=broken, headers={**headers, "Content-Type": "application/json"})
    return statuses


class TestLog:
    def test_holds_no_secret_whatever_is_asked(self, client, log, make_key):
        key, made = make_key(*SCOPES)
        statuses = ask_everything(client, {**bearer(key), "X-Request-Id": key})
        assert ("POST", "/v1/recommendations", 200) in statuses
        assert ("POST", "/v1/recommendations", 422) in statuses
        lines = [orjson.loads(line) for line in log.getvalue().splitlines()]
        assert {line["status"] for line in lines if line["event"] == "request"} >= {200, 404, 422}
        assert {line.get("key_id") for line in lines} >= {made.key_id}
        assert SECRET not in log.getvalue()
        secret = split_key(key).secret
        assert len(secret) > 40
        assert secret not in log.getvalue()

    @pytest.mark.parametrize("sent", [{"X-API-Key": SECRET}, bearer(SECRET)])
    def test_holds_no_key_that_was_refused(self, client, log, make_key, sent):
        make_key("recommend")
        for path in ("/v1/model", "/docs", "/nothing"):
            assert client.get(path, headers=sent).status_code == 401
        assert "401" in log.getvalue()
        assert SECRET not in log.getvalue()

    @pytest.mark.parametrize("kind", [ValueError, FigmentError])
    def test_holds_none_when_an_error_quotes_one(self, client, model, log, kind):
        def fail(_):
            try:
                return {}[SECRET]
            except KeyError as error:
                raise kind(SECRET) from error

        model.recommend = fail
        answer = client.post("/v1/recommendations", json={"history": [{"item_id": SECRET}]}, headers=HEADERS)
        assert answer.status_code == 500
        assert "KeyError" in log.getvalue()
        assert kind.__name__ in log.getvalue()
        assert SECRET not in log.getvalue()
        assert SECRET not in answer.text
