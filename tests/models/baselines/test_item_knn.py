import numpy as np
import pytest

from models.baselines.item_knn import ItemKnn, ItemKnnConfig
from tests.models.data.histories import sequences_of

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
        assert rows.tolist() == [[2, -1, -1]]

    def test_has_nothing_to_say_without_a_history(self) -> None:
        rows, scores = self.KNN.rank(sequences_of({"new": []}), 2, exclude_seen=True)
        assert rows.tolist() == [[-1, -1]]
        assert scores.tolist() == [[0.0, 0.0]]

    def test_what_is_taken_again_and_again_speaks_for_itself(self) -> None:
        knn = ItemKnn.fit(sequences_of({"u": [(0, 1), (0, 2), (0, 3)]}), 2, PLAIN)
        rows, _ = knn.rank(sequences_of({"v": [(0, 1)]}), 1, exclude_seen=False)
        assert rows.tolist() == [[0]]
