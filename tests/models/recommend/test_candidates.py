import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.domain.item_rows import NO_ITEM
from models.features.histories import encode_histories
from models.recommend.candidates import CandidateSource, Distinct, look_up
from models.recommend.fusion import FusionWeights, StandardScores, as_score
from models.retrieval.exact import ExactIndex
from tests.models.baselines.tiny_neighbours import neighbours_of

NOTHING_AGAIN = np.full((3, 1), -1, np.int32)
FEATURES = np.eye(6, dtype=np.float32)


def generator(inputs):
    """Wants what stands at the newest event; noise value z makes it want item z instead."""
    newest_BD = inputs["history_features"][:, -1]
    wishes = np.repeat(newest_BD[:, None], inputs["noise"].shape[1], axis=1)
    for user, sample in zip(*np.nonzero(inputs["noise"][..., 0]), strict=True):
        wishes[user, sample] = FEATURES[int(inputs["noise"][user, sample, 0])]
    return wishes


def critic(inputs):
    """Likes later dimensions better."""
    return inputs["candidates"] @ np.arange(6, dtype=np.float32)


def source(scale: float = 1.0) -> CandidateSource:
    neighbours = neighbours_of([[1, 2]] + [[-1, -1]] * 5, [[0.9, 0.3]] + [[0.0, 0.0]] * 5)
    return CandidateSource(generator, critic, ExactIndex(FEATURES), FEATURES, neighbours, scale)


def history(*rows: int):
    types = np.full(len(rows), 3, np.int8)
    return np.array(rows, np.int32), types, np.full(len(rows), -1, np.int64)


def propose(histories, fetch, noise=None, *, again=False):
    batch = encode_histories(histories, max_events=4, uses_time=False)
    noise = np.zeros((len(histories), 1, 1), np.float32) if noise is None else noise
    return source().propose(batch, noise, fetch, batch.item_rows_BL if again else NOTHING_AGAIN[: len(histories)])


class TestPropose:
    def test_joins_what_the_index_and_the_neighbours_find(self) -> None:
        found = propose([history(0)], [1])
        assert found.rows_BC.tolist() == [[0, 1]]
        assert found.from_generator_BC.tolist() == [[True, False]]
        assert found.from_neighbours_BC.tolist() == [[False, True]]
        np.testing.assert_allclose(found.neighbours_BC, [[0.0, 0.9]])
        np.testing.assert_allclose(found.generator_BC, [[1.0, 0.0]])
        np.testing.assert_allclose(found.critic_BC, [[0.0, 1.0]])

    def test_samples_with_other_wishes_widen_the_candidates(self) -> None:
        noise = np.array([[[0.0], [4.0]]], np.float32)
        found = propose([history(3)], [1], noise)
        assert found.rows_BC.tolist() == [[3, 4]]
        expected = np.log((np.exp(1.0) + np.exp(0.0)) / 2)
        np.testing.assert_allclose(found.generator_BC, [[expected, expected]], rtol=1e-6)

    def test_samples_are_mixed_at_the_temperature_of_training(self) -> None:
        batch = encode_histories([history(3)], max_events=4, uses_time=False)
        found = source(scale=10.0).propose(batch, np.array([[[0.0], [4.0]]], np.float32), [1], NOTHING_AGAIN[:1])
        expected = np.log((np.exp(10.0) + np.exp(0.0)) / 2)
        np.testing.assert_allclose(found.generator_BC, [[expected, expected]], rtol=1e-6)

    def test_what_will_be_left_out_changes_no_score(self) -> None:
        few, many = propose([history(0)], [1]), propose([history(0)], [6])
        assert many.neighbours_BC[0, :2].tolist() == few.neighbours_BC[0].tolist()

    def test_each_user_is_answered_as_alone(self) -> None:
        histories, fetch = [history(0), history(5, 2), history(3)], [1, 4, 2]
        together = propose(histories, fetch)
        for user in range(3):
            alone = propose([histories[user]], [fetch[user]])
            width = alone.rows_BC.shape[1]
            np.testing.assert_array_equal(together.rows_BC[user, :width], alone.rows_BC[0])
            assert (together.rows_BC[user, width:] == -1).all()
            np.testing.assert_allclose(together.generator_BC[user, :width], alone.generator_BC[0])

    def test_what_the_shopper_has_is_proposed_only_where_it_may_be_listed_again(self) -> None:
        assert propose([history(5, 0)], [1]).rows_BC.tolist() == [[0, 1]]
        found = propose([history(5, 0)], [1], again=True)
        assert found.rows_BC.tolist() == [[0, 1, 5]]
        assert found.in_history_BC.tolist() == [[True, False, True]]


