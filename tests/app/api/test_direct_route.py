"""The short way and the declared route answer alike: bodies, refusals, headers, names in the log."""

import pytest

from app.main import DIRECT

BODIES = [
    b'{"history": []}',
    b'{"history": [{"item_id": "item-1"}], "k": 3, "seed": 5, "return_properties": ["title"]}',
    b'{"history": [{"item_id": "item-1", "event_type": "nothing"}]}',
    b'{"history": [], "k": 101}',
    b'{"history": [], "k": 3, "k": 4}',
    b'{"k": NaN, "history": []}',
    b'{"unknown": 1}',
    b"{",
    b"\xff",
    b"[" * 100,
    b'{"history": [], "return_properties": ["colour"]}',
    b'{"history": [], "seed": 12345678901234567890123456789}',
    b'{"user": {"user_id": " "}}',
]
CHANGING = ("recommendation_id", "request_id", "took_ms", "index_age_seconds")
HEADERS = {"content-type": "application/json", "x-request-id": "r1"}


def told(answer):
    """Status, headers and body, but for what is new in every answer."""
    body = answer.json()
    for part in (body, body.get("meta", {})):
        for name in CHANGING:
            part.pop(name, None)
    headers = {name: value for name, value in answer.headers.items() if name not in ("date", "content-length")}
    return answer.status_code, headers, body


@pytest.fixture
def both_ways(client, monkeypatch):
    """Posts twice: by the short way, then by the declared route."""

    def post(body, params=None, **headers):
        sent = {"content": body, "params": params, "headers": {**HEADERS, **headers}}
        short = client.post(DIRECT[0].path, **sent)
        with monkeypatch.context() as patched:
            patched.setattr("app.api.direct_route.DirectRoutes.route_of", lambda self, scope: None)
            declared = client.post(DIRECT[0].path, **sent)
        return told(short), told(declared)

    return post


@pytest.mark.parametrize("body", BODIES)
def test_bodies_good_and_bad_are_answered_alike(both_ways, body):
    if b"seed" not in body:
        body = body.replace(b'{"history": []', b'{"seed": 1, "history": []', 1)
    short, declared = both_ways(body)
    assert short == declared


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-encoding": "gzip"},
        {"x-request-timeout-ms": "no"},
        {"x-request-timeout-ms": "60000"},
        {"content-length": "999999999"},
    ],
)
def test_headers_are_judged_alike(both_ways, headers):
    short, declared = both_ways(b'{"history": [], "seed": 1}', **headers)
    assert short == declared


def test_parameters_are_refused_alike(both_ways):
    short, declared = both_ways(b'{"history": []}', params={"k": "3", "x" * 200: ""}, **{"x-request-timeout-ms": "no"})
    assert short == declared
    assert (short[0], len(short[2]["errors"])) == (422, 2)


def test_other_methods_of_the_path_are_the_frameworks(client):
    assert client.get(DIRECT[0].path).status_code == 405


def test_is_counted_under_the_declared_path(client):
    client.post(DIRECT[0].path, content=b'{"history": []}', headers=HEADERS)
    lines = client.get("/metrics").text.splitlines()
    assert any('http_route="/v1/recommendations"' in line and '"200"' in line for line in lines)


def test_without_a_free_permit_no_body_is_read(both_ways, monkeypatch):
    monkeypatch.setattr("app.runtime.workers.Workers.is_full", True)
    short, declared = both_ways(b"{")
    assert short == declared
    assert (short[0], short[2]["type"]) == (503, "urn:figment:problem:overloaded")
    assert short[1]["retry-after"] == "1"
