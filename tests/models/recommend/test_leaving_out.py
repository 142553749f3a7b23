"""What a request leaves out: exact among what is left, and no survivor ever changes its place."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.recommend.candidates import Candidates
from models.recommend.find_more import PREFILTER_SHARE
from models.recommend.mask import Mask
from models.recommend.pool import NUM_MORE
from models.recommend.question import Question
from models.recommend.ranker import Ranker
from tests.models.recommend.scripted_shop import question, scripted_ranker

NUM_ITEMS = 500
RANKER = scripted_ranker(NUM_ITEMS)
STAGES = ["judged", "fused", "generator", "neighbours"]
HISTORIES = st.lists(st.integers(0, NUM_ITEMS - 1), min_size=1, max_size=12)


def mask_of(share: float, seed: int, num_items: int = NUM_ITEMS) -> Mask:
    return Mask.of(np.random.default_rng(seed).random(num_items) < share)


def listed(asked: Question, stage="judged", ranker: Ranker = RANKER, **how) -> list[int]:
    (answer,) = ranker.rank([asked], stage, **how)
    return answer.rows_K.tolist()


def exact_scan(ranker: Ranker, asked: Question) -> list[int]:
    """Every allowed item gets its value, one way: no index, no shortcut."""
    proposal = ranker.propose([asked])
    order = ranker.order(proposal, "judged")
    rows_C, values_C = proposal.candidates.rows_BC[0], order.values_BC[0]
    first = {int(row): value for row, value in zip(rows_C, values_C, strict=True) if np.isfinite(value)}
    everything = np.arange(len(ranker.source.item_features_ND), dtype=np.int32)
    rest = everything[asked.allows(everything) & ~np.isin(everything, list(first))]
    values = {row: value for row, value in first.items() if asked.allows(np.array([row]))[0]}
    if len(rest):
        wishes = proposal.candidates.wishes
        more: Candidates = ranker.source.scored(proposal.history, wishes, rest[None], rest[None], rest[None])
        values |= dict(zip(more.rows_BC[0].tolist(), order.of_more(0, more)[0].tolist(), strict=True))
    ranked = sorted((row for row in values if np.isfinite(values[row])), key=lambda row: (-values[row], row))
    return ranked[: asked.k]


@pytest.fixture(scope="module")
def ranker() -> Ranker:
    return scripted_ranker(12_000)


class TestFilteredRecall:
    """12,000 items, an index, and filters from one in two to one in ten thousand."""

    @pytest.mark.parametrize("share", [0.5, 0.1, 0.01, 0.001, 0.0001])
    @pytest.mark.parametrize("k", [10, 100])
    def test_is_one(self, ranker: Ranker, share: float, k: int) -> None:
        for seed in range(6):
            mask = mask_of(share, seed, 12_000)
            rows = np.random.default_rng(seed).integers(12_000, size=5).tolist()
            asked = question(rows, mask=mask, k=k)
            (answer,) = ranker.rank([asked])
            expected = exact_scan(ranker, asked)
            found = answer.rows_K[: len(expected)].tolist()
            assert found == expected
            assert mask.allowed_N[answer.rows_K].all()
            assert len(answer.rows_K) == min(k, mask.count - mask.allowed_N[np.unique(rows)].sum())
            # where enough of the first block is allowed, nothing more was asked
            first = ranker.shortlist(ranker.propose([question(rows)]))
            needs_more = mask.allowed_N[first.rows_BS[first.present_BS]].sum() < k
            assert answer.strategy == ("exact_prefilter" if needs_more and share <= PREFILTER_SHARE else "ann")

    @pytest.mark.parametrize("stage", STAGES)
    def test_a_frozen_list_of_five_hundred_comes_in_one_call(self, ranker: Ranker, stage) -> None:
        """Pages are cut from it; its first page is the list that would be served alone."""
        for mask in (None, mask_of(0.3, 2, 12_000), mask_of(0.05, 3, 12_000)):
            frozen = listed(question([3, 99, 7_000], mask=mask, k=500), stage, ranker)
            assert len(set(frozen)) == 500
            assert listed(question([3, 99, 7_000], mask=mask, k=10), stage, ranker) == frozen[:10]

    def test_exact_is_the_same_list_without_the_index(self, ranker: Ranker) -> None:
        for share in (1.0, 0.5, 0.01):
            asked = question([5, 77, 4000], mask=mask_of(share, 1, 12_000), k=50)
            (exact,) = ranker.rank([asked], exact=True)
            assert exact.rows_K.tolist() == listed(asked, ranker=ranker)
            assert (exact.strategy, exact.candidates_scanned) == ("exact", 12_000)


class TestTotalOrder:
    @settings(max_examples=60)
    @given(HISTORIES, st.booleans(), st.sampled_from(STAGES), st.floats(0.01, 1.0), st.integers(0, 99), st.data())
    def test_a_filter_never_reorders_survivors(self, rows, keep_seen, stage, share, seed, data) -> None:
        whole = listed(question(rows, keep_seen=keep_seen, k=NUM_ITEMS), stage)
        excluded = tuple(data.draw(st.sets(st.sampled_from(whole), max_size=60)))
        mask = mask_of(share, seed)
        cut = listed(question(rows, keep_seen=keep_seen, mask=mask, excluded=excluded, k=NUM_ITEMS), stage)
        place = {row: number for number, row in enumerate(whole)}
        assert [place[row] for row in cut] == sorted(place[row] for row in cut)
        assert set(cut) == {row for row in whole if mask.allowed_N[row] and row not in excluded}

    @settings(max_examples=40)
    @given(HISTORIES, st.sampled_from(STAGES), st.floats(0.05, 1.0), st.integers(0, 99), st.integers(1, 100))
    def test_a_longer_list_begins_like_a_shorter_one(self, rows, stage, share, seed, k) -> None:
        mask = mask_of(share, seed)
        long = listed(question(rows, mask=mask, k=300), stage)
        assert listed(question(rows, mask=mask, k=k), stage) == long[:k]

    @settings(max_examples=40)
    @given(st.lists(HISTORIES, min_size=2, max_size=5), st.floats(0.01, 1.0), st.integers(1, 60))
    def test_filtered_alone_is_filtered_in_company(self, histories, share, k) -> None:
        asked = [question(rows, mask=mask_of(share, seed), k=k) for seed, rows in enumerate(histories)]
        for together, alone in zip(RANKER.rank(asked), asked, strict=True):
            (by_itself,) = RANKER.rank([alone])
            np.testing.assert_allclose(together.scores_K, by_itself.scores_K, atol=1e-5)
            score_of = dict(zip(by_itself.rows_K.tolist(), by_itself.scores_K.tolist(), strict=True))
            for row, score in zip(together.rows_K.tolist(), together.scores_K.tolist(), strict=True):
                assert score_of.get(row, score) == pytest.approx(score, abs=2e-5)

    def test_everything_below_the_first_block_is_judged(self) -> None:
        """The judge reorders what is below the first block too, and neither mixes with the other."""
        asked = question([1, 2, 3], k=NUM_ITEMS)
        block = set(listed(question([1, 2, 3], k=100)))
        whole = listed(asked)
        assert set(whole[:100]) == block
        fused = listed(asked, "fused")
        below = [row for row in whole if row not in block]
        assert below != [row for row in fused if row not in block]
        assert len(below) == NUM_ITEMS - 3 - 100 <= NUM_MORE

    def test_a_filter_that_leaves_nothing_gives_an_empty_list(self) -> None:
        (answer,) = RANKER.rank([question([1], mask=Mask.of(np.zeros(NUM_ITEMS, np.bool_)))])
        assert (len(answer.rows_K), answer.sources) == (0, {})

    def test_popular_items_are_filtered_too(self) -> None:
        mask = mask_of(0.1, 4)
        (answer,) = RANKER.rank([question([], mask=mask, k=20)])
        assert answer.strategy == "popularity"
        assert mask.allowed_N[answer.rows_K].all()
        assert len(answer.rows_K) == 20
