"""Every route says which scope it takes, and the guide says the same: whoever adds a route comes by here."""

import re

import pytest
from fastapi.routing import iter_route_contexts

from app.api.admission import PROBES
from app.api.auth import RequireScope
from app.store.key_ring import PUBLISHABLE_SCOPES
from tests.app.conftest import bearer
from tests.conftest import REPOSITORY

GUIDE = REPOSITORY / "docs/guide/keys.md"


@pytest.fixture
def routes(client):
    """(method and path) → what the route requires, as its router and itself declare it."""
    return {
        f"{method} {route.path}": [
            part.call for part in route.dependant.dependencies if isinstance(part.call, RequireScope)
        ]
        for route in iter_route_contexts(client.app.routes)
        for method in route.methods
    }


def told():
    """(method and path) → scope and whether publishable keys may, from the guide's table."""
    rows = re.findall(r"^\| (`[A-Z].*?`) \| (.+?) \| (yes|no) \|$", GUIDE.read_text(), re.M)
    return {path: (scope.strip("`"), publishable) for paths, scope, publishable in rows for path in _split(paths)}


def _split(cell):
    return [path.strip("` ") for path in cell.split("`, `")]


class TestEveryRoute:
    def test_declares_a_scope_once_unless_it_is_a_probe(self, routes):
        assert len(routes) > len(PROBES)
        for route, declared in routes.items():
            assert len(declared) == (route.removeprefix("GET ") not in PROBES), (
                f"{route}: say which scope it takes, as in dependencies=[needs('catalogue')] (app/api/auth.py)"
            )

    def test_takes_what_the_guide_says(self, routes):
        found = {
            route: (required.scope or "any", "yes" if required.publishable else "no")
            for route, declared in routes.items()
            for required in declared
        }
        assert told() == found

    def test_lets_publishable_keys_do_nothing_but_recommend_and_report(self, routes):
        for route, declared in routes.items():
            for required in declared:
                if required.publishable:
                    assert required.scope in PUBLISHABLE_SCOPES
                    assert not re.search(r"/users|/model|/jobs|/docs|/metrics", route)

    def test_is_closed_to_who_sends_no_key_once_there_is_one(self, client, routes, make_key):
        key, _ = make_key("recommend")
        assert client.get("/v1/model", headers=bearer(key)).status_code == 200
        for route in routes:
            method, path = route.split(" ")
            answer = client.request(method, path.replace("{", "").replace("}", ""))
            assert answer.status_code == (200 if path in PROBES else 401), route
