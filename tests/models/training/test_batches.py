from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.data.sequences import Sequences
from models.training.batches import epoch_batches
from models.training.config import QUICK


def sequences_of(lengths: list[int]) -> Sequences:
    """User u's events are items 100·u, 100·u + 1, …"""
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    items = [100 * user + place for user, length in enumerate(lengths) for place in range(length)]
    return Sequences(
        user_ids=[str(user) for user in range(len(lengths))],
        offsets_U1=offsets,
        item_rows_E=np.array(items, np.int32),
        event_types_E=np.full(len(items), 3, np.int8),
        timestamps_E=np.arange(len(items), dtype=np.int64) * 3600,
    )


def batches_of(lengths: list[int], *, epoch: int = 0, mask_seen: bool = True, max_events: int = 5):
    config = replace(QUICK, users_per_batch=4, positions_per_batch=12, positions_per_epoch=10**6)
    return list(
        epoch_batches(
            sequences_of(lengths), config, epoch=epoch, max_events=max_events, uses_time=True, mask_seen=mask_seen
        )
    )


class TestEpochBatches:
    @given(st.lists(st.integers(0, 30), min_size=1, max_size=8), st.integers(0, 3))
    def test_every_next_item_is_asked_exactly_once(self, lengths: list[int], epoch: int) -> None:
        asked = np.concatenate([batch.targets_P for batch in batches_of(lengths, epoch=epoch)] or [np.empty(0)])
        expected = [100 * user + place for user, length in enumerate(lengths) for place in range(1, length)]
        assert sorted(asked.tolist()) == expected
        assert len(expected) == sum(max(length - 1, 0) for length in lengths)

    @given(st.lists(st.integers(2, 30), min_size=1, max_size=8))
    def test_the_target_follows_the_newest_event_seen(self, lengths: list[int]) -> None:
        for batch in batches_of(lengths):
            newest_P = batch.history.item_rows_BL[batch.positions_P2[:, 0], batch.positions_P2[:, 1]]
            assert (batch.targets_P == newest_P + 1).all()

    def test_masked_pairs_are_the_history_up_to_the_position(self) -> None:
        (batch,) = batches_of([4])
        pairs = list(zip(batch.masked_positions_M.tolist(), batch.masked_items_M.tolist(), strict=True))
        assert pairs == [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2)]

    def test_nothing_is_masked_where_repeats_are_welcome(self) -> None:
        assert all(len(batch.masked_items_M) == 0 for batch in batches_of([9, 9], mask_seen=False))

    def test_an_epoch_depends_on_seed_and_epoch_alone(self) -> None:
        first, again, other = (batches_of([20, 7, 13], epoch=epoch) for epoch in (1, 1, 2))
        for left, right in zip(first, again, strict=True):
            np.testing.assert_array_equal(left.history.item_rows_BL, right.history.item_rows_BL)
        assert [batch.targets_P.tolist() for batch in first] != [batch.targets_P.tolist() for batch in other]

    def test_large_data_is_sampled(self) -> None:
        config = replace(QUICK, positions_per_epoch=50)
        batches = epoch_batches(
            sequences_of([30] * 20), config, epoch=0, max_events=5, uses_time=False, mask_seen=False
        )
        assert 50 <= sum(len(batch.targets_P) for batch in batches) < 60
