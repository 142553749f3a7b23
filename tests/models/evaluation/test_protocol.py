from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

from models.data.sequences import Sequences
from models.data.split import EvaluationCases
from models.evaluation.protocol import Measuring, Score, score_system
from tests.models.data.histories import sequences_of

NUM_ITEMS = 8
NEW_ITEM = 7
EACH_OF_ITS_OWN = sparse.csr_array(np.eye(NUM_ITEMS))


@dataclass(frozen=True)
class FixedLists:
    """Ranks what it is told to, one list a user."""

    lists: dict[str, list[int]]
    name: str = "fixed"

    def rank(
        self, histories: Sequences, k: int, *, exclude_seen: bool
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        rows = np.full((histories.num_users, k), -1, np.int32)
        for user, user_id in enumerate(histories.user_ids):
            rows[user, : len(self.lists[user_id])] = self.lists[user_id]
        scores = np.broadcast_to(np.arange(k, 0, -1, dtype=np.float32), rows.shape)
        return rows, scores


def score(
    lists: dict[str, list[int]],
    targets: dict[str, list[int]],
    history: dict[str, list[int]],
    kinds: NDArray[np.int32] | None = None,
    *,
    content: sparse.csr_array = EACH_OF_ITS_OWN,
    exclude_seen: bool = True,
) -> Score:
    cases = EvaluationCases(
        histories=sequences_of({user: [(item, 0) for item in items] for user, items in history.items()}),
        target_offsets_U1=np.cumsum([0, *map(len, targets.values())]),
        targets_T=np.array([item for items in targets.values() for item in items], np.int32),
    )
    num_events = np.ones(NUM_ITEMS, np.int64)
    num_events[NEW_ITEM] = 0
    kinds = np.where(np.arange(NUM_ITEMS) < NUM_ITEMS // 2, 0, 1).astype(np.int32) if kinds is None else kinds
    return score_system(FixedLists(lists), Measuring(cases, num_events, content, kinds, exclude_seen, seed=0))


class TestScoreSystem:
    def test_means_over_cases_at_each_cut_off(self) -> None:
        found = score({"a": [1, 2], "b": [3, 4, 5, 6, 2, 0]}, {"a": [2], "b": [0]}, {"a": [6], "b": [1]})
        assert found.metrics["hr@5"] == 0.5
        assert found.metrics["hr@10"] == found.metrics["hr@20"] == 1.0
        assert found.metrics["ndcg@5"] == pytest.approx(0.6309297536 / 2)
        assert found.metrics["ndcg@10"] == pytest.approx((0.6309297536 + 1 / np.log2(7)) / 2)
        assert found.metrics["mrr@10"] == pytest.approx((1 / 2 + 1 / 6) / 2)
        assert found.metrics["coverage@10"] == 7 / NUM_ITEMS
        assert found.metrics["ild@10"] == pytest.approx(1)

    def test_a_basket_is_found_as_a_whole(self) -> None:
        found = score({"a": [1, 2]}, {"a": [1, 2]}, {"a": [6]})
        assert found.metrics["ndcg@10"] == pytest.approx(1)
        assert found.metrics["hr@10"] == 1

    def test_lists_are_held_against_the_kinds_of_the_history(self) -> None:
        alike = score({"a": [1, 2]}, {"a": [2]}, {"a": [0, 3]})
        other = score({"a": [6, 7]}, {"a": [2]}, {"a": [0, 3]})
        assert alike.metrics["miscalibration@10"] == pytest.approx(0)
        assert other.metrics["miscalibration@10"] > 1

    def test_without_known_kinds_nothing_is_said_of_them(self) -> None:
        unknown = score({"a": [1, 2]}, {"a": [2]}, {"a": [0]}, kinds=np.full(NUM_ITEMS, -1, np.int32))
        assert "miscalibration@10" not in unknown.metrics

    def test_without_known_content_nothing_is_said_of_diversity(self) -> None:
        unknown = score({"a": [1, 2]}, {"a": [2]}, {"a": [0]}, content=sparse.csr_array((NUM_ITEMS, 1)))
        assert "ild@10" not in unknown.metrics

    def test_diversity_is_that_of_the_lists_that_have_one(self) -> None:
        found = score({"a": [1, 2], "b": [3]}, {"a": [2], "b": [4]}, {"a": [0], "b": [0]})
        assert found.metrics["ild@10"] == pytest.approx(1)

    def test_intervals_hold_the_mean(self) -> None:
        users = [f"u{n}" for n in range(40)]
        lists = {user: [1 if number % 4 else 2] for number, user in enumerate(users)}
        found = score(lists, {user: [2] for user in users}, {user: [6] for user in users})
        low, high = found.intervals["hr@10"]
        assert found.metrics["hr@10"] == 0.25
        assert 0.1 < low < 0.25 < high < 0.45

    def test_keeps_each_case_for_paired_comparison(self) -> None:
        found = score({"a": [1], "b": [3]}, {"a": [1], "b": [4]}, {"a": [6], "b": [6]})
        assert found.per_case["hr@10"].tolist() == [1, 0]


class TestSegments:
    def test_shoppers_without_a_history_stand_apart(self) -> None:
        found = score({"a": [1], "new": [2]}, {"a": [1], "new": [3]}, {"a": [6], "new": []})
        assert found.segments["new_users"] == {"num_users": 1, "hr@10": 0, "ndcg@10": 0}
        assert found.segments["known_users"] == {"num_users": 1, "hr@10": 1, "ndcg@10": 1}

    def test_a_known_item_is_no_merit_among_the_new(self) -> None:
        found = score({"a": [1, 2]}, {"a": [1, NEW_ITEM]}, {"a": [6]})
        assert found.segments["new_items"] == {"num_users": 1, "hr@10": 0, "ndcg@10": 0}
        assert found.segments["known_items"] == {"num_users": 1, "hr@10": 1, "ndcg@10": 1}

    def test_what_the_shopper_had_is_not_new_though_nobody_trained_on_it(self) -> None:
        found = score({"a": [NEW_ITEM, 1]}, {"a": [NEW_ITEM]}, {"a": [NEW_ITEM, 6]}, exclude_seen=False)
        assert found.segments["taken_before"]["num_users"] == 1
        assert "new_items" not in found.segments

    def test_a_segment_that_nobody_is_in_is_not_there(self) -> None:
        assert set(score({"a": [1]}, {"a": [1]}, {"a": [6]}).segments) == {"known_items"}

    def test_where_seen_items_stay_what_is_new_to_the_shopper_stands_apart(self) -> None:
        found = score({"a": [6, 1], "b": [6, 3]}, {"a": [6, 2], "b": [3]}, {"a": [6], "b": [6]}, exclude_seen=False)
        assert found.segments["taken_before"] == {"num_users": 1, "hr@10": 1, "ndcg@10": 1}
        assert found.segments["first_time"]["num_users"] == 2
        assert found.segments["first_time"]["hr@10"] == 0.5
        assert (found.ndcg_of_segments["first_time"] > 0).tolist() == [False, True]
