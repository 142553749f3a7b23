import pytest

from app.runtime.recommendation_id import age_seconds, new_recommendation_id


class TestAgeSeconds:
    def test_is_small_for_a_new_one(self):
        assert -0.1 < age_seconds(new_recommendation_id()) < 10

    def test_is_known_for_an_old_one(self):
        assert age_seconds("01ARZ3NDEKTSV4RRFFQ69G5FAV") > 10 * 365 * 86_400 / 2  # the specification's example

    @pytest.mark.parametrize("text", ["", "01J", "x" * 26, "01arz3ndektsv4rrffq69g5fav", "01ARZ3NDEKTSV4RRFFQ69G5FAVX"])
    def test_is_none_for_what_is_not_ours(self, text):
        assert age_seconds(text) is None
