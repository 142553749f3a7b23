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


class TestNewRecommendationId:
    def test_sorts_by_time(self, monkeypatch):
        ids = []
        for milliseconds in (0, 1, 1_000, 1_795_489_200_000, 2**48 - 1):
            monkeypatch.setattr("time.time_ns", lambda now=milliseconds: now * 1_000_000)
            ids.append(new_recommendation_id())
        assert ids == sorted(ids)
        assert {len(one) for one in ids} == {26}

    def test_two_of_one_moment_differ(self):
        assert len({new_recommendation_id() for _ in range(1_000)}) == 1_000
