import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.baselines.buy_again import BuyAgain
from models.baselines.popularity import Popularity
from models.data.sequences import Sequences
from tests.models.data.histories import any_sequences, sequences_of

TRAIN = sequences_of({"u": [(4, 1), (4, 2), (3, 3)], "v": [(4, 1), (3, 2), (0, 3)]})
BUY_AGAIN = BuyAgain.fit(TRAIN, 6).decaying(0.9)


class TestRank:
    def test_often_comes_before_lately_and_lately_before_long_ago(self):
        histories = sequences_of({"u": [(1, 1), (2, 2), (1, 3), (5, 4)]})
        rows, _ = BUY_AGAIN.rank(histories, 3, exclude_seen=False)
        # .9³ + .9 > 1 > .9²
        assert rows.tolist() == [[1, 5, 2]]

    def test_what_was_taken_often_stands_first_where_all_events_count_alike(self):
        histories = sequences_of({"u": [(1, 1), (1, 2), (2, 3), (5, 4)]})
        assert BUY_AGAIN.decaying(0.5).rank(histories, 3, exclude_seen=False)[0].tolist() == [[5, 2, 1]]
        assert BUY_AGAIN.decaying(1.0).rank(histories, 1, exclude_seen=False)[0].tolist() == [[1]]

    def test_the_order_inside_a_basket_says_nothing(self):
        # 2 and 5 of one basket, 1 twice in the one before it
        one = sequences_of({"u": [(1, 1), (1, 1), (2, 2), (5, 2)]})
        other = sequences_of({"u": [(1, 1), (1, 1), (5, 2), (2, 2)]})
        rows, scores = BUY_AGAIN.rank(one, 3, exclude_seen=False)
        assert rows.tolist() == BUY_AGAIN.rank(other, 3, exclude_seen=False)[0].tolist() == [[2, 5, 1]]
        assert scores[0, 0] == scores[0, 1] > scores[0, 2]

    def test_what_is_popular_follows_below(self):
        rows, scores = BUY_AGAIN.rank(sequences_of({"u": [(5, 1)], "new": []}), 4, exclude_seen=False)
        assert rows.tolist() == [[5, 4, 3, 0], [4, 3, 0, 1]]
        assert (np.diff(scores, axis=1) < 0).all()

    def test_unsold_items_tie(self):
        rows, scores = BUY_AGAIN.rank(sequences_of({"u": [(4, 1)]}), 7, exclude_seen=False)
        assert rows.tolist() == [[4, 3, 0, 1, 2, 5, -1]]
        assert scores.tolist() == [[0, -1, -2, -3, -3, -3, -np.inf]]

    @given(any_sequences(), st.integers(1, 20))
    def test_is_popularity_where_seen_items_are_left_out(self, histories: Sequences, k: int):
        rows, _ = BuyAgain.fit(histories, 16).rank(histories, k, exclude_seen=True)
        expected, _ = Popularity.fit(histories, 16).rank(histories, k, exclude_seen=True)
        assert rows.tolist() == expected.tolist()

    @given(any_sequences(), st.integers(1, 20))
    def test_lists_each_item_once_and_the_shoppers_own_first(self, histories: Sequences, k: int):
        rows, _ = BuyAgain.fit(histories, 16).rank(histories, k, exclude_seen=False)
        for user in range(histories.num_users):
            own = set(histories.items_of(user).tolist())
            listed = [row for row in rows[user].tolist() if row >= 0]
            assert len(set(listed)) == len(listed) == min(k, 16)
            assert set(listed[: len(own)]) <= own
