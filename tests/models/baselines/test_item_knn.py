import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.baselines.item_knn import ItemKnn, ItemKnnConfig
from models.baselines.popularity import Popularity
from models.data.sequences import Sequences
from tests.models.data.histories import any_sequences, sequences_of

PLAIN = ItemKnnConfig(shrink=0.0, age_decay=0.5)


class TestFit:
    def test_counts_pairs_by_distance_and_direction_over_the_root_of_both_counts(self) -> None:
        knn = ItemKnn.fit(sequences_of({"u": [(0, 1), (1, 2), (2, 3)], "v": [(0, 1)]}), 4, PLAIN)
        similarity = knn.similarity_NN.toarray()
        assert similarity[0, 1] == pytest.approx(1 / np.sqrt(2 * 1))
        assert similarity[0, 2] == pytest.approx(0.5 / np.sqrt(2 * 1))
        assert similarity[1, 0] == pytest.approx(0.5 / np.sqrt(2 * 1))
        assert similarity[2, 0] == pytest.approx(0.25 / np.sqrt(2 * 1))
        assert similarity[3].tolist() == [0, 0, 0, 0]

    def test_users_never_touch(self) -> None:
        knn = ItemKnn.fit(sequences_of({"u": [(0, 1)], "v": [(1, 2)]}), 2, PLAIN)
        assert knn.similarity_NN.nnz == 0

    def test_looks_no_further_than_the_window(self) -> None:
        knn = ItemKnn.fit(sequences_of({"u": [(0, 1), (1, 2), (2, 3)]}), 3, ItemKnnConfig(window=1))
        assert knn.similarity_NN.toarray()[0, 2] == 0

    def test_shrinking_takes_most_from_rare_pairs(self) -> None:
        histories = {f"often {n}": [(0, 1), (1, 2)] for n in range(20)} | {"once": [(2, 1), (3, 2)]}
        similarity = ItemKnn.fit(sequences_of(histories), 4).similarity_NN.toarray()
        assert similarity[0, 1] == pytest.approx(20 / 25)
        assert similarity[2, 3] == pytest.approx(1 / 6)

    def test_an_item_keeps_only_its_strongest_pairs(self) -> None:
        histories = sequences_of({"u": [(0, 1), (1, 2), (2, 3)]})
        kept = ItemKnn.fit(histories, 3, ItemKnnConfig(num_kept=1)).similarity_NN
        assert np.diff(kept.indptr).tolist() == [1, 1, 1]
        assert kept.toarray()[0, 1] > 0


class TestRank:
    KNN = ItemKnn.fit(sequences_of({"u": [(0, 1), (1, 2), (2, 3)]}), 4, PLAIN)

    def test_adds_over_the_history_and_weighs_by_age(self) -> None:
        rows, scores = self.KNN.rank(sequences_of({"v": [(0, 1), (1, 2)]}), 3, exclude_seen=False)
        assert rows.tolist() == [[2, 0, 1]]
        assert scores[0].tolist() == pytest.approx([1.0 + 0.5 * 0.5, 0.5, 0.5])

    def test_leaves_out_all_that_was_seen_even_what_is_too_old_to_count(self) -> None:
        history = sequences_of({"v": [(0, 0)] + [(1, n) for n in range(1, 12)]})
        rows, _ = self.KNN.rank(history, 3, exclude_seen=True)
        assert rows.tolist() == [[2, 3, -1]]

    def test_is_filled_up_with_what_is_popular_below_every_neighbour(self) -> None:
        knn = ItemKnn.fit(sequences_of({"u": [(0, 1), (1, 2)], "v": [(3, 1)], "w": [(3, 1)]}), 4, PLAIN)
        rows, scores = knn.rank(sequences_of({"shopper": [(0, 1)]}), 4, exclude_seen=True)
        assert rows.tolist() == [[1, 3, 2, -1]]
        assert scores.tolist() == [[1.0, -1.0, -3.0, 0.0]]

    @given(any_sequences(), any_sequences(), st.booleans())
    def test_lists_everything_that_may_be_listed_once_and_scores_never_rise(
        self, train: Sequences, asking: Sequences, exclude_seen: bool
    ) -> None:
        rows, scores = ItemKnn.fit(train, 16).rank(asking, 16, exclude_seen=exclude_seen)
        for user in range(asking.num_users):
            seen = set(asking.items_of(user).tolist()) if exclude_seen else set()
            listed = rows[user][: 16 - len(seen)]
            assert set(listed.tolist()) == set(range(16)) - seen
            assert (np.diff(scores[user][: len(listed)]) <= 0).all()
            assert (rows[user][len(listed) :] == -1).all()

    def test_without_a_history_is_popularity(self) -> None:
        train = sequences_of({"u": [(0, 1), (1, 2), (2, 3)], "v": [(2, 1), (3, 2)]})
        nobody = sequences_of({"new": []})
        rows, scores = ItemKnn.fit(train, 5).rank(nobody, 3, exclude_seen=True)
        popular, counts = Popularity.fit(train, 5).rank(nobody, 3, exclude_seen=True)
        assert rows.tolist() == popular.tolist()
        assert np.diff(scores).tolist() == np.diff(counts).tolist()

    def test_what_is_taken_again_and_again_speaks_for_itself(self) -> None:
        knn = ItemKnn.fit(sequences_of({"u": [(0, 1), (0, 2), (0, 3)]}), 2, PLAIN)
        rows, _ = knn.rank(sequences_of({"v": [(0, 1)]}), 1, exclude_seen=False)
        assert rows.tolist() == [[0]]
