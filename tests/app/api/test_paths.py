from urllib.parse import quote

import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from app.api.errors import answer_error
from app.api.paths import IdRoute, path_id
from app.api.problem import RequestError
from app.api.request_context import RequestContext
from app.observability.metrics import Metrics
from models.domain.ids import is_usable_id

IDS = [
    "u1", "a/b", "/", "//", "a/events", "events", "x:merge", "...", "a b", " a ", "%", "%2F", "a%2fb", "+", "a+b", "?",
    "#", 'say "hi"', "it's", "\\", "<script>", "&amp;", "a;b=c", "😀", "e\u0301", "é", "שלום", "مرحبا", "名前",
    "\u00a0x", "\ufffd",
]  # fmt: skip

ANY_ID = st.text(min_size=1, max_size=128).filter(lambda text: is_usable_id(text) and text not in (".", ".."))
"""Clients resolve steps of one or two dots before they send them."""


@pytest.fixture(scope="module")
def client():
    router = APIRouter(prefix="/things", route_class=IdRoute)

    @router.get("/{thing_id}")
    async def whole(request: Request):
        return ["whole", path_id(request, "thing_id")]

    @router.get("/{thing_id}/parts/{part_id}")
    async def part(request: Request):
        return ["part", path_id(request, "thing_id"), path_id(request, "part_id")]

    @router.get("/{thing_id}:join")
    async def join(request: Request):
        return ["join", path_id(request, "thing_id")]

    app = FastAPI(redirect_slashes=False)
    app.include_router(router)
    app.add_exception_handler(RequestError, answer_error)
    app.add_middleware(RequestContext, metrics=Metrics(), tracing=None)
    with TestClient(app, base_url="http://localhost") as client:
        yield client


def path(text):
    return quote(text, safe="")


class TestIdRoute:
    @pytest.mark.parametrize("one", IDS)
    def test_ids_come_as_they_were_sent(self, client, one):
        assert client.get(f"/things/{path(one)}").json() == ["whole", one]
        assert client.get(f"/things/{path(one)}/parts/{path(one)}").json() == ["part", one, one]

    @given(ANY_ID, ANY_ID)
    def test_any_two_ids_come_as_they_were_sent(self, client, first, second):
        answer = client.get(f"/things/{path(first)}/parts/{path(second)}")
        assert answer.json() == ["part", first, second]

    def test_what_needs_no_escape_may_have_one(self, client):
        assert client.get("/th%69ngs/%61").json() == ["whole", "a"]
        assert client.get("/things/a%3Ajoin").json() == client.get("/things/a:join").json()

    def test_a_plain_slash_is_a_step(self, client):
        assert client.get("/things/a/b").status_code == 404
        assert client.get("/things%2Fa").status_code == 404

    def test_a_missing_id_is_no_such_path(self, client):
        assert client.get("/things/").status_code == 404
        assert client.get("/things//parts/x").status_code == 404


class TestPathId:
    @pytest.mark.parametrize(
        ("sent", "detail"),
        [
            ("x" * 129, "has 129 characters, the limit is 128"),
            ("%20%20", "holds only spaces"),
            ("a%00b", "not printable"),
            ("a%0Ab", "not printable"),
            ("%E2%80%AEtxt", "not printable"),  # turns what follows around on a screen
            ("%FF", "not printable"),  # no UTF-8
            ("%ED%A0%80", "not printable"),  # the surrogate that stands for a slash meanwhile
        ],
    )
    def test_what_is_no_id_is_refused(self, client, sent, detail):
        answer = client.get(f"/things/{sent}")
        assert answer.status_code == 422
        (problem,) = answer.json()["errors"]
        assert problem["pointer"] == "path:thing_id"
        assert detail in problem["detail"]

    def test_two_ids_that_are_no_utf_8_are_not_one(self, client):
        assert client.get("/things/%FE").status_code == client.get("/things/%EF%BF%BDx%FE").status_code == 422
