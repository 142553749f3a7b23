import pytest

from app.api.auth import ANONYMOUS, Caller
from app.api.rate_limits import counted_name, limit_headers, too_many
from app.store.sliding_window import SlidingWindow

SECRET = Caller("0123", "secret", frozenset({"recommend"}))
PUBLISHABLE = Caller("4567", "publishable", frozenset({"recommend"}))


class TestCountedName:
    def test_secret_key_is_one_wherever_it_asks_from(self):
        assert counted_name(SECRET, "10.0.0.1") == counted_name(SECRET, "10.0.0.2")

    def test_publishable_key_is_counted_for_each_visitor(self):
        names = {counted_name(PUBLISHABLE, address) for address in ("10.0.0.1", "10.0.0.2", "2001:db8::1")}
        assert len(names) == 3

    def test_visitor_without_a_key_is_not_confused_with_one(self):
        assert len({counted_name(caller, "10.0.0.1") for caller in (SECRET, PUBLISHABLE, ANONYMOUS)}) == 3

    @pytest.mark.parametrize(
        ("one", "other", "same"),
        [
            ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
            ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
            ("::ffff:10.0.0.1", "10.0.0.1", True),
            ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
            ("a proxy's name", "another's", False),
        ],
    )
    def test_addresses_that_one_customer_has_are_one(self, one, other, same):
        assert (counted_name(ANONYMOUS, one) == counted_name(ANONYMOUS, other)) is same

    def test_is_bounded(self):
        assert len(counted_name(ANONYMOUS, "x" * 10_000)) < 100


class TestHeaders:
    def test_say_how_many_are_left_and_when_there_are_more(self):
        window = SlidingWindow(limit=10, seconds=60, taken=True, previous=0, current=3, elapsed=12.0)
        assert limit_headers(window) == {
            "RateLimit-Policy": '"default";q=10;w=60',
            "RateLimit": '"default";r=7;t=48',
        }

    def test_of_a_refusal_say_when_to_come_back(self):
        window = SlidingWindow(limit=10, seconds=60, taken=False, previous=0, current=10, elapsed=50.0)
        error = too_many(window)
        assert error.status == 429
        assert error.headers["Retry-After"] == "11"
        assert error.headers["RateLimit"] == '"default";r=0;t=11'
        assert "10 requests in 60 s" in error.detail
