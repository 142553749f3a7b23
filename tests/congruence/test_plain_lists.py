"""Lists that nothing is asked of but a history are those by which accuracy was published: the first definition, written
out here for one shopper at a time."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.features.histories import encode_histories
from models.recommend.evidence import ScoresOfCandidates, generator_evidence, pair_evidence
from models.recommend.fusion import FusionWeights
from models.recommend.question import Question
from models.recommend.ranker import Ranker
from models.recommend.recommender import Recommender
from tests.models.recommend.scripted_shop import question, scripted_ranker

CANDIDATES = 100
JUDGED = 200


def defined(ranker: Ranker, asked: Question) -> list[int]:
    """Candidates of both sources, fused; of the best two hundred the judge has its say; what was seen left out."""
    history = encode_histories(
        [asked.history],
        max_events=ranker.spec.max_history_events,
        uses_time=ranker.spec.uses_time,
        looks_back=[not asked.seen_left_out],
    )
    source, seen = ranker.source, asked.history[0]
    fetch = CANDIDATES + len(np.union1d(asked.excluded_rows, seen[-ranker.spec.max_history_events :]))
    taste_D, wish_D = source.generate(history, asked.noise_SZ[None])[0]
    liked_N = source.similarity_scale * (source.item_features_ND @ wish_D)
    near, said = source.neighbours.scores(history.item_rows_BL, history.event_types_BL, source.neighbours.most_scored)
    rows = set(np.argsort(-liked_N, kind="stable")[:fetch].tolist()) | set(near[0, :fetch].tolist())
    habit = {} if asked.seen_left_out else habits(seen.tolist()[-500:])
    habitual = set(sorted(habit, key=lambda row: (-habit[row], seen.tolist()[::-1].index(row)))[:CANDIDATES])
    rows |= set() if asked.seen_left_out else set(history.item_rows_BL[0].tolist()) | habitual
    rows_C = np.array(sorted(rows - {-1}), np.int32)
    said_of = dict(zip(near[0].tolist(), said[0].tolist(), strict=True))
    near_C = np.array([said_of.get(int(row), 0.0) for row in rows_C], np.float32)
    is_seen_C = np.isin(rows_C, seen if asked.seen_left_out else history.item_rows_BL[0])
    new_C = ~is_seen_C if (~is_seen_C).any() else np.ones_like(is_seen_C)
    best_C = among_best(liked_N[rows_C], new_C)
    core_C = best_C | among_best(near_C, new_C & (near_C > 0)) | is_seen_C | np.isin(rows_C, list(habitual))
    core_C &= ~(is_seen_C & asked.seen_left_out)
    liked_C = standard(liked_N[rows_C], best_C)
    fused_C = liked_C + ranker.weights.neighbours * near_C / max(float(near_C.max()), 1e-6)
    fused_C = fused_C + ranker.weights.taken * np.array([habit.get(row, 0.0) for row in rows_C.tolist()])
    block = np.sort(np.argsort(np.where(core_C, -fused_C, np.inf), kind="stable")[: min(JUDGED, core_C.sum())])
    critic_C = source.critic({"taste": taste_D[None], "candidates": source.item_features_ND[rows_C][None]})[0]
    scores = ScoresOfCandidates(
        generator_BC=liked_N[rows_C][block][None],
        generator_best_BX=-np.sort(-np.where(new_C, liked_N[rows_C], -np.inf))[None, :CANDIDATES],
        generator_standard_BC=liked_C[block][None],
        critic_standard_BC=standard(critic_C, best_C)[block][None],
    )
    block_1S = rows_C[block][None]
    evidence = np.concatenate(
        [
            pair_evidence(history, block_1S, said[:, :CANDIDATES], source.neighbours, ranker.facts),
            generator_evidence(history, block_1S, scores, source.neighbours, source.item_features_ND),
        ],
        axis=2,
    )
    assert ranker.judge is not None
    verdicts_S = ranker.judge({"evidence": evidence, "present": np.ones(block_1S.shape, np.bool_)})[0]
    everyone_S = np.ones(len(block), np.bool_)
    values_S = standard(verdicts_S, everyone_S) + ranker.weights.beside_judge * standard(fused_C[block], everyone_S)
    ordered = block_1S[0][np.argsort(-values_S, kind="stable")]
    return [int(row) for row in ordered if row not in asked.excluded_rows][: asked.k]


def habits(seen: list[int]) -> dict[int, float]:
    """Of each item what its events add up to, against the most of all; the mean of late events and of all.

    Of events without an instant, each of which is a basket.
    """
    mean: dict[int, float] = {}
    for decay in (0.9, 0.99):
        sums: dict[int, float] = {}
        for age, row in enumerate(reversed(seen)):
            sums[row] = sums.get(row, 0.0) + decay**age
        for row, total in sums.items():
            mean[row] = mean.get(row, 0.0) + total / max(sums.values()) / 2
    return mean


def among_best(scores_C: NDArray[np.float32], which_C: NDArray[np.bool_]) -> NDArray[np.bool_]:
    found = np.zeros_like(which_C)
    found[np.argsort(np.where(which_C, -scores_C, np.inf), kind="stable")[:CANDIDATES]] = True
    return found & which_C


def standard(scores_C: NDArray[np.float32], over_C: NDArray[np.bool_]) -> NDArray[np.float32]:
    deviation = scores_C[over_C].std()
    return (scores_C - scores_C[over_C].mean()) / (deviation if deviation > 1e-6 else 1.0)


class TestPlainListsAreThoseOfTheFirstDefinition:
    RANKER = scripted_ranker(1_500)

    @settings(max_examples=60)
    @given(
        st.lists(st.integers(0, 1_499), min_size=1, max_size=70) | st.lists(st.integers(0, 90), min_size=60),
        st.booleans(),
        st.sampled_from([0.0, 3.0, 64.0]),
        st.sampled_from([0.0, 0.2]),
    )
    def test_on_scripted_networks(self, rows: list[int], keep_seen: bool, taken: float, beside: float) -> None:
        ranker = replace(self.RANKER, weights=FusionWeights(neighbours=2.0, taken=taken, beside_judge=beside))
        asked = question(rows, keep_seen=keep_seen, k=20)
        (answer,) = ranker.rank([asked])
        assert answer.rows_K.tolist() == defined(ranker, asked)

    def test_scores_of_the_best_do_not_round_to_one_another(self) -> None:
        ranker = replace(self.RANKER, weights=FusionWeights(neighbours=8.0, taken=64.0))
        (fused,) = ranker.rank([question([5] * 9 + [7] * 3 + [9], keep_seen=True, k=2)], "fused")
        assert fused.rows_K.tolist() == [5, 7]
        assert (np.diff(fused.scores_K) < -0.01).all()

    def test_of_hundreds_of_events(self) -> None:
        rng = np.random.default_rng(1)
        ranker = replace(self.RANKER, weights=FusionWeights(neighbours=2.0, taken=3.0))
        for length in (120, 499, 500, 800):
            asked = question((rng.integers(40, size=length) ** 2 % 1_500).tolist(), keep_seen=True, k=20)
            (answer,) = ranker.rank([asked])
            assert answer.rows_K.tolist() == defined(ranker, asked)

    @pytest.mark.parametrize("keep_seen", [True, False])
    def test_on_a_trained_bundle(self, tiny_bundle: Path, keep_seen: bool) -> None:
        ranker = Recommender.open(tiny_bundle).ranker
        rng = np.random.default_rng(0)
        for length in range(1, 13):
            rows = rng.integers(40, size=length).tolist()
            asked = question(rows, keep_seen=keep_seen, k=10, noise_SZ=np.zeros((1, ranker.noise_size), np.float32))
            (answer,) = ranker.rank([asked])
            assert answer.rows_K.tolist() == defined(ranker, asked)
