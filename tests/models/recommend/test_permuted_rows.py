"""Row numbers and the order of users are nobody's business: with others, every stage lists the same items."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from models.baselines.item_facts import ItemFacts
from models.domain.item_rows import NO_ITEM
from models.recommend.fusion import FusionWeights
from models.recommend.ranker import Ranker
from models.recommend.systems import STAGE_OF
from models.retrieval.faiss_index import build_faiss_index
from tests.models.recommend.scripted_shop import NO_NOISE, question, scripted_ranker

NUM_ITEMS = 900
RNG = np.random.default_rng(5)
POPULARITY_N = RNG.permutation(NUM_ITEMS).astype(np.float32)
"""No two alike: of equals the lower row comes first, and must."""


def assembled(ranker: Ranker, **changes) -> Ranker:
    parts = {
        "source": ranker.source,
        "facts": ranker.facts,
        "popularity_N": POPULARITY_N,
        "weights": FusionWeights(neighbours=2.0, taken=1.5),
    }
    return Ranker.assemble(spec=ranker.spec, judge=ranker.judge, noise_size=ranker.noise_size, **{**parts, **changes})


def permuted(ranker: Ranker, row_of_N: NDArray[np.int32]) -> Ranker:
    """The ranker of the same shop in which item n has row `row_of_N[n]`."""
    item_of_N = np.argsort(row_of_N)
    source, facts = ranker.source, ranker.facts
    rows_NM = source.neighbours.rows_NM[item_of_N]
    features_ND = np.ascontiguousarray(source.item_features_ND[item_of_N])
    return assembled(
        ranker,
        source=replace(
            source,
            index=build_faiss_index(features_ND),
            item_features_ND=features_ND,
            neighbours=replace(
                source.neighbours,
                rows_NM=np.where(rows_NM == NO_ITEM, NO_ITEM, row_of_N[rows_NM]),
                voices_NMV=source.neighbours.voices_NMV[item_of_N],
            ),
        ),
        facts=ItemFacts(
            **{
                name: getattr(facts, name)[item_of_N]
                for name in ("events_N", "late_N", "repeats_N", "brand_N", "category_NP")
            }
        ),
        popularity_N=POPULARITY_N[item_of_N],
    )


class TestPermutedRows:
    RANKER = assembled(scripted_ranker(NUM_ITEMS))
    ROW_OF_N = RNG.permutation(NUM_ITEMS).astype(np.int32)
    PERMUTED = permuted(RANKER, ROW_OF_N)
    HISTORIES = tuple((RNG.integers(NUM_ITEMS, size=length) ** 2 % NUM_ITEMS) for length in (1, 2, 5, 9, 30, 80, 400))

    @pytest.mark.parametrize("keep_seen", [False, True])
    @pytest.mark.parametrize("stage", sorted(set(STAGE_OF.values())))
    def test_lists_are_the_same(self, stage, keep_seen: bool) -> None:
        for history in self.HISTORIES:
            asked = question(history.tolist(), keep_seen=keep_seen, k=50, noise_SZ=NO_NOISE)
            elsewhere = question(self.ROW_OF_N[history].tolist(), keep_seen=keep_seen, k=50, noise_SZ=NO_NOISE)
            (plain,), (moved,) = self.RANKER.rank([asked], stage), self.PERMUTED.rank([elsewhere], stage)
            assert self.ROW_OF_N[plain.rows_K].tolist() == moved.rows_K.tolist()
            np.testing.assert_allclose(plain.scores_K, moved.scores_K, atol=1e-5)

    @pytest.mark.parametrize("stage", sorted(set(STAGE_OF.values())))
    def test_whoever_else_asks_and_in_whatever_order(self, stage) -> None:
        asked = [
            question(history.tolist(), keep_seen=number % 2 == 0, k=50) for number, history in enumerate(self.HISTORIES)
        ]
        forwards, backwards = self.RANKER.rank(asked, stage), self.RANKER.rank(asked[::-1], stage)
        for one, other in zip(forwards, backwards[::-1], strict=True):
            assert one.rows_K.tolist() == other.rows_K.tolist()
