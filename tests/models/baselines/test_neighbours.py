from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.baselines.item_knn import ItemKnn, ItemKnnConfig
from models.baselines.neighbours import Neighbours
from models.data.sequences import Sequences
from tests.models.data.histories import any_sequences, sequences_of

NUM_ITEMS = 16
NEVER_LATER = Neighbours(
    rows_NM=np.array([[1, 2], [2, -1], [-1, -1]], np.int32),
    weights_NM=np.array([[0.5, 0.25], [1.0, 0.0], [0.0, 0.0]], np.float32),
    history_window=2,
    age_decay=0.5,
)


def right_aligned(sequences: Sequences) -> np.ndarray:
    longest = int(sequences.lengths_U.max())
    rows = np.full((sequences.num_users, longest), -1, np.int32)
    for user in range(sequences.num_users):
        items = sequences.items_of(user)
        rows[user, longest - len(items) :] = items
    return rows


class TestScores:
    def test_adds_what_each_event_speaks_for_and_halves_the_older(self) -> None:
        rows, scores = NEVER_LATER.scores(np.array([[0, 1]], np.int32), 3)
        assert rows.tolist() == [[2, 1, -1]]
        assert scores.tolist() == [[1.0 + 0.5 * 0.25, 0.5 * 0.5, 0.0]]

    def test_forgets_what_is_older_than_its_window(self) -> None:
        rows, _ = NEVER_LATER.scores(np.array([[0, 2, 2]], np.int32), 3)
        assert rows.tolist() == [[-1, -1, -1]]

    def test_padding_says_nothing(self) -> None:
        rows, scores = NEVER_LATER.scores(np.array([[-1, -1, -1, 1], [-1, -1, -1, -1]], np.int32), 2)
        assert rows.tolist() == [[2, -1], [-1, -1]]
        assert scores.tolist() == [[1.0, 0.0], [0.0, 0.0]]

    def test_keeps_the_best_where_there_are_too_many(self) -> None:
        rows, scores = NEVER_LATER.scores(np.array([[0, 1]], np.int32), 1)
        assert rows.tolist() == [[2]]
        assert scores.tolist() == [[1.125]]

    @given(any_sequences())
    def test_a_batch_answers_as_each_alone(self, sequences: Sequences) -> None:
        neighbours = ItemKnn.fit(sequences, NUM_ITEMS).to_neighbours(5)
        histories = right_aligned(sequences)
        rows, scores = neighbours.scores(histories, 8)
        for user in range(len(histories)):
            alone_rows, alone_scores = neighbours.scores(histories[user : user + 1], 8)
            assert alone_rows[0].tolist() == rows[user].tolist()
            assert alone_scores[0].tolist() == scores[user].tolist()

    @given(any_sequences(), st.integers(1, 12))
    def test_more_padding_changes_nothing(self, sequences: Sequences, padding: int) -> None:
        neighbours = ItemKnn.fit(sequences, NUM_ITEMS).to_neighbours(5)
        histories = right_aligned(sequences)
        padded = np.pad(histories, ((0, 0), (padding, 0)), constant_values=-1)
        for expected, found in zip(neighbours.scores(histories, 8), neighbours.scores(padded, 8), strict=True):
            assert found.tolist() == expected.tolist()

    @given(any_sequences())
    def test_is_the_full_item_knn_where_no_pair_is_cut_off(self, sequences: Sequences) -> None:
        knn = ItemKnn.fit(sequences, NUM_ITEMS, ItemKnnConfig(num_kept=None))
        full_rows, full_scores = knn.rank(sequences, NUM_ITEMS, exclude_seen=False)
        rows, scores = knn.to_neighbours(NUM_ITEMS).scores(right_aligned(sequences), NUM_ITEMS)
        # compared item by item: sums in another order round otherwise, so near ties may swap
        for user in range(sequences.num_users):
            near, spoken_for = scores[user] > 0, full_scores[user] > 0
            expected = dict(zip(full_rows[user][spoken_for].tolist(), full_scores[user][spoken_for], strict=True))
            found = dict(zip(rows[user][near].tolist(), scores[user][near], strict=True))
            assert found == pytest.approx(expected, rel=1e-5)


class TestFile:
    def test_gives_back_what_was_saved(self, tmp_path: Path) -> None:
        NEVER_LATER.save(tmp_path / "neighbours.npz")
        loaded = Neighbours.load(tmp_path / "neighbours.npz")
        assert loaded.rows_NM.tolist() == NEVER_LATER.rows_NM.tolist()
        assert loaded.weights_NM.tolist() == NEVER_LATER.weights_NM.tolist()
        assert (loaded.history_window, loaded.age_decay) == (2, 0.5)

    def test_refuses_another_file(self, tmp_path: Path) -> None:
        file = tmp_path / "neighbours.npz"
        file.write_bytes(b"PK\x03\x04 not an archive")
        with pytest.raises(ValueError, match="zip"):
            Neighbours.load(file)

    def test_refuses_a_neighbour_that_is_no_item(self, tmp_path: Path) -> None:
        file = tmp_path / "neighbours.npz"
        Neighbours(np.array([[3]], np.int32), np.ones((1, 1), np.float32), 10, 0.8).save(file)
        with pytest.raises(ValueError, match="outside of the 1 items"):
            Neighbours.load(file)

    def test_never_unpickles(self, tmp_path: Path) -> None:
        file = tmp_path / "neighbours.npz"
        with file.open("wb") as stream:
            np.savez(stream, rows=np.array([{}], dtype=object), weights=0, history_window=1, age_decay=1.0)
        with pytest.raises(ValueError, match="allow_pickle"):
            Neighbours.load(file)


class TestToNeighbours:
    def test_keeps_the_strongest_pairs(self) -> None:
        histories = sequences_of({"often": [(0, 1), (1, 2)], "again": [(0, 1), (1, 2)], "once": [(0, 1), (2, 2)]})
        neighbours = ItemKnn.fit(histories, 3).to_neighbours(1)
        assert neighbours.rows_NM.tolist() == [[1], [0], [0]]
