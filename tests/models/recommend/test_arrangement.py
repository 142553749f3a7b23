import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.recommend.arrangement import AS_RANKED, DIVERSE_AMONG, Arrangement, Limits

ROWS = np.array([4, 2, 9, 7, 1], np.int32)
SCORES = np.array([0.9, 0.8, 0.5, 0.4, 0.1], np.float32)
BRANDS = {4: "a", 2: "a", 9: None, 7: "b", 1: "a"}
COLOURS = {4: "red", 2: "blue", 9: None, 7: "red", 1: None}
FEATURES = {4: [1, 0], 2: [1, 0.01], 9: [1, 0.02], 7: [0, 1], 1: [-1, 0]}


def values_of(name, rows):
    return [{"brand": BRANDS, "colour": COLOURS}[name][int(row)] for row in rows]


def features_of(rows):
    return np.array([FEATURES[int(row)] for row in rows], np.float32)


def arranged(k: int = 5, **wishes) -> tuple[list[int], list[float]]:
    places, scores = Arrangement(values_of=values_of, **wishes).arranged(ROWS, SCORES, k, features_of)
    return ROWS[places].tolist(), scores[places].tolist()


class TestBoosts:
    def test_multiply_the_score_and_sort_again(self) -> None:
        rows, scores = arranged(weigh=lambda rows: np.where(rows == 7, 2.1, 1.0))
        assert rows == [4, 7, 2, 9, 1]
        np.testing.assert_allclose(scores, [0.9, 0.84, 0.8, 0.5, 0.1], rtol=1e-6)

    def test_bring_up_what_stood_below_the_cut(self) -> None:
        assert arranged(k=1, weigh=lambda rows: np.where(rows == 1, 100.0, 1.0))[0] == [1]

    def test_scores_stay_within_one_by_one_factor(self) -> None:
        _, scores = arranged(weigh=lambda rows: np.where(rows == 4, 2.0, 1.0))
        np.testing.assert_allclose(scores, np.array([1.8, 0.8, 0.5, 0.4, 0.1]) / 1.8, rtol=1e-6)


class TestLimits:
    def test_keep_the_best_of_each_value_and_all_without_one(self) -> None:
        assert arranged(max_per={"brand": 1})[0] == [4, 9, 7]
        assert arranged(max_per={"brand": 2})[0] == [4, 2, 9, 7]

    def test_every_field_is_limited(self) -> None:
        assert arranged(max_per={"brand": 2, "colour": 1})[0] == [4, 2, 9]

    def test_what_one_field_refuses_does_not_count_for_another(self) -> None:
        limits = Limits({"brand": 1, "colour": 1}, values_of)
        assert limits.admitted(np.array([4, 2, 7], np.int32)).tolist() == [0]
        assert limits.admitted(np.array([9], np.int32)).tolist() == [0]

    def test_count_on_where_they_left_off(self) -> None:
        limits = Limits({"brand": 2}, values_of)
        assert limits.admitted(ROWS, most=1).tolist() == [0]
        assert limits.admitted(ROWS[1:]).tolist() == [0, 1, 2]

    def test_are_counted_after_boosts(self) -> None:
        assert arranged(max_per={"brand": 1}, weigh=lambda rows: np.where(rows == 1, 10.0, 1.0))[0] == [1, 9, 7]


class TestDiversity:
    def test_prefers_what_differs(self) -> None:
        assert arranged(k=3, diversity=0.9)[0] == [4, 7, 1]
        assert arranged(k=3, diversity=0.01)[0] == [4, 2, 9]

    @given(st.floats(0, 1), st.integers(1, 5))
    def test_keeps_scores_and_begins_with_the_best(self, diversity: float, k: int) -> None:
        rows, scores = arranged(k=k, diversity=diversity)
        assert rows[0] == 4
        assert len(set(rows)) == k
        own = dict(zip(ROWS.tolist(), SCORES.tolist(), strict=True))
        assert scores == [own[row] for row in rows]

    def test_works_within_the_limits(self) -> None:
        assert sorted(arranged(k=5, diversity=1.0, max_per={"brand": 1})[0]) == [4, 7, 9]


class TestTheBestFirst:
    """A list of 260 of which the first 120 are the best: half of all are of one brand, and features are at random."""

    ROWS = np.arange(260, dtype=np.int32)
    SCORES = np.linspace(0.99, 0.01, 260, dtype=np.float32)
    FEATURES = np.random.default_rng(0).normal(size=(260, 4)).astype(np.float32)
    NUM_FIRST = 120

    def arrangement(self, **wishes) -> Arrangement:
        return Arrangement(values_of=lambda _, rows: ["a" if row % 2 else None for row in rows], **wishes)

    def listed(self, arrangement: Arrangement, k: int, num: int = 260) -> list[int]:
        places, _ = arrangement.arranged(
            self.ROWS[:num], self.SCORES[:num], k, lambda rows: self.FEATURES[rows], self.NUM_FIRST
        )
        return places.tolist()

    @pytest.mark.parametrize("wishes", [{}, {"diversity": 0.5}, {"max_per": {"brand": 30}}])
    @pytest.mark.parametrize("both", [{}, {"diversity": 0.9, "max_per": {"brand": 50}}])
    def test_settle_what_they_suffice_for(self, wishes, both) -> None:
        arrangement = self.arrangement(**{**wishes, **both})
        assert arrangement.is_settled_by(self.ROWS[: self.NUM_FIRST], 80)
        assert not arrangement.is_settled_by(self.ROWS[: self.NUM_FIRST], 200)
        whole = self.listed(arrangement, 200)
        assert self.listed(arrangement, 80, self.NUM_FIRST) == self.listed(arrangement, 80) == whole[:80]
        assert sorted(set(whole)) == sorted(whole)

    def test_are_arranged_before_the_rest(self) -> None:
        listed = self.listed(self.arrangement(diversity=0.9), 260)
        assert sorted(listed[: self.NUM_FIRST]) == list(range(self.NUM_FIRST))
        assert listed[: self.NUM_FIRST] != sorted(listed[: self.NUM_FIRST])
        assert sorted(listed) == list(range(260))

    def test_settle_nothing_where_they_are_few_or_boosts_may_bring_others_up(self) -> None:
        assert not self.arrangement(diversity=0.5).is_settled_by(self.ROWS[: DIVERSE_AMONG - 1], 20)
        assert self.arrangement(diversity=0.5).is_settled_by(self.ROWS[:DIVERSE_AMONG], 20)
        assert not self.arrangement(weigh=lambda rows: np.ones(len(rows))).is_settled_by(self.ROWS, 20)

    def test_boosted_lists_are_arranged_together(self) -> None:
        lifted = self.arrangement(weigh=lambda rows: np.where(rows == 250, 90.0, 1.0), diversity=0.5)
        assert self.listed(lifted, 20)[0] == 250


class TestAsRanked:
    @pytest.mark.parametrize("k", [0, 2, 9])
    def test_only_cuts(self, k: int) -> None:
        places, scores = AS_RANKED.arranged(ROWS, SCORES, k, features_of)
        assert places.tolist() == list(range(min(k, 5)))
        assert scores is SCORES
        assert AS_RANKED.keeps_order
