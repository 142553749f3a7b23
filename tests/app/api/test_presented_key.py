import pytest
from starlette.datastructures import Headers

from app.api.presented_key import presented_key
from app.api.problem import RequestError


def found(*headers, basic=False):
    return presented_key(Headers(raw=[(name.lower().encode(), value.encode()) for name, value in headers]), basic=basic)


class TestPresentedKey:
    @pytest.mark.parametrize(
        ("header", "key"),
        [
            (("Authorization", "Bearer k"), "k"),
            (("Authorization", "BEARER   k "), "k"),
            (("X-API-Key", " k "), "k"),
            (("Authorization", "Bearer"), None),
            (("Authorization", ""), None),
            (("Authorization", "Digest k"), None),
            (("Authorization", "k"), None),
            (("X-API-Key", ""), None),
            (("Cookie", "k"), None),
        ],
    )
    def test_is_what_one_of_two_headers_says(self, header, key):
        assert found(header) == key

    def test_a_proxy_s_own_password_beside_it_is_no_key(self):
        assert found(("Authorization", "Basic YTpi"), ("X-API-Key", "k")) == "k"

    def test_a_browser_s_password_is_one_where_asked_for(self):
        assert found(("Authorization", "Basic YTpi"), basic=True) == "b"
        assert found(("Authorization", "Basic YTo="), basic=True) == "a"  # typed in the wrong field
        assert found(("Authorization", "Basic YTpi")) is None

    @pytest.mark.parametrize("headers", [
        [("X-API-Key", "k"), ("X-API-Key", "k")],
        [("Authorization", "Bearer k"), ("Authorization", "Bearer k")],
        [("Authorization", "Basic YTpi"), ("Authorization", "Bearer k")],
        [("Authorization", "Bearer k"), ("X-API-Key", "k")],
    ])  # fmt: skip
    def test_more_than_one_is_refused(self, headers):
        with pytest.raises(RequestError, match="more than one"):
            found(*headers)
