import re

import pytest

from app.api.docs_page import ASSETS_VERSION


def named_in(page):
    return re.findall(r"""(?:src|href)=["']([^"']+)["']""", page.text)


class TestDocs:
    def test_names_no_other_host_and_lets_none_be_asked(self, client):
        page = client.get("/docs")
        assert "//" not in "".join(named_in(page))
        assert "http" not in page.text
        assert "default-src 'self'" in page.headers["content-security-policy"]

    def test_everything_it_names_is_served_to_be_kept(self, client):
        names = named_in(client.get("/docs"))
        assert len(names) == 3
        for name in names:
            answer = client.get(f"/{name}")
            assert answer.status_code == 200
            assert "immutable" in answer.headers["cache-control"]
            assert answer.content

    def test_shows_this_contract(self, client):
        assert "url: 'openapi.json'" in client.get("/docs").text.replace('"', "'")
        assert client.get("/openapi.json").json()["openapi"].startswith("3.1")
        assert int(ASSETS_VERSION.split(".")[0]) >= 5  # the first that renders OpenAPI 3.1

    @pytest.mark.parametrize(
        "path", [f"{ASSETS_VERSION}/index.html", f"{ASSETS_VERSION}/..%2f..%2f__init__.py", "1/swagger-ui.css"]
    )
    def test_other_files_are_not_there(self, client, path):
        assert client.get(f"/docs/assets/{path}").status_code == 404
