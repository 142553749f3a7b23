import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.baselines.popularity import Popularity
from models.data.sequences import Sequences
from tests.models.data.histories import any_sequences, sequences_of

POPULARITY = Popularity.fit(sequences_of({"u": [(2, 1), (2, 2), (1, 3)], "v": [(2, 1), (0, 2), (1, 3)]}), 4)


class TestRank:
    def test_lists_what_has_most_events(self) -> None:
        rows, scores = POPULARITY.rank(sequences_of({"new": []}), 3, exclude_seen=True)
        assert rows.tolist() == [[2, 1, 0]]
        assert scores.tolist() == [[3.0, 2.0, 1.0]]

    def test_leaves_out_what_each_has(self) -> None:
        rows, _ = POPULARITY.rank(sequences_of({"u": [(2, 1), (2, 2)], "v": [(0, 1)]}), 2, exclude_seen=True)
        assert rows.tolist() == [[1, 0], [2, 1]]

    def test_pads_where_nothing_is_left(self) -> None:
        rows, scores = POPULARITY.rank(sequences_of({"u": [(2, 1), (1, 2), (0, 3)]}), 2, exclude_seen=True)
        assert rows.tolist() == [[3, -1]]
        assert scores.tolist() == [[0.0, 0.0]]

    @given(any_sequences(), st.integers(1, 20))
    def test_is_the_common_order_without_the_seen(self, histories: Sequences, k: int) -> None:
        popularity = Popularity.fit(histories, 16)
        order = np.argsort(-np.bincount(histories.item_rows_E, minlength=16), kind="stable").tolist()
        rows, _ = popularity.rank(histories, k, exclude_seen=True)
        for user in range(histories.num_users):
            seen = set(histories.items_of(user).tolist())
            expected = [row for row in order if row not in seen][:k]
            assert rows[user].tolist() == expected + [-1] * (k - len(expected))