class TestFusion:
    def test_weights_decide_the_order(self) -> None:
        """The noise wants item 4, the neighbours of item 0 say item 1."""
        found = propose([history(0)], [3], np.array([[[4.0]]], np.float32))
        scores = StandardScores(found)
        assert found.rows_BC[0, scores.fused(FusionWeights(0.0))[0].argmax()] == 4
        assert found.rows_BC[0, scores.fused(FusionWeights(100.0))[0].argmax()] == 1

    def test_what_the_shopper_has_is_no_yardstick(self) -> None:
        """Item 0 is the history's own: the scale is read off items 1 and 2, which the generator scores alike."""
        scores = StandardScores(propose([history(0)], [3]))
        assert scores.generator_BC[0, 1:].tolist() == [0.0, 0.0]
        assert scores.generator_best_BX[0, :2].tolist() == [0.0, 0.0]

    def test_a_shopper_who_has_everything_still_gets_distinct_scores(self) -> None:
        found = propose([history(0, 1, 2, 3, 4, 5)], [6], again=True)
        scores = as_score(StandardScores(found).fused(FusionWeights(1.0)))[0]
        assert found.rows_BC[0, scores.argmax()] == 5
        assert 0.5 < scores.max() < 0.99

    def test_places_without_an_item_come_last(self) -> None:
        scores = StandardScores(propose([history(0), history(5)], [1, 1]))
        assert np.isneginf(scores.fused(FusionWeights(1.0))[1, 1])

    def test_scores_keep_the_order_within_zero_and_one(self) -> None:
        scores = as_score(np.array([-40.0, -1.0, 0.0, 2.0, 14.0], np.float32))
        assert (np.diff(scores) > 0).all()
        assert scores.min() >= 0
        assert scores.max() <= 1


ROWS = st.integers(NO_ITEM, 9).map(lambda row: NO_ITEM if row == NO_ITEM else row + 2**24)


def rows_of(num_users, most):
    return st.integers(1, most).flatmap(lambda width: arrays(np.int32, (num_users, width), elements=ROWS))


class TestDistinct:
    @given(rows_of(2, 6), rows_of(2, 6), rows_of(2, 3))
    def test_every_row_comes_once_and_keeps_who_proposed_it(self, generated, near, others):
        found = Distinct.of(generated, near, others)
        for user, rows_C in enumerate(found.rows_BC):
            sets = [set(each[user].tolist()) - {NO_ITEM} for each in (generated, near, others)]
            expected = sorted(set.union(*sets))
            assert rows_C.tolist() == expected + [NO_ITEM] * (len(rows_C) - len(expected))
            for from_BC, proposed in ((found.from_generator_BC, sets[0]), (found.from_neighbours_BC, sets[1])):
                assert set(rows_C[from_BC[user]].tolist()) == proposed


class TestLookUp:
    @given(rows_of(2, 6), st.permutations(range(10)))
    def test_is_the_score_where_there_is_one(self, asked, order):
        scored = np.array([order[:5], order[5:]], np.int32) + 2**24
        scores = np.array([[0.0, 1e-30, 0.5, 2.0, 3e30]] * 2, np.float32)
        known = [dict(zip(*each, strict=True)) for each in zip(scored.tolist(), scores.tolist(), strict=True)]
        assert look_up(asked, scored, scores).tolist() == [
            [said.get(row, 0.0) for row in rows] for said, rows in zip(known, asked.tolist(), strict=True)
        ]
