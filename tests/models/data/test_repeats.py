import polars as pl
import pytest
from hypothesis import given

from models.data.repeats import (
    EXCLUDE_SEEN_BELOW_REPEAT_SHARE,
    exclude_seen_by_default,
    repeat_share,
    repeat_share_of_events,
)
from models.data.sequences import Sequences
from models.domain.events import EVENT_TYPES
from tests.models.data.histories import any_sequences, sequences_of


class TestRepeatShare:
    def test_counts_events_whose_item_the_user_had(self):
        sequences = sequences_of({"a": [(1, 1), (1, 2), (2, 3), (1, 4)], "b": [(1, 1)]})
        assert repeat_share(sequences) == pytest.approx(2 / 5)

    def test_is_zero_without_events(self):
        assert repeat_share(sequences_of({})) == 0.0

    @given(any_sequences())
    def test_equals_the_slow_count(self, sequences: Sequences):
        repeats = 0
        for user in range(sequences.num_users):
            items = sequences.items_of(user).tolist()
            repeats += sum(item in items[:place] for place, item in enumerate(items))
        assert repeat_share(sequences) == pytest.approx(repeats / sequences.num_events)


class TestRepeatShareOfEvents:
    @given(any_sequences())
    def test_equals_that_of_the_sequences(self, sequences: Sequences):
        frame = pl.DataFrame(
            {
                "user_id": [sequences.user_ids[user] for user in sequences.users_of_events_E()],
                "item_id": [str(row) for row in sequences.item_rows_E],
                "event_type": [EVENT_TYPES[number] for number in sequences.event_types_E],
            }
        )
        ids = {name: pl.Enum(frame[name].unique()) for name in ("user_id", "item_id")}
        events = frame.cast({**ids, "event_type": pl.Enum(EVENT_TYPES)})
        assert repeat_share_of_events(events) == pytest.approx(repeat_share(sequences))
        looked_at = events.with_columns(pl.lit("impression", pl.Enum(EVENT_TYPES)).alias("event_type"))
        assert repeat_share_of_events(pl.concat([events, looked_at])) == repeat_share_of_events(events)
        assert repeat_share_of_events(looked_at) == 0.0


class TestExcludeSeenByDefault:
    def test_hides_seen_items_only_where_repeats_are_rare(self):
        assert exclude_seen_by_default(0.0)
        assert not exclude_seen_by_default(EXCLUDE_SEEN_BELOW_REPEAT_SHARE)
