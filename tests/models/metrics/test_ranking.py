import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.metrics.ranking import hit_rate, hits, ndcg, reciprocal_rank


def hits_of(rows: list[int], scores: list[float], targets: list[int]) -> list[bool]:
    found = hits(
        np.array([rows], np.int32),
        np.array([scores], np.float32),
        np.array([0, len(targets)], np.int64),
        np.array(targets, np.int32),
    )
    return found[0].tolist()


class TestHits:
    def test_marks_the_places_of_the_targets(self) -> None:
        assert hits_of([5, 3, 9, 1], [4, 3, 2, 1], [9, 5]) == [True, False, True, False]

    def test_each_user_has_own_targets(self) -> None:
        rows, scores = np.array([[1, 2], [1, 2]], np.int32), np.array([[2, 1], [2, 1]], np.float32)
        found = hits(rows, scores, np.array([0, 1, 2]), np.array([1, 2], np.int32))
        assert found.tolist() == [[True, False], [False, True]]

    def test_a_tie_counts_against_the_system(self) -> None:
        assert hits_of([5, 3, 9, 1], [4, 4, 4, 1], [5]) == [False, False, True, False]

    def test_two_targets_in_a_tie_take_its_last_places(self) -> None:
        assert hits_of([5, 3, 9, 1], [4, 4, 4, 1], [5, 3]) == [False, True, True, False]

    def test_a_tie_that_may_go_on_below_the_list_is_no_hit(self) -> None:
        assert hits_of([5, 3, 9], [4, 2, 2], [3]) == [False, False, False]

    def test_a_tie_that_ends_with_a_short_list_is_known_to_end(self) -> None:
        assert hits_of([5, 3, 9, -1], [4, 2, 2, 0], [3]) == [False, False, True, False]

    def test_padding_ties_with_nothing(self) -> None:
        assert hits_of([5, 3, -1, -1], [1, 0, 0, 0], [3]) == [False, True, False, False]
        assert hits_of([5, 3, -1, -1], [-1, -2, 0, 0], [5]) == [True, False, False, False]

    def test_a_target_that_is_not_listed_is_no_hit(self) -> None:
        assert hits_of([5, 3], [2, 1], [7]) == [False, False]

    @given(st.lists(st.integers(0, 4), min_size=2, max_size=12), st.data())
    def test_is_the_worst_place_that_the_scores_allow(self, scores: list[int], data: st.DataObject) -> None:
        target = data.draw(st.integers(0, len(scores) - 1))
        depth = data.draw(st.integers(1, len(scores) - 1))
        order = sorted(range(len(scores)), key=lambda row: -scores[row])[:depth]
        found = hits_of(order, [scores[row] for row in order], [target])
        worst = sum(score >= scores[target] for score in scores)
        # the last place is asked for only to judge the ties above it
        assert found[:-1] == [place == worst for place in range(1, depth)]


class TestMetricsAtK:
    HITS = np.array([[True, False, True, False], [False, True, False, False], [False, False, False, False]])
    NUM_TARGETS = np.array([2, 1, 3])

    def test_hit_rate_asks_for_any_target(self) -> None:
        assert hit_rate(self.HITS, 1).tolist() == [1, 0, 0]
        assert hit_rate(self.HITS, 2).tolist() == [1, 1, 0]

    def test_ndcg_as_worked_out_by_hand(self) -> None:
        # first: 1 and 1/2 found, 1 and .6309 at best; second: found in place two
        assert ndcg(self.HITS, self.NUM_TARGETS, 3).tolist() == pytest.approx([0.9197207891, 0.6309297536, 0])

    def test_ndcg_of_a_perfect_list_is_one_however_many_targets(self) -> None:
        perfect = np.ones((1, 2), np.bool_)
        assert ndcg(perfect, np.array([5]), 2).tolist() == [1.0]

    def test_ndcg_of_a_case_without_targets_is_zero(self) -> None:
        assert ndcg(self.HITS[2:], np.array([0]), 3).tolist() == [0.0]

    def test_reciprocal_rank_is_of_the_first_hit(self) -> None:
        assert reciprocal_rank(self.HITS, 4).tolist() == [1.0, 0.5, 0.0]
        assert reciprocal_rank(self.HITS, 1).tolist() == [1.0, 0.0, 0.0]

    def test_lists_shorter_than_k_are_measured_as_they_are(self) -> None:
        assert ndcg(self.HITS, self.NUM_TARGETS, 20)[1] == pytest.approx(0.6309297536)
        assert hit_rate(self.HITS, 20).tolist() == [1, 1, 0]
