"""What shoppers and keys are known by is posted through every route, and looked for in the log."""

import io
import logging
import re

import orjson
import pytest
import structlog

from app.observability.logs import configure_logs
from models.domain.errors import FigmentError

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
    "Authorization": f"Bearer {SECRET}",
    "X-API-Key": SECRET,
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


def ask_everything(client):
    """Every path of the contract, and two that do not exist, with secrets in path, query, headers and body."""
    contract = client.get("/openapi.json").json()
    schemas = list(contract["components"]["schemas"].values())
    paths = [*contract["paths"], f"/{SECRET}", f"/v1/users/{SECRET}/nothing"]
    statuses = {}
    for path in paths:
        real = re.sub(r"\{[^}]*\}", SECRET, path)
        for method in METHODS:
            if method not in {name.upper() for name in contract["paths"].get(path, {"post": None})}:
                continue
            for body in bodies(schemas) if method != "GET" else [None]:
                answer = client.request(method, f"{real}?q={SECRET}&cursor={SECRET}", json=body, headers=HEADERS)
                statuses[method, path, answer.status_code] = None
            broken = f'{{"history": "{SECRET}'.encode()
            client.request(method, real, content=broken, headers={**HEADERS, "Content-Type": "application/json"})
    return statuses


class TestLog:
    def test_holds_no_secret_whatever_is_asked(self, client, log):
        statuses = ask_everything(client)
        assert ("POST", "/v1/recommendations", 200) in statuses
        assert ("POST", "/v1/recommendations", 422) in statuses
        lines = [orjson.loads(line) for line in log.getvalue().splitlines()]
        assert {line["status"] for line in lines if line["event"] == "request"} >= {200, 404, 422}
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
