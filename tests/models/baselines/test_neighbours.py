from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from models.baselines.co_occurrence import CoOccurrence
from models.baselines.interest import interest_of_types
from models.baselines.neighbours import Neighbours, gather
from models.baselines.tuned_neighbours import Mixture, MixtureConfig
from models.data.sequences import Sequences
from tests.models.baselines.tiny_neighbours import neighbours_of, scores_of
from tests.models.data.histories import any_sequences

NUM_ITEMS = 16
NEVER_LATER = neighbours_of(
    [[1, 2], [2, -1], [-1, -1]], [[0.5, 0.25], [1.0, 0.0], [0.0, 0.0]], history_window=2, age_decay=0.5
)


def fitted_on(sequences: Sequences, per_item: int) -> Neighbours:
    content_NN = csr_array((NUM_ITEMS, NUM_ITEMS), dtype=np.float32)
    return Mixture.fit(CoOccurrence.fit(sequences, NUM_ITEMS), content_NN, MixtureConfig(), per_item).neighbours


def right_aligned(sequences: Sequences) -> np.ndarray:
    longest = int(sequences.lengths_U.max())
    rows = np.full((sequences.num_users, longest), -1, np.int32)
    for user in range(sequences.num_users):
        items = sequences.items_of(user)
        rows[user, longest - len(items) :] = items
    return rows


class TestInterest:
    def test_what_was_bought_asks_louder_than_what_was_seen(self) -> None:
        two = neighbours_of([[2], [3], [-1], [-1]], [[0.5], [0.5], [0.0], [0.0]], age_decay=1.0)
        two = replace(two, interest_T=interest_of_types({"view": 0.2}))
        history_BL, types_BL = np.array([[0, 1]], np.int32), np.array([[0, 3]])
        rows, scores = two.scores(history_BL, types_BL, 2)
        assert rows.tolist() == [[3, 2]]
        np.testing.assert_allclose(scores, [[0.5, 0.1]])
        assert two.scores(history_BL, types_BL[:, ::-1], 2)[0].tolist() == [[2, 3]]

    def test_survives_a_file(self, tmp_path: Path) -> None:
        told = replace(NEVER_LATER, interest_T=interest_of_types({"view": 0.25, "click": 0.5}))
        told.save(tmp_path / "n.npz")
        assert Neighbours.load(tmp_path / "n.npz").interest_T.tolist() == told.interest_T.tolist()


class TestScores:
    def test_adds_what_each_event_speaks_for_and_halves_the_older(self) -> None:
        rows, scores = scores_of(NEVER_LATER, [[0, 1]], 3)
        assert rows.tolist() == [[2, 1, -1]]
        assert scores.tolist() == [[1.0 + 0.5 * 0.25, 0.5 * 0.5, 0.0]]

    def test_forgets_what_is_older_than_its_window(self) -> None:
        rows, _ = scores_of(NEVER_LATER, [[0, 2, 2]], 3)
        assert rows.tolist() == [[-1, -1, -1]]

    def test_padding_says_nothing(self) -> None:
        rows, scores = scores_of(NEVER_LATER, [[-1, -1, -1, 1], [-1, -1, -1, -1]], 2)
        assert rows.tolist() == [[2, -1], [-1, -1]]
        assert scores.tolist() == [[1.0, 0.0], [0.0, 0.0]]

    def test_keeps_the_best_where_there_are_too_many(self) -> None:
        rows, scores = scores_of(NEVER_LATER, [[0, 1]], 1)
        assert rows.tolist() == [[2]]
        assert scores.tolist() == [[1.125]]

    @given(any_sequences())
    def test_a_batch_answers_as_each_alone(self, sequences: Sequences) -> None:
        neighbours = fitted_on(sequences, 5)
        histories = right_aligned(sequences)
        rows, scores = scores_of(neighbours, histories, 8)
        for user in range(len(histories)):
            alone_rows, alone_scores = scores_of(neighbours, histories[user : user + 1], 8)
            assert alone_rows[0].tolist() == rows[user].tolist()
            assert alone_scores[0].tolist() == scores[user].tolist()

    @given(any_sequences(), st.integers(1, 12))
    def test_more_padding_changes_nothing(self, sequences: Sequences, padding: int) -> None:
        neighbours = fitted_on(sequences, 5)
        histories = right_aligned(sequences)
        padded = np.pad(histories, ((0, 0), (padding, 0)), constant_values=-1)
        for expected, found in zip(scores_of(neighbours, histories, 8), scores_of(neighbours, padded, 8), strict=True):
            assert found.tolist() == expected.tolist()


class TestGather:
    def test_tells_what_each_event_says_for_each_candidate(self) -> None:
        said = NEVER_LATER.contributions(np.array([[0, 1]], np.int32))
        said_BHCV = gather(said, np.array([[1, 2, -1]], np.int32), 2, 3)
        assert said_BHCV[0, :, :, 0].tolist() == [[0.5, 0.25, 0.0], [0.0, 1.0, 0.0]]
        assert (said_BHCV[..., 1:] == 0).all()

    @given(any_sequences())
    def test_weighted_and_summed_it_is_the_score(self, sequences: Sequences) -> None:
        neighbours = fitted_on(sequences, NUM_ITEMS)
        histories = right_aligned(sequences)
        candidates = np.tile(np.arange(NUM_ITEMS, dtype=np.int32), (len(histories), 1))
        num_recent = neighbours.recent(histories).shape[1]
        said_BHCV = gather(neighbours.contributions(histories), candidates, num_recent, NUM_ITEMS)
        total_BC = np.einsum("bhcv,v,h->bc", said_BHCV, neighbours.weights_V, neighbours.age_weights(num_recent))
        rows_BK, scores_BK = scores_of(neighbours, histories, NUM_ITEMS)
        for user, (rows_K, scores_K) in enumerate(zip(rows_BK, scores_BK, strict=True)):
            listed = rows_K >= 0
            np.testing.assert_allclose(total_BC[user, rows_K[listed]], scores_K[listed], rtol=1e-4)
            assert total_BC[user].sum() == pytest.approx(scores_K.sum(), rel=1e-4, abs=1e-4)


class TestFile:
    def test_gives_back_what_was_saved(self, tmp_path: Path) -> None:
        NEVER_LATER.save(tmp_path / "neighbours.npz")
        loaded = Neighbours.load(tmp_path / "neighbours.npz")
        assert loaded.rows_NM.tolist() == NEVER_LATER.rows_NM.tolist()
        assert loaded.voices_NMV.tolist() == NEVER_LATER.voices_NMV.tolist()
        assert loaded.weights_V.tolist() == NEVER_LATER.weights_V.tolist()
        assert (loaded.history_window, loaded.age_decay) == (2, 0.5)

    def test_refuses_another_file(self, tmp_path: Path) -> None:
        file = tmp_path / "neighbours.npz"
        file.write_bytes(b"PK\x03\x04 not an archive")
        with pytest.raises(ValueError, match="zip"):
            Neighbours.load(file)

    def test_refuses_a_neighbour_that_is_no_item(self, tmp_path: Path) -> None:
        file = tmp_path / "neighbours.npz"
        neighbours_of([[3]], [[1.0]]).save(file)
        with pytest.raises(ValueError, match="outside of the 1 items"):
            Neighbours.load(file)

    def test_never_unpickles(self, tmp_path: Path) -> None:
        file = tmp_path / "neighbours.npz"
        with file.open("wb") as stream:
            np.savez(stream, rows=np.array([{}], dtype=object), voices=0, weights=0, history_window=1, age_decay=1.0)
        with pytest.raises(ValueError, match="allow_pickle"):
            Neighbours.load(file)
