import orjson
import pytest

from app.store.mentions import Mentions


class TestMentions:
    @pytest.mark.parametrize(
        "document",
        [
            {"accepted": 5}, {"5": "x"}, [5, 5.0, True], {"detail": "more than 5 minutes after"}, "5 is less than 6",
            {"detail": "quantity 5 is more than the most allowed, 3"}, {"u": "15"}, {"u": "5-1"}, "got 5 items", None,
            {"item_id": "5"}, {"segment": {"histories": [[["5", "view", 1]]]}}, '{"item_id": "5"}',
        ],
    )  # fmt: skip
    def test_a_number_is_none(self, document):
        assert not Mentions(["5"]).any_in(orjson.dumps(document).decode())

    @pytest.mark.parametrize(
        "document",
        [
            "5", ["5"], {"user": {"ids": ["4", "5"]}}, {"detail": "user_id must be a string, got 5"},
            {"detail": "user_id must be a string, got 5; and 2 more"}, {"detail": 'event_type "5" is none of'},
            {"instance": "/v1/users/5:merge"}, {"path": "/v1/users/5"}, '{"u": "5"}', '["{\\"u\\": [\\"5\\"]}"]',
        ],
    )  # fmt: skip
    def test_a_numeric_id_is_found_where_it_was_sent(self, document):
        assert Mentions(["9", "5"]).any_in(orjson.dumps(document).decode())

    def test_a_word_is_none_and_the_same_as_a_value_is(self):
        assert not Mentions(["more"]).any_in('{"more": "more than the most allowed"}')
        assert Mentions(["more"]).any_in('{"user_id": "more"}')

    def test_any_other_id_is_found_within_a_text(self):
        assert Mentions(["u-1"]).any_in('{"detail": "u-1 is not a known field"}')
        assert not Mentions(["u-1"]).any_in('{"detail": "u-10 and xu-1 and -u-1"}')

    def test_text_that_is_no_json_is_searched_too(self):
        assert Mentions(["anna"]).any_in('no rows for "anna"')
        assert Mentions(["a b"]).any_in("a b")

    def test_deep_documents_are_searched_to_their_end(self):
        assert Mentions(["u1"]).any_in("[" * 900 + '"u1"' + "]" * 900)

    def test_nobody_is_nowhere(self):
        assert not Mentions([]).any_in('{"a": ""}')
