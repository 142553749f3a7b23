from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from models.baselines.item_facts import ItemFacts
from models.features.histories import HistoryBatch
from models.features.taken import TakenItems
from models.recommend.evidence import PAIR_EVIDENCE, OwnEvents, log_rank, pair_evidence
from tests.models.baselines.tiny_neighbours import neighbours_of
from tests.models.data.histories import sequences_of

CATALOGUE = pl.DataFrame(
    {
        "item_id": list("abcd"),
        "brand": ["x", "y", "x", None],
        "category": ["Tea > Green", "Tea > Black", "Paint", None],
    }
)
FACTS = ItemFacts.fit(CATALOGUE, sequences_of({"u": [(0, 1), (1, 2), (2, 3)], "v": [(2, 1)]}))
NEIGHBOURS = neighbours_of(
    [[1, 2], [2, 3], [-1, -1], [-1, -1]], [[0.64, 0.25], [1.0, 0.5], [0, 0], [0, 0]], age_decay=0.5
)


def history_of(*rows: int, days: list[int] | None = None) -> HistoryBatch:
    rows_BL = np.array([rows], np.int32)
    times_BL = np.full(rows_BL.shape, -1) if days is None else np.array([days]) * 86_400
    return HistoryBatch(rows_BL, np.full(rows_BL.shape, 3, np.int64), np.zeros(rows_BL.shape, np.int64), times_BL)


def evidence_of(history: HistoryBatch, *candidates: int, own: OwnEvents | None = None) -> dict[str, list[float]]:
    rows_BC = np.array([candidates], np.int32)
    _, best_BX = NEIGHBOURS.scores(history.item_rows_BL, history.event_types_BL, 10)
    evidence_BCF = pair_evidence(history, rows_BC, best_BX, NEIGHBOURS, FACTS, own)
    return {name: evidence_BCF[0, :, place].tolist() for place, name in enumerate(PAIR_EVIDENCE)}


class TestPairEvidence:
    def test_neighbours_of_the_last_of_the_recent_and_of_all_events(self) -> None:
        found = evidence_of(history_of(0, 1), 2, 3)
        assert found["forward_last"] == pytest.approx([1.0, 0.5**0.5])
        assert found["forward_recent"] == pytest.approx([1.125**0.5, 0.5**0.5])
        assert found["forward_all"] == pytest.approx([1.25**0.5, 0.5**0.5])
        assert found["forward_strongest"] == pytest.approx([1.0, 0.5**0.5])
        assert found["content_all"] == [0.0, 0.0]

    def test_share_and_rank_are_taken_against_the_best_of_all_items(self) -> None:
        both, one = evidence_of(history_of(0, 1), 2, 3), evidence_of(history_of(0, 1), 3)
        assert both["neighbours_share"] == pytest.approx([1.0, 0.5 / 1.125])
        assert both["neighbours_rank"] == pytest.approx([0.0, np.log(2)])
        assert one["neighbours_share"][0] == both["neighbours_share"][1]
        assert one["neighbours_rank"][0] == both["neighbours_rank"][1]

    def test_sales(self) -> None:
        found = evidence_of(history_of(0, 1), 2, 3)
        assert found["events"] == pytest.approx([np.log(3), 0.0])
        assert found["events_against_history"] == pytest.approx([np.log(3) - np.log(2), -np.log(2)])
        assert found["late_share"] == pytest.approx([3 / 5, 1 / 3])

    def test_brand_and_category(self) -> None:
        found = evidence_of(history_of(0, 1), 0, 2, 3)
        assert found["brand_of_last"] == [0.0, 0.0, 0.0]
        assert found["brand_recent"] == pytest.approx([1 / 3, 1 / 3, 0.0])
        assert found["category_of_last"] == [0.5, 0.0, 0.0]
        assert found["category_recent"] == pytest.approx([(1.0 + 2 * 0.5) / 3, 0.0, 0.0])
        assert found["category_nearest"] == [1.0, 0.0, 0.0]

    def test_length_and_variety_of_the_history(self) -> None:
        found = evidence_of(history_of(0, 1, 0), 0, 1, 2)
        assert found["history_length"] == pytest.approx([np.log(4)] * 3)
        assert found["history_variety"] == pytest.approx([2 / 3] * 3)

    def test_what_was_taken_before_where_it_may_be_listed_again(self) -> None:
        taken = TakenItems.of([(np.array([0, 1, 0], np.int32), np.full(3, -1, np.int64))])
        found = evidence_of(replace(history_of(0, 1, 0), taken=taken), 0, 1, 2)
        assert found["times_in_history"] == pytest.approx([np.log(3), np.log(2), 0.0])
        assert evidence_of(history_of(0, 1, 0), 0, 1, 2)["times_in_history"] == [0.0, 0.0, 0.0]

    def test_padding_changes_nothing(self) -> None:
        plain, padded = evidence_of(history_of(0, 1), 2, 3), evidence_of(history_of(-1, -1, 0, 1), 2, 3)
        for name in PAIR_EVIDENCE:
            assert padded[name] == pytest.approx(plain[name]), name

    def test_own_later_events_count_for_nothing(self) -> None:
        """The shopper's own later purchase of item 2 is taken out of its sales."""
        nothing = NEIGHBOURS.contributions(np.empty((0, 1), np.int32))
        own = OwnEvents(nothing, np.array([[2]], np.int32), np.array([[1.0]], np.float32), np.array([[False]]))
        found = evidence_of(history_of(0, 1), 2, own=own)
        assert found["events"] == pytest.approx([np.log(2)])
        assert found["late_share"] == pytest.approx([2 / 4])


class TestLogRank:
    def test_equals_share_the_better_place(self) -> None:
        ranks = log_rank(np.array([[3.0, 2.0, 2.0, 0.0]], np.float32), np.array([[3.0, 2.0, 2.0]], np.float32))
        assert ranks[0].tolist() == pytest.approx([0.0, np.log(2), np.log(2), np.log(4)])
