import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.domain.item_rows import NO_ITEM
from models.features.histories import encode_histories, gap_buckets


def history_of(rows: list[int]):
    count = len(rows)
    return np.array(rows, np.int32), np.full(count, 3, np.int8), np.arange(count, dtype=np.int64) * 7200


class TestEncodeHistories:
    def test_keeps_newest_events_right_aligned(self) -> None:
        batch = encode_histories([history_of([1, 2, 3, 4]), history_of([9])], max_events=3, uses_time=True)
        np.testing.assert_array_equal(batch.item_rows_BL, [[2, 3, 4], [NO_ITEM, NO_ITEM, 9]])

    def test_older_events_are_known_of_those_who_may_not_be_offered_them_again(self) -> None:
        asked = [history_of([1, 2, 1, 3, 4]), history_of([5, 6, 7]), history_of([9])]
        batch = encode_histories(asked, max_events=2, uses_time=False, looks_back=[False, True, False])
        np.testing.assert_array_equal(np.sort(batch.had_BX[0]), [1, 2, 3, 4])
        assert set(batch.had_BX[1]) == {NO_ITEM, 6, 7}
        assert set(batch.newest([2], 1).had_BX[0]) == {NO_ITEM, 9}
        assert encode_histories([asked[0]], max_events=5, uses_time=False).older_BX is None

    def test_is_one_column_wide_for_empty_histories(self) -> None:
        batch = encode_histories([history_of([])], max_events=3, uses_time=True)
        np.testing.assert_array_equal(batch.item_rows_BL, [[NO_ITEM]])

    def test_hides_times_that_are_only_positions(self) -> None:
        batch = encode_histories([history_of([1, 2, 3])], max_events=3, uses_time=False)
        assert not batch.gaps_BL.any()

    @given(st.lists(st.lists(st.integers(0, 99), max_size=12), min_size=1, max_size=5), st.integers(1, 6))
    def test_a_history_is_the_same_alone_and_in_company(self, histories: list[list[int]], limit: int) -> None:
        together = encode_histories([history_of(each) for each in histories], max_events=limit, uses_time=True)
        for user, each in enumerate(histories):
            alone = encode_histories([history_of(each)], max_events=limit, uses_time=True)
            width = alone.item_rows_BL.shape[1]
            np.testing.assert_array_equal(together.item_rows_BL[user, -width:], alone.item_rows_BL[0])
            np.testing.assert_array_equal(together.gaps_BL[user, -width:], alone.gaps_BL[0])
            assert (together.item_rows_BL[user, :-width] == NO_ITEM).all()

    def test_missing_events_have_zero_features_and_no_mask(self) -> None:
        batch = encode_histories([history_of([1, 0]), history_of([1])], max_events=4, uses_time=True)
        inputs = batch.as_inputs(np.ones((2, 3), np.float32))
        np.testing.assert_array_equal(inputs["history_mask"], [[True, True], [False, True]])
        assert not inputs["history_features"][1, 0].any()


class TestGapBuckets:
    def test_buckets_grow_with_the_gap_and_start_unknown(self) -> None:
        times = np.cumsum([0, 30, 600, 7200, 2 * 86400, 200 * 86400]).astype(np.int64)
        assert gap_buckets(times).tolist() == [0, 1, 2, 3, 4, 9]

    def test_a_missing_time_is_unknown_on_both_sides(self) -> None:
        assert gap_buckets(np.array([0, -1, 60], np.int64)).tolist() == [0, 0, 0]
