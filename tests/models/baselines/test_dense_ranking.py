import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.baselines.dense_ranking import best_of_scores, rank_by_scores
from models.baselines.popularity import Popularity
from tests.models.data.histories import sequences_of

TRAIN = sequences_of({"u": [(0, 1), (0, 2), (1, 3)], "v": [(0, 1), (2, 2)]})
POPULARITY = Popularity.fit(TRAIN, 4)


def scores_by_row(histories):
    return np.tile(np.array([1.0, 2.0, 3.0, 9.0], np.float32), (histories.num_users, 1))


class TestRankByScores:
    def test_lists_neither_what_is_seen_nor_what_nothing_taught(self):
        rows, scores = rank_by_scores(scores_by_row, sequences_of({"u": [(2, 1)]}), 3, POPULARITY, exclude_seen=True)
        assert rows.tolist() == [[1, 0, -1]]
        assert scores.tolist() == [[2.0, 1.0, -np.inf]]

    def test_keeps_the_seen_where_asked(self):
        rows, _ = rank_by_scores(scores_by_row, sequences_of({"u": [(2, 1)]}), 3, POPULARITY, exclude_seen=False)
        assert rows.tolist() == [[2, 1, 0]]

    def test_gives_what_is_popular_to_a_history_without_a_trained_item(self):
        histories = sequences_of({"new": [], "known": [(1, 1)], "only untrained": [(3, 1)]})
        rows, _ = rank_by_scores(scores_by_row, histories, 2, POPULARITY, exclude_seen=True)
        assert rows.tolist() == [[0, 1], [2, 0], [0, 1]]


class TestBestOfScores:
    @given(st.lists(st.lists(st.integers(-3, 3), min_size=5, max_size=5), min_size=1, max_size=4), st.integers(1, 7))
    def test_equals_a_full_sort(self, drawn, k):
        scores = np.array(drawn, np.float32)
        rows, best = best_of_scores(scores, k)
        kept = min(k, 5)
        assert best[:, :kept].tolist() == (-np.sort(-scores, axis=1))[:, :kept].tolist()
        assert np.take_along_axis(scores, rows[:, :kept], axis=1).tolist() == best[:, :kept].tolist()
        assert (rows[:, kept:] == -1).all()
